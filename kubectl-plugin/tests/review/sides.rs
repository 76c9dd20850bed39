//! What a side may be, what is compared, whose settings count, and how it ends.

use super::world::{World, application, claim, map};

const REVIEW: [&str; 2] = ["review", "main..topic"];

/// The branch `topic` changes one map; `main` goes on with another.
fn branches() -> World {
    let world = World::new();
    world.write("deploy/a.yaml", &map("a", "1")).write("deploy/b.yaml", &map("b", "1")).commit("Both");
    world.git(&["branch", "-M", "main"]);
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("deploy/a.yaml", &map("a", "2")).commit("The change");
    world.git(&["checkout", "-q", "main"]);
    world.write("deploy/b.yaml", &map("b", "2")).commit("Meanwhile");
    world
}

fn resources(review: &serde_json::Value) -> Vec<String> {
    let changes = review["applications"][0]["changes"].as_array().expect("changes");
    changes.iter().map(|change| change["resource"].as_str().expect("a key").to_owned()).collect()
}

#[test]
fn the_base_is_where_the_branch_began() {
    let world = branches();
    let of = |more: &[&str]| resources(&world.json(&[&REVIEW[..], &["--path", "deploy", "-o", "json"], more].concat()));
    assert_eq!(of(&[]), ["/ConfigMap/shop/a"], "what others did meanwhile is no part of it");
    assert_eq!(of(&["--exact-base"]), ["/ConfigMap/shop/a", "/ConfigMap/shop/b"]);
    let three = world.json(&["review", "main...topic", "--path", "deploy", "-o", "json"]);
    assert_eq!(resources(&three), ["/ConfigMap/shop/a"], "as Git writes it");
}

#[test]
fn a_side_is_a_tag_a_graph_or_the_working_tree() {
    let world = branches();
    world.git(&["tag", "-a", "v1", "-m", "first", "main~1"]);
    world.write("deploy/b.yaml", &map("b", "3"));
    let tree = world.json(&["review", "v1", "--path", "deploy", "-o", "json"]);
    assert_eq!(resources(&tree), ["/ConfigMap/shop/b"]);
    assert_eq!(tree["applications"][0]["causes"][0]["origin"]["path"], "deploy/b.yaml", "{tree}");
    let id = |revision: &str| {
        let ended = world.run(&["compile", "--path", "deploy", "--revision", revision, "-o", "id"]);
        ended.stdout.trim().to_owned()
    };
    let graphs = world.json(&["review", &format!("{}..{}", id("v1"), id("topic")), "-o", "json"]);
    assert_eq!(resources(&graphs), ["/ConfigMap/shop/a"]);
    let mixed = world.json(&["review", &format!("{}..topic", id("v1")), "--path", "deploy", "-o", "json"]);
    assert_eq!(resources(&mixed), ["/ConfigMap/shop/a"]);
    for (range, told) in [
        ("nowhere..topic", "no commit is called `nowhere`"),
        ("..topic", "what to compare with"),
        ("main..shop@live", "there is no usable kubeconfig"),
        ("live..topic", "it is not said of which application"),
        ("live..shop@live", "differs from itself in nothing"),
        ("g1-a..topic", "no commit is called"),
    ] {
        let ended = world.run(&["review", range, "--path", "deploy"]);
        assert!(ended.code == 2 && ended.stderr.contains(told), "{range}: {}", ended.told());
    }
}

#[test]
fn a_side_is_a_bundle() {
    let world = branches();
    for (revision, out) in [("main~1", "old.tar"), ("topic", "new")] {
        let build = ["bundle", "build", "shop", "--path", "deploy", "--revision", revision, "--out", out];
        let ended = world.run(&build);
        assert_eq!(ended.code, 0, "{}", ended.told());
    }
    for range in ["bundle:old.tar..bundle:new", "bundle:./old.tar..topic", "main~1..bundle:new"] {
        let review = world.json(&["review", range, "--path", "deploy", "-o", "json"]);
        assert_eq!(resources(&review), ["/ConfigMap/shop/a"], "{range}");
        assert_eq!(review["applications"][0]["application"], "shop", "{range}");
    }
    let differs = world.run(&["diff", "bundle:old.tar", "bundle:new"]);
    assert!(differs.code == 1 && differs.stdout.contains("~ ConfigMap shop/a"), "{}", differs.told());
    let same = world.run(&["diff", "bundle:new", "topic", "--path", "deploy"]);
    assert!(same.code == 0, "{}", same.told());
    world.write("new/index.json", "{}");
    for (side, told) in [
        ("bundle:none.tar", "none.tar"),
        ("bundle:new", "this is no bundle that can be taken"),
        ("bundle:oci://127.0.0.1:1/shop:v1", "127.0.0.1:1"),
    ] {
        let ended = world.run(&["review", &format!("{side}..topic"), "--path", "deploy"]);
        assert!(ended.code == 2 && ended.stderr.contains(told), "{side}: {}", ended.told());
    }
}

