//! Inputs from elsewhere, as the lock has them.
//!
//! In: requests. Out: their files. What the lock pins is taken from this machine, or fetched and compared with its hashes; what
//! it does not pin is an error, or is looked up, as the policy says. Each request is answered once in the life of
//! [`Inputs`], which also says what was asked for and what that was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_compiler::lock::{LOCK_FILE, Lock, Pin, Request};
use gitops_compiler::tree::{LargeFiles, Repository, Tree};

use crate::error::CommandError;
use crate::fetch::{FetchError, Part};

use super::fetched::{Fetched, InputError};
use super::remote::{Policy, RemoteArgs};
use super::repositories::{normalised, target};

/// What is asked for from elsewhere.
pub(super) struct Inputs {
    policy: Policy,
    offline: bool,
    lock: Lock,
    /// Those that are looked up again, though the lock has them.
    renewed: BTreeSet<Request>,
    fetched: Arc<Fetched>,
    /// Clones that stand for repositories, by their normalised addresses.
    clones: BTreeMap<String, Arc<Repository>>,
    /// Chart repositories whose credentials are passed on, whoever asks.
    passing: BTreeSet<String>,
    answers: Mutex<BTreeMap<Request, Answered>>,
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
        fetched: Arc<Fetched>,
    ) -> Self {
        Self {
            policy: args.inputs,
            offline: args.offline,
            lock,
            renewed: BTreeSet::new(),
            fetched,
            clones,
            passing: args.pass_credentials.iter().map(|address| normalised(address)).collect(),
            answers: Mutex::default(),
        }
    }

    /// Looks up what the lock does not have, and these again.
    pub(super) fn looking_up(self, renewed: BTreeSet<Request>) -> Self {
        Self { policy: Policy::Resolve, renewed, ..self }
    }

    /// The lock as it was read.
    pub(super) fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Whether submodules are a part of trees.
    pub(super) fn reads_submodules(&self) -> bool {
        self.fetched.reads_submodules
    }

    /// A tree with its submodules, where these are read.
    pub(super) fn with_submodules(&self, tree: Tree, address: Option<String>) -> Tree {
        self.fetched.with_submodules(tree, address)
    }

    /// Who gets large files of a repository with these addresses, if they are wanted.
    pub(super) fn large_files(&self, addresses: &[&str]) -> Option<Arc<dyn LargeFiles>> {
        self.fetched.large_files(addresses)
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

    /// What parameters are told of a chart or an artifact that was asked for: its version, the digest of its manifest.
    pub(super) fn revision(&self, request: &Request) -> Option<String> {
        match self.answers().get(request)?.answer.as_ref().ok()?.pin.as_ref()? {
            Pin::Chart { version, .. } => Some(version.clone()),
            Pin::Oci { manifest, .. } => Some(manifest.to_string()),
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

    /// All that was asked for: as it is pinned, or as the commit of the clone that stands for it.
    pub(super) fn resolved(&self) -> Vec<(Request, Pin)> {
        let answers = self.answers();
        let resolved = answers.iter().filter_map(|(request, answered)| {
            let answer = answered.answer.as_ref().ok()?;
            let of_clone = || Some(Pin::Git { commit: answer.tree.commit_object().ok()??.0.parse().ok()? });
            Some((request.clone(), answer.pin.clone().or_else(of_clone)?))
        });
        resolved.collect()
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
            return Ok(Answer { tree: Arc::new(self.fetched.with_all(tree, repository)), pin: None });
        }
        let pinned = self.lock.pin(request).filter(|_| !self.renewed.contains(request));
        let pin = match (pinned, self.policy) {
            (Some(pin), _) => pin.clone(),
            (None, Policy::Resolve) if self.offline => {
                let message = format!("{request} is not in {LOCK_FILE}, and nothing is looked up with --offline");
                return Err(message.into());
            }
            (None, Policy::Resolve) => self.fetched.resolve(request, passes)?,
            (None, Policy::Locked) => {
                let message = format!(
                    "{request} is not in {LOCK_FILE}: `kubectl gitops lock`, with the same flags, pins it there"
                );
                return Err(message.into());
            }
        };
        let tree = self.fetched.files(request, &pin, passes)?;
        Ok(Answer { tree: Arc::new(tree), pin: Some(pin) })
    }

    /// What a request is now.
    pub(super) fn resolve(&self, request: &Request) -> Result<Pin, FetchError> {
        self.fetched.resolve(request, self.passing.contains(&normalised(request.address())))
    }
}
