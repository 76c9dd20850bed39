//! Submodules that are not on this machine, or in a clone that the user names.
//!
//! In: addresses and commits, as superprojects name them. Out: trees of them. The commit is pinned by the tree that names it,
//! so that neither the lock nor the policy for inputs has a say; whether the address may be asked and as whom does, and
//! `--offline`.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::app::without_user;
use gitops_compiler::lock::Oid;
use gitops_compiler::tree::{LargeFiles, Repository, Submodule, Submodules, Tree};

use crate::fetch::Git;

use super::fetched::told;
use super::large_files::FetchedLargeFiles;
use super::repositories::normalised;

/// Gets submodules.
pub(super) struct FetchedSubmodules {
    pub(super) git: Arc<Git>,
    pub(super) offline: bool,
    /// Clones that stand for repositories, by their normalised addresses.
    pub(super) clones: BTreeMap<String, Arc<Repository>>,
    pub(super) large_files: Arc<FetchedLargeFiles>,
}

impl Submodules for FetchedSubmodules {
    fn tree(&self, submodule: &Submodule) -> Result<Tree, String> {
        let Submodule { address, commit, .. } = submodule;
        if url::Url::parse(address).is_ok_and(|url| url.password().is_some()) {
            let shown = without_user(address);
            return Err(format!(
                "its address {shown} has a password in it: give it as a credential, with --credentials"
            ));
        }
        let clone = self.clones.get(&normalised(address));
        if let Some(clone) = clone.filter(|clone| clone.has_commit(commit)) {
            return Tree::of_commit(Arc::clone(clone), commit).map_err(|error| error.to_string());
        }
        let oid: Oid = commit.parse()?;
        let mirror = self.git.commit(address, &oid, !self.offline).map_err(told)?;
        let mirror = Repository::open(&mirror).map_err(|error| error.to_string())?;
        Tree::of_commit(Arc::new(mirror), commit).map_err(|error| error.to_string())
    }

    fn large_files(&self, address: Option<&str>) -> Option<Arc<dyn LargeFiles>> {
        self.large_files.of(address.as_slice())
    }
}
