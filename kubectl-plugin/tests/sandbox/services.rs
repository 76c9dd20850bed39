//! Workers that are asked again and again: what they answer, and how they end.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use gitops_compiler::sandbox::{Error, Job, Limit, Limits, Service, Strength, Task};

use crate::fixture::{Fixture, children};
use crate::suite::Suite;
use crate::workers::expect;

/// How the processes of these jobs are found.
const ARGUMENT: &str = "__sandbox";
const TIME: Duration = Duration::from_millis(200);

/// Gives each line back, but for some, which it obeys.
pub(crate) fn lines(request: &mut dyn Read, answer: &mut dyn Write) -> Result<(), String> {
    for line in BufReader::new(request).lines() {
        let line = line.map_err(|error| error.to_string())?;
        match line.as_str() {
            "compute" => loop {
                std::hint::spin_loop();
            },
            "sleep" => thread::sleep(Duration::from_hours(1)),
            "flood" => loop {
                answer.write_all(&[b'x'; 1 << 10]).map_err(|error| error.to_string())?;
            },
            "panic" => panic!("as it was told to"),
            "end" => return Ok(()),
            _ => {
                let said = writeln!(answer, "{line}").and_then(|()| answer.flush());
                said.map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}

/// How often a question is asked of a machine that is too busy for it.
const ROUNDS: usize = 10;

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    let world = Fixture::new(programs);
    Suite::part("services");
    suite.test("a service answers each question", answers(&world));
    for (question, is) in [
        ("compute", Error::Limit(Limit::ProcessorTime(TIME))),
        ("sleep", Error::Limit(Limit::Time(TIME * 10))),
        ("flood", Error::Limit(Limit::Output(1 << 20))),
    ] {
        let ask = || start(&world).and_then(|service| service.ask(question.into(), TIME));
        let is_too_busy =
            |asked: &Result<_, Error>| question == "compute" && matches!(asked, Err(Error::Limit(Limit::Time(_))));
        // On a busy machine it may have less than a tenth of a processor: then its time on the clock ends first.
        let asked = (0..ROUNDS).map(|_| ask()).find(|asked| !is_too_busy(asked)).unwrap_or_else(ask);
        let outcome = expect(asked, |error| error.to_string() == is.to_string());
        suite.test(&format!("a service that is told to {question}"), outcome);
        suite.test(&format!("nothing is left after {question}"), gone());
    }
    for question in ["panic", "end"] {
        suite.test(&format!("a service that is told to {question}"), died(&world, question));
    }
    let job =
        Job { least: Strength::None, ..Job::new(Task::Program { path: "/bin/true".into(), libraries: Vec::new() }) };
    suite.test("a program is no service", expect(world.sandbox.serve(job), |error| matches!(error, Error::Setup(_))));
    let unknown = world.sandbox.serve(Job::new(Task::Worker("nobody")));
    suite.test("a service of nobody", expect(unknown, |error| matches!(error, Error::Setup(_))));
    suite.test("a service that is dropped", dropped(&world));
}

fn start(world: &Fixture) -> Result<Service, Error> {
    let mut job = Job::new(Task::Worker("lines"));
    job.limits = Limits { output: 1 << 20, memory: 1 << 30, ..Limits::default() };
    world.sandbox.serve(job)
}

fn answers(world: &Fixture) -> Result<String, String> {
    let service = start(world).map_err(|error| error.to_string())?;
    if service.enforced().strength() != Strength::Full {
        return Err(service.enforced().reasons());
    }
    // The largest that it may answer, and more than a pipe holds.
    let long = "x".repeat(1 << 20);
    for number in 0..100 {
        let question = if number % 10 == 0 { long.clone() } else { format!("{number}") };
        let answer =
            service.ask(question.clone().into(), Duration::from_secs(10)).map_err(|error| error.to_string())?;
        if answer != question.as_bytes() {
            return Err(format!("another answer to question {number}"));
        }
    }
    Ok("100 questions".to_owned())
}

fn died(world: &Fixture, question: &str) -> Result<String, String> {
    let service = start(world).map_err(|error| error.to_string())?;
    let first = expect(service.ask(question.into(), Duration::from_secs(10)), |error| matches!(error, Error::Died(_)))?;
    expect(service.ask("again".into(), TIME), |error| matches!(error, Error::Died(_)))?;
    gone().map(|_| first.replace('\n', " "))
}

fn dropped(world: &Fixture) -> Result<String, String> {
    let service = start(world).map_err(|error| error.to_string())?;
    if children(ARGUMENT).is_empty() {
        return Err("it was not there".to_owned());
    }
    drop(service);
    gone()
}

/// No process is left, soon.
fn gone() -> Result<String, String> {
    let is_gone = (0..1000).any(|_| {
        thread::sleep(Duration::from_millis(10));
        children(ARGUMENT).is_empty()
    });
    if is_gone { Ok("no process".to_owned()) } else { Err("a process is left".to_owned()) }
}
