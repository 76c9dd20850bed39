//! Inputs from elsewhere, as the lock has them.
//!
//! In: requests. Out: their files. What the lock pins is taken from this machine, or fetched and compared with its hashes; what
//! it does not pin is an error, or is looked up, as the policy says. Each request is answered once in the life of
//! [`Inputs`], which also says what was asked for and what that was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_compiler::canon::{Id, Input};
use gitops_compiler::lock::{Digest, LOCK_FILE, Lock, Pin, Request};
use gitops_compiler::render::Layout;
use gitops_compiler::store::Store;
use gitops_compiler::tree::{LargeFiles, Repository, Snapshot, Submodules, Tree};

use crate::error::CommandError;
use crate::fetch::{Charts, FetchError, Git, digest, unpack_chart};

use super::large_files::FetchedLargeFiles;
use super::remote::{Policy, RemoteArgs};
use super::repositories::{normalised, target};
use super::submodules::FetchedSubmodules;

/// What is asked for from elsewhere.
pub(super) struct Inputs {
    policy: Policy,
    offline: bool,
    lock: Lock,
    /// Those that are looked up again, though the lock has them.
    renewed: BTreeSet<Request>,
    charts: Charts,
    git: Arc<Git>,
    submodules: Arc<FetchedSubmodules>,
    large_files: Arc<FetchedLargeFiles>,
    store: Option<Store>,
    /// Clones that stand for repositories, by their normalised addresses.
    clones: BTreeMap<String, Arc<Repository>>,
    answers: Mutex<BTreeMap<Request, Result<Answer, String>>>,
    /// Where mirrors are where there is no store.
    _mirrors: Option<tempfile::TempDir>,
}

/// What a request stands for.
#[derive(Clone)]
struct Answer {
    tree: Arc<Tree>,
    /// None of a clone that the user names: it is what it is.
    pin: Option<Pin>,
}

impl Inputs {
    /// Nothing is asked yet.
    pub(super) fn new(
        args: &RemoteArgs,
        lock: Lock,
        clones: BTreeMap<String, Arc<Repository>>,
        store: Option<&Store>,
    ) -> Result<Self, CommandError> {
        let access = args.access()?;
        let temporary = |error| CommandError::user(format!("there is no place for what is fetched: {error}"));
        let (mirrors, kept) = if let Some(store) = store {
            (store.root().with_file_name("mirrors"), None)
        } else {
            let folder = tempfile::tempdir().map_err(temporary)?;
            (folder.path().to_owned(), Some(folder))
        };
        let git = Git::new(access.clone(), mirrors, args.known_hosts.clone(), args.time());
        let git = Arc::new(git);
        let large_files =
            FetchedLargeFiles::new(access.clone(), Arc::clone(&git), args.lfs, args.offline, store.cloned());
        let large_files = Arc::new(large_files);
        let submodules = FetchedSubmodules {
            git: Arc::clone(&git),
            offline: args.offline,
            clones: clones.clone(),
            large_files: Arc::clone(&large_files),
        };
        Ok(Self {
            policy: args.inputs,
            offline: args.offline,
            lock,
            renewed: BTreeSet::new(),
            charts: Charts::new(access),
            git,
            submodules: Arc::new(submodules),
            large_files,
            store: store.cloned(),
            clones,
            answers: Mutex::default(),
            _mirrors: kept,
        })
    }

    /// Looks up what the lock does not have, and these again.
    pub(super) fn looking_up(self, renewed: BTreeSet<Request>) -> Self {
        Self { policy: Policy::Resolve, renewed, ..self }
    }

    /// The lock as it was read.
    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Who gets submodules.
    pub(super) fn submodules(&self) -> Arc<dyn Submodules> {
        Arc::clone(&self.submodules) as _
    }

    /// Who gets large files of a repository with these addresses, if they are wanted.
    pub(super) fn large_files(&self, addresses: &[&str]) -> Option<Arc<dyn LargeFiles>> {
        self.large_files.of(addresses)
    }

    /// The tree of a repository, with all that belongs to it and is elsewhere.
    fn with_all(&self, tree: Tree, repository: &str) -> Tree {
        let large_files = self.large_files(&[repository]);
        tree.with_large_files(large_files).with_submodules(Some(repository.to_owned()), self.submodules())
    }

    /// The files of a request, or why there are none and what to do.
    pub(super) fn tree(&self, request: &Request) -> Result<Arc<Tree>, String> {
        let known = self.answers().get(request).cloned();
        let answer = known.unwrap_or_else(|| {
            let answer = self.answer(request);
            // Where another thread was faster its answer counts for all.
            self.answers().entry(request.clone()).or_insert(answer).clone()
        });
        answer.map(|answer| answer.tree)
    }

    /// The version of a chart that was asked for.
    pub(super) fn version(&self, request: &Request) -> Option<String> {
        match self.answers().get(request)?.as_ref().ok()?.pin.as_ref()? {
            Pin::Chart { version, .. } => Some(version.clone()),
            Pin::Git { .. } | Pin::File { .. } => None,
        }
    }

