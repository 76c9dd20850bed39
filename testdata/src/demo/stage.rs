//! What must be there before the first command: programs, a cluster, a folder; and how all of it goes again.
//!
//! In: [`Options`]. Out: a [`Stage`]. What takes long is built before anything else is made, so that Ctrl-C just ends
//! the demo until then.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{self, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::Options;
use super::error::Error;
use super::interrupt::Interrupt;
use super::shell::{Shell, print, quoted, say};
use super::story;
use crate::binary;
use crate::causes::with_causes;
use crate::cluster::{self, Connection, LocalCluster};
use crate::shop::{Images, PUBLIC};

/// Who the history says it was.
const ACTOR: &str = "demo";
/// Nothing is said of a build that takes no longer.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN_REMINDERS: Duration = Duration::from_secs(15);
/// What a user needs of the demo's environment who goes on in another shell, beside the programs.
const NEEDED_LATER: [&str; 2] = ["KUBECONFIG", "KUBECTL_GITOPS_STORE"];
/// The folder that is put on PATH, in the demo's own.
const PROGRAMS: &str = "bin";

/// All that the story needs.
pub(super) struct Stage {
    pub(super) shell: Shell,
    folder: TempDir,
    cluster: Cluster,
    begun: Instant,
}

/// The cluster, and how it ends.
enum Cluster {
    /// Ours; ends with this process, whatever happens.
    Own(LocalCluster),
    /// Ours, to stay.
    Kept(Connection),
    /// The user's, of this context.
    Named(String),
}

impl Stage {
    /// Builds what is missing, and starts a cluster unless the options name one.
    pub(super) fn set(options: &Options) -> Result<Self, Error> {
        let begun = Instant::now();
        let building = "building kubectl-gitops (minutes the first time)";
        let plugin = with_progress(building, || binary::path("kubectl-gitops"))?;
        let kubectl = kubectl(options)?;
        let interrupt = Interrupt::listen().map_err(|source| Error::Start { command: "the demo".into(), source })?;
        let folder = tempfile::Builder::new().prefix("kubectl-gitops-demo-").tempdir();
        let folder = folder.map_err(|source| Error::Write { path: env::temp_dir(), source })?;
        let programs = folder.path().join(PROGRAMS);
        link(&programs, &[("kubectl", kubectl.as_deref()), ("kubectl-gitops", Some(&plugin))])?;
        let cluster = Cluster::start(options)?;
        let environment = environment(options, folder.path(), &programs, cluster.connection());
        let context = options.context.as_deref();
        let cluster_flags = context.map(|name| format!(" --context {}", quoted(name))).unwrap_or_default();
        let shell = Shell { environment, cluster_flags, interrupt };
        if matches!(cluster, Cluster::Named(_)) {
            // Here, not in the story: what is refused must never be taken back.
            story::refuse_what_is_there(&shell)?;
        }
        Ok(Self { shell, folder, cluster, begun })
    }

    /// Where the repository goes.
    pub(super) fn repository(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// Whether the cluster is the demo's own, which runs no containers but plays that it does.
    pub(super) fn is_own(&self) -> bool {
        self.cluster.connection().is_some()
    }

    /// Images that the cluster can run.
    pub(super) fn images(&self) -> Images {
        if self.is_own() { Images::Example } else { Images::Public }
    }

    /// Where the demo happens, in words.
    pub(super) fn scene(&self) -> String {
        match &self.cluster {
            Cluster::Own(cluster) => started(cluster.connection()),
            Cluster::Kept(connection) => started(connection),
            Cluster::Named(context) => {
                format!(
                    "The cluster of context {context}, which is to pull images: {PUBLIC} stands in for each service"
                )
            }
        }
    }

    /// Ends all, or leaves all and says how to go on. `told` is how the story ended.
    pub(super) fn end(self, told: Result<(), Error>, keep: bool) -> Result<(), Error> {
        if keep && !matches!(told, Err(Error::Interrupted)) {
            return self.leave().and(told);
        }
        let Self { shell, folder, cluster, begun } = self;
        if told.is_err() && matches!(cluster, Cluster::Named(_)) {
            shell.interrupt.lower();
            if let Err(error) = story::take_back(&shell) {
                say(&format!("error: {}; `{}{}` does it", with_causes(&error), story::DELETE, shell.cluster_flags));
            }
        }
        let was_ours = cluster.end()?;
        let path = folder.path().to_owned();
        folder.close().map_err(|source| Error::Write { path, source })?;
        told?;
        let what = if was_ours { "the cluster and the repository are gone" } else { "the repository is gone" };
        print(&format!("\n# Done in {} s; {what}\n", begun.elapsed().as_secs()))
    }

    fn leave(self) -> Result<(), Error> {
        let Self { shell, folder, cluster, .. } = self;
        let (folder, flags) = (folder.keep(), &shell.cluster_flags);
        let end = match &cluster {
            Cluster::Kept(connection) => {
                let supervisor = binary::path("local-cluster")?;
                format!("{} stop {}", supervisor.display(), connection.directory.display())
            }
            Cluster::Own(_) | Cluster::Named(_) => format!("{}{flags}", story::DELETE),
        };
        let needed = shell.environment.iter().filter(|(name, _)| NEEDED_LATER.contains(name));
        let exports = needed.map(|(name, value)| format!(" {name}={}", quoted(&value.to_string_lossy())));
        print(&format!(
            "
# All of it stays. To go on:
  cd {}
  export PATH={}:$PATH{}
  kubectl gitops status shop{flags}
# To end it:
  {end} && rm -r {}
",
            folder.join("shop").display(),
            folder.join(PROGRAMS).display(),
            exports.collect::<String>(),
            folder.display(),
        ))
    }
}

impl Cluster {
    fn start(options: &Options) -> Result<Self, Error> {
        let defaults = cluster::Options::default();
        Ok(match options {
            Options { context: Some(context), .. } => Self::Named(context.clone()),
            Options { keep: true, .. } => Self::Kept(cluster::start_detached(&defaults)?),
            Options { keep: false, .. } => Self::Own(LocalCluster::start(&defaults)?),
        })
    }

