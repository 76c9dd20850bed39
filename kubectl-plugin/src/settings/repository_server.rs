//! What a controller compiles Applications with: nothing of them is on this machine.
//!
//! In: Applications, as the cluster has them. Out: what their sources are now ([`RepositoryServer::resolve`]), and the
//! Applications opened at exactly that ([`RepositoryServer::open`]). What an input is, is decided in this order: what the
//! caller hands over, the lock files of the repositories that are rendered, what servers say now. Everything blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_compiler::app::{AppSpec, Application, Source};
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::lint::Levels;
use gitops_compiler::lock::{Lock, Pin, Request};
use gitops_compiler::render::Capabilities;
use gitops_compiler::store::Store;

use crate::error::CommandError;

use super::fetched::{Fetched, told};
use super::inputs::Inputs;
use super::machine::Machine;
use super::open::{Described, Opened};
use super::programs::{ProgramArgs, Programs};
use super::remote::RemoteArgs;
use super::repositories::{Repositories, request};
use super::sources::{OpenedSources, open_sources, packed};

/// Servers of repositories, and the programs that render.
pub struct RepositoryServer {
    remote: RemoteArgs,
    programs: Arc<Programs>,
    fetched: Arc<Fetched>,
    store: Option<Store>,
}

impl RepositoryServer {
    /// By what the flags say.
    pub fn new(remote: &RemoteArgs, programs: &ProgramArgs, store: Option<&Store>) -> Result<Self, CommandError> {
        let fetched = Arc::new(Fetched::new(remote, &BTreeMap::new(), true, store)?);
        let programs = Arc::new(Programs::new(programs, store));
        Ok(Self { remote: remote.clone(), programs, fetched, store: store.cloned() })
    }

    /// Where graphs are kept.
    #[must_use]
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// What is asked for to have a source.
    #[must_use]
    pub fn request_of(source: &Source) -> Request {
        packed(source).unwrap_or_else(|| request(source))
    }

    /// What a request is now.
    pub fn resolve(&self, request: &Request) -> Result<Pin, CommandError> {
        if let Some(fault) = request.fault() {
            return Err(CommandError::user(fault));
        }
        self.fetched.resolve(request, false).map_err(|error| CommandError::user(told(error)))
    }

    /// An Application whose inputs are those that are pinned; what nobody has pinned is looked up.
    pub fn open(
        &self,
        application: &Application,
        lints: Vec<Diagnostic>,
        pinned: &BTreeMap<Request, Pin>,
        capabilities: Capabilities,
    ) -> Result<Opened, CommandError> {
        let mut described = Described::of(application, lints);
        let lock = self.lock(&described.app, pinned)?;
        let inputs = Inputs::new(&self.remote, lock, BTreeMap::new(), Arc::clone(&self.fetched));
        let inputs = Arc::new(inputs.looking_up(BTreeSet::new()));
        let mut repositories = Repositories::new(None, None, BTreeMap::new(), self.store.as_ref(), None);
        let OpenedSources { sources, lent } =
            open_sources(&described.app, None, &mut repositories, &inputs, &mut described.lints)?;
        let machine = Machine::new(Arc::clone(&self.programs), inputs, capabilities);
        Ok(described.opened(sources, lent, Levels::default(), machine))
    }

    /// The requests that the repositories of the sources pin, at what the sources are: whatever their servers say meanwhile.
    pub fn locked(
        &self,
        application: &Application,
        pinned: &BTreeMap<Request, Pin>,
    ) -> Result<BTreeSet<Request>, CommandError> {
        let lock = self.written(&Described::of(application, Vec::new()).app, pinned)?;
        Ok(lock.inputs().map(|(request, _)| request.clone()).collect())
    }

    /// What is pinned, and what the repositories of the sources pin beside it.
    fn lock(&self, app: &AppSpec, pinned: &BTreeMap<Request, Pin>) -> Result<Lock, CommandError> {
        let mut lock = self.written(app, pinned)?;
        for (request, pin) in pinned {
            // What is written down counts more than what was found out, but for the sources themselves.
            let is_source = app.sources.iter().any(|source| Self::request_of(source) == *request);
            if is_source || lock.pin(request).is_none() {
                lock.insert(request.clone(), pin.clone());
            }
        }
        Ok(lock)
    }

    /// What the repositories of the sources pin.
    fn written(&self, app: &AppSpec, pinned: &BTreeMap<Request, Pin>) -> Result<Lock, CommandError> {
        let mut lock = Lock::default();
        for source in app.sources.iter().rev() {
            let request = request(source);
            let (Request::Git { repository, .. }, Some(Pin::Git { commit })) = (&request, pinned.get(&request)) else {
                continue;
            };
            let written = self.fetched.lock_of(repository, commit)?;
            for (request, pin) in written.inputs() {
                lock.insert(request.clone(), pin.clone());
            }
            for (program, version) in written.programs() {
                lock.insert_program(program, version);
            }
        }
        Ok(lock)
    }
}
