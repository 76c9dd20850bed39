//! Helm: what we give is what it gives, with Argo CD's order of values.

use crate::world::{World, helm, peer_objects};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: lib, version: 1.x, repository: \
                     'file://../lib'}\n";
const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-web\n  namespace: {{ \
                        .Release.Namespace }}\ndata:\n  color: {{ .Values.color | quote }}\n  size: {{ .Values.size | \
                        quote }}\n  lib: {{ include \"lib.word\" . }}\n";

fn world() -> World {
    let world = World::new();
    world
        .write("charts/web/Chart.yaml", CHART)
        .write("charts/web/values.yaml", "color: red\nsize: 1\n")
        .write("charts/web/values-prod.yaml", "color: green\n")
        .write("charts/web/templates/config.yaml", TEMPLATE)
        .write("charts/lib/Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.2.0\ntype: library\n")
        .write("charts/lib/templates/_lib.tpl", "{{ define \"lib.word\" }}word{{ end }}\n")
        .write("env/prod.yaml", "color: blue\nsize: 2\n");
    world
}

fn application(helm: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: argocd}}\nspec:\n  project: \
         default\n  destination: {{namespace: prod, server: x}}\n  source:\n    repoURL: https://git.example.com/shop.git\n    \
         path: charts/web\n    helm:\n{helm}"
    )
}

fn data(world: &World, helm: &str) -> (String, String) {
    world.repository.git(&["config", "remote.origin.url", "git@git.example.com:shop.git"]).expect("configured");
    world.write("app.yaml", &application(helm));
    let objects = world.objects(&["-f", "app.yaml"]);
    let (key, body) = objects.first_key_value().expect("an object");
    let text = |name: &str| body.at(&["data", name]).and_then(|value| value.as_str()).unwrap_or("none").to_owned();
    assert_eq!(key, "ConfigMap prod/shop-web");
    (text("color"), text("size"))
}

#[test]
fn a_chart_gives_what_helm_gives() {
    let world = world();
    let ours = world.objects(&["web", "--path", "charts/web"]);
    let root = world.repository.path();
    std::fs::create_dir(root.join("charts/web/charts")).expect("made");
    std::os::unix::fs::symlink("../../lib", root.join("charts/web/charts/lib")).expect("linked");
    assert_eq!(ours, peer_objects(helm(), root, &["template", "web", "charts/web"]));
    assert_eq!(world.objects(&["web", "--path", "charts/web"]), ours, "a dependency that is a link in the chart");
}

#[test]
fn values_count_in_the_order_of_argo_cd() {
    let world = world();
    let is = |helm: &str, color: &str, size: &str| {
        assert_eq!(data(&world, helm), (color.to_owned(), size.to_owned()), "{helm}");
    };
    is("      skipTests: true\n", "red", "1");
    is("      valueFiles: [values-prod.yaml]\n", "green", "1");
    is("      valueFiles: [values-prod.yaml, /env/prod.yaml]\n", "blue", "2");
    is("      valueFiles: [/env/prod.yaml]\n      values: 'size: 3'\n", "blue", "3");
    is("      values: 'size: 3'\n      valuesObject: {size: 4, color: null}\n", "none", "4");
    is("      valuesObject: {size: 4}\n      parameters: [{name: size, value: '5,6'}]\n", "red", "5,6");
    is(
        "      parameters: [{name: size, value: $ARGOCD_APP_NAME}, {name: color, value: '1', forceString: true}]\n",
        "1",
        "shop",
    );
    is("      fileParameters: [{name: color, path: /env/prod.yaml}]\n", "color: blue\nsize: 2\n", "1");
    is("      valueFiles: [missing.yaml]\n      ignoreMissingValueFiles: true\n", "red", "1");
}

