//! Workers that are hostile: the same rights as a renderer, and no program to execute.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use gitops_compiler::sandbox::{Error, Job, Limit, Limits, Strength, Task, Worker};
use gitops_compiler::schema::RULES_WORKER;
use rustix::process::{Pid, Signal, kill_process};

use crate::fixture::Fixture;
use crate::services;
use crate::suite::{SECRET, Suite};

/// All workers of this program.
pub(crate) const ALL: &[Worker] = &[
    RULES_WORKER,
    Worker { name: "attempt", work: attempt },
    Worker { name: "echo", work: echo },
    Worker { name: "lines", work: services::lines },
    Worker { name: "panic", work: |_, _| panic!("as it was told to") },
    Worker { name: "fail", work: |_, _| Err("it \u{1b}[31mfailed".to_owned()) },
    Worker { name: "busy", work: |_, _| busy() },
    Worker { name: "threads", work: |_, _| threads() },
    Worker { name: "memory", work: |_, _| memory() },
    Worker { name: "output", work: output },
    Worker { name: "deep", work: |_, _| Err(format!("{}", deep(1))) },
];

const ATTEMPTS: &[&str] = &[
    "tcp",
    "udp",
    "unix",
    "read",
    "passwd",
    "environ",
    "write",
    "layout",
    "scratch",
    "list",
    "descriptors",
    "execute",
    "itself",
    "environment",
    "signal",
    "device",
    "inherited",
    "remove",
    "link",
    "dump",
];

fn echo(request: &mut dyn Read, answer: &mut dyn Write) -> Result<(), String> {
    std::io::copy(request, answer).map(drop).map_err(|error| error.to_string())
}

/// The request is the name of an attempt and what it needs, one a line.
fn attempt(request: &mut dyn Read, answer: &mut dyn Write) -> Result<(), String> {
    let mut text = String::new();
    request.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = text.lines().collect();
    let [name, port, socket, token, outside, layout, parent] = lines[..] else { return Err("what?".to_owned()) };
    let tried: Result<(), String> = match name {
        "tcp" => TcpStream::connect(format!("127.0.0.1:{port}")).map(drop).map_err(told),
        "udp" => UdpSocket::bind("127.0.0.1:0").map(drop).map_err(told),
        "unix" => UnixStream::connect(socket).map(drop).map_err(told),
        "read" => fs::read(token).map(drop).map_err(told),
        "passwd" => fs::read("/etc/passwd").map(drop).map_err(told),
        "environ" => fs::read(format!("/proc/{parent}/environ")).map(drop).map_err(told),
        "write" => fs::write(format!("{outside}/worker"), "x").map_err(told),
        "layout" => fs::write(format!("{layout}/worker"), "x").map_err(told),
        "scratch" => fs::write("/tmp/worker", "x").map_err(told),
        "list" => fs::read_dir("/").map(drop).map_err(told),
        "descriptors" => fs::read_dir("/proc/self/fd").map(drop).map_err(told),
        "execute" => Command::new("/bin/true").status().map(drop).map_err(told),
        "itself" => Command::new("/proc/self/exe").status().map(drop).map_err(told),
        "environment" => std::env::var(SECRET.0).map(drop).map_err(|error| error.to_string()),
        "signal" => parent.parse().map_err(|_| "what?".to_owned()).and_then(|parent| {
            kill_process(Pid::from_raw(parent).ok_or("what?")?, Signal::CONT).map_err(|error| error.to_string())
        }),
        "device" => fs::read("/dev/null").map(drop).map_err(told),
        // The rights to a descriptor are those that it was opened with: there must be none.
        "inherited" => (3..64)
            .find(|number| fs::read_link(format!("/proc/self/fd/{number}")).is_ok_and(|to| to.ends_with("secret")))
            .map_or(Err("there is none".to_owned()), |_| Ok(())),
        "remove" => fs::remove_file(format!("{outside}/theirs")).map_err(told),
        "link" => fs::hard_link(format!("{outside}/theirs"), "/tmp/worker").map_err(told),
        "dump" => fs::read("/proc/self/mem").map(drop).map_err(told),
        other => return Err(format!("there is no attempt {other}")),
    };
    let said = match tried {
        Ok(()) => format!("escaped: {name}"),
        Err(how) => format!("refused: {how}"),
    };
    answer.write_all(said.as_bytes()).map_err(|error| error.to_string())
}

fn told(error: std::io::Error) -> String {
    error.to_string()
}

fn busy() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn threads() -> Result<(), String> {
    loop {
        let started = thread::Builder::new().stack_size(16 << 10).spawn(|| thread::sleep(Duration::from_hours(1)));
        if started.is_err() {
            // It is the number of them that is too high, or will be seen to be.
            thread::sleep(Duration::from_hours(1));
        }
    }
}

fn memory() -> Result<(), String> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 64 << 20]);
    }
}

