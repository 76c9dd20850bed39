//! Who may do what: users with their roles against actions, each cell through the API and on the objects.
//!
//! What is expected is the rule of this file ([`User::may`] and [`Action::expected`]), and not what a server says. The table is
//! printed. `GITOPS_LONG=1` asks about a second namespace, too.

#![expect(clippy::print_stdout, reason = "the tables are what this shows")]

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::people::People;

const RBAC: &str = "rbac.authorization.k8s.io";
const READ: &[&str] = &["get", "list", "watch"];
const ALL: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];

/// Where a role holds, and where somebody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The controller's own namespace.
    Own,
    /// Another one with Applications.
    Other,
    Everywhere,
}

/// Somebody, and what they have been given.
struct User {
    name: &'static str,
    /// Of Applications.
    verbs: &'static [&'static str],
    place: Place,
    /// Given to a group instead of to them.
    by_group: bool,
    /// Whether they may also read ConfigMaps and Events there.
    sees_objects: bool,
}

const fn user(name: &'static str, verbs: &'static [&'static str], place: Place) -> User {
    User { name, verbs, place, by_group: false, sees_objects: false }
}

const USERS: &[User] = &[
    user("nobody", &[], Place::Own),
    user("stranger", &[], Place::Own),
    user("getter", &["get"], Place::Own),
    user("lister", &["list"], Place::Own),
    user("blind", &["patch", "delete"], Place::Own),
    user("reader", READ, Place::Own),
    User { sees_objects: true, ..user("seer", READ, Place::Own) },
    user("operator", &["get", "patch"], Place::Own),
    user("remover", &["get", "delete"], Place::Own),
    User { by_group: true, ..user("member", &["get", "list", "watch", "create", "update", "patch"], Place::Own) },
    User { sees_objects: true, ..user("owner", ALL, Place::Own) },
    User { sees_objects: true, ..user("neighbour", ALL, Place::Other) },
    user("viewer", READ, Place::Everywhere),
    User { sees_objects: true, ..user("admin", ALL, Place::Everywhere) },
];

impl User {
    fn is_signed_in(&self) -> bool {
        self.name != "nobody"
    }

    fn is_at(&self, place: Place) -> bool {
        self.place == Place::Everywhere || self.place == place
    }

    /// Whether they have been given this.
    fn may(&self, right: &str, place: Place) -> bool {
        let is_given = if right == "objects" { self.sees_objects } else { self.verbs.contains(&right) };
        self.is_at(place) && is_given
    }
}

/// Something that is done, and the rights that it takes: beside `get` of the Application, which the API always asks for.
#[derive(Clone, Copy)]
struct Action {
    name: &'static str,
    /// Through the API.
    api: &'static [&'static str],
    /// With kubectl.
    objects: &'static [&'static str],
}

/// A sync and its like are a patch, and kubectl gets an object before it patches it.
const fn patch(name: &'static str) -> Action {
    Action { name, api: &["get", "patch"], objects: &["get", "patch"] }
}

const ACTIONS: &[Action] = &[
    Action { name: "list", api: &["list"], objects: &["list"] },
    Action { name: "watch", api: &["watch"], objects: &["watch"] },
    Action { name: "get", api: &["get"], objects: &["get"] },
    Action { name: "history", api: &["get"], objects: &["get"] },
    Action { name: "tree", api: &["get"], objects: &["get"] },
    Action { name: "resource", api: &["get", "objects"], objects: &["objects"] },
    Action { name: "events", api: &["get", "objects"], objects: &["objects"] },
    Action { name: "create", api: &["create"], objects: &["create"] },
    patch("patch"),
    patch("put"),
    patch("sync"),
    patch("rollback"),
    patch("hold"),
    patch("release"),
    patch("refresh"),
    Action { name: "delete", api: &["get", "delete"], objects: &["delete"] },
];

/// What came of it through the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Done,
    /// Nobody is signed in.
    Unknown,
    /// As if it were not there.
    NotThere,
    Refused,
    Other(u16),
}

