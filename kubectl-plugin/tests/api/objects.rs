//! Objects of an Application: shown to those who may get them, and never with the values of Secrets.

use serde_json::{Value as Json, json};

use crate::people::People;
use crate::support::deployment;

const VALUE: &str = "hunter2-of-objects";

#[test]
fn objects_are_shown_to_those_who_may_get_them() {
    let people = People::new("api-objects");
    let own = people.own().to_owned();
    let writer = people.writer();
    let more = json!({"apiGroups": ["", "apps"], "resources": ["configmaps", "secrets", "pods", "replicasets"], "verbs": ["get", "list"]});
    let seer = people.somebody("seer", &own, &["get"], &[more]);
    people.ground.world.write(
        "deploy/secret.yaml",
        &format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  word: {VALUE}\n"),
    );
    let commit = people.ground.commit("deploy/web.yaml", &deployment("web", "registry.invalid/web:1", "a", ""));
    assert_eq!(writer.get(&people.path("?refresh=normal")).status, 200);
    people.ground.until_synced(&commit);

    let manifests = |asker: &crate::asker::Asker| {
        let told = asker.get(&people.path("/manifests"));
        assert!(told.status == 200 && !told.body.contains(VALUE), "{told:?}");
        let told = told.json();
        let texts = told["manifests"].as_array().cloned().unwrap_or_default();
        let kind = |text: &Json| {
            serde_json::from_str::<Json>(text.as_str().unwrap_or_default()).expect("JSON")["kind"].clone()
        };
        let mut kinds: Vec<String> =
            texts.iter().map(|text| kind(text).as_str().unwrap_or_default().to_owned()).collect();
        kinds.sort();
        kinds
    };
    assert_eq!(manifests(&seer), ["ConfigMap", "Secret"], "Deployments are not theirs to get");
    assert_eq!(manifests(&writer), [""; 0]);

    let secret = people.path(&format!("/resource?kind=Secret&version=v1&namespace={own}&resourceName=s"));
    let told = seer.get(&secret);
    assert!(told.status == 200 && !told.body.contains(VALUE), "{told:?}");
    let manifest: Json = serde_json::from_str(told.json()["manifest"].as_str().expect("a text")).expect("JSON");
    assert_eq!(manifest["data"], json!({"word": "********"}));
    assert_eq!(writer.get(&secret).status, 403);
    let there = secret.replace("resourceName=s", "resourceName=..%2F..%2Fpods");
    assert!(matches!(seer.get(&there).status, 400 | 403 | 404), "a name is one name");

    let kinds = |asker: &crate::asker::Asker| {
        let tree = asker.get(&people.path("/resource-tree")).json();
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let mut kinds: Vec<String> =
            nodes.iter().map(|node| node["kind"].as_str().unwrap_or_default().to_owned()).collect();
        kinds.sort();
        kinds
    };
    people.ground.until("the Pod is in the tree", |_| {
        kinds(&seer) == ["ConfigMap", "Deployment", "Pod", "ReplicaSet", "Secret"]
    });
    assert_eq!(kinds(&writer), ["ConfigMap", "Deployment", "Secret"], "what they may not list they do not see");
    crate::shapes::check("Tree", &seer.get(&people.path("/resource-tree")).json());
}
