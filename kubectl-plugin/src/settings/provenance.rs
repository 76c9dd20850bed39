//! Where what an application compiles to comes from, for whoever gets it as a bundle.
//!
//! In: an application, opened at commits and compiled. Out: its sources as they were asked for, and everything that was read
//! for it: the commits of its sources and whatever else they took from elsewhere. A working tree comes from nowhere that
//! anybody else could look: it must be clean, and is then read again at its commit.

use std::collections::BTreeMap;

use gitops_compiler::bundle::{Builder, Dependency, ExternalParameters, Provenance, ProvenanceSource, Target};
use gitops_compiler::lock::LOCK_FILE;
use gitops_compiler::name::AppName;
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;

use super::open::Opened;
use super::source::SourceArgs;

impl SourceArgs {
    /// Opens what the flags name at commits only.
    ///
    /// # Errors
    /// For a working tree that differs from its commit (exit 4), and whatever is wrong with the application.
    pub fn open_committed(&self, name: Option<&AppName>, store: Option<&Store>) -> Result<Opened, CommandError> {
        let opened = self.open_named(name, store)?;
        if self.revision.is_some() {
            return Ok(opened);
        }
        let repository = Repository::discover(&self.source)?;
        let Ok(head) = repository.commit_oid("HEAD") else {
            return Err(not_committed("there is no commit yet"));
        };
        // What it takes from its sources is known when it was asked for.
        opened.ask_for_inputs()?;
        if opened.is_dirty() {
            return Err(not_committed(&format!("files of it differ from the commit {}", &head[..12])));
        }
        if repository.file_at_root(LOCK_FILE, None)? != repository.file_at_root(LOCK_FILE, Some(&head))? {
            return Err(not_committed(&format!("{LOCK_FILE} differs from that of the commit {}", &head[..12])));
        }
        self.open_at(Some(&head), name, store)
    }

    /// Where it comes from. It was opened by [`SourceArgs::open_committed`], and compiled.
    ///
    /// # Errors
    /// Where a commit cannot be read.
    pub fn provenance(
        &self,
        opened: &Opened,
        target: Target,
        builder: Builder,
        finished_on: Option<String>,
    ) -> Result<Provenance, CommandError> {
        let origin = Repository::discover(&self.source)?.origin();
        let revision = self.revision.as_deref();
        let source = |source| ProvenanceSource::new(source, origin.as_deref(), revision);
        let sources = opened.app.sources.iter().map(source).collect();
        let mut dependencies: Vec<Dependency> =
            opened.resolved().iter().map(|(request, pin)| Dependency::pinned(request, pin)).collect();
        for (address, oid) in opened.commits()? {
            dependencies.push(Dependency::commit(address.as_deref().or(origin.as_deref()), &oid));
        }
        let programs: BTreeMap<String, String> = opened
            .programs()
            .into_iter()
            .filter_map(|(name, version)| Some((name.as_str().to_owned(), version.ok()?)))
            .collect();
        let external = ExternalParameters { application: opened.app.name.clone(), sources, target };
        Ok(Provenance::new(external, programs, dependencies, builder, finished_on))
    }
}

fn not_committed(why: &str) -> CommandError {
    CommandError::refused(format!("a working tree has no provenance: {why}"))
        .hint("commit what belongs to it, or name a commit with --revision")
}