impl Action {
    /// What somebody is answered by the API.
    fn expected(&self, user: &User, place: Place) -> Came {
        let has_all = self.api.iter().all(|right| user.may(right, place));
        match self.name {
            _ if !user.is_signed_in() => Came::Unknown,
            _ if has_all => Came::Done,
            // Lists have what somebody may see, and refuse nobody.
            "list" | "watch" => Came::NotThere,
            // Nothing is named that could be hidden.
            "create" => Came::Refused,
            _ if !user.may("get", place) => Came::NotThere,
            _ => Came::Refused,
        }
    }
}

/// All that there is for the table.
struct Scene {
    people: People,
    /// By user; empty for nobody.
    tokens: BTreeMap<&'static str, String>,
    server: String,
    authority: String,
}

impl Scene {
    fn new() -> Self {
        let people = People::new("api-matrix");
        let view = |what: &str| {
            let path = format!("jsonpath={{.clusters[0].cluster.{what}}}");
            people.ground.world.kubectl(&["config", "view", "--minify", "-o", &path]).trim().to_owned()
        };
        let (server, authority) = (view("server"), view("certificate-authority"));
        let mut scene = Self { people, tokens: BTreeMap::new(), server, authority };
        for user in USERS {
            let token = if user.is_signed_in() { scene.give(user) } else { String::new() };
            scene.tokens.insert(user.name, token);
            for place in places() {
                for name in [format!("app-{}", user.name), format!("gone-{}", user.name)] {
                    scene.people.ground.create(&scene.application(&name, place));
                }
            }
        }
        scene
    }

    fn namespace(&self, place: Place) -> &str {
        if place == Place::Other { &self.people.other } else { self.people.own() }
    }

    fn application(&self, name: &str, place: Place) -> Json {
        let mut application = self.people.ground.application(&json!({}));
        application["metadata"] = json!({"name": name, "namespace": self.namespace(place)});
        application
    }

    /// Gives somebody their role; gives their token.
    fn give(&self, user: &User) -> String {
        let (world, own) = (&self.people.ground.world, self.people.own());
        // Whoever is of the group is in a namespace of their own.
        let home = if user.by_group { format!("{own}-{}", user.name) } else { own.to_owned() };
        if user.by_group {
            world.kubectl(&["create", "namespace", &home]);
        }
        world.kubectl(&["create", "serviceaccount", user.name, "-n", &home]);
        let mut rules = vec![json!({"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": user.verbs})];
        if user.sees_objects {
            rules.push(json!({"apiGroups": [""], "resources": ["configmaps", "events"], "verbs": ["get", "list"]}));
        }
        let scope = if user.place == Place::Everywhere { "Cluster" } else { "" };
        let name = format!("{own}-{}", user.name);
        let metadata = match user.place {
            Place::Everywhere => json!({"name": name}),
            place => json!({"name": name, "namespace": self.namespace(place)}),
        };
        let subject = if user.by_group {
            json!({"kind": "Group", "name": format!("system:serviceaccounts:{home}"), "apiGroup": RBAC})
        } else {
            json!({"kind": "ServiceAccount", "name": user.name, "namespace": home})
        };
        if !user.verbs.is_empty() {
            let kind = format!("{scope}Role");
            let version = format!("{RBAC}/v1");
            let role = json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": rules});
            self.people.ground.create(&role);
            self.people.ground.create(&json!({
                "apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
                "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name}, "subjects": [subject],
            }));
        }
        world.kubectl(&["create", "token", user.name, "-n", &home]).trim().to_owned()
    }

