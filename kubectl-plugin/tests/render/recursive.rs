//! Applications that render Applications, compiled to one set.

use crate::world::World;

fn application(name: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: argocd{more}}}\nspec:\n  \
         project: default\n  destination: {{namespace: prod, server: 'https://kubernetes.default.svc'}}\n  source: {{repoURL: \
         'https://git.example.com/shop.git', path: {path}}}\n"
    )
}

fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// A root that renders two Applications, one of which renders a third; and itself, as many do.
fn world() -> World {
    let world = World::new();
    let wave = ", annotations: {argocd.argoproj.io/sync-wave: '1'}";
    world
        .write("root.yaml", &application("root", "apps", ""))
        .write("apps/root.yaml", &application("root", "apps", ""))
        .write("apps/a.yaml", &application("a", "a", wave))
        .write("apps/b.yaml", &application("b", "b", ""))
        .write("a/config.yaml", &config("a"))
        .write("b/nested.yaml", &application("nested", "nested", "").replace(", namespace: argocd", ""))
        .write("b/config.yaml", &config("b"))
        .write("nested/config.yaml", &config("nested"));
    world.repository.git(&["config", "remote.origin.url", "git@git.example.com:shop.git"]).expect("configured");
    world
}

#[test]
fn all_that_an_application_renders_is_compiled_once() {
    let world = world();
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive", "-o", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let members: Vec<(String, String)> = json["applications"].as_array().expect("a list").iter().map(member).collect();
    let expected = [
        ("argocd/root", ""),
        // The wave of a counts, not its name.
        ("argocd/b", "argocd/root"),
        ("argocd/a", "argocd/root"),
        ("prod/nested", "argocd/b"),
    ];
    assert_eq!(members, expected.map(|(name, parent)| (name.to_owned(), parent.to_owned())));
    assert!(json["set"].as_str().is_some_and(|set| set.starts_with("s1-")), "{json}");

    let id = |more: &[&str]| {
        let ended = world.run(&[&["compile", "-f", "root.yaml", "--recursive", "-o", "id"], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    };
    let before = id(&[]);
    assert_eq!(before.trim(), json["set"].as_str().expect("an id"));
    world.write("nested/config.yaml", &format!("# A comment.\n{}", config("nested")));
    assert_eq!(id(&[]), before, "a comment changes nothing");
    world.write("nested/config.yaml", &config("other"));
    assert_ne!(id(&[]), before);
}

fn member(json: &serde_json::Value) -> (String, String) {
    let text = |field: &str| json[field].as_str().unwrap_or_default().to_owned();
    (format!("{}/{}", text("namespace"), text("name")), text("parent"))
}

#[test]
fn one_that_fails_takes_nothing_from_the_others() {
    let world = world();
    world.write("a/config.yaml", "kind: [\n").write("nested/config.yaml", "apiVersion: v1\nkind: ConfigMap\n");
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive"]);
    assert_eq!(ended.code, 2);
    for said in ["a/config.yaml:", "nested/config.yaml:", "2 of 4 applications failed", "argocd/a: ", "prod/nested: "] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    assert!(ended.stdout.contains("argocd/b") && ended.stdout.contains("no set"), "{}", ended.stdout);
}

#[test]
fn one_name_is_one_application() {
    let world = world();
    world.write("b/root.yaml", &application("a", "nested", ""));
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive"]);
    assert_eq!(ended.code, 2);
    let said = "argocd/a is there twice, and not alike: apps/a.yaml:1 and b/root.yaml:1";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    world.write(
        "b/root.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: many}\nspec: {}\n",
    );
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive"]);
    assert!(ended.code == 2 && ended.stderr.contains("the ApplicationSet many is not read"), "{}", ended.stderr);
    let ended = world.run(&["plan", "-f", "root.yaml", "--recursive"]);
    assert!(ended.code == 2 && ended.stderr.contains("can be compiled, and nothing else"), "{}", ended.stderr);
}

#[test]
fn what_is_wrong_with_a_rendered_application_is_told_where_it_is_written() {
    let world = world();
    let list = application("listed", "gone", "").replace('\n', "\n  ");
    world
        .write("apps/a.yaml", &application("a", "missing", ""))
        .write("b/nested.yaml", &format!("# A list.\nkind: List\napiVersion: v1\nitems:\n- {list}"));
    world.write("made/kustomization.yaml", "resources: [made.yaml]\nnamePrefix: x-\n");
    world.write("made/made.yaml", &application("made", "none", "")).write("apps/m.yaml", &application("m", "made", ""));
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive"]);
    assert_eq!(ended.code, 2);
    for said in [
        "apps/a.yaml:7:57: error: there is no folder `missing` in the working tree",
        "b/nested.yaml:11:59: error: there is no folder `gone` in the working tree",
        "made/kustomization.yaml: error: there is no folder `none` in the working tree",
        "  argocd/a: the source of a cannot be used\n    argocd/root renders it, from apps/a.yaml:1\n",
        "  argocd/listed: the source of listed cannot be used\n    argocd/b renders it, from b/nested.yaml:2\n",
        "  argocd/x-made: the source of x-made cannot be used\n    argocd/m renders it, from made/kustomization.yaml\n",
    ] {
        assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
    }
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let a = json["applications"].as_array().expect("a list").iter().find(|one| one["name"] == "a").expect("a").clone();
    assert_eq!((a["origin"]["path"].as_str(), a["findings"][0]["line"].as_u64()), (Some("apps/a.yaml"), Some(7)));
    world
        .write("b/nested.yaml", &application("nested", "nested", "").replace("path: nested", "path: nested, chart: x"));
    let ended = world.run(&["compile", "-f", "root.yaml", "--recursive"]);
    assert!(ended.stderr.contains("b/nested.yaml:7:3: error: a source has a `path` or a `chart`"), "{}", ended.stderr);
}
