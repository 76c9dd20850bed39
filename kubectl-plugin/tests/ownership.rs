//! Whose objects are: holds, plans in files, moving objects between applications, renaming, and taking over from other
//! tools, against the real cluster.

mod support;

use support::{World, config_map, deployment};

fn uid(world: &World, kind: &str, name: &str) -> String {
    world.get(kind, name)["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn what_was_rolled_back_is_held_until_it_is_released() {
    let world = World::new("held");
    world.write("a.yaml", &config_map("a", "1")).write("b.yaml", &config_map("b", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    world.write("a.yaml", &config_map("a", "bad"));
    assert_eq!(world.apply(&[]).code, 0);
    let back = world.run(&["rollback", &world.name, "--yes"]);
    assert_eq!(back.code, 0, "{}", back.told());
    assert!(back.stderr.contains("is held"), "{}", back.told());
    let held = world.apply(&[]);
    assert_eq!(held.code, 4, "{}", held.told());
    assert!(
        held.stderr.contains("taken back with release 2") && held.stderr.contains("kubectl gitops release"),
        "{}",
        held.told()
    );
    // Whatever else it changes.
    world.write("b.yaml", &config_map("b", "2"));
    assert_eq!(world.apply(&[]).code, 4);
    assert_eq!(world.get("configmap", "b")["data"]["value"], "1");
    // The fix goes out.
    world.write("a.yaml", &config_map("a", "good"));
    assert_eq!(world.apply(&[]).code, 0);
    world.write("a.yaml", &config_map("a", "bad"));
    assert_eq!(world.apply(&[]).code, 4);
    let history = world.run(&["history", &world.name]);
    assert!(history.stdout.contains("ok, held"), "{}", history.told());
    assert!(world.run(&["release", &world.name]).stdout.contains("1 hold released"));
    assert_eq!(world.apply(&[]).code, 0);
    assert_eq!(world.get("configmap", "a")["data"]["value"], "bad");
    // All of it.
    let reason = world.run(&["hold", &world.name, "--reason", "audit week"]);
    assert_eq!(reason.code, 0, "{}", reason.told());
    world.write("a.yaml", &config_map("a", "other"));
    let refused = world.apply(&[]);
    assert!(refused.code == 4 && refused.stderr.contains("audit week"), "{}", refused.told());
    world.run(&["release", &world.name]);
    assert_eq!(world.apply(&[]).code, 0);
}

#[test]
fn a_saved_plan_is_applied_as_it_is_or_not_at_all() {
    let world = World::new("saved");
    world.write("a.yaml", &config_map("a", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    world.write("a.yaml", &config_map("a", "2"));
    let file = world.home.path().join("plan.json").display().to_string();
    let plan = || world.run(&["plan", &world.name, "-n", &world.name, "--out", &file]);
    assert_eq!(plan().code, 0);
    // Somebody writes to it, though the steps stay the same.
    world.kubectl(&["annotate", "configmap", "a", "-n", &world.name, "seen=yes"]);
    let stale = world.apply(&["--plan", &file]);
    assert_eq!(stale.code, 4, "{}", stale.told());
    assert!(stale.stderr.contains(&format!("ConfigMap {}/a was changed since", world.name)), "{}", stale.told());
    assert_eq!(plan().code, 0);
    // Somebody is faster.
    world.kubectl(&["delete", "configmap", "a", "-n", &world.name]);
    let stale = world.apply(&["--plan", &file]);
    assert_eq!(stale.code, 4, "{}", stale.told());
    assert!(stale.stderr.contains("create (missing) was no step"), "{}", stale.told());
    assert!(world.get("configmap", "a").is_null());
    assert_eq!(plan().code, 0);
    world.write("b.yaml", &config_map("b", "1"));
    let other = world.apply(&["--plan", &file]);
    assert!(other.code == 4 && other.stderr.contains("the graph was g1-"), "{}", other.told());
    world.remove("b.yaml");
    let applied = world.apply(&["--plan", &file]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.get("configmap", "a")["data"]["value"], "2");
    // It is used up.
    world.write("c.yaml", &config_map("c", "1"));
    assert_eq!(world.apply(&["--plan", &file]).code, 4);
    std::fs::write(&file, "{}").expect("written");
    let broken = world.apply(&["--plan", &file]);
    assert!(broken.code == 2 && broken.stderr.contains("no plan that can be applied"), "{}", broken.told());
}

#[test]
fn an_object_moves_from_one_application_to_another_without_being_deleted() {
    let world = World::new("moved");
    let other = format!("{}-other", world.name);
    let apply = |name: &str, path: &str, more: &[&str]| {
        let arguments = ["apply", name, "-n", &world.name, "--path", path, "--yes"];
        world.run(&[&arguments[..], more].concat())
    };
    world.write("one/a.yaml", &config_map("a", "1")).write("one/b.yaml", &config_map("b", "1"));
    world.write("two/c.yaml", &config_map("c", "1"));
    assert_eq!(apply(&world.name, "one", &[]).code, 0);
    assert_eq!(apply(&other, "two", &[]).code, 0);
    let before = uid(&world, "configmap", "b");
    world.remove("one/b.yaml").write("two/b.yaml", &config_map("b", "2"));
    let refused = apply(&other, "two", &[]);
    assert!(refused.code == 4 && refused.stderr.contains("--take-from"), "{}", refused.told());
    let taken = apply(&other, "two", &["--take-from", &world.name]);
    assert_eq!(taken.code, 0, "{}", taken.told());
    let left = apply(&world.name, "one", &[]);
    assert_eq!(left.code, 0, "{}", left.told());
    assert!(left.stderr.contains("belongs to another application now"), "{}", left.told());
    assert_eq!(uid(&world, "configmap", "b"), before, "it was never deleted");
    assert_eq!(world.get("configmap", "b")["data"]["value"], "2");
    let label = world.get("configmap", "b")["metadata"]["labels"]["applyset.kubernetes.io/part-of"].clone();
    assert_eq!(label, world.get("configmap", "c")["metadata"]["labels"]["applyset.kubernetes.io/part-of"]);
    for name in [&world.name, &other] {
        let quiet = world.run(&["drift", name]);
        assert_eq!(quiet.code, 0, "{}", quiet.told());
    }
    // Its new application may delete it.
    assert_eq!(world.run(&["delete", &other, "--yes"]).code, 0);
    assert!(world.get("configmap", "b").is_null());
    assert_eq!(world.run(&["delete", &world.name, "--yes"]).code, 0);
}

#[test]
fn renaming_an_application_touches_none_of_its_objects() {
    let world = World::new("renamed");
    let new = format!("{}-new", world.name);
    world.write("a.yaml", &config_map("a", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    let before = world.get("configmap", "a");
    let renamed = world.run(&["rename", &world.name, &new]);
    assert_eq!(renamed.code, 0, "{}", renamed.told());
    assert_eq!(world.run(&["status", &world.name]).code, 2);
    let apply = ["apply", &new, "-n", &world.name, "--yes"];
    let again = world.run(&apply);
    assert!(again.stdout.contains("nothing to do"), "{}", again.told());
    assert_eq!(world.get("configmap", "a"), before);
    let twice = world.run(&["rename", &world.name, &new]);
    assert_eq!(twice.code, 2, "{}", twice.told());
    assert_eq!(world.run(&["delete", &new, "--yes"]).code, 0);
    assert!(world.get("configmap", "a").is_null());
}

#[test]
fn what_kubectl_applied_is_taken_over_once_and_nothing_is_made_again() {
    let world = World::new("adopted");
    let file = world.home.path().join("cart.yaml");
    let cart = deployment("cart", "registry.invalid/cart:1", "settings", "");
    let labelled = cart.replacen("metadata:\n", "metadata:\n  labels: {old: \"yes\", kept: \"yes\"}\n", 1);
    std::fs::write(&file, format!("{}---\n{labelled}", config_map("settings", "1"))).expect("written");
    world.kubectl(&["apply", "-n", &world.name, "-f", &file.display().to_string()]);
    // A hand of somebody's stays what it is.
    let hand = r#"{"metadata":{"labels":{"hand":"made"}}}"#;
    world.kubectl(&["patch", "deployment", "cart", "-n", &world.name, "-p", hand, "--field-manager=anna"]);
    let before = uid(&world, "deployment", "cart");
    world.write("config.yaml", &config_map("settings", "2"));
    world.write("cart.yaml", &cart.replacen("metadata:\n", "metadata:\n  labels: {kept: \"yes\"}\n", 1));
    let conflict = world.apply(&[]);
    assert_eq!(conflict.code, 4, "{}", conflict.told());
    let adopted = world.apply(&["--adopt"]);
    assert_eq!(adopted.code, 0, "{}", adopted.told());
    let now = world.get("deployment", "cart");
    assert_eq!(now["metadata"]["uid"], before.as_str());
    let labels = &now["metadata"]["labels"];
    assert!(labels["old"].is_null(), "what only kubectl had is gone: {labels}");
    assert_eq!((labels["kept"].as_str(), labels["hand"].as_str()), (Some("yes"), Some("made")));
    assert!(now["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].is_null());
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "2");
    assert!(world.apply(&[]).stdout.contains("nothing to do"));
    world.remove("cart.yaml");
    assert_eq!(world.apply(&[]).code, 0);
    assert!(world.get("deployment", "cart").is_null(), "it is ours entirely");
}

#[test]
fn a_second_machine_rolls_back_with_nothing_but_the_cluster() {
    let world = World::new("elsewhere");
    world.write("a.yaml", &config_map("a", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    world.write("a.yaml", &config_map("a", "2")).write("b.yaml", &config_map("b", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    let empty = tempfile::tempdir().expect("a folder");
    let mut command = world.command(&["rollback", &world.name, "--yes"]);
    let output = command.env("HOME", empty.path()).current_dir(empty.path()).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.get("configmap", "a")["data"]["value"], "1");
    assert!(world.get("configmap", "b").is_null());
}

/// An Event, as one of its two groups writes it.
fn event(world: &World, is_of_core: bool) -> String {
    let name = &world.name;
    let object = format!("{{apiVersion: v1, kind: ConfigMap, name: a, namespace: {name}}}");
    let (version, fields) = if is_of_core {
        ("v1", format!("involvedObject: {object}\nmessage: told\nreportingComponent: example.com/test\n"))
    } else {
        ("events.k8s.io/v1", format!("regarding: {object}\nnote: told\nreportingController: example.com/test\n"))
    };
    format!(
        "apiVersion: {version}\nkind: Event\nmetadata: {{name: told}}\n{fields}reportingInstance: test-1\naction: Test\n\
         reason: Tested\ntype: Normal\neventTime: \"2026-01-01T00:00:00.000000Z\"\n"
    )
}

#[test]
fn an_object_that_two_groups_serve_is_not_deleted_under_its_other_key() {
    let world = World::new("two-groups");
    world.write("event.yaml", &event(&world, true));
    assert_eq!(world.apply(&[]).code, 0);
    let uid = world.get("events.v1.", "told")["metadata"]["uid"].clone();
    assert!(uid.is_string());
    for is_of_core in [false, true] {
        world.write("event.yaml", &event(&world, is_of_core));
        let moved = world.apply(&["--force-conflicts"]);
        assert_eq!(moved.code, 0, "{}", moved.told());
        assert!(moved.stderr.contains("not deleted, it is the same object as"), "{}", moved.told());
        assert_eq!(world.get("events.v1.", "told")["metadata"]["uid"], uid, "{}", moved.told());
        assert!(world.apply(&[]).stdout.contains("nothing to do"));
    }
    // It is still one that we made.
    world.write("event.yaml", &config_map("a", "1"));
    let gone = world.apply(&[]);
    assert_eq!(gone.code, 0, "{}", gone.told());
    assert!(world.get("events.v1.", "told").is_null(), "{}", gone.told());
}
