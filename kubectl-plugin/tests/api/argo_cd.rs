//! What is answered at Argo CD's own paths has the fields and types of its own document (3.5), and no others but ours that are
//! named here.
//!
//! [`DEFINITIONS`] is our short table of it: `name:type` in words, where `s` is a text, `b` a truth, `i` an integer, `*` whatever
//! Kubernetes has there, `[x]` a list, `{s}` texts by name, and a name is another definition. Nothing is required there.

#![expect(clippy::print_stdout, reason = "the tables are what this shows")]

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::people::People;

const DEFINITIONS: &[(&str, &str)] = &[
    ("Application", "apiVersion:s kind:s metadata:* spec:Spec status:Status operation:Operation"),
    ("ApplicationList", "metadata:ListMeta items:[Application]"),
    ("ListMeta", "resourceVersion:s continue:s remainingItemCount:i selfLink:s"),
    ("ApplicationWatch", "result:WatchEvent error:*"),
    ("WatchEvent", "type:s application:Application"),
    (
        "Spec",
        "project:s source:Source sources:[Source] destination:Destination syncPolicy:SyncPolicy info:[Info] \
         ignoreDifferences:[Ignored] revisionHistoryLimit:i sourceHydrator:*",
    ),
    ("Source", "repoURL:s path:s targetRevision:s chart:s ref:s name:s helm:* kustomize:* directory:* plugin:*"),
    ("Destination", "server:s namespace:s name:s"),
    ("Info", "name:s value:s"),
    ("Ignored", "group:s kind:s name:s namespace:s jsonPointers:[s] jqPathExpressions:[s] managedFieldsManagers:[s]"),
    ("SyncPolicy", "automated:Automated syncOptions:[s] retry:Retry managedNamespaceMetadata:*"),
    ("Automated", "prune:b selfHeal:b allowEmpty:b enabled:b"),
    ("Retry", "limit:i backoff:Backoff refresh:b"),
    ("Backoff", "duration:s factor:i maxDuration:s"),
    (
        "Status",
        "resources:[ResourceStatus] sync:SyncStatus health:Health history:[Revision] conditions:[Condition] \
         reconciledAt:s operationState:OperationState observedAt:s sourceType:s sourceTypes:[s] summary:Summary \
         resourceHealthSource:s controllerNamespace:s sourceHydrator:* gitops:*",
    ),
    (
        "ResourceStatus",
        "group:s version:s kind:s namespace:s name:s status:s health:Health hook:b requiresPruning:b syncWave:i \
         requiresDeletionConfirmation:b",
    ),
    ("SyncStatus", "status:s comparedTo:ComparedTo revision:s revisions:[s]"),
    ("ComparedTo", "source:Source sources:[Source] destination:Destination ignoreDifferences:[Ignored]"),
    ("Health", "status:s message:s lastTransitionTime:s"),
    (
        "Revision",
        "revision:s revisions:[s] deployedAt:s deployStartedAt:s id:i source:Source sources:[Source] \
         initiatedBy:Initiator",
    ),
    ("Initiator", "username:s automated:b"),
    ("Condition", "type:s message:s lastTransitionTime:s"),
    ("Summary", "externalURLs:[s] images:[s]"),
    ("Operation", "sync:SyncOperation initiatedBy:Initiator info:[Info] retry:Retry"),
    (
        "SyncOperation",
        "revision:s revisions:[s] prune:b dryRun:b syncStrategy:* resources:[Chosen] source:Source sources:[Source] \
         manifests:[s] syncOptions:[s] autoHealAttemptsCount:i",
    ),
    ("Chosen", "group:s kind:s name:s namespace:s exclude:b"),
    (
        "OperationState",
        "operation:Operation phase:s message:s syncResult:SyncResult startedAt:s finishedAt:s retryCount:i",
    ),
    (
        "SyncResult",
        "resources:[ResourceResult] revision:s revisions:[s] source:Source sources:[Source] managedNamespaceMetadata:*",
    ),
    (
        "ResourceResult",
        "group:s version:s kind:s namespace:s name:s status:s message:s hookType:s hookPhase:s syncPhase:s images:[s]",
    ),
    ("ApplicationTree", "nodes:[ResourceNode] orphanedNodes:[ResourceNode] hosts:* shardsCount:i"),
    ("TreeWatch", "result:ApplicationTree error:*"),
    (
        "ResourceNode",
        "group:s version:s kind:s namespace:s name:s uid:s parentRefs:[ResourceRef] info:[Info] networkingInfo:* \
         resourceVersion:s images:[s] health:Health createdAt:s",
    ),
    ("ResourceRef", "group:s version:s kind:s namespace:s name:s uid:s"),
    ("ManagedResources", "items:[ResourceDiff]"),
    (
        "ResourceDiff",
        "group:s kind:s namespace:s name:s targetState:s liveState:s diff:s hook:b normalizedLiveState:s \
         predictedLiveState:s resourceVersion:s modified:b",
    ),
    (
        "ManifestResponse",
        "manifests:[s] namespace:s server:s revision:s sourceType:s verifyResult:s commands:[s] sourceIntegrityResult:*",
    ),
    ("ResourceResponse", "manifest:s"),
    ("EventList", "metadata:ListMeta items:[Event] apiVersion:s kind:s"),
    (
        "Event",
        "metadata:* involvedObject:* reason:s message:s source:* firstTimestamp:s lastTimestamp:s count:i type:s \
         eventTime:* series:* action:s related:* reportingComponent:s reportingInstance:s apiVersion:s kind:s",
    ),
    (
        "VersionMessage",
        "Version:s BuildDate:s Compiler:s ExtraBuildInfo:s GitCommit:s GitTag:s GitTreeState:s GoVersion:s HelmVersion:s \
         JsonnetVersion:s KubectlVersion:s KustomizeVersion:s Platform:s",
    ),
    ("LogEntries", "result:LogEntry error:*"),
    ("LogEntry", "content:s timeStamp:s last:b timeStampStr:s podName:s"),
    ("UserInfo", "loggedIn:b username:s iss:s groups:[s]"),
    (
        "Settings",
        "url:s oidcConfig:Oidc dexConfig:* userLoginsDisabled:b appsInAnyNamespaceEnabled:b execEnabled:b \
         statusBadgeEnabled:b controllerNamespace:s appLabelKey:s trackingMethod:s help:* plugins:* googleAnalytics:*",
    ),
    ("Oidc", "name:s issuer:s clientID:s cliClientID:s scopes:[s] idTokenClaims:* enablePKCEAuthentication:b"),
    ("ProjectList", "metadata:ListMeta items:[Project]"),
    ("Project", "apiVersion:s kind:s metadata:* spec:* status:*"),
    ("ClusterList", "metadata:ListMeta items:[Cluster]"),
    (
        "Cluster",
        "server:s name:s config:* connectionState:Connection serverVersion:s namespaces:[s] refreshRequestedAt:s \
         info:ClusterInfo shard:i clusterResources:b project:s labels:{s} annotations:{s}",
    ),
    ("ClusterInfo", "connectionState:Connection serverVersion:s cacheInfo:* applicationsCount:i apiVersions:[s]"),
    ("Connection", "status:s message:s attemptedAt:s"),
    ("RepositoryList", "metadata:ListMeta items:[Repository]"),
    (
        "Repository",
        "repo:s username:s connectionState:Connection insecure:b enableLfs:b type:s name:s project:s proxy:s noProxy:s \
         inheritedCreds:b enableOCI:b forceHttpBasicAuth:b",
    ),
    ("Failure", "error:s code:i message:s details:*"),
    ("Nothing", ""),
];

