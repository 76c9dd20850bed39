//! The data directory of a cluster: what is in it, and what its user is told of it.
//!
//! In: [`Options`]. Out: a directory in the system's temporary one, and the [`Connection`] that is handed out.
//!
//! # Guarantees
//! The supervisor holds a lock in it for as long as it lives, so that anybody can tell a cluster that runs from what
//! a killed supervisor left behind.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::Error;

pub(super) const AUDIT_LOG: &str = "audit.log";
pub(super) const AUDIT_POLICY: &str = "audit-policy.yaml";
pub(super) const AUTHENTICATION: &str = "authentication.yaml";
pub(super) const CERTIFICATE_AUTHORITY: &str = "ca.crt";
pub(super) const LOGS: &str = "logs";
pub(super) const SERVICE_ACCOUNT_KEY: &str = "service-account.key";
pub(super) const SERVICE_ACCOUNT_PUBLIC_KEY: &str = "service-account.pub";
pub(super) const SERVING_CERTIFICATE: &str = "serving.crt";
pub(super) const SERVING_KEY: &str = "serving.key";
pub(super) const STAGES: &str = "stages.yaml";
/// Made by whoever wants a detached cluster to end.
pub(super) const STOP: &str = "stop";
pub(super) const TOKENS: &str = "tokens.csv";

/// How the names of data directories begin.
const PREFIX: &str = "kubectl-gitops-cluster-";
/// Locked by the supervisor.
const LOCK: &str = "supervisor.lock";
/// No supervisor takes this long from making its directory to locking it.
const BETWEEN_MAKING_AND_LOCKING: Duration = Duration::from_mins(1);

/// The kubeconfig of a user, relative to the data directory.
pub(super) fn kubeconfig(user: &str) -> String {
    format!("{user}.kubeconfig")
}

/// What a cluster should be like, where the defaults are not right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Users beside `admin` (may do everything), `nobody` (may do nothing) and `viewer` (the cluster role `view`).
    pub users: Vec<User>,
    /// Whether each request is written to [`Connection::audit_log`], at level Metadata; to count requests.
    pub audit: bool,
    /// Whose tokens it takes beside its own: an `AuthenticationConfiguration`, as text.
    pub authentication: Option<String>,
    /// Whether the data directory, with its logs, stays when the cluster ends.
    pub keep: bool,
}

impl Options {
    /// The options as the library gives them to the supervisor.
    ///
    /// # Errors
    /// Where `text` is something else.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The options in one line, for the supervisor's command line.
    pub(super) fn to_json(&self) -> String {
        json!(self).to_string()
    }
}

/// A user of the cluster; it may do what is bound to its name or groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's name, which also names its kubeconfig.
    pub name: String,
    /// The groups it is in.
    pub groups: Vec<String>,
}

impl User {
    /// A user in `groups`.
    #[must_use]
    pub fn new(name: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { name: name.to_owned(), groups }
    }
}

/// How to reach a cluster that is ready, and where its traces are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The kubeconfig of the administrator; its context is `local`.
    pub kubeconfig: PathBuf,
    /// The kubectl of the cluster's version.
    pub kubectl: PathBuf,
    /// The URL of the API server.
    pub server: String,
    /// The certificate authority of the API server, a PEM file.
    pub certificate_authority: PathBuf,
    /// The administrator's token.
    pub token: String,
    /// The kubeconfig of each user, by name.
    pub users: BTreeMap<String, PathBuf>,
    /// One JSON object a line for each request, where [`Options::audit`] asked for it.
    pub audit_log: Option<PathBuf>,
    /// The data directory; also what `local-cluster stop` takes.
    pub directory: PathBuf,
    /// A directory with a log for each component.
    pub logs: PathBuf,
    /// The process id of the supervisor.
    pub pid: u32,
    /// The process id of each component, by name.
    pub components: BTreeMap<String, u32>,
    /// How long it took from nothing to ready.
    pub ready_after_milliseconds: u64,
}

impl Connection {
    /// One line of JSON, for programs that start a cluster.
    #[must_use]
    pub fn to_json(&self) -> String {
        json!(self).to_string()
    }

    /// kubectl as the administrator, with nothing of the user's environment but PATH.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        kubectl(&self.kubectl, &self.kubeconfig)
    }
}

/// A kubectl that knows one kubeconfig and nothing else; its caches go beside the kubeconfig.
pub(super) fn kubectl(program: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("KUBECONFIG", kubeconfig);
    command.env("HOME", kubeconfig.parent().unwrap_or(kubeconfig));
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

/// A data directory that is ours: nobody else stops or deletes what is in it.
pub(super) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Makes an empty one, after deleting those of supervisors that were killed.
    pub(super) fn create() -> Result<Self, Error> {
        let parent = env::temp_dir();
        sweep(&parent);
        let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent);
        // What deletes it is the supervisor's last step, not a destructor.
        let path = made.map_err(Error::file("create a directory in", &parent))?.keep();
        fs::create_dir(path.join(LOGS)).map_err(Error::file("create", &path))?;
        let lock = lock(&path)?.ok_or_else(|| Error::NotACluster(path.clone()))?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        fs::write(&path, text).map_err(Error::file("write", &path))
    }

    /// Deletes it, or only gives it up: without its lock it is no cluster's, and never swept up.
    pub(super) fn end(self, keep: bool) -> Result<(), Error> {
        if keep {
            let path = self.path.join(LOCK);
            return fs::remove_file(&path).map_err(Error::file("delete", &path));
        }
        fs::remove_dir_all(&self.path).map_err(Error::file("delete", &self.path))
    }
}

/// Whether a supervisor runs in `directory`.
pub(super) fn is_in_use(directory: &Path) -> Result<bool, Error> {
    let marked = directory.join(LOCK).is_file();
    let named = directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX));
    if !(marked && named) {
        return Err(Error::NotACluster(directory.to_owned()));
    }
    Ok(lock(directory)?.is_none())
}

/// The lock of a data directory, unless another process has it.
fn lock(directory: &Path) -> Result<Option<File>, Error> {
    let path = directory.join(LOCK);
    let file = File::create(&path).map_err(Error::file("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(Error::file("lock", &path)(error)),
    }
}

/// Deletes the data of supervisors that were killed. What cannot be deleted, somebody else's for one, is left.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
        if age > BETWEEN_MAKING_AND_LOCKING && is_in_use(&path).is_ok_and(|in_use| !in_use) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_in_use_for_as_long_as_it_is_held() {
        let directory = DataDirectory::create().expect("a temporary directory");
        let path = directory.path().to_owned();
        assert!(is_in_use(&path).expect("it is one of ours"));
        directory.end(false).expect("it is deleted");
        assert!(!path.exists());
    }

    #[test]
    fn what_is_kept_is_no_cluster_any_more() {
        let directory = DataDirectory::create().expect("a temporary directory");
        let path = directory.path().to_owned();
        directory.end(true).expect("it is given up");
        assert!(path.join(LOGS).is_dir());
        assert!(matches!(is_in_use(&path), Err(Error::NotACluster(_))));
        fs::remove_dir_all(path).expect("it is ours to delete");
    }

    #[test]
    fn other_directories_are_not_taken_for_one_of_ours() {
        let other = tempfile::tempdir().expect("a temporary directory");
        File::create(other.path().join(LOCK)).expect("writable");
        assert!(matches!(is_in_use(other.path()), Err(Error::NotACluster(_))));
    }
}
