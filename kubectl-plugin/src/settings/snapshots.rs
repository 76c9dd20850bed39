//! The snapshot of a repository: what was agreed on, what there is now, and the commit at which it was agreed.
//!
//! In: flags. Out: what was agreed on, and what is now; the file is written as a whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use gitops_compiler::name::AppName;
use gitops_compiler::snapshot::{SNAPSHOT_FILE, Snapshot};
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;
use crate::output::Printer;

use super::reviewed::{Moment, ReviewedSide};
use super::source::SourceArgs;

/// So many commits back the one is looked for at which the snapshot was accepted.
const MOST_COMMITS: usize = 50;

/// So many of those that have it are compiled.
const MOST_COMPILED: usize = 8;

/// Which snapshot, and of what.
#[derive(Debug, Clone, Args)]
pub struct SnapshotArgs {
    /// The application; with --filename, which of those in the file [default: all of them]
    #[arg(value_name = "APP")]
    pub app: Option<AppName>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// The file of the snapshot [default: gitops.snap in the root of the repository]
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
}

/// What is there now.
pub struct Now {
    /// The applications.
    pub side: ReviewedSide,
    /// As a snapshot, with bodies where they are kept.
    pub snapshot: Snapshot,
}

impl SnapshotArgs {
    /// The file of the snapshot.
    pub fn file(&self, here: &Repository) -> Result<PathBuf, CommandError> {
        let default = || here.root().map(|root| root.join(SNAPSHOT_FILE));
        self.snapshot.clone().or_else(default).ok_or_else(|| {
            CommandError::user("this repository has no working tree").hint("name the snapshot with --snapshot")
        })
    }

    /// What was agreed on; none where there is no file.
    pub fn agreed(&self, here: &Repository) -> Result<Option<Snapshot>, CommandError> {
        let file = self.file(here)?;
        let shown = file.display();
        match std::fs::read(&file) {
            Ok(bytes) => Snapshot::read(&bytes)
                .map(Some)
                .map_err(|error| CommandError::user(format!("{shown} is not understood: {error}"))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(CommandError::user(format!("cannot read {shown}: {error}"))),
        }
    }

    /// When it is: the revision that the flags name, or the working tree.
    pub fn moment(&self, here: &Repository) -> Result<Moment, CommandError> {
        let revision = self.source.revision.as_deref().map(|revision| here.commit_oid(revision));
        Ok(revision.transpose()?.map_or(Moment::WorkingTree, Moment::Commit))
    }

    /// What there is now. All applications must compile: nobody can agree to what is not known.
    pub fn now(
        &self,
        moment: &Moment,
        with_bodies: bool,
        store: Option<&Store>,
        printer: Printer,
    ) -> Result<Now, CommandError> {
        let side = self.source.reviewed(moment, self.app.as_ref(), store, printer)?;
        for application in &side.applications {
            if let Err(failed) = &application.compiled {
                let message = format!("{} does not compile: {}", application.name, failed.error);
                return Err(CommandError::user(message).findings(failed.findings.clone()));
            }
        }
        let snapshot = snapshot_of(&side, with_bodies);
        Ok(Now { side, snapshot })
    }

    /// The side that was agreed on: of the last commits that have this snapshot one that compiles to it. That is mostly the
    /// oldest, which brought it; or else one of those that came after, the newest first.
    #[must_use]
    pub fn agreed_side(
        &self,
        here: &Repository,
        agreed: &Snapshot,
        store: Option<&Store>,
        printer: Printer,
    ) -> Option<(ReviewedSide, String)> {
        let file = std::fs::canonicalize(self.file(here).ok()?).ok()?;
        let name = file.strip_prefix(std::fs::canonicalize(here.root()?).ok()?).ok()?.to_str()?.to_owned();
        let start = self.source.revision.as_deref().unwrap_or("HEAD");
        let mut found = Vec::new();
        for back in 0..MOST_COMMITS {
            let Ok(oid) = here.commit_oid(&format!("{start}~{back}")) else { break };
            let bytes = here.file_at_root(&name, Some(&oid)).ok()?;
            if bytes.is_none_or(|bytes| Snapshot::read(&bytes).as_ref() != Ok(agreed)) {
                break;
            }
            found.push(oid);
        }
        let oldest = found.pop()?;
        let agreed = self.of_app(agreed);
        std::iter::once(oldest).chain(found).take(MOST_COMPILED).find_map(|oid| {
            let side = self.source.reviewed(&Moment::Commit(oid.clone()), self.app.as_ref(), store, printer).ok()?;
            agreed.pending(&snapshot_of(&side, agreed.has_bodies())).is_empty().then_some((side, oid))
        })
    }

    /// The part of a snapshot that is looked at: one application where it is named.
    #[must_use]
    pub fn of_app(&self, agreed: &Snapshot) -> Snapshot {
        match &self.app {
            Some(app) => agreed.of_application(app.as_str()),
            None => agreed.clone(),
        }
    }
}

fn snapshot_of(side: &ReviewedSide, with_bodies: bool) -> Snapshot {
    let mut snapshot = if with_bodies { Snapshot::with_bodies() } else { Snapshot::default() };
    for application in &side.applications {
        if let Ok(compilation) = &application.compiled {
            snapshot.insert(application.name.as_str(), &compilation.graph);
        }
    }
    snapshot
}

/// Writes a snapshot.
pub fn write_snapshot(file: &Path, snapshot: &Snapshot) -> Result<(), CommandError> {
    let cannot = |error: String| CommandError::user(format!("cannot write {}: {error}", file.display()));
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut whole = tempfile::NamedTempFile::new_in(folder).map_err(|error| cannot(error.to_string()))?;
    whole.write_all(snapshot.text().as_bytes()).map_err(|error| cannot(error.to_string()))?;
    // Git keeps what others may read; a temporary file is for its owner alone.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    whole.as_file().set_permissions(mode).map_err(|error| cannot(error.to_string()))?;
    whole.persist(file).map(|_| ()).map_err(|error| cannot(error.error.to_string()))
}