/// Where a body is not as a definition has it.
fn faults(value: &Json, kind: &str, at: &str, found: &mut Vec<String>) {
    let is_good = match kind {
        "*" => true,
        "s" => value.is_string(),
        "b" => value.is_boolean(),
        "i" => value.is_i64() || value.is_u64(),
        "{s}" => value.as_object().is_some_and(|map| map.values().all(Json::is_string)),
        list if list.starts_with('[') => {
            let item = list.trim_matches(['[', ']']);
            for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                faults(value, item, &format!("{at}[{index}]"), found);
            }
            value.is_array()
        }
        name => {
            let fields = DEFINITIONS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}")).1;
            let fields: Vec<(&str, &str)> = fields.split_whitespace().filter_map(|it| it.split_once(':')).collect();
            for (field, value) in value.as_object().into_iter().flatten() {
                match fields.iter().find(|(known, _)| known == field) {
                    Some((_, kind)) => faults(value, kind, &format!("{at}.{field}"), found),
                    None => found.push(format!("{at}.{field} is no field of {name}")),
                }
            }
            value.is_object()
        }
    };
    if !is_good {
        found.push(format!("{at} is no {kind}: {value}"));
    }
}

fn check(told: &str, value: &Json, kind: &str, wrong: &mut Vec<String>) {
    let mut found = Vec::new();
    faults(value, kind, "", &mut found);
    println!("{told:<66} {kind:<17} {}", if found.is_empty() { "as Argo CD has it" } else { "NOT as Argo CD has it" });
    wrong.extend(found.into_iter().map(|fault| format!("{told}: {fault}")));
}

