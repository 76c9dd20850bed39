//! What must outlive what it serves: the controllers, webhooks and converters of custom resources.
//!
//! In: all edges of the other families. Out: edges of the state [`State::Absent`], which order deletion and nothing
//! else. Deletion is the reverse of creation; but no creation waits for the controller of a custom resource, which may
//! come whenever it likes, while a resource with a finalizer cannot go without it.
//!
//! A controller is a workload whose ServiceAccount may update objects of the kind, or their finalizers. Its account, its
//! rights and its namespace go after it by the reverse of creation, and so do a CRD and an APIService after their
//! objects, and Services and workloads after the webhooks and APIServices that lead there. Objects of one kind stand
//! behind a barrier where they are many.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use crate::canon::Value;
use crate::manifest::{Manifest, pod_spec_path};
use crate::name::{Scope, is_built_in};

use super::edges::{Edges, FEW, MAX_STEPS};
use super::selector::{self, Label};
use super::served::plural;
use super::webhook::{self, lists};
use super::{Barrier, Edge, Index, Node, Rule, State, Strength};

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
/// The role of every cluster that may do everything.
const CLUSTER_ADMIN: &str = "cluster-admin";

pub(super) const CONTROLLER: Rule =
    Rule { name: "controller-until-gone", version: 1, reason: "its pods may be needed to delete that" };
pub(super) const WEBHOOK: Rule =
    Rule { name: "webhook-until-gone", version: 1, reason: "it judges or changes that until it is gone" };
pub(super) const CONVERSION: Rule = Rule {
    name: "conversion-until-gone",
    version: 1,
    reason: "its pods convert objects of that kind until they are gone",
};
pub(super) const MEMBER: Rule = Rule { name: "object-until-gone", version: 1, reason: "that is one of them" };

/// A custom kind of the set.
struct Kind<'a> {
    group: &'a str,
    kind: &'a str,
    plural: String,
    objects: Range<Node>,
}

impl Kind<'_> {
    /// Its objects in one namespace, or all; they are sorted by it.
    fn inside(&self, scope: &Scope, manifests: &[Manifest]) -> Range<Node> {
        if *scope == Scope::Cluster {
            return self.objects.clone();
        }
        let objects = &manifests[self.objects.clone()];
        let first = self.objects.start + objects.partition_point(|object| object.key.scope < *scope);
        first..self.objects.start + objects.partition_point(|object| object.key.scope <= *scope)
    }
}

pub(super) fn infer(manifests: &[Manifest], index: &Index<'_>, edges: &mut Edges) {
    let kinds = custom_kinds(manifests, index);
    if kinds.is_empty() {
        return;
    }
    let mut waiting: BTreeMap<(usize, Scope), BTreeSet<(Node, Rule)>> = BTreeMap::new();
    let mut rights = Rights { manifests, index, kinds: &kinds, of_role: HashMap::new(), steps: 0 };
    for (node, manifest) in manifests.iter().enumerate() {
        for (kind, scope) in rights.of_workload(manifest) {
            waiting.entry((kind, scope)).or_default().insert((node, CONTROLLER));
        }
        if rights.steps > MAX_STEPS {
            return edges.give_up();
        }
    }
    let mut steps = rights.steps;
    let judged = judged(&kinds, edges);
    for configuration in webhooks(index) {
        for (number, kind) in kinds.iter().enumerate() {
            steps += 1;
            if !judged.contains(&(number, configuration)) && judges(&manifests[configuration], kind, index, &mut steps)
            {
                waiting.entry((number, Scope::Cluster)).or_default().insert((configuration, WEBHOOK));
            }
        }
        if steps > MAX_STEPS {
            return edges.give_up();
        }
    }
    for ((kind, scope), waiting) in waiting {
        if edges.is_full() {
            return;
        }
        wait(&kinds[kind], &scope, &waiting, manifests, edges);
    }
}

