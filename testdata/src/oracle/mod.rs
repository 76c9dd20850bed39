//! kubectl's own reading of files: what `kubectl apply -f FILE` would go on with, asked of kubectl's own code.
//!
//! In: the bytes of a file, whatever they are. Out: an [`Answer`]. The code is cli-runtime's `resource.Builder` over
//! apimachinery, of the cluster's version, linked into a small program of ours (`testdata/oracle`), which answers one
//! file after the other. [`document`] makes files to try readers with.
//!
//! # Guarantees
//! - Every file gets an answer: a panic of kubectl's is one, and so is a crash that ends the program, which is then
//!   started again.
//! - The program ends with its user, in whatever way that ends: it lives from its stdin.

mod generate;

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::json;

use crate::golang::{self, Recipe};

pub use generate::document;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program could not be built.
    #[error(transparent)]
    Build(#[from] golang::Error),
    /// The program could not be started, or not be talked to.
    #[error("cannot run the oracle of what kubectl reads")]
    Run(#[from] io::Error),
    /// The program said something else than an answer.
    #[error("the oracle of what kubectl reads gave no answer but `{0}`")]
    Unknown(String),
}

/// What kubectl makes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The objects in their order, each in the one form that `testdata/oracle/canonical.go` describes: JSON
    /// but for its floats. Where
    /// there is an error too, these are the ones that kubectl goes on with in spite of it.
    pub objects: Vec<String>,
    /// What kubectl complains about, if anything.
    pub error: Option<String>,
    /// Whether kubectl would have ended without reading to the end.
    #[serde(default)]
    pub panicked: bool,
}

/// The program, running.
#[derive(Debug)]
pub struct Oracle {
    program: PathBuf,
    process: Process,
}

#[derive(Debug)]
struct Process {
    child: Child,
    /// None once it is told to end.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Oracle {
    /// Starts the program, built first where the cache does not have it.
    ///
    /// # Errors
    /// Where Go is missing, or the build fails, or the program does not start.
    pub fn start() -> Result<Self, Error> {
        let recipe = Recipe {
            module: "oracle",
            parts: &[],
            what: "the oracle of what kubectl reads",
            cost: "(once; 2 minutes on 2 cores)",
            otherwise: "",
        };
        let directory = golang::built(&recipe, |go, place| {
            let program = place.join(PROGRAM).display().to_string();
            go.build(&["-ldflags", "-s -w", "-o", &program, "."])
        })?;
        let program = directory.join(PROGRAM);
        let process = Process::start(&program)?;
        Ok(Self { program, process })
    }

    /// What kubectl makes of a file with these bytes.
    ///
    /// # Errors
    /// Where the program cannot be talked to.
    pub fn read(&mut self, file: &[u8]) -> Result<Answer, Error> {
        self.answer(file, false)
    }

    /// What kubectl is handed where kustomize reads a file with these bytes, as one of `resources`.
    ///
    /// # Errors
    /// Where the program cannot be talked to.
    pub fn read_by_kustomize(&mut self, file: &[u8]) -> Result<Answer, Error> {
        self.answer(file, true)
    }

    fn answer(&mut self, file: &[u8], by_kustomize: bool) -> Result<Answer, Error> {
        match self.process.ask(file, by_kustomize) {
            Ok(line) if line.ends_with('\n') => serde_json::from_str(&line).map_err(|_| Error::Unknown(line)),
            // Go ends a program whose stack or memory is full, and nothing in it can keep it from that.
            Ok(_) | Err(_) => {
                self.process.requests = None;
                let status = self.process.child.wait()?;
                self.process = Process::start(&self.program)?;
                Ok(Answer { objects: Vec::new(), error: Some(format!("it ended: {status}")), panicked: true })
            }
        }
    }
}

/// The name of the program in the cache.
const PROGRAM: &str = "oracle";

impl Process {
    fn start(program: &PathBuf) -> io::Result<Self> {
        let mut command = Command::new(program);
        // What it says of a crash is a page for each of its threads.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let answers = child.stdout.take().ok_or_else(|| io::Error::other("it has no stdout"))?;
        Ok(Self { requests: child.stdin.take(), answers: BufReader::with_capacity(1 << 20, answers), child })
    }

    /// One line of the program's, which is empty where it ended.
    fn ask(&mut self, file: &[u8], by_kustomize: bool) -> io::Result<String> {
        let requests = self.requests.as_mut().ok_or_else(|| io::Error::other("it is ending"))?;
        // It reads the whole request before it answers, so neither waits for the other.
        let request = json!({"input": BASE64.encode(file), "kustomize": by_kustomize});
        requests.write_all(format!("{request}\n").as_bytes())?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its stdin is the end of it.
        self.requests = None;
        let _ = self.child.wait();
    }
}
