//! Applications that render Applications, all of them compiled.
//!
//! In: flags that name a file. Out: [`Compiled`] for each Application of the file and for each that they render in turn, each
//! once, those of the file first, then in the order in which they are applied. One that fails takes nothing from the others.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use gitops_compiler::app::{self, AppSpec, Application, Places, Written};
use gitops_compiler::canon::{ContentRoot, Graph, HookRoot, Id, Recipe, Value};
use gitops_compiler::diagnostic::{Diagnostic, Level, Origin};
use gitops_compiler::graph::{Identity, Place, ResourceGraph};
use gitops_compiler::name::AppName;
use gitops_compiler::store::Store;

use crate::error::CommandError;
use crate::output::Printer;

use super::Opened;
use super::ground::Missing;
use super::open::Described;
use super::source::SourceArgs;

/// How deep Applications may render Applications.
const DEEPEST: usize = 16;

/// How many Applications there may be.
const MOST: usize = 20_000;

/// An application, and what it compiles to.
pub struct Compiled {
    /// Who it is.
    pub identity: Identity,
    /// Where its objects go.
    pub destination: Place,
    /// The application that renders it, unless the file has it.
    pub parent: Option<Identity>,
    /// Where its object is: in the file, or among what that application is made of.
    pub origin: Option<Origin>,
    /// What it compiles to, or why it does not.
    pub outcome: Result<Outcome, CommandError>,
}

/// What an application compiles to.
pub struct Outcome {
    /// The graph.
    pub graph: Id<Graph>,
    /// What stays in the cluster.
    pub content_root: Id<ContentRoot>,
    /// Its hooks.
    pub hook_root: Id<HookRoot>,
    /// What was rendered.
    pub recipe: Id<Recipe>,
    /// How many resources it has.
    pub resources: usize,
    /// How many files took part.
    pub files: usize,
    /// Whether the output of an earlier compilation was used.
    pub memoised: bool,
    /// Its manifests in order, where they are wanted.
    pub manifests: String,
    /// With what there is to say of them.
    children: Vec<(Application, Vec<Diagnostic>)>,
}

/// An application that is to be compiled.
struct Waiting {
    identity: Identity,
    destination: Place,
    parent: Option<Identity>,
    described: Described,
}

impl SourceArgs {
    /// Compiles all Applications of the file, or the one with this name, and all that they render.
    pub fn compile_recursively(
        &self,
        name: Option<&AppName>,
        wanted: impl Fn(&ResourceGraph) -> String + Sync,
        store: Option<&Store>,
        printer: Printer,
    ) -> Result<Vec<Compiled>, CommandError> {
        let mut ground = self.ground(self.revision.as_deref(), Missing::AsAsked, store)?;
        let mut seen = BTreeMap::new();
        let mut all = Vec::new();
        let mut waiting: Vec<Waiting> = self
            .all_described(&ground.here, name)?
            .into_iter()
            .map(|described| Waiting::new(described, None))
            .collect();
        for depth in 0.. {
            waiting = new_ones(waiting, &mut seen)?;
            if waiting.is_empty() {
                break;
            }
            if depth >= DEEPEST || seen.len() > MOST {
                let message = format!("Applications render Applications more than {DEEPEST} deep, or more than {MOST}");
                return Err(CommandError::user(message));
            }
            let opened: Vec<_> = waiting
                .into_iter()
                .map(|Waiting { identity, destination, parent, described }| {
                    let origin = described.origin.clone();
                    let opened = self.open_described(described, &mut ground);
                    (Compiled { identity, destination, parent, origin, outcome: Err(CommandError::user("")) }, opened)
                })
                .collect();
            let compiled = compile_all(opened, &wanted, store, printer);
            waiting = compiled.iter().flat_map(children).collect();
            all.extend(compiled);
        }
        Ok(all)
    }
}

/// An application that was met.
struct Met {
    app: AppSpec,
    destination: Place,
    origin: Option<Origin>,
}

/// Those that were not met before. One that is met twice must be the same.
fn new_ones(waiting: Vec<Waiting>, seen: &mut BTreeMap<Identity, Met>) -> Result<Vec<Waiting>, CommandError> {
    let mut new = Vec::with_capacity(waiting.len());
    for one in waiting {
        let Described { app, origin, .. } = &one.described;
        match seen.get(&one.identity) {
            None => {
                let (app, destination, origin) = (app.clone(), one.destination.clone(), origin.clone());
                seen.insert(one.identity.clone(), Met { app, destination, origin });
                new.push(one);
            }
            Some(met) if met.destination == one.destination && is_same(&met.app, app) => {}
            Some(met) => {
                let places: Vec<String> = met.origin.iter().chain(origin).map(ToString::to_string).collect();
                let places = places.join(" and ");
                let message = format!("the Application {} is there twice, and not alike: {places}", one.identity);
                return Err(CommandError::user(message).hint("give one of them another name"));
            }
        }
    }
    Ok(new)
}

