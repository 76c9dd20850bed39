//! A private folder for one job, and what lies in it.
//!
//! In: where to make it. Out: a [`Scratch`], which is gone when it is dropped, whatever the job left in it; its size.
//!
//! A process that is killed cannot delete its folders. So each is locked as long as it is in use, and whoever makes one
//! deletes those that nobody holds any more.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::limit::{Limit, Limits};

/// A folder that one job may write.
#[derive(Debug)]
pub struct Scratch {
    /// None once it is being deleted.
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
    _lock: File,
}

/// How the names of all of these folders begin.
const PREFIX: &str = "gitops-sandbox-";
/// How often another may take a folder that was just made for one that was left.
const ATTEMPTS: usize = 10;

impl Scratch {
    /// Only we can see it, and whom the job runs as.
    pub(super) fn new(room: &Path) -> io::Result<Self> {
        delete_left(room);
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(room)?;
            if let Ok(lock) = File::open(folder.path())
                && lock.try_lock().is_ok()
                && folder.path().exists()
            {
                // As rules about files need it, and as programs that look for themselves will find it.
                let path = folder.path().canonicalize()?;
                return Ok(Self { folder: Some(folder), path, _lock: lock });
            }
        }
        Err(io::Error::other("each private folder that is made is deleted by another process"))
    }

    /// Where it is, for arguments and environments: a home, a place for temporary files.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.folder.take().is_some_and(|folder| folder.close().is_err()) {
            delete(&self.path);
        }
    }
}

/// Deletes what processes that were killed have left.
fn delete_left(room: &Path) {
    for entry in fs::read_dir(room).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !is_one || !entry.metadata().is_ok_and(|metadata| metadata.is_dir() && is_ours(&metadata)) {
            continue;
        }
        // Held until it is gone.
        if let Ok(lock) = File::open(entry.path())
            && lock.try_lock().is_ok()
        {
            delete(&entry.path());
        }
    }
}

/// Deletes a folder, also where there are some in it that their owner may not read or write.
fn delete(folder: &Path) {
    // Root may do so without, and must not change by path what others could have put there.
    if fs::remove_dir_all(folder).is_err() && !is_root() {
        open_folders(folder);
        // What is left then costs room, and there is nobody to tell.
        let _ = fs::remove_dir_all(folder);
    }
}

/// Whether what we left, or our jobs; those of root belong to users of their own.
#[cfg(unix)]
fn is_ours(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    is_root() || metadata.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_ours(_: &fs::Metadata) -> bool {
    true
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Makes every folder below readable and writable. Links are not followed.
fn open_folders(path: &Path) {
    let mut waiting = vec![path.to_owned()];
    while let Some(folder) = waiting.pop() {
        make_writable(&folder);
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            }
        }
    }
}

#[cfg(unix)]
fn make_writable(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
}

#[cfg(not(unix))]
fn make_writable(_: &Path) {}

/// The limit that what lies in a folder exceeds.
pub(super) fn exceeded(path: &Path, limits: &Limits) -> Option<Limit> {
    let (mut bytes, mut files) = (0_u64, 0_u64);
    let mut waiting = vec![path.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(_) => return Some(Limit::UnreadableFolder),
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            files += 1;
            bytes = bytes.saturating_add(room_of(&metadata));
            if metadata.is_dir() {
                waiting.push(entry.path());
            }
            if files > limits.files {
                return Some(Limit::Files(limits.files));
            }
            if bytes > limits.scratch {
                return Some(Limit::Scratch(limits.scratch));
            }
        }
    }
    None
}

/// What a file takes of the disk.
#[cfg(unix)]
fn room_of(metadata: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    if metadata.is_dir() { 0 } else { metadata.blocks().saturating_mul(512) }
}

#[cfg(not(unix))]
fn room_of(metadata: &fs::Metadata) -> u64 {
    metadata.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_gone_with_all_that_is_in_it() {
        let room = tempfile::tempdir().expect("a folder");
        let scratch = Scratch::new(room.path()).expect("a folder");
        let inner = scratch.path().join("a/b");
        fs::create_dir_all(&inner).expect("writable");
        fs::write(inner.join("c"), "x").expect("writable");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&inner, fs::Permissions::from_mode(0o000)).expect("ours");
        }
        drop(scratch);
        assert_eq!(fs::read_dir(room.path()).expect("readable").count(), 0);
    }

    #[test]
    fn what_a_killed_process_left_is_deleted_and_what_is_in_use_is_not() {
        let room = tempfile::tempdir().expect("a folder");
        let left = room.path().join(format!("{PREFIX}left"));
        fs::create_dir_all(left.join("a")).expect("writable");
        fs::create_dir(room.path().join("other")).expect("writable");
        let used = Scratch::new(room.path()).expect("a folder");
        let _another = Scratch::new(room.path()).expect("a folder");
        assert!(!left.exists() && used.path().exists() && room.path().join("other").exists());
    }

    #[test]
    fn size_and_number_of_files_are_limited() {
        let room = tempfile::tempdir().expect("a folder");
        let limits = Limits { scratch: 1 << 20, files: 3, ..Limits::default() };
        assert_eq!(exceeded(room.path(), &limits), None);
        fs::create_dir(room.path().join("a")).expect("writable");
        fs::write(room.path().join("a/1"), vec![1; 1 << 20]).expect("writable");
        assert_eq!(exceeded(room.path(), &limits), None);
        fs::write(room.path().join("2"), "x").expect("writable");
        assert_eq!(exceeded(room.path(), &limits), Some(Limit::Scratch(1 << 20)));
        let limits = Limits { files: 2, ..Limits::default() };
        assert_eq!(exceeded(room.path(), &limits), Some(Limit::Files(2)));
    }
}
