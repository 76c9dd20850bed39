//! The application that all cases are about: three graphs of it, small and with all that makes a run hard.
//!
//! In: the name of a case. Out: manifests. From the first graph to the second, something is created, changed and deleted; a
//! Namespace comes with a Secret in it, a CRD with an object of its kind; an object is missing, another was made again by
//! somebody, and one has to be made again by us; there are hooks before and after, one with a name of its own for each run and one that runs twice. The third goes on from there and
//! takes some of it away.

use serde_json::{Value as Json, json};

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Graph {
    First,
    Second,
    Third,
}

impl Graph {
    pub(crate) const ALL: [Self; 3] = [Self::First, Self::Second, Self::Third];

    /// The folder of its manifests.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
        }
    }

    /// The hooks that run when it is delivered, by what their names begin with, and how often.
    pub(crate) fn hooks(self) -> &'static [(&'static str, usize)] {
        match self {
            Self::First => &[("before", 1)],
            Self::Second => &[("after", 1), ("before", 1), ("migrate-", 1), ("twice", 2)],
            Self::Third => &[("before", 1), ("migrate-", 1)],
        }
    }

    /// Its manifests, in the application of this name, whose own namespace that is, too.
    pub(crate) fn manifests(self, name: &str) -> Vec<Json> {
        let value = self.folder();
        let mut all = vec![
            config_map("kept", "same"),
            config_map("changed", value),
            config_map("missing", "same"),
            config_map("replaced", value),
            sealed(value),
            secret("secret", None, value),
            deployment(value),
            job(&json!({"name": "before"}), "PreSync", "BeforeHookCreation", value),
        ];
        if self != Self::Second {
            all.push(config_map("dropped", "same"));
        }
        if self != Self::First {
            all.push(definition(name));
            all.push(thing(name, value));
            all.push(job(&json!({"generateName": "migrate-"}), "PreSync", "BeforeHookCreation", value));
        }
        if self == Self::Second {
            let own = own_namespace(name);
            all.push(config_map("new", "same"));
            all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own}}));
            all.push(secret("inside", Some(&own), value));
            all.push(job(&json!({"name": "after"}), "PostSync", "BeforeHookCreation,HookSucceeded", value));
            all.push(job(&json!({"name": "twice"}), "PreSync,PostSync", "BeforeHookCreation", value));
        }
        all
    }

    /// What stays in the cluster.
    pub(crate) fn content(self, name: &str) -> Vec<Json> {
        let mut all = self.manifests(name);
        all.retain(|manifest| manifest["kind"] != "Job");
        all
    }
}

/// The namespace that the second graph brings.
pub(crate) fn own_namespace(name: &str) -> String {
    format!("{name}-own")
}

/// The group of the CRD.
pub(crate) fn group(name: &str) -> String {
    format!("{name}.faults.example")
}

/// The path of a manifest's object.
pub(crate) fn path(manifest: &Json, name: &str) -> String {
    let metadata = &manifest["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or(name);
    let (collection, is_namespaced) = match manifest["kind"].as_str().unwrap_or_default() {
        "ConfigMap" => ("configmaps", true),
        "Secret" => ("secrets", true),
        "Deployment" => ("deployments", true),
        "Namespace" => ("namespaces", false),
        "CustomResourceDefinition" => ("customresourcedefinitions", false),
        "Thing" => ("things", true),
        other => panic!("no path for {other}"),
    };
    let version = manifest["apiVersion"].as_str().unwrap_or_default();
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let place = if is_namespaced { format!("/namespaces/{namespace}") } else { String::new() };
    format!("{root}/{version}{place}/{collection}/{}", metadata["name"].as_str().unwrap_or_default())
}

/// The collections that any of its objects can be in.
pub(crate) fn collections(name: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "/api/v1/configmaps",
        "/api/v1/secrets",
        "/api/v1/namespaces",
        "/apis/apps/v1/deployments",
        "/apis/batch/v1/jobs",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("/apis/{}/v1/things", group(name)));
    all
}

pub(crate) fn config_map(name: &str, value: &str) -> Json {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})
}

/// One that cannot change, and is made again instead.
fn sealed(value: &str) -> Json {
    let mut sealed = config_map("sealed", value);
    sealed["immutable"] = true.into();
    sealed
}

fn secret(name: &str, namespace: Option<&str>, value: &str) -> Json {
    use base64::Engine as _;
    let value = base64::prelude::BASE64_STANDARD.encode(value);
    let mut secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"value": value}});
    if let Some(namespace) = namespace {
        secret["metadata"]["namespace"] = namespace.into();
    }
    secret
}

fn deployment(tag: &str) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": format!("registry.invalid/web:{tag}")}]},
            },
        },
    })
}

fn job(metadata: &Json, phase: &str, delete: &str, tag: &str) -> Json {
    let mut metadata = metadata.clone();
    metadata["annotations"] =
        json!({"argocd.argoproj.io/hook": phase, "argocd.argoproj.io/hook-delete-policy": delete});
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
        "spec": {
            "backoffLimit": 0,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": format!("registry.invalid/hook:{tag}")}],
                },
            },
        },
    })
}

fn definition(name: &str) -> Json {
    let group = group(name);
    let spec = json!({"type": "object", "properties": {"size": {"type": "string"}}});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}],
        },
    })
}

fn thing(name: &str, size: &str) -> Json {
    let version = format!("{}/v1", group(name));
    json!({"apiVersion": version, "kind": "Thing", "metadata": {"name": "thing"}, "spec": {"size": size}})
}
