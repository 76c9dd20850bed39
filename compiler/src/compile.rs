//! The driver: a tree and an application to a graph, skipping what was done before.
//!
//! In: a [`Snapshot`], an [`AppSpec`], perhaps a [`Store`]. Out: a [`Compilation`], or every error of every file.
//! An application that fails to compile has no graph: nothing of it can be pruned or recorded.

use crate::app::AppSpec;
use crate::canon::{Graph, Id, Recipe};
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::graph::ResourceGraph;
use crate::lint::{self, Levels};
use crate::name::ResourceKey;
use crate::render;
use crate::store::Store;
use crate::tree::{self, Snapshot};

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

/// Where the parts of a graph came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Where each resource was read, by node.
    pub origins: Vec<Origin>,
    /// The field that made each edge, beside the graph's edges.
    pub fields: Vec<String>,
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

/// Compiles one application. Lints that `levels` denies are errors. A store that cannot be written costs time the next time, and nothing else: `warn` is told.
pub fn compile(
    snapshot: &Snapshot,
    app: &AppSpec,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let mut compilation = compile_neutrally(snapshot, app, levels, store, warn)?;
    // Levels are no part of what is remembered: the same output serves all of them.
    levels.apply(&mut compilation.lints);
    if compilation.lints.iter().any(|finding| finding.level == Level::Error) {
        return Err(Error::Manifests { findings: compilation.lints, files: compilation.files });
    }
    Ok(compilation)
}

fn compile_neutrally(
    snapshot: &Snapshot,
    app: &AppSpec,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Result<Compilation, Error> {
    let mut findings = Vec::new();
    let render = render::lay_out(snapshot, app, &mut findings)?;
    let files = render.file_count();
    // The lints of choosing files are made each time; an error among them is final.
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return Err(Error::Manifests { findings, files });
    }
    let recipe = render.recipe;
    if let Some(known) = store.and_then(|store| Known::load(store, recipe)) {
        return Ok(known.compilation(recipe, files, snapshot.folder()));
    }
    let manifests = render.run(&mut findings)?;
    lint::check(&manifests, &mut findings);
    let broken = findings.iter().any(|finding| finding.level == Level::Error);
    let built = ResourceGraph::build(manifests, &mut findings);
    let built = match built {
        Ok(built) if !broken => built,
        other => {
            findings.extend(other.err().map(|error| error.findings).unwrap_or_default());
            levels.apply(&mut findings);
            findings.sort();
            return Err(Error::Manifests { findings, files });
        }
    };
    findings.sort();
    findings.dedup();
    let provenance = Provenance { origins: built.origins, fields: built.fields };
    let known = Known { graph: built.graph, provenance, lints: findings };
    if let Some(Err(error)) = store.map(|store| known.save(store, recipe, snapshot)) {
        let reason = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        warn(format!("{error}: {reason}; going on without it"));
    }
    let Known { graph, provenance, lints } = known;
    Ok(Compilation { graph, recipe, provenance, lints, files, memoised: false })
}

/// What a recipe gave. Paths are kept relative to the folder, since a moved folder has the same recipe.
struct Known {
    graph: ResourceGraph,
    provenance: Provenance,
    lints: Vec<Diagnostic>,
}

/// The memo entry. It is ours alone and checksummed, so that plain JSON will do.
#[derive(serde::Serialize, serde::Deserialize)]
struct Entry {
    graph: Id<Graph>,
    origins: Vec<(String, usize)>,
    fields: Vec<String>,
    lints: Vec<(String, usize, usize, String, String)>,
}

impl Known {
    fn load(store: &Store, recipe: Id<Recipe>) -> Option<Self> {
        let entry: Entry = serde_json::from_slice(&store.memo(recipe)?).ok()?;
        let graph = store.graph(entry.graph)?;
        let origin = |(path, line): (String, usize)| Origin { path, line, column: 0 };
        let lint = |(path, line, column, rule, message): (String, usize, usize, String, String)| {
            Diagnostic::lint(Origin { path, line, column }, &rule, message)
        };
        let origins: Vec<Origin> = entry.origins.into_iter().map(origin).collect();
        let whole = origins.len() == graph.resources().len() && entry.fields.len() == graph.edges().len();
        let lints = entry.lints.into_iter().map(lint).collect();
        whole.then_some(Self { graph, provenance: Provenance { origins, fields: entry.fields }, lints })
    }

    fn save(&self, store: &Store, recipe: Id<Recipe>, snapshot: &Snapshot) -> Result<(), crate::store::Error> {
        let below = |path: &str| snapshot.below(path).to_owned();
        let lint = |finding: &Diagnostic| {
            let Diagnostic { origin, rule, message, .. } = finding;
            (below(&origin.path), origin.line, origin.column, rule.clone().unwrap_or_default(), message.clone())
        };
        let entry = Entry {
            graph: self.graph.id(),
            origins: self.provenance.origins.iter().map(|origin| (below(&origin.path), origin.line)).collect(),
            fields: self.provenance.fields.clone(),
            lints: self.lints.iter().map(lint).collect(),
        };
        store.put_graph(&self.graph)?;
        match serde_json::to_vec(&entry) {
            Ok(bytes) => store.put_memo(recipe, &bytes),
            // Strings and numbers always serialise; were it otherwise, there would just be no memo.
            Err(_) => Ok(()),
        }
    }

    fn compilation(mut self, recipe: Id<Recipe>, files: usize, folder: &str) -> Compilation {
        let origins = self.provenance.origins.iter_mut();
        for origin in origins.chain(self.lints.iter_mut().map(|lint| &mut lint.origin)) {
            if !folder.is_empty() && !origin.path.is_empty() {
                origin.path = format!("{folder}/{}", origin.path);
            }
        }
        let Self { graph, provenance, lints } = self;
        Compilation { graph, recipe, provenance, lints, files, memoised: true }
    }
}

impl Compilation {
    /// Where a resource was read, by its key as written.
    #[must_use]
    pub fn origin(&self, key: &ResourceKey) -> Option<&Origin> {
        let found = self.graph.resources().binary_search_by(|resource| resource.key.cmp(key));
        self.provenance.origins.get(found.ok()?)
    }
}
