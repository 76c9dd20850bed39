//! Signatures of OpenPGP, by `gpg`.
//!
//! In: armored keyrings, a commit. Out: the fingerprint of the key that signed it. What counts are the status lines that gpg
//! writes for programs, all of them: one good and valid signature, and nothing else said of any.

use super::Fault;
use super::commit::Signed;
use super::program::Room;

/// No agent, no network, nobody's options; every key of the keyring is one of the signers'.
const ALWAYS: [&str; 10] = [
    "--batch",
    "--no-tty",
    "--no-options",
    "--no-autostart",
    "--no-auto-check-trustdb",
    "--no-auto-key-retrieve",
    "--disable-dirmngr",
    "--trust-model=always",
    "--status-fd=1",
    "--quiet",
];

/// Whether one of the keys signed it.
pub(super) fn check(keyrings: &[String], signed: &Signed) -> Result<String, Fault> {
    let room = Room::new()?;
    room.write("commit", &signed.payload)?;
    room.write("commit.sig", &signed.signature)?;
    for (number, keyring) in keyrings.iter().enumerate() {
        let name = format!("keyring-{number}.asc");
        room.write(&name, keyring.as_bytes())?;
        let ended = room.run("gpg", &[&ALWAYS[..], &["--import", "--", &name]].concat(), None)?;
        if !ended.said.contains("[GNUPG:] IMPORT_OK ") {
            return Err(Fault::new("cannot be checked: gpg takes no key from the keyring of the signers"));
        }
    }
    let ended = room.run("gpg", &[&ALWAYS[..], &["--verify", "--", "commit.sig", "commit"]].concat(), None)?;
    judge(&ended.said, ended.is_success && ended.is_whole)
}

/// What the status lines say.
fn judge(status: &str, is_success: bool) -> Result<String, Fault> {
    let lines: Vec<Vec<&str>> = status
        .lines()
        .filter_map(|line| line.strip_prefix("[GNUPG:] "))
        .map(|line| line.split(' ').collect())
        .collect();
    let of = |keyword: &str| lines.iter().filter(|line| line[0] == keyword).collect::<Vec<_>>();
    let key = |line: &[&str]| line.get(1).map(|key| (*key).to_owned());
    // The worst first.
    for (keyword, why) in [
        ("BADSIG", "has a signature that does not fit it: it was changed after it was signed"),
        ("REVKEYSIG", "is signed with a key that was revoked"),
        ("EXPKEYSIG", "is signed with a key that has expired"),
        ("EXPSIG", "has a signature that has expired"),
        ("NO_PUBKEY", "is signed with a key that none of the signers has"),
        ("ERRSIG", "has a signature that gpg cannot check"),
    ] {
        if let Some(line) = of(keyword).first() {
            return Err(Fault { key: key(line), why: why.to_owned() });
        }
    }
    match (&of("GOODSIG")[..], &of("VALIDSIG")[..], &of("PLAINTEXT")[..]) {
        // Fingerprint, …, class (of a document), fingerprint of the primary key.
        ([_], [valid], []) if is_success && matches!(valid.get(9), Some(&"00" | &"01")) => Ok(valid[1].to_owned()),
        _ => Err(Fault::new("has no signature that gpg calls good")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 0123456789ABCDEF A <a@example.com>\n[GNUPG:] VALIDSIG F00D \
                        2026-01-01 1767225600 0 4 0 22 8 00 F00D\n[GNUPG:] TRUST_FULLY 0 always\n";

    #[test]
    fn only_one_good_signature_alone_is_good() {
        assert_eq!(judge(GOOD, true).ok().as_deref(), Some("F00D"));
        assert!(judge(GOOD, false).is_err() && judge("", true).is_err());
        assert!(judge(&format!("{GOOD}{GOOD}"), true).is_err());
        assert!(judge(&GOOD.replace(" 00 F00D", " 10 F00D"), true).is_err());
        assert!(judge(&GOOD.replace("VALIDSIG", "VALID"), true).is_err());
        assert!(judge("[GNUPG:] VALIDSIG", true).is_err());
        let lines =
            ["BADSIG F x", "EXPSIG F x", "EXPKEYSIG F x", "REVKEYSIG F x", "ERRSIG F 1 8 00 1 9", "PLAINTEXT 62 0"];
        for line in lines {
            assert!(judge(&format!("{GOOD}[GNUPG:] {line}\n"), true).is_err(), "{line}");
        }
    }

    #[test]
    fn what_others_write_is_no_status() {
        let forged = GOOD.replace("[GNUPG:]", "x [GNUPG:]");
        assert!(judge(&forged, true).is_err());
    }
}
