//! An object waits for the admission webhooks that judge or change it, so that none slips through before they are
//! there.
//!
//! In: all edges that the other families found. Out: edges to webhook configurations, only where their rules and
//! selectors decide it from the manifests alone. Never from what a configuration itself needs (its Service, the
//! workload behind it, their namespace, rights and Secrets, the waves before it): these must come first. Several
//! objects that are matched by the same configurations wait behind one barrier, so that `*` rules cost an edge for
//! each object and not for each pair.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::canon::Value;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::name::Scope;

use super::edges::{Edges, FEW, MAX_STEPS};
use super::selector::{self, Label};
use super::served::{plural, version_of};
use super::{Barrier, Edge, Index, Node, Rule, State, Strength};

const GROUP: &str = "admissionregistration.k8s.io";
/// Every namespace has this label, whatever its manifest says.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

pub(super) const RULE: Rule = Rule { name: "webhook", version: 1, reason: "it judges or changes such objects" };
pub(super) const BEHIND: Rule = Rule { name: "webhooks", version: 1, reason: "they judge or change such objects" };
pub(super) const MEMBER: Rule = Rule { name: "webhook-of-several", version: 1, reason: "that is one of them" };

pub(super) fn infer(manifests: &[Manifest], index: &Index<'_>, edges: &mut Edges, findings: &mut Vec<Diagnostic>) {
    let mutating = index.of_kind(GROUP, "MutatingWebhookConfiguration");
    let configurations: Vec<Node> = mutating.chain(index.of_kind(GROUP, "ValidatingWebhookConfiguration")).collect();
    if configurations.is_empty() {
        return;
    }
    let mut calls = Calls { manifests, index, kinds: kinds(manifests), scopes: scopes(manifests), steps: 0 };
    let mut needs = Needs::new(edges);
    let mut sets = Sets::new(manifests.len());
    for configuration in configurations {
        needs.visit(configuration);
        let webhooks = manifests[configuration].body.get("webhooks").map(Value::items).unwrap_or_default();
        for webhook in webhooks {
            calls.of(webhook, &mut |node| {
                if !needs.seen(node) {
                    sets.add(node, configuration);
                }
            });
        }
        if calls.steps + needs.steps > MAX_STEPS {
            let manifest = &manifests[configuration];
            let message = format!("{}: too many objects and webhooks to compare; the rest wait for none", manifest.key);
            findings.push(Diagnostic::lint(manifest.origin.clone(), "webhook-order-unknown", message));
            break;
        }
    }
    for (set, objects) in sets.together() {
        if edges.is_full() {
            return;
        }
        wait(&sets.configurations(set), &objects, edges);
    }
}

/// Adds the edges of objects that the same configurations match.
fn wait(configurations: &[Node], objects: &[Node], edges: &mut Edges) {
    let edge = |from, to, strength, rule, field: &str| Edge {
        from,
        to,
        state: State::Present,
        strength,
        rule,
        field: field.to_owned(),
    };
    if configurations.len() == 1 || configurations.len() * objects.len() <= FEW {
        for from in objects {
            for to in configurations {
                edges.add(edge(*from, *to, Strength::Soft, RULE, "kind"));
            }
        }
        return;
    }
    let barrier = edges.barrier(Barrier::Webhooks(configurations.to_vec()));
    for from in objects {
        edges.add(edge(*from, barrier, Strength::Soft, BEHIND, "kind"));
    }
    // Hard, so that a circle is broken where one object enters it, and not for all of them.
    for to in configurations {
        edges.add(edge(barrier, *to, Strength::Hard, MEMBER, ""));
    }
}

/// Which configurations match each object. Few sets of configurations are matched by many objects, so that each set
/// is there once: a smaller set, and the configuration that was added to it.
struct Sets {
    /// The set of each node; 0 is the empty one.
    of: Vec<usize>,
    made: Vec<(usize, Node)>,
    larger: HashMap<(usize, Node), usize>,
}

impl Sets {
    fn new(nodes: usize) -> Self {
        Self { of: vec![0; nodes], made: vec![(0, Node::MAX)], larger: HashMap::new() }
    }

    /// Adds a configuration to those of a node; they come in ascending order.
    fn add(&mut self, node: Node, configuration: Node) {
        let set = self.of[node];
        if self.made[set].1 != configuration {
            let next = self.made.len();
            let larger = *self.larger.entry((set, configuration)).or_insert(next);
            if larger == next {
                self.made.push((set, configuration));
            }
            self.of[node] = larger;
        }
    }

