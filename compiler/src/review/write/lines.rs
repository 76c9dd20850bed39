//! The sentences of a review, each on one line, before they are escaped. `texts` has the lines of texts.
//!
//! In: parts of a review. Out: lines that text, markdown and HTML have in common.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::diff::{self, FieldChange};
use crate::manifest::yaml;
use crate::name::ResourceKey;

use super::super::compared::nameless;
use super::super::report::{
    ApplicationReview, Cause, Counts, Fate, LeftOut, Reach, ResourceReview, Restart, Review, Risk, SideName, Step,
    VersionChange, Versioned,
};
use super::Detail;
use super::texts::{Length, cut, told};

/// So many resources are named; of more their kinds are counted.
const NAMED: usize = 4;

/// So many lines of one resource are shown to people, and no more of many.
const SHOWN_LINES: usize = 200;

/// So many times as many lines are shown as stand around each change.
const LINES_OF_A_CHANGE: usize = 8;

/// A resource that differs, or a change of several, and what differs.
pub(super) struct Block {
    pub(super) head: String,
    pub(super) body: Vec<String>,
    /// Whether it is a resource that came or went, with the whole of it.
    is_whole: bool,
}

/// `1 resource`, `2 resources`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// `5 changed, 1 added, 1 removed (412 unchanged)`.
pub(super) fn counts(counts: Counts) -> String {
    let parts = [(counts.changed, "changed"), (counts.added, "added"), (counts.removed, "removed")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let unchanged = format!("{} unchanged", counts.unchanged);
    if parts.is_empty() { unchanged } else { format!("{} ({unchanged})", parts.join(", ")) }
}

/// `g1-… → g1-…`, `live → g1-…`.
pub(super) fn graphs(review: &Review, application: &ApplicationReview) -> String {
    let short = |id: &Option<crate::canon::Id<crate::canon::Graph>>, nothing: &str| {
        id.map_or_else(|| nothing.to_owned(), |id| id.short())
    };
    let nothing = |side: &SideName, error: &Option<String>| match error {
        _ if side.name == SideName::AGREED => "agreed on",
        Some(_) => "does not compile",
        None if side.is_live() => "live",
        None => "nothing",
    };
    let base = short(&application.base, nothing(&review.base, &application.base_error));
    format!("{base} → {}", short(&application.head, nothing(&review.head, &application.error)))
}

/// `claim-removed  PersistentVolumeClaim data/pg-0: is deleted…`.
pub(super) fn risk(risk: &Risk) -> String {
    let resource = risk.resource.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
    let origin = risk.origin.as_ref().map(|origin| format!("  ({})", file_line(origin))).unwrap_or_default();
    format!("{resource}{}{origin}", risk.evidence)
}

/// `path:line`.
pub(super) fn file_line(origin: &crate::diagnostic::Origin) -> String {
    crate::diagnostic::Origin { column: 0, ..origin.clone() }.to_string()
}

/// `ghcr.io/acme/api  1.8.2 → 2.0.0 (major)  3 Deployments`.
pub(super) fn version(change: &VersionChange) -> String {
    let step = match change.step {
        Step::New => "new",
        Step::Gone => "gone",
        Step::Major => "major",
        Step::Minor => "minor",
        Step::Patch => "patch",
        Step::Older => "older",
        Step::Other => "",
    };
    let kind = if change.kind == Versioned::Chart { "chart " } else { "" };
    let what = match (&change.from, &change.to) {
        (Some(from), Some(to)) => format!("{from} → {to}"),
        (None, Some(to)) => to.clone(),
        (Some(from), None) => from.clone(),
        (None, None) => String::new(),
    };
    let step = if step.is_empty() { String::new() } else { format!(" ({step})") };
    format!("{kind}{}  {what}{step}  {}", change.name, resources(&change.resources))
}

/// `Deployment shop/web  3 Pods  another image`.
pub(super) fn restart(restart: &Restart) -> String {
    let pods = match restart.pods {
        Some(1) => "1 Pod".to_owned(),
        Some(pods) => format!("{pods} Pods"),
        None if restart.resource.kind == "DaemonSet" => "a Pod on each node".to_owned(),
        None => "its Pods".to_owned(),
    };
    let causes: Vec<&str> = restart.causes.iter().map(|cause| cause.as_str()).collect();
    format!("{}  {pods}  {}", restart.resource, causes.join(", "))
}

/// How many Pods are replaced: `3 workloads, 14 Pods`.
pub(super) fn restarts(restarts: &[Restart]) -> String {
    let pods: u64 = restarts.iter().filter_map(|restart| restart.pods).fold(0, u64::saturating_add);
    let more = if restarts.iter().any(|restart| restart.pods.is_none()) { " and more" } else { "" };
    let plural = if pods == 1 { "" } else { "s" };
    format!("{}, {pods} Pod{plural}{more}", counted(restarts.len(), "workload"))
}

/// `ConfigMap app/cfg ← 3 Deployments, 1 CronJob (its pods read it); 2 more behind these`.
pub(super) fn reach(reach: &Reach) -> String {
    let keys: Vec<ResourceKey> = reach.dependents.iter().map(|dependent| dependent.resource.clone()).collect();
    let reasons: BTreeSet<&str> = reach.dependents.iter().map(|dependent| dependent.reason.as_str()).collect();
    let reasons: Vec<&str> = reasons.into_iter().collect();
    let further = if reach.further > 0 { format!("; {} more behind these", reach.further) } else { String::new() };
    format!("{} ← {} ({}){further}", reach.resource, resources(&keys), reasons.join("; "))
}

/// How many layers there are: `in 3 layers`.
pub(super) fn layers(application: &ApplicationReview) -> String {
    format!("in {}", counted(application.order.len(), "layer"))
}

/// One line for each layer; nothing where nothing waits.
pub(super) fn order(application: &ApplicationReview) -> Vec<String> {
    let layers = application.order.iter().filter(|_| application.order.len() > 1).enumerate();
    layers.map(|(at, layer)| format!("{}  {}", at + 1, resources(layer))).collect()
}

/// What whoever asked did not want to see: `3 resources, 12 fields of others`.
pub(super) fn left_out(application: &ApplicationReview) -> Option<String> {
    let LeftOut { resources, fields } = application.left_out;
    let parts =
        [(resources, counted(resources, "resource")), (fields, format!("{} of others", counted(fields, "field")))];
    let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, told)| told).collect();
    (!parts.is_empty()).then(|| format!("not shown, as asked for: {}", parts.join(", ")))
}

