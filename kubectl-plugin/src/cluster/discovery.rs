//! Asking the server for its kinds: two requests, by aggregated discovery; for its version; and for the schemas of a group
//! and version.

use gitops_compiler::name::KubernetesVersion;
use serde::Deserialize;
use serde_json::Value as Json;

use super::{Cluster, Failure, Kinds, Served};

const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

#[derive(Deserialize)]
struct Groups {
    #[serde(default)]
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: GroupName,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize, Default)]
struct GroupName {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
    #[serde(default)]
    resources: Vec<Resource>,
    /// `Stale` where the server behind this version did not answer.
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    #[serde(rename = "resource")]
    plural: String,
    #[serde(default)]
    scope: String,
    response_kind: Option<ResponseKind>,
}

#[derive(Deserialize)]
struct ResponseKind {
    kind: String,
}

impl Cluster {
    /// The version of Kubernetes that the server is of.
    pub async fn version(&self) -> Result<KubernetesVersion, Failure> {
        let told = self.get("/version").await?;
        let part = |name: &str| told[name].as_str().unwrap_or_default();
        let version = format!("{}.{}", part("major"), part("minor")).parse();
        version.map_err(|error| Failure::Malformed(format!("{error}")))
    }

    /// The same with its patch, as charts are told it: `v1.37.2`, without what builders add.
    pub async fn full_version(&self) -> Result<String, Failure> {
        let told = self.get("/version").await?;
        let text = told["gitVersion"].as_str().unwrap_or_default();
        let malformed = || Failure::Malformed("it does not say its version".to_owned());
        release(text).ok_or_else(malformed)
    }

    /// What the server publishes of the kinds of a group and version, as OpenAPI v3; none where it publishes nothing.
    pub async fn schemas(&self, api_version: &str) -> Result<Option<Json>, Failure> {
        let root = if api_version.contains('/') { "apis" } else { "api" };
        match self.get(&format!("/openapi/v3/{root}/{api_version}")).await {
            Ok(document) => Ok(Some(document)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// All kinds that the server serves now.
    pub async fn discover(&self) -> Result<Kinds, Failure> {
        let (core, groups) = futures::try_join!(self.get_as("/api", ACCEPT), self.get_as("/apis", ACCEPT))?;
        let mut kinds = Kinds::of_discovery();
        for answer in [core, groups] {
            let groups: Groups =
                serde_json::from_value(answer).map_err(|error| Failure::Malformed(error.to_string()))?;
            if groups.items.is_empty() {
                return Err(Failure::Malformed("no aggregated discovery (Kubernetes 1.30 or newer has it)".to_owned()));
            }
            add(&mut kinds, groups);
        }
        Ok(kinds)
    }
}

/// `v1.37.2` of `v1.37.2-gke.100` or `1.37.2+k3s1`.
fn release(text: &str) -> Option<String> {
    let numbers = text.strip_prefix('v').unwrap_or(text).split(['-', '+']).next()?;
    let parts: Vec<&str> = numbers.split('.').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (parts.len() == 3 && parts.iter().all(is_number)).then(|| format!("v{numbers}"))
}

fn add(kinds: &mut Kinds, groups: Groups) {
    for group in groups.items {
        for version in group.versions {
            let group = &group.metadata.name;
            if version.freshness == "Stale" {
                kinds.insert_silent(group);
            }
            let api_version =
                if group.is_empty() { version.version.clone() } else { format!("{group}/{}", version.version) };
            for resource in version.resources {
                if let Some(kind) = resource.response_kind {
                    let namespaced = resource.scope == "Namespaced";
                    kinds.insert(&api_version, &kind.kind, Served { plural: resource.plural, namespaced });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builders_add_is_no_part_of_a_version() {
        for text in ["v1.37.2", "1.37.2", "v1.37.2-gke.100", "v1.37.2+k3s1", "v1.37.2-eks-1a2b+c"] {
            assert_eq!(release(text).as_deref(), Some("v1.37.2"), "{text}");
        }
        for text in ["", "v1.37", "v1.37.x", "v1..2", "v1.37.2.1"] {
            assert_eq!(release(text), None, "{text}");
        }
    }
}
