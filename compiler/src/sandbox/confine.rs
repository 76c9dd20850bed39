//! Takes rights from this process, in an order in which each step still has the rights that it needs.
//!
//! In: an [`Order`]. Out: what is enforced, and what is to be executed. What cannot be enforced is said and not an error;
//! what the job needs and is not there is one.
//!
//! Everything that is opened is opened before the user changes, so that a program may lie where only we can go; what is
//! executed is the file that was opened, whatever has come to its place.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, Signal};

use super::calls;
use super::enter::ARGUMENT;
use super::files::Rules;
use super::limit::Limits;
use super::order::{Enforced, Order, Part, Run};
use super::user;

/// This process, on which nothing more is to be done.
pub(super) struct Confined {
    pub(super) enforced: Enforced,
    /// What is to be executed, where that is a program.
    pub(super) program: OsString,
    /// The program, open until it is executed.
    _file: Option<File>,
}

/// The descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Starts this program once more where it has inherited descriptors above those three that it should have: then they are
/// closed. `closed` says that this has happened.
pub(super) fn close_inherited(closed: bool) -> io::Result<()> {
    let is_more = |name: OsString| name.to_str().and_then(|name| name.parse::<u32>().ok()).is_none_or(|fd| fd > 2);
    let more = fs::read_dir(DESCRIPTORS)?.flatten().filter(|entry| is_more(entry.file_name())).count();
    // One of them is that of the list itself.
    if more <= 1 {
        return Ok(());
    }
    if closed {
        return Err(io::Error::other("there are inherited descriptors that cannot be closed"));
    }
    close_fds::set_fds_cloexec(3, &[]);
    Err(Command::new("/proc/self/exe").args([ARGUMENT, "closed"]).exec())
}

pub(super) fn confine(order: &Order) -> Result<Confined, String> {
    leave_our_session(order)?;
    let mut rules = Rules::default();
    let (program, file) = match &order.run {
        Run::Worker(_) => (OsString::new(), None),
        Run::Program { path, libraries, .. } => {
            let file = File::open(path).map_err(because("open", path))?;
            rules.execute(&file).map_err(because("open", path))?;
            for library in libraries {
                rules
                    .execute(&File::open(library).map_err(because("open", library))?)
                    .map_err(because("open", library))?;
            }
            (OsString::from(format!("{DESCRIPTORS}/{}", file.as_raw_fd())), Some(file))
        }
    };
    if let Some(layout) = &order.layout {
        rules.read(&File::open(layout).map_err(because("open", layout))?).map_err(because("open", layout))?;
    }
    let scratch = match &order.scratch {
        Some(path) => Some(File::open(path).map_err(because("open", path))?),
        None => None,
    };
    if let Some(folder) = &scratch {
        rules.write(folder).map_err(because("open", OsStr::new("the private folder")))?;
    }
    let mut enforced = Enforced::default();
    let is_alone = user::change(scratch.as_ref(), &mut enforced)?;
    limit(&order.limits, scratch.is_some(), is_alone)?;
    go_to(order)?;
    end_with(order.parent)?;
    if let Err(reason) = rules.enforce() {
        enforced.lack(Part::Files, format!("files are not restricted: {reason}"));
    }
    if let Err(reason) = calls::restrict(matches!(order.run, Run::Program { .. })) {
        enforced.lack(Part::Calls, format!("system calls are not restricted: {reason}"));
    }
    Ok(Confined { enforced, program, _file: file })
}

fn because(what: &'static str, path: &OsStr) -> impl Fn(io::Error) -> String {
    move |error| format!("cannot {what} {}: {error}", path.display())
}

/// Nothing of our terminal, and a group that is ended as one.
fn leave_our_session(order: &Order) -> Result<(), String> {
    rustix::process::setsid().map_err(|error| format!("cannot begin a session: {error}"))?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    // The first to go where there is no memory left. Some containers do not let us say so.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    end_with(order.parent)
}

/// Ends with the thread that started us. To be asked for again after each change of the user, which takes it back.
fn end_with(parent: u32) -> Result<(), String> {
    let set = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    set.map_err(|error| format!("cannot end with our parent: {error}"))?;
    // It may have ended before.
    let is_there = rustix::process::getppid().is_some_and(|pid| u32::try_from(pid.as_raw_pid()) == Ok(parent));
    if is_there { Ok(()) } else { Err("who ordered this has ended".to_owned()) }
}

/// Limits of the kernel. What is lower already stays.
fn limit(limits: &Limits, writes: bool, is_alone: bool) -> Result<(), String> {
    let seconds = limits.processor_time.as_secs().saturating_add(u64::from(limits.processor_time.subsec_nanos() > 0));
    let mut wanted = vec![
        (Resource::As, limits.memory),
        // What we do not see in time.
        (Resource::Cpu, seconds.saturating_add(Duration::from_secs(1).as_secs())),
        // A little more, so that one file that is too large is also too much in the folder.
        (Resource::Fsize, if writes { limits.scratch.saturating_add(1 << 20) } else { 0 }),
        (Resource::Nofile, limits.descriptors),
        (Resource::Core, 0),
        (Resource::Memlock, 0),
    ];
    // It counts all that a user runs: only right for one who runs nothing else.
    if is_alone {
        wanted.push((Resource::Nproc, limits.threads));
    }
    for (resource, most) in wanted {
        let most = rustix::process::getrlimit(resource).maximum.map_or(most, |now| now.min(most));
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        let set = rustix::process::setrlimit(resource, limit);
        set.map_err(|error| format!("cannot limit {resource:?} to {most}: {error}"))?;
    }
    Ok(())
}

/// Goes where the job starts, as whom it runs as, which shows whether it may.
fn go_to(order: &Order) -> Result<(), String> {
    let folder = order.layout.as_ref().or(order.scratch.as_ref()).map_or(OsStr::new("/"), OsString::as_os_str);
    std::env::set_current_dir(folder).and_then(|()| fs::read_dir(folder).map(drop)).map_err(|error| {
        let path = folder.display();
        format!(
            "{path} cannot be read by the user that jobs run as (it and the folders above must be open to all): {error}"
        )
    })
}
