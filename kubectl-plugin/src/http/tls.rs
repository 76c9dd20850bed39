//! TLS, by a certificate and a key that may change.
//!
//! In: two files. Out: connections over TLS. The files are read again every few seconds, as whoever renews certificates
//! replaces them; what cannot be used is told, and what was there before stays. Nothing older than TLS 1.2.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and those that lead to its authority, as PEM.
    pub certificate: PathBuf,
    /// Its key, as PEM.
    pub key: PathBuf,
}

/// TLS as the files say.
pub struct Tls {
    files: TlsFiles,
    config: RwLock<Arc<ServerConfig>>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// A file has something else.
    #[error("{path} has no {what} as PEM")]
    Pem {
        /// Which.
        path: PathBuf,
        /// What it should have.
        what: &'static str,
    },
    /// The two do not go together.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

/// What is in both files.
type Contents = (Vec<u8>, Zeroizing<Vec<u8>>);

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Where they cannot be used.
    pub fn read(files: TlsFiles) -> Result<Arc<Self>, TlsError> {
        let config = RwLock::new(config(&files, &contents(&files)?)?);
        Ok(Arc::new(Self { files, config }))
    }

    /// Reads the files again whenever they have changed, until the process ends. `told` hears what became of that.
    pub async fn follow(&self, told: impl Fn(Result<(), TlsError>)) {
        let mut seen = contents(&self.files).ok();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = self.files.clone();
            // Disks may be slow.
            let Ok(read) = tokio::task::spawn_blocking(move || contents(&files)).await else { continue };
            if let Some(became) = self.take(read, &mut seen) {
                told(became);
            }
        }
    }

    /// Takes what the files say; gives what became of that, where it is something else than was seen.
    fn take(&self, read: Result<Contents, TlsError>, seen: &mut Option<Contents>) -> Option<Result<(), TlsError>> {
        match read {
            Ok(now) if seen.as_ref() == Some(&now) => None,
            Ok(now) => {
                let config = config(&self.files, &now);
                *seen = Some(now);
                Some(config.map(|config| *self.config.write().unwrap_or_else(PoisonError::into_inner) = config))
            }
            Err(error) => seen.take().map(|_| Err(error)),
        }
    }

    /// Agrees on a connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream).await
    }
}

fn contents(files: &TlsFiles) -> Result<Contents, TlsError> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|why| TlsError::File { path: path.clone(), why });
    Ok((read(&files.certificate)?, Zeroizing::new(read(&files.key)?)))
}

fn config(files: &TlsFiles, (certificate, key): &Contents) -> Result<Arc<ServerConfig>, TlsError> {
    let none = |path: &PathBuf, what| TlsError::Pem { path: path.clone(), what };
    let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(certificate).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| none(&files.certificate, "certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| none(&files.key, "key"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = versions.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(folder: &std::path::Path) -> TlsFiles {
        let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let files = TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
        std::fs::write(&files.certificate, issued.cert.pem()).expect("written");
        std::fs::write(&files.key, issued.signing_key.serialize_pem()).expect("written");
        files
    }

    #[test]
    fn new_files_are_taken_and_bad_ones_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = issue(folder.path());
        let tls = Tls::read(files.clone()).expect("TLS");
        let config = || Arc::clone(&tls.config.read().expect("no panic"));
        let (first, mut seen) = (config(), contents(&files).ok());
        let mut look = || tls.take(contents(&files), &mut seen).map(|became| became.map_err(|error| error.to_string()));
        assert!(look().is_none(), "nothing has changed");
        std::fs::write(&files.certificate, "nothing").expect("written");
        assert!(look().is_some_and(|became| became.is_err_and(|why| why.contains("has no certificate as PEM"))));
        std::fs::remove_file(&files.certificate).expect("removed");
        assert!(look().is_some_and(|became| became.is_err()) && look().is_none(), "it is told once");
        assert!(Arc::ptr_eq(&first, &config()), "what was there before stays");
        issue(folder.path());
        assert_eq!(look(), Some(Ok(())));
        assert!(!Arc::ptr_eq(&first, &config()));
    }

    #[test]
    fn files_that_are_not_there_are_told() {
        let files = TlsFiles { certificate: "/nowhere/tls.crt".into(), key: "/nowhere/tls.key".into() };
        assert!(Tls::read(files).is_err_and(|error| error.to_string().starts_with("/nowhere/tls.crt cannot be read")));
    }
}
