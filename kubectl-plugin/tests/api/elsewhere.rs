//! Objects of an Application in another cluster are shown to whoever has the right to that on the Application in this one, and to
//! nobody else; and nothing of that cluster but what is the Application's and what its project permits.

use serde_json::{Value as Json, json};

use crate::asker::{Asker, Events, Reply};
use crate::people::People;
use crate::shapes::check;
use crate::spoke::{Spoke, on_prod};
use crate::support::{config_map, deployment};

const VALUE: &str = "hunter2-of-the-other-cluster";
const PARTS: [&str; 4] = ["tree", "resource", "events", "logs"];

/// A controller, and an Application `far` that is applied to the namespace `shop` of another cluster.
struct Scene {
    people: People,
    spoke: Spoke,
}

impl Scene {
    fn new(name: &str) -> Self {
        let (people, spoke) = (People::new(name), Spoke::start("shop"));
        let world = &people.ground.world;
        world.write("far/b.yaml", &config_map("b", "1"));
        world.write("far/web.yaml", &deployment("web", "registry.invalid/web:1", "none", ""));
        let secret = format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  word: {VALUE}\n");
        people.ground.commit("far/secret.yaml", &secret);
        people.ground.create(&spoke.secret_of_admin(&people.ground));
        let mut far = on_prod(&people.ground, "far", "shop");
        far["metadata"]["annotations"] = json!({"argocd.argoproj.io/refresh": "normal"});
        people.ground.create(&far);
        people.ground.until("the other cluster", |ground| ground.status_of("far")["sync"]["status"] == "Synced");
        // Somebody else's, in the same namespace.
        spoke.kubectl(&["create", "configmap", "theirs", "-n", "shop", "--from-literal=value=theirs"]);
        spoke.kubectl(&["create", "deployment", "theirs", "-n", "shop", "--image=registry.invalid/theirs:1"]);
        Self { people, spoke }
    }

    /// Somebody who may get the Application, and these parts of it.
    fn seer(&self, name: &str, parts: &[&str]) -> Asker {
        let resources: Vec<String> = parts.iter().map(|part| format!("applications/{part}")).collect();
        let more = json!({"apiGroups": ["argoproj.io"], "resources": resources, "verbs": ["get"]});
        let more = if parts.is_empty() { vec![] } else { vec![more] };
        self.people.somebody(name, self.people.own(), &["get"], &more)
    }

    /// The path of a Pod of somebody's Deployment, and its uid.
    fn pod(&self, app: &str) -> (String, String) {
        let found = |_: &crate::world::Ground| {
            let selector = format!("app={app}");
            let listed = self.spoke.kubectl(&["get", "pods", "-n", "shop", "-l", &selector, "-o", "json"]);
            let listed: Json = serde_json::from_str(&listed).expect("JSON");
            let metadata = listed["items"][0]["metadata"].clone();
            let text = |field: &str| metadata[field].as_str().map(str::to_owned);
            text("name").zip(text("uid"))
        };
        self.people.ground.until(&format!("a Pod of {app}"), |ground| found(ground).is_some());
        found(&self.people.ground).expect("a Pod")
    }
}

fn at(rest: &str) -> String {
    format!("/api/v1/applications/far{rest}")
}

fn ours(rest: &str) -> String {
    format!("/api/gitops/v1/applications/far{rest}")
}

fn object(kind: &str, group: &str, name: &str) -> String {
    at(&format!("/resource?group={group}&kind={kind}&namespace=shop&resourceName={name}"))
}

fn good(reply: &Reply) -> Json {
    assert!(reply.status == 200 && !reply.body.contains(VALUE), "{reply:?}");
    reply.json()
}

/// Names of the nodes of a tree, with their kinds, sorted.
fn nodes(tree: &Json) -> Vec<String> {
    let name = |node: &Json| format!("{}/{}", node["kind"].as_str().unwrap_or(""), node["name"].as_str().unwrap_or(""));
    let mut names: Vec<String> = tree["nodes"].as_array().expect("nodes").iter().map(name).collect();
    names.sort();
    names
}

