//! What servers prove with that they are 127.0.0.1 or localhost, what a client has to trust for that, and what it may prove
//! itself with.
//!
//! In: nothing. Out: files in PEM, deleted with their owner. Several servers may share them; each keeps a copy.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::error::Error;
use crate::certificates;

/// The names by which servers of tests may be called.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// A certificate authority, certificates of it for servers and for a client, and their keys.
#[derive(Debug)]
pub struct Certificates {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    client_certificate: PathBuf,
    client_key: PathBuf,
    _directory: TempDir,
}

impl Certificates {
    /// Makes new ones.
    pub fn make() -> Result<Self, Error> {
        let made = tempfile::Builder::new().prefix("kubectl-gitops-certificates-").tempdir();
        let directory = made.map_err(Error::file("create a directory in", &std::env::temp_dir()))?;
        let issued = certificates::issue("servers of tests", "server of tests", &NAMES)?;
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, text).map_err(Error::file("write", &path))?;
            Ok::<_, Error>(path)
        };
        Ok(Self {
            authority: write("authority.pem", &issued.authority)?,
            certificate: write("certificate.pem", &issued.certificate)?,
            key: write("key.pem", &issued.key)?,
            client_certificate: write("client-certificate.pem", &issued.client_certificate)?,
            client_key: write("client-key.pem", &issued.client_key)?,
            _directory: directory,
        })
    }

    /// The authority, which clients have to trust.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The certificate of the servers.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// The certificate that a client may show.
    #[must_use]
    pub fn client_certificate(&self) -> &Path {
        &self.client_certificate
    }

    /// Its key.
    #[must_use]
    pub fn client_key(&self) -> &Path {
        &self.client_key
    }
}
