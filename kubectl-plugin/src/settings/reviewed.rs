//! Both sides of a review: from a range and flags to what each application compiles to.
//!
//! In: flags, a side of the repository at hand. Out: [`ReviewedSide`]: each application, compiled or with what is wrong with
//! it; the settings of reviews and the lock of that side. Nothing is fetched: what the branch of a stranger names is taken
//! from this machine, or is an error. Renders need the whole sandbox.

use std::path::Path;

use gitops_compiler::compile::Compilation;
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::lock::{LOCK_FILE, Lock};
use gitops_compiler::name::AppName;
use gitops_compiler::review::{ChangedFile, SETTINGS_FILE, Settings};
use gitops_compiler::store::Store;
use gitops_compiler::tree::{Repository, parent};

use crate::error::CommandError;
use crate::output::Printer;

use super::ground::Missing;
use super::open::{Described, Opened, applications_of, chosen};
use super::source::SourceArgs;

/// So many files are looked into for causes.
const MOST_FILES: usize = 500;

/// Larger files are not.
const LARGEST_FILE: u64 = 1 << 20;

/// The repository at hand at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// A commit, by its oid.
    Commit(String),
    /// As it lies.
    WorkingTree,
}

impl Moment {
    fn revision(&self) -> Option<&str> {
        match self {
            Self::Commit(oid) => Some(oid),
            Self::WorkingTree => None,
        }
    }
}

/// A side of a review.
pub struct ReviewedSide {
    /// Each application, in the order of its file.
    pub applications: Vec<ReviewedApplication>,
    /// The settings of reviews, or what is wrong with them.
    pub settings: Result<Settings, Diagnostic>,
    /// The lock; nothing where it is not understood.
    pub lock: Option<Lock>,
}

/// An application of a side.
pub struct ReviewedApplication {
    /// Its name.
    pub name: AppName,
    /// What it compiles to, or why it does not.
    pub compiled: Result<Compilation, NotCompiled>,
    /// The folders of its sources in the repository at hand.
    folders: Vec<String>,
    /// Whether a program renders it, so that files elsewhere may matter.
    is_rendered: bool,
}

/// Why an application does not compile.
pub struct NotCompiled {
    /// Sorted by place.
    pub findings: Vec<Diagnostic>,
    /// In one line.
    pub error: String,
}

impl SourceArgs {
    /// The repository at hand.
    pub fn repository(&self) -> Result<Repository, CommandError> {
        Ok(Repository::discover(&self.source)?)
    }

    /// The same for what may be the branch of a stranger: nothing is fetched, and renders need the whole sandbox.
    #[must_use]
    pub fn distrusted(&self) -> Self {
        let mut source = self.clone();
        source.remote.offline = true;
        source.programs.demand_whole_sandbox();
        source
    }

    /// Compiles all that the flags name, as the repository at hand was at a moment.
    pub fn reviewed(
        &self,
        moment: &Moment,
        name: Option<&AppName>,
        store: Option<&Store>,
        printer: Printer,
    ) -> Result<ReviewedSide, CommandError> {
        let source = self.distrusted();
        let revision = moment.revision();
        let here = self.repository()?;
        let (settings, lock) = (review_settings(&here, moment)?, lock_at(&here, moment)?);
        let described = source.described_at(&here, moment, name)?;
        if described.is_empty() {
            return Ok(ReviewedSide { applications: Vec::new(), settings, lock });
        }
        // What is wrong with the lock is wrong with every application.
        let mut ground = match source.ground(revision, Missing::AsAsked, store) {
            Ok(ground) => ground,
            Err(error) => {
                let failed = |described: Described| ReviewedApplication::failed(described.app.name, &error);
                let applications = described.into_iter().map(failed).collect();
                return Ok(ReviewedSide { applications, settings, lock });
            }
        };
        let one = |described: Described| {
            let name = described.app.name.clone();
            match source.open_described(described, &mut ground) {
                Ok(opened) => ReviewedApplication::of(name, &opened, store, printer),
                Err(error) => ReviewedApplication::failed(name, &error),
            }
        };
        Ok(ReviewedSide { applications: described.into_iter().map(one).collect(), settings, lock })
    }

    /// The applications at a moment; none where their file or their folder is not there.
    fn described_at(
        &self,
        here: &Repository,
        moment: &Moment,
        name: Option<&AppName>,
    ) -> Result<Vec<Described>, CommandError> {
        let Some(file) = &self.filename else {
            return self.all_described(here, name);
        };
        let path = path_in(here, file);
        let (Moment::Commit(oid), Some(path)) = (moment, path) else {
            return self.all_described(here, name);
        };
        let Some(bytes) = file_at(here, oid, &path)? else { return Ok(Vec::new()) };
        let described = applications_of(&path, &bytes)?;
        match name {
            Some(name) if !described.iter().any(|found| found.app.name == *name) => Ok(Vec::new()),
            Some(name) => Ok(vec![chosen(described, Some(name), file)?]),
            None => Ok(described),
        }
    }
}

