//! Whether a commit was signed by one of the people who may.
//!
//! In: files of public keys, of OpenSSH (`allowed_signers`) or OpenPGP (an armored keyring); the bytes of a commit. Out: the
//! key that signed it, or a [`Refusal`]. The programs `gpg` and `ssh-keygen` judge, each with these keys and with nothing of
//! the user's: no keyring, no agent, no configuration, no network, and a minute at most.
//!
//! | file | what |
//! |---|---|
//! | `commit` | a commit and its signature, apart |
//! | `program` | how the programs are run |
//! | `openpgp`, `ssh` | their answers |
//!
//! Guarantees: a commit is signed by exactly one signature over all of its other bytes; what a program does not call good in
//! words that are known is not good. A key that has expired or was revoked signs nothing any more, whenever the commit says
//! that it was made: whoever has an old key could say any time.

mod commit;
mod openpgp;
mod program;
mod ssh;

use commit::Kind;

/// What public keys of OpenPGP begin with.
const KEYRING: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// Whose signatures count.
#[derive(Debug, Clone, Default)]
pub struct Signers {
    /// Armored keyrings.
    keyrings: Vec<String>,
    /// Lines of OpenSSH's form.
    allowed: String,
}

/// Why a commit does not count as signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the commit {commit} {why}{}", key.as_ref().map(|key| format!(" (key {key})")).unwrap_or_default())]
pub struct Refusal {
    /// The whole oid.
    pub commit: String,
    /// The key that signed it, as far as that is known.
    pub key: Option<String>,
    /// What is wrong.
    pub why: String,
}

/// Why a signature is not good, and whose it is.
struct Fault {
    key: Option<String>,
    why: String,
}

impl Fault {
    fn new(why: impl Into<String>) -> Self {
        Self { key: None, why: why.into() }
    }
}

impl Signers {
    /// These keys, and those of another file.
    ///
    /// # Errors
    /// Where the file is of neither kind, or has no key.
    pub fn and(mut self, shown_path: &str, bytes: &[u8]) -> Result<Self, String> {
        let neither = || {
            format!("{shown_path} is neither a file of OpenSSH's allowed signers nor an armored keyring of public keys")
        };
        let text = std::str::from_utf8(bytes).map_err(|_| neither())?;
        if text.contains("PRIVATE KEY") {
            return Err(format!("{shown_path} has a private key in it: give public keys only"));
        }
        if text.contains(KEYRING) {
            self.keyrings.push(text.to_owned());
            return Ok(self);
        }
        let mut lines =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
        if lines.peek().is_none() || !lines.all(ssh::is_allowed_signer) {
            return Err(neither());
        }
        self.allowed.push_str(text);
        self.allowed.push('\n');
        Ok(self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keyrings.is_empty() && self.allowed.is_empty()
    }

    /// The key that signed a commit, given by its whole oid and its bytes, which must have it.
    ///
    /// # Errors
    /// Where it is not signed by one of these keys, or nobody can tell.
    pub fn check(&self, oid: &str, bytes: &[u8]) -> Result<String, Refusal> {
        self.judge(oid, bytes).map_err(|Fault { key, why }| Refusal { commit: oid.to_owned(), key, why })
    }

    fn judge(&self, oid: &str, bytes: &[u8]) -> Result<String, Fault> {
        let signed = commit::apart(bytes, oid.len() == 64).map_err(Fault::new)?;
        match signed.kind {
            Kind::OpenPgp if self.keyrings.is_empty() => Err(Fault::new("is signed with OpenPGP, and no signer is")),
            Kind::Ssh if self.allowed.is_empty() => Err(Fault::new("is signed with OpenSSH, and no signer is")),
            Kind::OpenPgp => openpgp::check(&self.keyrings, &signed),
            Kind::Ssh => ssh::check(&self.allowed, &signed),
        }
    }
}
