//! The controller's own manifests.
//!
//! In: an [`Installation`]: a namespace, an image, how many replicas, which definitions. Out: its objects
//! ([`Installation::objects`]), and the graph of them. Pure: no cluster. Whatever runs with it runs without root, without
//! capabilities, on a read-only file system, under the Pod security standard `restricted`.
//!
//! The objects are made, not filled into text: nothing that a flag says can become more than a value.

mod definitions;
mod names;
mod network;
mod rights;
mod workload;

use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::graph::{BuildError, Built, ResourceGraph};
use gitops_compiler::manifest;
use serde_json::{Value as Json, json};

pub use definitions::Definition;
pub use names::{Image, NAME, NAMESPACE, NotAnImage};

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
        objects.extend(rights::objects(&self.namespace));
        objects.extend(workload::objects(self));
        objects.extend(network::objects(&self.namespace));
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
        }
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
