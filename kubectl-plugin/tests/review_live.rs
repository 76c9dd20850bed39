//! `review` with what is live as one side, on the real cluster: it tells what `diff` tells, as a review, in every form; of
//! defaults, `status` and what others own nothing; and no value of a Secret.

mod support;

use serde_json::Value as Json;
use support::{Ended, World, config_map, deployment};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {word: hunter-two}\n";

fn review(world: &World, range: &str, more: &[&str]) -> Ended {
    world.run(&[&["review", range, &world.name][..], more].concat())
}

fn json(world: &World, range: &str) -> Json {
    let ended = review(world, range, &["-o", "json"]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()))
}

/// Each change: its resource, its fate, and the paths of its fields.
fn changes(review: &Json) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &Json| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    let of = |change: &Json| {
        let fields = change["fields"].as_array().map_or(&[][..], Vec::as_slice);
        let paths = fields.iter().map(|field| text(&field["path"])).collect();
        (text(&change["resource"]), text(&change["change"]), paths)
    };
    review["applications"][0]["changes"].as_array().expect("changes").iter().map(of).collect()
}

fn patch(world: &World, kind: &str, name: &str, patch: &str) {
    world.kubectl(&["patch", kind, name, "-n", &world.name, "--type=merge", "-p", patch]);
}

