//! Runs Go: which version there is, and builds with progress.
//!
//! In: the directory of a Go module and arguments. Out: what Go printed, or the end of what it complained about.
//! The environment is the user's (proxies, caches), less what would build something else than for this machine.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::error::Error;
use super::progress::Progress;

/// The oldest Go that Kubernetes v1.37 and its libraries build with: 1.26.
const OLDEST: (u32, u32) = (1, 26);
/// How much of a failed build's output is shown.
const SHOWN_LINES: usize = 30;

/// The version of Go that would build the module, such as `go1.26.8`; none where Go is missing or too old.
pub(super) fn version(module: &Path) -> Option<String> {
    let output = command(module).args(["env", "GOVERSION"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let version = text.split_whitespace().next()?;
    is_new_enough(version).then(|| version.to_owned())
}

/// Whether `version`, such as `go1.26.8` or `go1.27rc1`, is at least [`OLDEST`].
fn is_new_enough(version: &str) -> bool {
    let number = |text: &str| {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..digits].parse::<u32>().ok()
    };
    let mut parts = version.trim_start_matches("go").split('.');
    match (parts.next().and_then(number), parts.next().and_then(number)) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        // A development build has a name of its own; whoever has one knows.
        _ => version.starts_with("devel"),
    }
}

/// The directory of the sources of a module such as `k8s.io/api@v0.37.2`, which Go fetches where it does not have them.
/// `place` is any module of ours.
pub(crate) fn source(place: &Path, module: &str) -> Result<PathBuf, Error> {
    let what = || format!("go mod download -json {module}");
    let output = command(place).args(["mod", "download", "-json", module]).output();
    let output = output.map_err(|source| Error::Start { command: what(), source })?;
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let complaint = || {
        let told = told["Error"].as_str().map(str::to_owned);
        told.unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    match told["Dir"].as_str() {
        Some(directory) if output.status.success() => Ok(PathBuf::from(directory)),
        _ => Err(Error::Failed { command: what(), status: output.status, output: complaint() }),
    }
}

fn command(module: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .current_dir(module)
        .env_remove("GOFLAGS")
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .envs([("CGO_ENABLED", "0"), ("GOWORK", "off")])
        .stdin(Stdio::null());
    command
}

/// A series of Go commands with one progress line.
pub(crate) struct Go<'a> {
    module: &'a Path,
    progress: Progress,
    /// How many packages were compiled so far.
    compiled: usize,
}

impl<'a> Go<'a> {
    pub(super) fn new(module: &'a Path, progress: Progress) -> Self {
        Self { module, progress, compiled: 0 }
    }

    /// `go build` with `arguments`.
    pub(crate) fn build(&mut self, arguments: &[&str]) -> Result<(), Error> {
        // `-v` names each package as it is compiled: that is the progress.
        self.output(&[&["build", "-v", "-trimpath", "-buildvcs=false"], arguments].concat())?;
        Ok(())
    }

    /// Runs `go` with `arguments` and returns its stdout.
    pub(crate) fn output(&mut self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = command(self.module);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let what = || format!("go {}", arguments.join(" "));
        let mut go = command.spawn().map_err(|source| Error::Start { command: what(), source })?;
        let (sender, lines) = mpsc::channel();
        let stderr = go.stderr.take();
        thread::spawn(move || {
            for line in stderr.into_iter().flat_map(|pipe| BufReader::new(pipe).lines()).flatten() {
                // Nobody listens only when the build is given up.
                let _ = sender.send(line);
            }
        });
        let last_lines = self.follow(&lines);
        let output = go.wait_with_output().map_err(|source| Error::Start { command: what(), source })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let shown = Vec::from(last_lines).join("\n");
        Err(Error::Failed { command: what(), status: output.status, output: shown })
    }

    /// Reads what Go says until it has nothing more to say; returns the last lines.
    fn follow(&mut self, lines: &mpsc::Receiver<String>) -> VecDeque<String> {
        let mut last_lines = VecDeque::new();
        let mut note = "taking from the cache".to_owned();
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) => {
                    note = self.note(&line);
                    last_lines.push_back(line);
                    if last_lines.len() > SHOWN_LINES {
                        last_lines.pop_front();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return last_lines,
            }
            self.progress.tick(&note);
        }
    }

    /// What a line of Go's means for who waits.
    fn note(&mut self, line: &str) -> String {
        if let Some(module) = line.strip_prefix("go: downloading ") {
            return format!("downloading {module}");
        }
        self.compiled += 1;
        // With the cache warm a single package is left, the largest of all to link.
        match self.compiled {
            1 => "1 package compiled".to_owned(),
            count => format!("{count} packages compiled"),
        }
    }

    /// Ends the progress line.
    pub(super) fn end(self) {
        self.progress.end("built");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_of_go_are_told_from_new_ones() {
        for version in ["go1.26", "go1.26.0", "go1.26rc1", "go1.30.1", "go2.0", "devel"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["go1.25.9", "go1.9", "go", ""] {
            assert!(!is_new_enough(version), "{version}");
        }
    }

    #[test]
    fn a_build_that_fails_shows_what_go_said() {
        let module = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(module.path().join("go.mod"), "module x\n\ngo 1.26\n").expect("writable");
        std::fs::write(module.path().join("main.go"), "package main\n\nfunc main() { x }\n").expect("writable");
        let mut go = Go::new(module.path(), Progress::begin("building"));
        let error = go.build(&["."]).expect_err("x is not declared").to_string();
        assert!(error.contains("undefined: x"), "{error}");
    }
}