    /// The nodes of each set that is not empty.
    fn together(&self) -> BTreeMap<usize, Vec<Node>> {
        let mut together: BTreeMap<usize, Vec<Node>> = BTreeMap::new();
        for (node, set) in self.of.iter().enumerate().filter(|(_, set)| **set != 0) {
            together.entry(*set).or_default().push(node);
        }
        together
    }

    /// What is in a set, ascending.
    fn configurations(&self, mut set: usize) -> Vec<Node> {
        let mut configurations = Vec::new();
        while set != 0 {
            let (smaller, configuration) = self.made[set];
            configurations.push(configuration);
            set = smaller;
        }
        configurations.reverse();
        configurations
    }
}

/// The objects of each kind stand together.
fn kinds(manifests: &[Manifest]) -> Vec<Range<Node>> {
    let mut kinds: Vec<Range<Node>> = Vec::new();
    for kind in manifests.chunk_by(|one, next| one.key.group == next.key.group && one.key.kind == next.key.kind) {
        let start = kinds.last().map_or(0, |last| last.end);
        kinds.push(start..start + kind.len());
    }
    kinds
}

/// A number for the namespace of each object, the same for equal ones.
fn scopes(manifests: &[Manifest]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    let mut number = |scope| {
        let next = numbers.len();
        *numbers.entry(scope).or_insert(next)
    };
    manifests.iter().map(|manifest| number(&manifest.key.scope)).collect()
}

/// Finds the objects that webhooks are called for.
struct Calls<'a> {
    manifests: &'a [Manifest],
    index: &'a Index<'a>,
    kinds: Vec<Range<Node>>,
    scopes: Vec<usize>,
    steps: usize,
}

impl Calls<'_> {
    /// Calls `found` with each object that this webhook is surely called for.
    fn of(&mut self, webhook: &Value, found: &mut dyn FnMut(Node)) {
        // These are programs (CEL), and what they say depends on the request.
        if !webhook.get("matchConditions").map(Value::items).unwrap_or_default().is_empty() {
            return;
        }
        let rules = webhook.get("rules").map(Value::items).unwrap_or_default();
        // What the selector says of each namespace, once it was asked.
        let mut decided = HashMap::new();
        for place in 0..self.kinds.len() {
            let kind = self.kinds[place].clone();
            let key = &self.manifests[kind.start].key;
            // The server shows no webhook the kinds of this group, lest it lock itself out.
            if key.group == GROUP || self.steps > MAX_STEPS {
                continue;
            }
            self.steps += 1 + rules.len();
            let in_namespaces = self.index.namespaced(&key.group, &key.kind);
            let plural = plural(&key.group, &key.kind, self.index, self.manifests);
            let covers = |rule: &&Value| covers(rule, &key.group, &plural, in_namespaces);
            let rules: Vec<&Value> = rules.iter().filter(covers).collect();
            if !rules.is_empty() {
                self.steps += kind.len();
                self.of_kind(webhook, &rules, kind, in_namespaces, &mut decided, found);
            }
        }
    }

    /// The same for objects of one kind, and the rules for that kind.
    fn of_kind(
        &self,
        webhook: &Value,
        rules: &[&Value],
        kind: Range<Node>,
        in_namespaces: Option<bool>,
        decided: &mut HashMap<usize, Option<bool>>,
        found: &mut dyn FnMut(Node),
    ) {
        let exact = webhook.get("matchPolicy").and_then(Value::as_str) == Some("Exact");
        let (by_namespace, by_labels) = (webhook.get("namespaceSelector"), webhook.get("objectSelector"));
        for node in kind {
            let manifest = &self.manifests[node];
            // Unless the match is exact, a rule for one version is for all versions of the kind.
            let for_version =
                |rule: &&Value| !exact || lists(rule, "apiVersions", |listed| listed == version_of(manifest));
            if !rules.iter().any(for_version) || own_labels(manifest, by_labels) != Some(true) {
                continue;
            }
            let in_place = if manifest.key.is("", "Namespace") {
                own_labels(manifest, by_namespace)
            } else if in_namespaces == Some(false) {
                // The selector has no say over these.
                Some(true)
            } else {
                *decided.entry(self.scopes[node]).or_insert_with(|| self.namespace(&manifest.key.scope, by_namespace))
            };
            if in_place == Some(true) {
                found(node);
            }
        }
    }

    /// Whether the selector takes objects of this namespace.
    fn namespace(&self, scope: &Scope, selector: Option<&Value>) -> Option<bool> {
        let name = scope.namespace();
        let manifest =
            name.and_then(|name| self.index.cluster("", "Namespace", name)).map(|node| &self.manifests[node]);
        selector::matches(selector, &|label| {
            let labels = manifest.map(|manifest| manifest.body.at(&["metadata", "labels", label]));
            match (name, labels) {
                (Some(name), _) if label == NAME_LABEL => Label::Is(name),
                (_, Some(Some(value))) => value.as_str().map_or(Label::Unknown, Label::Is),
                (_, Some(None)) => Label::Absent,
                // Not of this set: only the server knows its labels.
                (_, None) => Label::Unknown,
            }
        })
    }
}

