//! What is on this machine already, or fetched: the one way from a pin to files.
//!
//! In: requests, pins. Out: what a request is now; the files of what is pinned, whose bytes have the digests of the pin and
//! whose files the id that it has. What was fetched is kept in the store, by its digest, and hashed again when it is taken
//! from there.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::canon::{self, Id, Input};
use gitops_compiler::lock::{Digest, LOCK_FILE, Lock, Oid, Pin, Request};
use gitops_compiler::render::Layout;
use gitops_compiler::store::Store;
use gitops_compiler::tree::{LargeFiles, Repository, Snapshot, Tree};

use crate::error::CommandError;
use crate::fetch::{
    Access, ArtifactFound, ChartRepository, Charts, FetchError, Git, Mirrors, Part, Unpacked, digest, unpack_artifact,
    unpack_chart,
};

use super::large_files::FetchedLargeFiles;
use super::lock_file::read_lock;
use super::remote::RemoteArgs;
use super::submodules::FetchedSubmodules;

/// Servers, and what was taken from them before.
pub(super) struct Fetched {
    charts: Charts,
    git: Arc<Git>,
    submodules: Arc<FetchedSubmodules>,
    /// Whether submodules are a part of trees.
    pub(super) reads_submodules: bool,
    store: Option<Store>,
    /// Where mirrors and contents of Git LFS are where there is no store.
    _instead: Option<tempfile::TempDir>,
    /// What the program reads the keys of SSH servers from, as long as this is there.
    _known_hosts: Option<Arc<tempfile::NamedTempFile>>,
}

/// Why there are no files of a request, and what to do.
#[derive(Debug, Clone)]
pub(super) struct InputError {
    pub(super) message: String,
    /// What of the request is wrong.
    pub(super) part: Part,
}

impl From<String> for InputError {
    fn from(message: String) -> Self {
        Self { message, part: Part::Address }
    }
}

impl From<FetchError> for InputError {
    fn from(error: FetchError) -> Self {
        Self { part: error.part, message: told(error) }
    }
}

impl Fetched {
    /// By what the flags say. Clones stand for repositories, by their normalised addresses.
    pub(super) fn new(
        args: &RemoteArgs,
        clones: &BTreeMap<String, Arc<Repository>>,
        reads_submodules: bool,
        store: Option<&Store>,
    ) -> Result<Self, CommandError> {
        Self::with(args, args.access()?, None, clones, reads_submodules, store)
    }

    /// The same with what was given since: what may be asked, and a file of keys of SSH servers, which counts where no flag
    /// names one.
    pub(super) fn with(
        args: &RemoteArgs,
        access: Access,
        given_hosts: Option<Arc<tempfile::NamedTempFile>>,
        clones: &BTreeMap<String, Arc<Repository>>,
        reads_submodules: bool,
        store: Option<&Store>,
    ) -> Result<Self, CommandError> {
        let temporary = |error| CommandError::user(format!("there is no place for what is fetched: {error}"));
        let (mirrors, contents, instead) = if let Some(store) = store {
            (Mirrors::beside(store), Some(store.clone()), None)
        } else {
            let folder = tempfile::tempdir().map_err(temporary)?;
            // Where that is not possible they are kept in memory.
            let contents = Store::open(&folder.path().join("contents")).ok();
            (Mirrors::in_folder(folder.path().join("mirrors")), contents, Some(folder))
        };
        let given = given_hosts.as_ref().map(|file| file.path().to_owned());
        let git = Git::new(access.clone(), mirrors, args.known_hosts.clone().or(given), args.time());
        let git = Arc::new(git);
        let large_files = FetchedLargeFiles::new(access.clone(), Arc::clone(&git), args.lfs, args.offline, contents);
        let large_files = Arc::new(large_files);
        let submodules =
            FetchedSubmodules { git: Arc::clone(&git), offline: args.offline, clones: clones.clone(), large_files };
        let (charts, submodules) = (Charts::new(access), Arc::new(submodules));
        let store = store.cloned();
        Ok(Self { charts, git, submodules, reads_submodules, store, _instead: instead, _known_hosts: given_hosts })
    }

