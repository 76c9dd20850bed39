//! What a controller compiles Applications with: nothing of them is on this machine.
//!
//! In: Applications, as the cluster has them. Out: what their sources are now ([`RepositoryServer::resolve`]), and the
//! Applications opened at exactly that ([`RepositoryServer::open`]). What an input is, is decided in this order: what the
//! caller hands over, the lock files of the repositories that are rendered, what servers say now. Everything blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitops_compiler::app::{AppSpec, Application, Source};
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::lint::Levels;
use gitops_compiler::lock::{Lock, Pin, Request};
use gitops_compiler::render::Capabilities;
use gitops_compiler::store::Store;

use crate::error::CommandError;
use crate::fetch::Access;

use super::fetched::{Fetched, told};
use super::given::Given;
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
    store: Option<Store>,
    held: Mutex<Held>,
}

/// What may be asked, as whom.
struct Held {
    access: Access,
    known_hosts: Option<Arc<tempfile::NamedTempFile>>,
    given: Given,
    /// How often something was given.
    number: u64,
    /// What fetches for a project that has credentials of its own, and, by an empty name, for all others.
    by_project: BTreeMap<String, Arc<Fetched>>,
}

impl RepositoryServer {
    /// By what the flags say.
    pub fn new(remote: &RemoteArgs, programs: &ProgramArgs, store: Option<&Store>) -> Result<Self, CommandError> {
        let programs = Arc::new(Programs::new(programs, store));
        let (access, given) = (remote.access()?, Given::default());
        let held = Mutex::new(Held { access, known_hosts: None, given, number: 0, by_project: BTreeMap::new() });
        Ok(Self { remote: remote.clone(), programs, store: store.cloned(), held })
    }

    /// Takes what is given from now on, beside what the flags say: whatever is under way goes on with what was before. Gives
    /// what is wrong with it.
    pub fn give(&self, given: Given) -> Vec<String> {
        let mut problems = Vec::new();
        let access = self.remote.access().map(|access| access.and_credentials(given.credentials.clone()));
        let known_hosts = given.known_hosts.as_deref().map(written).transpose();
        let mut held = self.held();
        match access {
            Ok(access) => {
                let (access, wrong) = access.certificates_of_hosts(given.certificates.clone());
                held.access = access;
                problems.extend(wrong.into_iter().map(|host| format!("there is no certificate in PEM for {host}")));
            }
            Err(error) => problems.push(error.in_one_line()),
        }
        match known_hosts {
            Ok(file) => held.known_hosts = file.map(Arc::new),
            Err(error) => problems.push(format!("there is no place for keys of SSH servers: {error}")),
        }
        held.given = given;
        held.number += 1;
        held.by_project.clear();
        problems
    }

    /// How often something was given.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.held().number
    }

    /// Whether something else than what was given last would be given for an address.
    #[must_use]
    pub fn is_other_for(&self, given: &Given, request: &Request) -> bool {
        let held = self.held();
        let is_same = held.given.known_hosts == given.known_hosts && held.given.certificates == given.certificates;
        !is_same || !held.given.credentials.agree(&given.credentials, request.address())
    }

    /// On whose behalf a request of an Application of a project is made: of that project's, where a credential of its own is
    /// used; else all make it together, by an empty name.
    #[must_use]
    pub fn behalf(&self, request: &Request, project: &str) -> String {
        let held = self.held();
        if !held.access.has_own(project) {
            return String::new();
        }
        held.access.clone().of_project(project).project_for(request.address()).to_owned()
    }

    fn fetched(&self, project: &str) -> Result<Arc<Fetched>, CommandError> {
        let mut held = self.held();
        let project = if held.access.has_own(project) { project } else { "" };
        if let Some(fetched) = held.by_project.get(project) {
            return Ok(Arc::clone(fetched));
        }
        let (access, hosts) = (held.access.clone().of_project(project), held.known_hosts.clone());
        let fetched = Fetched::with(&self.remote, access, hosts, &BTreeMap::new(), true, self.store.as_ref())?;
        let fetched = Arc::new(fetched);
        held.by_project.insert(project.to_owned(), Arc::clone(&fetched));
        Ok(fetched)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change is whole before the next begins.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// What a request is now, made on behalf of a project.
    pub fn resolve(&self, request: &Request, project: &str) -> Result<Pin, CommandError> {
        if let Some(fault) = request.fault() {
            return Err(CommandError::user(fault));
        }
        self.fetched(project)?.resolve(request, false).map_err(|error| CommandError::user(told(error)))
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
        let fetched = self.fetched(application.project())?;
        let lock = Self::lock(&fetched, &described.app, pinned)?;
        let inputs = Inputs::new(&self.remote, lock, BTreeMap::new(), fetched);
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
        let (app, fetched) = (Described::of(application, Vec::new()).app, self.fetched(application.project())?);
        let lock = Self::locks_of_sources(&fetched, &app, pinned)?;
        Ok(lock.inputs().map(|(request, _)| request.clone()).collect())
    }

    /// What is pinned, and what the repositories of the sources pin beside it.
    fn lock(fetched: &Fetched, app: &AppSpec, pinned: &BTreeMap<Request, Pin>) -> Result<Lock, CommandError> {
        let mut lock = Self::locks_of_sources(fetched, app, pinned)?;
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
    fn locks_of_sources(
        fetched: &Fetched,
        app: &AppSpec,
        pinned: &BTreeMap<Request, Pin>,
    ) -> Result<Lock, CommandError> {
        let mut lock = Lock::default();
        for source in app.sources.iter().rev() {
            let request = request(source);
            let (Request::Git { repository, .. }, Some(Pin::Git { commit })) = (&request, pinned.get(&request)) else {
                continue;
            };
            let written = fetched.lock_of(repository, commit)?;
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

/// A file that has this, and is gone when it is dropped.
fn written(text: &str) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    Ok(file)
}
