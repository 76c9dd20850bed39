//! The few things that a store asks of a file system, and what each promises when the power is cut.
//!
//! In: paths and bytes. Out: files. [`Disk`] is what ships; the tests of this module have another, in memory, that
//! counts every step, stops at any of them, and forgets or tears what was not synced. Nothing outside of this module
//! can choose.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How hard a write tries to survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// The bytes are on the disk before the file gets its name, and the name before the write is reported.
    Synced,
    /// Nothing is synced: what a power cut tears is found out by its checksum.
    Checked,
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: OsString,
    pub(super) bytes: u64,
    /// When it was written or last known to be used.
    pub(super) used: SystemTime,
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Shared,
    Exclusive,
}

/// A lock, until it is dropped. The system drops it when a process dies, however it dies.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) _file: Option<File>,
}

/// A file system.
pub(super) trait Files: Debug + Send + Sync {
    fn now(&self) -> SystemTime;
    fn exists(&self, path: &Path) -> bool;
    /// A file's bytes, and when it was used. Longer ones than `limit` are an error.
    fn read(&self, path: &Path, limit: usize) -> io::Result<(Vec<u8>, SystemTime)>;
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// What is in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<Stat>>;
    /// Makes a folder that only we can enter, and those above it, where they are missing.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes an empty file where there is none.
    fn create(&self, path: &Path) -> io::Result<()>;
    /// Writes a file that only we can read, under a name of its own in `folder`. Leaves none behind where that fails.
    fn write(&self, folder: &Path, bytes: &[u8], durability: Durability) -> io::Result<PathBuf>;
    /// Gives a file another name, in place of what had it. A power cut may undo it, or do it before bytes that are not
    /// synced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a folder survive a power cut.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Says when a file was used.
    fn touch(&self, path: &Path, used: SystemTime) -> io::Result<()>;
    /// Locks a file that is there; `None` where somebody else holds it.
    fn try_lock(&self, path: &Path, hold: Hold) -> io::Result<Option<Held>>;
}

/// The file system of this machine.
#[derive(Debug)]
pub(super) struct Disk;

impl Files for Disk {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<(Vec<u8>, SystemTime)> {
        let file = File::open(path)?;
        let used = file.metadata()?.modified()?;
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok((bytes, used))
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        stat(path.file_name().unwrap_or_default().to_owned(), &fs::symlink_metadata(path)?)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Stat>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // Another process may have removed it in the meantime.
            if let Ok(metadata) = entry.metadata() {
                found.push(stat(entry.file_name(), &metadata)?);
            }
        }
        Ok(found)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn create(&self, path: &Path) -> io::Result<()> {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map(drop)
    }

    fn write(&self, folder: &Path, bytes: &[u8], durability: Durability) -> io::Result<PathBuf> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        if durability == Durability::Synced {
            // By the handle that wrote: another might not be told of an error that came before it.
            file.as_file().sync_data()?;
        }
        Ok(file.into_temp_path().keep()?)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn touch(&self, path: &Path, used: SystemTime) -> io::Result<()> {
        File::open(path)?.set_modified(used)
    }

    fn try_lock(&self, path: &Path, hold: Hold) -> io::Result<Option<Held>> {
        let file = File::open(path)?;
        let locked = match hold {
            Hold::Shared => file.try_lock_shared(),
            Hold::Exclusive => file.try_lock(),
        };
        match locked {
            Ok(()) => Ok(Some(Held { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn stat(name: OsString, metadata: &fs::Metadata) -> io::Result<Stat> {
    Ok(Stat { name, bytes: metadata.len(), used: metadata.modified()? })
}
