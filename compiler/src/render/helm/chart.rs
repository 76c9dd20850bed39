//! The files of a chart, with the charts that it depends on.
//!
//! In: the folder of a chart. Out: a [`Layout`] with the chart below `chart/`. Dependencies are put below its `charts`,
//! where `helm dependency build` would put them, without running that: those that lie in the repository (`file://`), and
//! those of chart repositories, as they are pinned (`dependency`). What is missing is a finding with its line.

use std::collections::BTreeSet;

use crate::app::CHART;
use crate::diagnostic::{Diagnostic, Origin};
use crate::lock::Request;
use crate::name::Version;
use crate::render::layout::Layout;
use crate::render::{Asker, Error, Input, Tools};
use crate::tree::{EntryKind, File, Tree, join};

use super::CHART_FOLDER;
use super::dependency::{self, Dependency};

/// How deep charts may lie in charts.
const DEEPEST: usize = 16;

/// How many files a chart may have with all that it depends on.
const MOST_FILES: usize = 20_000;

/// A chart that was laid out.
pub(super) struct Chart {
    pub(super) layout: Layout,
    /// Its `Chart.yaml`.
    pub(super) origin: Origin,
    /// Whether a template, or the chart itself, asks which Kubernetes it is for.
    pub(super) asks_for_kubernetes: bool,
}

/// What is being laid out.
struct Charts<'i, 'f> {
    tools: &'i dyn Tools,
    /// Whether the Application says so.
    pass_credentials: bool,
    layout: Layout,
    asks_for_kubernetes: bool,
    /// Where dependencies were laid out.
    placed: BTreeSet<String>,
    /// How many folders were walked: links may lead to one again and again.
    folders: usize,
    /// Whether there are more files than may be.
    is_full: bool,
    findings: &'f mut Vec<Diagnostic>,
}

/// A folder of a tree that becomes a folder of the layout.
#[derive(Clone, Copy)]
struct At<'t> {
    tree: &'t Tree,
    /// What asked for the tree, where it is from elsewhere.
    asker: Option<&'t Request>,
    folder: &'t str,
    /// Where it is in the layout.
    place: &'t str,
    /// How many charts it is inside of.
    depth: usize,
}