    /// The lock file of a repository as of a commit.
    pub(super) fn lock_of(&self, repository: &str, commit: &Oid) -> Result<Lock, CommandError> {
        let failed = |error: FetchError| CommandError::user(told(error));
        let mirror = self.git.commit(repository, commit, !self.submodules.offline).map_err(failed)?;
        read_lock(&Repository::open(&mirror)?, Some(commit.as_str()))
    }

    /// A tree of the repository with this address, with its submodules where these are read.
    pub(super) fn with_submodules(&self, tree: Tree, address: Option<String>) -> Tree {
        if !self.reads_submodules {
            return tree.without_submodules();
        }
        tree.with_submodules(address, Arc::clone(&self.submodules) as _)
    }

    /// Who gets large files of a repository with these addresses, if they are wanted.
    pub(super) fn large_files(&self, addresses: &[&str]) -> Option<Arc<dyn LargeFiles>> {
        self.submodules.large_files.of(addresses)
    }

    /// The tree of a repository, with all that belongs to it and is elsewhere.
    pub(super) fn with_all(&self, tree: Tree, repository: &str) -> Tree {
        let large_files = self.large_files(&[repository]);
        self.with_submodules(tree.with_large_files(large_files), Some(repository.to_owned()))
    }

    /// What a request is now. Whether hosts that the index of a chart repository names learn our credentials, `passes` says.
    pub(super) fn resolve(&self, request: &Request, passes: bool) -> Result<Pin, FetchError> {
        match request {
            Request::Git { repository, revision: range, is_range: true, tag_prefix } => {
                Ok(Pin::Git { commit: self.git.newest(repository, range, tag_prefix)? })
            }
            Request::Git { repository, revision, .. } => {
                Ok(Pin::Git { commit: self.git.resolve(repository, revision)? })
            }
            Request::File { address } => {
                let bytes = self.charts.file(address)?;
                let digest = parsed(&digest(&bytes), request)?;
                self.keep(&digest, &bytes);
                Ok(Pin::File { digest })
            }
            Request::Chart { repository, chart, version } => {
                let repository = ChartRepository { address: repository, pass_credentials: passes };
                let found = self.charts.resolve(repository, chart, version)?;
                let digest = parsed(&found.digest, request)?;
                let bytes = match self.kept(&digest) {
                    Some(bytes) => bytes,
                    None => self.charts.fetch(repository, chart, &found)?,
                };
                let files = unpack_chart(&bytes).map_err(|why| FetchError::wrong(request.to_string(), why))?;
                let content = content(&Unpacked { files, ..Unpacked::default() });
                let content = content.map_err(|why| FetchError::wrong(request.to_string(), why))?;
                self.keep(&digest, &bytes);
                Ok(Pin::Chart { version: found.version, digest, content })
            }
            Request::Oci { repository, revision } => {
                let found = self.charts.resolve_artifact(repository, revision)?;
                let [digest, manifest] = [&found.digest, &found.manifest].map(|text| parsed(text, request));
                let (digest, manifest) = (digest?, manifest?);
                let bytes = match self.kept(&digest) {
                    Some(bytes) => bytes,
                    None => self.charts.fetch_artifact(repository, &found)?,
                };
                let content = unpack_artifact(&bytes, &found.media).and_then(|unpacked| content(&unpacked));
                let content = content.map_err(|why| FetchError::wrong(request.to_string(), why))?;
                self.keep(&digest, &bytes);
                Ok(Pin::Oci { tag: found.tag, manifest, digest, media: found.media, content })
            }
        }
    }