fn output(_: &mut dyn Read, answer: &mut dyn Write) -> Result<(), String> {
    let block = vec![b'x'; 1 << 16];
    loop {
        answer.write_all(&block).map_err(|error| error.to_string())?;
    }
}

/// Uses up its stack.
fn deep(number: u64) -> u64 {
    let block = std::hint::black_box([number; 512]);
    if number == 0 { 0 } else { deep(std::hint::black_box(number + 1)) + block[7] }
}

fn job(name: &'static str) -> Job {
    let mut job = Job::new(Task::Worker(name));
    job.limits = Limits { memory: 1 << 30, time: Duration::from_mins(1), ..Limits::default() };
    job
}

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    let world = Fixture::new(programs);
    Suite::part("attempts of a worker");
    let before = suite.passed();
    for name in ATTEMPTS {
        suite.test(name, refused(&world, name));
    }
    let refused = suite.passed() - before;
    Suite::part(&format!("{} attempts of a worker, {refused} refused", ATTEMPTS.len()));
    Suite::part("ends of a worker");
    suite.test("a worker answers", answers(&world));
    suite
        .test("a worker that there is not", expect(world.run(job("nobody")), |error| matches!(error, Error::Setup(_))));
    let limits = |limits: Limits, name| {
        let mut job = job(name);
        job.limits = limits;
        job
    };
    let short = Limits { processor_time: Duration::from_millis(300), ..job("busy").limits };
    let is = |limit: Limit| move |error: &Error| matches!(error, Error::Limit(hit) if *hit == limit);
    suite.test(
        "a worker that computes",
        expect(world.run(limits(short, "busy")), is(Limit::ProcessorTime(Duration::from_millis(300)))),
    );
    let short = Limits { time: Duration::from_millis(300), ..job("busy").limits };
    suite.test(
        "a worker that takes long",
        expect(world.run(limits(short, "busy")), is(Limit::Time(Duration::from_millis(300)))),
    );
    let few = Limits { threads: 100, memory: 8 << 30, time: Duration::from_secs(20), ..job("threads").limits };
    suite.test("a worker with threads", threads_are_limited(world.run(limits(few, "threads"))));
    let little = Limits { output: 1 << 20, ..job("output").limits };
    suite.test("a worker that writes", expect(world.run(limits(little, "output")), is(Limit::Output(1 << 20))));
    for (name, says) in [
        ("panic", "as it was told to"),
        ("fail", "it \\u{1b}[31mfailed"),
        ("memory", "memory allocation"),
        ("deep", "stack"),
    ] {
        let ended = world.run(job(name)).map_err(|error| error.to_string()).and_then(|output| {
            let text = format!("{}: {}", output.status, output.stderr);
            if !output.status.success() && text.contains(says) { Ok(text.replace('\n', " ")) } else { Err(text) }
        });
        suite.test(&format!("a worker that ends by {name}"), ended);
    }
}

/// Where its user is its own the kernel gives it no more, and then it sleeps; otherwise we count.
fn threads_are_limited(result: Result<gitops_compiler::sandbox::Output, Error>) -> Result<String, String> {
    let is_root = rustix::process::geteuid().is_root();
    expect(result, |error| match error {
        Error::Limit(Limit::Threads(100)) => !is_root,
        Error::Limit(Limit::Time(_)) => is_root,
        _ => false,
    })
}

/// The error that a job must end with.
pub(crate) fn expect<T: std::fmt::Debug>(
    result: Result<T, Error>,
    is: impl Fn(&Error) -> bool,
) -> Result<String, String> {
    match result {
        Err(error) if is(&error) => Ok(error.to_string()),
        other => Err(format!("{other:?}")),
    }
}

fn refused(world: &Fixture, name: &str) -> Result<String, String> {
    let [port, socket, _] = world.network();
    let (token, outside, layout) = (world.text("token"), world.text("outside"), world.text("layout"));
    let parent = std::process::id();
    let mut job = job("attempt");
    job.layout = Some(world.path("layout"));
    job.stdin = format!("{name}\n{port}\n{socket}\n{token}\n{outside}\n{layout}\n{parent}\n").into_bytes();
    let output = world.run(job).map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match said.strip_prefix("refused: ") {
        Some(how) if output.enforced.strength() == Strength::Full => Ok(how.to_owned()),
        _ => Err(format!("{said} {} {} {}", output.stderr, output.status, output.enforced.reasons())),
    }
}

fn answers(world: &Fixture) -> Result<String, String> {
    let mut job = job("echo");
    // More than pipes hold, both ways at once.
    job.stdin = b"0123456789abcdef".repeat(1 << 18);
    let expected = job.stdin.clone();
    let output = world.run(job).map_err(|error| error.to_string())?;
    if output.stdout == expected && output.status.success() {
        Ok(format!("{} bytes came back", expected.len()))
    } else {
        Err(format!("{} bytes, {}", output.stdout.len(), output.stderr))
    }
}
