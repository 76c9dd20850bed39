//! What ends a run before it has done all: a signal to the process, or whoever began it.
//!
//! In: signals, a [`Stop`]. Out: the moment in which no more steps are begun. What was sent is waited for.

use tokio::sync::watch;

/// Asks a run to end. By default nobody does but signals.
#[derive(Debug, Clone, Default)]
pub struct Stop(Option<watch::Receiver<bool>>);

impl Stop {
    /// One that is asked by sending `true`.
    #[must_use]
    pub fn pair() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(Some(receiver)))
    }

    /// Until somebody asks, in either way.
    pub(super) async fn asked(self) {
        let asked = async {
            if let Some(mut receiver) = self.0
                && receiver.wait_for(|asked| *asked).await.is_ok()
            {
                return;
            }
            // Who goes away without a word has not asked.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = asked => {}
            () = signalled() => {}
        }
    }
}

/// Until somebody ends the process: Ctrl-C, or SIGTERM.
pub async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
