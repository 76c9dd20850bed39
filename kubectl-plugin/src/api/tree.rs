//! The tree of an Application, as Argo CD's clients read it: its resources, and what those own. Pure.
//!
//! In: what the status has, what watches have seen, objects that others own. Out: nodes. Owners are found by kind and name in
//! the same namespace, since the uids of kinds that nobody watches are not known; or by uid alone.

use gitops_compiler::name::{ResourceKey, group_of};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::application::ResourceState;
use crate::apply::observe::Sighting;
use crate::health::Health;

/// The tree.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TreeJson {
    /// All nodes, parents before children.
    nodes: Vec<NodeJson>,
}

/// A node.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeJson {
    /// Which object.
    #[serde(flatten)]
    object: ReferenceJson,
    /// Who owns it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parent_refs: Vec<ReferenceJson>,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    resource_version: String,
    /// Images of its containers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    /// How it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<NodeHealthJson>,
    /// Since when it is there.
    #[serde(skip_serializing_if = "String::is_empty")]
    created_at: String,
}

/// An object, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ReferenceJson {
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    /// Its kind.
    kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    /// Its name.
    name: String,
    /// Its uid, where it is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    uid: String,
}

/// How a node does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct NodeHealthJson {
    /// In a word.
    status: String,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

/// An object that another owns.
pub(super) struct Owned {
    /// What of it is told.
    object: Json,
    /// How it does.
    health: Health,
}

impl Owned {
    /// Keeps of an object what is told of it: there may be thousands.
    pub(super) fn of(object: &Json, health: Health) -> Self {
        let metadata = |name: &str| object["metadata"][name].clone();
        let images = object["spec"]["containers"].as_array().into_iter().flatten();
        let containers: Vec<Json> = images.map(|container| json!({"image": container["image"]})).collect();
        let object = json!({
            "apiVersion": object["apiVersion"], "kind": object["kind"], "spec": {"containers": containers},
            "metadata": {
                "name": metadata("name"), "namespace": metadata("namespace"), "uid": metadata("uid"),
                "resourceVersion": metadata("resourceVersion"), "ownerReferences": metadata("ownerReferences"),
                "creationTimestamp": metadata("creationTimestamp"),
            },
        });
        Self { object, health }
    }

    /// What is told of it.
    pub(super) fn object(&self) -> &Json {
        &self.object
    }

    /// Its namespace and name.
    pub(super) fn place(object: &Json) -> (String, String) {
        let text = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
        (text("namespace"), text("name"))
    }
}

/// By what an owner is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parents {
    /// By its uid, and by its name where that is not known.
    ByName,
    /// By its uid alone.
    ByUid,
}

