//! What a chart says that it depends on.
//!
//! In: the folder of a chart. Out: its dependencies, each with the version that is asked for and the place that says so, and
//! whether it says which Kubernetes it is for. Where the chart has a lock of Helm's (`Chart.lock`), that says the version, as
//! it does for `helm dependency build`; a lock that does not fit is a finding.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::CHART;
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::yaml::{self, Limits, Locator};
use crate::name::VersionRange;
use crate::render::Error;
use crate::tree::{Tree, join};

/// Where charts of the first format name their dependencies, and where Helm locks those.
const REQUIREMENTS: (&str, &str) = ("requirements.yaml", "requirements.lock");

/// Where Helm locks those of other charts.
const CHART_LOCK: &str = "Chart.lock";

/// A chart that another needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// Its address; `file://` for a folder of the same repository.
    pub(super) repository: String,
    /// The version or range of versions; exactly one where Helm's lock says so.
    pub(super) version: String,
    /// Where it is said.
    pub(super) origin: Origin,
    /// What is wrong with Helm's lock of it; it counts only where the dependency is not in the chart.
    pub(super) unlocked: Option<String>,
}

impl Dependency {
    /// Whether both are one chart, perhaps under two aliases.
    fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.repository, &self.version) == (&other.name, &other.repository, &other.version)
    }
}

/// What was read of a chart.
#[derive(Debug, Default)]
pub(super) struct ReadChart {
    /// Each once; one chart may be there in several versions.
    pub(super) dependencies: Vec<Dependency>,
    pub(super) asks_for_kubernetes: bool,
}

/// What we read of `Chart.yaml`, `requirements.yaml` and their locks.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    kube_version: Option<String>,
    dependencies: Option<Vec<Said>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    name: String,
    repository: String,
    version: String,
}

pub(super) fn read(tree: &Tree, folder: &str, findings: &mut Vec<Diagnostic>) -> Result<ReadChart, Error> {
    let mut chart = ReadChart::default();
    for (name, lock) in [(CHART, CHART_LOCK), REQUIREMENTS] {
        let Some((path, bytes)) = file(tree, folder, name)? else { continue };
        let Some(metadata) = decode::<Metadata>(&path, &bytes, findings) else { continue };
        chart.asks_for_kubernetes |= metadata.kube_version.is_some();
        let said = metadata.dependencies.unwrap_or_default();
        let locked = if said.is_empty() { None } else { locked(tree, folder, lock, findings)? };
        let locator = Locator::new(&bytes);
        for (index, Said { name, repository, version }) in said.into_iter().enumerate() {
            let found = locator.locate(0, &format!("/dependencies/{index}"));
            let (line, column) = found.map_or((0, 0), |found| (found.value.line, found.value.column));
            let origin = Origin { path: path.clone(), line, column };
            let exact = locked.as_ref().map(|locked| {
                let versions = locked.iter().filter(|said| said.name == name && said.repository == repository);
                versions.map(|said| said.version.clone()).find(|exact| fits(&version, exact))
            });
            let unlocked = (exact == Some(None)).then(|| {
                format!(
                    "{lock} does not have {name} {version} of {repository}: run `helm dependency update`, and commit what it \
                     writes there"
                )
            });
            let version = exact.flatten().unwrap_or(version);
            let dependency = Dependency { name, repository, version, origin, unlocked };
            if !chart.dependencies.iter().any(|other| other.is_same(&dependency)) {
                chart.dependencies.push(dependency);
            }
        }
    }
    Ok(chart)
}

/// Whether a version is what was asked for.
fn fits(wanted: &str, exact: &str) -> bool {
    wanted == exact || VersionRange::parse(wanted).is_ok_and(|range| range.best(std::iter::once(exact)).is_some())
}

/// Helm's lock, where there is one.
fn locked(tree: &Tree, folder: &str, name: &str, findings: &mut Vec<Diagnostic>) -> Result<Option<Vec<Said>>, Error> {
    let Some((path, bytes)) = file(tree, folder, name)? else { return Ok(None) };
    let metadata = decode::<Metadata>(&path, &bytes, findings).unwrap_or_default();
    Ok(Some(metadata.dependencies.unwrap_or_default()))
}

fn file(tree: &Tree, folder: &str, name: &str) -> Result<Option<(String, Vec<u8>)>, Error> {
    let Some(path) = join(folder, name) else { return Ok(None) };
    let Some(file) = tree.file(&path)? else { return Ok(None) };
    let bytes = file.read()?;
    Ok(Some((path, bytes)))
}

fn decode<T: DeserializeOwned + Default>(path: &str, bytes: &[u8], findings: &mut Vec<Diagnostic>) -> Option<T> {
    let at = |line, column| Origin { path: path.to_owned(), line, column };
    // Bounded, unlike the reader of our types.
    if let Some(problem) = yaml::read(bytes, Limits::default()).problems.first() {
        findings.push(Diagnostic::error(at(problem.line, problem.column), problem.message.clone()));
        return None;
    }
    match serde_yaml::from_slice::<Option<T>>(bytes) {
        Ok(read) => Some(read.unwrap_or_default()),
        Err(error) => {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            findings.push(Diagnostic::error(at(line, column), error.to_string()));
            None
        }
    }
}
