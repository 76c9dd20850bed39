//! What runs: a Deployment, and where there are several a budget for disruptions.

use serde_json::{Value as Json, json};

use super::names::{NAME, labels, selector};
use super::{Installation, Redis, binary_cache, extend, metadata};

/// The port of webhooks, probes and metrics.
pub(super) const PORT: u16 = 8080;

/// A user that no file belongs to. The sandbox gives up rights, it needs none: Landlock is for everybody.
const USER: u32 = 65532;

/// Where the store is, and the mirrors of repositories. All of it can be fetched and made again.
const STATE: &str = "/var/lib/kubectl-gitops";

/// The Secret in which the passwords of Redis are, and the authorities of its certificate.
pub const REDIS_SECRET: &str = "kubectl-gitops-redis";

/// Its keys, and where the last one is mounted.
const PASSWORD: &str = "password";
const SENTINEL_PASSWORD: &str = "sentinel-password";
const AUTHORITIES: &str = "ca.crt";
const REDIS_MOUNT: &str = "/etc/kubectl-gitops/redis";

/// Where certificate and key of the API are mounted.
const TLS_MOUNT: &str = "/etc/kubectl-gitops/tls";

/// The objects.
pub(super) fn objects(installation: &Installation) -> Vec<Json> {
    let Installation { namespace, replicas, .. } = installation;
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": metadata(namespace),
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector()},
            "template": {"metadata": {"labels": pod_labels()}, "spec": pod(installation)},
        },
    });
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": metadata(namespace),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector()}},
    });
    if *replicas > 1 { vec![deployment, budget] } else { vec![deployment] }
}

fn pod_labels() -> Json {
    let mut all = labels();
    all.extend(selector());
    json!(all)
}

/// What the controller is told of a Redis.
fn arguments_of(redis: &Redis) -> Vec<String> {
    let mut arguments = vec!["--redis".to_owned(), redis.address.to_string()];
    let users = [("--redis-user", &redis.user), ("--redis-sentinel-user", &redis.sentinel_user)];
    for (flag, user) in users {
        arguments.extend(user.iter().flat_map(|user| [flag.to_owned(), user.clone()]));
    }
    if redis.has_authorities {
        arguments.extend(["--redis-ca-file".to_owned(), format!("{REDIS_MOUNT}/{AUTHORITIES}")]);
    }
    arguments
}

/// Passwords of Redis, where its Secret has them: it may have none.
fn passwords() -> impl Iterator<Item = Json> {
    let keys = [("REDIS_PASSWORD", PASSWORD), ("REDIS_SENTINEL_PASSWORD", SENTINEL_PASSWORD)];
    keys.into_iter().map(|(name, key)| {
        let from = json!({"name": REDIS_SECRET, "key": key, "optional": true});
        json!({"name": name, "valueFrom": {"secretKeyRef": from}})
    })
}

fn pod(installation: &Installation) -> Json {
    let mut pod = base_pod(installation);
    if let Some(secret) = &installation.api {
        serve_api(&mut pod, secret);
    }
    if let Some(address) = &installation.binary_cache {
        binary_cache::read_from(&mut pod, address);
    }
    let Some(redis) = &installation.redis else { return pod };
    extend(&mut pod["containers"][0]["args"], arguments_of(redis).into_iter().map(Json::from));
    extend(&mut pod["containers"][0]["env"], passwords());
    if redis.has_authorities {
        let items = json!([{"key": AUTHORITIES, "path": AUTHORITIES}]);
        let volume = json!({"name": "redis", "secret": {"secretName": REDIS_SECRET, "items": items}});
        extend(&mut pod["volumes"], [volume]);
        let mount = json!({"name": "redis", "mountPath": REDIS_MOUNT, "readOnly": true});
        extend(&mut pod["containers"][0]["volumeMounts"], [mount]);
    }
    pod
}

/// Serves the API, and all else, over TLS.
fn serve_api(pod: &mut Json, secret: &str) {
    let container = &mut pod["containers"][0];
    let files = ["--tls-cert".to_owned(), format!("{TLS_MOUNT}/tls.crt"), "--tls-key".to_owned()];
    let arguments = ["--api".to_owned()].into_iter().chain(files).chain([format!("{TLS_MOUNT}/tls.key")]);
    extend(&mut container["args"], arguments.map(Json::from));
    extend(&mut container["volumeMounts"], [json!({"name": "tls", "mountPath": TLS_MOUNT, "readOnly": true})]);
    for probe in ["livenessProbe", "readinessProbe"] {
        container[probe]["httpGet"]["scheme"] = "HTTPS".into();
    }
    extend(&mut pod["volumes"], [json!({"name": "tls", "secret": {"secretName": secret}})]);
}

fn base_pod(installation: &Installation) -> Json {
    json!({
        "serviceAccountName": NAME,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [{
            "name": "controller",
            "image": installation.image.to_string(),
            "args": [
                "controller", "--namespace", "$(POD_NAMESPACE)", "--listen", format!("0.0.0.0:{PORT}"), "--sharding",
                "--log-format", "json",
            ],
            "env": [
                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "HOME", "value": STATE},
                // Its many short tasks would leave half-empty pages behind in as many arenas as there are threads.
                {"name": "MALLOC_ARENA_MAX", "value": "2"},
            ],
            "ports": [{"name": "http", "containerPort": PORT}],
            "livenessProbe": probe("/healthz", 30),
            "readinessProbe": probe("/readyz", 5),
            "resources": {
                "requests": {"cpu": "100m", "memory": "128Mi"},
                // Renders are programs of their own, each as large as its charts.
                "limits": {"memory": "2Gi"},
            },
            "securityContext": {
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
            },
            "volumeMounts": [{"name": "state", "mountPath": STATE}, {"name": "tmp", "mountPath": "/tmp"}],
        }],
        "volumes": [{"name": "state", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    })
}

fn probe(path: &str, seconds: u32) -> Json {
    json!({"httpGet": {"path": path, "port": "http"}, "periodSeconds": seconds, "timeoutSeconds": 5})
}
