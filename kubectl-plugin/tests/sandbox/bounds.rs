//! What a program can use up, and what it is given.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use gitops_compiler::sandbox::{Error, Job, Limit, Limits, Output, Sandbox, Task};

use crate::fixture::{Fixture, children, children_of};
use crate::suite::{SECRET, Suite};
use crate::workers::expect;

const MIB: u64 = 1 << 20;
/// The first argument of a run that is killed.
pub(crate) const ARGUMENT: &str = "wait-for-ever";

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    let world = Fixture::new(programs);
    Suite::part("bounds of a program");
    for (name, limits, hit) in limits() {
        let scratch = world.scratch();
        let folder = scratch.path().display().to_string();
        let mut job = world.program(&[name, &folder]);
        job.scratch = Some(scratch);
        job.limits = limits;
        suite.test(name, expect(world.run(job), |error| matches!(error, Error::Limit(limit) if *limit == hit)));
        let left = children(name);
        suite.test(&format!("nothing is left of {name}"), none(&left, world.room_is_empty()));
    }
    for (name, says) in [
        ("processes", "refused: "),
        ("descriptors", "refused: "),
        ("sparse file", "refused: "),
        ("deaf", "it does not listen\n"),
    ] {
        let scratch = world.scratch();
        let folder = scratch.path().display().to_string();
        let mut job = world.program(&[name, &folder]);
        job.scratch = Some(scratch);
        job.stdin = vec![b'x'; 4 << 20];
        suite.test(name, output(&world, job, |output| output.stdout.starts_with(says.as_bytes())));
    }
    let mut bomb = world.program(&["memory"]);
    bomb.limits.memory = 1 << 30;
    suite.test(
        "memory",
        output(&world, bomb, |output| !output.status.success() && output.stderr.contains("out of memory")),
    );
    suite.test("a sandbox whose parent is killed", orphan(&world));
    Suite::part("what a program is given");
    given(suite, &world);
}

/// A process with a sandbox that does not end, in a folder.
pub(crate) fn wait_for_ever(arguments: &[String]) -> ExitCode {
    let [escape, room] = arguments else { return ExitCode::FAILURE };
    let sandbox = Sandbox::new("/proc/self/exe", room);
    let mut job = Job::new(Task::Program { path: escape.into(), libraries: Vec::new() });
    job.arguments = vec!["sleep".into()];
    job.scratch = sandbox.scratch().ok();
    let _ = sandbox.run(job);
    ExitCode::FAILURE
}

/// It ends as well, and what it leaves is deleted by the next.
fn orphan(world: &Fixture) -> Result<String, String> {
    let own = std::env::current_exe().expect("there is one");
    let arguments = [ARGUMENT, &world.escape.display().to_string(), &world.text("room")];
    let mut parent = Command::new(own).args(arguments).spawn().expect("it starts");
    let soon = |is: &dyn Fn() -> bool| {
        (0..1000).any(|_| {
            thread::sleep(Duration::from_millis(10));
            is()
        })
    };
    let started = soon(&|| !children_of(parent.id(), "sleep").is_empty());
    let child = children_of(parent.id(), "sleep");
    parent.kill().and_then(|()| parent.wait()).expect("ours");
    let left = !world.room_is_empty();
    let ended = soon(&|| child.iter().all(|child| fs::read_link(format!("/proc/{child}/exe")).is_err()));
    drop(world.scratch());
    match (started, left, ended, world.room_is_empty()) {
        (true, true, true, true) => Ok("it ended, and its folder is gone".to_owned()),
        other => Err(format!("started, left, ended, empty: {other:?}")),
    }
}

/// What is used up, the limits, and the one that is hit.
fn limits() -> Vec<(&'static str, Limits, Limit)> {
    let limits = || Limits { time: Duration::from_mins(1), ..Limits::default() };
    let second = Duration::from_secs(1);
    vec![
        ("output", Limits { output: 4 * MIB, ..limits() }, Limit::Output(4 * MIB)),
        ("messages", limits(), Limit::Messages(MIB)),
        ("disk", Limits { scratch: 64 * MIB, ..limits() }, Limit::Scratch(64 * MIB)),
        ("small files", Limits { files: 100, ..limits() }, Limit::Files(100)),
        ("one file", Limits { scratch: 32 * MIB, ..limits() }, Limit::Scratch(32 * MIB)),
        ("busy", Limits { processor_time: second, ..limits() }, Limit::ProcessorTime(second)),
        ("sleep", Limits { time: second, ..limits() }, Limit::Time(second)),
        ("stubborn", Limits { time: second, ..limits() }, Limit::Time(second)),
        ("silent", Limits { time: second, ..limits() }, Limit::Time(second)),
    ]
}