pub(super) fn lay_out(
    input: &Input<'_>,
    tools: &dyn Tools,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<Chart>, Error> {
    let folder = input.folder.folder();
    let path = join(folder, CHART).unwrap_or_default();
    let origin = Origin::of_file(path.clone());
    let found = match input.tree {
        Some(tree) => tree.file(&path)?.map(|_| tree),
        None => None,
    };
    let Some(tree) = found else {
        let message = format!("no chart here: there is no {path}");
        findings.push(Diagnostic::error(input.place("/path"), message));
        return Ok(None);
    };
    let mut charts = Charts {
        tools,
        pass_credentials: input.source.helm.as_ref().is_some_and(|helm| helm.pass_credentials),
        layout: Layout::default(),
        asks_for_kubernetes: false,
        placed: BTreeSet::new(),
        folders: 0,
        is_full: false,
        findings,
    };
    charts.add(At { tree, asker: input.elsewhere.as_ref(), folder, place: CHART_FOLDER, depth: 0 })?;
    let Charts { layout, asks_for_kubernetes, .. } = charts;
    Ok(Some(Chart { layout, origin, asks_for_kubernetes }))
}

impl Charts<'_, '_> {
    /// Lays out a chart.
    fn add(&mut self, at: At<'_>) -> Result<(), Error> {
        let At { tree, folder, depth, .. } = at;
        if depth > DEEPEST {
            let message = "charts depend on each other too deeply, or in a circle";
            self.refuse(Origin::of_file(join(folder, CHART).unwrap_or_default()), message.to_owned());
            return Ok(());
        }
        let real = tree.real_folder(folder)?.unwrap_or_else(|| folder.to_owned());
        self.add_files(At { folder: &real, ..at })?;
        self.add_dependencies(at)
    }

    /// Lays out what a link leads to: Helm follows those to folders, too.
    fn add_linked(&mut self, at: At<'_>) -> Result<(), Error> {
        let At { tree, folder, depth, .. } = at;
        let Some(real) = tree.real_folder(folder)?.filter(|_| depth < DEEPEST) else {
            let message = "this symbolic link leads nowhere, or in a circle";
            self.refuse(Origin::of_file(folder), message.to_owned());
            return Ok(());
        };
        self.add_files(At { folder: &real, depth: depth + 1, ..at })
    }

    fn add_files(&mut self, at: At<'_>) -> Result<(), Error> {
        let snapshot = at.tree.whole_folder(at.folder, &|_| true)?;
        self.folders += 1;
        if self.folders > MOST_FILES {
            self.fill(Origin::of_file(at.folder));
        }
        if !self.asks_for_kubernetes {
            // They are read in search of that, and all of them are laid out.
            snapshot.prepare(&snapshot.entries().iter().collect::<Vec<_>>());
        }
        for entry in snapshot.entries() {
            if self.is_full {
                return Ok(());
            }
            if entry.kind == EntryKind::Submodule {
                let message = "a repository lies in this chart that is no submodule";
                self.refuse(Origin::of_file(&entry.path), message.to_owned());
                continue;
            }
            let place = format!("{}/{}", at.place, snapshot.below(&entry.path));
            match at.tree.file(&entry.path)? {
                Some(file) => self.add_file(&place, file)?,
                None => self.add_linked(At { folder: &entry.path, place: &place, ..at })?,
            }
        }
        Ok(())
    }

    fn add_file(&mut self, place: &str, file: File) -> Result<(), Error> {
        // Templates of any depth, and helpers of any name; packed charts may hold some.
        if !self.asks_for_kubernetes {
            let bytes = if place.ends_with(".tgz") { None } else { Some(file.read()?) };
            self.asks_for_kubernetes = bytes.is_none_or(|bytes| contains(&bytes, b"Capabilities"));
        }
        if self.layout.len() < MOST_FILES {
            self.layout.add(place, file);
        } else {
            self.fill(Origin::of_file(file.entry.path.clone()));
        }
        Ok(())
    }

    /// Takes no more.
    fn fill(&mut self, origin: Origin) {
        if !std::mem::replace(&mut self.is_full, true) {
            self.refuse(origin, format!("a chart with its dependencies has more than {MOST_FILES} files or folders"));
        }
    }

    fn add_dependencies(&mut self, at: At<'_>) -> Result<(), Error> {
        let read = dependency::read(at.tree, at.folder, self.findings)?;
        self.asks_for_kubernetes |= read.asks_for_kubernetes;
        for dependency in &read.dependencies {
            self.add_dependency(at, dependency)?;
        }
        Ok(())
    }

    fn add_dependency(&mut self, at: At<'_>, dependency: &Dependency) -> Result<(), Error> {
        let Dependency { name, repository, version, origin, unlocked } = dependency;
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            self.refuse(origin.clone(), format!("a dependency cannot be called `{name}`"));
            return Ok(());
        }
        let mut place = format!("{}/charts/{name}", at.place);
        let is_ours = self.placed.contains(&place);
        if !is_ours && self.layout.has(&format!("{place}/{CHART}")) || self.has_packed(at.place, name) {
            return Ok(());
        }
        // Another version of it: Helm goes by what the chart says, not by the name of its folder.
        while !self.placed.insert(place.clone()) {
            place.push('_');
        }
        if let Some(message) = unlocked {
            self.refuse(origin.clone(), message.clone());
            return Ok(());
        }
        let depth = at.depth + 1;
        if let Some(path) = repository.strip_prefix("file://") {
            return match join(at.folder, path) {
                Some(path) if at.tree.file(&format!("{path}/{CHART}"))?.is_some() => {
                    self.add(At { folder: &path, place: &place, depth, ..at })
                }
                Some(path) => {
                    let message = format!("the dependency {name} is said to be in `{path}`, and there is no {CHART}");
                    self.refuse(origin.clone(), message);
                    Ok(())
                }
                None => {
                    let message =
                        format!("the dependency {name} is said to be outside of the repository: {repository}");
                    self.refuse(origin.clone(), message);
                    Ok(())
                }
            };
        }
        if !["https://", "http://", "oci://"].iter().any(|scheme| repository.starts_with(scheme)) {
            let message = format!(
                "the dependency {name} is of `{repository}`, which is no address: name the repository by its address in \
                 {CHART}, or commit the chart in `charts`"
            );
            self.refuse(origin.clone(), message);
            return Ok(());
        }
        let (repository, chart, version) = (repository.clone(), name.clone(), version.clone());
        let request = Request::Chart { repository, chart, version };
        let asker = Asker { input: at.asker, pass_credentials: self.pass_credentials };
        match self.tools.remote(&request, asker) {
            Ok(tree) => self.add(At { tree: &tree, asker: Some(&request), folder: "", place: &place, depth }),
            Err(message) => {
                self.refuse(origin.clone(), message);
                Ok(())
            }
        }
    }

    fn refuse(&mut self, origin: Origin, message: String) {
        self.findings.push(Diagnostic::error(origin, message));
    }

    /// Whether a chart lies packed below a place: `charts/<name>-<version>.tgz`.
    fn has_packed(&self, place: &str, name: &str) -> bool {
        let prefix = format!("{place}/charts/{name}-");
        let is_version = |rest: &str| rest.strip_suffix(".tgz").is_some_and(|rest| Version::parse(rest).is_ok());
        self.layout.paths().any(|path| path.strip_prefix(&prefix).is_some_and(is_version))
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
