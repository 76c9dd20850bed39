//! The bound: the same objects, sent as fast as the server takes them, and nothing else.

use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use gitops_compiler::manifest;
use gitops_compiler::name::ResourceKey;
use kubectl_gitops::cluster::{ApplyOptions, Cluster, ConnectOptions, connect};
use serde_json::Value as Json;

/// Server-side apply of all objects of some files, the first of them (the namespace) before all others, the rest over so many
/// connections. In seconds.
pub(crate) async fn bare_patches(
    kubeconfig: &Path,
    files: &[(String, String)],
    namespace: &str,
    connections: usize,
) -> f64 {
    let options = ConnectOptions { kubeconfig: Some(kubeconfig.to_owned()), context: None };
    let connection = connect(&options).await.expect("a connection");
    let cluster = Cluster { connection, timeout: Duration::from_mins(1), is_patient: false };
    let kinds = cluster.discover().await.expect("discovery");
    let mut bodies = Vec::new();
    for (path, text) in files {
        let (manifests, _) = manifest::read(path, text.as_bytes());
        for manifest in manifests {
            let api_version = manifest.body.get("apiVersion").and_then(|version| version.as_str()).unwrap_or_default();
            let namespaced = kinds.get(api_version, &manifest.key.kind).expect("served").namespaced;
            let key: ResourceKey = manifest.key.bound(namespaced, namespace);
            bodies.push((kinds.path(api_version, &key).expect("a path"), Json::from(&manifest.body)));
        }
    }
    bodies.sort_by_key(|(path, _)| path.matches('/').count());
    let started = Instant::now();
    let patch = |(path, body): (String, Json)| {
        let cluster = cluster.clone();
        async move {
            let options = ApplyOptions { field_manager: "bound", force: false, dry_run: false };
            cluster.apply(&path, &body, &options).await.expect("applied");
        }
    };
    let mut bodies = bodies.into_iter();
    patch(bodies.next().expect("the namespace")).await;
    futures::stream::iter(bodies).map(patch).buffer_unordered(connections).collect::<Vec<()>>().await;
    started.elapsed().as_secs_f64()
}
