//! Object storage that speaks as S3 does: versitygw, with the files of a folder behind it.
//!
//! In: [`Certificates`]. Out: an address, buckets, and the one key that is taken. The Go module `testdata/s3` says which version;
//! what [`crate::golang`] guarantees of a build holds for it.

use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;

use super::certificates::Certificates;
use super::error::Error;
use super::keeper::Keeper;
use super::{USER, password};
use crate::golang::{self, Recipe};
use crate::port::Port;

/// Object storage that runs.
#[derive(Debug)]
pub struct ObjectStorage {
    _keeper: Keeper,
    port: Port,
    secret: String,
    buckets: PathBuf,
}

impl ObjectStorage {
    /// Starts it with these buckets, built first where the cache does not have it.
    ///
    /// # Errors
    /// Where Go is missing, the build fails, or it does not start.
    pub fn start(certificates: &Certificates, buckets: &[&str]) -> Result<Self, Error> {
        let (program, port, secret) = (build()?, Port::reserve_for_any().map_err(Error::Port)?, password()?);
        let mut keeper = Keeper::start()?;
        let (certificate, key) = (keeper.copy(certificates.certificate())?, keeper.copy(certificates.key())?);
        // What it knows of objects is beside them, since not every file system keeps such attributes.
        let (root, beside) = (keeper.folder("buckets")?, keeper.folder("beside")?);
        for bucket in buckets {
            keeper.folder(&format!("buckets/{bucket}"))?;
        }
        let address = format!("{}:{}", Ipv4Addr::LOCALHOST, port.number());
        let paths = [&certificate, &key, &beside, &root].map(|path| path.display().to_string());
        let [certificate, key, beside, root] = paths.each_ref().map(String::as_str);
        let settings = ["--port", &address, "--access", USER, "--secret", &secret, "--cert", certificate, "--key", key];
        keeper.run(&program, &[&settings[..], &["posix", "--sidecar", beside, root]].concat())?;
        let number = port.number();
        keeper.wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, number)).ok())?;
        Ok(Self { buckets: PathBuf::from(root), _keeper: keeper, port, secret })
    }

    /// `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://{}:{}", Ipv4Addr::LOCALHOST, self.port.number())
    }

    /// Which key is taken.
    #[must_use]
    pub fn key_id(&self) -> &str {
        USER
    }

    /// The key; another for each.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The objects of a bucket as files, by their keys.
    #[must_use]
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.buckets.join(name)
    }
}

/// The path of the program.
fn build() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "s3",
        parts: &[],
        what: "the object storage for tests",
        cost: "(from source; once; 2 minutes on 2 cores)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| {
        let program = place.join("versitygw").display().to_string();
        go.build(&["-ldflags", "-s -w", "-o", &program, "github.com/versity/versitygw/cmd/versitygw"])
    })?;
    Ok(directory.join("versitygw"))
}
