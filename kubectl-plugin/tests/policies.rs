//! What objects and applications ask for (sync options, and the annotations of other tools) against the real cluster.

mod support;

use support::{World, config_map, deployment};

const OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// A manifest with one annotation more.
fn annotated(manifest: &str, name: &str, value: &str) -> String {
    manifest.replacen("metadata:\n", &format!("metadata:\n  annotations: {{{name}: \"{value}\"}}\n"), 1)
}

fn uid(world: &World, kind: &str, name: &str) -> String {
    world.get(kind, name)["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_asks_to_stay_stays() {
    let world = World::new("stays");
    world.write("ours.yaml", &annotated(&config_map("ours", "1"), OPTIONS, "Prune=false"));
    world.write("kept.yaml", &annotated(&config_map("kept", "1"), "helm.sh/resource-policy", "keep"));
    world.write("asks.yaml", &annotated(&config_map("asks", "1"), OPTIONS, "Prune=confirm"));
    world.write("live.yaml", &config_map("live", "1")).write("x.yaml", &config_map("x", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    // Somebody says so on the object.
    world.kubectl(&["annotate", "configmap", "live", "-n", &world.name, "helm.sh/resource-policy=keep"]);
    for file in ["ours.yaml", "kept.yaml", "asks.yaml", "live.yaml"] {
        world.remove(file);
    }
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(refused.stderr.contains("asks may only be deleted with --confirm-deletions"), "{}", refused.told());
    let applied = world.apply(&["--confirm-deletions"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.owned("configmaps"), ["configmap/ours", "configmap/x"], "{}", applied.told());
    assert!(world.get("configmap", "asks").is_null());
    assert_eq!(world.get("configmap", "kept")["data"]["value"], "1");
    assert_eq!(world.get("configmap", "live")["data"]["value"], "1");
    // As with Argo CD: what should have gone is out of sync.
    let status = world.run(&["status", &world.name]).stdout;
    let line = status.lines().find(|line| line.contains("/ours")).unwrap_or_default();
    assert!(line.contains("OutOfSync") && line.contains("kept when it left the graph"), "{status}");
    assert!(status.lines().next().is_some_and(|line| line.contains("OutOfSync")), "{status}");
    // What stays ours goes with the application.
    let again = world.apply(&[]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.told());
    assert_eq!(world.run(&["delete", &world.name, "--yes"]).code, 0);
    assert!(world.get("configmap", "ours").is_null() && !world.get("configmap", "kept").is_null());
}

fn job(image: &str) -> String {
    format!(
        "apiVersion: batch/v1
kind: Job
metadata:
  name: once
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: main, image: \"{image}\"}}]
"
    )
}

#[test]
fn what_cannot_change_is_made_again_where_that_is_harmless_or_allowed() {
    let world = World::new("recreated");
    world.write("config.yaml", &config_map("settings", "1"));
    world.write("job.yaml", &job("registry.invalid/job:1"));
    world.write("cart.yaml", &deployment("cart", "registry.invalid/cart:1", "settings", ""));
    assert_eq!(world.apply(&[]).code, 0);
    let first = uid(&world, "job", "once");
    world.write("job.yaml", &job("registry.invalid/job:2"));
    let planned = world.run(&["plan", &world.name, "-n", &world.name]);
    assert!(planned.stdout.contains("± deleted and made again"), "{}", planned.told());
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert!(applied.stderr.contains("deleted and made again, since spec.template cannot change"), "{}", applied.told());
    assert_ne!(uid(&world, "job", "once"), first);
    let before = uid(&world, "deployment", "cart");
    let changed = deployment("cart", "registry.invalid/cart:1", "settings", "").replace("app: cart", "app: basket");
    world.write("cart.yaml", &changed);
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(refused.stderr.contains("--allow-recreate=Deployment"), "{}", refused.told());
    assert_eq!(uid(&world, "deployment", "cart"), before, "nothing was changed");
    let applied = world.apply(&["--allow-recreate=Deployment"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_ne!(uid(&world, "deployment", "cart"), before);
    // What was made again is ours as before.
    assert!(world.apply(&[]).stdout.contains("nothing to do"));
    world.remove("cart.yaml").remove("job.yaml");
    assert_eq!(world.apply(&[]).code, 0);
    assert!(world.owned("jobs,deployments").is_empty());
}

#[test]
fn what_only_the_server_knows_to_be_fixed_fails_with_what_to_do() {
    let world = World::new("fixed");
    let service = |more: &str| {
        format!("apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports: [{{port: 80}}]\n{more}")
    };
    world.write("a.yaml", &service(""));
    assert_eq!(world.apply(&[]).code, 0);
    let before = uid(&world, "service", "web");
    world.write("a.yaml", &service("  clusterIP: None\n"));
    let failed = world.apply(&[]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    assert!(failed.stderr.contains("--allow-recreate=Service"), "{}", failed.told());
    assert_eq!(uid(&world, "service", "web"), before);
    // What would not be accepted anew is not deleted.
    world.write("a.yaml", &service("  clusterIP: None\n  externalName: \"not a name\"\n  type: ExternalName\n"));
    let failed = world.apply(&["--allow-recreate=Service"]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    assert_eq!(uid(&world, "service", "web"), before, "{}", failed.told());
    world.write("a.yaml", &service("  clusterIP: None\n"));
    let applied = world.apply(&["--allow-recreate=Service"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_ne!(uid(&world, "service", "web"), before);
}

#[test]
fn what_asks_to_be_replaced_loses_what_others_wrote_and_does_not_drift_by_itself() {
    let world = World::new("replaced");
    world.write("a.yaml", &annotated(&config_map("a", "1"), OPTIONS, "Replace=true"));
    world.write("b.yaml", &annotated(&config_map("b", "1"), OPTIONS, "Replace=true,Force=true"));
    assert_eq!(world.apply(&[]).code, 0);
    for name in ["a", "b"] {
        world.kubectl(&[
            "patch",
            "configmap",
            name,
            "-n",
            &world.name,
            "--type=merge",
            "-p",
            r#"{"data":{"mine":"x"}}"#,
        ]);
    }
    let uids = (uid(&world, "configmap", "a"), uid(&world, "configmap", "b"));
    world.write("a.yaml", &annotated(&config_map("a", "2"), OPTIONS, "Replace=true"));
    world.write("b.yaml", &annotated(&config_map("b", "2"), OPTIONS, "Replace=true,Force=true"));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    for name in ["a", "b"] {
        let data = world.get("configmap", name)["data"].clone();
        assert!(data["value"] == "2" && data["mine"].is_null(), "{name}: {data}");
    }
    assert_eq!(uid(&world, "configmap", "a"), uids.0);
    assert_ne!(uid(&world, "configmap", "b"), uids.1);
    let again = world.apply(&[]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.told());
}

#[test]
fn the_application_asks_for_its_namespace_and_for_what_becomes_of_dependents() {
    let world = World::new("asked");
    let inner = format!("{}-inner", world.name);
    let application = |policy: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}}}
spec:
  destination: {{namespace: {inner}}}
  source: {{repoURL: https://example.com/shop.git, path: deploy}}
  revisionHistoryLimit: 1
  syncPolicy:
{policy}",
            name = world.name
        )
    };
    let url = format!("https://example.com/shop.git={}", world.repository.path().display());
    world.write("deploy/a.yaml", &config_map("settings", "1"));
    world.write("deploy/cart.yaml", &deployment("cart", "registry.invalid/cart:1", "settings", ""));
    let asks = "    syncOptions: [CreateNamespace=true, PrunePropagationPolicy=orphan, Colour=blue]
    managedNamespaceMetadata: {labels: {team: shop}}
";
    world.write("application.yaml", &application(asks));
    world.repository.commit("one").expect("committed");
    let apply = |more: &[&str]| {
        let arguments = ["apply", "-f", "application.yaml", "--repository", &url, "--yes"];
        world.run(&[&arguments[..], more].concat())
    };
    let applied = apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert!(applied.stderr.contains(&format!("the namespace {inner} is made")), "{}", applied.told());
    assert!(applied.stderr.contains("`Colour=blue` is not known"), "{}", applied.told());
    let labels = world.kubectl(&["get", "namespace", &inner, "-o", "jsonpath={.metadata.labels.team}"]);
    assert_eq!(labels, "shop");
    world.remove("deploy/cart.yaml");
    world.repository.commit("two").expect("committed");
    let pruned = apply(&[]);
    assert_eq!(pruned.code, 0, "{}", pruned.told());
    let left = world.kubectl(&["get", "replicasets", "-n", &inner, "-o", "name"]);
    assert!(left.contains("replicaset.apps/cart-"), "its ReplicaSet is an orphan now: {left:?}");
    let releases = world.head()["releases"].as_array().map(Vec::len);
    assert_eq!(releases, Some(1), "as its history limit says");
    // What it asked for counts where there is only the record.
    assert_eq!(world.head()["releases"][0]["origin"]["options"]["propagation"], "Orphan");
    assert_eq!(world.run(&["delete", &world.name, "--yes"]).code, 0);
    assert!(world.try_kubectl(&["get", "namespace", &inner]).status.success(), "it is no part of the application");
    world.kubectl(&["delete", "namespace", &inner, "--wait=false"]);
}
