//! What kubectl says of a namespace, beside what it should be: object by object, with what is foreign and what is
//! left over. Nothing of ours is asked; the manifests are files, as Git has them.
//!
//! In: a namespace as it is before we come; the manifests of a release. Out: what is not as it should be, one line each.
//! An object is right where it has what its manifest says (`kubectl diff` is empty) and nothing else: it is what it
//! becomes where kubectl applies the same manifests, release after release, in another namespace. A fresh one would be
//! no measure: what the server once set by default stays, whoever applies.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value as Json;

use super::support::World;

/// The label of what belongs to an application.
const MEMBER: &str = "applyset.kubernetes.io/part-of";

/// What the server or a controller adds, other in each namespace.
const OF_THE_SERVER: [(&str, &[&str]); 3] = [
    ("/metadata", &["creationTimestamp", "generation", "namespace", "resourceVersion", "uid"]),
    ("/metadata/annotations", &["deployment.kubernetes.io/revision"]),
    ("/spec", &["clusterIP", "clusterIPs"]),
];

/// Objects by `Kind/name`.
pub(crate) type Objects = BTreeMap<String, Json>;

/// Who looks.
pub(crate) struct Witness<'a> {
    world: &'a World,
    /// Where kubectl applies what we apply.
    shadow: World,
    /// What is there in the shadow.
    shadowed: BTreeSet<String>,
    /// All kinds of objects in namespaces, but for those that come and go by themselves.
    kinds: String,
    /// What was there before us.
    pub(crate) foreign: Objects,
}

/// The manifests of one release.
pub(crate) struct Manifests {
    files: Vec<String>,
    /// What kubectl made of them.
    pub(crate) objects: Objects,
}

impl<'a> Witness<'a> {
    /// Looks at what is there, once nothing in it changes any more.
    pub(crate) fn before(world: &'a World) -> Self {
        let listed = world.kubectl(&["api-resources", "--namespaced", "--verbs=list", "-o", "name"]);
        let lasting = |kind: &&str| !kind.starts_with("events") && !kind.ends_with(".metrics.k8s.io");
        let kinds = listed.lines().filter(lasting).collect::<Vec<_>>().join(",");
        let mut witness =
            Self { world, shadow: World::new("shadow"), shadowed: BTreeSet::new(), kinds, foreign: Objects::new() };
        witness.foreign = witness.at_rest();
        witness
    }

    /// The manifests in these files, which are the next release. kubectl applies them to the shadow, and deletes there
    /// what they do not have.
    pub(crate) fn manifests(&mut self, files: &[PathBuf]) -> Manifests {
        let files: Vec<String> = files.iter().map(|file| format!("--filename={}", file.display())).collect();
        let apply = ["apply", "--server-side", "-o", "json", "-n", &self.shadow.name];
        let objects = objects(&self.shadow.kubectl(&with(&apply, &files)));
        let keys: BTreeSet<String> = objects.keys().cloned().collect();
        let left_over: Vec<String> = self.shadowed.difference(&keys).cloned().collect();
        if !left_over.is_empty() {
            self.shadow.kubectl(&with(&["delete", "-n", &self.shadow.name], &left_over));
        }
        self.shadowed = keys;
        Manifests { files, objects }
    }

    /// Everything in the namespace.
    pub(crate) fn everything(&self) -> Objects {
        objects(&self.world.kubectl(&["get", &self.kinds, "-n", &self.world.name, "-o", "json"]))
    }

    /// Everything in the namespace, once controllers have written what they had to.
    pub(crate) fn at_rest(&self) -> Objects {
        let last = std::cell::RefCell::new(self.everything());
        let rests = World::waits_until(|| {
            std::thread::sleep(std::time::Duration::from_secs(1));
            let before = last.replace(self.everything());
            before.contains_key("ConfigMap/kube-root-ca.crt") && before == *last.borrow()
        });
        assert!(rests, "the namespace does not come to rest");
        last.into_inner()
    }

    /// What is wrong at this moment, where exactly these manifests should be there, labelled as those of `member`.
    pub(crate) fn look(&self, manifests: Option<&Manifests>, member: &str) -> Vec<String> {
        let there = self.everything();
        let is_member = |(key, object): &(&String, &Json)| {
            object["metadata"]["labels"][MEMBER] == *member && !key.starts_with("Endpoint")
        };
        let not_foreign = there.iter().filter(|(key, _)| !self.foreign.contains_key(*key));
        let (members, others): (BTreeMap<_, _>, BTreeMap<_, _>) = not_foreign.partition(is_member);
        let mut wrong = self.touched(&there);
        wrong.extend(unlike(&members, manifests.map(|manifests| &manifests.objects)));
        let left_over = others.into_iter().filter(|(key, object)| !is_made_for_another(key, object, &there));
        wrong.extend(left_over.map(|(key, _)| format!("{key} belongs to nothing that is there")));
        wrong.extend(manifests.and_then(|manifests| self.difference(manifests)));
        wrong
    }

