//! What projects give to those who share a controller: an account in whose name they are applied, a look at what is of no
//! Application, tokens for machines.

use serde_json::{Value as Json, json};

use crate::support::config_map;
use crate::world::Ground;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn project(ground: &Ground, name: &str, more: &Json) -> Json {
    let mut spec = json!({
        "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    });
    json_patch::merge(&mut spec, more);
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": name, "namespace": ground.world.name}, "spec": spec,
    })
}

/// An account that may do this with ConfigMaps and nothing else.
fn account(ground: &Ground, name: &str, verbs: &[&str]) {
    let namespace = ground.world.name.clone();
    ground.world.kubectl(&["create", "serviceaccount", name, "-n", &namespace]);
    let metadata = json!({"name": name, "namespace": namespace});
    let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]);
    ground.create(&json!({"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules}));
    ground.create(&json!({
        "apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }));
}

fn message(ground: &Ground) -> String {
    let state = &ground.status()["operationState"];
    let results = state["syncResult"]["resources"].to_string();
    format!("{} {results}", state["message"].as_str().unwrap_or_default())
}

#[test]
fn what_is_applied_is_applied_as_the_project_says() {
    let mut ground = Ground::new("ctl-as");
    let name = ground.world.name.clone();
    account(&ground, "deployer", &["create", "patch", "delete"]);
    let here = "https://kubernetes.default.svc";
    let accounts = json!([{"server": here, "namespace": "ctl-as*", "defaultServiceAccount": "deployer"}]);
    ground.create(&project(&ground, "shop", &json!({"destinationServiceAccounts": accounts})));
    ground.start();
    let mut application = ground.application(&json!({"automated": {"prune": true, "selfHeal": true}}));
    application["spec"]["project"] = "shop".into();
    application["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    ground.create(&application);
    ground.until("what it may", |ground| ground.status()["sync"]["status"] == "Synced");
    assert_eq!(ground.value("a").as_deref(), Some("1"));
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until_synced(&commit);

    ground.commit("deploy/other.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: taken}\n");
    let who = format!("system:serviceaccount:{name}:deployer");
    ground.until("what it may not", |ground| message(ground).contains(&who));
    assert!(ground.world.get("serviceaccounts", "taken").is_null());
    ground.world.remove("deploy/other.yaml");
    let commit = ground.push();
    ground.until_synced(&commit);

    // Nobody is named for this one: then nobody applies it, the controller neither.
    let patch = json!({"spec": {"destinationServiceAccounts": [
        {"server": "https://elsewhere.example.com", "namespace": "*", "defaultServiceAccount": "deployer"},
    ]}})
    .to_string();
    let merge = ["--type=merge", "-p", &patch];
    ground.world.kubectl(&[&["patch", "appproject", "shop", "-n", &name][..], &merge[..]].concat());
    ground.commit("deploy/a.yaml", &config_map("a", "3"));
    ground.until("nobody is named", |ground| message(ground).contains("no matching service account found"));
    assert_eq!(ground.value("a").as_deref(), Some("2"));

    // Deleting is done in that name, too.
    let patch = json!({"spec": {"destinationServiceAccounts": accounts}}).to_string();
    let merge = ["--type=merge", "-p", &patch];
    ground.world.kubectl(&[&["patch", "appproject", "shop", "-n", &name][..], &merge[..]].concat());
    let only_reads =
        json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]}).to_string();
    ground.world.kubectl(&["patch", "role", "deployer", "-n", &name, "--type=merge", "-p", &only_reads]);
    ground.world.kubectl(&["delete", "applications.argoproj.io", &name, "-n", &name, "--wait=false"]);
    ground.until("it may not delete", |ground| {
        ground.condition("DeletionError").is_some_and(|message| message.contains(&who))
    });
    assert!(ground.value("a").is_some());
    let all =
        json!({"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch", "delete"]}]}).to_string();
    ground.world.kubectl(&["patch", "role", "deployer", "-n", &name, "--type=merge", "-p", &all]);
    ground.until("it may", |ground| ground.value("a").is_none() && ground.app().is_null());
}

