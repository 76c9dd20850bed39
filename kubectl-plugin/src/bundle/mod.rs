//! Bundles as files: a folder, or a tar where the name ends in `.tar`; bundles in registries (`push`, `pull`); and who has signed
//! them (`key`, `key_file`, `trusted_root`, `signers`, `signed`, `trust`).
//!
//! In: a path. Out: the files of a layout, and the other way. Reading is bounded and follows no links; what is read is judged
//! by the compiler. Writing leaves, at whatever moment it is killed, the bundle that was there or the new one: a tar is
//! renamed into place, and the index of a folder is, after all blobs are there.

mod cosign_key;
mod key;
mod key_file;
mod parts;
mod pull;
mod push;
mod signed;
mod signers;
mod trust;
mod trusted_root;

pub use key::{KeyError, PrivateKey, PublicKey};
pub use key_file::{private_key, public_keys, unusable_key};
pub use parts::manifest_digest;
pub use pull::pull;
pub use push::{MovedTag, Pushed, push};
pub use signed::{Signature, Signed, What, kept, said, sign};
pub use signers::Signers;
pub use trust::{Looked, TrustArgs, text_of};

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use gitops_compiler::bundle::{Bundle, Files, INDEX_FILE, LAYOUT, archive};

use crate::error::CommandError;

/// So large may all files of a bundle be together.
const MOST_BYTES: u64 = 2 << 30;

/// So many files may it have.
const MOST_FILES: usize = 10_000;

/// Where blobs are in a folder.
const BLOBS: &str = "blobs/sha256";

/// Whether a path is that of a tar.
fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tar")
}

/// Reads the files of a bundle.
///
/// # Errors
/// Where they cannot be read, or are none.
pub fn read(path: &Path) -> Result<Files, CommandError> {
    let cannot = |error: io::Error| CommandError::user(format!("cannot read {}: {error}", path.display()));
    if path.symlink_metadata().map_err(cannot)?.is_dir() {
        return read_folder(path).map_err(cannot);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(cannot(io::Error::other("it is larger than 2 GiB")));
    }
    let shown = path.display().to_string();
    Bundle::unarchive(&shown, &bytes).map_err(|error| CommandError::user(format!("{error}")))
}

fn read_folder(root: &Path) -> io::Result<Files> {
    let (mut files, mut bytes) = (Files::new(), 0);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.to_string_lossy().replace('\\', "/");
            if !kind.is_file() {
                return Err(io::Error::other(format!("{name} is no plain file")));
            }
            let mut content = Vec::new();
            std::fs::File::open(entry.path())?.take(MOST_BYTES - bytes + 1).read_to_end(&mut content)?;
            bytes += content.len() as u64;
            if bytes > MOST_BYTES || files.len() == MOST_FILES {
                return Err(io::Error::other("it is larger than 2 GiB, or has more than 10,000 files"));
            }
            files.insert(name, content);
        }
    }
    Ok(files)
}

/// Writes the files of a bundle.
///
/// # Errors
/// Where something else is there, and where it cannot be written.
pub fn write(path: &Path, files: &Files) -> Result<(), CommandError> {
    let cannot = |error: io::Error| CommandError::user(format!("cannot write {}: {error}", path.display()));
    if is_archive(path) {
        return replace(path, &archive(files)).map_err(cannot);
    }
    let is_other = |path: &Path| {
        path.exists()
            && !path.join(LAYOUT).is_file()
            && std::fs::read_dir(path).map_or(true, |mut all| all.next().is_some())
    };
    if is_other(path) {
        return Err(CommandError::user(format!("{} is there, and is no bundle", path.display()))
            .hint("name a folder that is not there, or a file that ends in .tar"));
    }
    write_folder(path, files).map_err(cannot)
}

fn write_folder(root: &Path, files: &Files) -> io::Result<()> {
    std::fs::create_dir_all(root.join(BLOBS))?;
    for (path, bytes) in files.iter().filter(|(path, _)| *path != INDEX_FILE) {
        replace(&root.join(path), bytes)?;
    }
    replace(&root.join(INDEX_FILE), &files[INDEX_FILE])?;
    for entry in std::fs::read_dir(root.join(BLOBS))? {
        let entry = entry?;
        if !files.contains_key(&format!("{BLOBS}/{}", entry.file_name().to_string_lossy())) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// What somebody else wrote, without what a terminal would obey.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(100).collect()
}

/// Puts a file in the place of what is there.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".").suffix(".partial").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // As any file that a program makes.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use gitops_compiler::bundle::{Compression, Delivery};
    use gitops_compiler::graph::ResourceGraph;

    use super::*;

    fn bundle(name: &str) -> Bundle {
        let name = name.parse().expect("a name");
        Bundle::build(&name, &ResourceGraph::empty(), Delivery::default(), Compression::Deflate, false)
            .expect("a bundle")
    }

    #[test]
    fn what_is_written_is_read_and_replaced_as_a_whole() {
        let home = tempfile::tempdir().expect("a folder");
        for path in ["folder", "file.tar"].map(|name| home.path().join(name)) {
            write(&path, &bundle("one").files).expect("written");
            assert_eq!(read(&path).expect("read"), bundle("one").files);
            write(&path, &bundle("two").files).expect("written");
            assert_eq!(read(&path).expect("read"), bundle("two").files, "nothing of the first is left");
        }
    }

    #[test]
    fn what_is_no_bundle_is_not_touched() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::write(home.path().join("mine"), "x").expect("written");
        let error = write(home.path(), &bundle("one").files).expect_err("refused");
        assert!(error.message.ends_with("is there, and is no bundle"), "{}", error.message);
        assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 1);
        let error = read(&home.path().join("mine")).expect_err("refused");
        assert!(error.message.contains("it is no tar"), "{}", error.message);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("folder");
        write(&path, &bundle("one").files).expect("written");
        std::os::unix::fs::symlink("/etc/passwd", path.join("blobs/link")).expect("a link");
        let error = read(&path).expect_err("refused");
        assert!(error.message.ends_with("blobs/link is no plain file"), "{}", error.message);
    }
}
