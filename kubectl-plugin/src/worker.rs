//! Workers of ours in the sandbox that are asked again and again: what others have written may run for ever, and take all
//! memory.
//!
//! In: questions, as JSON. Out: answers. Guarantees: a question is answered within seconds, or it is an error, whatever it
//! makes the worker do; nothing but what it is asked reaches the worker. One that had to be stopped is started again for
//! the next question.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gitops_compiler::sandbox::{Job, Limits, Sandbox, Service, Strength, Task, Worker};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How long an answer may be computed until the process is ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a worker is stopped over one thing until that is not asked any more: what hangs once would do so for each object.
const MOST_STOPS: u32 = 2;

/// How long an answer may be.
const LONGEST_ANSWER: u64 = 1 << 20;

/// A worker that is started for its first question.
#[derive(Debug)]
pub(crate) struct KeptWorker {
    name: &'static str,
    sandbox: Result<Sandbox, String>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// None before the first question, and after one that had to be stopped.
    service: Option<Service>,
    asked: u64,
    /// How often it had to be stopped, by what it was asked about.
    stopped: BTreeMap<String, u32>,
}

/// A question or an answer, with the number that says which belong together.
#[derive(Serialize, Deserialize)]
struct Numbered<T> {
    number: u64,
    content: T,
}

/// A sandbox that starts this program again.
pub(crate) fn own_sandbox() -> Result<Sandbox, String> {
    // On Linux this is our own program, even where another has come to its place.
    let own = if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() };
    let sandbox = own.map(|own| Sandbox::new(own, std::env::temp_dir()));
    sandbox.map_err(|error| format!("this program does not know its own path: {error}"))
}

impl KeptWorker {
    /// One of our workers, in this sandbox.
    pub(crate) fn new(worker: &Worker, sandbox: Result<Sandbox, String>) -> Self {
        Self { name: worker.name, sandbox, state: Mutex::default() }
    }

    /// Asks, and waits for the answer. `about` is what hangs where the worker has to be stopped: after some times it is not
    /// asked any more.
    pub(crate) fn ask<Q: Serialize, A: DeserializeOwned>(&self, about: &str, question: &Q) -> Result<A, String> {
        // Nothing in there is broken by a panic.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let stops = state.stopped.get(about).copied().unwrap_or_default();
        if stops >= MOST_STOPS {
            return Err(format!("it was stopped {stops} times, and is not asked again"));
        }
        state.asked += 1;
        let number = state.asked;
        let line = serde_json::to_vec(&Numbered { number, content: question }).map_err(|error| error.to_string())?;
        let service = match state.service.take() {
            Some(service) => service,
            None => self.start()?,
        };
        let answer = service.ask(line, PATIENCE);
        let answer = answer.map_err(|error| error.to_string()).and_then(|bytes| {
            let answer: Numbered<A> =
                serde_json::from_slice(&bytes).map_err(|_| "its answer cannot be read".to_owned())?;
            // An answer that nobody asked for.
            if answer.number == number { Ok(answer.content) } else { Err("its answer is another's".to_owned()) }
        });
        match answer {
            Ok(_) => state.service = Some(service),
            Err(_) => *state.stopped.entry(about.to_owned()).or_default() += 1,
        }
        answer
    }

    fn start(&self) -> Result<Service, String> {
        let mut job = Job::new(Task::Worker(self.name));
        let day = Duration::from_hours(24);
        job.limits = Limits {
            time: day,
            processor_time: day,
            memory: 1 << 30,
            output: LONGEST_ANSWER,
            messages: 64 << 10,
            threads: 1,
            ..Limits::default()
        };
        job.least = if cfg!(target_os = "linux") { Strength::Weak } else { Strength::None };
        self.sandbox.as_ref().map_err(String::clone)?.serve(job).map_err(|error| error.to_string())
    }
}

/// The side of the worker: answers one question a line. Nothing of one is left for the next. `broken` is the answer where
/// what computes it has a bug.
pub(crate) fn answer_each<Q: DeserializeOwned, A: Serialize>(
    questions: &mut dyn Read,
    answers: &mut dyn Write,
    answer: impl Fn(&Q) -> A,
    broken: impl Fn() -> A,
) -> Result<(), String> {
    for line in BufReader::new(questions).lines() {
        let line = line.map_err(|error| error.to_string())?;
        let Numbered::<Q> { number, content } = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let content = catch_unwind(AssertUnwindSafe(|| answer(&content))).unwrap_or_else(|_| broken());
        serde_json::to_writer(&mut *answers, &Numbered { number, content }).map_err(|error| error.to_string())?;
        answers.write_all(b"\n").and_then(|()| answers.flush()).map_err(|error| error.to_string())?;
    }
    Ok(())
}
