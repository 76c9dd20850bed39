//! Finding resources of the set by what a reference says.
//!
//! In: sorted manifests. Out: look-ups that cost a hash, whatever the size of the set.

use std::collections::HashMap;
use std::ops::Range;

use crate::canon::Value;
use crate::manifest::{Definition, Manifest};
use crate::name::{Scope, is_built_in_with_namespaces};

use super::Node;

/// Built-in kinds without namespaces, and those of extensions that rules of ours know.
const CLUSTER_KINDS: [(&str, &str); 38] = [
    ("", "ComponentStatus"),
    ("", "Namespace"),
    ("", "Node"),
    ("", "PersistentVolume"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("apiregistration.k8s.io", "APIService"),
    ("certificates.k8s.io", "CertificateSigningRequest"),
    ("certificates.k8s.io", "ClusterTrustBundle"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("networking.k8s.io", "IPAddress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "ServiceCIDR"),
    ("node.k8s.io", "RuntimeClass"),
    ("policy", "PodSecurityPolicy"),
    ("rbac.authorization.k8s.io", "ClusterRole"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "DeviceTaintRule"),
    ("resource.k8s.io", "ResourceSlice"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "CSIDriver"),
    ("storage.k8s.io", "CSINode"),
    ("storage.k8s.io", "StorageClass"),
    ("storage.k8s.io", "VolumeAttachment"),
    ("storage.k8s.io", "VolumeAttributesClass"),
    ("storagemigration.k8s.io", "StorageVersionMigration"),
    ("cert-manager.io", "ClusterIssuer"),
    ("external-secrets.io", "ClusterSecretStore"),
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotClass"),
    ("snapshot.storage.k8s.io", "VolumeSnapshotContent"),
];

/// Group, kind and name to the resources that have them, and what else can be looked up.
#[derive(Debug)]
pub struct Index<'a> {
    manifests: &'a [Manifest],
    /// Ascending, and so by namespace also.
    by_name: HashMap<(&'a str, &'a str, &'a str), Vec<Node>>,
    /// Group and kind of the custom resources that a CRD of the set defines, and whether they have namespaces.
    definitions: HashMap<(&'a str, &'a str), (Node, Option<bool>)>,
    /// Group and version to the APIService that brings them.
    api_services: HashMap<(&'a str, &'a str), Node>,
    /// Namespace and name of a ServiceAccount to the bindings that have it as a subject.
    bindings: HashMap<(&'a str, &'a str), Vec<Node>>,
    /// Namespace and name of a Secret to the objects whose controllers make it.
    producers: HashMap<(&'a str, &'a str), Vec<Node>>,
    /// The ReferenceGrants that let a reference cross into their namespace.
    grants: HashMap<Crossing<'a>, Vec<Node>>,
}

/// A namespace; group, kind and namespace of who refers to it; group, kind and name (empty for any) of what is there.
type Crossing<'a> = (&'a str, [&'a str; 3], [&'a str; 3]);

impl<'a> Index<'a> {
    /// Indexes the set, which must be sorted by key.
    #[must_use]
    pub fn new(manifests: &'a [Manifest]) -> Self {
        let mut index = Self {
            manifests,
            by_name: HashMap::with_capacity(manifests.len()),
            definitions: HashMap::new(),
            api_services: HashMap::new(),
            bindings: HashMap::new(),
            producers: HashMap::new(),
            grants: HashMap::new(),
        };
        for (node, manifest) in manifests.iter().enumerate() {
            let key = &manifest.key;
            index.by_name.entry((key.group.as_str(), key.kind.as_str(), key.name.as_str())).or_default().push(node);
            index.take(node, manifest);
        }
        index
    }

    /// What only some kinds have.
    fn take(&mut self, node: Node, manifest: &'a Manifest) {
        let key = &manifest.key;
        let text = |path: &[&str]| manifest.body.at(path).and_then(Value::as_str);
        match (key.group.as_str(), key.kind.as_str()) {
            ("apiextensions.k8s.io", _) => {
                if let Some(definition) = Definition::of(key, &manifest.body) {
                    let namespaced = definition.scope.map(|scope| scope == "Namespaced");
                    self.definitions.insert((definition.group, definition.kind), (node, namespaced));
                }
            }
            ("apiregistration.k8s.io", "APIService") => {
                // Without a service the API server brings the group itself, and there is nothing to wait for.
                let served_elsewhere = manifest.body.at(&["spec", "service"]).and_then(Value::as_map).is_some();
                if let (Some(group), Some(version), true) =
                    (text(&["spec", "group"]), text(&["spec", "version"]), served_elsewhere)
                {
                    self.api_services.insert((group, version), node);
                }
            }
            ("rbac.authorization.k8s.io", kind) if kind.ends_with("RoleBinding") => {
                for subject in manifest.body.get("subjects").map(Value::items).unwrap_or_default() {
                    let text = |field: &str| subject.get(field).and_then(Value::as_str);
                    if let (Some("ServiceAccount"), Some(name)) = (text("kind"), text("name")) {
                        // The server never defaults the namespace of a subject: without one it means the place where
                        // the binding itself is written.
                        let namespace = text("namespace").unwrap_or(key.scope.as_str());
                        // The account may leave its namespace to the destination. All accounts are indexed by now.
                        let written = Scope::from_spelling(namespace);
                        let bound_later = self.beside(&written, "", "ServiceAccount", name).is_none()
                            && self.beside(&Scope::Unbound, "", "ServiceAccount", name).is_some();
                        let namespace = if bound_later { Scope::Unbound.as_str() } else { namespace };
                        self.bindings.entry((namespace, name)).or_default().push(node);
                    }
                }
            }
            ("cert-manager.io", "Certificate") => self.produces(text(&["spec", "secretName"]), node, &key.scope),
            ("external-secrets.io", "ExternalSecret") => {
                let name = text(&["spec", "target", "name"]).unwrap_or(&key.name);
                let makes_it = text(&["spec", "target", "creationPolicy"]) != Some("None");
                self.produces(makes_it.then_some(name), node, &key.scope);
            }
            ("bitnami.com", "SealedSecret") => self.produces(Some(&key.name), node, &key.scope),
            ("gateway.networking.k8s.io", "ReferenceGrant") => {
                // The server takes no more than these of each.
                let listed =
                    |path: &[&str]| manifest.body.at(path).map(Value::items).unwrap_or_default().iter().take(16);
                for from in listed(&["spec", "from"]) {
                    let from = ["group", "kind", "namespace"].map(|field| text_of(from, field));
                    for to in listed(&["spec", "to"]) {
                        let to = ["group", "kind", "name"].map(|field| text_of(to, field));
                        self.grants.entry((key.scope.as_str(), from, to)).or_default().push(node);
                    }
                }
            }
            _ => {}
        }
    }

    fn produces(&mut self, secret: Option<&'a str>, node: Node, scope: &'a Scope) {
        if let Some(secret) = secret {
            self.producers.entry((scope.as_str(), secret)).or_default().push(node);
        }
    }

    /// A namespaced resource in the same namespace as the one that refers to it.
    #[must_use]
    pub fn beside(&self, scope: &Scope, group: &str, kind: &str, name: &str) -> Option<Node> {
        let candidates = self.candidates(group, kind, name);
        let found = candidates.binary_search_by(|node| self.manifests[*node].key.scope.cmp(scope));
        found.ok().map(|place| candidates[place])
    }

    /// A namespaced resource in the namespace that the reference names; in that of the referrer where it names none.
    /// Where there is none, one whose manifest leaves the namespace to the destination, which is likely to be that one.
    #[must_use]
    pub fn inside(&self, namespace: Option<&str>, scope: &Scope, group: &str, kind: &str, name: &str) -> Option<Node> {
        let Some(namespace) = namespace else { return self.beside(scope, group, kind, name) };
        let written = self.beside(&Scope::Namespace(namespace.to_owned()), group, kind, name);
        written.or_else(|| self.beside(&Scope::Unbound, group, kind, name))
    }

    /// The resources of one namespace whose names are this prefix and a number.
    pub fn numbered<'s>(
        &'s self,
        scope: &'s Scope,
        group: &str,
        kind: &str,
        prefix: &'s str,
    ) -> impl Iterator<Item = Node> + 's {
        let mut nodes = self.of_kind(group, kind);
        let key = |node: &Node| (&self.manifests[*node].key.scope, self.manifests[*node].key.name.as_str());
        let before = self.manifests[nodes.clone()]
            .partition_point(|other| (&other.key.scope, other.key.name.as_str()) < (scope, prefix));
        nodes.start += before;
        let number = move |node: &Node| key(node).1.strip_prefix(prefix).filter(|_| key(node).0 == scope);
        let is_number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
        nodes.take_while(move |node| number(node).is_some()).filter(move |node| number(node).is_some_and(is_number))
    }

    /// A resource of a kind without namespaces, whatever namespace its manifest names by mistake.
    #[must_use]
    pub fn cluster(&self, group: &str, kind: &str, name: &str) -> Option<Node> {
        self.candidates(group, kind, name).first().copied()
    }

    /// Whether a kind has namespaces, where that is known without a server.
    #[must_use]
    pub fn namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        if let Some((_, namespaced)) = self.definitions.get(&(group, kind)) {
            return *namespaced;
        }
        if CLUSTER_KINDS.contains(&(group, kind)) {
            return Some(false);
        }
        is_built_in_with_namespaces(group).then_some(true)
    }

    /// All resources of a kind.
    #[must_use]
    pub fn of_kind(&self, group: &str, kind: &str) -> Range<Node> {
        let compare =
            |manifest: &Manifest| (manifest.key.group.as_str(), manifest.key.kind.as_str()).cmp(&(group, kind));
        let first = self.manifests.partition_point(|manifest| compare(manifest).is_lt());
        let end = self.manifests.partition_point(|manifest| compare(manifest).is_le());
        first..end
    }

    /// The CRD of the set that defines this kind.
    #[must_use]
    pub fn definition(&self, group: &str, kind: &str) -> Option<Node> {
        self.definitions.get(&(group, kind)).map(|(node, _)| *node)
    }

    /// The APIService of the set that brings this group and version.
    #[must_use]
    pub fn api_service(&self, group: &str, version: &str) -> Option<Node> {
        self.api_services.get(&(group, version)).copied()
    }

    /// The bindings of the set that give rights to this ServiceAccount.
    #[must_use]
    pub fn bindings_of<'s>(&'s self, scope: &'s Scope, service_account: &'s str) -> &'s [Node] {
        self.bindings.get(&(scope.as_str(), service_account)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The objects of the set whose controllers make this Secret.
    #[must_use]
    pub fn producers_of<'s>(&'s self, scope: &'s Scope, secret: &'s str) -> &'s [Node] {
        self.producers.get(&(scope.as_str(), secret)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether no controller of the set is known to make what a reference names.
    #[must_use]
    pub fn nothing_makes(&self, scope: &Scope, kind: &str, name: &str) -> bool {
        !name.is_empty() && (kind != "Secret" || self.producers_of(scope, name).is_empty())
    }

    /// The ReferenceGrants of `namespace` that let this group, kind and namespace refer to this group, kind and name.
    pub fn grants<'s>(
        &'s self,
        namespace: &'s str,
        from: [&'s str; 3],
        [group, kind, name]: [&'s str; 3],
    ) -> impl Iterator<Item = Node> + 's {
        let to = [[group, kind, ""], [group, kind, name]];
        let found = to.into_iter().filter_map(move |to| self.grants.get(&(namespace, from, to)));
        found.flatten().copied()
    }

    fn candidates<'s>(&'s self, group: &'s str, kind: &'s str, name: &'s str) -> &'s [Node] {
        self.by_name.get(&(group, kind, name)).map(Vec::as_slice).unwrap_or_default()
    }
}

fn text_of<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}
