//! Fields that cannot change once an object is there.
//!
//! In: a step with the fields that it changes. Out: the first of these that the API server would refuse to change, as far as
//! the graphs tell: what the server has set by default is not seen here, and it has the last word. The rules are those of
//! `ValidateUpdate` of Kubernetes 1.37's own kinds.

use crate::canon::Value;
use crate::diff::{FieldChange, quantity};
use crate::name::ResourceKey;

use super::{Action, Step};

/// Which changes of a kind are refused.
enum Fixed {
    /// Those of these fields, and of what is in them.
    These(&'static [&'static str]),
    /// Those of `spec`, but for these fields.
    SpecBut(&'static [&'static str]),
    /// All of the data, where the object says `immutable: true`, and these fields.
    DataAnd(&'static [&'static str]),
}

const RULES: [(&str, &str, Fixed); 18] = [
    ("", "ConfigMap", Fixed::DataAnd(&[])),
    (
        "",
        "PersistentVolumeClaim",
        Fixed::SpecBut(&["spec.resources", "spec.volumeAttributesClassName", "spec.volumeName"]),
    ),
    (
        "",
        "Pod",
        Fixed::SpecBut(&[
            "spec.containers[*].image",
            "spec.initContainers[*].image",
            "spec.activeDeadlineSeconds",
            "spec.terminationGracePeriodSeconds",
            "spec.tolerations",
        ]),
    ),
    ("", "Secret", Fixed::DataAnd(&["type"])),
    ("", "Service", Fixed::These(&["spec.clusterIP", "spec.clusterIPs"])),
    ("apiextensions.k8s.io", "CustomResourceDefinition", Fixed::These(&["spec.group", "spec.scope"])),
    ("apps", "DaemonSet", Fixed::These(&["spec.selector"])),
    ("apps", "Deployment", Fixed::These(&["spec.selector"])),
    ("apps", "ReplicaSet", Fixed::These(&["spec.selector"])),
    (
        "apps",
        "StatefulSet",
        Fixed::SpecBut(&[
            "spec.replicas",
            "spec.ordinals",
            "spec.template",
            "spec.updateStrategy",
            "spec.revisionHistoryLimit",
            "spec.persistentVolumeClaimRetentionPolicy",
            "spec.minReadySeconds",
        ]),
    ),
    (
        "batch",
        "Job",
        Fixed::These(&[
            "spec.selector",
            "spec.template",
            "spec.completionMode",
            "spec.podFailurePolicy",
            "spec.managedBy",
        ]),
    ),
    ("networking.k8s.io", "IngressClass", Fixed::These(&["spec.controller"])),
    ("node.k8s.io", "RuntimeClass", Fixed::These(&["handler"])),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding", Fixed::These(&["roleRef"])),
    ("rbac.authorization.k8s.io", "RoleBinding", Fixed::These(&["roleRef"])),
    ("scheduling.k8s.io", "PriorityClass", Fixed::These(&["value", "preemptionPolicy"])),
    ("storage.k8s.io", "CSIDriver", Fixed::These(&["spec.attachRequired", "spec.volumeLifecycleModes"])),
    (
        "storage.k8s.io",
        "StorageClass",
        Fixed::These(&["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"]),
    ),
];