#[test]
fn files_of_values_never_leave_their_repository() {
    let world = world();
    world.repository.git(&["config", "remote.origin.url", "git@git.example.com:shop.git"]).expect("configured");
    world.repository.write("link", "").expect("written");
    std::fs::remove_file(world.repository.path().join("link")).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", world.repository.path().join("link")).expect("linked");
    let helm =
        "      valueFiles: [missing.yaml, ../../../etc/passwd, /../x, 'https://x.example.com/v.yaml', $other/x]\n";
    world.write("app.yaml", &application(helm));
    let ended = world.run(&["compile", "-f", "app.yaml"]);
    assert_eq!(ended.code, 2);
    insta::assert_snapshot!(ended.stderr, @r"
    app.yaml:11:20: error: the value file `missing.yaml` is not there: there is no `charts/web/missing.yaml`
    app.yaml:11:34: error: the value file `../../../etc/passwd` leads out of the repository
    app.yaml:11:55: error: the value file `/../x` leads out of the repository
    app.yaml:11:62: error: the value file `https://x.example.com/v.yaml` is an address: put the file into a repository
    app.yaml:11:94: error: the value file `$other/x` is of the source `other`, and no source has this `ref`
    error: 5 errors; nothing was compiled
    ");
    world.write("app.yaml", &application("      valueFiles: [/link]\n"));
    let ended = world.run(&["compile", "-f", "app.yaml"]);
    assert!(ended.code == 2 && ended.stderr.contains("leads out of the repository"), "{}", ended.stderr);
}

#[test]
fn places_are_those_of_templates() {
    let world = world();
    let ended = world.run(&["compile", "web", "--path", "charts/web"]);
    assert!(ended.stdout.contains("charts/web/templates/config.yaml"), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn what_templates_do_not_ask_for_is_not_in_the_recipe() {
    let world = world();
    let recipe = |helm: &str| {
        data(&world, helm);
        let ended = world.run(&["compile", "-f", "app.yaml", "-o", "json"]);
        let json: serde_json::Value =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
        json["recipe"].to_string()
    };
    let plain = recipe("      skipTests: true\n");
    assert_eq!(recipe("      skipTests: true\n      kubeVersion: 1.20.0\n"), plain);
    world.write("charts/web/templates/b.yaml", "{{ if .Capabilities.KubeVersion }}{{ end }}\n");
    assert_ne!(recipe("      skipTests: true\n      kubeVersion: 1.20.0\n"), recipe("      skipTests: true\n"));
}

#[test]
fn charts_that_lead_to_themselves_come_to_an_end() {
    let world = world();
    for number in 0..10 {
        let link = world.repository.path().join(format!("charts/web/l{number}"));
        std::os::unix::fs::symlink(".", link).expect("linked");
    }
    let ended = world.run(&["compile", "web", "--path", "charts/web"]);
    assert!(ended.code == 2 && ended.stderr.contains("more than 20000 files or folders"), "{}", ended.stderr);
}

#[test]
fn values_are_not_told_when_something_is_wrong() {
    let world = world();
    world.repository.git(&["config", "remote.origin.url", "git@git.example.com:shop.git"]).expect("configured");
    world.write("charts/web/templates/bad.yaml", "{{ fail \"no\" }}\n");
    world.write("app.yaml", &application("      parameters: [{name: db.password, value: hunter2}]\n"));
    let ended = world.run(&["compile", "-f", "app.yaml", "--render-timeout", "1"]);
    assert!(ended.code == 2 && !ended.stderr.contains("hunter2"), "{}", ended.stderr);
    let text = application("      skipTests: true\n");
    world.write(
        "app.yaml",
        &text.replace("https://git.example.com/shop.git", "https://anna:hunter2@git.example.com/other"),
    );
    let ended = world.run(&["compile", "-f", "app.yaml"]);
    assert!(ended.stderr.contains("https://git.example.com/other has a password in it"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}

#[test]
fn revisions_of_applications_are_names_and_nothing_else() {
    let world = world();
    world.repository.git(&["config", "remote.origin.url", "git@git.example.com:shop.git"]).expect("configured");
    let commit = world.repository.commit("A chart").expect("committed");
    world.repository.tag("v1").expect("tagged");
    world.write("charts/web/values.yaml", "color: yellow\nsize: 1\n");
    let run = |revision: &str| {
        let text = application("      skipTests: true\n");
        world.write(
            "app.yaml",
            &text.replace("path: charts/web", &format!("path: charts/web\n    targetRevision: '{revision}'")),
        );
        world.run(&["compile", "-f", "app.yaml", "-o", "yaml", "--allow", "all"])
    };
    // A branch of the repository at hand is what lies there.
    let branch = world.repository.git(&["symbolic-ref", "--short", "HEAD"]).expect("a branch");
    let colors =
        [("HEAD", "yellow"), (branch.trim(), "yellow"), ("v1", "red"), ("1.*", "red"), (commit.as_str(), "red")];
    for (revision, color) in colors {
        let ended = run(revision);
        assert!(ended.stdout.contains(color), "{revision}: {}{}", ended.stdout, ended.stderr);
    }
    for revision in ["HEAD~1", ":/chart", "@{-1}", "2.*", "nothing"] {
        assert_eq!(run(revision).code, 2, "{revision}");
    }
}

#[test]
fn a_dependency_that_is_not_there_is_told() {
    let world = world();
    let chart = CHART.replace("file://../lib", "https://charts.example.com");
    world.write("charts/web/Chart.yaml", &chart);
    let ended = world.run(&["compile", "web", "--path", "charts/web"]);
    assert_eq!(ended.code, 2);
    let said =
        "charts/web/Chart.yaml:5:3: error: the chart lib 1.x of https://charts.example.com is not in gitops.lock";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

/// Helm goes by names and versions, not by folders.
#[test]
fn one_chart_may_be_there_in_two_versions() {
    let world = World::new();
    let chart = |folder: &str, version: &str| {
        let template =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: '{{{{ .Chart.Name }}}}-{version}'}}\n");
        world.write(&format!("{folder}/Chart.yaml"), &format!("apiVersion: v2\nname: sub\nversion: {version}\n"));
        world.write(&format!("{folder}/templates/config.yaml"), &template);
    };
    chart("one", "1.0.0");
    chart("two", "2.0.0");
    let dependency = |folder: &str, version: &str, alias: &str| {
        format!("- {{name: sub, version: {version}, repository: 'file://../{folder}', alias: {alias}}}\n")
    };
    let dependencies = [dependency("one", "1.0.0", "a"), dependency("two", "2.0.0", "b")].concat();
    let web = format!("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n{dependencies}");
    world.write("web/Chart.yaml", &web);
    let ours = world.objects(&["web", "--path", "web"]);
    assert_eq!(ours.keys().map(String::as_str).collect::<Vec<_>>(), ["ConfigMap a-1.0.0", "ConfigMap b-2.0.0"]);

    // A lock of Helm's that does not fit counts only where the chart is not there.
    world.write(
        "web/Chart.lock",
        "dependencies:\n- {name: sub, version: 9.0.0, repository: 'https://old.example.com'}\n",
    );
    let ended = world.run(&["compile", "web", "--path", "web"]);
    assert!(ended.code == 2 && ended.stderr.contains("Chart.lock does not have sub 1.0.0"), "{}", ended.stderr);
    chart("web/charts/sub", "1.0.0");
    world.write("web/Chart.yaml", &web.replace(&dependency("two", "2.0.0", "b"), ""));
    world.objects(&["web", "--path", "web"]);
}

/// The source says more than flags, and flags more than what is shipped.
#[test]
fn charts_are_told_the_kubernetes_that_somebody_says() {
    let world = World::new();
    world.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop.git"]).expect("configured");
    world.write("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\ndata:\n  version: '{{ \
                    .Capabilities.KubeVersion.Version }}'\n  has: '{{ .Capabilities.APIVersions.Has \"example.com/v1/Widget\" }}'\n";
    world.write("web/templates/told.yaml", template);
    let application = |helm: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop}}\nspec:\n  project: default\n  \
             destination: {{namespace: prod}}\n  source: {{repoURL: 'https://git.example.com/shop.git', path: web{helm}}}\n"
        );
        world.write("app.yaml", &text);
    };
    let told = |flags: &[&str]| {
        let objects = world.objects(&[&["-f", "app.yaml"], flags].concat());
        let data = |field: &str| {
            objects["ConfigMap told"].at(&["data", field]).and_then(|it| it.as_str()).unwrap_or("").to_owned()
        };
        (data("version"), data("has") == "true")
    };
    let is = |version: &str, has: bool| (version.to_owned(), has);
    let flags = ["--kube-version", "v1.33.4", "--api-versions", "example.com/v1/Widget"];
    application("");
    assert_eq!(told(&[]), is("v1.37", false));
    assert_eq!(told(&flags), is("v1.33.4", true));
    assert_eq!(told(&["--kubernetes-version", "1.33", "--allow", "schemas-not-shipped"]), is("v1.33", false));
    application(", helm: {kubeVersion: v1.31.2}");
    assert_eq!(told(&flags), is("v1.31.2", true));
    application(", helm: {kubeVersion: v1.31.2, apiVersions: [example.com/v1/Other, example.com/v1/Another]}");
    assert_eq!(told(&flags), is("v1.31.2", false));
    let ended = world.run(&["compile", "-f", "app.yaml", "--kube-version", "newest"]);
    assert!(ended.code == 2 && ended.stderr.contains("`newest` is no version of Kubernetes"), "{}", ended.stderr);
}
