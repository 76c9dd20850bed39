//! What the user of a cluster wants of its supervisor, as it comes in.
//!
//! In: stdin, one request a line, its end being the wish that the cluster ends; SIGINT and SIGTERM, which mean the
//! same; for detached clusters a file in the data directory. Out: one [`Next`] at a time.

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};

use super::components::Component;
use super::directory::{DataDirectory, STOP};
use super::error::Error;

/// When a cluster ends, beside by a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// When stdin closes, so with the process that started it.
    Caller,
    /// By a signal, so Ctrl-C.
    Signal,
    /// When [`super::stop()`] is called with its directory.
    Detached,
}

/// Something to do with a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Kill(Component),
    Start(Component),
}

impl Request {
    /// What a line of stdin asks for: `kill COMPONENT` or `start COMPONENT`.
    fn parse(line: &str) -> Option<Self> {
        let (verb, name) = line.split_once(' ')?;
        let component = Component::named(name)?;
        match verb {
            "kill" => Some(Self::Kill(component)),
            "start" => Some(Self::Start(component)),
            _ => None,
        }
    }
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Request(Request),
    /// A line that is no request.
    Unknown(String),
    /// Nobody wanted anything within the time.
    Nothing,
    /// Nobody wants the cluster any more.
    End,
}

/// Where requests come from.
pub(super) struct Requests {
    /// Lines of stdin, closed when that is. None where stdin does not matter.
    lines: Option<Receiver<String>>,
    signalled: Arc<AtomicBool>,
    stop: PathBuf,
}

impl Requests {
    /// Begins to listen, for a cluster with `lifetime`.
    pub(super) fn listen(lifetime: Lifetime, directory: &DataDirectory) -> Result<Self, Error> {
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&signalled))
                .map_err(|source| Error::Spawn { what: "a signal handler".into(), source })?;
        }
        let lines = (lifetime == Lifetime::Caller).then(lines_of_stdin);
        Ok(Self { lines, signalled, stop: directory.path().join(STOP) })
    }

    /// Waits at most `time` for what comes next.
    pub(super) fn next(&self, time: Duration) -> Next {
        if self.signalled.load(Ordering::Relaxed) || self.stop.exists() {
            return Next::End;
        }
        let Some(lines) = &self.lines else {
            thread::sleep(time);
            return Next::Nothing;
        };
        match lines.recv_timeout(time) {
            Ok(line) => Request::parse(&line).map_or(Next::Unknown(line), Next::Request),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::End,
        }
    }
}

/// The lines of stdin as they come; the channel closes with it.
fn lines_of_stdin() -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_a_verb_and_a_component() {
        assert_eq!(Request::parse("kill etcd"), Some(Request::Kill(Component::Etcd)));
        assert_eq!(Request::parse("start kube-apiserver"), Some(Request::Start(Component::ApiServer)));
        for line in ["", "kill", "kill kubelet", "stop etcd", "kill etcd now"] {
            assert_eq!(Request::parse(line), None, "{line}");
        }
    }
}