/// One line for each cause; those of one field in many files are one.
pub(super) fn causes(causes: &[Cause]) -> Vec<String> {
    let mut by_field: BTreeMap<(&str, bool), Vec<&Cause>> = BTreeMap::new();
    for cause in causes {
        by_field.entry((cause.field.as_deref().unwrap_or_default(), cause.exact)).or_default().push(cause);
    }
    let mut lines = Vec::new();
    for one in causes {
        let field = one.field.as_deref().unwrap_or_default();
        let same = by_field.get(&(field, one.exact)).filter(|same| !field.is_empty() && same.len() > NAMED);
        let Some(same) = same else {
            lines.push(cause(one));
            continue;
        };
        if same.first().is_some_and(|first| first.origin == one.origin) {
            let all: BTreeSet<&ResourceKey> = same.iter().flat_map(|cause| &cause.resources).collect();
            let all: Vec<ResourceKey> = all.into_iter().cloned().collect();
            let (place, more) = (file_line(&one.origin), same.len() - 1);
            lines.push(format!("{place} and {more} more places  {field} → {}", resources(&all)));
        }
    }
    lines
}

/// `values/prod.yaml:14  image.tag → Deployment app/api, …`.
fn cause(cause: &Cause) -> String {
    let field = cause.field.as_ref().map(|field| format!("  {field}")).unwrap_or_default();
    let about = if cause.exact { "" } else { " (by its value)" };
    format!("{}{field}{about} → {}", file_line(&cause.origin), resources(&cause.resources))
}

/// A few names, or many kinds.
pub(super) fn resources(keys: &[ResourceKey]) -> String {
    if keys.len() <= NAMED {
        return keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    }
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for key in keys {
        *kinds.entry(key.qualified_kind()).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| counted(count, &kind)).collect();
    kinds.join(", ")
}

