//! An application with its sources opened: what commands compile.
//!
//! In: the flags. Out: [`Opened`]. All that is wrong with the Application is told at once.

use std::path::Path;
use std::sync::Arc;

use gitops_compiler::app::{self, AppSpec, Application, Destination, SourceType};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::compile::{self, Compilation, Sources, summarise};
use gitops_compiler::diagnostic::{Diagnostic, Level, Origin};
use gitops_compiler::lint::Levels;
use gitops_compiler::lock::{Pin, ProgramName, Request};
use gitops_compiler::name::AppName;
use gitops_compiler::render::{Capabilities, Input};
use gitops_compiler::store::Store;
use gitops_compiler::tree::{CommitInfo, Repository, Snapshot};

use crate::error::CommandError;
use crate::output::Printer;

use super::ground::{Ground, Missing};
use super::machine::{Machine, Unsaid};
use super::source::{SourceArgs, clean};
use super::sources::{LentTrees, OpenedSource, OpenedSources, open_sources};
use super::{Delivery, Home};

/// An application with its sources opened.
pub struct Opened {
    /// What it is.
    pub app: AppSpec,
    /// Where it belongs.
    pub home: Home,
    /// How it is delivered.
    pub delivery: Delivery,
    sources: Vec<OpenedSource>,
    lent: LentTrees,
    levels: Levels,
    machine: Machine,
    /// Of the Application and the parameter files.
    lints: Vec<Diagnostic>,
}

/// An application, or what is wrong with it.
pub(super) type OpenedByName = (AppName, Result<Opened, CommandError>);

/// An application, whoever described it.
pub(super) struct Described {
    pub(super) app: AppSpec,
    pub(super) home: Home,
    delivery: Delivery,
    /// The cluster of its destination, as it is written.
    pub(super) cluster: String,
    /// Where its object is; nowhere where flags describe it.
    pub(super) origin: Option<Origin>,
    /// How it is rendered, where the user says so.
    said: Option<SourceType>,
    pub(super) lints: Vec<Diagnostic>,
}

impl Described {
    /// Opened: these are its sources.
    pub(super) fn opened(
        self,
        sources: Vec<OpenedSource>,
        lent: LentTrees,
        levels: Levels,
        machine: Machine,
    ) -> Opened {
        let Self { app, home, delivery, lints, .. } = self;
        Opened { app, home, delivery, sources, lent, levels, machine, lints }
    }

    /// By its object.
    pub(super) fn of(application: &Application, lints: Vec<Diagnostic>) -> Self {
        let Destination { server, name, namespace } = application.spec.destination.clone();
        let destination = Some(namespace).filter(|namespace| !namespace.is_empty());
        let home = Home { record_namespace: application.namespace.clone(), destination };
        let cluster = if server.is_empty() { name } else { server };
        let delivery = Delivery::of(application);
        let origin = Some(application.origin.clone());
        Self { app: AppSpec::from(application), home, delivery, cluster, origin, said: None, lints }
    }
}

impl SourceArgs {
    /// Opens what the flags name. An application has this name, or the one that it has in its file.
    pub fn open(&self, name: Option<&AppName>, store: Option<&Store>) -> Result<Opened, CommandError> {
        self.open_at(self.revision.as_deref(), name, store)
    }

    /// Opens what the flags name, for commands that keep a record of it: it must have a name.
    pub fn open_named(&self, name: Option<&AppName>, store: Option<&Store>) -> Result<Opened, CommandError> {
        if name.is_none() && self.filename.is_none() {
            return Err(CommandError::user(
                "an application needs a name: give it as APP, or name its file with --filename",
            ));
        }
        self.open(name, store)
    }

    /// Opens another revision of it.
    pub fn open_at(
        &self,
        revision: Option<&str>,
        name: Option<&AppName>,
        store: Option<&Store>,
    ) -> Result<Opened, CommandError> {
        if self.is_for_set() {
            return Err(CommandError::user(
                "with --recursive a file of Applications can be compiled, and nothing else",
            ));
        }
        let mut ground = self.ground(revision, Missing::AsAsked, store)?;
        let described = match &self.filename {
            Some(file) => chosen(applications(file)?, name, file)?,
            None => self.described(&ground.here, name)?,
        };
        self.open_described(described, &mut ground)
    }

    /// Opens all that the flags name, each Application of a file, with what is wrong with each.
    pub(super) fn open_each(
        &self,
        name: Option<&AppName>,
        ground: &mut Ground,
    ) -> Result<Vec<OpenedByName>, CommandError> {
        let described = self.all_described(&ground.here, name)?;
        let open = |described: Described| (described.app.name.clone(), self.open_described(described, ground));
        Ok(described.into_iter().map(open).collect())
    }

    /// All that the flags name: each Application of a file.
    pub(super) fn all_described(
        &self,
        here: &Repository,
        name: Option<&AppName>,
    ) -> Result<Vec<Described>, CommandError> {
        match (&self.filename, name) {
            (Some(file), Some(_)) => Ok(vec![chosen(applications(file)?, name, file)?]),
            (Some(file), None) => applications(file),
            (None, _) => Ok(vec![self.described(here, name)?]),
        }
    }