#[test]
fn what_is_of_no_application_is_told_where_the_project_asks_for_it() {
    let mut ground = Ground::new("ctl-orphans");
    let name = ground.world.name.clone();
    ground.world.kubectl(&["create", "configmap", "stray", "-n", &name]);
    ground.world.kubectl(&["create", "secret", "generic", "kept", "-n", &name]);
    let ignore = json!([{"kind": "Secret", "name": "k*"}]);
    ground.create(&project(&ground, "shop", &json!({"orphanedResources": {"ignore": ignore}})));
    ground.start();
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["project"] = "shop".into();
    ground.create(&application);
    ground.until("it is told", |ground| {
        let synced = ground.status()["sync"]["status"] == "Synced";
        synced && ground.condition("OrphanedResourceWarning").is_some()
    });
    assert_eq!(
        ground.condition("OrphanedResourceWarning").as_deref(),
        Some("Application has 1 orphaned resources: ConfigMap stray"),
        "neither what is ignored, nor the record, nor what Kubernetes makes itself"
    );
    let patch = json!({"spec": {"orphanedResources": {"warn": false}}}).to_string();
    ground.world.kubectl(&["patch", "appproject", "shop", "-n", &name, "--type=merge", "-p", &patch]);
    ground.until("it is not to be told", |ground| ground.condition("OrphanedResourceWarning").is_none());
}

/// Whether whoever has a token may do this.
fn may(ground: &Ground, token: &str, verb: &str, what: &str) -> bool {
    let name = ground.world.name.clone();
    let arguments = ["auth", "can-i", verb, what, "-n", &name, "--token", token];
    let server = ground.world.kubectl(&["config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}"]);
    let authority = "jsonpath={.clusters[0].cluster.certificate-authority}";
    let authority = ground.world.kubectl(&["config", "view", "--minify", "-o", authority]);
    let program = ground.world.kubectl_command(&[]).get_program().to_owned();
    let mut command = std::process::Command::new(program);
    command.env_clear().env("KUBECONFIG", "/dev/null").env("HOME", ground.world.home.path()).args(arguments);
    command.args(["--server", server.trim(), "--certificate-authority", authority.trim()]);
    let output = command.output().expect("kubectl starts");
    String::from_utf8_lossy(&output.stdout).trim() == "yes"
}

