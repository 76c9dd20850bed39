//! The flags of the local store, and the store.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gitops_compiler::store::Store;

use crate::error::CommandError;
use crate::fetch::Mirrors;
use crate::output::{Printer, Size};

/// The local store.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// Where compiled graphs are kept [default: $XDG_STATE_HOME/kubectl-gitops or ~/.local/state/kubectl-gitops]
    #[arg(long, value_name = "DIR", env = "KUBECTL_GITOPS_STORE", global = true, hide_env_values = true)]
    pub store: Option<PathBuf>,
    /// How large the store may get, with the mirrors of repositories beside it, as in 500M or 2Gi: what was used least
    /// recently goes after a compile, and with `store gc` [default: no limit]
    #[arg(long, value_name = "SIZE", env = "KUBECTL_GITOPS_STORE_MAX_SIZE", global = true, hide_env_values = true)]
    pub store_max_size: Option<Size>,
}

impl StoreArgs {
    /// How large the store may get; absent where nobody said.
    #[must_use]
    pub fn max_bytes(&self) -> Option<u64> {
        self.store_max_size.map(|size| size.bytes)
    }

    /// Opens the store. Where that is not possible there is none, and the user is told.
    #[must_use]
    pub fn open(&self, printer: Printer) -> Option<Store> {
        match self.open_strictly() {
            Ok(store) => Some(store),
            Err(error) => {
                let cause = error.details.first().map(|cause| format!(": {cause}")).unwrap_or_default();
                printer.warn(&format!("{}{cause}; going on without it", error.message));
                None
            }
        }
    }

    /// Opens the store, or says why not.
    pub fn open_strictly(&self) -> Result<Store, CommandError> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let default = || {
            let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
            state.map(|state| state.join("kubectl-gitops"))
        };
        let root = self.store.clone().or_else(default);
        let root = root.ok_or_else(|| CommandError::user("there is no place for a store: HOME is not set"))?;
        let store = Store::open(&root.join("store"))?.with_max_bytes(self.max_bytes());
        let mirrors = Mirrors::beside(&store);
        Ok(store.with_mirrors(Arc::new(mirrors)))
    }
}
