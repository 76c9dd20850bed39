//! The controller's own manifests.
//!
//! In: an [`Installation`]: a namespace, an image, how many replicas, which definitions. Out: its objects
//! ([`Installation::objects`]), and the graph of them. Pure: no cluster. Whatever runs with it runs without root, without
//! capabilities, on a read-only file system, under the Pod security standard `restricted`.
//!
//! The objects are made, not filled into text: nothing that a flag says can become more than a value.

mod binary_cache;
mod definitions;
mod names;
mod network;
mod rights;
mod workload;

use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::graph::{BuildError, Built, ResourceGraph};
use gitops_compiler::manifest;
use serde_json::{Value as Json, json};

pub use binary_cache::BINARY_CACHE_SECRET;
pub use definitions::Definition;
pub use names::{Image, NAME, NAMESPACE, NotAnImage};
pub use workload::REDIS_SECRET;

use crate::binary_cache::BinaryCacheAddress;
use crate::cache::Address;

use names::labels;

/// What is installed.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Where.
    pub namespace: String,
    /// The image of the controller.
    pub image: Image,
    /// How many of it run.
    pub replicas: u16,
    /// The definitions that come with it.
    pub definitions: Vec<Definition>,
    /// Whether the namespace is one of the objects.
    pub with_namespace: bool,
    /// Whether it changes objects only in the name of ServiceAccounts that projects name.
    pub impersonates: bool,
    /// The Redis in which replicas share what they compiled.
    pub redis: Option<Redis>,
    /// The binary cache that it reads.
    pub binary_cache: Option<BinaryCacheAddress>,
    /// The Secret with certificate and key of the API (`kubernetes.io/tls`); no API where there is none.
    pub api: Option<String>,
}

/// A Redis, as an installation names it. Passwords, and authorities of certificates, are in the Secret [`REDIS_SECRET`] of the
/// namespace, which is no part of the installation: it would be in the record.
#[derive(Debug, Clone)]
pub struct Redis {
    /// Where it is.
    pub address: Address,
    /// Who asks.
    pub user: Option<String>,
    /// Who asks the sentinels.
    pub sentinel_user: Option<String>,
    /// Whether the Secret says which authorities vouch for it.
    pub has_authorities: bool,
}

impl Installation {
    /// The objects.
    #[must_use]
    pub fn objects(&self) -> Vec<Json> {
        let mut objects: Vec<Json> = self.definitions.iter().filter_map(|definition| definition.object()).collect();
        if self.with_namespace {
            objects.push(json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels()},
            }));
        }
        objects.extend(rights::objects(&self.namespace, self.api.is_some(), self.impersonates));
        objects.extend(workload::objects(self));
        objects.extend(network::objects(&self.namespace, self.api.is_some()));
        objects
    }

    /// The objects, one a line.
    fn text(&self) -> String {
        self.objects().iter().map(Json::to_string).collect::<Vec<_>>().join("\n")
    }

    /// The graph of the objects. Lints are added to `findings`.
    ///
    /// # Errors
    ///
    /// A bug of ours: the objects are made so that they have a graph.
    pub fn graph(&self, findings: &mut Vec<Diagnostic>) -> Result<Built, BuildError> {
        let (manifests, problems) = manifest::read("install.json", self.text().as_bytes());
        let (errors, lints): (Vec<_>, Vec<_>) = problems.into_iter().partition(|problem| problem.level == Level::Error);
        if !errors.is_empty() {
            return Err(BuildError { findings: errors });
        }
        findings.extend(lints);
        ResourceGraph::build(manifests, findings)
    }
}

fn extend(list: &mut Json, more: impl IntoIterator<Item = Json>) {
    if let Json::Array(list) = list {
        list.extend(more);
    }
}

/// Metadata of an object in a namespace.
fn metadata(namespace: &str) -> Json {
    json!({"name": NAME, "namespace": namespace, "labels": labels()})
}

#[cfg(test)]
mod tests {
    use gitops_compiler::schema;

    use super::*;

    fn installation(replicas: u16) -> Installation {
        Installation {
            namespace: "somewhere".to_owned(),
            image: "registry.example.com/kubectl-gitops:1.0".parse().expect("an image"),
            replicas,
            definitions: Definition::ALL.to_vec(),
            with_namespace: true,
            impersonates: false,
            redis: None,
            binary_cache: None,
            api: None,
        }
    }

    /// The same with a Redis.
    fn with_redis(has_authorities: bool) -> Installation {
        let redis = Redis {
            address: "rediss://redis.example.com:6380/1".parse().expect("an address"),
            user: Some("gitops".to_owned()),
            sentinel_user: None,
            has_authorities,
        };
        Installation { redis: Some(redis), ..installation(2) }
    }

    fn deployment(installation: &Installation) -> Json {
        let objects = installation.objects();
        objects.into_iter().find(|object| object["kind"] == "Deployment").expect("a Deployment")
    }

