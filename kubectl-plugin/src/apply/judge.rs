//! What the server's own schemas say of a plan, before anything changes.
//!
//! In: a target, a plan, where its objects were read. Out: a [`Judgement`]. Asked for are the schemas of kinds that are
//! created or changed and that nothing here knows: custom kinds whose definition is not in the graph, and Kubernetes' own
//! where the server is of another version than our schemas. That is one request for each group and version, and none where
//! there is no such kind.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use gitops_compiler::diagnostic::{Diagnostic, Origin};
use gitops_compiler::manifest::Manifest;
use gitops_compiler::name::KubernetesVersion;
use gitops_compiler::plan::{Action, Bound, Plan};
use gitops_compiler::schema::{self, Documents};

use crate::cluster::{Failure, Kinds};

use super::Target;

/// How many documents are under way at once.
const CONCURRENT: usize = 8;

/// What the schemas say.
#[derive(Debug, Default)]
pub struct Judgement {
    /// As lints, without the levels that the user chose.
    pub findings: Vec<Diagnostic>,
    /// The groups and versions that the server does not tell of now. It judges their objects when they are applied.
    pub silent: BTreeMap<String, Failure>,
}

/// Compares what a plan creates or changes with the schemas of the server. `kubernetes` is the server's version, where it
/// is known; `origins` are those of the nodes of the graph.
pub async fn judge(
    target: &Target,
    desired: &Bound,
    plan: &Plan,
    kubernetes: Option<KubernetesVersion>,
    origins: &[Origin],
    source: impl Fn(&str) -> Option<Vec<u8>>,
) -> Judgement {
    let mut manifests = manifests(desired, plan, origins, |api_version, kind| {
        is_for_the_server(&target.kinds, kubernetes, api_version, kind)
    });
    // As they stand in their files, which are read one by one.
    manifests.sort_by(|(_, left), (_, right)| left.origin.cmp(&right.origin));
    let versions: BTreeSet<String> = manifests.iter().map(|(version, _)| version.clone()).collect();
    let cluster = &target.records.cluster;
    let asked = versions.into_iter().map(|version| async move { (cluster.schemas(&version).await, version) });
    let answers: Vec<_> = stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(CONCURRENT).collect().await;
    let (mut documents, mut judgement) = (Documents::default(), Judgement::default());
    for (answer, version) in answers {
        match answer {
            Ok(Some(document)) => documents.insert(&version, document),
            Ok(None) => {}
            Err(failure) => {
                judgement.silent.insert(version, failure);
            }
        }
    }
    let manifests: Vec<Manifest> = manifests.into_iter().map(|(_, manifest)| manifest).collect();
    schema::check_as_served(&manifests, &documents, source, &mut judgement.findings);
    judgement.findings.sort();
    judgement
}

/// What is created or changed, of the kinds that are wanted, each with its `apiVersion`.
fn manifests(
    desired: &Bound,
    plan: &Plan,
    origins: &[Origin],
    wanted: impl Fn(&str, &str) -> bool,
) -> Vec<(String, Manifest)> {
    let sent = plan.steps.iter().filter(|step| matches!(step.action, Action::Create | Action::Update | Action::Hook));
    let manifest = |node: usize| {
        let resource = desired.graph.resources().get(node)?;
        let api_version = resource.api_version();
        let manifest = || Manifest {
            key: resource.key.clone(),
            body: (*resource.body).clone(),
            origin: origins.get(node).cloned().unwrap_or_else(|| Origin::of_file(String::new())),
        };
        wanted(api_version, &resource.key.kind).then(|| (api_version.to_owned(), manifest()))
    };
    sent.filter_map(|step| manifest(desired.node(&step.key)?)).collect()
}

/// Whether only the server can tell what objects of a kind may be.
fn is_for_the_server(kinds: &Kinds, kubernetes: Option<KubernetesVersion>, api_version: &str, kind: &str) -> bool {
    if schema::is_own(api_version, kind) {
        kubernetes.is_some_and(|version| version != schema::version())
    } else {
        !kinds.is_defined(api_version, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_asked_for_what_is_not_known_here() {
        let own = schema::version();
        let other = KubernetesVersion::of_minor(own.minor() + 1);
        let kinds = Kinds::default();
        for (kubernetes, api_version, kind, asked) in [
            (None, "apps/v1", "Deployment", false),
            (Some(own), "apps/v1", "Deployment", false),
            (Some(other), "apps/v1", "Deployment", true),
            (Some(own), "acme.io/v1", "Thing", true),
            (None, "acme.io/v1", "Thing", true),
        ] {
            assert_eq!(is_for_the_server(&kinds, kubernetes, api_version, kind), asked, "{kubernetes:?} {kind}");
        }
    }
}