/// The kinds that Kubernetes does not serve by itself.
fn custom_kinds<'a>(manifests: &'a [Manifest], index: &Index<'_>) -> Vec<Kind<'a>> {
    let mut kinds = Vec::new();
    let mut start = 0;
    for objects in manifests.chunk_by(|one, next| one.key.group == next.key.group && one.key.kind == next.key.kind) {
        let (group, kind) = (objects[0].key.group.as_str(), objects[0].key.kind.as_str());
        if !is_built_in(group) {
            let plural = plural(group, kind, index, manifests);
            kinds.push(Kind { group, kind, plural, objects: start..start + objects.len() });
        }
        start += objects.len();
    }
    kinds
}

/// Adds the edges of those that wait for the objects of a kind in one namespace, or in all.
fn wait(kind: &Kind<'_>, scope: &Scope, waiting: &BTreeSet<(Node, Rule)>, manifests: &[Manifest], edges: &mut Edges) {
    let objects = kind.inside(scope, manifests);
    let edge = |from, to, rule, field: &str| {
        // What a barrier stands for it always stands for, so that a circle is broken where it is entered.
        let strength = if rule == MEMBER { Strength::Hard } else { Strength::Soft };
        Edge { from, to, state: State::Absent, strength, rule, field: field.to_owned() }
    };
    if objects.len() == 1 || objects.len() * waiting.len() <= FEW {
        for (from, rule) in waiting {
            for to in objects.clone() {
                edges.add(edge(*from, to, *rule, field(*rule)));
            }
        }
        return;
    }
    let (group, kind) = (kind.group.to_owned(), kind.kind.to_owned());
    let barrier = edges.barrier(Barrier::Gone { group, kind, scope: scope.clone() });
    for (from, rule) in waiting {
        edges.add(edge(*from, barrier, *rule, field(*rule)));
    }
    for to in objects {
        edges.add(edge(barrier, to, MEMBER, ""));
    }
}

fn field(rule: Rule) -> &'static str {
    if rule == WEBHOOK { "webhooks" } else { "serviceAccountName" }
}

/// What workloads may do to custom resources.
struct Rights<'a> {
    manifests: &'a [Manifest],
    index: &'a Index<'a>,
    kinds: &'a [Kind<'a>],
    /// The kinds that each role lets one change.
    of_role: HashMap<Node, Vec<usize>>,
    steps: usize,
}

impl Rights<'_> {
    /// The kinds whose objects a workload may change, and in which namespace, or in all.
    fn of_workload(&mut self, workload: &Manifest) -> Vec<(usize, Scope)> {
        // A Job is over long before anything is deleted.
        let way = pod_spec_path(&workload.key).filter(|_| workload.key.group != "batch");
        let Some(spec) = way.and_then(|way| workload.body.at(way)) else { return Vec::new() };
        let named = |field: &str| spec.get(field).and_then(Value::as_str).filter(|name| !name.is_empty());
        let account = named("serviceAccountName").or_else(|| named("serviceAccount")).unwrap_or("default");
        let mut found = Vec::new();
        for binding in self.index.bindings_of(&workload.key.scope, account) {
            let binding = &self.manifests[*binding];
            let everywhere = binding.key.kind == "ClusterRoleBinding";
            let scope = if everywhere { Scope::Cluster } else { binding.key.scope.clone() };
            let kinds = self.of_binding(binding);
            self.steps += 1 + kinds.len();
            if self.steps > MAX_STEPS {
                break;
            }
            found.extend(kinds.into_iter().map(|kind| (kind, scope.clone())));
        }
        found
    }

    fn of_binding(&mut self, binding: &Manifest) -> Vec<usize> {
        let text = |field: &str| binding.body.at(&["roleRef", field]).and_then(Value::as_str).unwrap_or_default();
        let role = match text("kind") {
            "ClusterRole" => self.index.cluster(RBAC, "ClusterRole", text("name")),
            kind => self.index.beside(&binding.key.scope, RBAC, kind, text("name")),
        };
        match role {
            Some(role) => self.of_role(role),
            None if text("kind") == "ClusterRole" && text("name") == CLUSTER_ADMIN => (0..self.kinds.len()).collect(),
            None => Vec::new(),
        }
    }

    fn of_role(&mut self, role: Node) -> Vec<usize> {
        if let Some(known) = self.of_role.get(&role) {
            return known.clone();
        }
        let parts = self.parts(role);
        let rules = parts.iter().filter_map(|part| self.manifests[*part].body.get("rules").map(Value::items)).flatten();
        let mut kinds = BTreeSet::new();
        for rule in rules {
            self.steps += self.kinds.len();
            if self.steps > MAX_STEPS {
                break;
            }
            kinds.extend((0..self.kinds.len()).filter(|kind| lets_change(rule, &self.kinds[*kind])));
        }
        let kinds: Vec<usize> = kinds.into_iter().collect();
        self.of_role.insert(role, kinds.clone());
        kinds
    }

    /// A role, and those that it is aggregated from.
    fn parts(&mut self, role: Node) -> Vec<Node> {
        let selectors = self.manifests[role].body.at(&["aggregationRule", "clusterRoleSelectors"]);
        let selectors = selectors.map(Value::items).unwrap_or_default();
        let mut parts = vec![role];
        for part in self.index.of_kind(RBAC, "ClusterRole").filter(|_| !selectors.is_empty()) {
            let labels = self.manifests[part].body.at(&["metadata", "labels"]);
            let label = |name: &str| match labels.and_then(|labels| labels.get(name)).and_then(Value::as_str) {
                Some(value) => Label::Is(value),
                None => Label::Absent,
            };
            self.steps += selectors.len();
            if self.steps > MAX_STEPS {
                break;
            }
            if selectors.iter().any(|selector| selector::matches(Some(selector), &label) == Some(true)) {
                parts.push(part);
            }
        }
        parts
    }
}

