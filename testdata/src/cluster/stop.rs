//! Ends a detached cluster from another process.
//!
//! In: its data directory. Out: when this returns, its components are dead and its directory is gone.
//!
//! The supervisor is not signalled by its id, which may be another process' by now: a file in the directory asks it to
//! end, and the lock there tells whether it lives.

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::directory::{STOP, is_in_use};
use super::error::Error;

/// How long a supervisor may take to end the components.
const PATIENCE: Duration = Duration::from_secs(20);

/// Stops the cluster whose data is in `directory`; where its supervisor was killed, deletes the data.
///
/// # Errors
/// Where `directory` is not that of a local cluster, or its supervisor does not end.
pub fn stop(directory: &Path) -> Result<(), Error> {
    let begun = Instant::now();
    if is_in_use(directory)? {
        let request = directory.join(STOP);
        File::create(&request).map_err(Error::file("create", &request))?;
        while is_in_use(directory).unwrap_or(false) {
            if begun.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                let logs = directory.to_owned();
                return Err(Error::NotReady { what: "the end of the cluster", seconds, logs });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("delete", directory)(error)),
        _ => Ok(()),
    }
}
