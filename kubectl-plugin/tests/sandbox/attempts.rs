//! Each attempt of the program: refused inside, and most of them possible outside, or they would prove nothing.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use gitops_compiler::sandbox::{Limits, Strength};

use crate::fixture::{Fixture, children};
use crate::suite::{SECRET, Suite};

/// What would change this machine, or end this test, where it succeeds; so it is not tried outside.
const HARMFUL: &[&str] = &[
    "mount",
    "mount by descriptor",
    "chroot",
    "change the root",
    "change the host's name",
    "change the clock",
    "limit the parent",
    "bind the parent",
    "slow the parent",
    "load a module",
    "enter a namespace",
    "write /proc/self/mem",
    "write /proc/self/oom_adj",
    "become root",
    "become another group",
    "take capabilities",
];

/// What must be possible outside, for anybody and on any kernel.
const POSSIBLE_OUTSIDE: &[&str] = &[
    "tcp connect",
    "tcp listen",
    "udp send",
    "dns",
    "unix path",
    "unix abstract",
    "netlink",
    "socket pair",
    "read /etc/passwd",
    "read a file",
    "read a file by ..",
    "read /proc/PARENT/environ",
    "read /proc/self/environ",
    "read /proc/self/root",
    "list /",
    "open /dev/null",
    "write a file",
    "empty a file",
    "change times",
    "follow a link",
    "follow a relative link",
    "follow a chain of links",
    "follow a link to a folder",
    "write through a link",
    "make a link and follow it",
    "make a hard link",
    "make a pipe",
    "make a file without a name",
    "delete what was written",
    "use an inherited descriptor",
    "execute a program",
    "execute one of the layout",
    "execute memory",
    "execute memory by a path",
    "execute by a descriptor",
    "start a program",
    "start itself",
    "fork",
    "fork with memory",
    "fork the new way",
    "memory with a name",
    "signal the parent",
    "signal a sandbox",
    "open a process",
    "have a descriptor signal",
    "leave the session",
    "live longer",
];

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    let world = Fixture::new(programs);
    let sibling = Sibling::start(&world);
    let listed = Command::new(&world.escape).arg("list").output().expect("it starts").stdout;
    let listed = String::from_utf8(listed).expect("text");
    let (mut tried, mut possible) = (0, Vec::new());
    Suite::part("attempts of a program");
    let before = suite.passed();
    for name in listed.lines() {
        tried += 1;
        suite.test(name, refused(&world, &sibling, name));
        if !HARMFUL.contains(&name) && succeeds_outside(&world, &sibling, name) {
            possible.push(name);
        }
    }
    let refused = suite.passed() - before;
    Suite::part(&format!("{tried} attempts of a program, {refused} refused, {} possible outside", possible.len()));
    let impossible: Vec<_> = POSSIBLE_OUTSIDE.iter().filter(|name| !possible.contains(name)).collect();
    let outcome = if impossible.is_empty() {
        Ok(format!("{} are", POSSIBLE_OUTSIDE.len()))
    } else {
        Err(format!("{impossible:?} are not"))
    };
    suite.test("what is refused inside is possible outside", outcome);
    suite.test("the other sandbox ran all the time", sibling.end(&world));
    suite.test(
        "no private folder is left",
        if world.room_is_empty() { Ok("the room is empty".into()) } else { Err("one is".into()) },
    );
}