    #[test]
    fn redis_is_named_in_arguments_and_its_passwords_nowhere() {
        for has_authorities in [false, true] {
            let container =
                deployment(&with_redis(has_authorities))["spec"]["template"]["spec"]["containers"][0].clone();
            let arguments = container["args"].to_string();
            assert!(arguments.contains(r#""--redis","rediss://redis.example.com:6380/1""#), "{arguments}");
            assert!(arguments.contains(r#""--redis-user","gitops""#), "{arguments}");
            assert_eq!(arguments.contains("--redis-ca-file"), has_authorities, "{arguments}");
            for (variable, key) in [("REDIS_PASSWORD", "password"), ("REDIS_SENTINEL_PASSWORD", "sentinel-password")] {
                let variables = container["env"].as_array().expect("variables");
                let found = variables.iter().find(|it| it["name"] == variable).expect("a variable");
                let from = json!({"name": REDIS_SECRET, "key": key, "optional": true});
                assert_eq!(found["valueFrom"]["secretKeyRef"], from);
            }
        }
        let mut findings = Vec::new();
        let text = with_redis(true).text();
        let manifests = manifest::read("install.json", text.as_bytes()).0;
        schema::check(&manifests, schema::version(), |_| None, &mut findings);
        assert_eq!(findings, []);
        assert!(!deployment(&installation(1)).to_string().to_lowercase().contains("redis"));
    }

    #[test]
    fn an_api_is_over_tls_and_asks_who_asks() {
        let with_api = Installation { api: Some("cert".to_owned()), ..installation(1) };
        let pod = deployment(&with_api)["spec"]["template"]["spec"].clone();
        let container = &pod["containers"][0];
        let arguments = container["args"].to_string();
        let files =
            r#""--api","--tls-cert","/etc/kubectl-gitops/tls/tls.crt","--tls-key","/etc/kubectl-gitops/tls/tls.key""#;
        assert!(arguments.contains(files), "{arguments}");
        assert_eq!(pod["volumes"][2], json!({"name": "tls", "secret": {"secretName": "cert"}}));
        for probe in ["livenessProbe", "readinessProbe"] {
            assert_eq!(container[probe]["httpGet"]["scheme"], "HTTPS");
        }
        let all = |installation: &Installation| Json::from(installation.objects()).to_string();
        for (text, with, without) in [
            ("tokenreviews", true, false),
            ("subjectaccessreviews", true, false),
            (r#"{"name":"https","port":443,"#, true, false),
            (r#"{"name":"http","port":80,"#, false, true),
        ] {
            assert_eq!(
                (all(&with_api).contains(text), all(&installation(1)).contains(text)),
                (with, without),
                "{text}"
            );
        }
        let mut findings = Vec::new();
        let manifests = manifest::read("install.json", with_api.text().as_bytes()).0;
        schema::check(&manifests, schema::version(), |_| None, &mut findings);
        assert_eq!(findings, []);
    }

    #[test]
    fn the_objects_make_a_graph_that_nothing_speaks_against() {
        let mut findings = Vec::new();
        let built = installation(2).graph(&mut findings).expect("a graph");
        let manifests = manifest::read("install.json", installation(2).text().as_bytes()).0;
        schema::check(&manifests, schema::version(), |_| None, &mut findings);
        assert_eq!(findings, []);
        let order: Vec<String> = built.graph.ordered().map(|resource| resource.key.to_string()).collect();
        let place =
            |text: &str| order.iter().position(|key| key.contains(text)).unwrap_or_else(|| panic!("{text}: {order:?}"));
        for (first, then) in [
            ("Namespace", "ServiceAccount"),
            ("ServiceAccount", "Deployment"),
            ("ClusterRole ", "ClusterRoleBinding"),
            ("ClusterRoleBinding", "Deployment"),
            ("RoleBinding somewhere", "Deployment"),
        ] {
            assert!(place(first) < place(then), "{first}, {then}: {order:?}");
        }
    }

    #[test]
    fn it_may_change_things_in_the_name_of_others_only_where_that_is_asked_for() {
        let rules = |impersonates| {
            let objects = Installation { impersonates, ..installation(1) }.objects();
            let is_it = |object: &&Json| {
                object["kind"] == "ClusterRole" && object["metadata"]["name"] == "kubectl-gitops-applier"
            };
            objects.iter().find(is_it).expect("a role")["rules"].clone()
        };
        assert_eq!(rules(false)[0]["verbs"], json!(["*"]));
        let narrow = rules(true);
        assert_eq!(narrow[0]["verbs"], json!(["get", "list", "watch"]));
        assert_eq!(
            (&narrow[1]["resources"], &narrow[1]["verbs"]),
            (&json!(["serviceaccounts"]), &json!(["impersonate"]))
        );
        assert_eq!(narrow.as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_budget_is_there_where_there_are_several() {
        let has_budget =
            |replicas| installation(replicas).objects().iter().any(|object| object["kind"] == "PodDisruptionBudget");
        assert!(has_budget(2) && !has_budget(1));
    }

    #[test]
    fn every_object_of_a_namespace_says_which_and_every_object_is_labelled() {
        let everywhere = ["CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterRoleBinding"];
        for object in installation(3).objects() {
            let kind = object["kind"].as_str().expect("a kind");
            let namespace = if everywhere.contains(&kind) { Json::Null } else { json!("somewhere") };
            assert_eq!(object["metadata"]["namespace"], namespace, "{kind}");
            assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/part-of"], NAME, "{kind}");
        }
    }
}
