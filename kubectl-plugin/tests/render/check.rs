//! `check`: what real renderers give twice, what is told of it, and what is remembered.

use gitops_testdata::schema::Schema;
use kubectl_gitops::json::schemas;
use serde_json::Value as Json;

use crate::world::{Ended, World};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n")
}

/// A chart of these templates, by name.
fn chart(templates: &[(&str, &str)]) -> World {
    let world = World::new();
    world.write("web/Chart.yaml", CHART);
    for (name, template) in templates {
        world.write(&format!("web/templates/{name}.yaml"), template);
    }
    world
}

fn check(world: &World, arguments: &[&str]) -> Ended {
    world.run(&[&["check", "web", "--path", "web"], arguments].concat())
}

/// What is printed as data, which is what its schema says.
fn json(world: &World, arguments: &[&str]) -> Json {
    let ended = check(world, &[&["-o", "json"], arguments].concat());
    let document = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let (_, schema) = schemas().into_iter().find(|(name, _)| *name == "check").expect("a schema");
    Schema::new(&schema.into()).check("check", &document);
    document
}

/// How many outputs of programs the store has.
fn remembered(world: &World) -> u64 {
    let ended = world.run(&["store", "info", "-o", "json"]);
    let counted: Json = serde_json::from_str(&ended.stdout).expect("JSON");
    counted["outputs"]["files"].as_u64().expect("a number")
}

/// The differences of the only render: kind, object, field, template.
fn differences(json: &Json) -> Vec<[String; 4]> {
    let text = |value: &Json| value.as_str().unwrap_or("none").to_owned();
    let all = json["applications"][0]["renders"][0]["differences"].as_array().expect("a list");
    let row = |one: &Json| [&one["kind"], &one["resource"], &one["field"], &one["origin"]["path"]].map(text);
    all.iter().map(row).collect()
}

