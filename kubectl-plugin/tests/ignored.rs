//! Differences that an Application ignores, against the real cluster: by pointers, by paths of jq, by managers.

mod support;

use support::{Ended, World, config_map, deployment};

/// A world, and the rules of its application.
struct Ignoring {
    world: World,
    rules: String,
}

impl Ignoring {
    fn new(label: &str, rules: &str) -> Self {
        Self { world: World::new(label), rules: rules.to_owned() }
    }

    fn apply(&self, options: &str) -> Ended {
        let name = &self.world.name;
        let application = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  \
             destination: {{namespace: {name}}}\n  source: {{repoURL: https://example.com/shop.git, path: deploy}}\n  \
             syncPolicy: {{syncOptions: [{options}]}}\n  ignoreDifferences:\n{}",
            self.rules
        );
        self.world.write("application.yaml", &application);
        self.world.repository.commit("change").expect("committed");
        let url = format!("https://example.com/shop.git={}", self.world.repository.path().display());
        self.world.run(&["apply", "-f", "application.yaml", "--repository", &url, "--yes"])
    }

    fn patch(&self, object: &str, patch: &str, manager: &str) {
        let manager = format!("--field-manager={manager}");
        let namespace = ["-n", self.world.name.as_str()];
        let kind = if object.starts_with("deployment") { "--type=json" } else { "--type=merge" };
        self.world.kubectl(&[&["patch", object], &namespace[..], &[kind, "-p", patch, &manager]].concat());
    }

    fn drift(&self) -> Ended {
        self.world.run(&["drift", &self.world.name])
    }
}

#[test]
fn differences_that_are_ignored_do_not_count_and_are_kept_where_that_is_asked_for() {
    let ignoring = Ignoring::new(
        "ignored",
        "  - {group: \"\", kind: ConfigMap, jsonPointers: [/data/value]}\n  \
         - {group: \"\", kind: ConfigMap, managedFieldsManagers: [robot]}\n",
    );
    let world = &ignoring.world;
    let written = |other: &str| format!("{}  other: {other:?}\n", config_map("a", "1"));
    world.write("deploy/a.yaml", &written("1"));
    assert_eq!(ignoring.apply("").code, 0);
    ignoring.patch("configmap/a", r#"{"data":{"value":"9"}}"#, "anna");
    ignoring.patch("configmap/a", r#"{"data":{"other":"9"}}"#, "robot");
    assert_eq!(ignoring.drift().code, 0, "neither counts");
    assert!(ignoring.apply("").stdout.contains("nothing to do"));
    world.write("deploy/b.yaml", &config_map("b", "1"));
    world.write("deploy/a.yaml", &written("2"));
    let respected = ignoring.apply("RespectIgnoreDifferences=true");
    assert_eq!(respected.code, 0, "{}", respected.told());
    let data = world.get("configmap", "a")["data"].clone();
    assert_eq!((data["value"].as_str(), data["other"].as_str()), (Some("9"), Some("9")), "{}", respected.told());
}

/// The image of a container by its name, wherever it stands.
fn image<'a>(deployment: &'a serde_json::Value, name: &str) -> Option<&'a str> {
    let containers = deployment["spec"]["template"]["spec"]["containers"].as_array()?;
    containers.iter().find(|container| container["name"] == name)?["image"].as_str()
}

#[test]
fn paths_of_jq_name_what_does_not_count() {
    let ignoring = Ignoring::new(
        "ignored-jq",
        "  - group: apps\n    kind: Deployment\n    jqPathExpressions:\n    \
         - .spec.template.spec.containers[] | select(.name == \"main\").image\n    \
         - .spec.template.spec.initContainers[] | select(.name == \"none\")\n    \
         - last(repeat(.))\n",
    );
    let world = &ignoring.world;
    let cart = |version: &str| deployment("cart", &format!("registry.invalid/cart:{version}"), "settings", "");
    world.write("deploy/settings.yaml", &config_map("settings", "1"));
    world.write("deploy/cart.yaml", &cart("1"));
    let first = ignoring.apply("");
    assert_eq!(first.code, 0, "{}", first.told());
    // Another container comes before ours, and ours has another image.
    let injected = r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"registry.invalid/cart:9"},
        {"op":"add","path":"/spec/template/spec/containers/0","value":{"name":"injected","image":"registry.invalid/injected:1"}}]"#;
    ignoring.patch("deployment/cart", injected, "robot");
    let drift = ignoring.drift();
    assert_eq!(drift.code, 0, "an image that is ignored, and a container of another: {}", drift.told());
    world.write("deploy/cart.yaml", &cart("2").replace("spec:\n  selector", "spec:\n  minReadySeconds: 1\n  selector"));
    let respected = ignoring.apply("RespectIgnoreDifferences=true");
    assert_eq!(respected.code, 0, "{}", respected.told());
    let live = world.get("deployment", "cart");
    assert_eq!(live["spec"]["minReadySeconds"], 1);
    assert_eq!(image(&live, "main"), Some("registry.invalid/cart:9"), "{}", respected.told());
    assert_eq!(image(&live, "injected"), Some("registry.invalid/injected:1"), "{}", respected.told());
}

#[test]
fn what_is_no_expression_of_jq_is_refused_before_anything_is_sent() {
    let ignoring = Ignoring::new(
        "ignored-wrong",
        "  - {group: \"\", kind: ConfigMap, jqPathExpressions: [.data.value, '.data[', 'env.HOME']}\n",
    );
    ignoring.world.write("deploy/a.yaml", &config_map("a", "1"));
    let refused = ignoring.apply("");
    assert_eq!(refused.code, 2, "{}", refused.told());
    insta::assert_snapshot!(refused.stderr, @r"
    error: the differences to be ignored are not understood
      spec.ignoreDifferences[0].jqPathExpressions[1] `.data[`: it ends where closing bracket is expected
      spec.ignoreDifferences[0].jqPathExpressions[2] `env.HOME`: the filter `env` is not known
    ");
    assert!(ignoring.world.get("configmap", "a").is_null());
}
