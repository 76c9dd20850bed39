//! Snapshots: accepted, checked, and never with a value of a Secret.

use super::world::{World, map};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {a: hunter2}\n";

fn shop() -> World {
    let world = World::new();
    world.write("deploy/a.yaml", &map("a", "1")).write("deploy/s.yaml", SECRET).commit("One");
    world
}

fn snapshot(world: &World, action: &str, more: &[&str]) -> super::world::Ended {
    world.run(&[&["snapshot", action, "shop", "--path", "deploy"][..], more].concat())
}

fn file(world: &World) -> String {
    std::fs::read_to_string(world.path().join("gitops.snap")).unwrap_or_default()
}

#[test]
fn a_check_fails_until_somebody_accepts() {
    let world = shop();
    let none = snapshot(&world, "check", &[]);
    assert!(none.code == 2 && none.stderr.contains("snapshot accept --all"), "{}", none.told());
    let asked = snapshot(&world, "accept", &[]);
    assert!(asked.code == 2 && asked.stderr.contains("nobody can be asked"), "{}", asked.told());
    assert_eq!(snapshot(&world, "accept", &["--all"]).code, 0);
    assert_eq!(file(&world).lines().count(), 3, "{}", file(&world));
    assert!(!file(&world).contains("hunter2") && !file(&world).contains("aHVudGVyMg"), "{}", file(&world));
    world.commit("Accepted");
    assert_eq!(snapshot(&world, "check", &[]).code, 0);
    world.write("deploy/a.yaml", &map("a", "2")).write("deploy/b.yaml", &map("b", "1"));
    let failed = snapshot(&world, "check", &[]);
    assert_eq!(failed.code, 1, "{}", failed.told());
    assert!(
        failed.stdout.contains("data.k  1 → 2") && failed.stdout.contains("+ ConfigMap shop/b"),
        "{}",
        failed.told()
    );
    let pending = snapshot(&world, "pending", &["-o", "json"]);
    let pending: serde_json::Value = serde_json::from_str(&pending.stdout).expect("JSON");
    assert_eq!(pending["pending"][0]["resource"], "/ConfigMap/shop/a", "{pending}");
    let before = file(&world);
    assert_eq!(snapshot(&world, "accept", &["--resource", "/ConfigMap/shop/b"]).code, 0);
    let (before, after) = (before.lines().collect::<Vec<_>>(), file(&world));
    let added: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert!(added.len() == 1 && added[0].starts_with("shop /ConfigMap/shop/b r1-"), "{added:?}");
    assert_eq!(snapshot(&world, "check", &[]).code, 1, "the other one is pending still");
    assert_eq!(snapshot(&world, "accept", &["--resource", "/ConfigMap/shop/c"]).code, 2);
    assert_eq!(snapshot(&world, "accept", &["--all"]).code, 0);
    assert_eq!(snapshot(&world, "check", &[]).code, 0);
}

#[test]
fn another_value_of_a_secret_alone_is_not_pending() {
    let world = shop();
    snapshot(&world, "accept", &["--all"]);
    world.commit("Accepted");
    world.write("deploy/s.yaml", &SECRET.replace("hunter2", "other"));
    assert_eq!(snapshot(&world, "check", &[]).code, 0);
    world.write("deploy/s.yaml", &SECRET.replace("a: hunter2", "b: hunter2"));
    let failed = snapshot(&world, "check", &[]);
    assert!(failed.code == 1 && !failed.told().contains("hunter2"), "{}", failed.told());
}

#[test]
fn manifests_are_kept_where_that_is_asked_for() {
    let world = shop();
    assert_eq!(snapshot(&world, "accept", &["--all", "--full"]).code, 0);
    assert!(file(&world).contains("\n  k: \"1\"\n") && !file(&world).contains("hunter2"), "{}", file(&world));
    world.commit("Accepted");
    assert_eq!(snapshot(&world, "check", &[]).code, 0);
    world.write("deploy/a.yaml", &map("a", "2"));
    assert_eq!(snapshot(&world, "check", &[]).code, 1);
    assert_eq!(snapshot(&world, "accept", &["--all"]).code, 0);
    assert!(file(&world).contains("\n  k: \"2\"\n"), "it stays in its form: {}", file(&world));
    assert_eq!(snapshot(&world, "accept", &["--full=false", "--resource", "x"]).code, 2);
}

#[test]
fn a_snapshot_that_nobody_can_read_is_an_error() {
    let world = shop();
    snapshot(&world, "accept", &["--all"]);
    world.write("gitops.snap", &format!("{}<<<<<<< HEAD\n", file(&world)));
    let ended = snapshot(&world, "check", &[]);
    assert!(ended.code == 2 && ended.stderr.contains("accept again"), "{}", ended.told());
    world.write("deploy/a.yaml", "kind: ConfigMap\n");
    let ended = snapshot(&world, "accept", &["--all"]);
    assert_eq!(ended.code, 2, "{}", ended.told());
}
