//! `diff` against what is live, on the real cluster: what applying a graph would change, and nothing else, whoever wrote it.

mod support;

use serde_json::Value as Json;
use support::{Ended, World, config_map, deployment};

fn diff(world: &World, sides: &[&str]) -> Ended {
    world.run(&[&["diff"], sides].concat())
}

fn live(world: &World) -> String {
    format!("{}@live", world.name)
}

fn patch(world: &World, kind: &str, name: &str, patch: &str) {
    world.kubectl(&["patch", kind, name, "-n", &world.name, "--type=merge", "-p", patch]);
}

#[test]
fn what_somebody_changed_and_what_is_not_applied_yet_are_told_both_ways() {
    let world = World::new("live");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {word: before}\n";
    world.write("a.yaml", &config_map("a", "1")).write("gone.yaml", &config_map("gone", "1")).write("s.yaml", secret);
    world.write("web.yaml", &deployment("web", "web:1", "a", ""));
    assert_eq!(world.apply(&[]).code, 0);
    let release = format!("{}@1", world.name);
    let same = diff(&world, &[&release, "live"]);
    assert_eq!((same.code, same.stdout.as_str()), (0, "No differences.\n"), "{}", same.told());
    // What others add is none of ours; what they change is.
    patch(&world, "configmap", "a", r#"{"data":{"value":"9","more":"theirs"},"metadata":{"labels":{"team":"x"}}}"#);
    patch(&world, "secret", "s", r#"{"data":{"word":"YWZ0ZXI="}}"#);
    world.kubectl(&["scale", "deployment", "web", "-n", &world.name, "--replicas=3"]);
    world.kubectl(&["delete", "configmap", "gone", "-n", &world.name]);
    let changed = diff(&world, &[&release, "live"]);
    assert_eq!(changed.code, 1, "{}", changed.told());
    let name = &world.name;
    let told: Vec<&str> = changed.stdout.lines().skip(1).collect();
    assert_eq!(
        told,
        [
            &format!("~ ConfigMap {name}/a"),
            "    data.value  1 → 9",
            &format!("- ConfigMap {name}/gone"),
            &format!("~ Secret {name}/s"),
            "    data.word  (secret) changed",
            "3 resources differ.",
        ],
        "{}",
        changed.told()
    );
    assert!(changed.stdout.starts_with("g1-") && changed.stdout.contains(" → live\n"), "{}", changed.told());
    // The working tree against what is live, as it would be applied.
    world.write("a.yaml", &config_map("a", "2")).remove("web.yaml");
    let planned = diff(&world, &[&live(&world)]);
    assert_eq!(planned.code, 1, "{}", planned.told());
    let told: Vec<&str> = planned.stdout.lines().collect();
    assert!(told[0].starts_with("live → g1-"), "{}", planned.told());
    for line in [
        format!("~ ConfigMap {name}/a"),
        "    data.value  9 → 2".to_owned(),
        format!("+ ConfigMap {name}/gone"),
        format!("- Deployment {name}/web"),
    ] {
        assert!(told.contains(&line.as_str()), "{line} in {}", planned.told());
    }
    let requests = world.get("configmap", "a")["data"]["value"].clone();
    assert_eq!(requests, "9", "nothing is changed");
    let out = world.run(&["diff", &live(&world), "-o", "json"]);
    let json: Json = serde_json::from_str(&out.stdout).expect("JSON");
    assert!(
        json["from"].is_null() && json["to"].is_string() && json["changes"].as_array().expect("changes").len() == 4
    );
    for told in [changed.told(), planned.told(), out.told()] {
        assert!(!told.contains("YWZ0ZXI") && !told.contains("YmVmb3Jl"), "{told}");
    }
}

#[test]
fn fields_that_would_be_given_up_count_and_forms_of_values_do_not() {
    let world = World::new("live-forms");
    let web = deployment("web", "web:1", "none", "").replace(
        "          image: web:1\n",
        "          image: web:1\n          resources: {limits: {cpu: 1000m, memory: 1024Mi}}\n          args: [\"-v\"]\n",
    );
    world.write("web.yaml", &web);
    assert_eq!(world.apply(&[]).code, 0);
    let same = diff(&world, &[&live(&world)]);
    assert_eq!(same.code, 0, "{}", same.told());
    world.write("web.yaml", &web.replace("          args: [\"-v\"]\n", "").replace("cpu: 1000m", "cpu: \"1\""));
    let fewer = diff(&world, &[&live(&world)]);
    assert_eq!(fewer.code, 1, "{}", fewer.told());
    let fields: Vec<&str> = fewer.stdout.lines().filter(|line| line.starts_with("    ")).collect();
    assert_eq!(fields, ["    spec.template.spec.containers[main].args  - [\"-v\"]"], "{}", fewer.told());
    // What the server refuses to pretend is compared all the same.
    world.write("web.yaml", &web.replace("app: web", "app: other"));
    let immutable = diff(&world, &[&live(&world)]);
    assert!(immutable.stdout.contains("spec.selector.matchLabels.app  web → other"), "{}", immutable.told());
}

#[test]
fn an_application_that_was_never_applied_has_nothing_live_but_what_is_there() {
    let world = World::new("live-never");
    world.kubectl(&["create", "configmap", "a", "-n", &world.name, "--from-literal=value=theirs"]);
    world.write("a.yaml", &config_map("a", "ours")).write("b.yaml", &config_map("b", "1"));
    world.repository.commit("first").expect("a commit");
    let unnamed = diff(&world, &["HEAD", "live"]);
    assert!(unnamed.code == 2 && unnamed.stderr.contains("APP@live"), "{}", unnamed.told());
    let ended = diff(&world, &["HEAD", &live(&world), "-n", &world.name]);
    assert_eq!(ended.code, 1, "{}", ended.told());
    assert!(ended.stdout.contains("    data.value  ours → theirs\n"), "{}", ended.told());
    assert!(ended.stdout.contains(&format!("- ConfigMap {}/b\n", world.name)), "{}", ended.told());
    assert!(world.head_or_null().is_null(), "nothing is recorded");
    let twice = diff(&world, &["live", "live"]);
    assert_eq!(twice.code, 2, "{}", twice.told());
}
