//! Finding resources of the set by what a reference says.
//!
//! In: sorted manifests. Out: look-ups that cost a hash, whatever the size of the set.

use std::collections::HashMap;

use crate::canon::Value;
use crate::manifest::{Definition, Manifest};
use crate::name::Scope;

use super::Node;

/// Group, kind and name to the resources that have them.
#[derive(Debug)]
pub struct Index<'a> {
    by_name: HashMap<(&'a str, &'a str, &'a str), Vec<Node>>,
    /// Group and kind of the custom resources that a CRD of the set defines.
    definitions: HashMap<(&'a str, &'a str), Node>,
    /// Name of a ServiceAccount to the bindings that have it as a subject.
    bindings: HashMap<&'a str, Vec<Binding<'a>>>,
    manifests: &'a [Manifest],
}

/// The scope of a binding, the namespace that its subject names, and its node.
type Binding<'a> = (&'a Scope, Option<&'a str>, Node);

impl<'a> Index<'a> {
    /// Indexes the set.
    #[must_use]
    pub fn new(manifests: &'a [Manifest]) -> Self {
        let mut by_name: HashMap<_, Vec<Node>> = HashMap::new();
        let mut definitions = HashMap::new();
        let mut bindings: HashMap<&str, Vec<_>> = HashMap::new();
        for (node, manifest) in manifests.iter().enumerate() {
            let key = &manifest.key;
            by_name.entry((key.group.as_str(), key.kind.as_str(), key.name.as_str())).or_default().push(node);
            if let Some(definition) = Definition::of(key, &manifest.body) {
                definitions.insert((definition.group, definition.kind), node);
            }
            if key.group == "rbac.authorization.k8s.io" && key.kind.ends_with("RoleBinding") {
                for subject in manifest.body.get("subjects").map(Value::items).unwrap_or_default() {
                    let text = |field: &str| subject.get(field).and_then(Value::as_str);
                    if let (Some("ServiceAccount"), Some(name)) = (text("kind"), text("name")) {
                        bindings.entry(name).or_default().push((&key.scope, text("namespace"), node));
                    }
                }
            }
        }
        Self { by_name, definitions, bindings, manifests }
    }

    /// A namespaced resource in the same namespace as the one that refers to it.
    #[must_use]
    pub fn beside(&self, scope: &Scope, group: &str, kind: &str, name: &str) -> Option<Node> {
        let same_place = |node: &&Node| self.manifests[**node].key.scope == *scope;
        self.candidates(group, kind, name).iter().find(same_place).copied()
    }

    /// A namespaced resource in the namespace that the reference names; in that of the referrer where it names none.
    #[must_use]
    pub fn inside(&self, namespace: Option<&str>, scope: &Scope, group: &str, kind: &str, name: &str) -> Option<Node> {
        match namespace {
            None => self.beside(scope, group, kind, name),
            Some(namespace) => self.beside(&Scope::Namespace(namespace.to_owned()), group, kind, name),
        }
    }

    /// A resource of a kind without namespaces, whatever namespace its manifest names by mistake.
    #[must_use]
    pub fn cluster(&self, group: &str, kind: &str, name: &str) -> Option<Node> {
        self.candidates(group, kind, name).first().copied()
    }

    /// The CRD of the set that defines this kind.
    #[must_use]
    pub fn definition(&self, group: &str, kind: &str) -> Option<Node> {
        self.definitions.get(&(group, kind)).copied()
    }

    /// The bindings of the set that give rights to this ServiceAccount. The namespace of a subject is never
    /// defaulted by the server, so a subject without one matches only beside an unbound binding.
    pub fn bindings_of(&self, scope: &Scope, service_account: &str) -> Vec<Node> {
        let candidates = self.bindings.get(service_account).map(Vec::as_slice).unwrap_or_default();
        candidates
            .iter()
            .filter(|(binding_scope, subject_namespace, _)| match subject_namespace {
                Some(namespace) => scope.namespace() == Some(namespace),
                None => *binding_scope == scope,
            })
            .map(|(_, _, node)| *node)
            .collect()
    }

    fn candidates<'s>(&'s self, group: &'s str, kind: &'s str, name: &'s str) -> &'s [Node] {
        self.by_name.get(&(group, kind, name)).map(Vec::as_slice).unwrap_or_default()
    }
}
