//! One case: an application in a namespace of its own, and runs of the program on ways where things go wrong.
//!
//! In: a goal, faults. Out: how the run ended, what it asked of the API server, and whether it was killed.

use std::fs::File;
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use gitops_testdata::cluster::{Api, LocalCluster, Options, TestNamespace};
use gitops_testdata::faults::{Exchange, Fault, FaultyWay};
use serde_json::Value as Json;

use super::application::{Graph, config_map, group, own_namespace, path};
use super::support::{Ended, World};

/// No run takes this long.
const LONGEST_RUN: Duration = Duration::from_mins(4);

/// The cluster of this program: hundreds of CRDs come and go on it.
pub(crate) fn cluster() -> &'static LocalCluster {
    static CLUSTER: OnceLock<LocalCluster> = OnceLock::new();
    CLUSTER.get_or_init(|| LocalCluster::start(&Options::default()).expect("a cluster"))
}

/// What is wanted of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Goal {
    /// A graph is delivered.
    Apply(Graph),
    /// What is there of the first graph becomes release 0.
    Adopt,
    /// What was tried is taken back.
    Rollback,
    /// All of it goes.
    Delete,
}

/// A case.
pub(crate) struct Case {
    pub(crate) api: Api,
    pub(crate) world: World,
    /// What is none of ours, with its version.
    pub(crate) foreign: Vec<(String, Json)>,
    pub(crate) runs: Vec<Run>,
    user: String,
}

/// A run of the program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) goal: Goal,
    pub(crate) ended: Ended,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) was_killed: bool,
}

impl Run {
    /// The objects of hooks that it made: what the name begins with, and the uid.
    pub(crate) fn made_hooks(&self) -> Vec<(&'static str, String)> {
        let made = self.exchanges.iter().filter(|exchange| exchange.status == Some(201));
        let name = |exchange: &Exchange| {
            let (_, name) = exchange.path.split_once("/jobs/")?;
            let (hook, _) = Graph::Second.hooks().iter().find(|(hook, _)| name.starts_with(hook))?;
            Some((*hook, exchange.uid.clone().unwrap_or_default()))
        };
        made.filter_map(name).collect()
    }

    /// What it asked and said, for messages.
    pub(crate) fn told(&self) -> String {
        let line = |(index, exchange): (usize, &Exchange)| {
            let status = exchange.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let sign = if exchange.is_faulty { " <== here" } else { "" };
            format!("{:>4} {} {} {status}{sign}\n", index + 1, exchange.method, exchange.path)
        };
        let asked: String = self.exchanges.iter().enumerate().map(line).collect();
        let killed = if self.was_killed { "killed, " } else { "" };
        format!("--- {:?}: {killed}{}\n{asked}", self.goal, self.ended.told())
    }
}