/// Whether a rule of a role lets one update objects of a kind, or their finalizers.
fn lets_change(rule: &Value, kind: &Kind<'_>) -> bool {
    lists(rule, "verbs", |verb| matches!(verb, "update" | "patch"))
        && lists(rule, "apiGroups", |group| group == kind.group)
        && lists(rule, "resources", |listed| match listed.split_once('/') {
            None => listed == kind.plural,
            Some((resource, below)) => below == "finalizers" && (resource == "*" || resource == kind.plural),
        })
}

fn webhooks<'a>(index: &'a Index<'_>) -> impl Iterator<Item = Node> + 'a {
    let kinds = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
    kinds.into_iter().flat_map(|kind| index.of_kind(ADMISSION, kind))
}

/// Whether a rule of a webhook configuration is about objects of this kind, whatever its selectors and conditions say.
fn judges(configuration: &Manifest, kind: &Kind<'_>, index: &Index<'_>, steps: &mut usize) -> bool {
    let in_namespaces = index.namespaced(kind.group, kind.kind);
    let webhooks = configuration.body.get("webhooks").map(Value::items).unwrap_or_default();
    let rules = webhooks.iter().flat_map(|webhook| webhook.get("rules").map(Value::items).unwrap_or_default());
    // What is for all groups is not for these objects in particular.
    let named = |rule: &&Value| {
        let groups = rule.get("apiGroups").map(Value::items).unwrap_or_default();
        *steps += 1 + groups.len();
        groups.iter().any(|group| group.as_str() == Some(kind.group))
    };
    rules.filter(named).any(|rule| webhook::covers(rule, kind.group, &kind.plural, in_namespaces))
}

/// The kinds of which objects wait for a webhook configuration when they are created: these go before it anyway, and
/// of the others it is known that they are not judged.
fn judged(kinds: &[Kind<'_>], edges: &Edges) -> HashSet<(usize, Node)> {
    let kind_of = |object: Node| {
        let kind = kinds.partition_point(|kind| kind.objects.end <= object);
        kinds.get(kind).filter(|kind| kind.objects.contains(&object)).map(|_| kind)
    };
    let (mut judged, mut behind) = (HashSet::new(), HashMap::<Node, BTreeSet<usize>>::new());
    for edge in edges.list() {
        if edge.rule == webhook::RULE {
            judged.extend(kind_of(edge.from).map(|kind| (kind, edge.to)));
        } else if edge.rule == webhook::BEHIND
            && let Some(kind) = kind_of(edge.from)
        {
            behind.entry(edge.to).or_default().insert(kind);
        }
    }
    for edge in edges.list().iter().filter(|edge| edge.rule == webhook::MEMBER) {
        judged.extend(behind.get(&edge.from).into_iter().flatten().map(|kind| (*kind, edge.to)));
    }
    judged
}
