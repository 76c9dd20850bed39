//! Locks, so that builds run while others collect.
//!
//! In: what somebody is about to do. Out: a lock until it is done. There are two, and the system gives both back when
//! a process dies:
//!
//! - `writes.lock`: shared for the milliseconds in which a file is put in its place, or found to be there already;
//!   exclusive for the milliseconds in which a collector removes a few. So what was just reported as kept is not
//!   removed, and what lies in `tmp` while a collector holds the lock was left behind by the dead.
//! - `builds.lock`: shared for as long as a build runs. While it cannot be had exclusively builds are in flight, and
//!   what was used lately stays.
//!
//! Guarantees: nobody waits for ever. Whoever cannot lock at all, as on some network file systems, still reads and
//! writes, since all of it is checked on every read; only collecting is refused there.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use super::files::{Held, Hold};
use super::{Error, Store};

pub(super) const WRITES: &str = "writes.lock";
pub(super) const BUILDS: &str = "builds.lock";

/// How long a write waits for a collector, which holds the lock for milliseconds.
const WRITER_PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before trying again.
const PAUSE: Duration = Duration::from_millis(5);

/// A build in flight: until it is dropped, no collector removes what was used lately.
#[derive(Debug)]
#[must_use = "the build is over when this is dropped"]
pub struct Building {
    _held: Option<Held>,
}

impl Store {
    /// Says that a build begins.
    pub fn begin_build(&self) -> Building {
        // A collector has it only while it removes a few files.
        Building { _held: self.wait_for(BUILDS, Hold::Shared, WRITER_PATIENCE).ok().flatten() }
    }

    /// While this is held, nothing that is in its place is removed.
    pub(super) fn lock_for_writing(&self) -> Result<Option<Held>, Error> {
        match self.wait_for(WRITES, Hold::Shared, WRITER_PATIENCE) {
            Ok(Some(held)) => Ok(Some(held)),
            Ok(None) => Err(self.busy("another process has been removing files from it for too long")),
            // No locks here: then nobody can collect, either.
            Err(_) => Ok(None),
        }
    }

    /// While this is held, nothing is written. Fails where others write without a pause for all of `patience`.
    pub(super) fn lock_for_removal(&self, patience: Duration) -> Result<Held, Error> {
        let failed = |source| Error { path: self.root().join(WRITES), source };
        let held = self.wait_for(WRITES, Hold::Exclusive, patience).map_err(failed)?;
        held.ok_or_else(|| self.busy("other processes are writing to it; try again when they are done"))
    }

    /// Holds off builds that begin; `None` where some are in flight.
    pub(super) fn lock_out_builds(&self) -> Option<Held> {
        self.files().try_lock(&self.root().join(BUILDS), Hold::Exclusive).ok().flatten()
    }

    fn wait_for(&self, name: &str, hold: Hold, patience: Duration) -> io::Result<Option<Held>> {
        let path = self.root().join(name);
        let mut waited = Duration::ZERO;
        loop {
            let lock = self.files().try_lock(&path, hold)?;
            if lock.is_some() || waited >= patience {
                return Ok(lock);
            }
            sleep(PAUSE);
            waited += PAUSE;
        }
    }

    fn busy(&self, why: &'static str) -> Error {
        Error { path: self.root().to_owned(), source: io::Error::new(io::ErrorKind::ResourceBusy, why) }
    }
}
