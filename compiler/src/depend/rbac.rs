//! A binding waits for its role and for the ServiceAccounts that it names; a ServiceAccount for its Secrets, and a
//! token for its ServiceAccount.
//!
//! The role is a hard edge: the API server resolves it to check for escalation. So is the account of a token: without
//! it the server refuses the token, or its controller deletes it.

use crate::canon::Value;
use crate::manifest::Manifest;

use super::reference::visit;
use super::{Index, Rule, Sink, State, Strength};

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) const ROLE: Rule = Rule { name: "role", version: 1, reason: "it grants that role" };
pub(super) const SUBJECT: Rule = Rule { name: "role-subject", version: 1, reason: "it grants rights to it" };
pub(super) const ACCOUNT_SECRET: Rule = Rule { name: "account-secret", version: 1, reason: "its pods get that Secret" };
pub(super) const ACCOUNT_OF_TOKEN: Rule =
    Rule { name: "account-of-token", version: 1, reason: "without that account the token is deleted" };

const TOKEN: &str = "kubernetes.io/service-account-token";
const ACCOUNT_OF: &str = "kubernetes.io/service-account.name";

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, manifests: &[Manifest], sink: &mut Sink<'_>) {
    match (manifest.key.group.as_str(), manifest.key.kind.as_str()) {
        (GROUP, _) => binding(manifest, index, sink),
        ("", "ServiceAccount") => account(manifest, index, manifests, sink),
        ("", "Secret") => {
            let to =
                account_of(manifest).and_then(|name| index.beside(&manifest.key.scope, "", "ServiceAccount", name));
            sink.add_at(to, State::Present, Strength::Hard, ACCOUNT_OF_TOKEN, || format!("annotation {ACCOUNT_OF}"));
        }
        _ => {}
    }
}

/// The account that a Secret is a token of.
fn account_of(secret: &Manifest) -> Option<&str> {
    let kind = secret.body.get("type").and_then(Value::as_str);
    if kind == Some(TOKEN) { secret.annotation(ACCOUNT_OF) } else { None }
}

fn account(manifest: &Manifest, index: &Index<'_>, manifests: &[Manifest], sink: &mut Sink<'_>) {
    for path in ["secrets[*].name", "imagePullSecrets[*].name"] {
        visit(&manifest.body, path, &mut |name, trail| {
            let to = name.as_str().and_then(|name| index.beside(&manifest.key.scope, "", "Secret", name));
            // A token waits for its account, and is in its list only because old servers put it there.
            let to = to.filter(|secret| account_of(&manifests[*secret]) != Some(manifest.key.name.as_str()));
            sink.add_at(to, State::Present, Strength::Soft, ACCOUNT_SECRET, || trail.to_string());
        });
    }
}

fn binding(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let key = &manifest.key;
    if !matches!(key.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
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
