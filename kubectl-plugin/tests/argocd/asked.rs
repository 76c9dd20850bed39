//! What ours says of a pair, asked in three ways.
//!
//! In: the wanted object and the live one. Out: the fields that differ, a line each. What differs is put back in the end, and then
//! nothing of ours differs any more, and what others own is as it was.

use gitops_compiler::canon::Value;
use gitops_compiler::name::ResourceKey;
use kubectl_gitops::apply::drift::compare::compare;
use kubectl_gitops::apply::drift::{DriftedField, IgnoredFields};
use kubectl_gitops::apply::observe::Identity;
use serde_json::{Value as Json, json};

use super::pair::{CONTROLLER, adapted, applied_before};
use super::support::World;

/// Our label, which says whose an object is.
const PART_OF: &str = "applyset.kubernetes.io/part-of";

/// Who puts the live objects there: kubectl, as those say of themselves that have kubectl's copy.
const SOMEBODY: &str = "kubectl-client-side-apply";

/// An application of one object.
struct Applied {
    world: World,
    is_of_the_cluster: bool,
}

impl Applied {
    fn new(object: &Json) -> Self {
        let of_the_cluster = ["ClusterRole", "MutatingWebhookConfiguration"];
        let is_of_the_cluster = of_the_cluster.iter().any(|kind| object["kind"] == *kind);
        let applied = Self { world: World::new("pair"), is_of_the_cluster };
        applied.write(object);
        // No kubelet runs these images, and nothing here is about readiness.
        let first = applied.world.apply(&["--wait=false"]);
        assert_eq!(first.code, 0, "{}", first.told());
        applied
    }

    fn write(&self, object: &Json) {
        self.world.write("object.json", &adapted(object, &self.world).to_string());
    }

    fn kubectl_get(&self, object: &Json) -> Json {
        let adapted = adapted(object, &self.world);
        let (kind, name) = (&adapted["kind"], &adapted["metadata"]["name"]);
        self.world.get(kind.as_str().expect("a kind"), name.as_str().expect("a name"))
    }

    /// Somebody replaces the object by another; what says whose it is stays, and the addresses that the server gave it.
    fn replaced_by(&self, live: &Json) {
        // Controllers write, too: then it is tried again.
        assert!(World::waits_until(|| self.is_replaced_by(live)), "{live}");
    }

    fn is_replaced_by(&self, live: &Json) -> bool {
        let there = self.kubectl_get(live);
        let mut live = adapted(live, &self.world);
        for field in ["uid", "resourceVersion", "namespace"] {
            if !there["metadata"][field].is_null() {
                live["metadata"][field] = there["metadata"][field].clone();
            }
        }
        live["metadata"]["labels"][PART_OF] = there["metadata"]["labels"][PART_OF].clone();
        for field in ["clusterIP", "clusterIPs"] {
            if !there["spec"][field].is_null() {
                live["spec"][field] = there["spec"][field].clone();
            }
        }
        let path = self.world.home.path().join("live.json");
        std::fs::write(&path, live.to_string()).expect("written");
        let manager = format!("--field-manager={SOMEBODY}");
        self.world.try_kubectl(&["replace", &manager, "-f", &path.to_string_lossy()]).status.success()
    }

