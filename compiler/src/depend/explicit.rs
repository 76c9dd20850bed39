//! `config.kubernetes.io/depends-on`, as cli-utils, kpt, Config Sync and Pulumi read it.
//!
//! `config.kubernetes.io/apply-time-mutation`, which they also read, is an error: it would fill in fields from other
//! objects while it applies, and an object without them is not the one that was meant.
//!
//! A comma list of `group/kind/name` (no namespace) or `group/namespaces/namespace/kind/name`; the core group is
//! empty, so that its references begin with a slash. A reference outside the set is an error, as it is there.

use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::name::Scope;

use super::{Index, Node, Rule, Sink, State, Strength};

const ANNOTATION: &str = "config.kubernetes.io/depends-on";
const MUTATION: &str = "config.kubernetes.io/apply-time-mutation";

pub(super) const DEPENDS_ON: Rule = Rule { name: "depends-on", version: 1, reason: "its annotation says so" };

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>, findings: &mut Vec<Diagnostic>) {
    if manifest.annotation(MUTATION).is_some_and(|text| !text.trim().is_empty()) {
        let message = format!(
            "{}: {MUTATION} is not supported: the object would be applied without its values; write them into the \
             manifest",
            manifest.key
        );
        findings.push(Diagnostic::error(manifest.origin.clone(), message));
    }
    let Some(annotation) = manifest.annotation(ANNOTATION) else { return };
    let mut seen = Vec::new();
    for reference in annotation.split(',').map(str::trim) {
        let found =
            if seen.contains(&reference) { Err("it is there twice") } else { resolve(reference, index, sink.node) };
        seen.push(reference);
        match found {
            Ok(to) => sink.add(Some(to), State::Ready, Strength::Hard, DEPENDS_ON, format!("annotation {ANNOTATION}")),
            Err(reason) => {
                let message = format!("{}: {ANNOTATION}: `{reference}`: {reason}", manifest.key);
                findings.push(Diagnostic::error(manifest.origin.clone(), message));
            }
        }
    }
}

/// The resource that a reference names, or what is wrong with it.
fn resolve(reference: &str, index: &Index<'_>, own: Node) -> Result<Node, &'static str> {
    const MALFORMED: &str = "write group/kind/name or group/namespaces/namespace/kind/name of another object";
    let parts: Vec<&str> = reference.split('/').collect();
    let found = match parts[..] {
        [group, kind, name] if !kind.is_empty() && !name.is_empty() => index.cluster(group, kind, name),
        [group, "namespaces", namespace, kind, name] if ![namespace, kind, name].contains(&"") => {
            index.inside(Some(namespace), &Scope::Unbound, group, kind, name)
        }
        _ => return Err(MALFORMED),
    };
    match found {
        Some(node) if node == own => Err(MALFORMED),
        Some(node) => Ok(node),
        None => Err("there is no such object in this application"),
    }
}
