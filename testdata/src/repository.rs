//! Git repositories made in a test: same calls, same object ids, on every machine.
//!
//! In: files, commits, branches and tags, one call each. Out: a repository on disk, written by the `git` program
//! itself, so that what we read is what users have.
//!
//! # Guarantees
//! - Nothing of the machine goes in: `git` runs with a cleared environment (only `PATH`), without system or global
//!   configuration, templates or hooks, with a fixed name and address.
//! - The clock is ours: a commit is made one hour after the one before, the first at 2026-01-01T00:00:00Z.
//! - A repository from [`RepositoryBuilder::new`] is deleted with its builder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// 2026-01-01T00:00:00Z, when the first commit of every repository is made.
const FIRST_COMMIT: u64 = 1_767_225_600;
/// The time from one commit to the next, in seconds.
const BETWEEN_COMMITS: u64 = 3600;
/// Settings that decide bytes or start processes, whatever this version of Git has for defaults.
const SETTINGS: [&str; 7] = [
    "core.autocrlf=false",
    "core.hooksPath=/dev/null",
    "commit.gpgsign=false",
    "tag.gpgsign=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
];

/// Why a repository could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no `git` to run.
    #[error("cannot run `git`")]
    Start(#[source] io::Error),
    /// `git` refused.
    #[error("`git {arguments}` failed: {message}")]
    Git {
        /// What it was asked.
        arguments: String,
        /// What it said on stderr.
        message: String,
    },
}

/// A Git repository with a working tree, and the means to add to it.
///
/// ```
/// # fn main() -> Result<(), gitops_testdata::repository::Error> {
/// let repository = gitops_testdata::repository::RepositoryBuilder::new()?;
/// let first = repository.write("app/service.yaml", "kind: Service\n")?.commit("Add a service")?;
/// repository.branch("next")?.remove("app")?.commit("Remove it")?;
/// assert_eq!(repository.git(&["rev-parse", "main"])?.trim(), first);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RepositoryBuilder {
    path: PathBuf,
    /// Also the home of `git`: empty, and gone when this is dropped.
    home: TempDir,
}

impl RepositoryBuilder {
    /// Makes an empty repository on branch `main` in a folder of its own, deleted when the builder is dropped.
    pub fn new() -> Result<Self, Error> {
        let home = temporary_home()?;
        let path = home.path().join("repository");
        Self::open(path, home)
    }

