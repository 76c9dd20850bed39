//! Flags that many commands share, and what they become.
//!
//! In: what the user typed. Out: a repository with a snapshot, a store, a connection: things that commands work with.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use gitops_compiler::app::{AppSpec, Directory, Pattern};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::compile::{self, Compilation, Tools, compile, summarise};
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::lint::{DefaultLevel, LINTS, Levels, SCHEMAS_NOT_SHIPPED};
use gitops_compiler::name::{AppName, KubernetesVersion};
use gitops_compiler::sandbox::Sandbox;
use gitops_compiler::schema;
use gitops_compiler::store::Store;
use gitops_compiler::tree::{FileMemo, Repository, Snapshot};

use crate::apply::Destination;
use crate::cluster::{Cluster, ConnectOptions, connect};
use crate::error::CommandError;
use crate::output::{Printer, Size};
use crate::record::Records;

/// What every command gets.
pub struct Session {
    /// Where output goes.
    pub printer: Printer,
    /// Where graphs are kept.
    pub store: StoreArgs,
}

/// Where manifests come from.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// A path in the Git repository to read
    #[arg(long, value_name = "REPO", default_value = ".")]
    pub source: PathBuf,
    /// The folder of manifests, from the root of the repository; where absent, the folder that --source names
    #[arg(long, value_name = "DIR")]
    pub path: Option<String>,
    /// A commit, branch or tag; the working tree as it lies where absent
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
    /// Read the folders below, too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Only files that match this glob (paths below the folder; {a,b} for alternatives)
    #[arg(long, value_name = "GLOB")]
    pub include: Option<Pattern>,
    /// No files that match this glob
    #[arg(long, value_name = "GLOB")]
    pub exclude: Option<Pattern>,
    /// Lints to leave out; `all` for all that are not denied by name
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Lints that are errors; `all` for all that are not allowed by name
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub deny: Vec<String>,
    /// The version of Kubernetes that manifests are for: which API versions are deprecated or removed there. Its schemas
    /// must be part of the program, unless --allow schemas-not-shipped leaves Kubernetes' own kinds unlooked at
    /// [default: the version whose schemas are]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,
}

impl SourceArgs {
    /// Reads the tree that the flags name.
    pub fn snapshot(&self, store: Option<&Store>) -> Result<Snapshot, CommandError> {
        self.snapshot_at(self.revision.as_deref(), store)
    }

    /// Reads the tree of another revision of the same folder.
    pub fn snapshot_at(&self, revision: Option<&str>, store: Option<&Store>) -> Result<Snapshot, CommandError> {
        let repository = Repository::discover(&self.source)?;
        let folder = match &self.path {
            Some(path) => clean(path)?,
            None => repository.folder_of(&self.source).unwrap_or_default(),
        };
        Ok(match revision {
            Some(revision) => repository.commit(revision, &folder)?,
            None => repository.working_tree(&folder, store.map(|store| store as &dyn FileMemo))?,
        })
    }

    /// What the flags say of lints.
    pub fn levels(&self) -> Result<Levels, CommandError> {
        let set = |names: &[String]| names.iter().cloned().collect();
        let kubernetes = self.kubernetes_version.filter(|version| *version != schema::version());
        let levels = Levels { allow: set(&self.allow), deny: set(&self.deny), kubernetes };
        match levels.unknown()[..] {
            [] => refuse_not_shipped(&levels).map(|()| levels),
            [name] => Err(CommandError::user(format!("no lint is called `{name}`")).hint(lint_names())),
            ref names => {
                Err(CommandError::user(format!("no lints are called {}", names.join(", "))).hint(lint_names()))
            }
        }
    }

    /// The application that the flags describe.
    #[must_use]
    pub fn app(&self, name: AppName) -> AppSpec {
        let (include, exclude) = (self.include.clone(), self.exclude.clone());
        AppSpec { name, directory: Directory { recurse: self.recursive, include, exclude } }
    }
}

