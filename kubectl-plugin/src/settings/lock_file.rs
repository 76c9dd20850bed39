//! Where the lock file of a repository is, and what it says.

use std::path::PathBuf;

use gitops_compiler::lock::{LOCK_FILE, Lock};
use gitops_compiler::tree::Repository;

use crate::error::CommandError;

/// The lock file of a repository: of a commit, or as it lies.
pub(super) fn read_lock(repository: &Repository, revision: Option<&str>) -> Result<Lock, CommandError> {
    let Some(bytes) = repository.file_at_root(LOCK_FILE, revision)? else { return Ok(Lock::default()) };
    Lock::read(LOCK_FILE, &bytes)
        .map_err(|findings| CommandError::user(format!("{LOCK_FILE} is not understood")).findings(findings))
}

/// The place of a lock file that can be written.
pub(super) fn lock_path(repository: &Repository) -> Result<PathBuf, CommandError> {
    let root = repository.root().ok_or_else(|| {
        CommandError::user("this repository has no working tree").hint("lock inputs in a clone that has one")
    })?;
    Ok(root.join(LOCK_FILE))
}