#[test]
fn what_is_printed_as_json_is_what_the_schemas_say() {
    let world = branches();
    world.write(".gitops/review.yaml", "accept: [{rule: renamed, resource: x, until: 2030-01-01, reason: y}]\n");
    world.repository.remove("deploy/b.yaml").expect("removed");
    let review = world.json(&["review", "main", "shop", "--path", "deploy", "-o", "json"]);
    assert!(!review["risks"][0].is_null() && !review["applications"][0]["changes"][0].is_null(), "{review}");
    World::check("review", &review);
    let pending = world.json(&["snapshot", "pending", "shop", "--path", "deploy", "-o", "json"]);
    assert!(!pending["pending"][0].is_null(), "{pending}");
    World::check("snapshot", &pending);
    let example = include_str!("../../docs/review.md").split("```yaml\nrules:").nth(1).expect("an example");
    let example = format!("rules:{}", example.split("```").next().unwrap_or_default());
    gitops_compiler::review::Settings::read("review.yaml", example.as_bytes()).expect("the page has settings");
}

#[test]
fn exit_codes_are_those_that_were_asked_for() {
    let world = World::new();
    world.write("deploy/a.yaml", &map("a", "1")).write("deploy/c.yaml", &claim("data")).commit("One");
    world.git(&["branch", "-M", "main"]);
    world.write("deploy/a.yaml", &map("a", "2")).commit("Two");
    world.repository.remove("deploy/c.yaml").expect("removed");
    world.commit("Three");
    let code =
        |range: &str, more: &[&str]| world.run(&[&["review", range, "--path", "deploy"][..], more].concat()).code;
    assert_eq!(code("HEAD~2..HEAD~1", &[]), 0);
    assert_eq!(code("HEAD~2..HEAD~1", &["--exit-code"]), 1);
    assert_eq!(code("HEAD..HEAD", &["--exit-code"]), 0);
    assert_eq!(code("HEAD~2..HEAD~1", &["--fail-on", "info"]), 0, "nothing objects");
    assert_eq!(code("HEAD~1..HEAD", &["--fail-on", "block"]), 4);
    assert_eq!(code("HEAD~1..HEAD", &["--max-chars", "10"]), 2);
    world.write("deploy/a.yaml", "kind: ConfigMap\n").commit("Broken");
    let broken = world.run(&["review", "HEAD~1..HEAD", "--path", "deploy", "--exit-code"]);
    assert!(broken.code == 1 && broken.stdout.contains("deploy/a.yaml:1"), "{}", broken.told());
    assert_eq!(code("HEAD~1..HEAD", &["--fail-on", "block"]), 4);
    let mended = world.run(&["review", "HEAD..HEAD~1", "--exact-base", "--path", "deploy"]);
    assert!(mended.code == 0 && mended.stdout.contains("is not known: it does not compile"), "{}", mended.told());
}

#[test]
fn the_settings_of_the_base_judge() {
    let world = World::new();
    let accept = "accept: [{rule: claim-removed, resource: '*', until: 2030-01-01, reason: moved}]\n";
    world.write("deploy/a.yaml", &map("a", "1")).write("deploy/c.yaml", &claim("data")).commit("One");
    world.repository.remove("deploy/c.yaml").expect("removed");
    world.write(".gitops/review.yaml", accept).commit("Accept and remove at once");
    let run = |range: &str, more: &[&str]| {
        world.run(&[&["review", range, "--path", "deploy", "--fail-on", "block"][..], more].concat())
    };
    let own = run("HEAD~1..HEAD", &[]);
    assert!(own.code == 4 && own.stdout.contains("acceptance-changed"), "{}", own.told());
    world.git(&["checkout", "-q", "HEAD~1"]);
    world.write(".gitops/review.yaml", accept).commit("Accept first");
    world.repository.remove("deploy/c.yaml").expect("removed");
    world.commit("Remove then");
    let accepted = run("HEAD~1..HEAD", &["--date", "2030-01-01"]);
    assert!(accepted.code == 0 && accepted.stdout.contains("until 2030-01-01: moved"), "{}", accepted.told());
    let expired = run("HEAD~1..HEAD", &["--date", "2030-01-02"]);
    assert!(expired.code == 4 && expired.stdout.contains("was accepted for * until"), "{}", expired.told());
    world.write(".gitops/review.yaml", "rules: [").commit("Nobody can read it");
    let head = run("HEAD~1..HEAD", &[]);
    assert!(head.stdout.contains("acceptance-changed"), "{}", head.told());
    let base = run("HEAD..HEAD", &[]);
    assert!(base.code == 2 && base.stderr.contains(".gitops/review.yaml"), "{}", base.told());
}