#[test]
fn a_role_of_a_project_is_a_token_that_ends() {
    let ground = Ground::new("prj-token");
    let name = ground.world.name.clone();
    let policy = |action: &str, object: &str| format!("p, proj:shop:ci, applications, {action}, shop/{object}, allow");
    let roles = |policies: &[String]| json!({"roles": [{"name": "ci", "policies": policies, "groups": ["builders"]}]});
    let logs = "p, proj:shop:ci, logs, get, shop/*, allow".to_owned();
    ground.create(&project(&ground, "shop", &roles(&[policy("get", "*"), policy("sync", "ca*"), logs])));
    for app in ["cart", "web", "other"] {
        let mut application = ground.another(app);
        application["spec"]["project"] = if app == "other" { "default" } else { "shop" }.into();
        ground.create(&application);
    }
    let run = |more: &[&str]| ground.world.run(&[&["project", "token", "shop", "-n", &name][..], more].concat());
    let shown = run(&["-o", "yaml"]);
    assert_eq!(shown.code, 0, "{}", shown.told());
    assert!(shown.stdout.contains("kind: RoleBinding") && shown.stdout.contains("name: builders"), "{}", shown.told());
    assert!(ground.world.get("serviceaccounts", "shop-ci").is_null(), "nothing was made");

    let made = run(&["--duration", "20m"]);
    assert_eq!(made.code, 0, "{}", made.told());
    for word in ["not in the token: `p, proj:shop:ci, logs", "may change its spec", "the controller's own"] {
        assert!(made.stderr.contains(word), "{word}: {}", made.told());
    }
    let token = made.stdout.trim();
    for (verb, what, is) in [
        ("get", "applications.argoproj.io/cart", true),
        ("patch", "applications.argoproj.io/cart", true),
        ("get", "applications.argoproj.io/web", true),
        ("patch", "applications.argoproj.io/web", false),
        ("get", "applications.argoproj.io/other", false),
        ("delete", "applications.argoproj.io/cart", false),
        ("get", "secrets", false),
    ] {
        assert_eq!(may(&ground, token, verb, what), is, "{verb} {what}");
    }
    let claims = token.split('.').nth(1).expect("a JWT");
    let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims).expect("base64");
    let claims: Json = serde_json::from_slice(&claims).expect("JSON");
    assert_eq!(claims["exp"].as_i64().expect("an end") - claims["iat"].as_i64().expect("a beginning"), 1200);

    // A role that says less gives less, also to those who have it.
    let patch = json!({"spec": roles(&[policy("get", "web")])}).to_string();
    ground.world.kubectl(&["patch", "appproject", "shop", "-n", &name, "--type=merge", "-p", &patch]);
    assert_eq!(run(&[]).code, 0);
    assert!(may(&ground, token, "get", "applications.argoproj.io/web"));
    assert!(!may(&ground, token, "get", "applications.argoproj.io/cart"));
    let patch = json!({"spec": roles(&[])}).to_string();
    ground.world.kubectl(&["patch", "appproject", "shop", "-n", &name, "--type=merge", "-p", &patch]);
    let nothing = run(&[]);
    assert!(nothing.code == 0 && nothing.stderr.contains("may do nothing"), "{}", nothing.told());
    assert!(!may(&ground, token, "get", "applications.argoproj.io/web"));

    let denial = "p, proj:shop:ci, applications, sync, shop/web, deny".to_owned();
    let patch = json!({"spec": roles(&[denial])}).to_string();
    ground.world.kubectl(&["patch", "appproject", "shop", "-n", &name, "--type=merge", "-p", &patch]);
    let refused = run(&[]);
    assert!(refused.code == 2 && refused.stderr.contains("RBAC of Kubernetes has no denials"), "{}", refused.told());
    let short = run(&["--duration", "1m"]);
    assert!(short.code == 2 && short.stderr.contains("10m"), "{}", short.told());
}

#[test]
fn whoever_names_a_project_that_does_not_take_the_application_deletes_nothing() {
    let mut ground = Ground::new("ctl-moved");
    let name = ground.world.name.clone();
    let home = format!("{name}-home");
    ground.world.kubectl(&["create", "namespace", &home]);
    let mut shop = project(&ground, "shop", &json!({"sourceNamespaces": [name]}));
    shop["metadata"]["namespace"] = home.as_str().into();
    ground.create(&shop);
    ground.start_as(&home, &["--polling", "1"]);
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["project"] = "shop".into();
    application["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
    ground.create(&application);
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let set_project = |ground: &Ground, project: &str| {
        let patch = json!({"spec": {"project": project}}).to_string();
        let patch = ["patch", "applications.argoproj.io", &name, "-n", &name, "--type=merge", "-p", &patch];
        ground.world.kubectl(&patch);
    };
    // The default project permits all, but to nobody outside of its namespace.
    set_project(&ground, "default");
    ground.world.kubectl(&["delete", "applications.argoproj.io", &name, "-n", &name, "--wait=false"]);
    ground.until("it is refused", |ground| {
        ground.condition("DeletionError").is_some_and(|message| message.contains("sourceNamespaces"))
    });
    assert!(ground.value("a").is_some());
    set_project(&ground, "shop");
    ground.until("it is gone", |ground| ground.value("a").is_none() && ground.app().is_null());
}