    /// The files of what is pinned, compared with its hashes.
    pub(super) fn files(&self, request: &Request, pin: &Pin, passes: bool) -> Result<Tree, InputError> {
        match (request, pin) {
            (Request::Git { repository, .. }, Pin::Git { commit }) => {
                let mirror = self.git.commit(repository, commit, !self.submodules.offline)?;
                let mirror = Repository::open(&mirror).map_err(|error| error.to_string())?;
                let tree = Tree::of_commit(Arc::new(mirror), commit.as_str()).map_err(|error| error.to_string())?;
                Ok(self.with_all(tree, repository))
            }
            (Request::File { address }, Pin::File { digest }) => {
                let bytes = self.bytes(request, digest, || self.charts.file(address))?;
                let files = BTreeMap::from([(request.name().to_owned(), bytes)]);
                Ok(Tree::of_folder(Snapshot::from_memory(files)))
            }
            (Request::Chart { repository, chart, .. }, Pin::Chart { version, digest, content: pinned }) => {
                let repository = ChartRepository { address: repository, pass_credentials: passes };
                let fetch = || self.charts.fetch_locked(repository, chart, version, digest.as_str());
                let files = unpack_chart(&self.bytes(request, digest, fetch)?)?;
                tree_of(request, Unpacked { files, ..Unpacked::default() }, pinned)
            }
            (Request::Oci { repository, .. }, Pin::Oci { tag, manifest, digest, media, content }) => {
                let (tag, media) = (tag.clone(), media.clone());
                let [manifest, layer] = [manifest, digest].map(ToString::to_string);
                let found = ArtifactFound { tag, manifest, digest: layer, media };
                let fetch = || self.charts.fetch_artifact(repository, &found);
                let unpacked = unpack_artifact(&self.bytes(request, digest, fetch)?, &found.media)?;
                tree_of(request, unpacked, content)
            }
            _ => Err(format!("{LOCK_FILE} says of {request} what cannot be said of it").into()),
        }
    }

    /// Bytes with a digest: those of the store, or what is fetched.
    fn bytes(
        &self,
        request: &Request,
        digest: &Digest,
        fetch: impl Fn() -> Result<Vec<u8>, FetchError>,
    ) -> Result<Vec<u8>, InputError> {
        if let Some(bytes) = self.kept(digest) {
            return Ok(bytes);
        }
        if self.submodules.offline {
            return Err(format!("{request} was never fetched to this machine, and nothing is with --offline").into());
        }
        let bytes = fetch()?;
        let found = crate::fetch::digest(&bytes);
        if found != digest.as_str() {
            let message =
                format!("{request} is not what {LOCK_FILE} says: there it is {digest}, and what came is {found}");
            return Err(message.into());
        }
        self.keep(digest, &bytes);
        Ok(bytes)
    }

    fn kept(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = self.store.as_ref()?.input(Id::<Input>::of(digest.as_str().as_bytes()))?;
        (crate::fetch::digest(&bytes) == digest.as_str()).then_some(bytes)
    }

    /// Failing to costs fetching it again.
    fn keep(&self, digest: &Digest, bytes: &[u8]) {
        let id = Id::<Input>::of(digest.as_str().as_bytes());
        let _ = self.store.as_ref().map(|store| store.put_input(id, bytes));
    }
}

fn parsed(text: &str, request: &Request) -> Result<Digest, FetchError> {
    text.parse().map_err(|why: String| FetchError::wrong(request.to_string(), why))
}

/// The tree of what was unpacked, which must be what is pinned.
fn tree_of(request: &Request, unpacked: Unpacked, pinned: &Id<canon::Layout>) -> Result<Tree, InputError> {
    if content(&unpacked)? != *pinned {
        let message = format!("{request}: the files of its archive are not those that {LOCK_FILE} says");
        return Err(message.into());
    }
    Ok(Tree::of_folder(Snapshot::with_links(unpacked.files, unpacked.links)))
}

/// The id of the files of an archive, however they are packed. A link is there with a NUL behind its path, which no path has.
fn content(unpacked: &Unpacked) -> Result<Id<canon::Layout>, String> {
    let mut layout = Layout::default();
    for (path, bytes) in &unpacked.files {
        layout.put(path, bytes.clone());
    }
    for (path, target) in &unpacked.links {
        layout.put(&format!("{path}\0"), target.clone());
    }
    layout.id().map_err(|error| error.to_string())
}

/// A failure with what to do about it.
pub(super) fn told(error: FetchError) -> String {
    match &error.hint {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    }
}
