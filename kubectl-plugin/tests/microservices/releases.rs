//! The newest commit, then earlier graphs, one after another, then back: after each, the cluster is what the manifests
//! say, nothing foreign was touched, nothing is left over.

use std::collections::BTreeSet;

use super::application::{Clone, FOLDER, bundle};
use super::support::{Ended, World, config_map, deployment};
use super::witness::{Manifests, Witness};
use super::{foreign, is_long, say};

/// How many earlier graphs follow the newest: all that were asked for, and in the short run.
const EARLIER: (usize, usize) = (10, 2);

/// Of how many commits that changed something the short run takes one.
const STRIDE: usize = 12;

/// So many releases are kept, that the way back leads to the very first.
const KEPT: [&str; 2] = ["--history-limit", "20"];

/// A graph and the newest commit that gives it.
#[derive(Clone)]
struct Version {
    commit: String,
    graph: String,
    /// The versions of Kubernetes' API that its manifests are written for.
    api_versions: BTreeSet<String>,
}

/// One application on its way through its history.
struct Journey<'a> {
    world: &'a World,
    clone: &'a Clone,
    witness: Witness<'a>,
}

impl Journey<'_> {
    /// The program, with the application's name.
    fn run(&self, command: &str, more: &[&str]) -> Ended {
        self.world.run(&[&[command, &self.world.name], more].concat())
    }

    fn apply(&self, version: &Version) -> Ended {
        let source = self.clone.0.path().display().to_string();
        let place = [
            "--source",
            &source,
            "--path",
            FOLDER,
            "--renderer",
            "directory",
            "--revision",
            &version.commit,
            "--allow",
            "all",
        ];
        self.run("apply", &[["-n", &self.world.name, "--yes"].as_slice(), &KEPT, &place].concat())
    }

    /// The distinct graphs of these commits, in their order.
    fn versions(&self, commits: &[String]) -> Vec<Version> {
        let source = self.clone.0.path().display().to_string();
        let mut known = BTreeSet::new();
        let mut versions = Vec::new();
        for commit in commits {
            let place = [
                "--source",
                &source,
                "--path",
                FOLDER,
                "--renderer",
                "directory",
                "--revision",
                commit,
                "--allow",
                "all",
                "-o",
            ];
            let graph = self.run("compile", &[place.as_slice(), &["id"]].concat()).stdout.trim().to_owned();
            if !known.insert(graph.clone()) {
                continue;
            }
            let manifests = self.run("compile", &[place.as_slice(), &["yaml"]].concat());
            let api_versions = manifests.stdout.lines().filter_map(|line| line.strip_prefix("apiVersion: "));
            let api_versions = api_versions.map(str::to_owned).collect();
            versions.push(Version { commit: commit.clone(), graph, api_versions });
        }
        versions
    }

    fn manifests(&mut self, version: &Version) -> Manifests {
        let folder = self.world.home.path().join(&version.commit);
        self.witness.manifests(&self.clone.manifests(&version.commit, &folder))
    }

    fn member(&self) -> String {
        self.world.head()["applySet"].as_str().unwrap_or_default().to_owned()
    }

    /// A run has just ended with this version: all is ready, and as its manifests say.
    fn arrived(&mut self, what: &str, version: &Version, ended: &Ended) {
        let told = format!("{what}, commit {}\n{}", version.commit, ended.told());
        assert_eq!(ended.code, 0, "{told}");
        let there = self.witness.everything();
        let unready: Vec<_> = there.iter().filter(|(_, object)| !is_ready(object)).map(|(key, _)| key).collect();
        assert!(unready.is_empty(), "not ready: {unready:?}\n{told}");
        let head = self.world.head();
        let release = head["releases"].as_array().and_then(|releases| releases.last()).expect("a release");
        assert_eq!(release["graph"]["id"], version.graph, "{told}");
        let status = self.run("status", &[]);
        assert!(status.stdout.contains("Synced  Healthy"), "{}{told}", status.told());
        let manifests = self.manifests(version);
        let wrong = self.witness.look_until_right(Some(&manifests), &self.member());
        assert!(wrong.is_empty(), "{wrong:#?}\n{told}");
        say(&format!(
            "  release {:2}  {:26} {}  commit {}  {:>11}  {:3} requests  {} objects as kubectl has them, {} foreign untouched",
            release["number"].as_u64().unwrap_or_default(),
            what,
            &version.graph[..15],
            &version.commit[..7],
            changes(&release["changes"]),
            ended.requests(),
            manifests.objects.len(),
            self.witness.foreign.len()
        ));
    }

    /// Nothing of these versions is sent, as the server does not know their kinds.
    fn are_refused(&self, versions: &[Version], served: &BTreeSet<String>) {
        let before = (self.world.head(), self.witness.at_rest());
        for version in versions {
            let refused = self.apply(version);
            assert_eq!(refused.code, 2, "{}", refused.told());
            let unknown = version.api_versions.difference(served).next().expect("one is not served");
            let words = format!("the server does not serve Deployment in {unknown}");
            assert!(refused.stderr.contains(&words), "{}", refused.told());
            assert!(before == (self.world.head(), self.witness.everything()), "something changed: {}", refused.told());
        }
        say(&format!("  {} graphs of old are refused, nothing changed: their kinds are not served", versions.len()));
    }
}

/// `+1 ~2 -3`, without what is none.
fn changes(counts: &serde_json::Value) -> String {
    let signs = ["+", "~", "-"].into_iter().zip(counts.as_array().into_iter().flatten());
    let some = signs.filter(|(_, count)| **count != 0).map(|(sign, count)| format!("{sign}{count}"));
    some.collect::<Vec<_>>().join(" ")
}