    pub(super) fn open_described(&self, described: Described, ground: &mut Ground) -> Result<Opened, CommandError> {
        let Ground { inputs, repositories, programs, .. } = ground;
        let (mut described, levels) = (described, self.levels()?);
        let OpenedSources { sources, lent } =
            open_sources(&described.app, described.said, repositories, inputs, &mut described.lints)?;
        let machine = Machine::new(Arc::clone(programs), Arc::clone(inputs), self.capabilities());
        Ok(described.opened(sources, lent, levels, machine))
    }

    /// The folder that flags describe.
    fn described(&self, here: &Repository, name: Option<&AppName>) -> Result<Described, CommandError> {
        let path = match &self.path {
            Some(path) => clean(path)?,
            None => here.folder_of(&self.source).unwrap_or_default(),
        };
        let (source, said) = self.folder(path);
        let name = name.cloned().map_or_else(|| "app".parse(), Ok);
        let name = name.map_err(|error| CommandError::user(format!("{error}")))?;
        let (app, home, cluster) = (AppSpec::folder(name, source), Home::default(), String::new());
        Ok(Described { app, home, delivery: Delivery::default(), cluster, origin: None, said, lints: Vec::new() })
    }
}

/// All Applications of a file.
fn applications(file: &Path) -> Result<Vec<Described>, CommandError> {
    let shown = file.display().to_string();
    let bytes = std::fs::read(file).map_err(|error| CommandError::user(format!("cannot read {shown}: {error}")))?;
    applications_of(&shown, &bytes)
}

/// All Applications of the bytes of a file.
pub(super) fn applications_of(shown: &str, bytes: &[u8]) -> Result<Vec<Described>, CommandError> {
    let (applications, findings) = app::read(shown, bytes);
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return Err(CommandError::user(format!("{shown} is not understood")).findings(findings));
    }
    let lints_of = |application: &Application| {
        let here = |finding: &&Diagnostic| applications.len() == 1 || is_of(finding, application, &applications);
        findings.iter().filter(here).cloned().collect()
    };
    Ok(applications.iter().map(|application| Described::of(application, lints_of(application))).collect())
}

/// Whether a finding stands in an Application, and not in a later one.
fn is_of(finding: &Diagnostic, application: &Application, all: &[Application]) -> bool {
    let begins = |other: &&Application| other.origin.line <= finding.origin.line;
    all.iter().filter(begins).max_by_key(|other| other.origin.line).is_some_and(|last| last.name == application.name)
}

/// The Application of the file that is meant.
pub(super) fn chosen(
    mut described: Vec<Described>,
    name: Option<&AppName>,
    file: &Path,
) -> Result<Described, CommandError> {
    let shown = file.display();
    let names: Vec<String> = described.iter().map(|described| described.app.name.to_string()).collect();
    match name {
        Some(name) => described.retain(|described| described.app.name == *name),
        None if described.len() > 1 => {
            let message = format!("{shown} has {} Applications: say which one", described.len());
            return Err(CommandError::user(message).hint(format!("there are {}", names.join(", "))));
        }
        None => {}
    }
    described.pop().ok_or_else(|| {
        let message = format!("{shown} has no Application of this name");
        CommandError::user(message).hint(format!("there are {}", names.join(", ")))
    })
}

impl Opened {
    /// The commit of the first source: what a release is said to be of.
    #[must_use]
    pub fn commit(&self) -> Option<(&CommitInfo, bool)> {
        let first = self.sources.first()?;
        let dirty = self.sources.iter().any(|source| source.folder.dirty || source.tree.is_dirty());
        Some((first.folder.commit.as_ref()?, dirty))
    }

    /// Whether files that it was read from differ from those of a commit.
    pub(super) fn is_dirty(&self) -> bool {
        let lent = || self.lent.values().any(|tree| tree.is_dirty());
        self.sources.iter().any(|source| source.folder.dirty || source.tree.is_dirty()) || lent()
    }

    /// The commits of its sources and of what they lend, each with the address that the source names.
    pub(super) fn commits(&self) -> Result<Vec<(Option<String>, String)>, CommandError> {
        let of_sources = self.sources.iter().map(|opened| (&opened.source, &opened.tree));
        let lending = self.app.sources.iter().filter(|source| source.only_lends());
        let lending = lending.filter_map(|source| Some((source, self.lent.get(&source.reference)?)));
        let mut commits = Vec::new();
        for (source, tree) in of_sources.chain(lending) {
            let address = Some(source.repo_url.clone()).filter(|address| !address.is_empty());
            commits.extend(tree.commit_object()?.map(|(oid, _)| (address, oid)));
        }
        Ok(commits)
    }

    /// What inputs from elsewhere are that were asked for, whoever stood for them.
    pub(super) fn resolved(&self) -> Vec<(Request, Pin)> {
        self.machine.inputs().resolved()
    }

    /// What renders its sources, in Argo CD's words; `Unknown` where a source says two things.
    #[must_use]
    pub fn source_types(&self) -> Vec<String> {
        let type_of = |opened: &OpenedSource| {
            let found = || SourceType::of(&opened.source, opened.folder.names()).ok();
            opened.source_type.or_else(found).map_or("Unknown", SourceType::name).to_owned()
        };
        self.sources.iter().map(type_of).collect()
    }