#[test]
fn answers_at_argo_cds_paths_have_its_shapes() {
    let people = People::new("api-argo-cd");
    let own = people.own().to_owned();
    let more = json!({"apiGroups": ["", "apps"], "resources": ["configmaps", "deployments", "pods", "replicasets", "events"],
                      "verbs": ["get", "list", "watch"]});
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let asker = people.somebody("all", &own, &all, &[more]);
    people.ground.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default", "namespace": own},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "sourceNamespaces": ["*"]},
    }));
    let web = crate::support::deployment("web", "registry.invalid/web:1", "a", "");
    let commit = people.ground.commit("deploy/web.yaml", &web);
    assert_eq!(asker.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until_synced(&commit);
    people
        .ground
        .until("the Pod is in the tree", |_| asker.get(&people.path("/resource-tree")).body.contains("\"Pod\""));
    let mut wrong = Vec::new();
    let object = format!("?kind=ConfigMap&version=v1&namespace={own}&resourceName=a");
    for (path, kind) in [
        ("/api/version".to_owned(), "VersionMessage"),
        ("/api/v1/settings".to_owned(), "Settings"),
        ("/api/v1/session/userinfo".to_owned(), "UserInfo"),
        ("/api/v1/applications".to_owned(), "ApplicationList"),
        (people.path(""), "Application"),
        (people.path("?refresh=hard"), "Application"),
        (people.path("/resource-tree"), "ApplicationTree"),
        (people.path("/managed-resources"), "ManagedResources"),
        (people.path("/manifests"), "ManifestResponse"),
        (people.path(&format!("/resource{object}")), "ResourceResponse"),
        (people.path("/events"), "EventList"),
        ("/api/v1/projects".to_owned(), "ProjectList"),
        ("/api/v1/clusters".to_owned(), "ClusterList"),
        ("/api/v1/repositories".to_owned(), "RepositoryList"),
    ] {
        let reply = asker.get(&path);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        check(&format!("GET {path}"), &reply.json(), kind, &mut wrong);
    }
    for (path, kind) in [
        ("/api/v1/stream/applications".to_owned(), "ApplicationWatch"),
        (format!("/api/v1/stream/applications/{own}/resource-tree"), "TreeWatch"),
    ] {
        let (_, event) = asker.events(&path).next().expect("an event");
        check(&format!("GET {path}"), &event, kind, &mut wrong);
    }
    changes(&people, &asker, &mut wrong);
    for (asker, path) in [(&people.nobody(), people.path("")), (&asker, "/api/v1/applications/absent".to_owned())] {
        check(&format!("GET {path}, refused"), &asker.get(&path).json(), "Failure", &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is answered to those who change something.
fn changes(people: &People, asker: &Asker, wrong: &mut Vec<String>) {
    let mut new = people.ground.application(&json!({}));
    new["metadata"] = json!({"name": "second", "namespace": people.own()});
    let at = |rest: &str| format!("/api/v1/applications/second{rest}");
    let patch = json!({"patchType": "merge", "patch": "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"});
    for (method, path, body, kind) in [
        ("POST", "/api/v1/applications".to_owned(), new.clone(), "Application"),
        ("PUT", at(""), new.clone(), "Application"),
        ("PATCH", at(""), patch, "Application"),
        ("PUT", at("/spec"), new["spec"].clone(), "Spec"),
        ("POST", at("/sync"), json!({"dryRun": true}), "Application"),
    ] {
        let reply = asker.send(method, &path, &body);
        assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
        check(&format!("{method} {path}"), &reply.json(), kind, wrong);
    }
    let reply = asker.delete(&at("?cascade=false"));
    assert_eq!(reply.status, 200, "{reply:?}");
    check("DELETE /api/v1/applications/second", &reply.json(), "Nothing", wrong);
}

#[test]
fn lines_of_logs_are_told_as_argo_cd_tells_them() {
    let document = kubectl_gitops::api::document();
    let logs = &document["paths"]["/api/v1/applications/{name}/logs"]["get"]["responses"]["200"]["content"];
    let mut schema = logs["text/event-stream"]["schema"]["properties"]["result"].clone();
    if let Some(reference) = schema["$ref"].as_str() {
        schema = document.pointer(reference.trim_start_matches('#')).expect("a schema").clone();
    }
    let told = schema["properties"].as_object().expect("fields");
    assert!(told.len() >= 4, "{told:?}");
    let fields = DEFINITIONS.iter().find(|(name, _)| *name == "LogEntry").expect("it").1;
    for (field, of) in told {
        let kind = if of["type"] == "boolean" { "b" } else { "s" };
        assert!(fields.split_whitespace().any(|known| known == format!("{field}:{kind}")), "{field}");
    }
}