#[test]
fn what_is_live_is_reviewed_both_ways_and_in_every_form() {
    let world = World::new("reviewed");
    world.write("a.yaml", &config_map("a", "1")).write("gone.yaml", &config_map("gone", "1")).write("s.yaml", SECRET);
    world.write("web.yaml", &deployment("web", "registry.example.com/web:1.0.0", "a", ""));
    world.repository.commit("One").expect("a commit");
    assert_eq!(world.apply(&[]).code, 0);
    let release = format!("{}@1", world.name);
    for range in ["live..HEAD".to_owned(), format!("{release}..live"), "live".to_owned()] {
        let same = json(&world, &range);
        assert_eq!((&same["verdict"], changes(&same)), (&Json::from("unchanged"), Vec::new()), "{range}: {same}");
        assert_eq!(same["applications"][0]["counts"]["unchanged"], 4, "defaults and status are no differences: {same}");
    }
    // What others add is none of ours; what they change is.
    patch(&world, "configmap", "a", r#"{"data":{"value":"9","more":"theirs"},"metadata":{"labels":{"team":"x"}}}"#);
    patch(&world, "secret", "s", r#"{"data":{"word":"YWZ0ZXI="}}"#);
    world.kubectl(&["delete", "configmap", "gone", "-n", &world.name]);
    let drifted = json(&world, &format!("{release}..live"));
    let found = changes(&drifted);
    let named = |name: &str, fate: &str, paths: &[&str]| {
        found.iter().any(|(resource, is, fields)| resource.ends_with(name) && is == fate && *fields == paths)
    };
    assert!(found.len() == 3 && named("/a", "changed", &["data.value"]), "{drifted}");
    assert!(named("/gone", "removed", &[]) && named("/s", "changed", &["data.word"]), "{drifted}");
    let one = &drifted["applications"][0];
    assert!(one["base"].is_string() && one["head"].is_null(), "what is live has no id: {drifted}");
    // What the next commit would do to it: another image replaces Pods, and what is there no more is made again.
    world.write("web.yaml", &deployment("web", "registry.example.com/web:2.0.0", "a", ""));
    world.repository.commit("Two").expect("a commit");
    let planned = json(&world, "live..HEAD");
    let one = &planned["applications"][0];
    assert!(one["base"].is_null() && one["head"].is_string(), "{planned}");
    assert_eq!(one["versions"][0]["step"], "major", "{planned}");
    assert_eq!(one["restarts"].as_array().expect("restarts").len(), 1, "{planned}");
    assert_eq!(one["counts"]["added"], 1, "{planned}");
    for format in ["text", "markdown", "json", "html", "sarif"] {
        let ended = review(&world, "live..HEAD", &["-o", format]);
        assert!(ended.code == 0 && !ended.stdout.is_empty(), "{format}: {}", ended.told());
        for value in ["YWZ0ZXI", "aHVudGVyLXR3", "hunter-two"] {
            assert!(!ended.told().contains(value), "{format}: {}", ended.told());
        }
    }
    let text = review(&world, "live..HEAD", &["--exit-code"]);
    assert!(text.code == 1 && text.stdout.starts_with("live → HEAD"), "{}", text.told());
    assert!(text.stdout.contains("live → g1-"), "{}", text.told());
    // What the server refuses to pretend is compared all the same.
    let other = deployment("web", "registry.example.com/web:1.0.0", "a", "").replace("app: web", "app: other");
    world.write("web.yaml", &other);
    let immutable = json(&world, "live");
    let selector = "spec.selector.matchLabels.app".to_owned();
    let is_told = |(resource, _, fields): &(String, String, Vec<String>)| {
        resource.ends_with("/web") && fields.contains(&selector)
    };
    assert!(changes(&immutable).iter().any(is_told), "{immutable}");
    let value = world.get("configmap", "a")["data"]["value"].clone();
    assert_eq!(value, "9", "nothing is changed");
}

/// Commits that are here say where changes of releases come from, and whose settings judge.
#[test]
fn releases_have_causes_and_settings_where_their_commits_are_here() {
    let world = World::new("reviewed-releases");
    let accept = "accept: [{rule: renamed, resource: x, until: 2030-01-01, reason: y}]\n";
    world.write("a.yaml", &config_map("a", "1"));
    world.repository.commit("One").expect("a commit");
    assert_eq!(world.apply(&[]).code, 0);
    world.write("a.yaml", &config_map("a", "2")).write(".gitops/review.yaml", accept);
    world.repository.commit("Two").expect("a commit");
    assert_eq!(world.apply(&[]).code, 0);
    let (one, two) = (format!("{}@1", world.name), format!("{}@2", world.name));
    for range in [format!("{one}..{two}"), format!("{one}..HEAD"), format!("HEAD~1..{two}")] {
        let told = json(&world, &range);
        let cause = &told["applications"][0]["causes"][0];
        assert_eq!(
            (&cause["origin"]["path"], &cause["field"]),
            (&"a.yaml".into(), &"data.value".into()),
            "{range}: {told}"
        );
        assert_eq!(told["risks"][0]["rule"], "acceptance-changed", "{range}: {told}");
        assert!(told["base"]["commit"].is_string() && told["head"]["commit"].is_string(), "{told}");
    }
    // The settings of the release's commit judge, and what was applied of a tree that nobody committed has none.
    world.write(".gitops/review.yaml", "rules: [").write("a.yaml", &config_map("a", "3"));
    assert_eq!(world.apply(&[]).code, 0);
    let dirty = json(&world, &format!("{}@3..{two}", world.name));
    assert!(dirty["base"]["commit"].is_null() && dirty["risks"].as_array().is_some_and(Vec::is_empty), "{dirty}");
    assert_eq!(changes(&dirty)[0].2, ["data.value"], "{dirty}");
}

#[test]
fn what_leaves_the_graph_is_removed_as_it_is_now_and_what_is_ours_no_more_is_told() {
    let world = World::new("reviewed-gone");
    let claim = |storage: &str| {
        format!(
            "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\nspec:\n  accessModes: [ReadWriteOnce]\n  \
             storageClassName: nowhere\n  resources: {{requests: {{storage: {storage}}}}}\n"
        )
    };
    let two = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {value: '1', more: '2'}\n";
    world.write("a.yaml", two).write("c.yaml", &claim("1Gi")).write("b.yaml", &config_map("b", "1"));
    assert_eq!(world.apply(&["--wait=false"]).code, 0);
    patch(&world, "configmap", "b", r#"{"data":{"value":"touched"}}"#);
    world.write("a.yaml", &config_map("a", "1")).remove("c.yaml").remove("b.yaml");
    world.repository.commit("Less").expect("a commit");
    let told = json(&world, "live..HEAD");
    let found = changes(&told);
    let paths = |name: &str| {
        let change = found.iter().find(|(resource, ..)| resource.ends_with(name));
        let (_, fate, fields) = change.unwrap_or_else(|| panic!("{name}: {told}"));
        (fate.clone(), fields.clone())
    };
    assert_eq!(paths("/a"), ("changed".to_owned(), vec!["data.more".to_owned()]), "applying gives it up");
    assert_eq!((paths("/data").0, paths("/b").0), ("removed".to_owned(), "removed".to_owned()));
    let blocked = review(&world, "live..HEAD", &["--fail-on", "block"]);
    assert!(blocked.code == 4 && blocked.stdout.contains("claim-removed"), "{}", blocked.told());
}

#[test]
fn what_was_never_applied_has_nothing_live_but_what_is_there() {
    let world = World::new("reviewed-never");
    world.kubectl(&["create", "configmap", "a", "-n", &world.name, "--from-literal=value=theirs"]);
    world.write("a.yaml", &config_map("a", "ours")).write("b.yaml", &config_map("b", "1"));
    world.repository.commit("first").expect("a commit");
    let ended = review(&world, "live..HEAD", &["-n", &world.name, "-o", "json"]);
    let told: Json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()));
    let counts = &told["applications"][0]["counts"];
    assert_eq!((&counts["changed"], &counts["added"]), (&Json::from(1), &Json::from(1)), "{told}");
    assert!(world.head_or_null().is_null(), "nothing is recorded");
    let unnamed = world.run(&["review", "live..HEAD"]);
    assert!(unnamed.code == 2 && unnamed.stderr.contains("APP@live"), "{}", unnamed.told());
    let twice = world.run(&["review", "live..live"]);
    assert!(twice.code == 2 && twice.stderr.contains("differs from itself in nothing"), "{}", twice.told());
}