/// Whether the labels of the object itself match.
fn own_labels(manifest: &Manifest, selector: Option<&Value>) -> Option<bool> {
    // Nearly every webhook is for any labels: then there is nothing to look up.
    let labels = selector.and_then(|_| manifest.body.at(&["metadata", "labels"])).and_then(Value::as_map);
    selector::matches(selector, &|name| match labels.and_then(|labels| labels.get(name)).and_then(Value::as_str) {
        _ if name == NAME_LABEL && manifest.key.is("", "Namespace") => Label::Is(&manifest.key.name),
        Some(value) => Label::Is(value),
        None => Label::Absent,
    })
}

/// Whether a rule is about writing objects of this resource, of whatever version.
pub(super) fn covers(rule: &Value, group: &str, plural: &str, in_namespaces: Option<bool>) -> bool {
    let in_scope = match rule.get("scope").and_then(Value::as_str) {
        Some("Namespaced") => in_namespaces == Some(true),
        Some("Cluster") => in_namespaces == Some(false),
        _ => true,
    };
    in_scope
        && lists(rule, "operations", |operation| matches!(operation, "CREATE" | "UPDATE"))
        && lists(rule, "apiGroups", |listed| listed == group)
        && lists(rule, "resources", |listed| match listed.split_once('/') {
            None => listed == plural,
            // What follows the slash is a subresource, unless it is anything.
            Some((resource, below)) => below == "*" && (resource == "*" || resource == plural),
        })
}

/// Whether a list of a rule has `*`, or something that is as wanted.
pub(super) fn lists(rule: &Value, field: &str, wanted: impl Fn(&str) -> bool) -> bool {
    let items = rule.get(field).map(Value::items).unwrap_or_default();
    items.iter().filter_map(Value::as_str).any(|item| item == "*" || wanted(item))
}

/// What a node waits for, through any number of edges.
struct Needs {
    /// The dependencies of node `n` are `targets[starts[n]..starts[n + 1]]`.
    starts: Vec<usize>,
    targets: Vec<Node>,
    /// In which visit a node was seen last.
    seen: Vec<usize>,
    visits: usize,
    steps: usize,
}

impl Needs {
    fn new(edges: &Edges) -> Self {
        let mut starts = vec![0; edges.nodes() + 1];
        let orders_creation = || edges.list().iter().filter(|edge| edge.state != State::Absent);
        for edge in orders_creation() {
            starts[edge.from + 1] += 1;
        }
        for node in 0..edges.nodes() {
            starts[node + 1] += starts[node];
        }
        let mut next = starts.clone();
        let mut targets = vec![0; edges.list().len()];
        for edge in orders_creation() {
            targets[next[edge.from]] = edge.to;
            next[edge.from] += 1;
        }
        Self { starts, targets, seen: vec![0; edges.nodes()], visits: 0, steps: 0 }
    }

    /// Sees `from` and all that it waits for, and forgets what was seen before.
    fn visit(&mut self, from: Node) {
        self.visits += 1;
        let mut pending = vec![from];
        while let Some(node) = pending.pop() {
            if std::mem::replace(&mut self.seen[node], self.visits) != self.visits {
                let targets = &self.targets[self.starts[node]..self.starts[node + 1]];
                self.steps += 1 + targets.len();
                pending.extend(targets);
            }
        }
    }

    fn seen(&self, node: Node) -> bool {
        self.seen[node] == self.visits
    }
}
