//! Installs packages of Debian, where this runs as root on it: in containers and on machines of CI.
//!
//! In: which packages are missing. Out: they are there, and stderr says so.
//!
//! # Guarantees
//! - One process installs at a time; the next looks again at what is missing.
//! - No service is started: where there is no policy for that (`policy-rc.d`, which `invoke-rc.d` asks), there is one
//!   while packages are installed. One that was left behind by a process that was killed is taken away by the next.

use std::fs::{self, File, OpenOptions};
use std::io::{Write, stderr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::error::{Error, last_lines};

/// Who installs holds a lock on it.
const LOCK: &str = "/run/lock/kubectl-gitops-install";
/// Asked before a service is started.
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// Says no, and whose it is.
const NO_SERVICES: &str =
    "#!/bin/sh\n# Temporary, by the tests of kubectl-gitops: packages start no service.\nexit 101\n";

/// Whether packages may be installed here without asking anybody.
pub(crate) fn may_use_apt() -> bool {
    geteuid().is_root() && Path::new("/etc/debian_version").exists()
}

/// Installs what `missing` says is missing once nobody else installs.
pub(super) fn install(missing: impl Fn() -> Vec<&'static str>) -> Result<(), Error> {
    let path = Path::new(LOCK);
    let lock = File::create(path).map_err(Error::file("create", path))?;
    lock.lock().map_err(Error::file("lock", path))?;
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    // Words nobody can read do not matter: stderr may be closed.
    let _ = writeln!(stderr(), "installing {} for the servers of tests", packages.join(", "));
    let _policy = Policy::put()?;
    apt_get(&["update"])?;
    apt_get(&[["install", "--yes", "--no-install-recommends"].as_slice(), &packages].concat())
}

fn apt_get(arguments: &[&str]) -> Result<(), Error> {
    let mut command = Command::new("apt-get");
    // Another apt-get may be at work.
    command.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().map_err(Error::spawn("apt-get"))?;
    if output.status.success() {
        return Ok(());
    }
    let command = format!("apt-get {}", arguments.join(" "));
    Err(Error::Failed { command, status: output.status, output: last_lines(&[output.stdout, output.stderr].concat()) })
}

/// Takes the policy away when dropped, where it is ours.
struct Policy;

impl Policy {
    fn put() -> Result<Option<Self>, Error> {
        let path = Path::new(POLICY);
        let new = OpenOptions::new().write(true).create_new(true).mode(0o755).open(path);
        match new {
            Ok(mut file) => {
                let policy = Self;
                file.write_all(NO_SERVICES.as_bytes()).map_err(Error::file("write", path))?;
                Ok(Some(policy))
            }
            // Nobody else installs: it was left behind.
            Err(_) if fs::read(path).is_ok_and(|text| text == NO_SERVICES.as_bytes()) => Ok(Some(Self)),
            Err(_) if path.exists() => Ok(None),
            Err(error) => Err(Error::file("create", path)(error)),
        }
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        // Where that fails, the next one tries again.
        let _ = fs::remove_file(POLICY);
    }
}