#[test]
fn objects_of_another_cluster_are_shown_by_a_right_on_the_application() {
    let scene = Scene::new("api-elsewhere");
    let (getter, seer) = (scene.seer("getter", &[]), scene.seer("seer", &PARTS));
    each_part_takes_its_own_right(&scene, &getter, &seer);
    let mut stream = only_what_is_its_own_is_shown(&scene, &seer);
    events_and_logs_are_of_its_own_pods(&scene, &seer);
    let rights = |asker: &Asker| good(&asker.get(&ours("/rights")))["logs"].clone();
    assert_eq!((rights(&seer), rights(&getter)), (json!(true), json!(false)));

    // The stream ends with the right, and everything else with it.
    scene.people.ground.world.kubectl(&["delete", "rolebinding", "seer", "-n", scene.people.own()]);
    while stream.next().is_some() {}
    scene.people.ground.until("it is taken", |_| seer.get(&at("/resource-tree")).status == 404);
}

/// Whoever may get the Application has what belongs to it, and is told which right the rest takes.
fn each_part_takes_its_own_right(scene: &Scene, getter: &Asker, seer: &Asker) {
    let (pod, uid) = scene.pod("web");
    for path in [ours("/history"), ours("/graph"), ours("/plan"), at("/events?x=y")] {
        let status = getter.get(&path).status;
        assert!(status == 200 || path.contains("events") && status == 403, "{path}: {status}");
    }
    assert_eq!(good(&getter.get(&ours("/history")))["releases"].as_array().map(Vec::len), Some(1));
    for (part, path) in [
        ("tree", at("/resource-tree")),
        ("tree", "/api/v1/stream/applications/far/resource-tree".to_owned()),
        ("resource", object("ConfigMap", "", "b")),
        ("resource", at("/managed-resources")),
        ("resource", at("/manifests")),
        ("resource", ours("/diff")),
        ("events", at(&format!("/events?resourceName={pod}&resourceNamespace=shop&resourceUID={uid}"))),
        ("logs", at(&format!("/pods/{pod}/logs?namespace=shop"))),
    ] {
        let reply = getter.get(&path);
        let message = reply.json()["message"].as_str().unwrap_or_default().to_owned();
        assert!(reply.status == 404 && message.contains(&format!("applications/{part}")), "{path}: {reply:?}");
        let others: Vec<&str> = PARTS.into_iter().filter(|other| *other != part).collect();
        let other = scene.seer(&format!("not-{part}-{}", path.len()), &others);
        assert_eq!(other.get(&path).status, 404, "{path}: one right is not another");
        if !path.contains("/stream/") && part != "logs" {
            good(&seer.get(&path));
        }
    }
}

/// What the Application owns there, and what that owns; nothing of others. Gives a stream of that.
fn only_what_is_its_own_is_shown(scene: &Scene, seer: &Asker) -> Events {
    let ((pod, _), (their_pod, _)) = (scene.pod("web"), scene.pod("theirs"));
    let replica_set = pod.rsplit_once('-').expect("a Pod of a ReplicaSet").0;
    let (pod_node, replica_set) = (format!("Pod/{pod}"), format!("ReplicaSet/{replica_set}"));
    let expected = ["ConfigMap/b", "Deployment/web", &pod_node, &replica_set, "Secret/s"];
    let tree = || good(&seer.get(&at("/resource-tree")));
    scene.people.ground.until("the Pod is in the tree", |_| nodes(&tree()) == expected);
    check("Tree", &tree());
    let mut stream = seer.events("/api/v1/stream/applications/far/resource-tree");
    assert_eq!(nodes(&stream.next().expect("a tree").1["result"]), expected);

    let body = good(&seer.get(&object("ConfigMap", "", "b")))["manifest"].as_str().expect("a text").to_owned();
    assert!(body.contains("\"value\":\"1\""), "{body}");
    good(&seer.get(&object("Secret", "", "s")));
    good(&seer.get(&object("Pod", "", &pod)));
    for (kind, group, name) in [
        ("ConfigMap", "", "theirs"),
        ("ConfigMap", "", "kube-root-ca.crt"),
        ("Deployment", "apps", "theirs"),
        ("Pod", "", their_pod.as_str()),
    ] {
        assert_eq!(seer.get(&object(kind, group, name)).status, 404, "{kind} {name} is not the Application's");
    }
    let managed = good(&seer.get(&at("/managed-resources")));
    check("Managed", &managed);
    assert_eq!(managed["items"].as_array().map(Vec::len), Some(3), "{managed:#}");
    assert!(managed["items"][0]["liveState"].as_str().is_some_and(|live| live.contains("resourceVersion")));
    stream
}