impl Case {
    /// A namespace with something in it that is none of ours.
    pub(crate) fn new(label: &str) -> Self {
        let connection = cluster().connection();
        let name = TestNamespace::unique(label);
        let world = World::at(&connection.kubeconfig, &connection.kubectl, name.name());
        let api = Api::of(connection).expect("the cluster's files");
        for graph in Graph::ALL {
            let manifests: Vec<String> =
                graph.manifests(name.name()).iter().map(|manifest| format!("---\n{manifest}\n")).collect();
            world.write(&format!("{}/all.yaml", graph.folder()), &manifests.concat());
        }
        let mut case = Self { api, world, foreign: Vec::new(), runs: Vec::new(), user: "{token: any}".to_owned() };
        let namespace = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name.name()}});
        case.send("POST", "/api/v1/namespaces", &namespace);
        case.make(&config_map("foreign", "mine"));
        case.foreign = vec![(case.config_map("foreign"), case.get(&case.config_map("foreign")))];
        case
    }

    /// The same, where the first graph is applied, and somebody has taken an object away since and replaced another.
    pub(crate) fn begun(label: &str) -> Self {
        let mut case = Self::new(label);
        let first = case.run(Goal::Apply(Graph::First), Vec::new());
        assert_eq!(first.ended.code, 0, "{}", first.told());
        for name in ["missing", "replaced"] {
            let path = case.config_map(name);
            case.send("DELETE", &path, &Json::Null);
        }
        let mut replaced = config_map("replaced", "");
        replaced["data"] = serde_json::json!({"theirs": "yes"});
        case.make(&replaced);
        case.runs.clear();
        case
    }

    /// The same, where kubectl has applied what the first graph has, and nothing is ours.
    pub(crate) fn made_by_kubectl(label: &str) -> Self {
        let case = Self::new(label);
        let name = case.world.name.clone();
        let items = Graph::First.content(&name);
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
        let file = case.world.home.path().join("made.json").display().to_string();
        std::fs::write(&file, list.to_string()).expect("written");
        case.world.kubectl(&["apply", "--server-side", "-n", &name, "-f", &file]);
        case
    }

    /// The uids of what the first graph has, as they are now.
    pub(crate) fn uids(&self) -> Vec<String> {
        let paths = Graph::First.content(&self.world.name).into_iter().map(|it| path(&it, &self.world.name));
        paths.map(|path| self.get(&path)["metadata"]["uid"].to_string()).collect()
    }

    /// What the kubeconfigs of ways say of the user from now on.
    pub(crate) fn with_user(&mut self, user: &str) {
        user.clone_into(&mut self.user);
    }

    /// Runs the program on a way of its own, and kills it where it is taken for dead.
    pub(crate) fn run(&mut self, goal: Goal, faults: Vec<Fault>) -> &Run {
        self.run_with(goal, faults, &[], |_, _| {})
    }

    /// Likewise, with more arguments. `meanwhile` is called again and again while the program runs.
    pub(crate) fn run_with(
        &mut self,
        goal: Goal,
        faults: Vec<Fault>,
        more: &[&str],
        meanwhile: impl FnMut(&FaultyWay, &Child),
    ) -> &Run {
        let run = self.perform(goal, faults, more, meanwhile);
        self.runs.push(run);
        self.runs.last().expect("just added")
    }

    /// Likewise, beside other runs.
    pub(crate) fn perform(
        &self,
        goal: Goal,
        faults: Vec<Fault>,
        more: &[&str],
        mut meanwhile: impl FnMut(&FaultyWay, &Child),
    ) -> Run {
        let way = FaultyWay::open(&self.api, faults).expect("a way");
        let kubeconfig = way.kubeconfig(self.world.home.path(), &self.user).expect("written");
        let name = self.world.name.clone();
        let mut arguments = match goal {
            Goal::Apply(graph) => vec!["apply", name.as_str(), "--path", graph.folder(), "-n", name.as_str()],
            Goal::Adopt => vec!["adopt", name.as_str(), "--path", Graph::First.folder(), "-n", name.as_str()],
            Goal::Rollback => vec!["rollback", name.as_str()],
            Goal::Delete => vec!["delete", name.as_str()],
        };
        arguments.extend(["--yes", "--record-namespace", name.as_str(), "--lock-timeout", "30"]);
        if goal != Goal::Adopt {
            arguments.extend(["--timeout", "60", "--allow-delete=Namespace,CustomResourceDefinition"]);
        }
        arguments.extend(more);
        // Each run is on another machine, as far as its store goes.
        let home = tempfile::tempdir().expect("a folder");
        let (stdout, stderr) = (home.path().join("stdout"), home.path().join("stderr"));
        let mut command = self.world.command(&arguments);
        command.env("KUBECONFIG", kubeconfig).env("HOME", home.path());
        command.stdout(Stdio::from(File::create(&stdout).expect("made")));
        command.stderr(Stdio::from(File::create(&stderr).expect("made")));
        let mut child = command.spawn().expect("the program starts");
        let begun = Instant::now();
        let (mut was_killed, mut is_late) = (false, false);
        let status = loop {
            if let Some(status) = child.try_wait().expect("asked") {
                break status;
            }
            meanwhile(&way, &child);
            is_late = begun.elapsed() > LONGEST_RUN;
            if way.waits_until_dead(Duration::from_millis(20)) || is_late {
                was_killed = true;
                child.kill().expect("killed");
                break child.wait().expect("it ends");
            }
        };
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).expect("read")).into_owned();
        let code = status.code().unwrap_or(-1);
        let ended = Ended { code, stdout: read(stdout), stderr: read(stderr) };
        let run = Run { goal, ended, exchanges: way.close(), was_killed };
        assert!(!is_late, "it does not end\n{}", run.told());
        run
    }

    /// The runs so far, for messages.
    pub(crate) fn told(&self) -> String {
        self.runs.iter().map(Run::told).collect()
    }

    /// An object; null where it is not there.
    pub(crate) fn get(&self, path: &str) -> Json {
        let reply = self.api.get(path).expect("an answer");
        if reply.status == 200 { reply.json() } else { Json::Null }
    }

    /// The objects of a collection, with their kind left out.
    pub(crate) fn list(&self, path: &str) -> Vec<Json> {
        self.get(path)["items"].as_array().cloned().unwrap_or_default()
    }

    /// The path of a ConfigMap of this application.
    pub(crate) fn config_map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.world.name)
    }

    /// Makes a ConfigMap, as somebody else.
    pub(crate) fn make(&self, config_map: &Json) {
        let collection = format!("/api/v1/namespaces/{}/configmaps", self.world.name);
        self.send("POST", &collection, config_map);
    }

    /// Does something, as somebody else.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Json) {
        let reply = self.api.send(method, path, body).expect("an answer");
        assert!((200..300).contains(&reply.status), "{method} {path}: {} {}", reply.status, reply.body);
    }

    /// The head of the record; null where there is none.
    pub(crate) fn head(&self) -> Json {
        use base64::Engine as _;
        let name = &self.world.name;
        let secret = self.get(&format!("/api/v1/namespaces/{name}/secrets/kubectl-gitops.{name}"));
        let Some(record) = secret["data"]["record"].as_str() else { return Json::Null };
        let record = base64::prelude::BASE64_STANDARD.decode(record).expect("base64");
        serde_json::from_slice(&record).expect("JSON")
    }

    /// Whether a run has got so far that there is something to take back.
    pub(crate) fn has_begun(&self) -> bool {
        let head = self.head();
        !head["pending"].is_null() || head["releases"].as_array().is_some_and(|releases| releases.len() > 1)
    }
}

/// What is not in a namespace of the case goes here, the rest with the namespace.
impl Drop for Case {
    fn drop(&mut self) {
        let name = &self.world.name;
        for path in [
            format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.{}", group(name)),
            format!("/api/v1/namespaces/{}", own_namespace(name)),
        ] {
            let _ = self.api.send("DELETE", &path, &Json::Null);
        }
    }
}