    fn connection(&self) -> Option<&Connection> {
        match self {
            Self::Own(cluster) => Some(cluster.connection()),
            Self::Kept(connection) => Some(connection),
            Self::Named(_) => None,
        }
    }

    /// Ends it where it is ours, which is told.
    fn end(self) -> Result<bool, Error> {
        match self {
            Self::Own(cluster) => cluster.stop(),
            Self::Kept(connection) => cluster::stop(&connection.directory)?,
            Self::Named(_) => return Ok(false),
        }
        Ok(true)
    }
}

fn started(connection: &Connection) -> String {
    let seconds = Duration::from_millis(connection.ready_after_milliseconds).as_secs_f32();
    format!("Kubernetes itself, started on this machine for the demo: ready after {seconds:.1} s")
}

/// The kubectl of our own cluster, which is built here with the cluster; none where the user's cluster is used with
/// the user's kubectl.
fn kubectl(options: &Options) -> Result<Option<PathBuf>, Error> {
    let mut usual = Command::new("kubectl");
    usual.args(["version", "--client"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if options.context.is_some() && usual.status().is_ok_and(|status| status.success()) {
        return Ok(None);
    }
    Ok(Some(cluster::build()?.kubectl()))
}

/// Does something that may take long, and says so where it does.
fn with_progress<T>(title: &str, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (working, done) = mpsc::channel::<()>();
        scope.spawn(move || {
            let begun = Instant::now();
            let mut pause = PATIENCE;
            while done.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                say(&format!("{title}: {} s", begun.elapsed().as_secs()));
                pause = BETWEEN_REMINDERS;
            }
        });
        let result = work();
        drop(working);
        result
    })
}

/// A folder with nothing but these programs, to be put on PATH.
fn link(folder: &Path, programs: &[(&str, Option<&Path>)]) -> Result<(), Error> {
    fs::create_dir(folder).map_err(|source| Error::Write { path: folder.to_owned(), source })?;
    for (name, program) in programs {
        let path = folder.join(name);
        if let Some(program) = program {
            symlink(program, &path).map_err(|source| Error::Write { path, source })?;
        }
    }
    Ok(())
}

/// What the commands find in their environment beside the user's own.
fn environment(
    options: &Options,
    folder: &Path,
    programs: &Path,
    connection: Option<&Connection>,
) -> Vec<(&'static str, OsString)> {
    let mut path = programs.as_os_str().to_owned();
    if let Some(usual) = env::var_os("PATH") {
        path.push(":");
        path.push(usual);
    }
    let store = folder.join("store").into_os_string();
    // Neither settings nor a pager of the user's: what Git prints is part of the transcript.
    let git = [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_PAGER", "cat")];
    let mut environment: Vec<_> = git.map(|(name, value)| (name, value.into())).into();
    environment.extend([("PATH", path), ("KUBECTL_GITOPS_STORE", store), ("KUBECTL_GITOPS_ACTOR", ACTOR.into())]);
    match connection {
        Some(connection) => {
            let cache = folder.join("cache").into_os_string();
            let kubeconfig = connection.kubeconfig.clone().into_os_string();
            // Neither aliases nor a cache in the user's home, for a cluster that will never be seen again.
            environment.extend([("KUBECONFIG", kubeconfig), ("KUBERC", "off".into()), ("KUBECACHEDIR", cache)]);
        }
        None => environment.extend(kubeconfig(options).map(|paths| ("KUBECONFIG", paths))),
    }
    environment
}

/// The user's kubeconfig, or more than one, as absolute paths: the commands run in another folder. None for the default.
fn kubeconfig(options: &Options) -> Option<OsString> {
    let usual = || env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty());
    let paths = options.kubeconfig.clone().map(PathBuf::into_os_string).or_else(usual)?;
    let absolute = env::split_paths(&paths).map(|path| path::absolute(&path).unwrap_or(path));
    env::join_paths(absolute).ok()
}
