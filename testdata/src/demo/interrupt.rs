//! Ctrl-C, and SIGTERM, which means the same: noted here, acted upon between two commands.
//!
//! In: signals. Out: whether one came. Commands run in the demo's own process group, so Ctrl-C reaches them as well; a
//! signal that was sent to the demo alone is passed on.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGINT, SIGTERM};

/// The time between two looks at a command that runs.
const SOON: Duration = Duration::from_millis(5);

/// Whether the user wants the demo to end.
#[derive(Debug, Clone)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on, signals no longer end this process.
    pub(super) fn listen() -> io::Result<Self> {
        let raised = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&raised))?;
        }
        Ok(Self(raised))
    }

    /// Whether a signal came.
    pub(super) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The signal that came is acted upon; only another one counts from now on.
    pub(super) fn lower(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Waits for a command, which is told of a signal that comes meanwhile.
    pub(super) fn wait(&self, command: &mut Child) -> io::Result<ExitStatus> {
        let mut told = false;
        loop {
            if let Some(status) = command.try_wait()? {
                return Ok(status);
            }
            if self.is_raised() && !told {
                told = true;
                let id = i32::try_from(command.id()).ok().and_then(Pid::from_raw);
                // It fails where the command has just ended.
                let _ = id.map(|id| kill_process(id, Signal::INT));
            }
            thread::sleep(SOON);
        }
    }
}
