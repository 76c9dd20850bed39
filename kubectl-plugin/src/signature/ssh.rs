//! Signatures of OpenSSH, by `ssh-keygen -Y`, in the namespace `git`.
//!
//! In: lines of allowed signers, a commit. Out: the fingerprint of the key that signed it. Keys are valid or expired now, not
//! when the commit says that it was made.

use super::Fault;
use super::commit::Signed;
use super::program::Room;

/// Git signs in this namespace: what was signed for something else is no signature of a commit.
const NAMESPACE: [&str; 2] = ["-n", "git"];

/// Whether a line has the form: people, options, kind of key, key.
pub(super) fn is_allowed_signer(line: &str) -> bool {
    let is_kind = |word: &str| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-");
    let words: Vec<&str> = line.split_whitespace().collect();
    words.windows(2).skip(1).any(|pair| is_kind(pair[0]) && pair[1].starts_with("AAAA"))
}

/// Whether one of the keys signed it.
pub(super) fn check(allowed: &str, signed: &Signed) -> Result<String, Fault> {
    let room = Room::new()?;
    room.write("commit", &signed.payload)?;
    room.write("commit.sig", &signed.signature)?;
    room.write("allowed", allowed.as_bytes())?;
    let found = room.run("ssh-keygen", &["-Y", "find-principals", "-f", "allowed", "-s", "commit.sig"], None)?;
    let principal = found.said.lines().next().and_then(|line| line.split(',').next()).map(str::trim);
    let mut complaints = found.complaints.clone();
    if let Some(principal) = principal.filter(|principal| found.is_success && !principal.is_empty()) {
        let verify = ["-Y", "verify", "-f", "allowed", "-I", principal, "-s", "commit.sig"];
        let ended = room.run("ssh-keygen", &[&verify[..], &NAMESPACE].concat(), Some("commit"))?;
        if let Some(key) = key(&ended.said).filter(|_| ended.is_success) {
            return Ok(key);
        }
        complaints.push_str(&ended.complaints);
    }
    Err(fault(&room, &complaints)?)
}

/// What is wrong with a signature that is not good.
fn fault(room: &Room, complaints: &str) -> Result<Fault, Fault> {
    let check = ["-Y", "check-novalidate", "-s", "commit.sig"];
    let ended = room.run("ssh-keygen", &[&check[..], &NAMESPACE].concat(), Some("commit"))?;
    if !ended.is_success {
        return Ok(Fault::new("has a signature that does not fit it: it was changed after it was signed"));
    }
    let why = if complaints.contains("has expired") {
        "is signed with a key that has expired"
    } else if complaints.contains("not yet valid") {
        "is signed with a key that is not valid yet"
    } else {
        "is signed with a key that none of the signers has"
    };
    Ok(Fault { key: key(&ended.said), why: why.to_owned() })
}

/// The fingerprint in `Good "git" signature for … with … key SHA256:…`.
fn key(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.starts_with("Good \"git\" signature "))?;
    line.rsplit(' ').next().filter(|key| key.starts_with("SHA256:")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_named_by_its_fingerprint() {
        let good = "Good \"git\" signature for anna@example.com with ED25519 key SHA256:abc\n";
        assert_eq!(key(good).as_deref(), Some("SHA256:abc"));
        assert_eq!(key("Could not verify signature.\n"), None);
        assert_eq!(key("Good \"file\" signature with ED25519 key SHA256:abc\n"), None);
    }

    #[test]
    fn allowed_signers_are_told_from_other_texts() {
        assert!(is_allowed_signer("anna@example.com ssh-ed25519 AAAAC3"));
        assert!(is_allowed_signer(
            "*@example.com namespaces=\"git\",valid-before=\"20300101\" ecdsa-sha2-nistp256 AAAAE2"
        ));
        for line in ["ssh-ed25519 AAAAC3 anna@example.com", "anna", "-----BEGIN X-----", "a: b"] {
            assert!(!is_allowed_signer(line), "{line}");
        }
    }
}