    /// Whether a source is rendered, and so may ask for the namespace.
    #[must_use]
    pub fn has_templates(&self) -> bool {
        let is_plain = |opened: &OpenedSource| {
            let found = || SourceType::of(&opened.source, opened.folder.names());
            opened.source_type.map_or_else(found, Ok) == Ok(SourceType::Directory)
        };
        !self.sources.iter().all(is_plain)
    }

    /// The folders of its sources.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Snapshot> {
        self.sources.iter().map(|source| &*source.folder)
    }

    /// The folders of its sources that are in the repository at hand, or in a clone.
    pub(super) fn own_folders(&self) -> Vec<String> {
        let own = self.sources.iter().filter(|source| source.elsewhere.is_none());
        own.map(|source| source.folder.folder().to_owned()).collect()
    }

    /// What of Kubernetes its charts ask for that nobody said.
    pub(crate) fn unsaid(&self) -> Unsaid {
        // What is wrong is told when it is compiled.
        let _ = self.ask_for_inputs();
        self.machine.unsaid()
    }

    /// Says what of Kubernetes nobody said.
    pub(crate) fn say_of_kubernetes(&mut self, capabilities: Capabilities) {
        self.machine.say(capabilities);
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        let inputs = self.sources.iter().map(|opened| self.input(opened)).collect();
        Sources { inputs, tools: &self.machine, last_wins: self.app.last_wins }
    }

    fn input<'a>(&'a self, opened: &'a OpenedSource) -> Input<'a> {
        let OpenedSource { source, source_type, folder, tree, revision, elsewhere, places } = opened;
        let lent = self.lent.iter().map(|(name, tree)| (name.clone(), &**tree)).collect();
        let input = Input::new(&self.app, source.clone(), *source_type, folder, Some(tree), lent);
        let mut input = input.placed(places.clone());
        if let Some(revision) = revision {
            input = input.at_revision(&self.app, revision);
        }
        match elsewhere {
            Some(request) => input.taken_from(request.clone()),
            None => input,
        }
    }

    /// What inputs from elsewhere are, as far as they were asked for.
    #[must_use]
    pub fn inputs(&self) -> Vec<(Request, Pin)> {
        self.machine.inputs().pins()
    }

    /// The programs that were needed so far, with their versions.
    pub(super) fn programs(&self) -> Vec<(ProgramName, Result<String, String>)> {
        let programs = self.machine.programs();
        programs.needed().into_iter().map(|name| (name, programs.version(name))).collect()
    }

    /// Asks for all inputs from elsewhere, and compiles nothing.
    pub(super) fn ask_for_inputs(&self) -> Result<(), CommandError> {
        Ok(compile::ask_for_inputs(&self.sources())?)
    }

    /// Compiles, and says what there is to say.
    pub fn compile(&self, store: Option<&Store>, printer: Printer) -> Result<Compilation, CommandError> {
        let compilation = self.compile_silently(store, printer)?;
        self.say(&compilation.lints, printer)?;
        Ok(compilation)
    }

    /// Compiles without saying its lints.
    pub fn compile_silently(&self, store: Option<&Store>, printer: Printer) -> Result<Compilation, CommandError> {
        Ok(self.compile_at(&self.levels, store, printer)?)
    }

    /// Compiles with other levels.
    pub(super) fn compile_at(
        &self,
        levels: &Levels,
        store: Option<&Store>,
        printer: Printer,
    ) -> Result<Compilation, compile::Error> {
        compile::compile(&self.sources(), levels, store, &mut warnings(printer))
    }

    /// The bytes of a file that may have taken part, for messages.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<Vec<u8>> {
        self.sources.iter().find_map(|opened| opened.folder.source(path))
    }

    /// The id of what it compiles to, and what there is to say.
    pub fn identify(&self, store: Option<&Store>, printer: Printer) -> Result<Id<Graph>, CommandError> {
        let summary = summarise(&self.sources(), &self.levels, store, &mut warnings(printer))?;
        self.say(&summary.lints, printer)?;
        Ok(summary.graph)
    }

    /// What there is to say of the Application itself.
    pub fn own_lints(&self) -> Vec<Diagnostic> {
        let mut own = self.lints.clone();
        self.levels.apply(&mut own);
        own
    }

    pub(super) fn say(&self, lints: &[Diagnostic], printer: Printer) -> Result<(), CommandError> {
        let own = self.own_lints();
        if own.iter().any(|finding| finding.level == Level::Error) {
            return Err(CommandError::user("the Application has what is denied").findings(own));
        }
        say_lints(&own, printer);
        say_lints(lints, printer);
        Ok(())
    }
}

/// Says what there is to say of manifests.
pub fn say_lints(lints: &[Diagnostic], printer: Printer) {
    for lint in lints {
        printer.finding(lint);
    }
}

pub(super) fn warnings(printer: Printer) -> impl FnMut(String) {
    move |message: String| printer.warn(&message)
}
