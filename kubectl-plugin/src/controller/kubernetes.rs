//! Which Kubernetes charts are told of.
//!
//! In: a cluster. Out: its version and the APIs that it serves, asked for every few minutes for all applications together.

use std::time::Duration;

use gitops_compiler::render::Capabilities;
use tokio::time::Instant;

use crate::cluster::{Cluster, Failure};

/// What the cluster is believed to be for so long.
const KUBERNETES_LASTS: Duration = Duration::from_mins(5);

/// Which Kubernetes charts are told of.
#[derive(Default)]
pub struct Kubernetes {
    known: tokio::sync::Mutex<Option<KnownKubernetes>>,
}

#[derive(Clone)]
struct KnownKubernetes {
    asked: Instant,
    /// Rises with each change.
    number: u64,
    told: Capabilities,
}

impl Kubernetes {
    /// Its version, as far as it is known now; for metrics.
    #[must_use]
    pub fn version(&self) -> String {
        let known = self.known.try_lock().ok();
        known.and_then(|known| known.as_ref()?.told.kube_version.clone()).unwrap_or_default()
    }

    /// What it is, and a number that rises where that changes. What was known counts where nobody answers.
    pub async fn told(&self, cluster: &Cluster) -> Result<(Capabilities, u64), Failure> {
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.asked.elapsed() < KUBERNETES_LASTS) {
            return Ok((known.told.clone(), known.number));
        }
        let before = known.clone();
        let asked = async {
            let kinds = cluster.discover().await?;
            if let Some(group) = kinds.silent().next() {
                return Err(Failure::Silent(group.to_owned()));
            }
            let kube_version = Some(cluster.full_version().await?);
            Ok(Capabilities { kube_version, api_versions: kinds.api_versions() })
        };
        let told = match (asked.await, &before) {
            (Ok(told), _) => told,
            (Err(_), Some(before)) => before.told.clone(),
            (Err(failure), None) => return Err(failure),
        };
        let is_same = |before: &KnownKubernetes| {
            let parts = |told: &Capabilities| (told.kube_version.clone(), told.api_versions.clone());
            parts(&before.told) == parts(&told)
        };
        let number = before.as_ref().map_or(0, |before| before.number + u64::from(!is_same(before)));
        *known = Some(KnownKubernetes { asked: Instant::now(), number, told: told.clone() });
        Ok((told, number))
    }
}
