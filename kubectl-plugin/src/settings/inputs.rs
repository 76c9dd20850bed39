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
use gitops_compiler::tree::{Repository, Snapshot, Submodules, Tree};

use crate::error::CommandError;
use crate::fetch::{ChartRepository, Charts, FetchError, Git, Part, digest, unpack_chart};

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
    store: Option<Store>,
    /// Clones that stand for repositories, by their normalised addresses.
    clones: BTreeMap<String, Arc<Repository>>,
    /// Chart repositories whose credentials are passed on, whoever asks.
    passing: BTreeSet<String>,
    answers: Mutex<BTreeMap<Request, Answered>>,
    /// Where mirrors are where there is no store.
    _mirrors: Option<tempfile::TempDir>,
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

/// What came of a request.
#[derive(Clone)]
struct Answered {
    answer: Result<Answer, InputError>,
    /// Whether credentials were passed on for it.
    has_passed: bool,
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
        let submodules = FetchedSubmodules { git: Arc::clone(&git), offline: args.offline, clones: clones.clone() };
        Ok(Self {
            policy: args.inputs,
            offline: args.offline,
            lock,
            renewed: BTreeSet::new(),
            charts: Charts::new(access),
            git,
            submodules: Arc::new(submodules),
            store: store.cloned(),
            clones,
            passing: args.pass_credentials.iter().map(|address| normalised(address)).collect(),
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

    /// The files of a request, or why there are none and what to do.
    pub(super) fn tree(&self, request: &Request) -> Result<Arc<Tree>, InputError> {
        self.tree_passing(request, false)
    }

    /// The same, with what is wanted of credentials for a chart repository: whether the hosts that its index names learn them.
    pub(super) fn tree_passing(&self, request: &Request, pass_credentials: bool) -> Result<Arc<Tree>, InputError> {
        let passes = pass_credentials || self.passing.contains(&normalised(request.address()));
        let known = self.answers().get(request).cloned();
        // What somebody could not get may be had by who may say more.
        let known = known.filter(|known| known.answer.is_ok() || known.has_passed || !passes);
        let answered = known.unwrap_or_else(|| {
            let answered = Answered { answer: self.answer(request, passes), has_passed: passes };
            let mut answers = self.answers();
            let first = answers.entry(request.clone()).or_insert_with(|| answered.clone());
            // Where another thread was faster its answer counts for all.
            if first.answer.is_err() {
                *first = answered;
            }
            first.clone()
        });
        answered.answer.map(|answer| answer.tree)
    }

    /// The version of a chart that was asked for.
    pub(super) fn version(&self, request: &Request) -> Option<String> {
        match self.answers().get(request)?.answer.as_ref().ok()?.pin.as_ref()? {
            Pin::Chart { version, .. } => Some(version.clone()),
            Pin::Git { .. } | Pin::File { .. } => None,
        }
    }

    /// All that was asked for and is pinned.
    pub(super) fn pins(&self) -> Vec<(Request, Pin)> {
        let answers = self.answers();
        let pinned = answers
            .iter()
            .filter_map(|(request, answered)| Some((request.clone(), answered.answer.as_ref().ok()?.pin.clone()?)));
        pinned.collect()
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<Request, Answered>> {
        // An answer is there or not, whatever happened to the thread that held this.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request, passes: bool) -> Result<Answer, InputError> {
        if let Some(fault) = request.fault() {
            return Err(fault.into());
        }
        if let Request::Git { repository, revision, is_range, tag_prefix } = request
            && let Some(clone) = self.clones.get(&normalised(repository))
        {
            let range = is_range.then_some(tag_prefix.as_str());
            let no_revision = |error: CommandError| InputError { message: error.message, part: Part::Version };
            let (oid, _) = target(clone, revision, range).map_err(no_revision)?;
            let tree = Tree::of_commit(Arc::clone(clone), &oid).map_err(|error| error.to_string())?;
            let tree = tree.with_submodules(Some(repository.clone()), self.submodules());
            return Ok(Answer { tree: Arc::new(tree), pin: None });
        }
        let pinned = self.lock.pin(request).filter(|_| !self.renewed.contains(request));
        let pin = match (pinned, self.policy) {
            (Some(pin), _) => pin.clone(),
            (None, Policy::Resolve) if self.offline => {
                let message = format!("{request} is not in {LOCK_FILE}, and nothing is looked up with --offline");
                return Err(message.into());
            }
            (None, Policy::Resolve) => self.resolve_passing(request, passes)?,
            (None, Policy::Locked) => {
                let message = format!(
                    "{request} is not in {LOCK_FILE}: `kubectl gitops lock`, with the same flags, pins it there"
                );
                return Err(message.into());
            }
        };
        let tree = self.files(request, &pin, passes)?;
        Ok(Answer { tree: Arc::new(tree), pin: Some(pin) })
    }

    /// What a request is now.
    pub(super) fn resolve(&self, request: &Request) -> Result<Pin, FetchError> {
        self.resolve_passing(request, self.passing.contains(&normalised(request.address())))
    }

    fn resolve_passing(&self, request: &Request, passes: bool) -> Result<Pin, FetchError> {
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
                let content = content(&files).map_err(|why| FetchError::wrong(request.to_string(), why))?;
                self.keep(&digest, &bytes);
                Ok(Pin::Chart { version: found.version, digest, content })
            }
        }
    }

    /// The files of what is pinned.
    fn files(&self, request: &Request, pin: &Pin, passes: bool) -> Result<Tree, InputError> {
        match (request, pin) {
            (Request::Git { repository, .. }, Pin::Git { commit }) => {
                let mirror = self.git.commit(repository, commit, !self.offline)?;
                let mirror = Repository::open(&mirror).map_err(|error| error.to_string())?;
                let tree = Tree::of_commit(Arc::new(mirror), commit.as_str()).map_err(|error| error.to_string())?;
                Ok(tree.with_submodules(Some(repository.clone()), self.submodules()))
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
                if content(&files)? != *pinned {
                    let message = format!("{request}: the files of its archive are not those that {LOCK_FILE} says");
                    return Err(message.into());
                }
                Ok(Tree::of_folder(Snapshot::from_memory(files)))
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
        if self.offline {
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
