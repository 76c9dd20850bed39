//! From an Application and pins to a graph.
//!
//! In: the object, what its inputs are, what the cluster is. Out: [`Compiled`], or why there is none. It blocks, so it runs
//! in a thread of its own; of many applications at once only as many are compiled as there are processors.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::Arc;

use gitops_compiler::app::{self, Application, Places};
use gitops_compiler::canon::Value;
use gitops_compiler::compile::Provenance;
use gitops_compiler::diagnostic::{Diagnostic, Level, Origin};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::lock::{Pin, Request};
use gitops_compiler::render::Capabilities;
use serde_json::Value as Json;
use tokio::sync::Semaphore;

use crate::error::CommandError;
use crate::health::{Rules, Workers};
use crate::output::Printer;
use crate::record::head::Commit;
use crate::settings::RepositoryServer;
use crate::worker::own_sandbox;

/// So many processes at most evaluate the health checks of all Applications together.
const HEALTH_WORKERS: usize = 8;

/// What an Application compiles to.
#[derive(Clone)]
pub struct Compiled {
    /// The graph.
    pub graph: Arc<ResourceGraph>,
    /// Where its resources and edges come from.
    pub provenance: Arc<Provenance>,
    /// By which rules its objects are ready: those of the controller, and those that its sources have.
    pub rules: Rules,
    /// The commit of the first source, where it has one.
    pub commit: Option<Commit>,
    /// All that it is made of.
    pub inputs: Vec<(Request, Pin)>,
    /// What of that is neither a source nor in a lock file: it was looked up, and is that until its server says otherwise.
    pub implied: BTreeMap<Request, Pin>,
    /// Argo CD's words for what renders its sources.
    pub source_types: Vec<String>,
    /// What there is to say.
    pub lints: Vec<Diagnostic>,
}

/// Compiles for all applications.
pub struct Compiler {
    /// Where repositories are asked, and as whom.
    pub server: Arc<RepositoryServer>,
    rules: Rules,
    workers: Arc<Workers>,
    permits: Semaphore,
}

impl Compiler {
    /// With these servers and programs; applications add their own rules to these.
    #[must_use]
    pub fn new(server: Arc<RepositoryServer>, rules: Rules) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers = Arc::new(Workers::new(HEALTH_WORKERS, &own_sandbox()));
        Self { server, rules, workers, permits: Semaphore::new(processors) }
    }

    /// Compiles.
    ///
    /// # Errors
    /// As the command line tells them.
    pub async fn compile(
        &self,
        application: Application,
        lints: Vec<Diagnostic>,
        pins: BTreeMap<Request, Pin>,
        capabilities: Capabilities,
    ) -> Result<Compiled, CommandError> {
        let _permit = self.permits.acquire().await;
        let (server, rules, workers) = (Arc::clone(&self.server), self.rules.clone(), Arc::clone(&self.workers));
        let compiled = tokio::task::spawn_blocking(move || {
            let opened = server.open(&application, lints, &pins, capabilities)?;
            let own = opened.own_lints();
            if own.iter().any(|finding| finding.level == Level::Error) {
                return Err(CommandError::user("the Application has what is denied").findings(own));
            }
            let rules = rules.and(opened.checks()?, &workers);
            let compilation = opened.compile_silently(server.store(), Printer::for_process())?;
            let commit = opened.commit().map(|(commit, dirty)| Commit {
                oid: commit.oid.clone(),
                subject: commit.subject.clone(),
                dirty,
            });
            let (inputs, source_types) = (opened.inputs(), opened.source_types());
            let implied = implied(&server, &application, &pins, &inputs)?;
            let lints = own.into_iter().chain(compilation.lints).collect();
            let (graph, provenance) = (Arc::new(compilation.graph), Arc::new(compilation.provenance));
            Ok(Compiled { graph, provenance, rules, commit, inputs, implied, source_types, lints })
        });
        compiled.await.unwrap_or_else(|_| Err(CommandError::user("a bug of ours ended the compilation")))
    }
}

/// The inputs that are neither sources nor locked.
fn implied(
    server: &RepositoryServer,
    application: &Application,
    pins: &BTreeMap<Request, Pin>,
    inputs: &[(Request, Pin)],
) -> Result<BTreeMap<Request, Pin>, CommandError> {
    let sources = requests(application);
    let others = inputs.iter().filter(|(request, _)| !sources.contains(request));
    let mut implied: BTreeMap<Request, Pin> = others.cloned().collect();
    if !implied.is_empty() {
        let locked = server.locked(application, pins)?;
        implied.retain(|request, _| !locked.contains(request));
    }
    Ok(implied)
}

/// The Application that an object is.
///
/// # Errors
/// All that is wrong with it.
pub fn read(object: &Json) -> Result<(Application, Vec<Diagnostic>), CommandError> {
    let origin = Origin::of_file("Application");
    let value = Value::from(object.clone());
    let (application, findings) = app::of_object(value, &origin, Places::whole(origin.clone()));
    let is_wrong = findings.iter().any(|finding| finding.level == Level::Error);
    match application.filter(|_| !is_wrong) {
        Some(application) => Ok((application, findings)),
        None => Err(CommandError::user("the Application is not understood").findings(findings)),
    }
}

/// What an Application asks for to have its sources.
#[must_use]
pub fn requests(application: &Application) -> BTreeSet<Request> {
    application.sources().iter().map(RepositoryServer::request_of).collect()
}

/// What a source is, in a word: a commit, the version of a chart, the digest of an artifact.
#[must_use]
pub fn revision(pin: &Pin) -> String {
    match pin {
        Pin::Git { commit } => commit.to_string(),
        Pin::Chart { version, .. } => version.clone(),
        Pin::Oci { manifest, .. } => manifest.to_string(),
        Pin::File { digest } => digest.to_string(),
    }
}