/// Refuses a version of Kubernetes of which nothing is known but its API versions, unless the user knows.
fn refuse_not_shipped(levels: &Levels) -> Result<(), CommandError> {
    let Some(version) = levels.kubernetes.filter(|_| levels.level(SCHEMAS_NOT_SHIPPED) != DefaultLevel::Allow) else {
        return Ok(());
    };
    let message =
        format!("the schemas of Kubernetes {version} are not part of this program, which has {}", schema::version());
    let hint = format!("--allow {SCHEMAS_NOT_SHIPPED} looks at API versions and custom kinds only");
    Err(CommandError::user(message).hint(hint))
}

/// One line for each lint, for messages.
fn lint_names() -> String {
    let names: Vec<&str> = LINTS.iter().map(|lint| lint.name).collect();
    format!("there are {}", names.join(", "))
}

/// A path in a repository without `.` and doubled slashes; never one that leads out of it.
fn clean(path: &str) -> Result<String, CommandError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.contains(&"..") {
        let message = format!("--path {path} leads out of the repository: give a folder below its root");
        return Err(CommandError::user(message));
    }
    Ok(parts.join("/"))
}

/// The local store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Where compiled graphs are kept [default: $XDG_STATE_HOME/kubectl-gitops or ~/.local/state/kubectl-gitops]
    #[arg(long, value_name = "DIR", env = "KUBECTL_GITOPS_STORE", global = true, hide_env_values = true)]
    pub store: Option<PathBuf>,
    /// How large the store may get, as in 500M or 2Gi: what was used least recently goes after a compile, and with
    /// `store gc` [default: no limit]
    #[arg(long, value_name = "SIZE", env = "KUBECTL_GITOPS_STORE_MAX_SIZE", global = true, hide_env_values = true)]
    pub store_max_size: Option<Size>,
}

impl StoreArgs {
    /// How large the store may get; absent where nobody said.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u64> {
        self.store_max_size.map(|size| size.bytes)
    }

    /// Opens the store. Where that is not possible there is none, and the user is told.
    #[must_use]
    pub fn open(&self, printer: Printer) -> Option<Store> {
        match self.open_strictly() {
            Ok(store) => Some(store),
            Err(error) => {
                let cause = error.details.first().map(|cause| format!(": {cause}")).unwrap_or_default();
                printer.say(&format!("warning: {}{cause}; going on without it", error.message));
                None
            }
        }
    }

    /// Opens the store, or says why not.
    pub fn open_strictly(&self) -> Result<Store, CommandError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let default = || {
            let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
            state.map(|state| state.join("kubectl-gitops"))
        };
        let root = self.store.clone().or_else(default);
        let root = root.ok_or_else(|| CommandError::user("there is no place for a store: HOME is not set"))?;
        Ok(Store::open(&root.join("store"))?.with_max_bytes(self.max_bytes()))
    }
}

/// Which cluster, and how to speak to it.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// The kubeconfig file [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in it [default: its current context]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Where manifests without a namespace go [default: the context's namespace]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Where the record of the application lives [default: the context's namespace]
    #[arg(long, value_name = "NAMESPACE")]
    pub record_namespace: Option<String>,
    /// How long one request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub request_timeout: u64,
}

/// A cluster with the namespaces that the flags and the context give.
pub struct Connected {
    /// The records there.
    pub records: Records,
    /// Where manifests without a namespace go.
    pub destination: String,
}

impl ClusterArgs {
    /// Where an application that was applied before has its manifests without a namespace.
    #[must_use]
    pub fn recorded_destination(&self) -> Destination<'_> {
        Destination::Recorded { given: self.namespace.as_deref() }
    }

    /// The version of the server, where there is one and it is not that of our schemas.
    async fn other_version(&self) -> Option<KubernetesVersion> {
        let connected = self.connect(None).await.ok()?;
        let version = connected.records.cluster.version().await.ok()?;
        (version != schema::version()).then_some(version)
    }

    /// Connects. Nothing is sent yet.
    pub async fn connect(&self, store: Option<Store>) -> Result<Connected, CommandError> {
        let options = ConnectOptions { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let connection = connect(&options).await?;
        let context_namespace = connection.namespace.clone();
        let namespace = self.record_namespace.clone().unwrap_or_else(|| context_namespace.clone());
        let destination = self.namespace.clone().unwrap_or(context_namespace);
        for name in [&namespace, &destination] {
            // Both become parts of paths.
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(CommandError::user(format!("`{name}` cannot be the name of a namespace")));
            }
        }
        let cluster = Cluster { connection, timeout: Duration::from_secs(self.request_timeout) };
        Ok(Connected { records: Records { cluster, namespace, store }, destination })
    }
}

