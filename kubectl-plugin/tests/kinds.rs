//! Kinds that come and go, on the real cluster: a definition in the graph, one that somebody deletes, a version that is
//! served no more. Whatever a kind's way is, no object is lost or forgotten.

mod support;

use support::{World, config_map};

/// A kind of one test's own.
struct CustomKind {
    kind: String,
    plural: String,
}

const GROUP: &str = "testdata.example";

impl CustomKind {
    fn of(world: &World) -> Self {
        let kind = format!("T{}", world.name.replace('-', ""));
        let plural = format!("{}s", kind.to_lowercase());
        Self { kind, plural }
    }

    fn crd(&self) -> String {
        format!("{}.{GROUP}", self.plural)
    }

    /// Its definition; the older version is served or not.
    fn definition(&self, v1beta1: bool) -> String {
        let Self { kind, plural } = self;
        let schema = "schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}";
        format!(
            "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{GROUP}}}
spec:
  group: {GROUP}
  scope: Namespaced
  names: {{kind: {kind}, plural: {plural}, singular: {}}}
  versions:
    - {{name: v1beta1, served: {v1beta1}, storage: false, {schema}}}
    - {{name: v1, served: true, storage: true, {schema}}}
",
            kind.to_lowercase()
        )
    }

    fn object(&self, version: &str) -> String {
        format!("apiVersion: {GROUP}/{version}\nkind: {}\nmetadata: {{name: one}}\nspec: {{a: b}}\n", self.kind)
    }

    /// Installs the definition beside all applications.
    fn install(&self, world: &World, v1beta1: bool) {
        let file = world.home.path().join("crd.yaml");
        std::fs::write(&file, self.definition(v1beta1)).expect("written");
        world.kubectl(&["apply", "-f", &file.to_string_lossy()]);
        world.kubectl(&["wait", "--for=condition=Established", "crd", &self.crd()]);
        let path = format!("/apis/{GROUP}/v1beta1/namespaces/{}/{}", world.name, self.plural);
        assert!(World::waits_until(|| world.try_kubectl(&["get", "--raw", &path]).status.success() == v1beta1));
        self.wait_for_discovery(world, true);
    }

    fn wait_for_discovery(&self, world: &World, there: bool) {
        let kinds = ["api-resources", "--cached=false", "--api-group", GROUP, "-o", "name"];
        assert!(World::waits_until(|| world.kubectl(&kinds).contains(&self.plural) == there));
    }
}

#[test]
fn custom_resources_wait_for_their_definition() {
    let world = World::new("definition");
    let custom = CustomKind::of(&world);
    world.write("crd.yaml", &custom.definition(true)).write("cr.yaml", &custom.object("v1"));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    let refused = world.run(&["delete", &world.name, "--yes"]);
    assert_eq!(refused.code, 4, "{}", refused.told());
    assert!(refused.stderr.contains("--allow-delete=CustomResourceDefinition"), "{}", refused.told());
    let deleted = world.run(&["delete", &world.name, "--yes", "--allow-delete=CustomResourceDefinition"]);
    assert_eq!(deleted.code, 0, "{}", deleted.told());
    assert_eq!(world.kubectl(&["get", "crd", &custom.crd(), "--ignore-not-found"]), "");
    let record = format!("kubectl-gitops.{}", world.name);
    assert_eq!(world.kubectl(&["get", "secret", &record, "-n", "default", "--ignore-not-found"]), "");
}

#[test]
fn a_definition_that_was_refused_or_deleted_comes_back_with_its_objects() {
    let world = World::new("comeback");
    let custom = CustomKind::of(&world);
    // Its name is not what it must be: the server refuses it, and the object waits in vain.
    let wrong = custom.definition(true).replace(&format!("name: {}.", custom.plural), "name: wrong.");
    world.write("crd.yaml", &wrong).write("cr.yaml", &custom.object("v1"));
    let failed = world.apply(&[]);
    assert_eq!(failed.code, 3, "{}", failed.told());
    let status = world.run(&["status", &world.name]);
    assert_eq!(status.code, 0, "{}", status.told());
    world.write("crd.yaml", &custom.definition(true));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());

    world.kubectl(&["delete", "crd", &custom.crd()]);
    custom.wait_for_discovery(&world, false);
    let healed = world.apply(&[]);
    assert_eq!(healed.code, 0, "{}", healed.told());
    assert_eq!(world.owned(&custom.crd()).len(), 1, "the object is there again");

    world.kubectl(&["delete", "crd", &custom.crd()]);
    custom.wait_for_discovery(&world, false);
    let deleted = world.run(&["delete", &world.name, "--yes", "--allow-delete=CustomResourceDefinition"]);
    assert_eq!(deleted.code, 0, "{}", deleted.told());
}

#[test]
fn an_object_whose_version_is_served_no_more_is_not_lost() {
    let world = World::new("version");
    let custom = CustomKind::of(&world);
    custom.install(&world, true);
    world.write("one.yaml", &custom.object("v1beta1")).write("a.yaml", &config_map("a", "1"));
    assert_eq!(world.apply(&[]).code, 0);
    custom.install(&world, false);

    world.write("a.yaml", &config_map("a", "2"));
    let refused = world.apply(&[]);
    assert_eq!(refused.code, 2, "{}", refused.told());
    assert!(refused.stderr.contains("v1beta1"), "{}", refused.told());
    assert_eq!(world.get("configmap", "a")["data"]["value"], "1", "nothing was sent");
    world.remove("one.yaml");
    let pruned = world.apply(&[]);
    assert_eq!(pruned.code, 0, "{}", pruned.told());
    assert_eq!(world.owned(&custom.crd()), Vec::<String>::new(), "pruned, by the version that is served");
    world.kubectl(&["delete", "crd", &custom.crd()]);
}

#[test]
fn objects_go_with_a_definition_of_others_and_nothing_stops_for_that() {
    let world = World::new("foreign-kind");
    let custom = CustomKind::of(&world);
    custom.install(&world, true);
    world.write("one.yaml", &custom.object("v1"));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    world.kubectl(&["delete", "crd", &custom.crd()]);
    custom.wait_for_discovery(&world, false);
    // A kind that the record does not know asks discovery by itself.
    world.remove("one.yaml").write("a.yaml", &config_map("a", "1"));
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.get("configmap", "a")["data"]["value"], "1");
}
