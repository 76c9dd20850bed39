//! The files of a chart, with the charts that it depends on.
//!
//! In: the folder of a chart. Out: a [`Layout`] with the chart below `chart/`. Dependencies that lie in the repository
//! (`file://`) are put below its `charts`, where `helm dependency build` would put them, without running that; those of
//! chart repositories must lie there already. What is missing is a finding with its line.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::app::CHART;
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::yaml::{self, Limits};
use crate::render::layout::Layout;
use crate::render::{Error, Input, or_dot};
use crate::tree::{EntryKind, File, Tree, join};

use super::CHART_FOLDER;

/// Where charts of the first format name their dependencies.
const REQUIREMENTS: &str = "requirements.yaml";

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

/// What we read of `Chart.yaml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    kube_version: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Dependency {
    name: String,
    repository: String,
}

/// What is being laid out.
struct Charts<'i, 'f> {
    tree: &'i Tree,
    layout: Layout,
    asks_for_kubernetes: bool,
    /// How many folders were walked: links may lead to one again and again.
    folders: usize,
    /// Whether there are more files than may be.
    is_full: bool,
    findings: &'f mut Vec<Diagnostic>,
}

pub(super) fn lay_out(input: &Input<'_>, findings: &mut Vec<Diagnostic>) -> Result<Option<Chart>, Error> {
    let folder = input.folder.folder();
    let path = join(folder, CHART).unwrap_or_default();
    let origin = Origin::of_file(path.clone());
    let found = match input.tree {
        Some(tree) => tree.file(&path)?.map(|_| tree),
        None => None,
    };
    let Some(tree) = found else {
        let message = format!("no chart here: there is no {CHART}");
        findings.push(Diagnostic::error(Origin { path: or_dot(folder), ..origin }, message));
        return Ok(None);
    };
    let mut charts =
        Charts { tree, layout: Layout::default(), asks_for_kubernetes: false, folders: 0, is_full: false, findings };
    charts.add(folder, CHART_FOLDER, 0)?;
    let Charts { layout, asks_for_kubernetes, .. } = charts;
    Ok(Some(Chart { layout, origin, asks_for_kubernetes }))
}

impl Charts<'_, '_> {
    /// Lays out the chart in a folder at a place.
    fn add(&mut self, folder: &str, place: &str, depth: usize) -> Result<(), Error> {
        if depth > DEEPEST {
            let message = "charts depend on each other too deeply, or in a circle";
            self.refuse(Origin::of_file(join(folder, CHART).unwrap_or_default()), message.to_owned());
            return Ok(());
        }
        let real = self.tree.real_folder(folder)?.unwrap_or_else(|| folder.to_owned());
        self.add_files(&real, place, depth)?;
        self.add_dependencies(folder, place, depth)
    }

    /// Lays out what a link leads to: Helm follows those to folders, too.
    fn add_linked(&mut self, path: &str, place: &str, depth: usize) -> Result<(), Error> {
        let Some(real) = self.tree.real_folder(path)?.filter(|_| depth < DEEPEST) else {
            let message = "this symbolic link leads nowhere, or in a circle";
            self.refuse(Origin::of_file(path), message.to_owned());
            return Ok(());
        };
        self.add_files(&real, place, depth + 1)
    }

    fn add_files(&mut self, real: &str, place: &str, depth: usize) -> Result<(), Error> {
        let snapshot = self.tree.folder(real)?;
        self.folders += 1;
        if self.folders > MOST_FILES {
            self.fill(Origin::of_file(real));
        }
        for entry in snapshot.entries() {
            if self.is_full {
                return Ok(());
            }
            if entry.kind == EntryKind::Submodule {
                let message = "a submodule lies in this chart, and submodules are not read";
                self.refuse(Origin::of_file(&entry.path), message.to_owned());
                continue;
            }
            let place = format!("{place}/{}", snapshot.below(&entry.path));
            match self.tree.file(&entry.path)? {
                Some(file) => self.add_file(&place, file)?,
                None => self.add_linked(&entry.path, &place, depth)?,
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

    fn add_dependencies(&mut self, folder: &str, place: &str, depth: usize) -> Result<(), Error> {
        for name in [CHART, REQUIREMENTS] {
            let Some(path) = join(folder, name) else { continue };
            let Some(file) = self.tree.file(&path)? else { continue };
            let bytes = file.read()?;
            // Bounded, unlike the reader of our types.
            if let Some(problem) = yaml::read(&bytes, Limits::default()).problems.first() {
                let origin = Origin { path, line: problem.line, column: problem.column };
                self.refuse(origin, problem.message.clone());
                continue;
            }
            let Metadata { kube_version, dependencies } = match serde_yaml::from_slice(&bytes) {
                Ok(Some(metadata)) => metadata,
                Ok(None) => Metadata::default(),
                Err(error) => {
                    let place = error.location();
                    let (line, column) = place.map_or((0, 0), |place| (place.line(), place.column()));
                    self.findings.push(Diagnostic::error(Origin { path, line, column }, error.to_string()));
                    continue;
                }
            };
            self.asks_for_kubernetes |= kube_version.is_some();
            let mut seen = BTreeSet::new();
            for dependency in dependencies.iter().filter(|dependency| seen.insert(&dependency.name)) {
                self.add_dependency(folder, place, &path, dependency, depth)?;
            }
        }
        Ok(())
    }

    fn add_dependency(
        &mut self,
        folder: &str,
        place: &str,
        chart: &str,
        dependency: &Dependency,
        depth: usize,
    ) -> Result<(), Error> {
        let Dependency { name, repository } = dependency;
        let origin = Origin::of_file(chart.to_owned());
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            self.refuse(origin, format!("a dependency cannot be called `{name}`"));
            return Ok(());
        }
        if self.layout.has(&format!("{place}/charts/{name}/{CHART}")) || self.has_packed(place, name) {
            return Ok(());
        }
        let Some(path) = repository.strip_prefix("file://") else {
            let message = format!(
                "the dependency {name} of {repository} is not in `charts`: run `helm dependency update`, and commit what it \
                 puts there"
            );
            self.refuse(origin, message);
            return Ok(());
        };
        match join(folder, path) {
            Some(path) if self.tree.file(&format!("{path}/{CHART}"))?.is_some() => {
                self.add(&path, &format!("{place}/charts/{name}"), depth + 1)?;
            }
            Some(path) => {
                let message = format!("the dependency {name} is said to be in `{path}`, and there is no {CHART}");
                self.refuse(origin, message);
            }
            None => {
                let message = format!("the dependency {name} is said to be outside of the repository: {repository}");
                self.refuse(origin, message);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, origin: Origin, message: String) {
        self.findings.push(Diagnostic::error(origin, message));
    }

    /// Whether a chart lies packed below a place: `charts/<name>-<version>.tgz`.
    fn has_packed(&self, place: &str, name: &str) -> bool {
        let prefix = format!("{place}/charts/{name}-");
        let is_version = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit() || first == 'v');
        self.layout
            .paths()
            .any(|path| path.strip_prefix(&prefix).is_some_and(|rest| rest.ends_with(".tgz") && is_version(rest)))
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
