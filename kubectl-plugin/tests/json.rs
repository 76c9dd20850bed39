//! `schemas/` is what the types say, and what the program prints is what `schemas/` says.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gitops_compiler::depend::EdgeRules;
use gitops_compiler::manifest::yaml::{Limits, read};
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
    for (name, schema) in schemas() {
        let path = folder().join(format!("{name}.json"));
        let made = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(folder()).and_then(|()| std::fs::write(&path, &made)).expect("written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "schemas/{name}.json is not what the types say; renew with `{RENEW}`");
        names.insert(format!("{name}.json"));
    }
    let files = std::fs::read_dir(folder()).expect("a folder");
    let files: BTreeSet<String> =
        files.map(|file| file.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(files, names, "a file without a type, or the other way round");
}

/// Fails where a document is not what its schema says, or the schema says nothing of one of its fields.
fn check(name: &str, document: &Json) {
    let found = schemas().into_iter().find(|(known, _)| *known == name);
    let mut schema = Json::from(found.expect("a schema").1);
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
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
    world.kubectl(&["create", "configmap", "foreign", "-n", &name]);
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
    check("run", &json(&world, &apply));
    check("run", &json(&world, &apply));
    world.write("a.yaml", &config_map("settings", "two")).remove("f.yaml");
    let trial = ["apply", &name, "-n", &name, "--yes", "-o", "json", "--dry-run=server"];
    let plan = json(&world, &trial);
    check("plan", &plan);
    assert!(!plan["forgotten"][0].is_null() && !plan["steps"][0]["changes"][0].is_null(), "{plan}");
    check("run", &json(&world, &apply));
    check("diff", &json(&world, &["diff", &format!("{name}@1"), &format!("{name}@2"), "-o", "json"]));
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