#[test]
fn a_pure_chart_passes_and_is_remembered() {
    let world = chart(&[("a", &config("a", "{{ .Release.Name }}"))]);
    world.write("web/templates/NOTES.txt", "{{ now }}");
    let ended = check(&world, &[]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    assert!(ended.stdout.starts_with("✓  web  g1-"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("1 resource, 0 edges, 3 files  the render is deterministic\n"), "{}", ended.stdout);
    assert_eq!(remembered(&world), 1);
    let id = world.id(&["web", "--path", "web"]);
    assert_eq!(json(&world, &[])["applications"][0]["graph"], id.trim());
}

#[test]
fn the_clock_is_seen_after_two_seconds() {
    let world = chart(&[("a", &config("a", "{{ now | date \"15:04:05\" | quote }}"))]);
    let ended = check(&world, &[]);
    assert_eq!(ended.code, 2);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let [different, impure, end] = lines[..] else { panic!("{}", ended.stderr) };
    assert!(different.starts_with("web/templates/a.yaml: error[not-deterministic]: ConfigMap a: data.key is `"));
    assert!(
        impure.starts_with("web/templates/a.yaml:4:16: warning[impure-template]: `now` asks the clock"),
        "{impure}"
    );
    assert_eq!(end, "error: 1 of 1 application failed: web");
    assert!(ended.stdout.contains("the render is not deterministic  1 error, 1 warning"), "{}", ended.stdout);
}

#[test]
fn the_time_zone_and_the_place_are_seen_too() {
    let world = chart(&[("a", &config("a", "{{ toDate \"2006-01-02\" \"2020-02-02\" | date \"Z07:00\" | quote }}"))]);
    assert_eq!(differences(&json(&world, &[])), [["field", "/ConfigMap/./a", "data.key", "web/templates/a.yaml"]]);
}

#[test]
fn certificates_differ_where_their_bytes_do() {
    let template = "{{- $ca := genCA \"web\" 1 }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: ca}\ndata: {ca: {{ \
                    $ca.Cert | b64enc }}}\n";
    let world = chart(&[("ca", template)]);
    let found = json(&world, &[]);
    assert_eq!(differences(&found), [["field", "/ConfigMap/./ca", "data.ca", "web/templates/ca.yaml"]]);
    let difference = &found["applications"][0]["renders"][0]["differences"][0];
    let values = ["first", "second"].map(|side| difference[side].as_str().expect("a value").to_owned());
    assert!(values[0] != values[1] && values.iter().all(|value| value.chars().count() <= 42), "{values:?}");
}

#[test]
fn values_of_secrets_are_not_told() {
    let template =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: \"x{{ randNumeric 12 }}x\"}\n";
    let world = chart(&[("s", template)]);
    let ended = check(&world, &["-o", "json"]);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("Secret s: data.password is another in one render than in another"), "{told}");
    let found: Json = serde_json::from_str(&ended.stdout).expect("JSON");
    let difference = &found["applications"][0]["renders"][0]["differences"][0];
    assert_eq!((&difference["first"], &difference["second"]), (&Json::Null, &Json::Null));
    assert!(!told.contains("eHg") && !told.contains("eDA") && !told.contains("data.password is `"), "{told}");
}

#[test]
fn objects_that_come_and_go_are_named() {
    let world = chart(&[("a", &config("job-{{ randAlpha 12 | lower }}", "x")), ("b", &config("b", "x"))]);
    let kinds: Vec<String> = differences(&json(&world, &[])).iter().map(|[kind, ..]| kind.clone()).collect();
    assert_eq!(kinds.len(), 2);
    assert!(kinds.contains(&"only-in-first".to_owned()) && kinds.contains(&"only-in-second".to_owned()), "{kinds:?}");
}

#[test]
fn a_check_neither_remembers_nor_forgets_what_is_not_deterministic() {
    let world = chart(&[("a", &config("a", "{{ randAlphaNum 12 | quote }}"))]);
    let allowed = ["--allow", "not-deterministic,impure-template"];
    let graph = |found: &Json| found["applications"][0]["graph"].as_str().expect("an id").to_owned();
    let (first, second) = (json(&world, &allowed), json(&world, &allowed));
    assert_ne!(graph(&first), graph(&second));
    assert_eq!(remembered(&world), 0);
    let compiled = world.id(&["web", "--path", "web"]);
    let third = json(&world, &allowed);
    assert_eq!(graph(&third), compiled.trim());
    assert_eq!(third["applications"][0]["outcome"], "passed");
    assert_eq!(third["applications"][0]["renders"][0]["deterministic"], false);
    assert_eq!(world.id(&["web", "--path", "web"]), compiled, "nothing was forgotten");
}

#[test]
fn packed_charts_are_looked_into() {
    let world = chart(&[("a", &config("a", "x"))]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("db/templates")).expect("made");
    std::fs::write(folder.path().join("db/Chart.yaml"), "apiVersion: v2\nname: db\nversion: 1.0.0\n").expect("written");
    std::fs::write(folder.path().join("db/templates/x.yaml"), "{{ if false }}{{ uuidv4 }}{{ end }}\n")
        .expect("written");
    let charts = world.repository.path().join("web/charts");
    std::fs::create_dir_all(&charts).expect("made");
    let mut tar = std::process::Command::new("tar");
    tar.arg("-czf").arg(charts.join("db-1.0.0.tgz")).arg("-C").arg(folder.path()).arg("db");
    assert!(tar.status().expect("tar runs").success());
    let ended = check(&world, &[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let place =
        "web/charts/db-1.0.0.tgz/templates/x.yaml:1:18: warning[impure-template]: `uuidv4` gives something else";
    assert!(ended.stderr.starts_with(place), "{}", ended.stderr);
}

#[test]
fn each_application_of_a_file_has_its_own_outcome() {
    let world = chart(&[("a", &config("a", "{{ uuidv4 }}"))]);
    world.write("k/kustomization.yaml", "resources: [x.yaml]\nconfigMapGenerator:\n- name: g\n  literals: [a=b]\n");
    world.write("k/x.yaml", &config("x", "y"));
    world.write("j/main.jsonnet", "{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'j' } }\n");
    let application = |name: &str, path: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  destination: \
             {{namespace: prod}}\n  source: {{repoURL: 'https://git.example.com/shop', path: {path}}}\n---\n"
        )
    };
    let all = [("charted", "web"), ("kustomized", "k"), ("evaluated", "j"), ("gone", "nowhere"), ("twin", "k")];
    world.write("apps.yaml", &all.map(|(name, path)| application(name, path)).concat());
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    let ended = world.run(&["check", "-f", "apps.yaml"]);
    let outcomes: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    let wanted = [["✗", "charted"], ["✓", "kustomized"], ["✓", "evaluated"], ["✗", "gone"], ["✓", "twin"]];
    assert_eq!(outcomes, wanted, "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.ends_with("error: 2 of 5 applications failed: charted, gone\n"), "{}", ended.stderr);
    let one = world.run(&["check", "kustomized", "-f", "apps.yaml"]);
    assert_eq!((one.code, one.stderr.as_str()), (0, ""), "{}", one.stdout);
}
