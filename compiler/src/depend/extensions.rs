//! References of the controllers that nearly every repository has: autoscalers, cert-manager, External Secrets,
//! Flux and Argo CD.
//!
//! All are awaited as present: these controllers try again, and what they name may well need something of ours first.

use crate::manifest::Manifest;

use super::reference::{self, Reference, Target};
use super::{Index, Rule, Sink, State, Strength};

const CERT_MANAGER: &str = "cert-manager.io";
const EXTERNAL_SECRETS: &str = "external-secrets.io";
const STORE: Target = Target::Object(EXTERNAL_SECRETS, "SecretStore");
const EXTERNAL_SECRET: &[&str] = &["ExternalSecret"];
const SOURCES: &str = "source.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const ARGO: &str = "argoproj.io";

pub(super) const SCALE_TARGET: Rule = Rule { name: "scale-target", version: 1, reason: "it scales that" };
pub(super) const ISSUER: Rule = Rule { name: "issuer", version: 1, reason: "that signs the certificate" };
pub(super) const ISSUER_SECRET: Rule =
    Rule { name: "issuer-secret", version: 1, reason: "it signs or signs in with it" };
pub(super) const SECRET_STORE: Rule = Rule { name: "secret-store", version: 1, reason: "its values come from there" };
pub(super) const FLUX_SOURCE: Rule = Rule { name: "flux-source", version: 1, reason: "its manifests come from there" };
pub(super) const FLUX_DEPENDS_ON: Rule = Rule { name: "flux-depends-on", version: 1, reason: "its dependsOn says so" };
pub(super) const ARGO_PROJECT: Rule = Rule { name: "argo-project", version: 1, reason: "it belongs to that project" };

const REFERENCES: &[Reference] = &[
    Reference::soft(
        "autoscaling",
        &["HorizontalPodAutoscaler"],
        "spec.scaleTargetRef",
        Target::Object("", ""),
        SCALE_TARGET,
    ),
    Reference::soft(
        "autoscaling.k8s.io",
        &["VerticalPodAutoscaler"],
        "spec.targetRef",
        Target::Object("", ""),
        SCALE_TARGET,
    ),
    Reference::soft(
        "keda.sh",
        &["ScaledObject"],
        "spec.scaleTargetRef",
        Target::Object("apps", "Deployment"),
        SCALE_TARGET,
    ),
    Reference::soft(
        CERT_MANAGER,
        &["Certificate", "CertificateRequest"],
        "spec.issuerRef",
        Target::Object(CERT_MANAGER, "Issuer"),
        ISSUER,
    ),
    Reference::soft(CERT_MANAGER, &["Issuer"], "spec.ca.secretName", Target::Beside("", "Secret"), ISSUER_SECRET),
    Reference::soft(EXTERNAL_SECRETS, EXTERNAL_SECRET, "spec.secretStoreRef", STORE, SECRET_STORE),
    Reference::soft(EXTERNAL_SECRETS, EXTERNAL_SECRET, "spec.data[*].sourceRef.storeRef", STORE, SECRET_STORE),
    Reference::soft(EXTERNAL_SECRETS, EXTERNAL_SECRET, "spec.dataFrom[*].sourceRef.storeRef", STORE, SECRET_STORE),
    Reference::soft(KUSTOMIZE, &["Kustomization"], "spec.sourceRef", Target::Object(SOURCES, ""), FLUX_SOURCE),
    Reference::soft(HELM, &["HelmRelease"], "spec.chart.spec.sourceRef", Target::Object(SOURCES, ""), FLUX_SOURCE),
    Reference::soft(HELM, &["HelmRelease"], "spec.chartRef", Target::Object(SOURCES, ""), FLUX_SOURCE),
    Reference::soft(SOURCES, &["HelmChart"], "spec.sourceRef", Target::Object(SOURCES, ""), FLUX_SOURCE),
    Reference::soft(
        KUSTOMIZE,
        &["Kustomization"],
        "spec.dependsOn[*]",
        Target::Object(KUSTOMIZE, "Kustomization"),
        FLUX_DEPENDS_ON,
    ),
    Reference::soft(HELM, &["HelmRelease"], "spec.dependsOn[*]", Target::Object(HELM, "HelmRelease"), FLUX_DEPENDS_ON),
    Reference::soft(ARGO, &["Application"], "spec.project", Target::Beside(ARGO, "AppProject"), ARGO_PROJECT),
    Reference::soft(
        ARGO,
        &["ApplicationSet"],
        "spec.template.spec.project",
        Target::Beside(ARGO, "AppProject"),
        ARGO_PROJECT,
    ),
];

pub(super) fn infer(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    reference::infer(REFERENCES, manifest, index, sink);
    issuer_secrets(manifest, index, sink);
}

/// Every `…SecretRef` of an Issuer, which has dozens of them, one or more for each provider. Those of a ClusterIssuer
/// are in a namespace that only cert-manager's own flags know.
fn issuer_secrets(manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    if !manifest.key.is(CERT_MANAGER, "Issuer") {
        return;
    }
    let Some(spec) = manifest.body.get("spec") else { return };
    // No recursion: manifests may be nested deeper than the program's stack. Each place knows the one above it.
    let mut places: Vec<(usize, &str)> = vec![(0, "spec")];
    let mut pending = vec![(spec, 0)];
    while let Some((value, place)) = pending.pop() {
        pending.extend(value.items().iter().map(|item| (item, place)));
        for (field, value) in value.as_map().into_iter().flatten() {
            places.push((place, field));
            let own = places.len() - 1;
            pending.push((value, own));
            if field.ends_with("SecretRef") || field == "secretRef" {
                let to = Target::Object("", "Secret").resolve(value, &manifest.key.scope, index);
                sink.add_at(to, State::Present, Strength::Soft, ISSUER_SECRET, || path(&places, own));
            }
        }
    }
}

/// `spec.acme.solvers.dns01.cloudflare.apiTokenSecretRef`
fn path(places: &[(usize, &str)], mut place: usize) -> String {
    let mut fields = Vec::new();
    while place != 0 {
        let (above, field) = places[place];
        fields.push(field);
        place = above;
    }
    fields.push("spec");
    fields.reverse();
    fields.join(".")
}
