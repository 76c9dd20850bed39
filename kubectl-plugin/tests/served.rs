//! What only the cluster's own schemas can tell is told before anything changes, with its line, on the real cluster.

mod support;

use serde_json::{Value as Json, json};
use support::{World, config_map};

const GROUP: &str = "served.example";

/// The kind of one test, defined in the cluster and in no graph.
struct Kind {
    kind: String,
    plural: String,
}

impl Kind {
    /// Installs its definition, and waits until the server publishes it.
    fn install(world: &World) -> Self {
        let kind = format!("T{}", world.name.replace('-', ""));
        let plural = format!("{}s", kind.to_lowercase());
        let text = format!(
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{GROUP}}}
spec:
  group: {GROUP}
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}}}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {{status: {{}}}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              oneOf: [{{required: [a]}}, {{required: [b]}}]
              properties:
                size: {{type: integer, maximum: 5}}
                note: {{type: string, nullable: true}}
                port: {{x-kubernetes-int-or-string: true}}
                template: {{type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}
                a: {{type: string, format: ipv4}}
                b: {{type: string}}
            status: {{type: object, required: [ready], properties: {{ready: {{type: boolean}}}}}}
"
        );
        let file = world.home.path().join("crd.yaml");
        std::fs::write(&file, text).expect("written");
        world.kubectl(&["apply", "-f", &file.to_string_lossy()]);
        let path = format!("/openapi/v3/apis/{GROUP}/v1");
        let published = || {
            let output = world.try_kubectl(&["get", "--raw", &path]);
            String::from_utf8_lossy(&output.stdout).contains(&format!("v1.{kind}"))
        };
        assert!(World::waits_until(published), "the server publishes {kind}");
        Self { kind, plural }
    }

    fn object(&self, spec: &str) -> String {
        format!("apiVersion: {GROUP}/v1\nkind: {}\nmetadata:\n  name: one\nspec:\n{spec}", self.kind)
    }

    fn uninstall(&self, world: &World) {
        world.try_kubectl(&["delete", "crd", &format!("{}.{GROUP}", self.plural), "--wait=false"]);
    }
}

#[test]
fn objects_of_kinds_that_only_the_cluster_defines_are_judged_before_anything_changes() {
    let world = World::new("served");
    let kind = Kind::install(&world);
    world.write("config.yaml", &config_map("settings", "one"));
    world.write("thing.yaml", &kind.object("  size: 6\n  a: nowhere\n  sise: 1\n"));
    for command in
        [vec!["plan", &world.name, "-n", &world.name], vec!["apply", &world.name, "-n", &world.name, "--yes"]]
    {
        let ended = world.run(&command);
        assert_eq!(ended.code, 2, "{}", ended.told());
        let name = format!("{}.{GROUP} one", kind.kind);
        for told in [
            format!(
                "thing.yaml:6:9: error[invalid-value]: {name}: spec.size: invalid value: number 6, expected at most 5"
            ),
            format!(
                "thing.yaml:7:6: error[invalid-value]: {name}: spec.a: invalid value: string \"nowhere\", expected an address"
            ),
            format!("thing.yaml:8:3: error[unknown-field]: {name}: unknown field `spec.sise`, did you mean `size`?"),
            "error: 3 errors; nothing was changed".to_owned(),
        ] {
            assert!(ended.stderr.contains(&told), "{told}\n{}", ended.told());
        }
    }
    assert_eq!(world.get("configmap", "settings"), Json::Null, "nothing was changed");

    // Everything that the server publishes of a right object is taken.
    let whole = "  size: 1\n  b: x\n  note: null\n  port: 80\n  template: {apiVersion: v1, kind: X, z: 1}\n";
    world.write("thing.yaml", &kind.object(whole));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.apply(&[]).requests(), 1 + 2, "the head and one LIST for each of two kinds");
    world.write("config.yaml", &config_map("settings", "two"));
    assert_eq!(world.apply(&[]).requests(), 5 + 2, "no schema is asked for where kinds that are known change");
    world.write("thing.yaml", &kind.object(&whole.replace("size: 1", "size: 2")));
    assert_eq!(world.apply(&["--wait=false"]).requests(), 5 + 2 + 1, "the schemas of one group and version");

    let allowed = kind.object(&whole.replace("size: 1", "size: 7"));
    world.write("thing.yaml", &allowed);
    let allowed = world.apply(&["--allow", "invalid-value"]);
    assert!(
        allowed.code == 3 && !allowed.stderr.contains("[invalid-value]"),
        "the server says no itself: {}",
        allowed.told()
    );
    kind.uninstall(&world);
}

/// Makes the record say that its server was of another version.
fn pretend(world: &World, version: &str) {
    let mut head = world.head();
    head["kubernetes"] = json!(version);
    let patch = json!({"stringData": {"record": head.to_string()}}).to_string();
    let secret = format!("kubectl-gitops.{}", world.name);
    world.kubectl(&["patch", "secret", &secret, "-n", "default", "--type=merge", "-p", &patch]);
}

#[test]
fn a_server_of_another_version_judges_the_kinds_of_kubernetes_itself() {
    let world = World::new("other-version");
    let service = |port: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n    - port: {port}\n      targetPort: http\n"
        )
    };
    world.write("service.yaml", &service("80"));
    let first = world.apply(&[]);
    assert_eq!(first.code, 0, "{}", first.told());
    let version = gitops_compiler::schema::version();
    assert_eq!(world.head()["kubernetes"], json!(version.to_string()), "the version is recorded");

    pretend(&world, "1.30");
    world.write("service.yaml", &service("81"));
    let judged = world.apply(&[]);
    assert_eq!(judged.code, 0, "{}", judged.told());
    assert_eq!(judged.requests(), 5 + 1 + 1, "head, LIST, the schemas of v1, chunk, head, PATCH, head");
    assert_eq!(world.head()["kubernetes"], json!("1.30"), "nobody asked again");

    // What is wrong by our schemas is so by the server's own, since it is of the same version.
    world.write("service.yaml", &service("eighty"));
    let wrong = world.run(&["plan", &world.name, "-n", &world.name]);
    assert!(wrong.code == 2 && wrong.stderr.contains("service.yaml:7:13: error[wrong-type]"), "{}", wrong.told());
}