    /// All that was asked for and is pinned.
    pub(super) fn pins(&self) -> Vec<(Request, Pin)> {
        let answers = self.answers();
        let pinned =
            answers.iter().filter_map(|(request, answer)| Some((request.clone(), answer.as_ref().ok()?.pin.clone()?)));
        pinned.collect()
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<Request, Result<Answer, String>>> {
        // An answer is there or not, whatever happened to the thread that held this.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request) -> Result<Answer, String> {
        if let Some(fault) = request.fault() {
            return Err(fault);
        }
        if let Request::Git { repository, revision, is_range, tag_prefix } = request
            && let Some(clone) = self.clones.get(&normalised(repository))
        {
            let range = is_range.then_some(tag_prefix.as_str());
            let (oid, _) = target(clone, revision, range).map_err(|error| error.message)?;
            let tree = Tree::of_commit(Arc::clone(clone), &oid).map_err(|error| error.to_string())?;
            return Ok(Answer { tree: Arc::new(self.with_all(tree, repository)), pin: None });
        }
        let pinned = self.lock.pin(request).filter(|_| !self.renewed.contains(request));
        let pin = match (pinned, self.policy) {
            (Some(pin), _) => pin.clone(),
            (None, Policy::Resolve) if self.offline => {
                return Err(format!("{request} is not in {LOCK_FILE}, and nothing is looked up with --offline"));
            }
            (None, Policy::Resolve) => self.resolve(request).map_err(told)?,
            (None, Policy::Locked) => {
                return Err(format!(
                    "{request} is not in {LOCK_FILE}: `kubectl gitops lock`, with the same flags, pins it there"
                ));
            }
        };
        let tree = self.files(request, &pin)?;
        Ok(Answer { tree: Arc::new(tree), pin: Some(pin) })
    }

    /// What a request is now.
    pub(super) fn resolve(&self, request: &Request) -> Result<Pin, FetchError> {
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
                let found = self.charts.resolve(repository, chart, version)?;
                let digest = parsed(&found.digest, request)?;
                let bytes = match self.kept(&digest) {
                    Some(bytes) => bytes,
                    None => self.charts.fetch(repository, chart, &found)?,
                };
                let files = unpack_chart(&bytes).map_err(|why| FetchError::wrong(request.to_string(), why))?;
                let content = content(&files).map_err(|why| FetchError::wrong(request.to_string(), why))?;
                self.keep(&digest, &bytes);
                Ok(Pin::Chart { version: found.version, digest, content })
            }
        }
    }

    /// The files of what is pinned.
    fn files(&self, request: &Request, pin: &Pin) -> Result<Tree, String> {
        match (request, pin) {
            (Request::Git { repository, .. }, Pin::Git { commit }) => {
                let mirror = self.git.commit(repository, commit, !self.offline).map_err(told)?;
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
                let fetch = || self.charts.fetch_locked(repository, chart, version, digest.as_str());
                let files = unpack_chart(&self.bytes(request, digest, fetch)?)?;
                if content(&files)? != *pinned {
                    return Err(format!("{request}: the files of its archive are not those that {LOCK_FILE} says"));
                }
                Ok(Tree::of_folder(Snapshot::from_memory(files)))
            }
            _ => Err(format!("{LOCK_FILE} says of {request} what cannot be said of it")),
        }
    }

    /// Bytes with a digest: those of the store, or what is fetched.
    fn bytes(
        &self,
        request: &Request,
        digest: &Digest,
        fetch: impl Fn() -> Result<Vec<u8>, FetchError>,
    ) -> Result<Vec<u8>, String> {
        if let Some(bytes) = self.kept(digest) {
            return Ok(bytes);
        }
        if self.offline {
            return Err(format!("{request} was never fetched to this machine, and nothing is with --offline"));
        }
        let bytes = fetch().map_err(told)?;
        let found = crate::fetch::digest(&bytes);
        if found != digest.as_str() {
            return Err(format!(
                "{request} is not what {LOCK_FILE} says: there it is {digest}, and what came is {found}"
            ));
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

/// The lock file of a repository: of a commit, or as it lies.
pub(super) fn read_lock(repository: &Repository, revision: Option<&str>) -> Result<Lock, CommandError> {
    let Some(bytes) = repository.file_at_root(LOCK_FILE, revision)? else { return Ok(Lock::default()) };
    Lock::read(LOCK_FILE, &bytes)
        .map_err(|findings| CommandError::user(format!("{LOCK_FILE} is not understood")).findings(findings))
}

/// The place of a lock file that can be written.
pub(super) fn lock_path(repository: &Repository) -> Result<PathBuf, CommandError> {
    let root = repository.root().ok_or_else(|| {
        CommandError::user("this repository has no working tree").hint("lock inputs in a clone that has one")
    })?;
    Ok(root.join(LOCK_FILE))
}

fn parsed(text: &str, request: &Request) -> Result<Digest, FetchError> {
    text.parse().map_err(|why: String| FetchError::wrong(request.to_string(), why))
}

/// The id of the files of a chart, however they are packed.
fn content(files: &BTreeMap<String, Vec<u8>>) -> Result<Id<gitops_compiler::canon::Layout>, String> {
    let mut layout = Layout::default();
    for (path, bytes) in files {
        layout.put(path, bytes.clone());
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
