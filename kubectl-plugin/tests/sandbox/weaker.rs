//! What cannot be enforced is told, and a job that needs it is not run. A filter of system calls stands for a kernel that
//! lacks Landlock, or seccomp as well.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use gitops_compiler::sandbox::{Error, Limits, Part, Strength};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use crate::fixture::Fixture;
use crate::suite::{Suite, say};

/// The first argument of a run on a kernel that lacks something.
pub(crate) const ARGUMENT: &str = "on-a-weaker-kernel";

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    Suite::part("kernels that cannot enforce everything");
    for lacking in ["landlock", "seccomp", "both"] {
        let own = std::env::current_exe().expect("there is one");
        let output = Command::new(own).args([ARGUMENT, lacking, &programs.display().to_string()]).output();
        let output = output.expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout);
        for line in text.lines() {
            let (name, outcome) = line.split_once('\t').unwrap_or((line, "ok"));
            let outcome = outcome.strip_prefix("ok ").map(str::to_owned).ok_or_else(|| outcome.to_owned());
            suite.test(&format!("without {lacking}: {name}"), outcome);
        }
        let all = output.status.success() && text.lines().count() == 4;
        let outcome = if all { Ok("4".into()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) };
        suite.test(&format!("without {lacking}: all were tried"), outcome);
    }
}

/// Makes this process one on a weaker kernel, for good, and tries what can be done then.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    let [lacking, programs] = arguments else { return ExitCode::FAILURE };
    let calls: &[libc::c_long] = match lacking.as_str() {
        "landlock" => &[libc::SYS_landlock_create_ruleset],
        "seccomp" => &[libc::SYS_seccomp],
        _ => &[libc::SYS_landlock_create_ruleset, libc::SYS_seccomp],
    };
    let rules = calls.iter().map(|call| (*call, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH).expect("it is known");
    let refuse = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).expect("a filter");
    seccompiler::apply_filter(&BpfProgram::try_from(filter).expect("a filter")).expect("this kernel has seccomp");
    let world = Fixture::new(Path::new(programs));
    for (name, outcome) in [
        ("full is refused", refused(&world, Strength::Full)),
        ("what is there is told", told(&world, lacking)),
        ("a child that is left behind", left_behind(&world, lacking)),
        ("the limit of time", in_time(&world)),
    ] {
        say(&match outcome {
            Ok(how) => format!("{name}\tok {}", how.replace('\n', " ")),
            Err(wrong) => format!("{name}\t{}", wrong.replace('\n', " ")),
        });
    }
    ExitCode::SUCCESS
}

fn refused(world: &Fixture, least: Strength) -> Result<String, String> {
    let mut job = world.program(&["who"]);
    job.least = least;
    match world.run(job) {
        Err(error @ Error::TooWeak(_)) => Ok(error.to_string()),
        other => Err(format!("{other:?}")),
    }
}

fn told(world: &Fixture, lacking: &str) -> Result<String, String> {
    let mut job = world.program(&["who"]);
    job.least = Strength::None;
    let output = world.run(job).map_err(|error| error.to_string())?;
    let missing: Vec<Part> = output.enforced.missing.iter().map(|missing| missing.part).collect();
    let expected: (&[Part], Strength) = match lacking {
        "landlock" => (&[Part::Files], Strength::Weak),
        "seccomp" => (&[Part::Calls], Strength::Weak),
        _ => (&[Part::Files, Part::Calls], Strength::None),
    };
    let text = format!("{}: {}", output.enforced.strength(), output.enforced.reasons());
    let is_right = missing == expected.0 && output.enforced.strength() == expected.1 && output.status.success();
    if is_right { Ok(text) } else { Err(text) }
}

/// Without a list of calls a program can start others; they end with it.
fn left_behind(world: &Fixture, lacking: &str) -> Result<String, String> {
    let mut job = world.program(&["child"]);
    job.least = Strength::None;
    let output = world.run(job).map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match (lacking, said.parse::<u32>()) {
        ("both", Ok(_)) if is_gone(&said) => Ok(format!("{said} is gone")),
        // Seccomp lets no process be started, and Landlock none without /dev/null.
        ("landlock" | "seccomp", Err(_)) if !output.status.success() => Ok("it could not be started".to_owned()),
        _ => Err(format!("{said} {}", output.stderr)),
    }
}

/// Whether a process ends soon, or has ended: what was killed may take a moment.
fn is_gone(process: &str) -> bool {
    let program = Path::new("/proc").join(process).join("exe");
    (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        program.symlink_metadata().is_err() || std::fs::read_link(&program).is_err()
    })
}

fn in_time(world: &Fixture) -> Result<String, String> {
    let mut job = world.program(&["stubborn"]);
    job.least = Strength::None;
    job.limits = Limits { time: Duration::from_millis(500), ..Limits::default() };
    crate::workers::expect(world.run(job), |error| matches!(error, Error::Limit(_)))
}
