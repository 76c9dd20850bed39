//! An OCI registry with TLS, in memory: go-containerregistry's, built from `testdata/registry`.
//!
//! In: [`Certificates`], what clients have to prove, charts and other artifacts. Out: an address. It has blobs, manifests, tags and
//! referrers, and takes what clients push; nothing is kept on disk.

use std::fs;
use std::path::{Path, PathBuf};

use super::certificates::Certificates;
use super::error::Error;
use super::keeper::Keeper;
use super::requests::{LOG, ask, logged};
use super::{USER, password};
use crate::golang::{self, Recipe};

/// Where the registry takes charts of whoever started it.
const CONTROL: &str = "control.sock";

/// What clients have to prove themselves with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Open,
    /// The password, in each request.
    Basic,
    /// A token for the repository, which `/token` gives for the password; the answer 401 says so.
    Token,
}

/// What a registry does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryLie {
    /// Each blob that is read has one bit that is another.
    ChangedBlob,
    /// Each manifest that is read has one byte more, which changes nothing of what it says.
    ChangedManifest,
    /// Each blob that is read lacks its end.
    ShortBlob,
    /// No blob ends.
    EndlessBlob,
    /// Whatever is put is said to be something else.
    OtherDigest,
    /// The connection breaks when a manifest is put under a tag.
    BrokenTag,
    /// Nothing is answered.
    Hang,
    /// Uploads go to a service of the cloud.
    InwardUpload,
    /// Each request is refused once.
    Busy,
}

impl RegistryLie {
    fn name(self) -> &'static str {
        match self {
            Self::ChangedBlob => "changed-blob",
            Self::ChangedManifest => "changed-manifest",
            Self::ShortBlob => "short-blob",
            Self::EndlessBlob => "endless-blob",
            Self::OtherDigest => "other-digest",
            Self::BrokenTag => "broken-tag",
            Self::Hang => "hang",
            Self::InwardUpload => "inward-upload",
            Self::Busy => "busy",
        }
    }
}

/// How a registry is.
#[derive(Clone, Copy, Debug)]
pub struct RegistryOptions {
    /// What clients have to prove themselves with.
    pub access: Access,
    /// Whether it has the referrers API.
    pub referrers: bool,
    /// What it does wrong, if anything.
    pub lie: Option<RegistryLie>,
}

/// A registry that runs.
#[derive(Debug)]
pub struct Registry {
    keeper: Keeper,
    address: String,
    password: String,
    identity_token: String,
    authority: PathBuf,
}

impl Registry {
    /// Starts one, built first where the cache does not have it.
    ///
    /// # Errors
    /// Where Go is missing, the build fails, or it does not start.
    pub fn start(certificates: &Certificates, access: Access) -> Result<Self, Error> {
        Self::start_with(certificates, RegistryOptions { access, referrers: true, lie: None })
    }

    /// Starts one that is like this.
    ///
    /// # Errors
    /// As of [`Registry::start`].
    pub fn start_with(certificates: &Certificates, options: RegistryOptions) -> Result<Self, Error> {
        let program = build()?;
        let (password, identity_token) = (password()?, password()?);
        let mut keeper = Keeper::start()?;
        let authority = keeper.copy(certificates.authority())?;
        keeper.copy(certificates.certificate())?;
        keeper.copy(certificates.key())?;
        let access = match options.access {
            Access::Open => "open",
            Access::Basic => "basic",
            Access::Token => "token",
        };
        let settings = [
            ("certificate", "certificate.pem"),
            ("key", "key.pem"),
            ("control", CONTROL),
            ("requests", LOG),
            ("access", access),
            ("referrers", if options.referrers { "true" } else { "false" }),
            ("lie", options.lie.map_or("", RegistryLie::name)),
            ("user", USER),
            ("password", &password),
            ("identity-token", &identity_token),
        ];
        let arguments = settings.map(|(name, value)| format!("--{name}={value}"));
        keeper.run(&program, &arguments.each_ref().map(String::as_str))?;
        let log = keeper.path().join("registry.log");
        let address = keeper.wait_for(|| first_line(&log))?;
        Ok(Self { keeper, address, password, identity_token, authority })
    }

    /// `https://127.0.0.1:PORT`. It is also called `localhost`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
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

    /// The password of that user; another for each registry.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// What a registry with tokens also gives them for; another for each registry.
    #[must_use]
    pub fn identity_token(&self) -> &str {
        &self.identity_token
    }

    /// Puts a chart at `REPOSITORY/NAME` as `helm push` does; the tag is the version with `_` for `+`. Returns the
    /// digest of the manifest, `sha256:…`.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn push_chart(&self, repository: &str, name: &str, version: &str, archive: &[u8]) -> Result<String, Error> {
        let head = format!("PUT / HTTP/1.0\r\nRepository: {repository}\r\nName: {name}\r\nVersion: {version}");
        self.push(&head, format!("{name} {version}"), archive)
    }

    /// Puts an artifact of one layer with this media type at `NAME:TAG`, as `oras push` does. Returns the digest of the
    /// manifest.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn push_artifact(&self, name: &str, tag: &str, media_type: &str, layer: &[u8]) -> Result<String, Error> {
        let head = format!("PUT / HTTP/1.0\r\nName: {name}\r\nVersion: {tag}\r\nLayer: {media_type}");
        self.push(&head, format!("{name} {tag}"), layer)
    }

    fn push(&self, head: &str, what: String, bytes: &[u8]) -> Result<String, Error> {
        let refused = |answer| Error::Refused { what: what.clone(), answer };
        match ask(&self.keeper.path().join(CONTROL), head, bytes) {
            Ok((200, digest)) => Ok(digest),
            Ok((_, answer)) => Err(refused(answer)),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    /// What clients asked so far, a line each, as [`WebServer::requests`](super::WebServer::requests) has them. A line is
    /// there before its answer begins.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        logged(self.keeper.path())
    }
}

/// The path of the program.
fn build() -> Result<PathBuf, Error> {
    let recipe = Recipe {
        module: "registry",
        parts: &[],
        what: "the OCI registry for tests",
        cost: "(from source; once; half a minute on 2 cores)",
        otherwise: "",
    };
    let directory = golang::built(&recipe, |go, place| {
        let program = place.join("registry").display().to_string();
        go.build(&["-ldflags", "-s -w", "-o", &program, "."])
    })?;
    Ok(directory.join("registry"))
}

/// The first line of a file, once it is whole.
fn first_line(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.split_once('\n')?.0.to_owned())
}