/// Who branches off an old commit takes its settings along, but is judged by those of the branch that it goes to.
#[test]
fn an_old_base_brings_no_old_settings_back() {
    let world = World::new();
    let accept = "accept: [{rule: claim-removed, resource: '*', until: 2030-01-01, reason: moved}]\n";
    world.write("deploy/a.yaml", &map("a", "1")).write("deploy/c.yaml", &claim("data"));
    world.write(".gitops/review.yaml", accept).commit("Accepted");
    world.git(&["branch", "-M", "main"]);
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.repository.remove("deploy/c.yaml").expect("removed");
    world.commit("Remove");
    world.git(&["checkout", "-q", "main"]);
    world.write(".gitops/review.yaml", "rules: {renamed: block}\n").commit("Accepted no more");
    let judged = world.run(&[&REVIEW[..], &["--path", "deploy", "--fail-on", "block"]].concat());
    assert!(judged.code == 4 && judged.stdout.contains("claim-removed"), "{}", judged.told());
    assert!(!judged.stdout.contains("acceptance-changed"), "the branch is as it was: {}", judged.told());
    world.git(&["checkout", "-q", "topic"]);
    world.write(".gitops/review.yaml", &accept.replace("2030", "2031")).commit("Prolonged");
    let prolonged = world.run(&[&REVIEW[..], &["--path", "deploy"]].concat());
    assert!(prolonged.stdout.contains("acceptance-changed"), "{}", prolonged.told());
}

/// Settings of a revision judge a graph, too, and must be understood.
#[test]
fn settings_of_a_revision_judge_what_somebody_kept() {
    let world = World::new();
    world.write("deploy/a.yaml", &map("a", "1")).write("deploy/c.yaml", &claim("data"));
    world.write(".gitops/review.yaml", "rules: {claim-removed: off}\n").commit("One");
    world.repository.remove("deploy/c.yaml").expect("removed");
    world.commit("Two");
    let id = world.run(&["compile", "--path", "deploy", "-o", "id"]).stdout.trim().to_owned();
    let run = || world.run(&["review", &format!("HEAD~1..{id}"), "--path", "deploy", "--fail-on", "block"]);
    assert_eq!(run().code, 0, "{}", run().told());
    world.write(".gitops/review.yaml", "rules: [").commit("Nobody can read it");
    world.commit("Three");
    let unread = run();
    assert!(unread.code == 2 && unread.stderr.contains(".gitops/review.yaml"), "{}", unread.told());
}

#[test]
fn applications_come_and_go_with_their_file() {
    let world = World::new();
    let file = "applications.yaml";
    world.git(&["config", "remote.origin.url", "https://git.example.com/shop"]);
    world.write("one/a.yaml", &map("a", "1")).write("two/b.yaml", &map("b", "1"));
    world.write(file, &format!("{}{}", application("one", "one"), application("two", "two"))).commit("Two");
    world.write(file, &format!("{}{}", application("one", "one"), application("three", "two"))).commit("Renamed");
    let review = world.json(&["review", "HEAD~1..HEAD", "-f", file, "-o", "json"]);
    let told: Vec<(&str, &str)> = review["applications"]
        .as_array()
        .expect("applications")
        .iter()
        .map(|found| (found["application"].as_str().expect("a name"), found["verdict"].as_str().expect("a verdict")))
        .collect();
    assert_eq!(told, [("one", "unchanged"), ("three", "routine"), ("two", "block")]);
    assert_eq!(review["applications"][2]["risks"][0]["rule"], "application-removed", "{review}");
}
