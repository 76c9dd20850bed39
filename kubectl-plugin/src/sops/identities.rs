//! The age identities of this machine, where SOPS looks for them.
//!
//! In: files and a text. Out: the X25519 identities in them, and what was found instead. Guarantees: nothing of an
//! identity is in a message; a file that is not there is no error until an identity is needed.

use std::io::Read as _;
use std::path::Path;

use age::x25519::Identity;
use zeroize::Zeroizing;

use super::{DataKey, KeySources};

/// How large a file of identities may be.
const MOST: u64 = 1 << 20;

/// Identities, and why there are no more.
#[derive(Default)]
pub(super) struct Identities {
    identities: Vec<Identity>,
    /// What is wrong with places that could have had some.
    pub(super) complaints: Vec<String>,
}

impl Identities {
    /// Reads all of them.
    pub(super) fn read(sources: &KeySources) -> Self {
        let mut found = Self::default();
        if !sources.age_keys.is_empty() {
            found.add("$SOPS_AGE_KEY", sources.age_keys.reveal());
        }
        if let Some(path) = &sources.age_key_file {
            found.add_file(path);
        }
        if let Some(path) = sources.default_age_key_file.as_deref().filter(|path| path.exists()) {
            found.add_file(path);
        }
        found
    }

    fn add_file(&mut self, path: &Path) {
        let mut text = Zeroizing::new(String::new());
        let read = std::fs::File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text));
        match read {
            Ok(_) => self.add(&path.display().to_string(), &text),
            Err(error) => self.complaints.push(format!("{}: {error}", path.display())),
        }
    }

    fn add(&mut self, place: &str, text: &str) {
        if text.contains("BEGIN AGE ENCRYPTED FILE") || text.starts_with("age-encryption.org/") {
            self.complaints.push(format!("{place}: is encrypted with a passphrase, which nobody is asked for"));
            return;
        }
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            for word in line.split_whitespace() {
                match word.parse() {
                    Ok(identity) => self.identities.push(identity),
                    Err(_) => self.complaints.push(format!("{place}:{}: is no X25519 identity of age", index + 1)),
                }
            }
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }

    /// The data key, if one of the identities opens it.
    pub(super) fn open(&self, encrypted: &str) -> Option<DataKey> {
        self.identities.iter().find_map(|identity| {
            let opened = Zeroizing::new(age::decrypt(identity, encrypted.as_bytes()).ok()?);
            Some(Zeroizing::new(opened.as_slice().try_into().ok()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Secret;
    use age::secrecy::ExposeSecret as _;

    fn sources(age_keys: &str, age_key_file: Option<&Path>) -> KeySources {
        KeySources {
            age_keys: Secret::new(age_keys),
            age_key_file: age_key_file.map(Path::to_owned),
            ..Default::default()
        }
    }

    #[test]
    fn identities_open_what_is_encrypted_for_them() {
        let [own, other] = [(); 2].map(|()| Identity::generate());
        let text = own.to_string();
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("# created: now\n\n{}\n", text.expose_secret())).expect("written");
        let encrypt =
            |identity: &Identity, key: &[u8]| age::encrypt_and_armor(&identity.to_public(), key).expect("encrypted");
        for sources in [sources("", Some(file.path())), sources(text.expose_secret(), None)] {
            let found = Identities::read(&sources);
            assert!(found.complaints.is_empty(), "{:?}", found.complaints);
            assert_eq!(found.open(&encrypt(&own, &[3; 32])).as_deref(), Some(&[3; 32]));
            assert!(found.open(&encrypt(&other, &[3; 32])).is_none());
            assert!(found.open(&encrypt(&own, &[3; 31])).is_none(), "a key has 32 bytes");
        }
    }

    #[test]
    fn what_is_no_identity_is_told_without_it() {
        let found = Identities::read(&sources("# x\nAGE-SECRET-KEY-1WRONG\n", Some(Path::new("/nonexistent/keys"))));
        assert!(found.is_empty());
        assert_eq!(found.complaints[0], "$SOPS_AGE_KEY:2: is no X25519 identity of age");
        assert!(found.complaints[1].starts_with("/nonexistent/keys: "), "{:?}", found.complaints);
        let found = Identities::read(&sources("-----BEGIN AGE ENCRYPTED FILE-----\n", None));
        assert!(found.complaints[0].contains("passphrase"), "{:?}", found.complaints);
    }
}
