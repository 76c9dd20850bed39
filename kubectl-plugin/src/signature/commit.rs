//! A commit and its signature, apart.
//!
//! In: the bytes of a commit object. Out: its signature, and the bytes that were signed: all others. Guarantees: there is one
//! signature, so that nobody looks at another one than we do.

/// What a signature was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    OpenPgp,
    Ssh,
}

/// A commit without its signature, and that.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    pub(super) kind: Kind,
    pub(super) signature: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Takes the signature out of a commit of a repository with oids of this kind.
pub(super) fn apart(commit: &[u8], is_sha256: bool) -> Result<Signed, String> {
    let header = if is_sha256 { &b"gpgsig-sha256"[..] } else { b"gpgsig" };
    let (mut payload, mut signature) = (Vec::with_capacity(commit.len()), None::<Vec<u8>>);
    let mut rest = commit;
    let mut is_inside = false;
    while !rest.is_empty() && rest[0] != b'\n' {
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at(end);
        rest = after;
        if line[0] == b' ' {
            match &mut signature {
                Some(signature) if is_inside => signature.extend_from_slice(&line[1..]),
                _ => payload.extend_from_slice(line),
            }
            continue;
        }
        let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
        is_inside = name == header;
        if !name.starts_with(b"gpgsig") {
            payload.extend_from_slice(line);
        } else if is_inside && signature.is_none() {
            signature = Some(line.get(header.len() + 1..).unwrap_or_default().to_vec());
        } else {
            return Err("has several signatures".to_owned());
        }
    }
    payload.extend_from_slice(rest);
    let signature = signature.ok_or("is not signed")?;
    let kind = kind(&signature).map_err(str::to_owned)?;
    Ok(Signed { kind, signature, payload })
}

fn kind(signature: &[u8]) -> Result<Kind, &'static str> {
    let begins = |kind: &str| signature.starts_with(format!("-----BEGIN {kind}-----\n").as_bytes());
    if begins("PGP SIGNATURE") {
        Ok(Kind::OpenPgp)
    } else if begins("SSH SIGNATURE") {
        Ok(Kind::Ssh)
    } else if begins("SIGNED MESSAGE") {
        Err("is signed with X.509, which is not supported")
    } else {
        Err("has a signature of no known kind")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor A <a@example.com> 0 +0000\n";
    const TAIL: &str = "encoding UTF-8\n\nSubject\n\ngpgsig in the message\n";
    const SIGNATURE: &str = "gpgsig -----BEGIN SSH SIGNATURE-----\n abc\n \n -----END SSH SIGNATURE-----\n";

    fn of(text: &str, is_sha256: bool) -> Result<Signed, String> {
        apart(text.as_bytes(), is_sha256)
    }

    #[test]
    fn the_payload_is_all_but_the_signature() {
        let signed = of(&format!("{HEAD}{SIGNATURE}{TAIL}"), false).expect("signed");
        assert_eq!(String::from_utf8_lossy(&signed.payload), format!("{HEAD}{TAIL}"));
        let signature = "-----BEGIN SSH SIGNATURE-----\nabc\n\n-----END SSH SIGNATURE-----\n";
        assert_eq!((signed.kind, signed.signature), (Kind::Ssh, signature.as_bytes().to_vec()));
    }

    #[test]
    fn only_one_signature_of_the_right_header_counts() {
        let other = SIGNATURE.replace("gpgsig", "gpgsig-sha256");
        assert_eq!(of(&format!("{HEAD}{TAIL}"), false), Err("is not signed".to_owned()));
        assert!(of(&format!("{HEAD}{other}{TAIL}"), true).is_ok());
        for (text, is_sha256) in [
            (format!("{HEAD}{SIGNATURE}{SIGNATURE}{TAIL}"), false),
            (format!("{HEAD}{SIGNATURE}{other}{TAIL}"), false),
            (format!("{HEAD}{other}{TAIL}"), false),
            (format!("{HEAD}{SIGNATURE}{TAIL}"), true),
        ] {
            assert_eq!(of(&text, is_sha256), Err("has several signatures".to_owned()), "{text}");
        }
        let tag = "mergetag object x\n gpgsig y\n";
        let signed = of(&format!("{HEAD}{tag}{SIGNATURE}{TAIL}"), false).expect("signed");
        assert_eq!(String::from_utf8_lossy(&signed.payload), format!("{HEAD}{tag}{TAIL}"));
    }

    #[test]
    fn other_kinds_are_told_and_nothing_panics() {
        for begin in ["SIGNED MESSAGE", "PGP MESSAGE", "nothing"] {
            let text = format!("{HEAD}gpgsig -----BEGIN {begin}-----\n x\n{TAIL}");
            assert!(of(&text, false).is_err(), "{begin}");
        }
        for text in ["", "gpgsig", "gpgsig\n", " x", "\n", "gpgsig \n \n"] {
            assert!(of(text, false).is_err(), "{text:?}");
        }
    }
}
