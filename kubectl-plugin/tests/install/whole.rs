//! Objects with every field that there is.

/// An Application.
pub(crate) const APPLICATION: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: whole
spec:
  project: shop
  destination: {server: https://kubernetes.default.svc, namespace: shop}
  sources:
    - repoURL: https://git.example.com/shop/deploy
      path: plain
      targetRevision: ">=1 <2"
      tagPrefix: shop-
      ref: values
      name: plain
      directory:
        recurse: true
        include: "{*.yaml,*.jsonnet}"
        exclude: secret/*
        jsonnet:
          extVars: [{name: a, value: "1", code: true}]
          tlas: [{name: b, value: x}]
          libs: [vendor]
    - repoURL: https://git.example.com/shop/deploy
      path: overlay
      kustomize:
        namePrefix: a-
        nameSuffix: -b
        namespace: shop
        images: ["web=registry.example.com/web:2"]
        replicas: [{name: web, count: 2}, {name: cart, count: "3"}]
        commonLabels: {team: shop}
        commonAnnotations: {revision: $ARGOCD_APP_REVISION}
        commonAnnotationsEnvsubst: true
        labelWithoutSelector: true
        labelIncludeTemplates: true
        forceCommonLabels: true
        forceCommonAnnotations: true
        components: [../tls]
        ignoreMissingComponents: true
        patches:
          - path: patch.yaml
            options: {allowNameChange: true}
            target:
              group: apps
              version: v1
              kind: Deployment
              name: web
              namespace: shop
              labelSelector: app=web
              annotationSelector: a=b
          - patch: "- {op: remove, path: /spec/replicas}"
        version: v5.7.0
        kubeVersion: 1.37.0
        apiVersions: [monitoring.coreos.com/v1]
    - repoURL: https://charts.example.com
      chart: web
      targetRevision: 1.2.3
      helm:
        valueFiles: [values.yaml, $values/plain/values.yaml]
        values: "a: 1"
        valuesObject: {any: {thing: [1, {goes: true}], "nothing": x}}
        parameters: [{name: a.b, value: "1", forceString: true}]
        fileParameters: [{name: c, path: c.txt}]
        releaseName: web
        namespace: shop
        version: v3
        passCredentials: true
        ignoreMissingValueFiles: true
        skipCrds: true
        skipTests: true
        skipSchemaValidation: true
        kubeVersion: 1.37.0
        apiVersions: [monitoring.coreos.com/v1]
  syncPolicy:
    automated: {enabled: true, prune: true, selfHeal: true, allowEmpty: true}
    syncOptions: [CreateNamespace=true]
    retry: {limit: -1, refresh: true, backoff: {duration: 5s, factor: 2, maxDuration: 3m}}
    managedNamespaceMetadata: {labels: {a: b}, annotations: {c: d}}
  ignoreDifferences:
    - group: apps
      kind: Deployment
      name: web
      namespace: shop
      jsonPointers: [/spec/replicas]
      jqPathExpressions: [.spec.template]
      managedFieldsManagers: [scaler]
  info: [{name: url, value: "https://shop.example.com"}]
  revisionHistoryLimit: 20
  webhook:
    gitlab: [{url: "https://gitops.example.com/api/webhook", secret: "$hooks:gitlab"}]
    github: [{secret: "$hooks:github"}]
    gitea: [{secret: "$hooks:gitea"}]
    gogs: [{secret: "$hooks:gogs"}]
    bitbucket: [{secret: "$hooks:bitbucket"}]
    bitbucketserver: [{secret: "$hooks:bitbucketserver"}]
    azuredevops: [{secret: "$hooks:azuredevops"}]
operation:
  initiatedBy: {username: anna, automated: false}
  info: [{name: reason, value: try}]
  retry: {limit: 2}
  sync:
    revision: 8f3c2a1
    revisions: [8f3c2a1, HEAD]
    prune: true
    dryRun: true
    syncOptions: [Replace=true]
    syncStrategy: {apply: {force: true}, hook: {force: true}}
    resources: [{group: apps, kind: Deployment, name: web, namespace: shop}]
    source: {repoURL: https://git.example.com/shop/deploy, path: plain}
    sources: [{repoURL: https://git.example.com/shop/deploy, path: plain}]
    manifests: ["{}"]
    autoHealAttemptsCount: 1
status:
  sync:
    status: Synced
    revision: 8f3c2a1
    revisions: [8f3c2a1]
    comparedTo: {source: {repoURL: https://git.example.com/shop/deploy}, destination: {namespace: shop}}
    graph: g1-of-ours
  health: {status: Healthy, message: well, lastTransitionTime: "2026-11-26T10:00:00Z"}
  conditions: [{type: SyncError, message: ok, lastTransitionTime: "2026-11-26T10:00:00Z"}]
  operationState:
    operation: {sync: {revision: 8f3c2a1}}
    phase: Succeeded
    message: successfully synced (all tasks run)
    startedAt: "2026-11-26T10:00:00Z"
    finishedAt: "2026-11-26T10:00:01Z"
    retryCount: 1
    syncResult: {revision: 8f3c2a1, resources: [{group: apps, kind: Deployment, name: web, hookPhase: Running}]}
  history:
    - id: 1
      revision: 8f3c2a1
      revisions: [8f3c2a1]
      deployStartedAt: "2026-11-26T10:00:00Z"
      deployedAt: "2026-11-26T10:00:01Z"
      initiatedBy: {username: anna}
      source: {repoURL: https://git.example.com/shop/deploy}
      graph: g1-of-ours
  resources:
    - group: apps
      version: v1
      kind: Deployment
      namespace: shop
      name: web
      status: Synced
      health: {status: Healthy}
      hook: true
      requiresPruning: true
      requiresDeletionConfirmation: true
      syncWave: -1
  summary: {images: ["web:2"], externalURLs: ["https://shop.example.com"], isAppOfApps: true}
  reconciledAt: "2026-11-26T10:00:00Z"
  observedAt: "2026-11-26T10:00:00Z"
  sourceType: Helm
  sourceTypes: [Directory, Kustomize, Helm]
  resourceHealthSource: appTree
  controllerNamespace: kubectl-gitops
  ofOurs: too
"#;

/// What an Application may have and our reader refuses: kept all the same.
pub(crate) const REFUSED: &str = r"
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: refused
spec:
  project: default
  destination: {name: in-cluster, namespace: shop}
  source:
    repoURL: https://git.example.com/shop/deploy
    path: plugin
    plugin:
      name: tanka
      env: [{name: A, value: b}]
      parameters: [{name: a, string: x}, {name: b, array: [x]}, {name: c, map: {a: b}}]
  sourceHydrator:
    drySource: {repoURL: https://git.example.com/shop/deploy, path: dry, targetRevision: main, helm: {releaseName: web}}
    hydrateTo: {targetBranch: next}
    syncSource: {targetBranch: environments/dev, path: dev, repoURL: https://git.example.com/shop/dev}
";

/// An AppProject.
pub(crate) const PROJECT: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: whole
spec:
  description: The shop.
  sourceRepos: ["*", "!https://git.example.com/attic/*"]
  sourceNamespaces: [shop-*]
  destinations: [{server: "*", name: in-cluster, namespace: shop-*}]
  permitOnlyProjectScopedClusters: true
  clusterResourceWhitelist: [{group: "", kind: Namespace, name: shop-*}]
  clusterResourceBlacklist: [{group: "*", kind: ClusterRole}]
  namespaceResourceWhitelist: []
  namespaceResourceBlacklist: [{group: "", kind: ResourceQuota}]
  syncWindows:
    - kind: deny
      schedule: 0 22 * * *
      duration: 8h
      timeZone: Europe/Berlin
      applications: ["*"]
      namespaces: [shop]
      clusters: [in-cluster]
      andOperator: true
      manualSync: true
      syncOverrun: true
      description: nights
  roles:
    - name: ci
      description: Builds.
      policies: ["p, proj:whole:ci, applications, sync, whole/*, allow"]
      groups: [builders]
      jwtTokens: [{iat: 1535390316, exp: 1535390317, id: a}]
  orphanedResources: {warn: true, ignore: [{group: "", kind: ConfigMap, name: kube-root-ca.crt}]}
  signatureKeys: [{keyID: 4AEE18F83AFDEB23}]
  sourceIntegrity: {git: {policies: [{repos: [{url: "*"}], gpg: {mode: strict, keys: [4AEE18F83AFDEB23]}}]}}
  destinationServiceAccounts: [{server: "*", namespace: shop, defaultServiceAccount: deployer}]
status:
  jwtTokensByRole: {ci: {items: [{iat: 1535390316}]}}
"#;
