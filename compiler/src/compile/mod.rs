//! The driver: a tree and an application to a graph, skipping what was done before.
//!
//! In: a [`Snapshot`], an [`AppSpec`], perhaps a [`Store`]. Out: a [`Compilation`], or every error of every file.
//! An application that fails to compile has no graph: nothing of it can be pruned or recorded.

mod baseline;
mod explain;
mod memo;
mod update;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::app::AppSpec;
use crate::canon::{ContentRoot, Graph, HookRoot, Id, Recipe};
use crate::depend::{self, Edge, EdgeRules};
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::graph::ResourceGraph;
use crate::lint::{self, Levels};
use crate::manifest::Manifest;
use crate::name::ResourceKey;
use crate::render::{self, Render};
use crate::schema;
use crate::store::Store;
use crate::tree::{self, Snapshot};

pub use explain::{Because, Explanation, LeftOut};

use memo::Entry;

/// A compiled application.
#[derive(Debug, Clone)]
pub struct Compilation {
    /// The graph.
    pub graph: ResourceGraph,
    /// What was rendered.
    pub recipe: Id<Recipe>,
    /// Where everything came from; beside the graph, never in an id.
    pub provenance: Provenance,
    /// What there is to say, sorted by place.
    pub lints: Vec<Diagnostic>,
    /// How many files took part.
    pub files: usize,
    /// Whether the output of an earlier compilation was used.
    pub memoised: bool,
}

/// What an application compiles to, without the graph itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The id of the graph.
    pub graph: Id<Graph>,
    /// What stays in the cluster.
    pub content_root: Id<ContentRoot>,
    /// Its hooks.
    pub hook_root: Id<HookRoot>,
    /// What was rendered.
    pub recipe: Id<Recipe>,
    /// What there is to say, sorted by place.
    pub lints: Vec<Diagnostic>,
}

/// Where the parts of a graph came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Where each resource was read, by node.
    pub origins: Vec<Origin>,
    /// The field that made each edge: beside the graph's edges, and behind these beside those that order deletion.
    pub fields: Vec<String>,
    /// The edges that are not in the graph because they would close a circle.
    pub dropped: Vec<Edge>,
}

/// Why there is no graph.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tree could not be read.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// The manifests are wrong. All of them are named, lints included.
    #[error("{}", counted(findings))]
    Manifests {
        /// Sorted by place.
        findings: Vec<Diagnostic>,
        /// How many files were read.
        files: usize,
    },
}

fn counted(findings: &[Diagnostic]) -> String {
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    let plural = if errors == 1 { "" } else { "s" };
    format!("{errors} error{plural}; nothing was compiled")
}

/// Compiles one application. Lints that `levels` denies are errors. A store that cannot be written costs time the next
/// time, and nothing else: `warn` is told.
pub fn compile(
    snapshot: &Snapshot,
    app: &AppSpec,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let mut findings = Vec::new();
    let render = lay_out(snapshot, app, &mut findings)?;
    build_with(store, warn, |warn| {
        let known = store.and_then(|store| {
            known(store, &render, snapshot).or_else(|| updated(store, &render, app, snapshot, &findings))
        });
        match known {
            Some(known) => known.at_levels(levels),
            None => compile_anew(&render, findings, snapshot, app, levels, store, warn),
        }
    })
}

/// Builds while collectors know of it, and makes room after it.
fn build_with<T>(
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
    work: impl FnOnce(&mut dyn FnMut(String)) -> T,
) -> T {
    let building = store.map(Store::begin_build);
    let built = work(warn);
    drop(building);
    if let Some(Err(error)) = store.map(Store::make_room) {
        warn(without(&error));
    }
    built
}

/// What is said of a store that cannot be used.
fn without(error: &crate::store::Error) -> String {
    format!("{error}: {}; going on without it", error.source)
}

/// Renders what was laid out, and remembers what comes of it.
fn compile_anew(
    render: &Render<'_>,
    mut findings: Vec<Diagnostic>,
    snapshot: &Snapshot,
    app: &AppSpec,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let (recipe, files) = (render.recipe, render.file_count());
    let rules = edge_rules(render).unwrap_or_else(|error| {
        findings.push(error);
        EdgeRules::default()
    });
    let rendered = render.run()?;
    let signatures: Vec<_> = match store {
        Some(_) => rendered.par_iter().map(|file| depend::signature(&file.manifests, &rules)).collect(),
        None => Vec::new(),
    };
    let manifests = render::together(rendered, &mut findings);
    check_each(&manifests, render, &mut findings);
    let broken = findings.iter().any(|finding| finding.level == Level::Error);
    let alone = findings.len();
    let built = match ResourceGraph::build_with(manifests, &rules, &mut findings) {
        Ok(built) if !broken => built,
        other => {
            findings.extend(other.err().map(|error| error.findings).unwrap_or_default());
            levels.apply(&mut findings);
            findings.sort();
            return Err(Error::Manifests { findings, files });
        }
    };
    let tied: BTreeSet<String> =
        findings[alone..].iter().map(|finding| snapshot.below(&finding.origin.path).to_owned()).collect();
    findings.sort();
    findings.dedup();
    let provenance = Provenance { origins: built.origins, fields: built.fields, dropped: built.dropped };
    let compilation = Compilation { graph: built.graph, recipe, provenance, lints: findings, files, memoised: false };
    let kept = store.map(|store| {
        let entry = remember(store, &compilation, snapshot)?;
        let tied = tied.iter().map(String::as_str).collect();
        let baseline = baseline::encode(&entry, render.files(), &signatures, &tied, &compilation.graph);
        store.put_compiled(baseline::place(snapshot, render, app), &baseline)
    });
    if let Some(Err(error)) = kept {
        warn(without(&error));
    }
    compilation.at_levels(levels)
}