    /// Makes an empty repository on branch `main` at `path`, or goes on with the one that is there.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open(path.into(), temporary_home()?)
    }

    fn open(path: PathBuf, home: TempDir) -> Result<Self, Error> {
        fs::create_dir_all(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
        let repository = Self { path, home };
        if !repository.path.join(".git").exists() {
            repository.git(&["init", "--quiet", "--template=", "--initial-branch=main"])?;
        }
        Ok(repository)
    }

    /// The root of the working tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file of the working tree, with its folders.
    pub fn write(&self, path: &str, contents: impl AsRef<[u8]>) -> Result<&Self, Error> {
        let path = self.path.join(path);
        let parent = path.parent().unwrap_or(&self.path);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, contents))
            .map_err(|source| Error::Write { path, source })?;
        Ok(self)
    }

    /// Removes a file or a whole folder of the working tree.
    pub fn remove(&self, path: &str) -> Result<&Self, Error> {
        let path = self.path.join(path);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|source| Error::Write { path, source })?;
        Ok(self)
    }

    /// Commits the whole working tree as it is, also when nothing changed; returns the commit's object id.
    pub fn commit(&self, message: &str) -> Result<String, Error> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])?;
        Ok(self.git(&["rev-parse", "HEAD"])?.trim().to_owned())
    }

    /// Switches to branch `name`; a new one begins at the current commit.
    pub fn branch(&self, name: &str) -> Result<&Self, Error> {
        let known = self.git(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")]);
        let create: &[&str] = if known.is_ok() { &[] } else { &["-b"] };
        self.git(&[&["checkout", "--quiet"], create, &[name]].concat())?;
        Ok(self)
    }

    /// Puts a lightweight tag on the current commit.
    pub fn tag(&self, name: &str) -> Result<&Self, Error> {
        self.git(&["tag", name])?;
        Ok(self)
    }

    /// Makes a bare repository at `path` with all branches and tags, as servers have them; what is there already gets
    /// the ones of now.
    pub fn publish(&self, path: &Path) -> Result<(), Error> {
        let to = path.to_string_lossy();
        if !path.exists() {
            self.git(&["init", "--quiet", "--bare", "--template=", "--initial-branch=main", "--", &to])?;
        }
        self.git(&["push", "--quiet", "--mirror", "--", &to])?;
        Ok(())
    }

    /// Runs `git` in the repository and returns its stdout; for what has no call of its own here.
    ///
    /// A commit that such a command makes has the date that [`Self::commit`] would give it.
    pub fn git(&self, arguments: &[&str]) -> Result<String, Error> {
        let made = self.run(&["rev-list", "--all", "--count"], FIRST_COMMIT);
        // In a folder that is no repository yet, nothing was made.
        let made = made.ok().and_then(|count| count.trim().parse().ok()).unwrap_or(0_u64);
        self.run(arguments, FIRST_COMMIT + made * BETWEEN_COMMITS)
    }

    fn run(&self, arguments: &[&str], date: u64) -> Result<String, Error> {
        let mut command = Command::new("git");
        command.current_dir(&self.path).env_clear();
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
            .env("HOME", self.home.path())
            // So that no repository around this one is taken for it.
            .env("GIT_CEILING_DIRECTORIES", self.path.parent().unwrap_or(&self.path))
            .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")])
            .envs([("GIT_TERMINAL_PROMPT", "0"), ("LC_ALL", "C"), ("TZ", "UTC")]);
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Test Author")
                .env(format!("GIT_{role}_EMAIL"), "author@example.com")
                .env(format!("GIT_{role}_DATE"), format!("{date} +0000"));
        }
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting])).args(arguments);
        let output = command.output().map_err(Error::Start)?;
        if !output.status.success() {
            return Err(Error::Git {
                arguments: arguments.join(" "),
                message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn temporary_home() -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix("kubectl-gitops-repository-")
        .tempdir()
        .map_err(|source| Error::Write { path: std::env::temp_dir(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Result = std::result::Result<(), Error>;

    #[test]
    fn the_same_calls_give_the_same_ids_everywhere() -> Result {
        let repository = RepositoryBuilder::new()?;
        let first = repository.write("app/config.yaml", "a: 1\r\n")?.commit("First")?;
        let second = repository.write("app/config.yaml", "a: 2\n")?.commit("Second")?;
        assert_eq!(first, "8ab900ac632e454dfde1d1eff603b04c60764217");
        assert_eq!(second, "25992e1b5c1c7c54dc51109222838584bf7828ff");
        Ok(())
    }

    #[test]
    fn commits_are_an_hour_apart() -> Result {
        let repository = RepositoryBuilder::new()?;
        repository.commit("First")?;
        repository.commit("Second")?;
        let dates = repository.git(&["log", "--reverse", "--format=%aI %cI"])?;
        let date = |hour| format!("2026-01-01T0{hour}:00:00+00:00");
        let line = |hour| format!("{} {}\n", date(hour), date(hour));
        assert_eq!(dates.replace('Z', "+00:00"), line(0) + &line(1));
        Ok(())
    }

    #[test]
    fn branches_tags_and_removals_are_what_git_says_they_are() -> Result {
        let repository = RepositoryBuilder::new()?;
        let first = repository.write("a/b", "b")?.write("c", "c")?.commit("First")?;
        repository.tag("v1")?.branch("next")?;
        let second = repository.remove("a")?.commit("Second")?;
        repository.branch("main")?;
        assert_eq!(repository.git(&["rev-parse", "v1", "HEAD"])?, format!("{first}\n{first}\n"));
        assert_eq!(repository.git(&["rev-parse", "next"])?.trim(), second);
        assert_eq!(repository.git(&["ls-tree", "-r", "--name-only", "next"])?, "c\n");
        assert!(repository.path().join("a/b").is_file(), "main is checked out again");
        Ok(())
    }

    #[test]
    fn a_repository_that_is_there_is_gone_on_with() -> Result {
        let repository = RepositoryBuilder::new()?;
        repository.commit("First")?;
        let again = RepositoryBuilder::at(repository.path())?;
        again.commit("Second")?;
        assert_eq!(repository.git(&["log", "-1", "--format=%at"])?.trim(), "1767229200");
        Ok(())
    }

    #[test]
    fn what_is_published_follows() -> Result {
        let repository = RepositoryBuilder::new()?;
        let served = repository.path().with_file_name("served.git");
        repository.commit("First")?;
        repository.tag("v1")?.publish(&served)?;
        let second = repository.commit("Second")?;
        repository.publish(&served)?;
        let listed = repository.git(&["ls-remote", &served.to_string_lossy()])?;
        let names: Vec<_> = listed.lines().filter_map(|line| line.split_once('\t')).map(|(_, name)| name).collect();
        assert_eq!(names, ["HEAD", "refs/heads/main", "refs/tags/v1"]);
        assert!(listed.contains(&format!("{second}\trefs/heads/main")), "{listed}");
        Ok(())
    }

    #[test]
    fn what_git_refuses_is_told_with_its_words() {
        let repository = RepositoryBuilder::new().expect("git is there");
        let error = repository.git(&["rev-parse", "--verify", "nothing"]).expect_err("no such ref");
        assert_eq!(error.to_string(), "`git rev-parse --verify nothing` failed: fatal: Needed a single revision");
    }
}
