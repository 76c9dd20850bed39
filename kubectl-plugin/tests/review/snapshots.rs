//! Snapshots: accepted, checked, and never with a value of a Secret.

use std::fs::{File, OpenOptions};
use std::io::Write as _;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::world::{World, application, claim, map};

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

/// What nobody has committed can be compared with by its ids, or by the manifests that are kept: in each format, and all of it is
/// said.
#[test]
fn what_no_commit_has_is_reviewed_in_every_format() {
    for (full, told) in [("--full=false", "only ids of it are kept"), ("--full", "data.k")] {
        let world = shop();
        assert_eq!(snapshot(&world, "accept", &["--all", full]).code, 0);
        world.write("deploy/a.yaml", &map("a", "2")).write("deploy/b.yaml", &map("b", "1"));
        for (format, beginning) in [
            ("text", "what was agreed on → working tree"),
            ("markdown", "<!-- kubectl-gitops review -->"),
            ("html", "<!doctype html>"),
            ("json", "{"),
            ("sarif", "{"),
        ] {
            let failed = snapshot(&world, "check", &["-o", format]);
            assert!(failed.code == 1 && failed.stdout.starts_with(beginning), "{full} {format}: {}", failed.told());
            assert!(!failed.told().contains("hunter2"), "{}", failed.told());
            assert!(failed.stderr.contains("values are not compared"), "{}", failed.told());
            if format != "sarif" {
                assert!(failed.stdout.contains(told), "{full} {format}: {}", failed.told());
            }
        }
        let json = world.json(&["snapshot", "check", "shop", "--path", "deploy", "-o", "json"]);
        World::check("review", &json);
        let changes = json["applications"][0]["changes"].as_array().expect("changes");
        let told: Vec<_> = changes.iter().map(|change| (&change["resource"], &change["change"])).collect();
        assert_eq!(
            serde_json::json!(told),
            serde_json::json!([["/ConfigMap/shop/a", "changed"], ["/ConfigMap/shop/b", "added"],])
        );
        let id = world.run(&["compile", "--path", "deploy", "-o", "id"]).stdout.trim().to_owned();
        assert_eq!(json["applications"][0]["head"], id.as_str(), "the graph is the one that would be applied");
    }
}

/// Of several applications each is told as it is: unchanged, new, gone.
#[test]
fn each_application_is_told_as_it_is() {
    let world = World::new();
    world.git(&["config", "remote.origin.url", "https://git.example.com/shop"]);
    let file = |names: &[&str]| names.iter().map(|name| application(name, name)).collect::<String>();
    for full in ["--full=false", "--full"] {
        for name in ["same", "gone", "other", "more"] {
            world.write(&format!("{name}/a.yaml"), &map(name, "1"));
        }
        world.write("gone/c.yaml", &claim("data")).write("apps.yaml", &file(&["same", "gone", "other"]));
        let accepted = world.run(&["snapshot", "accept", "--all", full, "-f", "apps.yaml"]);
        assert_eq!(accepted.code, 0, "{}", accepted.told());
        world.write("other/a.yaml", &map("other", "2")).write("apps.yaml", &file(&["same", "other", "more"]));
        let told = world.json(&["snapshot", "check", "-f", "apps.yaml", "-o", "json"]);
        let verdicts: Vec<_> = told["applications"]
            .as_array()
            .expect("applications")
            .iter()
            .map(|one| {
                let rules = one["risks"]
                    .as_array()
                    .expect("risks")
                    .iter()
                    .map(|risk| risk["rule"].as_str().unwrap_or_default());
                (one["application"].as_str().unwrap_or_default(), rules.collect::<Vec<_>>())
            })
            .collect();
        let (gone, other) = if full == "--full" {
            (vec!["application-removed", "claim-removed"], vec![])
        } else {
            (vec!["application-removed", "base-unknown"], vec!["base-unknown"])
        };
        assert_eq!(verdicts, [("gone", gone), ("more", vec![]), ("other", other), ("same", vec![])], "{full}: {told}");
    }
}

/// The snapshot was accepted before the manifests were committed: the commit that brought it does not compile to it, the next
/// one does.
#[test]
fn a_commit_that_compiles_to_the_snapshot_is_found() {
    let world = shop();
    world.write("deploy/a.yaml", &map("a", "2"));
    snapshot(&world, "accept", &["--all"]);
    world.git(&["add", "gitops.snap"]);
    world.git(&["commit", "-q", "-m", "The snapshot alone"]);
    world.commit("The manifests");
    world.write("deploy/a.yaml", &map("a", "3"));
    let failed = snapshot(&world, "check", &[]);
    assert!(failed.code == 1 && failed.stdout.contains("data.k  2 → 3"), "{}", failed.told());
}

/// Runs `snapshot accept` on a terminal where somebody types this.
fn typed(world: &World, keys: &str) -> super::world::Ended {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("ours");
    let name = ptsname(&terminal, Vec::new()).expect("a name").into_string().expect("text");
    let side = OpenOptions::new().read(true).write(true).open(name).expect("the program's side");
    File::from(terminal.try_clone().expect("a copy")).write_all(keys.as_bytes()).expect("typed");
    let mut command = world.command(env!("CARGO_BIN_EXE_kubectl-gitops"));
    command.args(["snapshot", "accept", "shop", "--path", "deploy"]).stdin(side);
    super::world::Ended::of(&command.output().expect("the program starts"))
}

#[test]
fn somebody_on_a_terminal_agrees_to_one_after_another() {
    let world = shop();
    snapshot(&world, "accept", &["--all"]);
    world.commit("Accepted");
    let change = || world.write("deploy/a.yaml", &map("a", "2")).write("deploy/b.yaml", &map("b", "1"));
    let pending = || snapshot(&world, "pending", &[]).stdout;
    change().write("deploy/c.yaml", &map("c", "1"));
    let quit = typed(&world, "q\n");
    assert!(quit.code == 0 && quit.stderr.contains("nothing was accepted"), "{}", quit.told());
    // What is shown is the change, and what is typed wrongly is asked for again.
    let second = typed(&world, "s\nwhat\na\nq\n");
    assert!(
        second.stderr.contains("data.k  1 → 2") && second.stderr.contains("+ ConfigMap shop/b"),
        "{}",
        second.told()
    );
    assert_eq!(second.stderr.matches("[a]ccept").count(), 4, "{}", second.told());
    assert_eq!(pending(), "~ shop  /ConfigMap/shop/a\n+ shop  /ConfigMap/shop/c\n");
    let rest = typed(&world, "s\nR\n");
    assert!(rest.stderr.contains("1 resource accepted"), "{}", rest.told());
    assert_eq!(pending(), "~ shop  /ConfigMap/shop/a\n");
    world.write("deploy/d.yaml", &map("d", "1"));
    assert_eq!(typed(&world, "A\n").code, 0);
    assert_eq!(pending(), "Nothing is pending.\n");
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