fn none(left: &[u32], room_is_empty: bool) -> Result<String, String> {
    match (left, room_is_empty) {
        ([], true) => Ok("no process, no folder".to_owned()),
        _ => Err(format!("processes {left:?}, room empty: {room_is_empty}")),
    }
}

fn output(world: &Fixture, job: Job, is: impl Fn(&Output) -> bool) -> Result<String, String> {
    let output = world.run(job).map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let text = format!("{} {} {}", output.status, said.trim(), output.stderr.lines().next().unwrap_or_default());
    if is(&output) { Ok(text) } else { Err(format!("{text} {}", output.stderr)) }
}

fn given(suite: &mut Suite, world: &Fixture) {
    let is_root = rustix::process::geteuid().is_root();
    let hidden = if is_root { Limit::Scratch(16 * MIB) } else { Limit::UnreadableFolder };
    let scratch = world.scratch();
    let mut job = world.program(&["hidden files", &scratch.path().display().to_string()]);
    job.scratch = Some(scratch);
    job.limits.scratch = 16 * MIB;
    let hits = |error: &Error| matches!(error, Error::Limit(limit) if *limit == hidden);
    suite.test("a folder that cannot be read", expect(world.run(job), hits));
    suite.test("it is gone", none(&[], world.room_is_empty()));
    suite.test("threads", threads(world, is_root));

    let mut job = world.program(&["environment"]);
    job.environment = vec![("B".into(), "2".into()), ("A".into(), "1".into())];
    let exactly = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        lines == ["A=1", "B=2"] && !text.contains(SECRET.1)
    };
    suite.test("exactly its environment", output(world, job, exactly));

    let scratch = world.scratch();
    let mut job = world.program(&["work", &scratch.path().display().to_string(), &world.text("layout")]);
    job.scratch = Some(scratch);
    suite.test(
        "it reads its layout and writes its folder",
        output(world, job, |output| output.stdout == b"what a render reads\n"),
    );

    let mut job = world.program(&["echo"]);
    job.stdin = b"line\n".repeat(1 << 16);
    let length = job.stdin.len();
    suite.test("it reads its stdin", output_quietly(world, job, |output| output.stdout.len() == length));

    let who = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        let own = rustix::process::getuid().as_raw().to_string();
        let is_user = if is_root { words[0].len() == 10 && words[0].starts_with("20") } else { words[0] == own };
        is_user && words[2] == world.text("layout") && words[3] == "escape"
    };
    suite.test("who it is", output(world, world.program(&["who"]), who));

    let status = |output: &Output| output.status.code() == Some(3) && output.stderr == "\\u{1b}[31mit failed";
    suite.test("how it ends", output(world, world.program(&["status"]), status));

    let closed = world.path("closed");
    fs::create_dir(&closed).expect("writable");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("ours");
    let mut job = world.program(&["who"]);
    job.layout = Some(closed);
    suite.test("a layout that it may not read", expect(world.run(job), |error| matches!(error, Error::Setup(_))));
    let missing = Job::new(Task::Program { path: "/nonexistent".into(), libraries: Vec::new() });
    suite.test("a program that is not there", expect(world.run(missing), |error| matches!(error, Error::Setup(_))));
    suite.test("a program with shared libraries", shared_libraries(world));
}

/// Where its user is its own the kernel gives it no more threads, and Go ends; otherwise we count.
fn threads(world: &Fixture, is_root: bool) -> Result<String, String> {
    let mut job = world.program(&["threads"]);
    job.limits = Limits { threads: 100, ..job.limits };
    match world.run(job) {
        Err(Error::Limit(limit @ Limit::Threads(100))) => Ok(limit.to_string()),
        Ok(output) if is_root && output.stderr.contains("failed to create new OS thread") => {
            Ok("the kernel gives no more".into())
        }
        other => Err(format!("{other:?}")),
    }
}

fn output_quietly(world: &Fixture, job: Job, is: impl Fn(&Output) -> bool) -> Result<String, String> {
    let output = world.run(job).map_err(|error| error.to_string())?;
    let text = format!("{} {} bytes", output.status, output.stdout.len());
    if is(&output) { Ok(text) } else { Err(format!("{text} {}", output.stderr)) }
}

/// Runs where its libraries are given, and not without them.
fn shared_libraries(world: &Fixture) -> Result<String, String> {
    let job = |libraries: &[&str]| {
        let libraries = libraries.iter().map(Into::into).filter(|path: &std::path::PathBuf| path.exists()).collect();
        let mut job = Job::new(Task::Program { path: "/bin/cat".into(), libraries });
        job.layout = Some(world.path("layout"));
        job.arguments = vec!["file".into()];
        job
    };
    let libraries = ["/lib64", "/lib", "/usr/lib", "/usr/lib64"];
    output(world, job(&libraries), |output| output.stdout == b"what a render reads\n")?;
    output(world, job(&[]), |output| !output.status.success())
}
