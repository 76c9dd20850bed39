//! What applications are opened in.
//!
//! In: the flags, a revision. Out: [`Ground`]: the repository at hand at the commit that is read, whose signature was looked
//! at where that is asked for, inputs as the lock of that commit has them, clones, programs. All applications of one command
//! share it, so that each thing is opened once.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;

use super::fetched::Fetched;
use super::inputs::Inputs;
use super::lock_file::read_lock;
use super::programs::Programs;
use super::repositories::{Repositories, open_clones};
use super::signers::SignaturePolicy;
use super::source::SourceArgs;

/// What all applications of a command share.
pub(super) struct Ground {
    pub(super) here: Arc<Repository>,
    pub(super) inputs: Arc<Inputs>,
    pub(super) repositories: Repositories,
    pub(super) programs: Arc<Programs>,
}

/// What becomes of inputs that the lock does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// What the flags say.
    AsAsked,
    /// They are looked up.
    LookedUp,
}

impl SourceArgs {
    /// Opens what the flags name, at a revision; the working tree where there is none.
    pub(super) fn ground(
        &self,
        revision: Option<&str>,
        missing: Missing,
        store: Option<&Store>,
    ) -> Result<Ground, CommandError> {
        let here = Arc::new(Repository::discover(&self.source)?);
        let signers = SignaturePolicy::read(&self.signers)?;
        let signed = signers.as_ref().map(|signers| signers.commit(&here, revision)).transpose()?;
        let revision = signed.as_deref().or(revision);
        let clones = open_clones(&self.repository)?;
        let fetched = Arc::new(Fetched::new(&self.remote, &clones, self.submodules, store)?);
        let inputs = Inputs::new(&self.remote, read_lock(&here, revision)?, clones.clone(), fetched);
        let inputs = match missing {
            Missing::AsAsked => inputs,
            Missing::LookedUp => inputs.looking_up(BTreeSet::new()),
        };
        let repositories = Repositories::new(Some(Arc::clone(&here)), revision, clones, store, signers);
        let programs = Arc::new(Programs::new(&self.programs, store));
        Ok(Ground { here, inputs: Arc::new(inputs), repositories, programs })
    }
}
