//! Jsonnet: evaluated over exactly the files that it imports, with what the Application gives it.

use crate::world::World;

const MAIN: &str = "local lib = import 'lib/words.libsonnet';
function(color='red') [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' },
    data: { color: color, word: lib.word, text: importstr '../shared/text.txt', size: 'size ' + std.extVar('size') } },
  (import 'vendored.libsonnet') { metadata+: { name: 'b' } },
]
";

fn world() -> World {
    let world = World::new();
    world
        .write("app/main.jsonnet", MAIN)
        .write("app/lib/words.libsonnet", "{ word: 'hello' }\n")
        .write("app/plain.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n")
        .write("shared/text.txt", "text\n")
        .write("vendor/vendored.libsonnet", "{ apiVersion: 'v1', kind: 'ConfigMap', data: { from: 'vendor' } }\n")
        .write("vendor/other.libsonnet", "{}\n")
        .write(
            "app.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec:\n  destination: {namespace: x}\n  \
             source:\n    repoURL: https://git.example.com/shop\n    path: app\n    directory:\n      jsonnet:\n        \
             libs: [vendor]\n        extVars: [{name: size, value: 1 + 1, code: true}]\n        tlas: [{name: color, \
             value: $ARGOCD_APP_NAME}]\n",
        );
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    world
}

#[test]
fn a_file_gives_the_items_of_its_list_beside_plain_manifests() {
    let world = world();
    let objects = world.objects(&["-f", "app.yaml"]);
    let data = |key: &str, field: &str| objects[key].at(&["data", field]).cloned();
    assert_eq!(objects.keys().collect::<Vec<_>>(), ["ConfigMap a", "ConfigMap b", "ConfigMap c"]);
    let text = |text: &str| Some(gitops_compiler::canon::Value::String(text.to_owned()));
    assert_eq!([data("ConfigMap a", "color"), data("ConfigMap a", "word")], [text("shop"), text("hello")]);
    assert_eq!([data("ConfigMap a", "text"), data("ConfigMap b", "from")], [text("text\n"), text("vendor")]);
    assert_eq!(data("ConfigMap a", "size"), text("size 2"));
}

#[test]
fn only_what_it_imports_is_in_its_recipe() {
    let world = world();
    let recipe = || {
        let ended = world.run(&["compile", "-f", "app.yaml", "-o", "json", "--allow", "all"]);
        let json: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        json["recipe"].clone()
    };
    let before = recipe();
    world.write("vendor/other.libsonnet", "{ changed: true }\n");
    assert_eq!(recipe(), before);
    world.write("shared/text.txt", "another\n");
    assert_ne!(recipe(), before);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_nothing_outside_is_read() {
    let world = World::new();
    world.write("app/main.jsonnet", "{\n  a: error 'no such luck',\n}\n");
    let ended = world.run(&["compile", "--path", "app"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert!(
        ended.stderr.contains("app/main.jsonnet: error: jsonnet failed: runtime error: no such luck"),
        "{}",
        ended.stderr
    );
    for outside in ["importstr '/etc/passwd'", "importstr '../../../../../../../../etc/passwd'"] {
        world.write("app/main.jsonnet", outside);
        let ended = world.run(&["compile", "--path", "app"]);
        assert!(ended.code == 2 && !ended.stderr.contains("root:"), "{outside}: {}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn what_never_ends_is_given_up() {
    let world = World::new();
    world.write("app/main.jsonnet", "local f(n) = if n == 0 then 0 else f(n - 1) + f(n - 1); { a: f(100) }");
    let ended = world.run(&["compile", "--path", "app", "--render-timeout", "1"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    let said = ["it took longer than 1 s", "it used more than 1 s of processor time"];
    assert!(said.iter().any(|said| ended.stderr.contains(said)), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: --render-timeout gives each render more time"), "{}", ended.stderr);
}

/// Each application has its own time, which all of its renders spend.
#[test]
fn an_application_that_takes_too_long_is_given_up_alone() {
    let world = World::new();
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    let endless = "local f(n) = if n == 0 then 0 else f(n - 1) + f(n - 1); { a: f(100) }";
    world.write("slow/a.jsonnet", endless).write("slow/b.jsonnet", endless);
    let quick = "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'x'}}";
    world.write("quick/a.jsonnet", quick);
    let application = |name: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  project: default\n  \
             destination: {{namespace: prod}}\n  source: {{repoURL: 'https://git.example.com/shop.git', path: {name}}}\n---\n"
        )
    };
    world.write("apps.yaml", &[application("slow"), application("quick")].concat());
    let flags = ["--render-timeout", "3600", "--application-timeout", "1"];
    let ended = world.run(&[&["compile", "-f", "apps.yaml", "--recursive"], &flags[..]].concat());
    let said = "it took, with all other renders of its application, longer than 1 s";
    assert!(ended.code == 2 && ended.stderr.contains(said), "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: --application-timeout gives the application more time"), "{}", ended.stderr);
    assert!(ended.stderr.contains("1 of 2 applications failed"), "{}", ended.stderr);
    let quick = ended.stdout.lines().find(|line| line.starts_with("quick")).expect("a line");
    assert!(quick.contains("g1-"), "{quick}");
}