/// The ids of what an application compiles to. Where that is known the graph is not read.
pub fn summarise(
    snapshot: &Snapshot,
    app: &AppSpec,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Summary, Error> {
    let mut findings = Vec::new();
    let render = lay_out(snapshot, app, &mut findings)?;
    let (recipe, files) = (render.recipe, render.file_count());
    build_with(store, warn, |warn| {
        // Who asks for the id may ask for the graph next.
        let entry = store.and_then(|store| {
            let known = entry(store, recipe, snapshot).filter(|entry| store.has_graph(entry.graph));
            known.or_else(|| updated_entry(store, &render, app, snapshot, &findings))
        });
        if let Some(Entry { graph, content_root, hook_root, mut lints, .. }) = entry {
            settle(levels, &mut lints, files)?;
            return Ok(Summary { graph, content_root, hook_root, recipe, lints });
        }
        let Compilation { graph, lints, .. } = compile_anew(&render, findings, snapshot, app, levels, store, warn)?;
        let (content_root, hook_root) = (graph.content_root(), graph.hook_root());
        Ok(Summary { graph: graph.id(), content_root, hook_root, recipe, lints })
    })
}

/// Chooses the files. Its lints are made each time; an error among them is final.
fn lay_out<'a>(snapshot: &'a Snapshot, app: &AppSpec, findings: &mut Vec<Diagnostic>) -> Result<Render<'a>, Error> {
    let render = render::lay_out(snapshot, app, findings)?;
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return Err(Error::Manifests { findings: std::mem::take(findings), files: render.file_count() });
    }
    Ok(render)
}

/// What is remembered of a recipe.
fn entry(store: &Store, recipe: Id<Recipe>, snapshot: &Snapshot) -> Option<Entry> {
    Entry::decode(&store.memo(recipe)?, snapshot.folder()).ok()
}

fn known(store: &Store, render: &Render<'_>, snapshot: &Snapshot) -> Option<Compilation> {
    let entry = entry(store, render.recipe, snapshot)?;
    Some(Compilation { memoised: true, ..with_graph(store, entry, render, snapshot)? })
}

/// The compilation that an entry stands for. Its graph is read from the store, and so hashed again.
fn with_graph(store: &Store, entry: Entry, render: &Render<'_>, snapshot: &Snapshot) -> Option<Compilation> {
    let graph = store.graph(entry.graph)?;
    let provenance = entry.provenance(&graph, snapshot.folder())?;
    let (recipe, files) = (render.recipe, render.file_count());
    Some(Compilation { graph, recipe, provenance, lints: entry.lints, files, memoised: false })
}

/// What is laid out as an update of the last compilation of all files. What was said of the layout is not part of it.
fn updated_entry(
    store: &Store,
    render: &Render<'_>,
    app: &AppSpec,
    snapshot: &Snapshot,
    said: &[Diagnostic],
) -> Option<Entry> {
    if said.is_empty() { update::update(store, render, app, snapshot) } else { None }
}

fn updated(
    store: &Store,
    render: &Render<'_>,
    app: &AppSpec,
    snapshot: &Snapshot,
    said: &[Diagnostic],
) -> Option<Compilation> {
    with_graph(store, updated_entry(store, render, app, snapshot, said)?, render, snapshot)
}

/// The rules about edges that the application itself has.
fn edge_rules(render: &Render<'_>) -> Result<EdgeRules, Diagnostic> {
    render.rules().map_or_else(|| Ok(EdgeRules::default()), |(path, bytes)| EdgeRules::read(path, bytes))
}

/// What is said of each manifest alone, whichever others there are: so that what was said of a file holds as long as the
/// file does. The definitions of custom resources may count as well: where they change, all files are compiled.
fn check_each(manifests: &[Manifest], render: &Render<'_>, findings: &mut Vec<Diagnostic>) {
    lint::check(manifests, findings);
    schema::check(manifests, |path| render.source(path), findings);
}

fn remember(store: &Store, compilation: &Compilation, snapshot: &Snapshot) -> Result<Vec<u8>, crate::store::Error> {
    let Compilation { graph, provenance, lints, recipe, .. } = compilation;
    store.put_graph(graph)?;
    let entry = Entry::new(graph, provenance, lints, |path| snapshot.below(path).to_owned()).encode();
    store.put_memo(*recipe, &entry)?;
    Ok(entry)
}

/// Gives lints their levels, which are no part of what is remembered: one entry serves all of them.
fn settle(levels: &Levels, lints: &mut Vec<Diagnostic>, files: usize) -> Result<(), Error> {
    levels.apply(lints);
    if lints.iter().any(|finding| finding.level == Level::Error) {
        return Err(Error::Manifests { findings: std::mem::take(lints), files });
    }
    Ok(())
}

impl Compilation {
    fn at_levels(mut self, levels: &Levels) -> Result<Self, Error> {
        settle(levels, &mut self.lints, self.files)?;
        Ok(self)
    }

    /// Where a resource was read, by its key as written.
    #[must_use]
    pub fn origin(&self, key: &ResourceKey) -> Option<&Origin> {
        let found = self.graph.resources().binary_search_by(|resource| resource.key.cmp(key));
        self.provenance.origins.get(found.ok()?)
    }
}