/// Kinds of which nothing is lost when an object is deleted and made again at once: nothing runs in them, is reached through
/// them, or is kept by them. A Job or a bare Pod that changes is meant to run anew.
const HARMLESS: [(&str, &str); 10] = [
    ("", "ConfigMap"),
    ("", "Pod"),
    ("", "Secret"),
    ("batch", "Job"),
    ("networking.k8s.io", "IngressClass"),
    ("node.k8s.io", "RuntimeClass"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("rbac.authorization.k8s.io", "RoleBinding"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("storage.k8s.io", "StorageClass"),
];

/// The first field of a step that cannot change.
#[must_use]
pub fn changed(step: &Step) -> Option<String> {
    let (_, body) = step.desired.as_ref().filter(|_| step.action == Action::Update)?;
    field(&step.key, body, step.changes.iter())
}

/// The first of the fields in which an object becomes `body` that cannot change.
#[must_use]
pub fn field<'a>(
    key: &ResourceKey,
    body: &Value,
    mut changes: impl Iterator<Item = &'a FieldChange> + Clone,
) -> Option<String> {
    let (_, _, fixed) = RULES.iter().find(|(group, kind, _)| key.is(group, kind))?;
    let all = changes.clone();
    let is_fixed = |change: &&FieldChange| {
        let path = plain(&change.path);
        // What one side leaves to the server may be what the server has.
        let is_known = change.old.is_some() && change.new.is_some();
        match fixed {
            Fixed::These(fields) => fields.iter().any(|field| is_in(&path, field)) && (is_known || is_deep(&path)),
            Fixed::SpecBut(fields) => {
                let is_free = fields.iter().any(|field| is_in(&path, field));
                is_in(&path, "spec") && is_known && (!is_free || shrinks(key, change))
            }
            Fixed::DataAnd(fields) => {
                let is_immutable = body.get("immutable") == Some(&Value::Bool(true))
                    && !all.clone().any(|change| change.path == "immutable");
                let is_data = ["data", "binaryData"].iter().any(|field| is_in(&path, field));
                (is_immutable && is_data) || (is_known && fields.iter().any(|field| is_in(&path, field)))
            }
        }
    };
    changes.find(is_fixed).map(|change| change.path.clone())
}

/// Whether a claim asks for less than before: it can only grow.
fn shrinks(key: &ResourceKey, change: &FieldChange) -> bool {
    let is_storage = key.is("", "PersistentVolumeClaim") && change.path == "spec.resources.requests.storage";
    let sizes = quantity(change.old.as_ref()).zip(quantity(change.new.as_ref()));
    is_storage && sizes.is_some_and(|(old, new)| new < old)
}

/// Whether objects of a kind may be deleted and made again without a word.
#[must_use]
pub fn is_harmless(key: &ResourceKey) -> bool {
    HARMLESS.iter().any(|(group, kind)| key.is(group, kind))
}

/// A path with `[*]` for every item of a list.
fn plain(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut depth = 0_usize;
    for letter in path.chars() {
        match letter {
            '[' if depth == 0 => {
                plain.push_str("[*]");
                depth = 1;
            }
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            letter if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}

fn is_in(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether a field is inside of one that manifests write as a whole, so that none of it is the server's.
fn is_deep(path: &str) -> bool {
    is_in(path, "spec.template") || is_in(path, "spec.selector") || is_in(path, "parameters")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Body;
    use crate::manifest::Policy;
    use crate::plan::Cause;
    use serde_json::json;

    fn first(group: &str, kind: &str, old: serde_json::Value, new: serde_json::Value) -> Option<String> {
        let key = ResourceKey::new(group, kind, "shop", "a");
        let (old, new): (Value, Value) = (old.into(), new.into());
        let changes = crate::diff::bodies(&key, &old, &new);
        let body = Body::new(new);
        let desired = Some((body.id(), body));
        let (action, cause, policy) = (Action::Update, Cause::Changed, Policy::default());
        changed(&Step {
            key,
            action,
            cause,
            desired,
            uid: None,
            made_by_us: true,
            changes,
            layer: 0,
            hook: None,
            policy,
        })
    }

    #[test]
    fn what_the_server_would_refuse_is_known_beforehand() {
        let selector = |app: &str| json!({"spec": {"selector": {"matchLabels": {"app": app}}, "replicas": 1}});
        assert_eq!(
            first("apps", "Deployment", selector("a"), selector("b")).as_deref(),
            Some("spec.selector.matchLabels.app")
        );
        assert_eq!(
            first("apps", "Deployment", json!({"spec": {"replicas": 1}}), json!({"spec": {"replicas": 2}})),
            None
        );
        let job =
            |image: &str| json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}});
        assert!(first("batch", "Job", job("a:1"), job("a:2")).is_some());
        let pod = |image: &str, node: &str| json!({"spec": {"nodeName": node, "containers": [{"name": "a", "image": image}]}});
        assert_eq!(first("", "Pod", pod("a:1", "n"), pod("a:2", "n")), None);
        assert_eq!(first("", "Pod", pod("a:1", "n"), pod("a:1", "m")).as_deref(), Some("spec.nodeName"));
        let config = |immutable: bool, value: &str| json!({"immutable": immutable, "data": {"a": value}});
        assert!(first("", "ConfigMap", config(true, "1"), config(true, "2")).is_some());
        assert_eq!(
            first("", "ConfigMap", config(false, "1"), config(true, "2")),
            None,
            "it becomes so with this change"
        );
        let claim = |size: &str, class: &str| json!({"spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}}});
        assert_eq!(first("", "PersistentVolumeClaim", claim("1Gi", "a"), claim("2Gi", "a")), None);
        assert!(first("", "PersistentVolumeClaim", claim("1Gi", "a"), claim("1Gi", "b")).is_some());
        assert!(first("", "PersistentVolumeClaim", claim("1Gi", "a"), claim("900Mi", "a")).is_some());
        assert_eq!(first("", "PersistentVolumeClaim", claim("1Gi", "a"), claim("1024Mi", "a")), None);
        assert_eq!(first("", "Service", json!({"spec": {}}), json!({"spec": {"clusterIP": "10.0.0.9"}})), None);
    }
}
