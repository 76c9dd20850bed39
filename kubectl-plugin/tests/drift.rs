//! Drift against the real cluster: what other clients change is found, with who did it; what is not drift is not told.
//!
//! `GITOPS_LONG=1` makes two hundred changes and looks a thousand times while status writers are busy; else fewer.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use gitops_testdata::random::SplitMix64;
use serde_json::Value as Json;
use support::{World, config_map, deployment};

fn is_long() -> bool {
    std::env::var_os("GITOPS_LONG").is_some()
}

/// `drift -o json`, with its exit code.
fn drift(world: &World) -> (i32, Json) {
    let ended = world.run(&["drift", &world.name, "-o", "json"]);
    let found = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.told()));
    (ended.code, found)
}

fn role(name: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: {name}\n  labels: {{team: shop}}\n\
         rules:\n- {{apiGroups: [\"\"], resources: [pods], verbs: [get, list]}}\n"
    )
}

fn priority(world: &World) -> String {
    format!(
        "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: {}\nvalue: 1000\ndescription: ours\n",
        world.name
    )
}

/// A child of an application of applications, as far as a server without Argo CD's controller can tell.
const WIDGETS: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: NAME
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Application, plural: applications}
  versions:
  - name: v1alpha1
    served: true
    storage: true
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

fn write_application(world: &World) {
    let group = format!("{}.example.com", world.name);
    let definition = WIDGETS.replace("NAME", &format!("applications.{group}")).replace("GROUP", &group);
    world.write("crd.yaml", &definition);
    world.write(
        "child.yaml",
        &format!(
            "apiVersion: {group}/v1alpha1\nkind: Application\nmetadata:\n  name: child\nspec:\n  project: default\n  source: \
             {{path: deploy, targetRevision: main}}\n"
        ),
    );
    world.write("config.yaml", &config_map("settings", "1"));
    world.write("cart.yaml", &deployment("cart", "registry.invalid/cart:1", "settings", ""));
    world.write("role.yaml", &role("reader")).write("priority.yaml", &priority(world));
    world.write(
        "service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {app: cart}\n  ports: [{name: http, port: 80}]\n",
    );
}

#[test]
fn what_somebody_changed_is_told_with_who_and_when() {
    let world = World::new("drift");
    world
        .write("a.yaml", &config_map("a", "1"))
        .write("b.yaml", &config_map("b", "1"))
        .write("c.yaml", &config_map("c", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    let quiet = world.run(&["drift", &world.name]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (0, "0 of 3 objects drifted.\n"), "{}", quiet.told());
    let patch = r#"{"data":{"value":"9","more":"theirs"}}"#;
    world.kubectl(&["patch", "configmap", "a", "-n", &world.name, "--type=merge", "-p", patch, "--field-manager=anna"]);
    world.kubectl(&["delete", "configmap", "b", "-n", &world.name]);
    world.kubectl(&["delete", "configmap", "c", "-n", &world.name]);
    world.kubectl(&["create", "configmap", "c", "-n", &world.name]);
    let told = world.run(&["drift", &world.name]);
    assert_eq!(told.code, 1, "{}", told.told());
    let lines: Vec<&str> = told.stdout.lines().collect();
    assert!(
        lines[0].starts_with("~ ConfigMap") && lines[0].contains("data.value  1 → 9") && lines[0].contains("anna, "),
        "{}",
        lines[0]
    );
    assert!(!told.stdout.contains("theirs"), "what others add is no drift: {}", told.told());
    assert!(lines[1].starts_with("- ConfigMap") && lines[1].contains("is gone"), "{}", lines[1]);
    assert!(lines[2].starts_with("± ConfigMap") && lines[2].contains("ago"), "{}", lines[2]);
    assert!(lines[3].starts_with("3 of 3 objects drifted."), "{}", lines[3]);
    assert_eq!(world.apply(&["--force-conflicts"]).code, 0);
    assert_eq!(drift(&world).0, 0);
}

#[test]
fn null_and_lists_that_are_empty_are_no_drift_beside_what_is() {
    let world = World::new("nothing");
    world.write("config.yaml", &config_map("settings", "1"));
    let cart = deployment("cart", "registry.invalid/cart:1", "settings", "");
    world.write("cart.yaml", &cart.replace("spec:\n  selector", "spec:\n  replicas: null\n  selector"));
    world.write("role.yaml", &role("reader").replace("rules:\n- {", "rules: [] # {"));
    assert_eq!(world.apply(&[]).code, 0);
    world.kubectl(&["label", "role/reader", "-n", &world.name, "team=theirs", "--overwrite"]);
    world.kubectl(&["set", "image", "deployment/cart", "-n", &world.name, "main=registry.invalid/cart:2"]);
    let (code, found) = drift(&world);
    let objects = found["drifted"].as_array().expect("a list").iter();
    let paths: Vec<&Json> =
        objects.flat_map(|one| one["fields"].as_array().expect("fields")).map(|one| &one["path"]).collect();
    assert_eq!(paths, ["spec.template.spec.containers[main].image", "metadata.labels.team"], "{found}");
    assert_eq!(code, 1);
    let patch = r#"{"spec":{"replicas":3}}"#;
    world.kubectl(&[
        "patch",
        "deployment",
        "cart",
        "-n",
        &world.name,
        "--type=merge",
        "-p",
        patch,
        "--field-manager=anna",
    ]);
    assert!(drift(&world).1.to_string().contains("spec.replicas"), "what somebody writes there is told");
}

#[test]
fn replicas_that_are_scaled_are_left_to_whoever_scales() {
    let world = World::new("scaled");
    world.write("config.yaml", &config_map("settings", "1"));
    let with_replicas = deployment("cart", "registry.invalid/cart:1", "settings", "")
        .replace("spec:\n  selector", "spec:\n  replicas: 1\n  selector");
    world.write("cart.yaml", &with_replicas);
    assert_eq!(world.apply(&[]).code, 0);
    world.kubectl(&["scale", "deployment", "cart", "-n", &world.name, "--replicas=3"]);
    let told = world.run(&["drift", &world.name]);
    assert_eq!(told.code, 0, "{}", told.told());
    assert!(told.stdout.contains("spec.replicas  1 → 3") && told.stdout.contains("left to it"), "{}", told.told());
    let again = world.apply(&[]);
    assert!(again.stdout.contains("nothing to do"), "{}", again.told());
    // A change of something else leaves them, too.
    world.write("cart.yaml", &with_replicas.replace("cart:1", "cart:2"));
    let changed = world.apply(&[]);
    assert_eq!(changed.code, 0, "{}", changed.told());
    assert_eq!(world.get("deployment", "cart")["spec"]["replicas"], 3);
}

/// One change by another client: what to patch, and the path that it is told by; none where the object is deleted.
fn mutation(random: &mut SplitMix64, world: &World, number: u64) -> (String, String, String, Option<&'static str>) {
    let group = format!("{}.example.com", world.name);
    let child = format!("applications.{group}/child");
    let priority = format!("priorityclass/{}", world.name);
    let cases: [(String, &str, Option<&'static str>); 12] = [
        ("configmap/settings".into(), r#"{"data":{"value":"NUMBER"}}"#, Some("data.value")),
        ("configmap/settings".into(), r#"{"data":{"value":null}}"#, Some("data")),
        (
            "deployment/cart".into(),
            r#"{"spec":{"template":{"spec":{"containers":[{"name":"main","image":"registry.invalid/x:NUMBER"}]}}}}"#,
            Some("spec.template.spec.containers[main].image"),
        ),
        (
            "deployment/cart".into(),
            r#"{"spec":{"template":{"metadata":{"labels":{"app":"cart"},"annotations":{"n":"NUMBER"}}}}}"#,
            None,
        ),
        (
            "role/reader".into(),
            r#"{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get","NUMBER"]}]}"#,
            Some("rules[0].verbs[1]"),
        ),
        ("role/reader".into(), r#"{"metadata":{"labels":{"team":"NUMBER"}}}"#, Some("metadata.labels.team")),
        ("role/reader".into(), r#"{"metadata":{"labels":{"applyset.kubernetes.io/part-of":null}}}"#, Some("(label)")),
        ("service/web".into(), r#"{"spec":{"ports":[{"name":"http","port":80,"targetPort":NUMBER}]}}"#, None),
        ("service/web".into(), r#"{"spec":{"selector":{"app":"xNUMBER"}}}"#, Some("spec.selector.app")),
        (priority, r#"{"description":"NUMBER"}"#, Some("description")),
        (child, r#"{"spec":{"source":{"targetRevision":"NUMBER"}}}"#, Some("spec.source.targetRevision")),
        ("configmap/settings".into(), "", Some("(deleted)")),
    ];
    let index = usize::try_from(random.number() % cases.len() as u64).expect("small");
    let (object, patch, place) = &cases[index];
    let kind = if object.starts_with("applications.") { "merge" } else { "strategic" };
    (object.clone(), patch.replace("NUMBER", &number.to_string()), kind.to_owned(), *place)
}

#[test]
fn generated_changes_of_other_clients_are_found_and_nothing_else() {
    let world = World::new("mutations");
    write_application(&world);
    let first = world.apply(&[]);
    assert_eq!(first.code, 0, "{}", first.told());
    let seed = 20_261_126;
    let mut random = SplitMix64::new(seed);
    let (count, mut found, mut quiet) = (if is_long() { 200 } else { 24 }, 0, 0);
    for number in 1..=count {
        let (object, patch, kind, place) = mutation(&mut random, &world, number);
        let manager = format!("client-{number}");
        let told = format!("change {number} of seed {seed}: {object} {patch}");
        if place == Some("(deleted)") {
            world.kubectl(&["delete", &object, "-n", &world.name]);
        } else {
            let (kind, by) = (format!("--type={kind}"), format!("--field-manager={manager}"));
            world.kubectl(&["patch", &object, "-n", &world.name, &kind, "-p", &patch, &by]);
        }
        let (code, drifted) = drift(&world);
        let Some(place) = place else {
            assert_eq!((code, drifted["drifted"].as_array().map(Vec::len)), (0, Some(0)), "{told}: {drifted}");
            quiet += 1;
            continue;
        };
        let objects = drifted["drifted"].as_array().expect("a list");
        assert_eq!((code, objects.len()), (1, 1), "{told}: {drifted}");
        let name = object.split('/').nth(1).expect("kind/name");
        assert!(
            objects[0]["resource"].as_str().is_some_and(|key| key.ends_with(&format!("/{name}"))),
            "{told}: {drifted}"
        );
        match place {
            "(deleted)" => assert_eq!(objects[0]["drift"], "deleted", "{told}: {drifted}"),
            "(label)" => assert_eq!(objects[0]["unlabelled"], true, "{told}: {drifted}"),
            place => {
                let field = &objects[0]["fields"][0];
                assert_eq!(field["path"], place, "{told}: {drifted}");
                // Of what was removed the server keeps no owner.
                if !field["new"].is_null() {
                    assert_eq!(field["by"]["manager"], manager.as_str(), "{told}: {drifted}");
                    assert!(
                        field["by"]["time"].as_str().is_some_and(|time| time.starts_with("20")),
                        "{told}: {drifted}"
                    );
                }
            }
        }
        found += 1;
        let healed = world.apply(&["--force-conflicts"]);
        assert_eq!(healed.code, 0, "{told}: {}", healed.told());
        assert_eq!(drift(&world).0, 0, "{told}: {}", healed.told());
    }
    let line = format!(
        "{count} changes, seed {seed}: {found} found, each with its manager; {quiet} were no drift and told of none\n"
    );
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    assert!(found > count / 2 && quiet > 0);
    world.run(&["delete", &world.name, "--yes", "--allow-delete=CustomResourceDefinition"]);
}

#[test]
fn busy_status_writers_raise_no_alarm() {
    let world = World::new("busy");
    write_application(&world);
    let first = world.apply(&[]);
    assert_eq!(first.code, 0, "{}", first.told());
    let (looks, stop) = (if is_long() { 1000 } else { 25 }, AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                let status = format!(
                    r#"{{"status":{{"conditions":[{{"type":"Busy","status":"True","reason":"N{number}"}}]}}}}"#
                );
                world.try_kubectl(&[
                    "patch",
                    "deployment",
                    "cart",
                    "-n",
                    &world.name,
                    "--subresource=status",
                    "--type=merge",
                    "-p",
                    &status,
                ]);
                let note = format!("busy={number}");
                world.try_kubectl(&["annotate", "configmap", "settings", "-n", &world.name, "--overwrite", &note]);
            }
        });
        for look in 0..looks {
            let (code, drifted) = drift(&world);
            if code != 0 {
                stop.store(true, Ordering::Relaxed);
            }
            assert_eq!(code, 0, "look {look}: {drifted}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    let line = format!("{looks} looks while status writers were busy: no alarm\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    world.run(&["delete", &world.name, "--yes", "--allow-delete=CustomResourceDefinition"]);
}