    /// Does something through the API.
    fn api(&self, user: &User, action: &Action, place: Place) -> Came {
        let asker = Asker::new(&self.people.address, &self.tokens[user.name]);
        let (namespace, app) = (self.namespace(place), format!("app-{}", user.name));
        let at = |root: &str, rest: &str, more: &str| {
            format!("{root}/applications/{app}{rest}?appNamespace={namespace}{more}")
        };
        let (theirs, ours) = (|rest: &str| at("/api/v1", rest, ""), |rest: &str| at("/api/gitops/v1", rest, ""));
        let came_back = || match action.name {
            "list" => seen_in_list(&asker, namespace, &app),
            "watch" => seen_in_stream(&asker, namespace, &app),
            "get" => asker.get(&theirs("")).status,
            "history" => asker.get(&ours("/history")).status,
            "tree" => asker.get(&theirs("/resource-tree")).status,
            "events" => asker.get(&theirs("/events")).status,
            "resource" => {
                let of = format!("&kind=ConfigMap&version=v1&namespace={namespace}&resourceName=kube-root-ca.crt");
                asker.get(&at("/api/v1", "/resource", &of)).status
            }
            "create" => {
                let new = self.application(&format!("new-{}", user.name), place);
                asker.send("POST", "/api/v1/applications", &new).status
            }
            "patch" => {
                let patch = json!({"patchType": "merge", "patch": "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}"});
                asker.send("PATCH", &theirs(""), &patch).status
            }
            "put" => {
                // The same again would be no change, and so no matter of rights.
                let mut application = self.application(&app, place);
                application["spec"]["revisionHistoryLimit"] = 7.into();
                asker.send("PUT", &theirs(""), &application).status
            }
            "sync" => asker.send("POST", &theirs("/sync"), &json!({"dryRun": true})).status,
            "rollback" => asker.send("POST", &theirs("/rollback"), &json!({})).status,
            "hold" | "release" | "refresh" => {
                asker.send("POST", &ours(&format!("/{}", action.name)), &json!({})).status
            }
            "delete" => asker.delete(&theirs("").replace("/app-", "/gone-").replace('?', "?cascade=false&")).status,
            other => panic!("no way to {other}"),
        };
        let mut status = came_back();
        // What was asked for before is done first: that is no answer about rights.
        let is_operation = ["sync", "rollback", "hold", "release"].contains(&action.name);
        if status == 400 && is_operation {
            self.people.ground.until("the operation before is over", |_| {
                status = came_back();
                status != 400
            });
        }
        match status {
            200 => Came::Done,
            401 => Came::Unknown,
            403 => Came::Refused,
            404 => Came::NotThere,
            other => Came::Other(other),
        }
    }

    /// Does it with kubectl; whether it is done. Nothing is changed: the API server decides before it would be.
    fn objects(&self, user: &User, action: &Action, place: Place) -> bool {
        let (namespace, app) = (self.namespace(place), format!("app-{}", user.name));
        let kind = "applications.argoproj.io";
        let file = self.people.ground.world.home.path().join("new.json");
        let new = self.application(&format!("new-by-kubectl-{}", user.name), place);
        std::fs::write(&file, new.to_string()).expect("written");
        let file = file.display().to_string();
        let watched =
            format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications?watch=true&timeoutSeconds=1");
        let mut arguments: Vec<&str> = match action.name {
            "list" => vec!["get", kind],
            "watch" => vec!["get", "--raw", &watched],
            "get" | "history" | "tree" => vec!["get", kind, &app],
            "resource" => vec!["get", "configmap", "kube-root-ca.crt"],
            "events" => vec!["get", "events"],
            "create" => vec!["create", "-f", &file, "--dry-run=server"],
            "delete" => vec!["delete", kind, &app, "--wait=false", "--dry-run=server"],
            name => vec!["patch", kind, &app, "--type=merge", "--dry-run=server", "-p", patch_of(name)],
        };
        if action.name != "watch" {
            arguments.extend(["-n", namespace]);
        }
        let world = &self.people.ground.world;
        let mut command = std::process::Command::new(world.kubectl_command(&[]).get_program());
        command.env_clear().env("KUBECONFIG", "/dev/null").env("HOME", world.home.path()).args(arguments);
        command.args(["--server", &self.server, "--certificate-authority", &self.authority]);
        if user.is_signed_in() {
            command.args(["--token", &self.tokens[user.name]]);
        }
        // Whoever shows nothing would be asked for a name.
        command.stdin(std::process::Stdio::null());
        command.output().expect("kubectl starts").status.success()
    }
}

