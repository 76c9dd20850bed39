//! Flags that many commands share, and what they become.
//!
//! In: what the user typed. Out: an application with its sources opened, a store, a connection: things that commands work
//! with.

mod binary_cache;
mod bundled;
mod check;
mod cluster;
mod compiled_for;
mod delivery;
mod fault;
mod fetched;
mod given;
mod ground;
mod health;
mod inputs;
mod large_files;
mod lock;
mod lock_file;
mod machine;
mod open;
mod programs;
mod provenance;
mod recursive;
mod registry;
mod remote;
mod repositories;
mod repository_server;
mod reviewed;
mod signers;
mod snapshots;
mod sops;
mod source;
mod sources;
mod store;
mod submodules;
mod versions;

pub use binary_cache::{BinaryCacheArgs, Patience, cache_address};
pub use check::CheckedApplication;
pub use cluster::{ClusterArgs, Connected, Home};
pub use compiled_for::{CompiledFor, compiled_for};
pub use delivery::{Delivery, DeliveryArgs};
pub use given::Given;
pub use health::HealthArgs;
pub use lock::{LockFileArgs, LockedInput, LockedProgram, Locking, Verified, VerifiedInput, VerifiedProgram};
pub use open::{Opened, say_lints};
pub use programs::ProgramArgs;
pub use recursive::{Compiled, Outcome};
pub use registry::RegistryArgs;
pub use remote::RemoteArgs;
pub use repository_server::RepositoryServer;
pub use reviewed::{
    Moment, NotCompiled, ReviewedApplication, ReviewedSide, differing_files, folders_of, lock_at, review_settings,
};
pub use snapshots::{Now, SnapshotArgs, write_snapshot};
pub use sops::SopsArgs;
pub use source::SourceArgs;
pub use store::StoreArgs;

use std::sync::{Arc, OnceLock};

use crate::binary_cache::BinaryCache;
use crate::output::Printer;

/// What every command gets.
pub struct Session {
    /// Where output goes.
    pub printer: Printer,
    /// Where graphs are kept.
    pub store: StoreArgs,
    /// The binary cache behind it, where a command has asked for one.
    cache: OnceLock<Arc<BinaryCache>>,
}

impl Session {
    /// That of a process.
    #[must_use]
    pub fn new(printer: Printer, store: StoreArgs) -> Self {
        Self { printer, store, cache: OnceLock::new() }
    }

    /// The binary cache that is in use.
    #[must_use]
    pub fn binary_cache(&self) -> Option<Arc<BinaryCache>> {
        self.cache.get().cloned()
    }

    /// Ends what goes on beside the command: what is written to the cache is waited for.
    pub fn finish(&self) {
        if let Some(cache) = self.cache.get() {
            cache.finish();
        }
    }
}
