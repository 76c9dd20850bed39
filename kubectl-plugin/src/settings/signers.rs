//! The demand that commits are signed.
//!
//! In: files of keys, trees that are about to be read. Out: nothing, or that one may not be used (exit 4). What a signed
//! commit pins is vouched for by whoever signed it: its submodules, and what its `gitops.lock` says. A working tree is
//! signed by nobody.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_compiler::tree::{Repository, Tree};

use crate::error::CommandError;
use crate::signature::Signers;

/// Who must have signed what is read.
pub(super) struct SignaturePolicy {
    signers: Signers,
    /// Commits that are signed well.
    signed: Mutex<BTreeSet<String>>,
}

impl SignaturePolicy {
    /// Of these files; none where there are none.
    pub(super) fn read(files: &[PathBuf]) -> Result<Option<Self>, CommandError> {
        let mut signers = Signers::default();
        for path in files {
            let shown = path.display().to_string();
            let bytes =
                std::fs::read(path).map_err(|error| CommandError::user(format!("cannot read {shown}: {error}")))?;
            signers = signers.and(&shown, &bytes).map_err(CommandError::user)?;
        }
        Ok((!signers.is_empty()).then(|| Self { signers, signed: Mutex::default() }))
    }

    /// Refuses a tree whose commit is not signed by one of them.
    pub(super) fn check(&self, tree: &Tree) -> Result<(), CommandError> {
        let Some((oid, bytes)) = tree.commit_object()? else { return Err(not_signed_at_all()) };
        let known = || self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(&oid) {
            return Ok(());
        }
        self.signers.check(&oid, &bytes).map_err(|refusal| {
            CommandError::refused(refusal.to_string()).hint("--signers names the keys whose signatures count")
        })?;
        known().insert(oid);
        Ok(())
    }

    /// The commit of the repository at hand, which must be signed even where no source is read from there: its lock file
    /// says what inputs are. It is told by its oid, whatever becomes of the branch.
    pub(super) fn commit(&self, here: &Arc<Repository>, revision: Option<&str>) -> Result<String, CommandError> {
        let oid = here.oid(revision.ok_or_else(not_signed_at_all)?)?;
        self.check(&Tree::of_commit(Arc::clone(here), &oid)?)?;
        Ok(oid)
    }
}

/// A working tree.
fn not_signed_at_all() -> CommandError {
    CommandError::refused("a working tree is signed by nobody").hint("with --signers, name a commit with --revision")
}