/// The tree. `owned` has owners before what they own.
pub(super) fn tree<'a>(
    resources: &[ResourceState],
    live: &dyn Fn(&ResourceKey) -> Option<Sighting>,
    known: Parents,
    owned: impl Iterator<Item = &'a Owned>,
) -> TreeJson {
    let mut nodes: Vec<NodeJson> = resources.iter().map(|resource| root(resource, live)).collect();
    for one in owned {
        let parents: Vec<ReferenceJson> = {
            let owners = one.object["metadata"]["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_owner = |node: &&NodeJson| owners.iter().any(|owner| node.is(owner, known, &one.object));
            nodes.iter().filter(is_owner).map(|node| node.object.clone()).collect()
        };
        if !parents.is_empty() {
            nodes.push(child(one, parents));
        }
    }
    TreeJson { nodes }
}

fn root(resource: &ResourceState, live: &dyn Fn(&ResourceKey) -> Option<Sighting>) -> NodeJson {
    let ResourceState { group, version, kind, namespace, name, .. } = resource.clone();
    let seen = live(&ResourceKey::new(&group, &kind, &namespace, &name));
    let (uid, resource_version) = seen.map(|seen| (seen.uid, seen.resource_version)).unwrap_or_default();
    let health = resource.health.clone();
    NodeJson {
        object: ReferenceJson { group, version, kind, namespace, name, uid },
        parent_refs: Vec::new(),
        resource_version,
        images: Vec::new(),
        health: health.map(|health| NodeHealthJson { status: health.status, message: health.message }),
        created_at: String::new(),
    }
}

fn child(owned: &Owned, parent_refs: Vec<ReferenceJson>) -> NodeJson {
    let text = |pointer: &str| owned.object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let api_version = text("/apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let containers = owned.object["spec"]["containers"].as_array().into_iter().flatten();
    NodeJson {
        object: ReferenceJson {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
        },
        parent_refs,
        resource_version: text("/metadata/resourceVersion"),
        images: containers.filter_map(|container| container["image"].as_str().map(str::to_owned)).collect(),
        health: Some(NodeHealthJson { status: owned.health.status.to_string(), message: owned.health.message.clone() }),
        created_at: text("/metadata/creationTimestamp"),
    }
}

impl NodeJson {
    /// Whether an object names this one as its owner.
    fn is(&self, owner: &Json, known: Parents, below: &Json) -> bool {
        let group = group_of(owner["apiVersion"].as_str().unwrap_or_default());
        let ReferenceJson { group: own, kind, namespace, name, uid, .. } = &self.object;
        own == group
            && owner["kind"] == kind.as_str()
            && owner["name"] == name.as_str()
            && below["metadata"]["namespace"] == namespace.as_str()
            && (uid.is_empty() && known == Parents::ByName || owner["uid"] == uid.as_str() && !uid.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::Status;

    fn owned(api_version: &str, kind: &str, name: &str, owner: (&str, &str, &str)) -> Owned {
        let (version, of, by) = owner;
        let object = json!({
            "apiVersion": api_version, "kind": kind, "spec": {"containers": [{"image": "i"}]},
            "metadata": {
                "name": name, "namespace": "n", "uid": format!("u-{name}"),
                "ownerReferences": [{"apiVersion": version, "kind": of, "name": by, "uid": format!("u-{by}")}],
            },
        });
        Owned::of(&object, Health::new(Status::Healthy, ""))
    }

    #[test]
    fn what_is_owned_hangs_below_its_owner_and_nothing_else_is_there() {
        let deployment = ResourceState {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: "n".to_owned(),
            name: "d".to_owned(),
            ..ResourceState::default()
        };
        let all = [
            owned("apps/v1", "ReplicaSet", "r", ("apps/v1", "Deployment", "d")),
            owned("apps/v1", "ReplicaSet", "other", ("apps/v1", "Deployment", "x")),
            owned("v1", "Pod", "p", ("apps/v1", "ReplicaSet", "r")),
            owned("v1", "Pod", "q", ("apps/v1", "ReplicaSet", "other")),
            owned("v1", "Pod", "s", ("batch/v1", "Deployment", "d")),
        ];
        let by_uid = tree(std::slice::from_ref(&deployment), &|_| None, Parents::ByUid, all.iter());
        assert_eq!(by_uid.nodes.len(), 1, "the uid of the owner is not known");
        let tree = tree(&[deployment], &|_| None, Parents::ByName, all.iter());
        let tree = serde_json::to_value(tree).expect("JSON");
        let nodes = tree["nodes"].as_array().expect("nodes");
        let told: Vec<(&str, &str)> = nodes
            .iter()
            .map(|node| (node["name"].as_str().unwrap_or(""), node["parentRefs"][0]["name"].as_str().unwrap_or("")))
            .collect();
        assert_eq!(told, [("d", ""), ("r", "d"), ("p", "r")]);
        assert_eq!((&nodes[2]["images"], &nodes[2]["health"]["status"]), (&json!(["i"]), &json!("Healthy")));
        assert!(nodes[2].get("group").is_none() && nodes[2]["version"] == "v1");
    }
}
