//! Autoscalers, cert-manager, External Secrets, Flux and Argo CD.

use super::*;

#[test]
fn autoscalers_wait_for_what_they_scale() {
    let target = |api_version: &str| json!({"apiVersion": api_version, "kind": "Deployment", "name": "d"});
    let documents = json!([
        resource("autoscaling/v2", "HorizontalPodAutoscaler", "h", json!({"scaleTargetRef": target("apps/v1")})),
        resource("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", "v", json!({"targetRef": target("apps/v1")})),
        resource("keda.sh/v1alpha1", "ScaledObject", "s", json!({"scaleTargetRef": {"name": "d"}})),
        deployment(json!({})),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    HorizontalPodAutoscaler h -> Deployment d (scale-target) present soft [spec.scaleTargetRef]
    VerticalPodAutoscaler v -> Deployment d (scale-target) present soft [spec.targetRef]
    ScaledObject.keda.sh s -> Deployment d (scale-target) present soft [spec.scaleTargetRef]
    ");
}

#[test]
fn an_autoscaler_of_another_group_or_place_scales_something_else() {
    let target = |api_version: &str| json!({"apiVersion": api_version, "kind": "Deployment", "name": "d"});
    let documents = json!([
        resource("autoscaling/v2", "HorizontalPodAutoscaler", "h", json!({"scaleTargetRef": target("example.com/v1")})),
        resource("autoscaling/v2", "HorizontalPodAutoscaler", "o/h", json!({"scaleTargetRef": target("apps/v1")})),
        resource(
            "keda.sh/v1alpha1",
            "ScaledObject",
            "s",
            json!({"scaleTargetRef": {"name": "d", "kind": "StatefulSet"}})
        ),
        deployment(json!({})),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn certificates_wait_for_their_issuers_and_issuers_for_their_secrets() {
    let solver = json!({"dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "cloudflare", "key": "token"}}}});
    let documents = json!([
        resource("cert-manager.io/v1", "Certificate", "a", json!({"issuerRef": {"name": "ca"}})),
        resource(
            "cert-manager.io/v1",
            "Certificate",
            "b",
            json!({"issuerRef": {"name": "acme", "kind": "ClusterIssuer"}})
        ),
        resource("cert-manager.io/v1", "Issuer", "ca", json!({"ca": {"secretName": "ca"}})),
        resource("cert-manager.io/v1", "Issuer", "dns", json!({"acme": {"solvers": [solver]}})),
        resource("cert-manager.io/v1", "ClusterIssuer", "acme", json!({"acme": {"solvers": [solver]}})),
        object("v1", "Secret", "ca"),
        object("v1", "Secret", "cloudflare"),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    Certificate.cert-manager.io a -> Issuer.cert-manager.io ca (issuer) present soft [spec.issuerRef]
    Certificate.cert-manager.io b -> ClusterIssuer.cert-manager.io acme (issuer) present soft [spec.issuerRef]
    Issuer.cert-manager.io ca -> Secret ca (issuer-secret) present soft [spec.ca.secretName]
    Issuer.cert-manager.io dns -> Secret cloudflare (issuer-secret) present soft [spec.acme.solvers.dns01.cloudflare.apiTokenSecretRef]
    ");
}

#[test]
fn an_issuer_of_another_group_or_namespace_is_not_meant() {
    let documents = json!([
        resource("cert-manager.io/v1", "Certificate", "a", json!({"issuerRef": {"name": "ca", "group": "acme.io"}})),
        resource("cert-manager.io/v1", "Certificate", "o/b", json!({"issuerRef": {"name": "ca"}})),
        resource("cert-manager.io/v1", "Issuer", "ca", json!({"selfSigned": {}})),
        resource(
            "cert-manager.io/v1",
            "Issuer",
            "o/dns",
            json!({"vault": {"auth": {"tokenSecretRef": {"name": "t"}}}})
        ),
        object("v1", "Secret", "t"),
    ]);
    assert_eq!(edges(documents), NONE);
}

#[test]
fn external_secrets_wait_for_their_stores() {
    let spec = json!({
        "secretStoreRef": {"name": "vault"},
        "data": [{"secretKey": "a", "sourceRef": {"storeRef": {"name": "aws", "kind": "ClusterSecretStore"}}}],
    });
    let documents = json!([
        resource("external-secrets.io/v1", "ExternalSecret", "shop/e", spec),
        resource("external-secrets.io/v1", "SecretStore", "shop/vault", json!({})),
        resource("external-secrets.io/v1", "SecretStore", "other/vault", json!({})),
        resource("external-secrets.io/v1", "SecretStore", "shop/aws", json!({})),
        resource("external-secrets.io/v1", "ClusterSecretStore", "aws", json!({})),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "ExternalSecret.external-secrets.io shop/e -> ClusterSecretStore.external-secrets.io aws (secret-store) \
             present soft [spec.data[0].sourceRef.storeRef]",
            "ExternalSecret.external-secrets.io shop/e -> SecretStore.external-secrets.io shop/vault (secret-store) \
             present soft [spec.secretStoreRef]",
        ]
    );
}

#[test]
fn flux_objects_wait_for_their_sources_and_for_each_other() {
    const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io/v1";
    const HELM: &str = "helm.toolkit.fluxcd.io/v2";
    const SOURCE: &str = "source.toolkit.fluxcd.io/v1";
    let git = json!({"kind": "GitRepository", "name": "repo", "namespace": "flux-system"});
    let chart = json!({"chart": {"spec": {"sourceRef": {"kind": "HelmRepository", "name": "charts"}}},
                       "dependsOn": [{"name": "crds", "namespace": "infra"}]});
    let documents = json!([
        resource(KUSTOMIZE, "Kustomization", "shop/apps", json!({"sourceRef": git, "dependsOn": [{"name": "base"}]})),
        resource(KUSTOMIZE, "Kustomization", "shop/base", json!({})),
        resource(KUSTOMIZE, "Kustomization", "other/base", json!({})),
        resource(HELM, "HelmRelease", "shop/web", chart),
        resource(HELM, "HelmRelease", "infra/crds", json!({"chartRef": {"kind": "OCIRepository", "name": "crds"}})),
        resource(SOURCE, "GitRepository", "flux-system/repo", json!({})),
        resource(SOURCE, "GitRepository", "shop/repo", json!({})),
        resource(SOURCE, "HelmRepository", "shop/charts", json!({})),
        resource(SOURCE, "OCIRepository", "infra/crds", json!({})),
        resource(SOURCE, "OCIRepository", "shop/crds", json!({})),
    ]);
    insta::assert_snapshot!(whole_edges(documents).join("\n"), @r"
    HelmRelease.helm.toolkit.fluxcd.io infra/crds -> OCIRepository.source.toolkit.fluxcd.io infra/crds (flux-source) present soft [spec.chartRef]
    HelmRelease.helm.toolkit.fluxcd.io shop/web -> HelmRelease.helm.toolkit.fluxcd.io infra/crds (flux-depends-on) present soft [spec.dependsOn[crds]]
    HelmRelease.helm.toolkit.fluxcd.io shop/web -> HelmRepository.source.toolkit.fluxcd.io shop/charts (flux-source) present soft [spec.chart.spec.sourceRef]
    Kustomization.kustomize.toolkit.fluxcd.io shop/apps -> Kustomization.kustomize.toolkit.fluxcd.io shop/base (flux-depends-on) present soft [spec.dependsOn[base]]
    Kustomization.kustomize.toolkit.fluxcd.io shop/apps -> GitRepository.source.toolkit.fluxcd.io flux-system/repo (flux-source) present soft [spec.sourceRef]
    ");
}

#[test]
fn argo_applications_wait_for_their_project() {
    const ARGO: &str = "argoproj.io/v1alpha1";
    let documents = json!([
        resource(ARGO, "Application", "argocd/shop", json!({"project": "team"})),
        resource(ARGO, "Application", "elsewhere/shop", json!({"project": "team"})),
        resource(ARGO, "ApplicationSet", "argocd/all", json!({"template": {"spec": {"project": "team"}}})),
        resource(ARGO, "AppProject", "argocd/team", json!({})),
        resource("example.com/v1", "AppProject", "elsewhere/team", json!({})),
    ]);
    assert_eq!(
        whole_edges(documents),
        [
            "Application.argoproj.io argocd/shop -> AppProject.argoproj.io argocd/team (argo-project) present soft \
             [spec.project]",
            "ApplicationSet.argoproj.io argocd/all -> AppProject.argoproj.io argocd/team (argo-project) present soft \
             [spec.template.spec.project]",
        ]
    );
}
