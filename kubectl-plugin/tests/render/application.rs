//! Applications of several sources, plain folders, and what is refused by name.

use crate::world::World;

fn application(spec: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop}}\nspec:\n  project: default\n  destination: \
         {{namespace: prod}}\n{spec}"
    )
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n")
}

#[test]
fn of_two_sources_the_later_counts_and_a_third_lends_its_files() {
    let (world, other) = (World::new(), World::new());
    world.write("a/x.yaml", &config_map("x", "one")).write("b/x.yaml", &config_map("x", "two"));
    world.write("b/w.yaml", &config_map("w", "one"));
    world.write("chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n");
    world.write("chart/templates/z.yaml", &config_map("z", "{{ .Values.word }}"));
    other.write("values.yaml", "word: lent\n");
    other.repository.commit("Values").expect("committed");
    let url = "https://git.example.com/values";
    world.write(
        "app.yaml",
        &application(&format!(
            "  sources:\n  - {{repoURL: '', path: a}}\n  - {{repoURL: '', path: b}}\n  - {{repoURL: '', path: chart, helm: \
             {{valueFiles: [$values/values.yaml]}}}}\n  - {{repoURL: '{url}', ref: values}}\n"
        )
        .replace("repoURL: ''", "repoURL: git@git.example.com:shop")),
    );
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    let clone = format!("{url}={}", other.repository.path().display());
    let flags = ["-f", "app.yaml", "--repository", &clone];
    let objects = world.objects(&flags);
    let value = |key: &str| objects[key].at(&["data", "key"]).and_then(|value| value.as_str()).unwrap_or_default();
    assert_eq!([value("ConfigMap x"), value("ConfigMap w"), value("ConfigMap z")], ["two", "one", "lent"]);
    let ended = world.run(&[&["compile"], &flags[..]].concat());
    assert!(
        ended.stderr.contains("a/x.yaml:1: warning[repeated-resource]: ConfigMap x comes again in b/x.yaml:1"),
        "{}",
        ended.stderr
    );
    let again = world.run(&[&["compile"], &flags[..]].concat());
    assert_eq!((again.stdout, again.stderr), (ended.stdout, ended.stderr), "from the store");
    let ended = world.run(&["compile", "-f", "app.yaml"]);
    assert!(ended.code == 2 && ended.stderr.contains("at HEAD is not in gitops.lock"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--repository URL=PATH"), "{}", ended.stderr);
}

#[test]
fn parameter_files_of_the_repository_count() {
    let world = World::new();
    world.write("app/kustomization.yaml", "resources: [x.yaml]\n").write("app/x.yaml", &config_map("x", "one"));
    world.write("app/.argocd-source.yaml", "kustomize: {namePrefix: a-, nameSuffix: -b}\n");
    world.write("app/.argocd-source-shop.yaml", "kustomize: {namePrefix: c-}\n");
    let keys: Vec<String> = world.objects(&["shop", "--path", "app"]).into_keys().collect();
    assert_eq!(keys, ["ConfigMap c-x-b"]);
    let keys: Vec<String> = world.objects(&["other", "--path", "app"]).into_keys().collect();
    assert_eq!(keys, ["ConfigMap a-x-b"]);
}

#[test]
fn an_application_says_which_one_is_meant() {
    let world = World::new();
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    world.write("a/x.yaml", &config_map("x", "one"));
    let one = application("  source: {repoURL: https://git.example.com/shop, path: a}\n");
    world.write("app.yaml", &format!("{one}---\n{}", one.replace("name: shop", "name: other")));
    let ended = world.run(&["compile", "-f", "app.yaml"]);
    assert!(ended.code == 2 && ended.stderr.contains("there are shop, other"), "{}", ended.stderr);
    assert_eq!(world.id(&["other", "-f", "app.yaml"]), world.id(&["shop", "-f", "app.yaml"]));
    let ended = world.run(&["compile", "missing", "-f", "app.yaml"]);
    assert!(ended.code == 2 && ended.stderr.contains("no Application of this name"), "{}", ended.stderr);
}

#[test]
fn a_plugin_is_refused_by_name() {
    let world = World::new();
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    world.write("a/x.yaml", &config_map("x", "one"));
    world.write(
        "app.yaml",
        &application("  source: {repoURL: https://git.example.com/shop, path: a, plugin: {name: x}}\n"),
    );
    let ended = world.run(&["compile", "-f", "app.yaml"]);
    assert!(ended.code == 2 && ended.stderr.contains("a config management plugin is not run"), "{}", ended.stderr);
}
