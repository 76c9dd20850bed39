//! The sources of an application, opened.
//!
//! In: an application, the repositories at hand, inputs from elsewhere. Out: the folder of each source, with the parameters of
//! the files beside its manifests, and the trees that sources lend. All sources are looked at: what is wrong with one is told
//! beside what is wrong with the others.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::app::{self, AppSpec, Places, Source, SourceType};
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::lock::Request;
use gitops_compiler::tree::{Found, Snapshot, Tree, join};

use crate::error::CommandError;

use super::fault::{Fault, together};
use super::inputs::Inputs;
use super::repositories::Repositories;
use super::source::clean;

/// Trees by the `ref` of the source that lends them.
pub(super) type LentTrees = BTreeMap<String, Arc<Tree>>;

/// The sources of an application.
pub(super) struct OpenedSources {
    /// Those that are rendered, in order.
    pub(super) sources: Vec<OpenedSource>,
    pub(super) lent: LentTrees,
}

/// A source that is rendered.
pub(super) struct OpenedSource {
    pub(super) source: Source,
    pub(super) source_type: Option<SourceType>,
    pub(super) folder: Arc<Snapshot>,
    pub(super) tree: Arc<Tree>,
    /// The version of a chart, the digest of an artifact.
    pub(super) revision: Option<String>,
    /// The input that it is, where it is from elsewhere.
    pub(super) elsewhere: Option<Request>,
    /// Where its fields are.
    pub(super) places: Places,
}

/// What a source is of.
struct Origin {
    tree: Arc<Tree>,
    revision: Option<String>,
    elsewhere: Option<Request>,
}

pub(super) fn open_sources(
    app: &AppSpec,
    said: Option<SourceType>,
    repositories: &mut Repositories,
    inputs: &Inputs,
    lints: &mut Vec<Diagnostic>,
) -> Result<OpenedSources, CommandError> {
    let (mut sources, mut lent, mut faults) = (Vec::new(), LentTrees::new(), Vec::new());
    for (number, source) in app.sources.iter().enumerate() {
        let opened = origin(source, repositories, inputs).and_then(|origin| {
            lend(source, &origin.tree, &mut lent)?;
            if source.only_lends() {
                return Ok(None);
            }
            let opened = open(app, number, origin, lints).map(Some);
            let left_out = "submodules are left out (--submodules=false)";
            if inputs.reads_submodules() { opened } else { opened.map_err(|fault| fault.hint(left_out)) }
        });
        match opened {
            Ok(opened) => sources.extend(opened.map(|opened| OpenedSource { source_type: said, ..opened })),
            Err(fault) => faults.push((number, fault)),
        }
    }
    if sources.is_empty() && faults.is_empty() {
        let message = "no source of this Application gives manifests: each only lends its files";
        faults.push((0, Fault::new("", CommandError::user(message))));
    }
    if faults.is_empty() { Ok(OpenedSources { sources, lent }) } else { Err(together(app, faults)) }
}

fn origin(source: &Source, repositories: &mut Repositories, inputs: &Inputs) -> Result<Origin, Fault> {
    let Some(request) = packed(source) else {
        let (tree, elsewhere) = repositories.tree(source, inputs)?;
        return Ok(Origin { tree, revision: None, elsewhere });
    };
    let pass_credentials = source.helm.as_ref().is_some_and(|helm| helm.pass_credentials);
    let tree = inputs.tree_passing(&request, pass_credentials).map_err(|error| Fault::of_input(source, error))?;
    Ok(Origin { tree, revision: inputs.revision(&request), elsewhere: Some(request) })
}

fn lend(source: &Source, tree: &Arc<Tree>, lent: &mut LentTrees) -> Result<(), Fault> {
    if source.reference.is_empty() || lent.insert(source.reference.clone(), Arc::clone(tree)).is_none() {
        return Ok(());
    }
    let message = format!("two sources have the ref `{}`", source.reference);
    Err(Fault::new("/ref", CommandError::user(message)))
}

fn open(app: &AppSpec, number: usize, origin: Origin, lints: &mut Vec<Diagnostic>) -> Result<OpenedSource, Fault> {
    let (source, Origin { tree, revision, elsewhere }) = (&app.sources[number], origin);
    let no_path = |error: CommandError| Fault::new("/path", error);
    let path = if source.chart.is_empty() { clean(&source.path).map_err(no_path)? } else { String::new() };
    let folder = tree.folder(&path).map_err(|error| no_path(error.into()))?;
    let (source, places) = with_overrides(source, app, app.places_of(number), &folder, lints).map_err(no_path)?;
    Ok(OpenedSource { source, source_type: None, folder, tree, revision, elsewhere, places })
}

/// The chart of a chart repository or a registry, or the artifact of a registry, that a source names.
pub(super) fn packed(source: &Source) -> Option<Request> {
    let Source { repo_url, chart, target_revision, .. } = source;
    let (repository, revision) = (repo_url.clone(), target_revision.clone());
    if source.is_artifact() {
        return Some(Request::Oci { repository, revision });
    }
    (!chart.is_empty()).then(|| Request::Chart { repository, chart: chart.clone(), version: revision })
}

/// The source with the parameters of the files beside its manifests, and where its fields are then.
fn with_overrides(
    source: &Source,
    app: &AppSpec,
    places: Places,
    folder: &Snapshot,
    lints: &mut Vec<Diagnostic>,
) -> Result<(Source, Places), CommandError> {
    let (mut source, mut places) = (source.clone(), places);
    for name in app::override_files(&app.name) {
        let path = join(folder.folder(), &name).unwrap_or_default();
        let Found::Entry(entry) = folder.find(&path) else { continue };
        let bytes = folder.reader().read(&entry)?;
        source = source
            .with_overrides(&entry.path, &bytes, lints)
            .map_err(|finding| CommandError::user("a parameter file is not understood").findings(vec![finding]))?;
        places = places.and(Places::of_document(&entry.path, &bytes, 0));
    }
    Ok((source, places))
}