    /// What is wrong once Kubernetes has cleaned up behind what was deleted.
    pub(crate) fn look_until_right(&self, manifests: Option<&Manifests>, member: &str) -> Vec<String> {
        let last = std::cell::RefCell::new(Vec::new());
        World::waits_until(|| {
            *last.borrow_mut() = self.look(manifests, member);
            last.borrow().is_empty()
        });
        last.into_inner()
    }

    /// What was there before us and is not as it was, to the last byte.
    fn touched(&self, there: &Objects) -> Vec<String> {
        let touched = self.foreign.iter().filter(|(key, object)| there.get(*key) != Some(object));
        touched.map(|(key, _)| format!("{key} is foreign and was touched")).collect()
    }

    /// What `kubectl diff` says.
    fn difference(&self, manifests: &Manifests) -> Option<String> {
        let as_another = ["--server-side", "--force-conflicts", "--field-manager=witness"];
        let diff = [&["diff", "-n", &self.world.name], as_another.as_slice()].concat();
        let output = self.world.try_kubectl(&with(&diff, &manifests.files));
        let told = [output.stdout, output.stderr].concat();
        (!output.status.success()).then(|| format!("kubectl diff: {}", String::from_utf8_lossy(&told)))
    }
}

fn with<'a>(arguments: &[&'a str], files: &'a [String]) -> Vec<&'a str> {
    arguments.iter().copied().chain(files.iter().map(String::as_str)).collect()
}

/// Where the members are not what they should be, or others.
fn unlike(members: &BTreeMap<&String, &Json>, wanted: Option<&Objects>) -> Vec<String> {
    let wanted: BTreeMap<&String, &Json> = wanted.into_iter().flatten().collect();
    let keys: BTreeSet<&String> = members.keys().chain(wanted.keys()).copied().collect();
    let unlike = keys.into_iter().filter_map(|key| match (members.get(key), wanted.get(key)) {
        (None, _) => Some(format!("{key} is not there")),
        (_, None) => Some(format!("{key} is in no manifest")),
        (Some(is), Some(should)) => {
            let (is, should) = (essence(is), essence(should));
            (is != should).then(|| format!("{key} differs: {is} should be {should}"))
        }
    });
    unlike.collect()
}

/// The objects of a list, or of a stream.
fn objects(printed: &str) -> Objects {
    let documents = serde_json::Deserializer::from_str(printed).into_iter::<Json>();
    let items = documents.flat_map(|document| {
        let document = document.expect("JSON");
        document["items"].as_array().cloned().unwrap_or_else(|| vec![document])
    });
    let key = |object: &Json| {
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
    };
    items.map(|object| (key(&object), object)).collect()
}

/// Whether Kubernetes makes such an object for another that is there.
fn is_made_for_another(key: &str, object: &Json, there: &Objects) -> bool {
    if let Some(service) = key.strip_prefix("Endpoints/") {
        return there.contains_key(&format!("Service/{service}"));
    }
    let owners = object["metadata"]["ownerReferences"].as_array().map(Vec::as_slice).unwrap_or_default();
    let uids: BTreeSet<&str> = there.values().filter_map(|object| object["metadata"]["uid"].as_str()).collect();
    !owners.is_empty() && owners.iter().all(|owner| owner["uid"].as_str().is_some_and(|uid| uids.contains(uid)))
}

/// An object without what differs from one namespace to another, without its status and our label.
fn essence(object: &Json) -> Json {
    let mut essence = object.clone();
    let remove = |essence: &mut Json, pointer: &str, field: &str| {
        essence.pointer_mut(pointer).and_then(Json::as_object_mut).and_then(|map| map.remove(field))
    };
    for (pointer, fields) in OF_THE_SERVER {
        for field in fields {
            remove(&mut essence, pointer, field);
        }
    }
    remove(&mut essence, "", "status");
    remove(&mut essence, "/metadata/labels", MEMBER);
    for port in essence.pointer_mut("/spec/ports").and_then(Json::as_array_mut).into_iter().flatten() {
        remove(port, "", "nodePort");
    }
    for map in ["labels", "annotations"] {
        if essence["metadata"][map].as_object().is_some_and(serde_json::Map::is_empty) {
            remove(&mut essence, "/metadata", map);
        }
    }
    essence
}
