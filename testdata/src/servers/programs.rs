//! Finds the programs that the servers are.
//!
//! In: PATH, and where Debian puts programs of administrators. Out: the path of each; or one error that names all that
//! are missing and how to get them. Where that may be done here, they are installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{Error, last_lines};
use super::install;

/// Looked at after PATH, on which users have no programs of administrators.
const MORE_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/usr/bin"];

/// A program, and the package of Debian that has it.
pub(super) struct Needed {
    pub(super) program: &'static str,
    pub(super) package: &'static str,
}

const NEEDED: [Needed; 10] = [
    Needed { program: "nginx", package: "nginx" },
    Needed { program: "fcgiwrap", package: "fcgiwrap" },
    Needed { program: "sshd", package: "openssh-server" },
    Needed { program: "ssh", package: "openssh-client" },
    Needed { program: "ssh-keygen", package: "openssh-client" },
    Needed { program: "gpg", package: "gnupg" },
    Needed { program: "git", package: "git" },
    Needed { program: "git-shell", package: "git" },
    Needed { program: "git-lfs", package: "git-lfs" },
    Needed { program: "redis-server", package: "redis-server" },
];

const OF_DISTRIBUTION: [Needed; 1] = [Needed { program: "docker-registry", package: "docker-registry" }];

const OF_CLOCK: [Needed; 1] = [Needed { program: "faketime", package: "faketime" }];

const OF_BROWSER: [Needed; 3] = [
    Needed { program: "node", package: "nodejs" },
    Needed { program: "npm", package: "npm" },
    Needed { program: "chromium", package: "chromium" },
];

/// A browser, and what steers it.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Chromium.
    pub chromium: PathBuf,
    /// Node.js.
    pub node: PathBuf,
    /// Its package manager.
    pub npm: PathBuf,
}

/// Returns where a browser is, installed first where this runs as root on Debian.
///
/// # Errors
/// Where something is missing and may not be installed, or cannot.
pub fn browser() -> Result<Browser, Error> {
    ensure(&OF_BROWSER)?;
    let path = |name| find(name).unwrap_or_default();
    Ok(Browser { chromium: path("chromium"), node: path("node"), npm: path("npm") })
}

/// Returns where the registry of the CNCF is, installed first where this runs as root on Debian.
pub(super) fn distribution() -> Result<PathBuf, Error> {
    ensure(&OF_DISTRIBUTION)?;
    Ok(find("docker-registry").unwrap_or_default())
}

/// Returns where `faketime` is, which gives another program another clock, installed first where this runs as root on Debian.
///
/// # Errors
/// Where it is missing and may not be installed, or cannot.
pub fn faketime() -> Result<PathBuf, Error> {
    ensure(&OF_CLOCK)?;
    Ok(find("faketime").unwrap_or_default())
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    pub(super) nginx: PathBuf,
    pub(super) fcgiwrap: PathBuf,
    pub(super) sshd: PathBuf,
    pub(super) ssh_keygen: PathBuf,
    pub(super) git_shell: PathBuf,
    pub(super) redis: PathBuf,
    /// It is none of those that users call.
    pub(super) git_http_backend: PathBuf,
}

/// Returns where the programs are that the servers need, installed first where this runs as root on Debian.
///
/// # Errors
/// Where some are missing and may not be installed, or cannot.
pub fn programs() -> Result<Programs, Error> {
    ensure(&NEEDED)?;
    let path = |name| find(name).unwrap_or_default();
    Ok(Programs {
        nginx: path("nginx"),
        fcgiwrap: path("fcgiwrap"),
        sshd: path("sshd"),
        ssh_keygen: path("ssh-keygen"),
        git_shell: path("git-shell"),
        redis: path("redis-server"),
        git_http_backend: git_http_backend(&path("git"))?,
    })
}

/// Sees to it that programs are there.
pub(super) fn ensure(needed: &'static [Needed]) -> Result<(), Error> {
    let missing = || missing(needed);
    if !missing().is_empty() && install::may_use_apt() {
        // Another process may install the same; what is missing is asked again when it is done.
        install::install(|| packages(&missing()))?;
    }
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let programs: Vec<_> = missing.iter().map(|needed| needed.program).collect();
    Err(Error::Missing { programs: programs.join(", "), packages: packages(&missing).join(" ") })
}

fn missing(needed: &'static [Needed]) -> Vec<&'static Needed> {
    needed.iter().filter(|needed| find(needed.program).is_none()).collect()
}

/// The packages of what is missing, each once.
fn packages(missing: &[&'static Needed]) -> Vec<&'static str> {
    let mut packages: Vec<_> = missing.iter().map(|needed| needed.package).collect();
    packages.dedup();
    packages
}

pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let mut candidates = folders.chain(MORE_FOLDERS.map(PathBuf::from)).map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file())
}

fn git_http_backend(git: &Path) -> Result<PathBuf, Error> {
    let output = Command::new(git).arg("--exec-path").env_clear().output().map_err(Error::spawn(git))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let path = folder.join("git-http-backend");
    if path.is_file() {
        return Ok(path);
    }
    let command = format!("{} --exec-path", git.display());
    Err(Error::Failed { command, status: output.status, output: last_lines(&output.stderr) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_once() {
        let all: Vec<_> = NEEDED.iter().collect();
        assert_eq!(
            packages(&all),
            ["nginx", "fcgiwrap", "openssh-server", "openssh-client", "gnupg", "git", "git-lfs", "redis-server"]
        );
    }

    #[test]
    fn programs_are_found_by_their_names() {
        assert!(find("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(find("no-program-has-this-name"), None);
    }
}