    fn drifted(&self) -> Vec<String> {
        let ended = self.world.run(&["drift", &self.world.name, "-o", "json"]);
        let found: Json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()));
        let objects = found["drifted"].as_array().expect("a list").iter();
        let fields: Vec<Json> =
            objects.flat_map(|object| object["fields"].as_array().expect("fields")).cloned().collect();
        assert_eq!(ended.code, i32::from(!fields.is_empty()), "{}", ended.told());
        fields.iter().map(line_of).collect()
    }

    fn planned(&self) -> Vec<String> {
        let ended = self.world.run(&["plan", &self.world.name, "-n", &self.world.name, "-o", "json"]);
        let plan: Json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.told()));
        let steps = plan["steps"].as_array().expect("steps").iter();
        steps.flat_map(|step| step["changes"].as_array().expect("changes")).map(line_of).collect()
    }

    /// Puts back what is ours: nothing of it differs then, and what others own is as it was.
    fn heal(&self, live: &Json) {
        let before = self.kubectl_get(live);
        let healed = self.world.apply(&["--wait=false", "--force-conflicts"]);
        assert_eq!(healed.code, 0, "{}", healed.told());
        assert_eq!(self.drifted(), Vec::<String>::new(), "{}", healed.told());
        let after = self.kubectl_get(live);
        let containers = |object: &Json| {
            let list =
                object["spec"]["template"]["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().map(|one| one["name"].to_string()).collect::<Vec<_>>()
        };
        assert_eq!(containers(&before), containers(&after), "{}", healed.told());
        for field in ["secrets", "rules"] {
            assert_eq!(before[field], after[field], "{}", healed.told());
        }
        let bundle = |object: &Json| object["webhooks"][0]["clientConfig"]["caBundle"].clone();
        assert_eq!(bundle(&before), bundle(&after), "{}", healed.told());
    }
}

impl Drop for Applied {
    /// What is outside of namespaces does not go with that of the test.
    fn drop(&mut self) {
        if self.is_of_the_cluster {
            self.world.run(&["delete", &self.world.name, "--yes"]);
        }
    }
}

/// A field of `drift -o json` and of `plan -o json` in a line, with who wrote it.
fn line_of(field: &Json) -> String {
    let by = field["by"]["manager"].as_str().map(|manager| format!("  by {manager}")).unwrap_or_default();
    format!("{}  {} → {}{by}", field["path"].as_str().unwrap_or_default(), field["old"], field["new"])
}

/// The wanted object is applied by us, then somebody replaces it by the live one.
pub(crate) fn drift(wanted: &Json, live: &Json) -> Vec<String> {
    let applied = Applied::new(wanted);
    applied.replaced_by(live);
    let drifted = applied.drifted();
    applied.heal(live);
    drifted
}

/// What had been applied in Argo CD's name is applied by us, the live object is put over it, then the wanted one is planned and
/// applied.
pub(crate) fn plan(wanted: &Json, live: &Json) -> Vec<String> {
    let applied = Applied::new(&applied_before(live, wanted));
    applied.replaced_by(live);
    assert_eq!(applied.drifted(), Vec::<String>::new(), "all that had been applied is as it was");
    applied.write(wanted);
    let planned = applied.planned();
    applied.heal(live);
    let (there, wanted) = (applied.kubectl_get(live), &wanted["spec"]["ports"]);
    if let Some(ports) = wanted.as_array() {
        // What Argo CD predicts.
        assert_eq!(
            (&there["spec"]["type"], there["spec"]["ports"].as_array().map(Vec::len)),
            (&json!("ClusterIP"), Some(ports.len()))
        );
    }
    planned
}

/// The comparison alone, of the two as they are in the files.
pub(crate) fn pure(wanted: &Json, live: &Json) -> Vec<String> {
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let (group, _) = wanted["apiVersion"].as_str().and_then(|version| version.split_once('/')).unwrap_or_default();
    let namespace = text(&live["metadata"]["namespace"]);
    let key = ResourceKey::new(group, &text(&wanted["kind"]), &namespace, &text(&wanted["metadata"]["name"]));
    let identity = Identity { field_manager: CONTROLLER.to_owned(), apply_set: "ours".to_owned() };
    let mut live = live.clone();
    live["metadata"]["labels"][PART_OF] = json!("ours");
    let findings = compare(&key, &Value::from(wanted.clone()), &live, &identity, &IgnoredFields::default());
    assert!(findings.left_to_others.is_empty() && !findings.is_unlabelled, "{findings:?}");
    let told = |field: &DriftedField| {
        let by = field.by.as_ref().map(|by| format!("  by {}", by.manager)).unwrap_or_default();
        format!("{}{by}", field.change)
    };
    findings.fields.iter().map(told).collect()
}