/// Compiles, and says what there is to say.
pub fn compiled(
    source: &SourceArgs,
    name: AppName,
    store: Option<&Store>,
    printer: Printer,
) -> Result<(Compilation, Snapshot), CommandError> {
    let snapshot = source.snapshot(store)?;
    let compilation = compile_snapshot(source, &snapshot, name, store, printer)?;
    say_lints(&compilation.lints, printer);
    Ok((compilation, snapshot))
}

/// What [`compiled_for`] gives.
pub struct CompiledFor {
    /// The compilation.
    pub compilation: Compilation,
    /// Of what.
    pub snapshot: Snapshot,
    /// What the user says of lints; with the version of the cluster, where it was asked for.
    pub levels: Levels,
}

/// Compiles for a cluster, and says what there is to say. Where only schemas speak against it, and the server turns out to
/// be of another version than they are, Kubernetes' own kinds are left to the schemas of the server.
pub async fn compiled_for(
    cluster: &ClusterArgs,
    source: &SourceArgs,
    name: &AppName,
    store: Option<&Store>,
    printer: Printer,
) -> Result<CompiledFor, CommandError> {
    let (snapshot, mut levels) = (source.snapshot(store)?, source.levels()?);
    let app = source.app(name.clone());
    let compile_at = |levels: &Levels| compile(&snapshot, &app, levels, store, &mut warnings(printer));
    let compilation = match compile_at(&levels) {
        Err(error) if levels.kubernetes.is_none() && only_schemas_object(&error) => {
            let Some(version) = cluster.other_version().await else { return Err(error.into()) };
            printer.say(&format!("the API server is Kubernetes {version}: its own schemas count"));
            levels.kubernetes = Some(version);
            compile_at(&levels)?
        }
        other => other?,
    };
    say_lints(&compilation.lints, printer);
    Ok(CompiledFor { compilation, snapshot, levels })
}

fn only_schemas_object(error: &compile::Error) -> bool {
    let compile::Error::Manifests { findings, .. } = error else { return false };
    let by_schema = |finding: &Diagnostic| finding.rule.as_deref().is_some_and(|rule| schema::LINTS.contains(&rule));
    findings.iter().filter(|finding| finding.level == Level::Error).all(by_schema)
}

/// Says what there is to say of manifests.
pub fn say_lints(lints: &[Diagnostic], printer: Printer) {
    for lint in lints {
        printer.say(&lint.to_string());
    }
}

fn warnings(printer: Printer) -> impl FnMut(String) {
    move |message| printer.say(&format!("warning: {message}"))
}

/// The id of what the flags name, and what there is to say.
pub fn identified(
    source: &SourceArgs,
    name: AppName,
    store: Option<&Store>,
    printer: Printer,
) -> Result<Id<Graph>, CommandError> {
    let snapshot = source.snapshot(store)?;
    let tools = Tools { store, sandbox: Some(&sandbox()) };
    let summary = summarise(&snapshot, &source.app(name), &source.levels()?, tools, &mut warnings(printer))?;
    say_lints(&summary.lints, printer);
    Ok(summary.graph)
}

/// Compiles a snapshot without saying its lints.
pub fn compile_snapshot(
    source: &SourceArgs,
    snapshot: &Snapshot,
    name: AppName,
    store: Option<&Store>,
    printer: Printer,
) -> Result<Compilation, CommandError> {
    let tools = Tools { store, sandbox: Some(&sandbox()) };
    Ok(compile(snapshot, &source.app(name), &source.levels()?, tools, &mut warnings(printer))?)
}

/// Where computations of others run.
fn sandbox() -> Sandbox {
    // On Linux this is our own program, even where another has come to its place.
    let own = if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() };
    // Without a path nothing can be started, which is told where something is to be.
    Sandbox::new(own.unwrap_or_default(), std::env::temp_dir())
}
