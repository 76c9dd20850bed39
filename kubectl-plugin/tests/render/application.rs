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

/// Every line must be said, in this order, by a command that fails.
fn told(world: &World, arguments: &[&str], lines: &[&str]) {
    let ended = world.run(arguments);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let mut rest = ended.stderr.as_str();
    for line in lines {
        rest = rest.split_once(line).unwrap_or_else(|| panic!("{line}: {}", ended.stderr)).1;
    }
}

#[test]
fn a_source_that_cannot_be_had_is_told_at_its_field() {
    let world = World::new();
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    world.write("a/x.yaml", &config_map("x", "one"));
    world.repository.commit("One").expect("committed");
    let here = "repoURL: https://git.example.com/shop";
    let sources = [
        &format!("  - {here}\n    path: missing\n"),
        &format!("  - {here}\n    path: a\n    targetRevision: v9\n"),
        "  - repoURL: https://git.example.com/other\n    path: a\n",
        "  - repoURL: https://charts.example.com\n    chart: web\n    targetRevision: ^1\n",
        &format!("  - {here}\n    ref: twice\n"),
        &format!("  - {here}\n    ref: twice\n"),
        &format!("  - {here}\n    path: a\n"),
    ];
    world.write("app.yaml", &application(&format!("  sources:\n{}", sources.concat())));
    let lines = [
        "app.yaml:9:5: error: there is no folder `missing` in the working tree",
        "app.yaml:12:5: error: no commit is called `v9` in this repository",
        "app.yaml:13:5: error: https://git.example.com/other at HEAD is not in gitops.lock",
        "app.yaml:15:5: error: the chart web ^1 of https://charts.example.com is not in gitops.lock",
        "app.yaml:21:5: error: two sources have the ref `twice`",
        "error: 5 of 7 sources of shop cannot be used",
        "hint: or name a clone of it",
    ];
    for command in ["compile", "check", "lock"] {
        // What is to be locked is looked up, so that these are told otherwise.
        let of_command = if command == "lock" { [lines[0], lines[1], lines[4]].to_vec() } else { lines[..5].to_vec() };
        told(&world, &[command, "-f", "app.yaml"], &of_command);
    }
    told(&world, &["compile", "-f", "app.yaml"], &lines);
    told(&world, &["compile", "--path", "missing"], &["error: there is no folder `missing` in the working tree"]);
}

#[test]
fn a_parameter_that_is_wrong_is_told_at_its_field() {
    let world = World::new();
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    let chart =
        |folder: &str| world.write(&format!("{folder}/Chart.yaml"), "apiVersion: v2\nname: c\nversion: 1.0.0\n");
    chart("chart");
    chart("changed").write("changed/.argocd-source.yaml", "# Ours.\nhelm:\n  valueFiles: [other.yaml]\n");
    world.write("over/kustomization.yaml", "resources: [x.yaml]\ncomponents: [../part]\n");
    world.write("over/x.yaml", &config_map("x", "one"));
    world.write("part/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n");
    let source =
        |path: &str, more: &str| format!("  - repoURL: https://git.example.com/shop\n    path: {path}\n{more}");
    let sources = [
        source(
            "chart",
            "    helm:\n      valueFiles:\n      - missing.yaml\n      - $none/x.yaml\n      fileParameters:\n      - {name: a, path: b}\n",
        ),
        source("changed", "    helm: {valueFiles: [values.yaml]}\n"),
        source("over", "    kustomize: {components: [../none], patches: [{path: p.yaml}]}\n"),
        source("over", "    kustomize:\n      images:\n      - web\n"),
        source("chart", "    kustomize: {namePrefix: a-}\n"),
        source("over", "    helm: {releaseName: a}\n"),
        source("over", "    plugin: {name: x}\n"),
        source("over", "    plugin: {}\n    helm: {releaseName: a}\n"),
    ];
    world.write("app.yaml", &application(&format!("  sources:\n{}", sources.concat())));
    let lines = [
        "app.yaml:12:9: error: the value file `missing.yaml` is not there",
        "app.yaml:13:9: error: the value file `$none/x.yaml` is of the source `none`",
        "app.yaml:15:9: error: the file parameter `b` is not there",
        "app.yaml:21:30: error: there is no `../none`",
        "app.yaml:21:50: error: there is no `p.yaml`",
        "app.yaml:26:9: error: the image `web` is not of the form",
        "app.yaml:29:5: error: no kustomization in chart",
        "app.yaml:31:5: error: no chart here: there is no over/Chart.yaml",
        "app.yaml:35:5: error: a config management plugin is not run",
        "app.yaml:36:5: error: the source is said to be Helm and Plugin",
        "changed/.argocd-source.yaml:3:16: error: the value file `other.yaml` is not there",
    ];
    told(&world, &["compile", "-f", "app.yaml"], &lines);
}