impl ReviewedApplication {
    fn of(name: AppName, opened: &Opened, store: Option<&Store>, printer: Printer) -> Self {
        let own = opened.own_lints();
        let compiled = if own.iter().any(|finding| finding.level == Level::Error) {
            Err(NotCompiled { findings: own, error: "the Application has what is denied".to_owned() })
        } else {
            opened.compile_silently(store, printer).map_err(|error| NotCompiled::of(&error))
        };
        let folders = opened.own_folders();
        Self { name, compiled, folders, is_rendered: opened.has_templates() }
    }

    fn failed(name: AppName, error: &CommandError) -> Self {
        Self { name, compiled: Err(NotCompiled::of(error)), folders: Vec::new(), is_rendered: false }
    }

    /// What it compiles to, where it does.
    #[must_use]
    pub fn compilation(&self) -> Option<&Compilation> {
        self.compiled.as_ref().ok()
    }

    /// The folders of its sources in the repository at hand.
    #[must_use]
    pub fn folders(&self) -> &[String] {
        &self.folders
    }

    /// Those of the files that differ which may have to do with it.
    #[must_use]
    pub fn files_of(&self, all: &[ChangedFile]) -> Vec<ChangedFile> {
        let is_below = |path: &str, folder: &str| {
            folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let wide = |folder: &String| if self.is_rendered { parent(parent(folder)).to_owned() } else { folder.clone() };
        let folders: Vec<String> = self.folders.iter().map(wide).collect();
        let concerns = |file: &&ChangedFile| folders.iter().any(|folder| is_below(&file.path, folder));
        all.iter().filter(concerns).cloned().collect()
    }
}

impl NotCompiled {
    fn of(error: &CommandError) -> Self {
        let errors = error.findings.iter().filter(|finding| finding.level == Level::Error);
        let details: Vec<&str> = error.details.iter().map(String::as_str).collect();
        let details = if details.is_empty() { String::new() } else { format!(": {}", details.join(": ")) };
        Self { findings: errors.cloned().collect(), error: format!("{}{details}", error.message) }
    }
}

/// The files in which two moments differ, for causes. Where a side is the working tree, those of the folders that are
/// compiled.
pub fn differing_files(
    here: &Repository,
    [old, new]: [&Moment; 2],
    folders: &[String],
) -> Result<Vec<ChangedFile>, CommandError> {
    if let (Moment::Commit(old), Moment::Commit(new)) = (old, new) {
        let found = here.differing([old, new], "", MOST_FILES, LARGEST_FILE)?.into_iter();
        return Ok(found.map(|file| ChangedFile { path: file.path, old: file.old, new: file.new }).collect());
    }
    let mut files = Vec::new();
    for folder in folders {
        let snapshot = |moment: &Moment| match moment {
            Moment::Commit(oid) => here.commit(oid, folder),
            Moment::WorkingTree => here.working_tree(folder, None),
        };
        let (Ok(old), Ok(new)) = (snapshot(old), snapshot(new)) else { continue };
        for entry in new.entries().iter().filter(|entry| Path::new(&entry.path).extension().is_some()) {
            let (before, now) = (old.source(&entry.path), new.source(&entry.path));
            let is_small = now.as_ref().is_none_or(|bytes| bytes.len() as u64 <= LARGEST_FILE);
            if before != now && is_small && files.len() < MOST_FILES {
                files.push(ChangedFile { path: entry.path.clone(), old: before, new: now });
            }
        }
    }
    files.sort_by(|one: &ChangedFile, other| one.path.cmp(&other.path));
    files.dedup_by(|one, other| one.path == other.path);
    Ok(files)
}

/// The folders of all applications of a side.
#[must_use]
pub fn folders_of(side: &ReviewedSide) -> Vec<String> {
    side.applications.iter().flat_map(|application| application.folders.clone()).collect()
}

/// The lock at a moment; nothing where it is not understood.
pub fn lock_at(here: &Repository, moment: &Moment) -> Result<Option<Lock>, CommandError> {
    let bytes = here.file_at_root(LOCK_FILE, moment.revision())?;
    Ok(bytes.map_or(Some(Lock::default()), |bytes| Lock::read(LOCK_FILE, &bytes).ok()))
}

/// The settings of reviews at a moment, or what is wrong with them.
pub fn review_settings(here: &Repository, moment: &Moment) -> Result<Result<Settings, Diagnostic>, CommandError> {
    let bytes = match moment {
        Moment::Commit(oid) => file_at(here, oid, SETTINGS_FILE)?,
        Moment::WorkingTree => {
            let file = here.working_tree(parent(SETTINGS_FILE), None);
            file.ok().and_then(|folder| folder.source(SETTINGS_FILE))
        }
    };
    Ok(bytes.map_or(Ok(Settings::default()), |bytes| Settings::read(SETTINGS_FILE, &bytes)))
}

/// A file of a commit.
fn file_at(here: &Repository, oid: &str, path: &str) -> Result<Option<Vec<u8>>, CommandError> {
    use gitops_compiler::tree::Error;
    match here.commit(oid, parent(path)) {
        Ok(folder) => Ok(folder.source(path)),
        Err(Error::NoFolder { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The path of a file in the repository; none where it lies outside.
fn path_in(here: &Repository, file: &Path) -> Option<String> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (folder, name) = (here.folder_of(folder)?, file.file_name()?.to_str()?);
    Some(if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") })
}
