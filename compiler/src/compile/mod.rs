//! The driver: a tree and an application to a graph, skipping what was done before.
//!
//! In: [`Sources`], perhaps a [`Store`]. Out: a [`Compilation`], or every error of every file.
//! An application that fails to compile has no graph: nothing of it can be pruned or recorded.

mod baseline;
mod check;
mod difference;
mod explain;
mod lay_out;
mod memo;
mod repeated;
mod update;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::canon::{ContentRoot, Graph, HookRoot, Id, Recipe};
use crate::depend::{self, Edge, EdgeRules};
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::graph::ResourceGraph;
use crate::lint::{self, Levels};
use crate::manifest::Manifest;
use crate::name::{KubernetesVersion, ResourceKey};
use crate::render;
use crate::schema;
use crate::store::Store;

pub use check::{Checked, CheckedRender, check};
pub use difference::{Between, Difference, What};
pub use explain::{Because, Explanation, LeftOut};

use memo::Entry;

use lay_out::LaidOut;
pub use lay_out::Sources;

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
    /// A source could not be read or rendered.
    #[error(transparent)]
    Render(#[from] render::Error),
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
/// time, and nothing else: `warn` is told. For another Kubernetes than that whose schemas are here no store is used, as
/// what is remembered is what was said for that one.
pub fn compile(
    sources: &Sources<'_>,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let laid_out = LaidOut::new(sources)?;
    let store = store.filter(|_| levels.kubernetes.is_none());
    build_with(store, warn, |warn| compile_laid_out(laid_out, levels, store, warn))
}

fn compile_laid_out(
    laid_out: LaidOut<'_>,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let known = store.and_then(|store| known(store, &laid_out).or_else(|| updated(store, &laid_out)));
    match known {
        Some(known) => known.at_levels(levels),
        None => compile_anew(laid_out, levels, store, warn),
    }
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
    laid_out: LaidOut<'_>,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let (recipe, files) = (laid_out.recipe, laid_out.files());
    let mut findings = laid_out.findings.clone();
    let rules = laid_out.rules().unwrap_or_else(|error| {
        findings.push(error);
        EdgeRules::default()
    });
    let (rendered, is_confined) = laid_out.run(store, warn)?;
    let signatures: Vec<_> = match store {
        Some(_) if laid_out.directory().is_some() => {
            rendered.par_iter().map(|file| depend::signature(&file.manifests, &rules)).collect()
        }
        _ => Vec::new(),
    };
    let mut manifests = render::together(rendered, &mut findings);
    check_each(&manifests, levels.kubernetes, |path| laid_out.source(path), &mut findings);
    let sandbox = laid_out.sources.tools.sandbox().ok().map(|(sandbox, _)| sandbox);
    let is_whole = schema::check_rules(&manifests, |path| laid_out.source(path), sandbox, &mut findings);
    let broken = findings.iter().any(|finding| finding.level == Level::Error);
    let alone = findings.len();
    if laid_out.sources.last_wins {
        repeated::keep_last(&mut manifests, &mut findings);
    }
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
        findings[alone..].iter().map(|finding| laid_out.below(&finding.origin.path).to_owned()).collect();
    findings.sort();
    findings.dedup();
    let provenance = Provenance { origins: built.origins, fields: built.fields, dropped: built.dropped };
    let compilation = Compilation { graph: built.graph, recipe, provenance, lints: findings, files, memoised: false };
    // What was cut off for lack of time says nothing of the next time.
    let kept = store.filter(|_| is_whole && is_confined).map(|store| {
        let entry = remember(store, &compilation, &laid_out)?;
        let Some((directory, place)) = laid_out.directory() else { return Ok(()) };
        let tied = tied.iter().map(String::as_str).collect();
        let baseline = baseline::encode(&entry, directory.files(), &signatures, &tied, &compilation.graph);
        store.put_compiled(place, &baseline)
    });
    if let Some(Err(error)) = kept {
        warn(without(&error));
    }
    compilation.at_levels(levels)
}

/// Lays everything out, so that all inputs from elsewhere are asked for. Nothing is rendered.
///
/// # Errors
///
/// What an application that is compiled would say of its sources.
pub fn ask_for_inputs(sources: &Sources<'_>) -> Result<(), Error> {
    LaidOut::new(sources).map(drop)
}

/// The ids of what an application compiles to. Where that is known the graph is not read.
pub fn summarise(
    sources: &Sources<'_>,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Summary, Error> {
    let laid_out = LaidOut::new(sources)?;
    let store = store.filter(|_| levels.kubernetes.is_none());
    let (recipe, files) = (laid_out.recipe, laid_out.files());
    build_with(store, warn, |warn| {
        // Who asks for the id may ask for the graph next.
        let entry = store.and_then(|store| {
            let known = entry(store, &laid_out).filter(|entry| store.has_graph(entry.graph));
            known.or_else(|| update::update(store, &laid_out))
        });
        if let Some(Entry { graph, content_root, hook_root, mut lints, .. }) = entry {
            settle(levels, &mut lints, files)?;
            return Ok(Summary { graph, content_root, hook_root, recipe, lints });
        }
        let Compilation { graph, lints, .. } = compile_anew(laid_out, levels, store, warn)?;
        let (content_root, hook_root) = (graph.content_root(), graph.hook_root());
        Ok(Summary { graph: graph.id(), content_root, hook_root, recipe, lints })
    })
}

/// What is remembered of a recipe. Where an object is there twice only an application that allows it may use it.
fn entry(store: &Store, laid_out: &LaidOut<'_>) -> Option<Entry> {
    let entry = Entry::decode(&store.memo(laid_out.recipe)?, laid_out.base()).ok()?;
    let repeats = entry.lints.iter().any(|lint| lint.rule.as_deref() == Some(repeated::LINT));
    (laid_out.sources.last_wins || !repeats).then_some(entry)
}

fn known(store: &Store, laid_out: &LaidOut<'_>) -> Option<Compilation> {
    let entry = entry(store, laid_out)?;
    Some(Compilation { memoised: true, ..with_graph(store, entry, laid_out)? })
}

/// The compilation that an entry stands for. Its graph is read from the store, and so hashed again.
fn with_graph(store: &Store, entry: Entry, laid_out: &LaidOut<'_>) -> Option<Compilation> {
    let graph = store.graph(entry.graph)?;
    let provenance = entry.provenance(&graph, laid_out.base())?;
    let (recipe, files) = (laid_out.recipe, laid_out.files());
    Some(Compilation { graph, recipe, provenance, lints: entry.lints, files, memoised: false })
}

fn updated(store: &Store, laid_out: &LaidOut<'_>) -> Option<Compilation> {
    with_graph(store, update::update(store, laid_out)?, laid_out)
}

/// What is said of each manifest alone, whichever others there are: so that what was said of a file holds as long as the
/// file does. The definitions of custom resources may count as well: where they change, all files are compiled.
fn check_each(
    manifests: &[Manifest],
    kubernetes: Option<KubernetesVersion>,
    source: impl Fn(&str) -> Option<Vec<u8>>,
    findings: &mut Vec<Diagnostic>,
) {
    let kubernetes = kubernetes.unwrap_or_else(schema::version);
    lint::check(manifests, kubernetes, findings);
    schema::check(manifests, kubernetes, source, findings);
}

fn remember(store: &Store, compilation: &Compilation, laid_out: &LaidOut<'_>) -> Result<Vec<u8>, crate::store::Error> {
    let Compilation { graph, provenance, lints, recipe, .. } = compilation;
    let entry = Entry::new(graph, provenance, lints, |path| laid_out.below(path).to_owned()).encode();
    store.share_compiled(*recipe, &entry, graph);
    store.put_graph(graph)?;
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
