//! `compile -f FILE --recursive`: Applications and all that they render, to a set of graphs.

use std::borrow::Cow;

use gitops_compiler::graph::{GraphSet, Member, ResourceGraph};
use gitops_compiler::name::AppName;
use gitops_compiler::store::Store;

use crate::error::CommandError;
use crate::json::{GraphSetJson, SetMemberJson};
use crate::output::table;
use crate::settings::{Compiled, Session, SourceArgs};

use super::compile::Output;

/// Runs the command.
pub(super) fn run(
    session: &Session,
    source: &SourceArgs,
    name: Option<&AppName>,
    output: Output,
    store: Option<&Store>,
) -> Result<u8, CommandError> {
    let manifests = |graph: &ResourceGraph| match output {
        Output::Yaml => super::documents(graph.ordered().map(|resource| Cow::Borrowed(&*resource.body))),
        Output::Id | Output::Table | Output::Json => String::new(),
    };
    let all = source.compile_recursively(name, manifests, store, session.printer)?;
    let set = set(&all);
    let failed = all.iter().filter(|compiled| compiled.outcome.is_err()).count();
    match output {
        Output::Json => session.printer.json(&json(&all, set.as_ref())),
        Output::Table => session.printer.out(&told(&all, set.as_ref())),
        Output::Id => session.printer.data(&set.as_ref().map(|set| set.id().to_string()).unwrap_or_default()),
        Output::Yaml if failed > 0 => {}
        Output::Yaml => {
            let outcomes = all.iter().filter_map(|compiled| compiled.outcome.as_ref().ok());
            session.printer.data(&outcomes.map(|outcome| outcome.manifests.as_str()).collect::<String>());
        }
    }
    if failed == 0 { Ok(0) } else { Err(failures(all, failed)) }
}

/// Nothing where one of them failed: a set is whole.
fn set(all: &[Compiled]) -> Option<GraphSet> {
    let mut set = GraphSet::default();
    for Compiled { identity, destination, parent, outcome, .. } in all {
        let graph = outcome.as_ref().ok()?.graph;
        set.insert(identity.clone(), Member { destination: destination.clone(), graph, parent: parent.clone() });
    }
    Some(set)
}

fn told(all: &[Compiled], set: Option<&GraphSet>) -> String {
    let mut rows = vec![["APPLICATION", "GRAPH", "RESOURCES", "FILES", "RENDERED BY"].map(str::to_owned).to_vec()];
    for Compiled { identity, parent, outcome, .. } in all {
        let parent = parent.as_ref().map(ToString::to_string).unwrap_or_default();
        rows.push(match outcome {
            Ok(outcome) => {
                let counts = [outcome.resources.to_string(), outcome.files.to_string()];
                let [resources, files] = counts;
                vec![identity.to_string(), outcome.graph.short(), resources, files, parent]
            }
            Err(_) => vec![identity.to_string(), "failed".to_owned(), String::new(), String::new(), parent],
        });
    }
    let resources: usize = all.iter().filter_map(|one| Some(one.outcome.as_ref().ok()?.resources)).sum();
    let known = all.iter().filter(|one| one.outcome.as_ref().is_ok_and(|outcome| outcome.memoised)).count();
    let id = set.map_or_else(|| "no set: not all of them compile".to_owned(), |set| set.id().to_string());
    format!("{}\n{id}  {} applications, {resources} resources, {known} known already\n", table(&rows), all.len())
}

fn json(all: &[Compiled], set: Option<&GraphSet>) -> GraphSetJson {
    let member = |Compiled { identity, destination, parent, origin, outcome }: &Compiled| {
        let error = outcome.as_ref().err().map(|error| error.message.clone());
        let findings = outcome.as_ref().err().map(|error| error.findings.clone()).unwrap_or_default();
        let outcome = outcome.as_ref().ok();
        SetMemberJson {
            namespace: identity.namespace.clone(),
            name: identity.name.clone(),
            cluster: destination.cluster.clone(),
            destination_namespace: destination.namespace.clone(),
            parent: parent.as_ref().map(ToString::to_string),
            origin: origin.clone(),
            graph: outcome.map(|outcome| outcome.graph),
            content_root: outcome.map(|outcome| outcome.content_root),
            hook_root: outcome.map(|outcome| outcome.hook_root),
            recipe: outcome.map(|outcome| outcome.recipe),
            resources: outcome.map(|outcome| outcome.resources),
            error,
            findings,
        }
    };
    GraphSetJson::new(set.map(GraphSet::id), all.iter().map(member).collect())
}

/// All that went wrong, with the names of the applications.
fn failures(all: Vec<Compiled>, failed: usize) -> CommandError {
    let count = all.len();
    let (mut findings, mut details, mut hint) = (Vec::new(), Vec::new(), None);
    for Compiled { identity, parent, origin, outcome, .. } in all {
        let Err(error) = outcome else { continue };
        details.push(format!("{identity}: {}", error.message));
        let by = parent.zip(origin);
        details.extend(by.map(|(parent, origin)| format!("  {parent} renders it, from {origin}")));
        details.extend(error.details.into_iter().map(|detail| format!("  {detail}")));
        findings.extend(error.findings);
        hint = hint.or(error.hint);
    }
    findings.dedup();
    let plural = if count == 1 { "" } else { "s" };
    let error = CommandError::user(format!("{failed} of {count} application{plural} failed"));
    CommandError { hint, ..error.findings(findings).details(details) }
}
