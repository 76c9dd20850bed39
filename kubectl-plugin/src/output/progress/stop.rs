//! Ctrl-Z, while a table is on the terminal.
//!
//! In: the signal that a terminal sends, SIGTSTP. Out: whoever draws is asked to take the table away; once that is done this
//! process stops itself, with SIGSTOP. The shell tells of it, and lets it go on with `fg` or `bg`, as any program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

/// What is known of Ctrl-Z.
#[derive(Debug, Default)]
pub(super) struct Stop {
    is_asked: AtomicBool,
    is_clear: AtomicBool,
    is_over: AtomicBool,
}

impl Stop {
    /// Whether there is to be no table now.
    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire)
    }

    /// There is none.
    pub(super) fn answer(&self) {
        self.is_clear.store(true, Ordering::Release);
    }

    /// There will never be one again.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Listens from now on; `thread` is the one that draws. The signal stops nobody by itself any more, so that this lasts
    /// as long as the process.
    pub(super) fn listen(self: &Arc<Self>, thread: Thread) {
        #[cfg(unix)]
        unix::listen(Arc::clone(self), thread);
        #[cfg(not(unix))]
        drop(thread);
    }
}

#[cfg(unix)]
mod unix {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::thread::Thread;
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};
    use tokio::runtime::Handle;
    use tokio::signal::unix::{SignalKind, signal};
    use tokio::time::{sleep, timeout};

    use super::Stop;

    /// How long the table is waited for, and then that this process goes on: it may be one that cannot be stopped.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// How often it is looked whether the table is gone.
    const PAUSE: Duration = Duration::from_millis(5);

    pub(super) fn listen(stop: Arc<Stop>, thread: Thread) {
        let Ok(runtime) = Handle::try_current() else { return };
        let Ok(mut pressed) = signal(kind(Signal::TSTP)) else { return };
        runtime.spawn(async move {
            while pressed.recv().await.is_some() {
                stop.is_asked.store(true, Ordering::Release);
                thread.unpark();
                let _ = timeout(PATIENCE, clear(&stop)).await;
                // Made anew each time: it tells of nothing that was before.
                let went_on = signal(kind(Signal::CONT));
                let _ = kill_process(getpid(), Signal::STOP);
                if let Ok(mut went_on) = went_on {
                    let _ = timeout(PATIENCE, went_on.recv()).await;
                }
                stop.is_clear.store(false, Ordering::Release);
                stop.is_asked.store(false, Ordering::Release);
                thread.unpark();
            }
        });
    }

    async fn clear(stop: &Stop) {
        while !stop.is_clear.load(Ordering::Acquire) && !stop.is_over.load(Ordering::Acquire) {
            sleep(PAUSE).await;
        }
    }

    fn kind(signal: Signal) -> SignalKind {
        SignalKind::from_raw(signal.as_raw())
    }
}
