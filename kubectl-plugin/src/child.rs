//! A program of somebody else's, run to its end within bounds.
//!
//! In: a child that was started as the leader of a process group, with pipes. Out: what it said. Guarantees: it ends after the
//! time that it has, with all that it started; no more than the limit is kept of what it says.

use std::io::Read;
use std::process::{Child, ExitStatus};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How much of its complaints is kept.
const MOST_COMPLAINTS: usize = 64 << 10;

/// How a program ended by itself.
pub(crate) struct Ended {
    pub(crate) is_success: bool,
    /// What it wrote to its output.
    pub(crate) said: String,
    /// Whether that is all of it.
    pub(crate) is_whole: bool,
    /// What it wrote to its error output.
    pub(crate) complaints: String,
}

/// Waits for its end. None where it took too long.
pub(crate) fn follow(mut child: Child, time: Duration, most: usize) -> Option<Ended> {
    let said = child.stdout.take().map(|pipe| thread::spawn(move || read_all(pipe, most)));
    let complaints = child.stderr.take().map(|pipe| thread::spawn(move || read_all(pipe, MOST_COMPLAINTS)));
    let status = wait(&mut child, time);
    // Its helpers hold the pipes.
    end(&child);
    let _ = child.wait();
    let ((said, is_whole), (complaints, _)) = (text(said), text(complaints));
    status.map(|status| Ended { is_success: status.success(), said, is_whole, complaints })
}

/// Waits for its end, and ends nothing. None where it took too long.
pub(crate) fn wait(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begun.elapsed() < time => thread::sleep(LOOK),
            _ => return None,
        }
    }
}

fn text(reader: Option<JoinHandle<(Vec<u8>, bool)>>) -> (String, bool) {
    let (bytes, is_whole) = reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    (String::from_utf8_lossy(&bytes).into_owned(), is_whole)
}

/// Ends the process group.
pub(crate) fn end(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // Nothing is left of it where it ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// What a pipe gives, up to a limit; and whether that was all. The rest is read and dropped, so that nobody waits.
fn read_all(mut pipe: impl Read, most: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let _ = pipe.by_ref().take(most as u64).read_to_end(&mut bytes);
    let dropped = std::io::copy(&mut pipe, &mut std::io::sink()).unwrap_or_default();
    (bytes, dropped == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    #[test]
    fn what_hangs_is_ended_with_all_that_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & sleep 60"]).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        assert!(follow(command.spawn().expect("a shell"), Duration::from_millis(50), 10).is_none());
    }

    #[test]
    fn too_much_is_told_from_enough() {
        assert_eq!(read_all(&b"1234"[..], 4), (b"1234".to_vec(), true));
        assert_eq!(read_all(&b"12345"[..], 4), (b"1234".to_vec(), false));
    }
}
