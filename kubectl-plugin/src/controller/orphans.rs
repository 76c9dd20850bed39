//! What is in namespaces and of no Application, for projects that ask for it (`spec.orphanedResources`).
//!
//! In: a cluster, a namespace. Out: what is there that nothing owns and no Application has applied, by its own label or by Argo CD's. All
//! kinds are listed, without their bodies, once for all Applications of a namespace, and again only after [`HOLDS`]: there is no
//! watch of them. Kinds that may not be listed, or that others keep writing (events, leases, endpoints), are passed over, as Argo CD's
//! defaults do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use gitops_compiler::name::group_of;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::cluster::{Cluster, Failure, PART_OF, PartialObject, collection};

/// For how long what was found holds.
pub const HOLDS: Duration = Duration::from_mins(3);

/// So many kinds are listed at once.
const AT_ONCE: usize = 4;

/// By which Argo CD knows what it has applied.
const OF_ARGO_CD: &str = "argocd.argoproj.io/tracking-id";

/// Kinds that are nobody's wish: a group, and a kind where not all of it is meant.
const PASSED_OVER: [(&str, &str); 9] = [
    ("", "Event"),
    ("", "Endpoints"),
    ("discovery.k8s.io", ""),
    ("events.k8s.io", ""),
    ("coordination.k8s.io", "Lease"),
    ("metrics.k8s.io", ""),
    ("authorization.k8s.io", ""),
    // Applications are what this is about, and not of any.
    ("argoproj.io", "Application"),
    ("argoproj.io", "AppProject"),
];

/// What our own objects are labelled with.
const OURS: [&str; 3] = ["kubectl-gitops/target", "kubectl-gitops/session", "applyset.kubernetes.io/id"];

/// An object that nothing owns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loose {
    /// Its group.
    pub group: String,
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
}

type Found = Result<Arc<Vec<Loose>>, String>;

/// What was found in one namespace, and when; held by whoever looks.
type One = Arc<Mutex<Option<(Instant, Found)>>>;

/// What was found, by cluster and namespace.
#[derive(Debug, Default)]
pub struct Namespaces {
    known: Mutex<BTreeMap<(String, String), One>>,
}

impl Namespaces {
    /// What is in a namespace of a cluster and of no Application.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub async fn loose(&self, cluster: &Cluster, namespace: &str) -> Found {
        let key = (cluster.connection.address.clone(), namespace.to_owned());
        let one = {
            let mut known = self.known.lock().await;
            // Those that nobody asks for any more go.
            known.retain(|_, one| {
                let Ok(one) = one.try_lock() else { return true };
                one.as_ref().is_none_or(|(when, _)| when.elapsed() < HOLDS * 4)
            });
            Arc::clone(known.entry(key).or_default())
        };
        let mut one = one.lock().await;
        if let Some((when, found)) = one.as_ref()
            && when.elapsed() < HOLDS
        {
            return found.clone();
        }
        let found = look(cluster, namespace).await.map(Arc::new).map_err(|failure| failure.to_string());
        *one = Some((Instant::now(), found.clone()));
        found
    }
}

async fn look(cluster: &Cluster, namespace: &str) -> Result<Vec<Loose>, Failure> {
    let kinds = cluster.discover().await?;
    let asked = kinds.namespaced().filter(|(version, kind, _)| !is_passed_over(group_of(version), kind));
    let asked = asked.map(|(version, kind, served)| async move {
        let listed = cluster.list::<PartialObject>(&collection(version, served, Some(namespace)), "").await;
        let loose = |object: PartialObject| {
            is_loose(&object).then(|| Loose {
                group: group_of(version).to_owned(),
                kind: kind.to_owned(),
                name: object.metadata.name,
            })
        };
        match listed {
            Ok(objects) => Ok(objects.into_iter().filter_map(loose).collect::<Vec<_>>()),
            // Not for us, or no list.
            Err(failure) if matches!(failure.code(), 403..=405) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    });
    let lists: Vec<Result<Vec<Loose>, Failure>> =
        futures::stream::iter(asked.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await;
    let mut all: Vec<Loose> = lists.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    all.sort();
    Ok(all)
}

fn is_passed_over(group: &str, kind: &str) -> bool {
    PASSED_OVER.iter().any(|(of, what)| *of == group && (what.is_empty() || *what == kind))
}

/// Whether nothing owns an object, and no Application says that it is its.
fn is_loose(object: &PartialObject) -> bool {
    let metadata = &object.metadata;
    let labels = &metadata.labels;
    !metadata.is_owned
        && !labels.contains_key(PART_OF)
        && !metadata.annotations.contains_key(OF_ARGO_CD)
        && !OURS.iter().any(|ours| labels.contains_key(*ours))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_somebody_has_is_not_loose() {
        let is_loose = |metadata: serde_json::Value| {
            let object = json!({"metadata": metadata});
            super::is_loose(&serde_json::from_value(object).expect("an object"))
        };
        assert!(is_loose(json!({"name": "a", "labels": {"app": "a"}, "ownerReferences": []})));
        for metadata in [
            json!({"name": "a", "ownerReferences": [{"kind": "ReplicaSet"}]}),
            json!({"name": "a", "labels": {PART_OF: "applyset-x-v1"}}),
            json!({"name": "a", "labels": {"kubectl-gitops/session": ""}}),
            json!({"name": "a", "annotations": {OF_ARGO_CD: "shop:/ConfigMap:a/b"}}),
        ] {
            assert!(!is_loose(metadata.clone()), "{metadata}");
        }
    }

    #[test]
    fn what_nobody_wished_for_is_passed_over() {
        assert!(is_passed_over("", "Event") && is_passed_over("discovery.k8s.io", "EndpointSlice"));
        assert!(!is_passed_over("", "ConfigMap") && !is_passed_over("coordination.k8s.io", "Other"));
        assert_eq!((group_of("v1"), group_of("apps/v1")), ("", "apps"));
    }
}
