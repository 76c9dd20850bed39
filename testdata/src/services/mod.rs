//! The set of objects that speed is measured with: N services of ten objects each, and their Namespace.
//!
//! In: how many, and the namespace. Out: files and their text, ready to be written to a repository: `namespace.yaml`
//! and one file a service. 100 services are the 1,001 objects of the tables in the documentation, 1,000 the 10,001.
//!
//! # Guarantees
//! - The same arguments give the same bytes.
//! - A real API server takes each object with `fieldValidation=Strict`.
//! - The objects refer to each other as those of real services do: the Deployment to its service account, its
//!   configuration (as environment and as volume) and its Secret, the role binding to the role and the account, the
//!   autoscaler to the Deployment, Service, budget and network policy to its Pods, and each network policy to the
//!   service before it.

mod access;
mod workload;

/// One service of the set: what its ten objects have in common.
struct Service<'a> {
    name: String,
    namespace: &'a str,
    /// The service that calls this one, if any.
    caller: Option<String>,
    /// What the `ConfigMap` says under `revision`.
    revision: u32,
}

/// `count` services in `namespace`, as (path, YAML text) in order of their paths; each at revision 1.
#[must_use]
pub fn services(count: usize, namespace: &str) -> Vec<(String, String)> {
    services_with(count, namespace, |_| 1)
}

/// Like [`services`], with the revision of each service's `ConfigMap`; to change some services and no others.
#[must_use]
pub fn services_with(count: usize, namespace: &str, revision: impl Fn(usize) -> u32) -> Vec<(String, String)> {
    let namespace_file = ("namespace.yaml".to_owned(), namespace_yaml(namespace));
    let service_files = (0..count).map(|index| {
        let service =
            Service { name: name(index), namespace, caller: index.checked_sub(1).map(name), revision: revision(index) };
        (format!("services/{}.yaml", service.name), service.yaml())
    });
    std::iter::once(namespace_file).chain(service_files).collect()
}

/// Wide enough that the names of any set we use sort as their numbers do.
fn name(index: usize) -> String {
    format!("service-{index:04}")
}

fn namespace_yaml(name: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata:
  name: {name}
"
    )
}

impl Service<'_> {
    /// The ten documents of the service's file.
    fn yaml(&self) -> String {
        [
            self.service_account(),
            self.config_map(),
            self.secret(),
            self.service(),
            self.deployment(),
            self.role(),
            self.role_binding(),
            self.network_policy(),
            self.pod_disruption_budget(),
            self.horizontal_pod_autoscaler(),
        ]
        .join("---\n")
    }

    /// The first lines of every document.
    fn head(&self, api_version: &str, kind: &str) -> String {
        let Self { name, namespace, .. } = self;
        format!(
            "apiVersion: {api_version}
kind: {kind}
metadata:
  name: {name}
  namespace: {namespace}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/part-of: services
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_services_are_1001_objects() {
        let files = services(100, "demo");
        assert_eq!(files.len(), 101);
        let objects: usize = files.iter().map(|(_, yaml)| yaml.matches("\nkind: ").count()).sum();
        assert_eq!(objects, 1001);
        assert!(files.is_sorted_by(|a, b| a.0 < b.0), "paths are in order");
    }

    #[test]
    fn a_revision_changes_one_line_of_one_file() {
        let before = services(10, "demo");
        let after = services_with(10, "demo", |index| if index == 3 { 2 } else { 1 });
        let changed: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
        let [(before, after)] = changed.as_slice() else { panic!("one file changed: {changed:?}") };
        assert_eq!(before.0, "services/service-0003.yaml");
        let lines = before.1.lines().zip(after.1.lines()).filter(|(a, b)| a != b);
        assert_eq!(lines.collect::<Vec<_>>(), [("  revision: \"1\"", "  revision: \"2\"")]);
    }
}
