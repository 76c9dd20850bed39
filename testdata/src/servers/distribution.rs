//! The registry of the CNCF, Debian's `docker-registry`, with TLS and a file of passwords: what many run, of a version that
//! knows nothing of referrers.
//!
//! In: [`Certificates`]. Out: an address, and a password that clients have to prove. What it holds is gone with it.

use std::path::{Path, PathBuf};

use super::USER;
use super::certificates::Certificates;
use super::error::Error;
use super::keeper::Keeper;
use super::programs::distribution;
use crate::port::Port;

/// The password of the only user: one that is known, as the registry wants it as bcrypt has it.
const PASSWORD: &str = "secret-of-the-registry";
/// The same, as the registry reads it.
const HASHED: &str = "$2y$05$abcdefghijklmnopqrstuuIwTm9henchirBqUfvuoNrWExGiIP5SK";

/// A registry that runs.
#[derive(Debug)]
pub struct Distribution {
    _keeper: Keeper,
    port: Port,
    authority: PathBuf,
}

impl Distribution {
    /// Starts one.
    ///
    /// # Errors
    /// Where the program is missing, or does not start.
    pub fn start(certificates: &Certificates) -> Result<Self, Error> {
        let (program, port) = (distribution()?, Port::reserve_for_any().map_err(Error::Port)?);
        let mut keeper = Keeper::start()?;
        let authority = keeper.copy(certificates.authority())?;
        let certificate = keeper.copy(certificates.certificate())?;
        let key = keeper.copy(certificates.key())?;
        let passwords = keeper.write("htpasswd", &format!("{USER}:{HASHED}\n"))?;
        let folder = keeper.folder("registry")?;
        let text = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp:\n  addr: 127.0.0.1:{}\n  tls: \
             {{certificate: {}, key: {}}}\nauth: {{htpasswd: {{realm: registry, path: {}}}}}\n",
            folder.display(),
            port.number(),
            certificate.display(),
            key.display(),
            passwords.display()
        );
        let configuration = keeper.write("registry.yml", &text)?.display().to_string();
        keeper.run(&program, &["serve", &configuration])?;
        let address = ("127.0.0.1", port.number());
        keeper.wait_for(|| std::net::TcpStream::connect(address).ok().map(drop))?;
        Ok(Self { _keeper: keeper, port, authority })
    }

    /// `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.port.number())
    }

    /// The certificate authority that clients have to trust, in PEM.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.authority
    }

    /// The name of the only user.
    #[must_use]
    pub fn user(&self) -> &str {
        USER
    }

    /// The password of that user.
    #[must_use]
    pub fn password(&self) -> &str {
        PASSWORD
    }
}