fn refused(world: &Fixture, sibling: &Sibling, name: &str) -> Result<String, String> {
    let scratch = world.scratch();
    let arguments = arguments(world, sibling, name, scratch.path());
    let mut job = world.program(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    job.scratch = Some(scratch);
    job.environment = vec![("GIVEN".into(), "yes".into())];
    let output = world.run(job).map_err(|error| format!("{error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.enforced.strength() != Strength::Full {
        return Err(format!("only {}: {}", output.enforced.strength(), output.enforced.reasons()));
    }
    if said.contains(SECRET.1) || output.stderr.contains(SECRET.1) {
        return Err("it saw our environment".to_owned());
    }
    match said.strip_prefix("refused: ") {
        Some(how) if name != "see the environment" || how == "GIVEN=yes" => Ok(how.to_owned()),
        _ => Err(format!("{said} {} {}", output.stderr, output.status)),
    }
}

fn succeeds_outside(world: &Fixture, sibling: &Sibling, name: &str) -> bool {
    // Attempts use up what they find: each has a world of its own.
    let scratch = tempfile::tempdir().expect("a folder");
    for file in ["victim", "old"] {
        std::fs::write(world.path("outside").join(file), "x").expect("writable");
    }
    let output =
        Command::new(&world.escape).args(arguments(world, sibling, name, scratch.path())).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    // A program that was executed says what it did, and not the one that did it.
    let escaped = said.starts_with("escaped") || (name.starts_with("execute") && !said.starts_with("refused"));
    for file in ["new", "out", "newer", "through"] {
        let _ = std::fs::remove_file(world.path("outside").join(file));
    }
    let _ = std::fs::remove_dir(world.path("outside/folder"));
    let _ = std::fs::remove_file(world.path("layout/new"));
    escaped
}

/// The arguments that the group of an attempt takes; see its source.
fn arguments(world: &Fixture, sibling: &Sibling, name: &str, scratch: &Path) -> Vec<String> {
    let parent = std::process::id().to_string();
    let is_any = |words: &[&str]| words.iter().any(|word| name.starts_with(word));
    let [port, path, abstract_name] = world.network();
    let mut arguments = vec![name.to_owned()];
    let network =
        ["tcp", "udp", "dns", "unix", "netlink", "vsock", "packet", "raw", "alg", "socket", "io_uring socket"];
    if is_any(&network) {
        arguments.extend([port, path, abstract_name]);
    } else if is_any(&["execute", "start", "fork"]) {
        let own_rights = ["/usr/bin/su", "/bin/su", "/usr/bin/passwd", "/usr/bin/mount"];
        let own_rights = own_rights.iter().find(|path| Path::new(path).exists()).unwrap_or(&"/bin/false");
        let loader = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"];
        let loader = loader.iter().find(|path| Path::new(path).exists()).unwrap_or(&"/bin/false");
        arguments.extend(["/bin/true".into(), world.text("layout/program"), (*own_rights).into(), (*loader).into()]);
    } else if is_kernel(name) {
        arguments.extend([parent, sibling.process.to_string(), sibling.folder.clone()]);
    } else {
        let scratch = scratch.display().to_string();
        arguments.extend([world.text("token"), world.text("outside"), world.text("layout"), scratch, parent]);
    }
    arguments
}

/// Whether an attempt is about the kernel or processes, and not about files.
fn is_kernel(name: &str) -> bool {
    let words = [
        "ptrace",
        "read memory",
        "compare",
        "mount",
        "unshare",
        "signal",
        "queue",
        "limit the",
        "bind",
        "slow",
        "open a process",
        "have a",
        "see a sandbox",
    ];
    words.iter().any(|word| name.starts_with(word))
}

/// Another sandbox that runs meanwhile.
struct Sibling {
    process: u32,
    folder: String,
}

impl Sibling {
    fn start(world: &Fixture) -> Self {
        let scratch = world.scratch();
        let folder = scratch.path().display().to_string();
        let mut job = world.program(&["sleep"]);
        job.scratch = Some(scratch);
        job.limits = Limits { time: Duration::from_hours(1), ..Limits::default() };
        let sandbox = world.sandbox.clone();
        thread::spawn(move || sandbox.run(job));
        for _ in 0..1000 {
            if let [process] = children("sleep")[..] {
                return Self { process, folder };
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the other sandbox does not start");
    }

    fn end(&self, world: &Fixture) -> Result<String, String> {
        let is_there = children("sleep") == [self.process];
        let pid = rustix::process::Pid::from_raw(self.process.cast_signed()).expect("a number");
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        for _ in 0..1000 {
            if world.room_is_empty() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        if is_there { Ok("it had to be killed".to_owned()) } else { Err("it is gone".to_owned()) }
    }
}
