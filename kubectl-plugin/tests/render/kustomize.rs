//! Kustomize: what we give is what it gives, from exactly the files that it needs.

use crate::world::{World, kubectl, peer_objects};

const BASE: &str = "resources: [web.yaml, ../shared]\nconfigMapGenerator:\n- name: settings\n  files: [key=data/a.txt]\n  \
                    envs: [data/env]\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  \
                   template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n      - {name: web, image: \
                   'example.com/web:1'}\n";
const OVERLAY: &str = "namePrefix: prod-\nresources: [../base]\ncomponents: [../component]\npatches:\n- path: \
                       patches/replicas.yaml\nimages:\n- {name: example.com/web, newTag: '2'}\ntransformers: \
                       [labels.yaml]\n";

fn world() -> World {
    let world = World::new();
    world
        .write("apps/base/kustomization.yaml", BASE)
        .write("apps/base/web.yaml", WEB)
        .write("apps/base/data/a.txt", "a\n")
        .write("apps/base/data/env", "LEVEL=info\n")
        .write("apps/shared/kustomization.yml", "resources: [account.yaml]\n")
        .write("apps/shared/account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n")
        .write("apps/component/Kustomization", "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\ncommonAnnotations: {a: b}\n")
        .write("apps/prod/kustomization.yaml", OVERLAY)
        .write("apps/prod/patches/replicas.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n")
        .write(
            "apps/prod/labels.yaml",
            "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\nlabels: {team: shop}\nfieldSpecs:\n- {path: \
             metadata/labels, create: true}\n",
        )
        .write("apps/other/huge.yaml", "kind: Nothing\n");
    world.repository.commit("A shop").expect("committed");
    world
}

#[test]
fn an_overlay_gives_what_kustomize_gives() {
    let world = world();
    let ours = world.objects(&["--path", "apps/prod"]);
    assert_eq!(ours, peer_objects(kubectl(), world.repository.path(), &["kustomize", "apps/prod"]));
    assert_eq!(ours.len(), 3, "{:?}", ours.keys());
}

#[test]
fn only_what_it_reads_is_in_its_id() {
    let world = world();
    let of = |path: &str| {
        let ended = world.run(&["compile", "-o", "json", "--path", path]);
        let json: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        (json["recipe"].clone(), json["graph"].clone(), ended.stderr)
    };
    let before = of("apps/prod");
    assert!(before.0.is_string(), "{before:?}");
    world.write("apps/other/huge.yaml", "kind: Other\n").write("README.md", "# A shop\n");
    assert_eq!(of("apps/prod"), before, "what it does not read");
    world.write("apps/base/data/env", "LEVEL=debug\n");
    let after = of("apps/prod");
    assert!(after.0 != before.0 && after.1 != before.1, "what a generator of a base reads");
    world.write("apps/base/data/env", "# a word\nLEVEL=info\n");
    let commented = of("apps/prod");
    assert!(commented.0 != before.0 && commented.1 == before.1, "a comment renders, and changes nothing");
}

#[test]
fn a_tree_that_was_moved_is_known() {
    let world = world();
    let recipe = |path: &str| {
        let ended = world.run(&["compile", "-o", "json", "--path", path]);
        let json: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        json["graph"].clone()
    };
    let before = recipe("apps/prod");
    std::fs::rename(world.repository.path().join("apps"), world.repository.path().join("moved")).expect("moved");
    assert_eq!(recipe("moved/prod"), before);
}

#[test]
fn what_leads_nowhere_is_told_with_its_place_and_all_at_once() {
    let world = World::new();
    world.write(
        "app/kustomization.yaml",
        "resources:\n- missing.yaml\n- https://example.com/base?ref=v1\n- ../../../etc/passwd\n- 1\nhelmCharts: []\npatches:\n- \
         path: /etc/passwd\n",
    );
    let ended = world.run(&["compile", "--path", "app"]);
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.stderr, @r"
    app/kustomization.yaml:2:3: error: there is no `missing.yaml`
    app/kustomization.yaml:3:3: error: `https://example.com/base` is no repository: say where its path ends, with `//` or `.git`
    app/kustomization.yaml:4:3: error: `../../../etc/passwd` leads out of the repository
    app/kustomization.yaml:5:3: error: this must be a path, and is a number
    app/kustomization.yaml:6:13: error: charts inside a kustomization are not rendered (Kustomize would run Helm as it likes): make the chart a source of its own
    app/kustomization.yaml:8:9: error: `/etc/passwd` leads out of the repository
    error: 6 errors; nothing was compiled
    ");
}

#[test]
fn no_folder_is_a_flag() {
    let world = World::new();
    let folder = "--load-restrictor=LoadRestrictionsNone";
    world.write(&format!("{folder}/kustomization.yaml"), "resources: [../account.yaml]\n");
    world.write("account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n");
    let ended = world.run(&["compile", &format!("--path={folder}")]);
    assert!(ended.code == 2 && ended.stderr.contains("is not in or below"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn an_alias_bomb_is_refused_before_anything_reads_it() {
    let world = World::new();
    let many = |item: &str| vec![item; 3000].join(", ");
    let bomb = format!("x: &a [{}]\ny: &b [{}]\nz: [{}]\n", many("1"), many("*a"), many("*b"));
    world.write("app/kustomization.yaml", &bomb).write("app/.argocd-source.yaml", "kustomize: {namePrefix: a-}\n");
    let ended = world.run(&["compile", "--path", "app"]);
    assert!(ended.code == 2 && ended.stderr.contains("app/kustomization.yaml:"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_failing_kustomization_says_why() {
    let world = World::new();
    world.write("app/kustomization.yaml", "resources: [a.yaml]\n").write("app/a.yaml", "kind: [\n");
    let ended = world.run(&["compile", "--path", "app"]);
    assert_eq!(ended.code, 2, "{}", ended.stdout);
    assert!(ended.stderr.starts_with("app/kustomization.yaml: error: kustomize failed: "), "{}", ended.stderr);
}

#[test]
fn what_a_field_reads_that_is_not_known_brings_everything() {
    let world = world();
    world.write("apps/prod/kustomization.yaml", &format!("{OVERLAY}fancyNewField: [x.yaml]\n"));
    let ended = world.run(&["compile", "--path", "apps/prod"]);
    assert!(ended.stderr.contains("[kustomize-reads-all]: the field `fancyNewField` is not known"), "{}", ended.stderr);
}
