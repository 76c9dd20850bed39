//! Charts that ask which Kubernetes they are for are told what the cluster is, on the real cluster, and nothing is asked of it
//! for those that do not.

mod support;

use std::path::PathBuf;
use std::sync::LazyLock;

use gitops_testdata::helm;
use support::{Ended, World};

static HELM: LazyLock<PathBuf> = LazyLock::new(|| helm::build().expect("Helm"));

const ASKS: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: told}
data:
  version: '{{ .Capabilities.KubeVersion.Version }}'
  deployment: '{{ .Capabilities.APIVersions.Has \"apps/v1/Deployment\" }}'
  custom: '{{ .Capabilities.APIVersions.Has \"GROUP/v1/KIND\" }}'
";

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";

fn run(world: &World, command: &str, more: &[&str]) -> Ended {
    let helm = HELM.display().to_string();
    let all = [&[command, &world.name, "--path", "chart", "--helm", &helm], more].concat();
    world.run(&all)
}

/// What the chart was told, in the cluster.
fn told(world: &World) -> [String; 3] {
    let data = world.get("configmap", "told")["data"].clone();
    ["version", "deployment", "custom"].map(|field| data[field].as_str().unwrap_or("nothing").to_owned())
}

/// Defines a kind in the cluster, and waits until discovery has it.
fn define(world: &World, group: &str, kind: &str) {
    let plural = format!("{}s", kind.to_lowercase());
    let text = format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}}}
  versions:
    - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
"
    );
    let file = world.home.path().join("crd.yaml");
    std::fs::write(&file, text).expect("written");
    world.kubectl(&["apply", "-f", &file.to_string_lossy()]);
    let discovered = || {
        let output = world.try_kubectl(&["get", "--raw", &format!("/apis/{group}/v1")]);
        String::from_utf8_lossy(&output.stdout).contains(kind)
    };
    assert!(World::waits_until(discovered), "the server has {kind}");
}

#[test]
fn a_chart_that_asks_is_told_what_the_cluster_is() {
    let world = World::new("asks");
    let (group, kind) = (format!("{}.example", world.name), "Widget");
    world.write("chart/Chart.yaml", CHART);
    world.write("chart/templates/told.yaml", &ASKS.replace("GROUP", &group).replace("KIND", kind));
    let version: serde_json::Value =
        serde_json::from_str(&world.kubectl(&["get", "--raw", "/version"])).expect("a version");
    let version = version["gitVersion"].as_str().expect("a version").to_owned();
    let apply = |more: &[&str]| run(&world, "apply", &[&["-n", &world.name, "--yes"], more].concat());

    let ended = apply(&[]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert!(ended.stderr.contains(&format!("told what the cluster is: Kubernetes {version}, ")), "{}", ended.told());
    assert_eq!(told(&world), [version.as_str(), "true", "false"]);
    // A plan is told the same, and so has nothing to do.
    let plan = run(&world, "plan", &["-n", &world.name, "--exit-code"]);
    assert_eq!(plan.code, 0, "{}", plan.told());

    // What the cluster has later, charts are told later.
    define(&world, &group, kind);
    let plan = run(&world, "plan", &["-n", &world.name, "--exit-code"]);
    assert!(plan.code == 1 && plan.stdout.contains("data.custom"), "{}", plan.told());
    let ended = apply(&[]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert_eq!(told(&world), [version.as_str(), "true", "true"]);

    // The same without a cluster, by flags; and another, where flags or the source say so.
    let graph = |ended: &Ended| {
        assert_eq!(ended.code, 0, "{}", ended.told());
        ended.stdout.trim().to_owned()
    };
    let offline = |more: &[&str]| run(&world, "compile", &[&["-o", "id"], more].concat());
    let custom = format!("{group}/v1/{kind}");
    let same =
        graph(&offline(&["--kube-version", &version, "--api-versions", &format!("apps/v1/Deployment,{custom}")]));
    assert!(world.head().to_string().contains(&same), "{same}: {}", world.head());
    assert_ne!(graph(&offline(&[])), same);
    let ended = apply(&["--kube-version", "v1.30.1", "--api-versions", "v1"]);
    assert_eq!(ended.code, 0, "{}", ended.told());
    assert!(!ended.stderr.contains("told what the cluster is"), "{}", ended.told());
    // Helm knows versions of its own beside those that it is told, and no kinds.
    assert_eq!(told(&world), ["v1.30.1", "false", "false"]);
}

#[test]
fn a_chart_that_does_not_ask_costs_no_request() {
    let world = World::new("mute");
    world.write("chart/Chart.yaml", CHART);
    world.write("chart/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: told}\n");
    let apply = || {
        let ended = run(&world, "apply", &["-n", &world.name, "--yes"]);
        assert_eq!(ended.code, 0, "{}", ended.told());
        ended
    };
    apply();
    let mute = apply();
    assert!(!mute.stderr.contains("told what the cluster is"), "{}", mute.told());
    // Its version, and what it serves, by two requests.
    world.write("chart/templates/b.yaml", "{{ if .Capabilities.KubeVersion }}{{ end }}\n");
    let asking = apply();
    assert_eq!(asking.requests(), mute.requests() + 3, "{}\n{}", mute.told(), asking.told());
}
