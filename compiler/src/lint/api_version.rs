//! API versions that are not served any more, and those that will not be: Kubernetes' own, and of the
//! CustomResourceDefinitions among the manifests.

use std::collections::HashMap;

use crate::canon::Value;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Definition, Manifest};
use crate::name::KubernetesVersion;

use super::lifecycle::Lifecycle;

/// The bodies of definitions, by group and kind.
type Definitions<'a> = HashMap<(&'a str, &'a str), &'a Value>;

/// Looks at the versions of all manifests, as Kubernetes of this version has them.
pub(super) fn check(manifests: &[Manifest], version: KubernetesVersion, findings: &mut Vec<Diagnostic>) {
    let defined = definitions(manifests);
    for manifest in manifests {
        let api_version = manifest.body.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let own = of_kubernetes(api_version, &manifest.key.kind, version);
        let found =
            own.or_else(|| of_definition(api_version, manifest, &defined).map(|words| ("deprecated-api", words)));
        if let Some((lint, message)) = found {
            findings.push(Diagnostic::lint(manifest.origin.clone(), lint, message));
        }
    }
}

fn of_kubernetes(api_version: &str, kind: &str, version: KubernetesVersion) -> Option<(&'static str, String)> {
    let lifecycle = Lifecycle::of(api_version, kind).filter(|lifecycle| lifecycle.deprecated <= version)?;
    let instead = lifecycle.instead(kind, api_version, version).unwrap_or_else(|| "nothing takes its place".to_owned());
    let Lifecycle { deprecated, removed, .. } = lifecycle;
    Some(match removed {
        Some(removed) if removed <= version => {
            ("removed-api", format!("{kind} of {api_version} is not served since Kubernetes {removed}: {instead}"))
        }
        Some(removed) => {
            let when = format!("since Kubernetes {deprecated}, and not served from {removed} on");
            ("deprecated-api", format!("{kind} of {api_version} is deprecated {when}: {instead}"))
        }
        None => (
            "deprecated-api",
            format!("{kind} of {api_version} is deprecated since Kubernetes {deprecated}: {instead}"),
        ),
    })
}

fn definitions(manifests: &[Manifest]) -> Definitions<'_> {
    let bodies = manifests.iter().filter_map(|manifest| {
        let Definition { group, kind, .. } = Definition::of(&manifest.key, &manifest.body)?;
        Some(((group, kind), &manifest.body))
    });
    bodies.collect()
}

/// What the definition of a custom kind says of a version that it calls deprecated.
fn of_definition(api_version: &str, manifest: &Manifest, defined: &Definitions<'_>) -> Option<String> {
    if defined.is_empty() {
        return None;
    }
    let kind = manifest.key.kind.as_str();
    let definition = defined.get(&(manifest.key.group.as_str(), kind))?;
    let (group, name) = api_version.split_once('/')?;
    let versions = definition.at(&["spec", "versions"]).map(Value::items).unwrap_or_default();
    let named = |version: &&Value| version.get("name").and_then(Value::as_str) == Some(name);
    let is = |version: &Value, flag: &str| version.get(flag).and_then(Value::as_bool) == Some(true);
    let version = versions.iter().find(named).filter(|version| is(version, "deprecated"))?;
    let others = versions.iter().filter(|version| is(version, "served") && !is(version, "deprecated"));
    let others: Vec<String> =
        others.filter_map(|version| Some(format!("{group}/{}", version.get("name")?.as_str()?))).collect();
    Some(match version.get("deprecationWarning").and_then(Value::as_str) {
        Some(warning) => format!("{kind} of {api_version} is deprecated: {}", one_line(warning)),
        None if others.is_empty() => format!("{kind} of {api_version} is deprecated"),
        None => format!("{kind} of {api_version} is deprecated: use {}", others.join(" or ")),
    })
}

/// The server takes no more than 256 characters, and neither do we.
fn one_line(text: &str) -> String {
    text.chars().take(256).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    fn told(text: &str, minor: u32) -> Vec<String> {
        let (manifests, _) = manifest::read("a.yaml", text.as_bytes());
        let mut findings = Vec::new();
        check(&manifests, KubernetesVersion::of_minor(minor), &mut findings);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_version_is_fine_then_deprecated_then_removed() {
        let text = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n";
        assert_eq!(told(text, 20), [""; 0]);
        let kind = "PodDisruptionBudget of policy/v1beta1";
        assert_eq!(
            told(text, 24),
            [format!(
                "a.yaml:1: warning[deprecated-api]: {kind} is deprecated since Kubernetes 1.21, and not served from 1.25 \
                 on: use policy/v1"
            )]
        );
        let removed =
            format!("a.yaml:1: warning[removed-api]: {kind} is not served since Kubernetes 1.25: use policy/v1");
        assert_eq!(told(text, 25), [removed]);
    }

    #[test]
    fn the_stable_can_be_deprecated_for_good() {
        let text = "{apiVersion: v1, kind: Endpoints, metadata: {name: a}}";
        let words = "Endpoints of v1 is deprecated since Kubernetes 1.33: use EndpointSlice of discovery.k8s.io/v1";
        assert_eq!(told(text, 37), [format!("a.yaml:1: warning[deprecated-api]: {words}")]);
    }

    #[test]
    fn definitions_say_what_is_deprecated() {
        let text = |old: &str| {
            format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: things.acme.io}}\n\
                 spec:\n  group: acme.io\n  names: {{kind: Thing, plural: things}}\n  versions:\n  \
                 - {{name: v1alpha1, served: true, {old}}}\n  - {{name: v1, served: true}}\n---\n\
                 {{apiVersion: acme.io/v1, kind: Thing, metadata: {{name: a}}}}\n---\n\
                 {{apiVersion: acme.io/v1alpha1, kind: Thing, metadata: {{name: b}}}}\n"
            )
        };
        assert_eq!(told(&text("deprecated: false"), 37), [""; 0]);
        let words = "a.yaml:13: warning[deprecated-api]: Thing of acme.io/v1alpha1 is deprecated: ";
        assert_eq!(told(&text("deprecated: true"), 37), [format!("{words}use acme.io/v1")]);
        let warning = "deprecated: true, deprecationWarning: \"use v1,\\nplease\"";
        assert_eq!(told(&text(warning), 37), [format!("{words}use v1, please")]);
    }
}
