//! `schemas/` is what the types say, and what the program prints is what `schemas/` says.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gitops_compiler::depend::EdgeRules;
use gitops_compiler::manifest::yaml::{Limits, read};
use gitops_testdata::schema::Schema;
use kubectl_gitops::json::schemas;
use serde_json::Value as Json;
use support::{World, config_map, deployment};

const RENEW: &str = "UPDATE_DOCS=1 cargo test -p kubectl-gitops --test json";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let mut names = BTreeSet::new();
    let pretty = |made: serde_json::Result<String>| made.expect("JSON") + "\n";
    let made = schemas().into_iter().map(|(name, schema)| (name, pretty(serde_json::to_string_pretty(&schema))));
    let openapi = ("openapi", pretty(serde_json::to_string_pretty(&kubectl_gitops::api::document())));
    for (name, made) in made.chain([openapi]) {
        let path = folder().join(format!("{name}.json"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(folder()).and_then(|()| std::fs::write(&path, &made)).expect("written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "schemas/{name}.json is not what the types say; renew with `{RENEW}`");
        names.insert(format!("{name}.json"));
    }
    let files = std::fs::read_dir(folder()).expect("a folder");
    let files = files.map(|file| file.expect("an entry")).filter(|file| file.path().is_file());
    let files: BTreeSet<String> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(files, names, "a file without a type, or the other way round");
}

/// Fails where a document is not what its schema says, or the schema says nothing of one of its fields.
fn check(name: &str, document: &Json) {
    let found = schemas().into_iter().find(|(known, _)| *known == name);
    let mut schema = Json::from(found.expect("a schema").1);
    close(&mut schema);
    Schema::new(&schema).check(name, document);
}

/// Refuses fields that a schema does not name. Flattened parts are named beside it.
fn close(schema: &mut Json) {
    if let Some(object) = schema.as_object_mut() {
        if object.contains_key("properties") && object.get("type") == Some(&Json::from("object")) {
            object.insert("unevaluatedProperties".to_owned(), Json::Bool(false));
        }
        for (name, part) in object.iter_mut() {
            // Alternatives are parts of what names them.
            if name != "oneOf" {
                close(part);
            }
        }
    } else if let Some(items) = schema.as_array_mut() {
        items.iter_mut().for_each(close);
    }
}

fn json(world: &World, arguments: &[&str]) -> Json {
    let ended = world.run(arguments);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {}", ended.told()))
}

#[test]
fn the_example_of_rules_is_what_their_schema_says() {
    let page = include_str!("../docs/edges.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    EdgeRules::read("edges.yaml", example.as_bytes()).expect("rules");
    let manifest = format!("kind: A\napiVersion: v1\nmetadata: {{name: a}}\n{example}");
    let (manifests, _) = gitops_compiler::manifest::read("edges.yaml", manifest.as_bytes());
    let mut document = Json::from(&manifests[0].body);
    for field in ["kind", "apiVersion", "metadata"] {
        document.as_object_mut().expect("a map").remove(field);
    }
    assert!(document["references"][1]["field"].is_string(), "{document}");
    check("edge-rules", &document);
}

#[test]
fn the_example_of_trust_is_what_its_schema_says() {
    let page = include_str!("../docs/bundles.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let policy = gitops_compiler::bundle::TrustPolicy::read("trust.yaml", example.as_bytes()).expect("a policy");
    for (name, key) in &policy.keys {
        kubectl_gitops::bundle::PublicKey::read(key).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let reading = read(example.as_bytes(), Limits::default());
    let document = Json::from(&reading.documents[0].value);
    assert!(document["rules"][1]["clusters"][0].is_string(), "{document}");
    check("trust", &document);
}

#[test]
fn the_example_of_health_checks_is_what_their_schema_says() {
    let page = include_str!("../docs/health.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    kubectl_gitops::health::Checks::default().add("health.yaml", example.as_bytes()).expect("checks");
    let reading = read(example.as_bytes(), Limits::default());
    let document = Json::from(&reading.documents[0].value);
    assert!(document["healthCheckExprs"][0]["current"].is_string(), "{document}");
    check("health-checks", &document);
}

#[test]
fn what_commands_print_is_what_the_schemas_say() {
    let world = World::new("json");
    let name = world.name.clone();
    let apply = ["apply", &name, "-n", &name, "--yes", "-o", "json"];
    world.kubectl(&["create", "configmap", "foreign", "-n", &name, "--from-literal=theirs=x"]);
    world.write("a.yaml", &config_map("settings", "one")).write("f.yaml", &config_map("foreign", "one"));
    world.write("web.yaml", &deployment("web", "web", "settings", ""));
    world.write("s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: word}\n");
    let plan = json(&world, &["plan", &name, "-n", &name, "-o", "json"]);
    check("plan", &plan);
    assert!(plan["steps"].as_array().is_some_and(|steps| steps.iter().any(|step| !step["waitsFor"][0].is_null())));
    for command in ["compile", "graph"] {
        let graph = json(&world, &[command, "-o", "json"]);
        check("graph", &graph);
        assert!(!graph["edges"][0].is_null() && !graph["lints"][0].is_null(), "nothing was tested: {graph}");
    }
    let explained = json(&world, &["graph", "--explain", "Deployment/web", "ConfigMap/settings", "-o", "json"]);
    check("explain", &explained);
    assert!(!explained["path"][0]["origin"].is_null(), "nothing was tested: {explained}");
    let adopted = json(&world, &["adopt", &name, "-n", &name, "--dry-run", "-o", "json"]);
    check("plan", &adopted);
    assert_eq!(adopted["steps"].as_array().map(Vec::len), Some(1), "{adopted}");
    check("run", &json(&world, &["adopt", "nothing-of-it", "-n", "default", "--yes", "-o", "json"]));
    check("run", &json(&world, &apply));
    check("run", &json(&world, &apply));
    world.write("a.yaml", &config_map("settings", "two")).remove("f.yaml");
    let trial = ["apply", &name, "-n", &name, "--yes", "-o", "json", "--dry-run=server"];
    let plan = json(&world, &trial);
    check("plan", &plan);
    assert!(!plan["forgotten"][0].is_null() && !plan["steps"][0]["changes"][0].is_null(), "{plan}");
    check("run", &json(&world, &apply));
    check("diff", &json(&world, &["diff", &format!("{name}@1"), &format!("{name}@2"), "-o", "json"]));
    let live = json(&world, &["diff", &format!("{name}@1"), "live", "-o", "json"]);
    check("diff", &live);
    assert!(live["to"].is_null() && !live["changes"][0].is_null(), "nothing was tested: {live}");
    check("status", &json(&world, &["status", &name, "-o", "json"]));
    world.kubectl(&["patch", "configmap", "settings", "-n", &name, "-p", r#"{"data":{"value":"theirs"}}"#]);
    let refused = json(&world, &apply);
    check("run", &refused);
    assert_eq!(refused["outcome"], "failed");
    check("record-head", &world.head());
    check("history", &json(&world, &["history", &name, "-o", "json"]));
    check("run", &json(&world, &["rollback", &name, "--yes", "--force-conflicts", "-o", "json"]));
    for command in ["info", "verify", "gc"] {
        check(&format!("store-{command}"), &json(&world, &["store", command, "-o", "json"]));
    }
    check("run", &json(&world, &["delete", &name, "--yes", "-o", "json"]));
}

/// The lines that a command told, each one an object as its schema says; and its exit code.
fn told(world: &World, arguments: &[&str]) -> (i32, Vec<Json>) {
    let ended = world.run(arguments);
    let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} in {}", ended.told()));
    let events: Vec<Json> = ended.stderr.lines().map(read).collect();
    for event in &events {
        check("run-event", event);
    }
    assert!(!ended.told().contains("c2VjcmV0IHdvcmQ") && !ended.told().contains("secret word"), "{}", ended.told());
    (ended.code, events)
}

/// `resource phase` of the step that an event is about.
fn step_of(event: &Json) -> String {
    format!(
        "{} {}",
        event["step"]["resource"].as_str().expect("a step"),
        event["step"]["phase"].as_str().unwrap_or("-")
    )
}

/// The events of a run, from its start on.
fn run_of(events: &[Json]) -> &[Json] {
    let start = events.iter().position(|event| event["event"] == "runStarted");
    &events[start.unwrap_or_else(|| panic!("no run: {events:#?}"))..]
}

/// The first event of this name about a step.
fn find<'a>(events: &'a [Json], name: &str, step: &str) -> &'a Json {
    let is_it = |event: &&Json| event["event"] == name && step_of(event) == step;
    events.iter().find(is_it).unwrap_or_else(|| panic!("no {name} of {step}: {events:#?}"))
}

/// Every step ends once, and only after it was started, unless it was skipped; nothing is told of it after that.
fn assert_in_order(events: &[Json]) {
    assert_eq!(events[0]["event"], "runStarted", "{:#}", events[0]);
    let mut started = BTreeSet::new();
    let mut done = BTreeSet::new();
    for event in events.iter().filter(|event| event["step"].is_object() && event["event"] != "stepBlocked") {
        let (name, step) = (event["event"].as_str().expect("a name"), step_of(event));
        assert!(!done.contains(&step), "after its end: {event:#}");
        match name {
            "stepStarted" => assert!(started.insert(step), "twice: {event:#}"),
            "stepDone" => {
                assert_eq!(started.contains(&step), event["outcome"] != "skipped", "{event:#}");
                assert_eq!(event["seconds"].is_null(), event["outcome"] == "skipped", "{event:#}");
                done.insert(step);
            }
            _ => assert!(started.contains(&step), "before its start: {event:#}"),
        }
    }
    assert_eq!(done.len() as u64, events[0]["steps"], "each ends: {events:#?}");
    let times: Vec<&str> = events.iter().filter_map(|event| event["time"].as_str()).collect();
    assert!(times.len() == events.len() && times.is_sorted(), "{times:?}");
}

fn in_wave(wave: &str, manifest: &str) -> String {
    let annotated = format!("metadata:\n  annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}\n");
    manifest.replacen("metadata:\n", &annotated, 1)
}

/// An application with a hook, a slow workload, one that fails, a Secret that the API server refuses and quotes, and a wave
/// behind all of these.
fn write_troubled(world: &World) {
    let (slow, broken) = (", testdata.kubectl-gitops/start: slow", ", testdata.kubectl-gitops/fail: image-pull");
    let hook = "apiVersion: batch/v1\nkind: Job\n\
                metadata: {generateName: before-, annotations: {argocd.argoproj.io/hook: PreSync}}\n\
                spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: x}]}}}\n";
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {a: secret word}\n";
    let refused = "apiVersion: v1\nkind: Secret\nmetadata: {name: refused}\ntype: kubernetes.io/dockerconfigjson\n\
                   stringData: {.dockerconfigjson: secret word}\n";
    world.write("before.yaml", hook).write("settings.yaml", &config_map("settings", "one"));
    world.write("s.yaml", secret).write("refused.yaml", refused);
    world.write("web.yaml", &deployment("web", "web", "settings", slow));
    world.write("bad.yaml", &deployment("bad", "bad", "settings", broken));
    world.write("last.yaml", &in_wave("1", &config_map("last", "one")));
}

#[test]
fn what_runs_tell_is_what_the_schema_says() {
    let world = World::new("events");
    let name = world.name.clone();
    write_troubled(&world);
    let (code, events) = told(&world, &["apply", &name, "-n", &name, "--yes", "-o", "json"]);
    assert_eq!(code, 3, "{events:#?}");
    assert!(events.iter().any(|event| event["rule"] == "mutable-image"), "lints are told: {events:#?}");
    let run = run_of(&events);
    assert_in_order(run);
    let key = |kind: &str, object: &str| format!("{kind}/{name}/{object} -");
    let (web, last) = (key("apps/Deployment", "web"), key("/ConfigMap", "last"));
    for (step, outcome) in [
        (&web, "succeeded"),
        (&key("apps/Deployment", "bad"), "failed"),
        (&key("/Secret", "refused"), "failed"),
        (&last, "skipped"),
    ] {
        assert_eq!(find(run, "stepDone", step)["outcome"], outcome, "{step} in {run:#?}");
    }
    let waits = &find(run, "stepBlocked", &web)["waitsFor"];
    let settings = serde_json::json!({"resource": format!("/ConfigMap/{name}/settings"), "state": "present",
                                      "reason": "its pods read it", "behind": null});
    assert!(waits.as_array().expect("a list").contains(&settings), "{waits:#}");
    assert_eq!(find(run, "stepBlocked", &last)["waitsFor"][0]["behind"]["barrier"], "wave 0");
    let hook = find(run, "stepWaiting", &format!("batch/Job/{name}/before-*0 PreSync"));
    let object = hook["object"].as_str().expect("an object");
    assert!(object.starts_with(&format!("batch/Job/{name}/before-")) && !object.contains('*'), "its name: {hook:#}");
    let says = |event: &Json| event["reason"].as_str().is_some_and(|reason| reason.contains("0 of 1 updated"));
    assert!(
        run.iter().any(|event| event["event"] == "stepWaiting" && step_of(event) == web && says(event)),
        "{run:#?}"
    );
    let [.., done, error] = run else { panic!("{run:#?}") };
    assert_eq!(
        (&done["event"], &done["outcome"], &error["event"]),
        (&"runDone".into(), &"failed".into(), &"error".into())
    );
    let details = error["details"].to_string();
    assert!(error["exitCode"] == 3 && details.contains("ImagePullBackOff"), "{error:#}");

    let (code, events) = told(&world, &["delete", &name, "--yes", "-o", "json"]);
    assert_eq!(code, 0, "{events:#?}");
    assert_in_order(run_of(&events));
    let mut orders = events.iter().filter(|event| event["event"] == "stepBlocked").map(|event| &event["waitsFor"]);
    let first = orders.next().expect("what was made last goes first");
    assert!(first[0]["state"] == "absent" && orders.all(|waits| waits[0]["state"] == "absent"), "{events:#?}");
}

#[test]
fn a_command_that_fails_says_why_in_its_last_event() {
    let world = World::new("errors");
    let name = world.name.clone();
    world.write("broken.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n");
    let apply = ["apply", &name, "-n", &name, "-o", "json"];
    let (code, events) = told(&world, &apply);
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!((code, &names[names.len() - 2..]), (2, &["finding", "error"][..]), "{events:#?}");
    assert_eq!(events[names.len() - 2]["path"], "broken.yaml");
    world.remove("broken.yaml").write("a.yaml", &config_map("a", "1"));
    let (code, events) = told(&world, &apply);
    let error = events.last().expect("an event");
    assert!(code == 2 && error["message"].as_str().is_some_and(|why| why.contains("--yes")), "{events:#?}");
    let (code, events) = told(&world, &["rollback", &name, "--yes", "-o", "json"]);
    assert_eq!((code, &events[0]["event"], &events[0]["exitCode"]), (2, &"error".into(), &2.into()), "{events:#?}");
}

#[test]
fn the_page_of_progress_has_every_event_and_no_other() {
    let page = include_str!("../docs/progress.md");
    let told: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split("` | ").next()).collect();
    let found = schemas().into_iter().find(|(name, _)| *name == "run-event");
    let schema = Json::from(found.expect("a schema").1);
    let events = schema["oneOf"].as_array().expect("alternatives").iter();
    let events: BTreeSet<&str> = events.filter_map(|event| event["properties"]["event"]["const"].as_str()).collect();
    assert!(!events.is_empty() && told == events, "docs/progress.md has {told:?}, the schema {events:?}");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    for line in example.lines() {
        check("run-event", &serde_json::from_str(line).expect(line));
    }
}

#[test]
fn arguments_that_are_not_understood_are_told_to_programs_as_data() {
    let world = World::new("misused");
    for (arguments, hint) in [
        (["apply", "shop", "-o", "json", "--timeout", "soon"].as_slice(), None),
        (&["delete", "-o=json"], Some("Usage: kubectl gitops delete ")),
        (&["rollback", "shop", "--od", "-ojson"], Some("Usage: kubectl gitops rollback ")),
    ] {
        let odd = world.run(arguments);
        assert_eq!((odd.code, odd.stdout.as_str(), odd.stderr.lines().count()), (2, "", 1), "{}", odd.told());
        let event: Json = serde_json::from_str(&odd.stderr).expect("JSON");
        check("run-event", &event);
        assert_eq!((&event["event"], &event["exitCode"]), (&Json::from("error"), &Json::from(2)), "{event}");
        assert!(
            event["message"].as_str().is_some_and(|text| !text.is_empty() && !text.starts_with("error")),
            "{event}"
        );
        let told = event["hint"].as_str();
        assert!(hint.is_none_or(|hint| told.is_some_and(|told| told.starts_with(hint))), "{event}");
    }
    let text = world.run(&["apply", "shop", "--od"]);
    assert!(text.code == 2 && text.stderr.starts_with("error: unexpected argument '--od'"), "{}", text.told());
    let help = world.run(&["apply", "-o", "json", "--help"]);
    assert!(help.code == 0 && help.stdout.contains("Usage: kubectl gitops apply"), "{}", help.told());
}
