//! What a deletion says of the object with one uid, against the real API server: whoever has its name by now.

mod support;

use std::time::Duration;

use gitops_compiler::manifest::Propagation;
use kubectl_gitops::cluster::{Cluster, ConnectOptions, Deleted, Failure, connect};
use support::World;

struct Place {
    world: World,
    cluster: Cluster,
    path: String,
}

impl Place {
    async fn new(name: &str) -> Self {
        let world = World::new(name);
        let options = ConnectOptions { kubeconfig: Some(world.kubeconfig.clone()), context: None };
        let connection = connect(&options).await.expect("a connection");
        let cluster = Cluster { connection, timeout: Duration::from_secs(15), is_patient: false };
        let path = format!("/api/v1/namespaces/{}/configmaps/a", world.name);
        Self { world, cluster, path }
    }

    /// Makes the object. Gives its uid and version.
    async fn make(&self) -> (String, String) {
        self.world.kubectl(&["create", "configmap", "a", "-n", &self.world.name]);
        self.seen().await
    }

    async fn seen(&self) -> (String, String) {
        let metadata = self.cluster.get_metadata(&self.path).await.expect("an answer").expect("it is there");
        (metadata.uid, metadata.resource_version)
    }

    async fn delete(&self, uid: &str, version: Option<&str>) -> Result<Deleted, Failure> {
        self.cluster.delete(&self.path, uid, version, Propagation::Background).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_gone_when_none_or_another_has_its_name() {
    let place = Place::new("deleting").await;
    let (first, version) = place.make().await;
    place.world.kubectl(&["label", "configmap", "a", "-n", &place.world.name, "changed=yes"]);
    let stale = place.delete(&first, Some(&version)).await.expect_err("it changed since");
    assert!(stale.is_conflict(), "{stale}");
    assert_eq!(place.delete(&first, None).await.expect("deleted"), Deleted::Gone);
    assert_eq!(place.delete(&first, None).await.expect("it was"), Deleted::Gone);
    let (second, _) = place.make().await;
    assert_eq!(place.delete(&first, None).await.expect("an answer"), Deleted::Replaced);
    assert_eq!(place.delete(&first, Some(&version)).await.expect("an answer"), Deleted::Replaced);
    assert_eq!(place.seen().await.0, second, "the other is not touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_goes_when_it_is_let_go() {
    let place = Place::new("deleting-held").await;
    let (uid, _) = place.make().await;
    let hold = r#"{"metadata":{"finalizers":["example.com/held"]}}"#;
    place.world.kubectl(&["patch", "configmap", "a", "-n", &place.world.name, "--type=merge", "-p", hold]);
    for _ in 0..2 {
        assert_eq!(place.delete(&uid, None).await.expect("an answer"), Deleted::Held);
    }
    place.cluster.remove_finalizer(&place.path, &uid, "example.com/held").await.expect("let go");
    assert_eq!(place.delete(&uid, None).await.expect("it is gone"), Deleted::Gone);
}