/// What asks for it on the object.
fn patch_of(action: &str) -> &'static str {
    match action {
        "patch" => r#"{"metadata": {"labels": {"a": "b"}}}"#,
        "put" => r#"{"spec": {"revisionHistoryLimit": 7}}"#,
        "sync" => r#"{"operation": {"sync": {"dryRun": true}}}"#,
        "rollback" => r#"{"operation": {"info": [{"name": "kubectl-gitops/rollback", "value": ""}]}}"#,
        "hold" => r#"{"operation": {"info": [{"name": "kubectl-gitops/hold", "value": ""}]}}"#,
        "release" => r#"{"operation": {"info": [{"name": "kubectl-gitops/release", "value": ""}]}}"#,
        "refresh" => r#"{"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}}"#,
        other => panic!("no patch for {other}"),
    }
}

/// 404 where the list does not have it.
fn seen_in_list(asker: &Asker, namespace: &str, app: &str) -> u16 {
    let reply = asker.get(&format!("/api/v1/applications?appNamespace={namespace}&fields=items.metadata.name"));
    let has = |reply: &Json| {
        reply["items"].as_array().is_some_and(|items| items.iter().any(|item| item["metadata"]["name"] == app))
    };
    if reply.status == 200 && !has(&reply.json()) { 404 } else { reply.status }
}

/// 404 where the stream tells nothing of it.
fn seen_in_stream(asker: &Asker, namespace: &str, app: &str) -> u16 {
    match asker.try_events(&format!("/api/gitops/v1/stream/applications?appNamespace={namespace}&name={app}")) {
        Ok(mut events) => events.first().map_or(404, |_| 200),
        Err(status) => status,
    }
}

fn places() -> Vec<Place> {
    let is_long = env::var_os("GITOPS_LONG").is_some();
    if is_long { vec![Place::Own, Place::Other] } else { vec![Place::Own] }
}

#[test]
fn who_may_do_what_is_one_rule_through_the_api_and_on_objects() {
    let scene = Scene::new();
    let admin = Asker::new(&scene.people.address, &scene.tokens["admin"]);
    scene.people.ground.until("all Applications are known", |_| {
        let listed = admin.get("/api/gitops/v1/applications?limit=1").json();
        listed["total"].as_u64() >= u64::try_from(USERS.len() * 2 * places().len()).ok()
    });
    let (mut wrong, mut cells) = (Vec::new(), 0);
    for place in places() {
        println!("\n{place:?} namespace: API status / kubectl, as `User::may` says");
        let mut head = " ".repeat(10);
        for action in ACTIONS {
            let _ = write!(head, "{:>9}", action.name);
        }
        println!("{head}");
        for user in USERS {
            let mut line = format!("{:<10}", user.name);
            for action in ACTIONS {
                let objects = scene.objects(user, action, place);
                let api = scene.api(user, action, place);
                let expected = (
                    action.expected(user, place),
                    user.is_signed_in() && action.objects.iter().all(|right| user.may(right, place)),
                );
                let told = match api {
                    Came::Done => "200".to_owned(),
                    Came::Unknown => "401".to_owned(),
                    Came::Refused => "403".to_owned(),
                    Came::NotThere => "404".to_owned(),
                    Came::Other(status) => format!("{status}!"),
                };
                let told = format!("{told}/{}", if objects { "yes" } else { "no" });
                let _ = write!(line, "{told:>9}");
                cells += 1;
                if (api, objects) != expected {
                    wrong.push(format!(
                        "{} {} {place:?}: {:?}, not {expected:?}",
                        user.name,
                        action.name,
                        (api, objects)
                    ));
                }
            }
            println!("{line}");
        }
    }
    println!("{cells} cells, {} of them not as the rule says", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