/// Events and logs of its own Pods, and of no others.
fn events_and_logs_are_of_its_own_pods(scene: &Scene, seer: &Asker) {
    let ((pod, uid), (their_pod, their_uid)) = (scene.pod("web"), scene.pod("theirs"));
    let events = |pod: &str, uid: &str| {
        let path = at(&format!("/events?resourceName={pod}&resourceNamespace=shop&resourceUID={uid}"));
        good(&seer.get(&path))["items"].as_array().map(Vec::len)
    };
    for (name, uid) in [(&pod, &uid), (&their_pod, &their_uid)] {
        let involved = json!({"apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": name, "uid": uid});
        let file = scene.people.ground.world.home.path().join("event.json");
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("told-{name}"), "namespace": "shop"},
            "involvedObject": involved, "reason": "Told", "message": "told by the test", "type": "Normal",
        });
        std::fs::write(&file, event.to_string()).expect("written");
        scene.spoke.kubectl(&["create", "-f", &file.display().to_string()]);
    }
    assert!(events(&pod, &uid).is_some_and(|count| count > 0));
    assert_eq!(events(&their_pod, &their_uid), Some(0));
    let log = |pod: &str| seer.get(&at(&format!("/pods/{pod}/logs?namespace=shop")));
    assert_eq!(log(&their_pod).status, 404, "not theirs to see");
}

#[test]
fn what_a_project_does_not_permit_is_not_shown_and_git_names_nothing_of_others() {
    let scene = Scene::new("api-elsewhere-project");
    let (own, seer) = (scene.people.own().to_owned(), scene.seer("seer", &PARTS));
    let ground = &scene.people.ground;
    assert_eq!(seer.get(&object("ConfigMap", "", "b")).status, 200);

    // An Application that only names what is somebody else's does not show it.
    let patch = json!({"spec": {"syncPolicy": null}}).to_string();
    let merge = ["--type=merge", "-p", &patch];
    ground.world.kubectl(&[&["patch", "applications.argoproj.io", "far", "-n", &own][..], &merge[..]].concat());
    let commit = ground.commit("far/theirs.yaml", &config_map("theirs", "mine"));
    let refresh = ["annotate", "applications.argoproj.io", "far", "-n", &own, "argocd.argoproj.io/refresh=normal"];
    ground.world.kubectl(&[&refresh[..], &["--overwrite"]].concat());
    ground.until("it is compared", |ground| ground.status_of("far")["sync"]["revision"] == commit.as_str());
    assert_eq!(seer.get(&object("ConfigMap", "", "theirs")).status, 404);
    let managed = good(&seer.get(&at("/managed-resources?kind=ConfigMap")));
    let names: Vec<&str> =
        managed["items"].as_array().expect("items").iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(names, ["b"], "{managed:#}");

    let project = |more: Json| {
        let mut spec = json!({"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]});
        json_patch::merge(&mut spec, &more);
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "default", "namespace": own}, "spec": spec,
        })
    };
    ground.create(&project(json!({"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]})));
    ground.until("a kind that is denied", |_| seer.get(&object("ConfigMap", "", "b")).status == 404);
    assert_eq!(seer.get(&object("Deployment", "apps", "web")).status, 200);
    let kinds = |reply: &Reply| nodes(&good(reply)).iter().any(|node| node.starts_with("ConfigMap/"));
    assert!(!kinds(&seer.get(&at("/resource-tree"))));
    assert!(!good(&seer.get(&at("/manifests"))).to_string().contains("ConfigMap"));

    let patch = json!({"spec": {"destinations": [{"server": "*", "namespace": "elsewhere"}]}}).to_string();
    ground.world.kubectl(&["patch", "appprojects.argoproj.io", "default", "-n", &own, "--type=merge", "-p", &patch]);
    let refused = |reply: &Reply| reply.status == 400 && reply.body.contains("nothing in spec.destinations matches it");
    ground.until("a destination that is not permitted", |_| refused(&seer.get(&object("Deployment", "apps", "web"))));
    assert!(refused(&seer.get(&at("/resource-tree"))));
}