/// All changes: those that are shared first, then each resource with what is its own, then those that came or went.
pub(super) fn changes(application: &ApplicationReview, detail: Detail) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for shared in &application.shared {
        let head =
            format!("~ the same in {}: {}", counted(shared.resources.len(), "resource"), names(&shared.resources));
        // Several changes of the same resources are one block.
        match blocks.last_mut().filter(|last| last.head == head) {
            Some(last) => last.body.extend(told(&shared.field, detail)),
            None => blocks.push(Block { head, body: told(&shared.field, detail), is_whole: false }),
        }
    }
    let is_shared: BTreeSet<(&ResourceKey, String)> = application
        .shared
        .iter()
        .flat_map(|shared| shared.resources.iter().map(|key| (key, full(&shared.field))))
        .collect();
    let whole = |change: &&ResourceReview| {
        let fields = change.fate.fields();
        let all_shared =
            !fields.is_empty() && fields.iter().all(|field| is_shared.contains(&(&change.resource, full(field))));
        !(all_shared && schema(change).is_empty() && matches!(change.fate, Fate::Changed { .. }))
    };
    let mut manifests: HashMap<(char, Vec<u8>), &ResourceKey> = HashMap::new();
    for change in application.changes.iter().filter(whole) {
        // Manifests that only their names tell apart are read once. Of those with masked values nobody may know.
        if let Some(body) = change.fate.body().filter(|body| !diff::is_masked(body)) {
            let same = manifests.entry((change.fate.sign(), nameless(body))).or_insert(&change.resource);
            if **same != change.resource {
                let body = vec![format!("as {same}, but for its name")];
                blocks.push(Block { head: head(change), body, is_whole: true });
                continue;
            }
        }
        blocks.push(block(change, detail, |field| !is_shared.contains(&(&change.resource, full(field)))));
    }
    // Whole manifests, which may be long, do not stand before what a few lines tell.
    blocks.sort_by_key(|block| block.is_whole);
    blocks
}

/// One resource with what differs, of its fields those that are wanted; or the whole manifest of one that came or went.
pub(super) fn block(change: &ResourceReview, detail: Detail, is_wanted: impl Fn(&FieldChange) -> bool) -> Block {
    let mut body: Vec<String> = schema(change);
    if let Fate::Changed { schema_fields, .. } = &change.fate
        && detail.full_schemas
    {
        body.extend(schema_fields.iter().flat_map(|field| told(field, detail)));
    }
    body.extend(change.fate.fields().iter().filter(|field| is_wanted(field)).flat_map(|field| told(field, detail)));
    if let Some(manifest) = change.fate.body() {
        body.extend(yaml::emit(manifest).lines().map(|line| cut(line, detail.length)));
    }
    // As many as somebody wants to see around a change do not push that out.
    let most = SHOWN_LINES.max(detail.around.saturating_mul(LINES_OF_A_CHANGE));
    let more = body.len().saturating_sub(most);
    if detail.length == Length::Bounded && more > 0 {
        body.truncate(most);
        body.push(format!("… {} more", counted(more, "line")));
    }
    Block { head: head(change), body, is_whole: change.fate.body().is_some() }
}

/// A change as a text that no other change has; what is shown of it is shorter.
fn full(field: &FieldChange) -> String {
    serde_json::to_string(field).unwrap_or_default()
}

fn head(change: &ResourceReview) -> String {
    let origin = change.origin.as_ref().map(|origin| format!("  {}", file_line(origin))).unwrap_or_default();
    let from = match &change.fate {
        Fate::Replaced { from, .. } => format!(" (was {from}: its name says what is in it)"),
        _ => String::new(),
    };
    format!("{} {}{from}{origin}", change.fate.sign(), change.resource)
}

fn schema(change: &ResourceReview) -> Vec<String> {
    let Fate::Changed { schema, .. } = &change.fate else { return Vec::new() };
    let line = |found: &super::super::report::SchemaChange| {
        let sign = if found.narrows { "! " } else { "" };
        let field = if found.field.is_empty() { String::new() } else { format!(" {}", found.field) };
        format!("{sign}{}{field}: {}", found.version, found.what)
    };
    schema.iter().map(line).collect()
}

/// All names up to a length.
fn names(keys: &[ResourceKey]) -> String {
    const LENGTH: usize = 400;
    let mut text = String::new();
    for (index, key) in keys.iter().enumerate() {
        let name = key.to_string();
        if text.len() + name.len() > LENGTH {
            return format!("{text} and {} more", keys.len() - index);
        }
        let comma = if index == 0 { "" } else { ", " };
        text = format!("{text}{comma}{name}");
    }
    text
}
