//! Entries in a folder: `v1/KIND/HASH` below it.
//!
//! In: names, entries. Out: entries. Guarantees: an entry is there as a whole or not at all (temporary file, rename), so that
//! several machines may write at once; links are not followed, and nothing but plain files is read. Nothing is synced:
//! what a power cut tears is not believed, and made again.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::entry::EntryName;
use super::place::{Found, Place};

/// A folder of entries.
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// That at a path, which need not be there to be written to.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, name: &EntryName) -> PathBuf {
        name.parts().iter().fold(self.root.clone(), |path, part| path.join(part))
    }
}

impl Place for Folder {
    fn get(&self, name: &EntryName, most_bytes: u64) -> Result<Found, String> {
        let path = self.path(name);
        match read(&path, most_bytes) {
            Ok(found) => Ok(found),
            // A cache that nobody has written to is one; a folder that is not there may be a wrong path.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.root.is_dir() => Ok(Found::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(format!("the folder {} is not there", self.root.display()))
            }
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }

    fn put(&self, name: &EntryName, entry: &[u8]) -> Result<(), String> {
        let path = self.path(name);
        write(&path, entry).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

fn read(path: &Path, most_bytes: u64) -> io::Result<Found> {
    // A pipe that somebody put there is not waited for.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Found::Foreign),
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Ok(Found::Foreign);
    }
    let mut bytes = Vec::new();
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > most_bytes { Found::Foreign } else { Found::Bytes(bytes) })
}

fn write(path: &Path, entry: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".").suffix(".partial").tempfile_in(folder)?;
    file.write_all(entry)?;
    // As any file that a program makes: others read it.
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_there_and_replaced() {
        let home = tempfile::tempdir().expect("a folder");
        let (folder, name) = (Folder::new(home.path().join("cache")), EntryName::new("memo", "a"));
        assert!(folder.get(&name, 10).expect_err("it is not there").ends_with("cache is not there"));
        for entry in [&b"one"[..], b"two"] {
            folder.put(&name, entry).expect("put");
            assert_eq!(folder.get(&name, 10), Ok(Found::Bytes(entry.to_vec())));
        }
        assert_eq!(folder.get(&name, 3), Ok(Found::Bytes(b"two".to_vec())));
        assert_eq!(folder.get(&name, 2), Ok(Found::Foreign), "it is longer");
        assert_eq!(folder.get(&EntryName::new("memo", "b"), 10), Ok(Found::Nothing));
        let left = std::fs::read_dir(home.path().join("cache/v1/memo")).expect("a folder").count();
        assert_eq!(left, 1, "no temporary file stays");
    }

    #[test]
    fn links_pipes_and_folders_are_foreign() {
        let home = tempfile::tempdir().expect("a folder");
        let (folder, name) = (Folder::new(home.path().to_owned()), EntryName::new("memo", "a"));
        let path = folder.path(&name);
        std::fs::create_dir_all(&path).expect("made");
        assert_eq!(folder.get(&name, 10), Ok(Found::Foreign), "a folder");
        std::fs::remove_dir(&path).expect("removed");
        std::os::unix::fs::symlink("/etc/hostname", &path).expect("a link");
        assert_eq!(folder.get(&name, 10), Ok(Found::Foreign), "a link");
        std::fs::remove_file(&path).expect("removed");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, Mode::RUSR | Mode::WUSR).expect("a pipe");
        assert_eq!(folder.get(&name, 10), Ok(Found::Foreign), "a pipe that nobody writes to");
    }
}
