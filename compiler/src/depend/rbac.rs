//! A binding waits for its role and for the ServiceAccounts that it names.
//!
//! The role is a hard edge: the API server resolves it to check for escalation.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::{Index, Rule, Sink, State, Strength};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) const ROLE: Rule = Rule { name: "role", version: 1, reason: "it grants that role" };
pub(super) const SUBJECT: Rule = Rule { name: "role-subject", version: 1, reason: "it grants rights to it" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let key = &manifest.key;
    if key.group != GROUP || !matches!(key.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
        return;
    }
    let role = |field: &str| manifest.body.at(&["roleRef", field]).and_then(Value::as_str).unwrap_or_default();
    let to = match role("kind") {
        "ClusterRole" => index.cluster(GROUP, "ClusterRole", role("name")),
        kind => index.beside(&key.scope, GROUP, kind, role("name")),
    };
    sink.add(to, State::Present, Strength::Hard, ROLE, "roleRef");
    for subject in manifest.body.get("subjects").map(Value::items).unwrap_or_default() {
        let text = |field: &str| subject.get(field).and_then(Value::as_str);
        if let (Some("ServiceAccount"), Some(name)) = (text("kind"), text("name")) {
            let to = index.inside(text("namespace"), &key.scope, "", "ServiceAccount", name);
            sink.add(to, State::Present, Strength::Soft, SUBJECT, format!("subjects[{name}]"));
        }
    }
}
