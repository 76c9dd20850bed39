//! Roles and bindings, as they are written.
//!
//! In: bodies; the resources of the newer side. Out: what a role says, whom a binding gives what, and [`Roles`]: who holds a role
//! by the bindings among the manifests. Looked up by name, so that many roles and many bindings cost their sum.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::canon::Value;
use crate::graph::GraphResource;
use crate::name::{ResourceKey, Scope};

/// The group of roles and bindings.
pub(super) const RBAC: &str = "rbac.authorization.k8s.io";

/// So many single rights of a role are compared; more than these nobody reads, which is a risk by itself.
pub(super) const MOST: usize = 20_000;

/// Who is everybody, or everybody who is logged in.
const EVERYBODY: [&str; 4] = [
    "Group system:authenticated",
    "Group system:serviceaccounts",
    "Group system:unauthenticated",
    "User system:anonymous",
];

/// So many of those who hold a role are named.
const NAMED: usize = 3;

/// A rule of a role, where `*` stands alone if it stands at all.
pub(super) struct Rule<'a> {
    pub(super) verbs: BTreeSet<&'a str>,
    pub(super) groups: BTreeSet<&'a str>,
    pub(super) resources: BTreeSet<&'a str>,
    /// None are all.
    pub(super) names: BTreeSet<&'a str>,
    pub(super) urls: BTreeSet<&'a str>,
}

impl Rule<'_> {
    /// Whether it permits everything that can be done to resources.
    fn is_almighty(&self) -> bool {
        let is_any = |texts: &BTreeSet<&str>| texts.contains("*");
        is_any(&self.verbs) && is_any(&self.groups) && is_any(&self.resources) && self.names.is_empty()
    }
}

/// The rules of a role.
pub(super) fn rules(role: Option<&Value>) -> Vec<Rule<'_>> {
    fn names<'a>(rule: &'a Value, field: &str) -> BTreeSet<&'a str> {
        let items = rule.get(field).map(Value::items).unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect()
    }
    fn texts<'a>(rule: &'a Value, field: &str) -> BTreeSet<&'a str> {
        let texts = names(rule, field);
        if texts.contains("*") { BTreeSet::from(["*"]) } else { texts }
    }
    fn or_core(texts: BTreeSet<&str>) -> BTreeSet<&str> {
        if texts.is_empty() { BTreeSet::from([""]) } else { texts }
    }
    let read = |written| Rule {
        verbs: texts(written, "verbs"),
        groups: or_core(texts(written, "apiGroups")),
        resources: texts(written, "resources"),
        // Here `*` is a name as any other.
        names: names(written, "resourceNames"),
        urls: texts(written, "nonResourceURLs"),
    };
    role.and_then(|role| role.get("rules")).map(Value::items).unwrap_or_default().iter().map(read).collect()
}

/// How many single rights there are, each as often as it is written.
pub(super) fn count(rules: &[Rule<'_>]) -> usize {
    let of = |rule: &Rule<'_>| {
        let names = rule.names.len().max(1);
        let resources = rule.groups.len().saturating_mul(rule.resources.len()).saturating_mul(names);
        rule.verbs.len().saturating_mul(resources.saturating_add(rule.urls.len()))
    };
    rules.iter().map(of).fold(0, usize::saturating_add)
}

/// The kind and the name of the role that a binding gives.
pub(super) fn reference(binding: &Value) -> Option<(&str, &str)> {
    let reference = binding.get("roleRef")?;
    let text = |field: &str| reference.get(field).and_then(Value::as_str).unwrap_or_default();
    Some((text("kind"), text("name")))
}

/// Whom a binding gives its role: `ServiceAccount shop/api`.
pub(super) fn subjects(binding: Option<&Value>) -> BTreeSet<String> {
    let items = binding.and_then(|binding| binding.get("subjects")).map(Value::items).unwrap_or_default();
    let text = |subject: &Value, field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let one = |subject: &Value| {
        let namespace = text(subject, "namespace");
        let place = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
        format!("{} {place}{}", text(subject, "kind"), text(subject, "name"))
    };
    items.iter().map(one).collect()
}

/// Whether a subject is everybody.
pub(super) fn is_of_everybody(subject: &str) -> bool {
    EVERYBODY.contains(&subject)
}

/// The roles and bindings of a side.
pub(super) struct Roles<'a> {
    /// By the kind and the name of what they give.
    bindings: HashMap<(&'a str, &'a str), Vec<&'a GraphResource>>,
    /// Those that permit everything, or more than can be looked at.
    almighty: HashSet<&'a str>,
}

impl<'a> Roles<'a> {
    /// Of these resources.
    pub(super) fn of(resources: &'a [GraphResource]) -> Self {
        let mut found = Self { bindings: HashMap::new(), almighty: HashSet::new() };
        for resource in resources.iter().filter(|resource| resource.key.group == RBAC) {
            match resource.key.kind.as_str() {
                "RoleBinding" | "ClusterRoleBinding" => {
                    if let Some(role) = reference(&resource.body) {
                        found.bindings.entry(role).or_default().push(resource);
                    }
                }
                "ClusterRole" => {
                    let rules = rules(Some(&resource.body));
                    if count(&rules) > MOST || rules.iter().any(Rule::is_almighty) {
                        found.almighty.insert(&resource.key.name);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a ClusterRole among them may do everything, or more than can be looked at.
    pub(super) fn is_almighty(&self, name: &str) -> bool {
        self.almighty.contains(name)
    }

    /// Who holds a role: `, held by ServiceAccount shop/api`; nothing where nobody here does. Everybody comes first.
    pub(super) fn held_by(&self, role: &ResourceKey) -> String {
        let all = self.bindings.get(&(role.kind.as_str(), role.name.as_str())).into_iter().flatten();
        let is_cluster = role.kind == "ClusterRole";
        let near = all.filter(|binding| is_cluster || is_near(&role.scope, &binding.key.scope));
        let holders: BTreeSet<(bool, String)> = near
            .flat_map(|binding| {
                let place = binding.key.scope.namespace().filter(|_| is_cluster && binding.key.kind == "RoleBinding");
                let place = place.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
                let all = subjects(Some(&binding.body)).into_iter();
                all.map(move |subject| (!is_of_everybody(&subject), format!("{subject}{place}")))
            })
            .collect();
        let mut named: Vec<String> = holders.into_iter().map(|(_, holder)| holder).collect();
        let more = named.len().saturating_sub(NAMED);
        named.truncate(NAMED);
        match (named.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!(", held by {}", named.join(", ")),
            (false, _) => format!(", held by {} and {more} more", named.join(", ")),
        }
    }
}

/// Whether a binding may be of the namespace of a role: one that names none goes where the application goes.
fn is_near(role: &Scope, binding: &Scope) -> bool {
    role == binding || *role == Scope::Unbound || *binding == Scope::Unbound
}