fn is_same(one: &AppSpec, other: &AppSpec) -> bool {
    (&one.sources, &one.project) == (&other.sources, &other.project)
}

/// Compiles in several threads; the order stays.
fn compile_all(
    opened: Vec<(Compiled, Result<Opened, CommandError>)>,
    wanted: &(impl Fn(&ResourceGraph) -> String + Sync),
    store: Option<&Store>,
    printer: Printer,
) -> Vec<Compiled> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(opened.len());
    let work: Vec<_> = opened.into_iter().map(|one| Mutex::new(Some(one))).collect();
    let done: Vec<_> = work.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let take = |index: usize| work.get(index)?.lock().unwrap_or_else(PoisonError::into_inner).take();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some((compiled, opened)) = take(index) else { return };
                    let outcome = opened.and_then(|opened| outcome(&opened, wanted, store, printer));
                    let compiled = Compiled { outcome, ..compiled };
                    *done[index].lock().unwrap_or_else(PoisonError::into_inner) = Some(compiled);
                }
            });
        }
    });
    done.into_iter().filter_map(|one| one.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

fn outcome(
    opened: &Opened,
    wanted: &(impl Fn(&ResourceGraph) -> String + Sync),
    store: Option<&Store>,
    printer: Printer,
) -> Result<Outcome, CommandError> {
    let compilation = opened.compile(store, printer)?;
    let graph = &compilation.graph;
    let (mut children, mut written) = (Vec::new(), BTreeMap::new());
    for resource in graph.ordered() {
        let key = &resource.key;
        if (key.group.as_str(), key.kind.as_str()) == ("argoproj.io", "ApplicationSet") {
            let message = format!("the ApplicationSet {} is not read, so that the set would not be whole", key.name);
            return Err(CommandError::user(message).hint("write out the Applications that it makes"));
        }
        if (key.group.as_str(), key.kind.as_str()) == ("argoproj.io", "Application") {
            let origin = compilation.origin(&resource.key).cloned().unwrap_or_else(|| Origin::of_file(""));
            let places = places(opened, &resource.body, &origin, &mut written);
            let (application, findings) = app::of_object(Value::clone(&resource.body), &origin, places);
            if findings.iter().any(|finding| finding.level == Level::Error) {
                let message = format!("the Application {} is not understood", resource.key.name);
                return Err(CommandError::user(message).findings(findings));
            }
            children.extend(application.map(|application| (application, findings)));
        }
    }
    Ok(Outcome {
        graph: graph.id(),
        content_root: graph.content_root(),
        hook_root: graph.hook_root(),
        recipe: compilation.recipe,
        resources: graph.resources().len(),
        files: compilation.files,
        memoised: compilation.memoised,
        manifests: wanted(graph),
        children,
    })
}

/// Where the fields of a rendered object are: in its file where that is one of manifests.
fn places(opened: &Opened, body: &Value, origin: &Origin, read: &mut BTreeMap<String, Option<Written>>) -> Places {
    let written = (origin.line > 0).then(|| {
        let path = &origin.path;
        read.entry(path.clone()).or_insert_with(|| Some(Written::read(path, &opened.source(path)?)))
    });
    let written = written.and_then(|written| written.as_ref()?.places_of(body, origin.line));
    written.unwrap_or_else(|| Places::whole(origin.clone()))
}

/// The Applications that one renders. Without a namespace they go where its objects go.
fn children(parent: &Compiled) -> Vec<Waiting> {
    let Ok(outcome) = &parent.outcome else { return Vec::new() };
    let child = |(application, findings): &(Application, Vec<Diagnostic>)| {
        let mut application = application.clone();
        let namespace = Some(parent.destination.namespace.clone()).filter(|namespace| !namespace.is_empty());
        application.namespace = application.namespace.or(namespace);
        Waiting::new(Described::of(&application, findings.clone()), Some(parent.identity.clone()))
    };
    outcome.children.iter().map(child).collect()
}

impl Waiting {
    fn new(described: Described, parent: Option<Identity>) -> Self {
        let namespace = described.home.record_namespace.clone().unwrap_or_default();
        let identity = Identity { namespace, name: described.app.name.to_string() };
        let destination = Place { cluster: described.cluster.clone(), namespace: described.app.namespace.clone() };
        Self { identity, destination, parent, described }
    }
}