/// Whether a Deployment has all that it should have; what is none is ready.
fn is_ready(object: &serde_json::Value) -> bool {
    let (wanted, status) = (&object["spec"]["replicas"], &object["status"]);
    object["kind"] != "Deployment"
        || (status["observedGeneration"] == object["metadata"]["generation"]
            && ["replicas", "updatedReplicas", "availableReplicas"].iter().all(|count| status[count] == *wanted))
}

/// So many of these, from the first to the last.
fn spread(versions: &[Version], count: usize) -> Vec<Version> {
    let last = versions.len() - 1;
    (0..count).map(|index| versions[index * last / (count - 1)].clone()).collect()
}

#[test]
fn releases_follow_each_other_forth_and_back_as_kubectl_sees_them() {
    let Some(bundle) = bundle() else { return };
    let world = World::new("releases");
    let clone = Clone::new(&bundle, &world.home.path().join("clone"));
    let mut journey = Journey { world: &world, clone: &clone, witness: with_foreign_objects(&world) };

    let (stride, earlier) = if is_long() { (1, EARLIER.0) } else { (STRIDE, EARLIER.1) };
    let newest = clone.commits().pop().expect("a commit");
    let changed = clone.changes().into_iter().step_by(stride);
    let versions = journey.versions(&[newest].into_iter().chain(changed).collect::<Vec<_>>());
    let served: BTreeSet<String> = world.kubectl(&["api-versions"]).lines().map(str::to_owned).collect();
    let (current, old): (Vec<_>, Vec<_>) =
        versions.into_iter().partition(|version| version.api_versions.is_subset(&served));
    assert!(!old.is_empty() && current.len() > earlier, "{} graphs of today, {} of old", current.len(), old.len());

    let releases = spread(&current, earlier + 1);
    for (index, version) in releases.iter().enumerate() {
        let what = if index == 0 { "the newest commit" } else { "an earlier graph" };
        let ended = journey.apply(version);
        journey.arrived(what, version, &ended);
        if index == 0 {
            journey.are_refused(&old, &served);
        }
    }
    // To the release before, to one half way, to the very first.
    let mut targets = vec![earlier, earlier / 2 + 1, 1];
    targets.dedup();
    for number in targets {
        let back = journey.run("rollback", &[["--to", &number.to_string(), "--yes"].as_slice(), &KEPT].concat());
        journey.arrived(&format!("rollback to release {number}"), &releases[number - 1], &back);
    }
    assert!(world.outcomes().iter().all(|outcome| outcome == "succeeded"), "{:?}", world.outcomes());
    all_is_deleted(&journey);
}

/// The witness of a namespace with objects of others in it.
fn with_foreign_objects(world: &World) -> Witness<'_> {
    let file = world.home.path().join("foreign.yaml");
    std::fs::write(&file, foreign::OBJECTS).expect("written");
    let created = world.kubectl(&["create", "-n", &world.name, "-f", &file.display().to_string(), "-o", "name"]);
    assert_eq!(created.lines().count(), foreign::count());
    Witness::before(world)
}

fn all_is_deleted(journey: &Journey<'_>) {
    let world = journey.world;
    let (member, target) = (journey.member(), world.head()["target"].as_str().expect("a target").to_owned());
    let deleted = journey.run("delete", &["--yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.told());
    let wrong = journey.witness.look_until_right(None, &member);
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", deleted.told());
    let left = journey.witness.everything();
    assert!(left == journey.witness.foreign, "left: {:?}", left.keys());
    let parts = ["get", "secrets", "-A", "-o", "name", "-l", &format!("kubectl-gitops/target={target}")];
    assert_eq!(world.kubectl(&parts), "", "nothing of the record is left");
    say(&format!("  deleted: {} objects are left, all of others, as they were", left.len()));
}

#[test]
fn the_witness_sees_whatever_is_wrong() {
    let world = World::new("witness");
    let mut witness = with_foreign_objects(&world);
    let file = world.repository.path().join("a.yaml");
    let application = format!("{}---\n{}", config_map("settings", "one"), deployment("web", "web:1", "settings", ""));
    world.write("a.yaml", &application);
    let manifests = witness.manifests(&[file]);
    let before = witness.look(Some(&manifests), "");
    assert!(before.iter().any(|wrong| wrong == "Deployment/web is not there"), "{before:#?}");
    let applied = world.apply(&[]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    let member = world.head()["applySet"].as_str().expect("a set").to_owned();
    assert_eq!(witness.look_until_right(Some(&manifests), &member), Vec::<String>::new());

    let label = format!("applyset.kubernetes.io/part-of={member}");
    let patch = ["patch", "configmap", "settings", "-p", r#"{"data":{"value":"two"}}"#];
    let create = ["create", "configmap", "orphan"];
    for (edit, seen) in [
        (["annotate", "configmap", "settings", "more=here"].as_slice(), "ConfigMap/settings differs"),
        (&["patch", "role", "frontend", "-p", r#"{"rules":[]}"#], "Role/frontend is foreign and was touched"),
        (&patch, "kubectl diff: "),
        (&create, "ConfigMap/orphan belongs to nothing"),
        (&["label", "configmap", "orphan", &label], "ConfigMap/orphan is in no manifest"),
        (&["delete", "configmap", "settings"], "ConfigMap/settings is not there"),
    ] {
        let wrong = witness.look(Some(&manifests), &member);
        assert!(!wrong.iter().any(|wrong| wrong.starts_with(seen)), "too early: {wrong:#?}");
        world.kubectl(&[edit, &["-n", &world.name]].concat());
        let wrong = witness.look(Some(&manifests), &member);
        assert!(wrong.iter().any(|wrong| wrong.starts_with(seen)), "`{seen}` is not seen: {wrong:#?}");
    }
}
