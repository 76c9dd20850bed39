//! One application on its way: applied, synced again, emptied, applied again, deleted.
//!
//! In: a folder of the corpus. Out: whether Argo CD's rules held at each of these. There is no kubelet: Pods that end are
//! ended here, as one would.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::manifest::{Id, Manifest, files, of_folder};
use super::observed::{Verdict, judge};
use super::rules::{Moment, of_deletion, of_next_sync, of_sync};
use super::support::timeline::Timeline;
use super::support::{Ended, World, config_map};

/// What holds an object that is deleted, until this takes it away.
const FINALIZER: &str = "example.com/held";

/// How long it is held.
const HELD_FOR: Duration = Duration::from_secs(2);

/// How an application ends.
pub(crate) enum End {
    /// All of it is live.
    Live,
    /// With this code and words; objects of these names were never made.
    Fails { code: i32, says: &'static str, absent: &'static [&'static str] },
}

/// An application of the corpus, and what is done to it first.
pub(crate) struct Application {
    pub(crate) path: &'static str,
    pub(crate) title: &'static str,
    /// File, annotation, value.
    pub(crate) annotations: &'static [(&'static str, &'static str, &'static str)],
    /// A health check of ConfigMaps, in Lua.
    pub(crate) health: Option<&'static str>,
    /// Documents that have these lines are left out.
    pub(crate) left_out: &'static [&'static str],
    /// The Pod that a finalizer holds when it is pruned.
    pub(crate) blocked: Option<&'static str>,
    pub(crate) end: End,
}

/// An application in its world.
struct Journey<'a> {
    application: &'a Application,
    world: World,
    manifests: Vec<Manifest>,
    timeline: Timeline,
}

impl Application {
    /// Does all of it; gives why it was refused, where it was.
    pub(crate) fn run(&self, corpus: &Path) -> (Verdict, Option<String>) {
        let world = World::new("argocd");
        let folder = self.lay_out(corpus, &world);
        let manifests = of_folder(&folder, &world);
        let timeline = Timeline::across(&world, &kinds(&manifests));
        let mut journey = Journey { application: self, world, manifests, timeline };
        match self.end {
            End::Live => (journey.all(), None),
            End::Fails { code, says, absent } => journey.fail(code, says, absent),
        }
    }

    /// The folder, and what its kustomization needs, in the repository of the world.
    fn lay_out(&self, corpus: &Path, world: &World) -> std::path::PathBuf {
        let apps = world.repository.path().join("apps");
        let needed = ["guestbook", "kustomize-guestbook"].into_iter().filter(|name| corpus.join(name).exists());
        for name in needed.chain([self.path]) {
            std::fs::create_dir_all(&apps).expect("a folder");
            let copied = Command::new("cp").arg("-r").arg(corpus.join(name)).arg(&apps).status().expect("cp starts");
            assert!(copied.success(), "{name}");
        }
        let folder = apps.join(self.path);
        for (file, name, value) in self.annotations {
            let text = std::fs::read_to_string(folder.join(file)).expect("readable");
            let mut object: Json = serde_yaml::from_str(&text).expect("YAML");
            object["metadata"]["annotations"][*name] = json!(value);
            std::fs::write(folder.join(file), object.to_string()).expect("written");
        }
        for file in files(&folder).into_iter().filter(|_| !self.left_out.is_empty()) {
            let text = std::fs::read_to_string(&file).expect("readable");
            let is_left_out = |document: &&str| self.left_out.iter().any(|line| document.contains(line));
            let kept: Vec<&str> = text.split("\n---").filter(|document| !is_left_out(document)).collect();
            std::fs::write(&file, kept.join("\n---")).expect("written");
        }
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": world.name},
            "spec": {
                "destination": {"namespace": world.name},
                "source": {"repoURL": REPOSITORY, "path": format!("apps/{}", self.path)},
            },
        });
        let mut application = application;
        if !folder.join("kustomization.yaml").exists() {
            application["spec"]["source"]["directory"] = json!({"recurse": true});
        }
        world.write("application.yaml", &application.to_string());
        if let Some(script) = self.health {
            world.write(
                "health.yaml",
                &json!({"resourceCustomizations": {"ConfigMap": {"health.lua": script}}}).to_string(),
            );
        }
        world.repository.commit("all of it").expect("committed");
        folder
    }
}

const REPOSITORY: &str = "https://example.com/argocd.git";

/// Resources of the kinds that every server has; those that the application defines are not there yet.
fn kinds(manifests: &[Manifest]) -> Vec<&'static str> {
    let known = [
        ("ConfigMap", "configmaps"),
        ("Pod", "pods"),
        ("Job", "jobs"),
        ("Deployment", "deployments"),
        ("ReplicaSet", "replicasets"),
        ("Service", "services"),
        ("ServiceAccount", "serviceaccounts"),
        ("Namespace", "namespaces"),
        ("ClusterRoleBinding", "clusterrolebindings"),
        ("CustomResourceDefinition", "customresourcedefinitions"),
    ];
    // What an emptied application has left is a ConfigMap.
    let has = |kind: &str| kind == "ConfigMap" || manifests.iter().any(|manifest| manifest.id.kind == kind);
    known.into_iter().filter(|(kind, _)| has(kind)).map(|(_, resource)| resource).collect()
}

impl Journey<'_> {
    fn all(&mut self) -> Verdict {
        let mut verdict = Verdict::default();
        let since = self.world.revision();
        self.apply(&[]);
        self.watch_what_is_defined();
        verdict.add(judge(&of_sync(&self.manifests, &[]), &self.timeline, since, &self.manifests));
        if self.manifests.iter().any(|manifest| manifest.is_hook) {
            let there = self.manifests.iter().map(|manifest| &manifest.id).filter(|id| self.is_there(id));
            let left_behind: BTreeSet<Id> = there.cloned().collect();
            let since = self.world.revision();
            self.apply(&["--hooks", "always"]);
            let rules = of_next_sync(&self.manifests, &left_behind);
            verdict.add(judge(&rules, &self.timeline, since, &self.manifests));
        }
        self.prune(&mut verdict);
        self.apply(&[]);
        self.watch_what_is_defined();
        let since = self.world.revision();
        let deleted = self.work(&["delete", &self.world.name, "--yes", ALLOWED[0], ALLOWED[1]]);
        assert_eq!(deleted.code, 0, "{}: {}", self.application.path, deleted.told());
        verdict.add(judge(&of_deletion(&self.manifests), &self.timeline, since, &self.manifests));
        verdict
    }

    /// Everything leaves the application but for a ConfigMap that was not there before.
    fn prune(&self, verdict: &mut Verdict) {
        let folder = self.world.repository.path().join("apps").join(self.application.path);
        let kept: Vec<_> =
            files(&folder).into_iter().map(|path| (std::fs::read(&path).expect("readable"), path)).collect();
        for (_, path) in &kept {
            std::fs::remove_file(path).expect("removed");
        }
        let rest = format!("apps/{}/rest.yaml", self.application.path);
        self.world.write(&rest, &config_map("rest", "1"));
        if let Some(pod) = self.application.blocked {
            let patch = json!({"metadata": {"finalizers": [FINALIZER]}}).to_string();
            self.world.kubectl(&["patch", "pod", pod, "-n", &self.world.name, "--type=merge", "-p", &patch]);
        }
        let since = self.world.revision();
        self.apply(&[]);
        let rest_of_it: Vec<Manifest> = of_folder(&folder, &self.world);
        let rules = of_sync(&rest_of_it, &self.manifests);
        verdict.add(judge(&rules, &self.timeline, since, &self.manifests));
        self.world.remove(&rest);
        for (bytes, path) in kept {
            std::fs::write(path, bytes).expect("written");
        }
    }

    fn fail(&self, code: i32, says: &str, absent: &[&str]) -> (Verdict, Option<String>) {
        let since = self.world.revision();
        let ended = self.work(&self.arguments(&["--timeout", "6"]));
        assert!(ended.code == code && ended.stderr.contains(says), "{}: {}", self.application.path, ended.told());
        // What was made came in its order; what comes after what failed was not made, and nothing was where the input is wrong.
        let mut rules = of_sync(&self.manifests, &[]);
        let is_absent = |id: &Id| code == 2 || absent.contains(&id.name.as_str());
        rules.constraints.retain(|constraint| !is_absent(&constraint.before.1) && !is_absent(&constraint.after.1));
        let never = self.manifests.iter().filter(|manifest| is_absent(&manifest.id));
        rules.never.extend(never.map(|manifest| (Moment::Created, manifest.id.clone())));
        assert!(rules.never.iter().all(|(_, id)| !self.is_there(id)), "{}", ended.told());
        let verdict = judge(&rules, &self.timeline, since, &self.manifests);
        self.work(&["delete", &self.world.name, "--yes", "--hooks", "never"]);
        let line = ended.stderr.lines().find(|line| line.contains(says)).unwrap_or_default();
        let why: String = line.trim().replace(&self.world.name, "NAME").chars().take(110).collect();
        (verdict, Some(format!("exit {code}: {why}")))
    }

    fn apply(&self, more: &[&str]) -> Ended {
        self.world.repository.commit("again").expect("committed");
        let applied = self.work(&self.arguments(more));
        assert_eq!(applied.code, 0, "{}: {}", self.application.path, applied.told());
        applied
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let url = format!("{REPOSITORY}={}", self.world.repository.path().display());
        let kubectl = self.world.kubectl_command(&[]).get_program().to_string_lossy().into_owned();
        let fixed = ["apply", "-f", "application.yaml", "--repository", &url, "--yes", "--kustomize", &kubectl];
        let fixed = [&fixed[..], &["--allow", "all", "--allow-many-deletions"], &ALLOWED, more].concat();
        let health = ["--health-checks", "health.yaml"];
        let health: &[&str] = if self.application.health.is_some() { &health } else { &[] };
        [fixed, health.to_vec()].concat().into_iter().map(str::to_owned).collect()
    }

    /// Runs the program, and does meanwhile what a kubelet would, and others.
    fn work(&self, arguments: &[impl AsRef<str>]) -> Ended {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let output = |name: &str| std::fs::File::create(self.world.home.path().join(name)).expect("a file");
        let mut command = self.world.command(&arguments);
        command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr"));
        let mut child = command.spawn().expect("the program starts");
        let mut held = None;
        let code = loop {
            if let Some(status) = child.try_wait().expect("its status") {
                break status.code().unwrap_or(-1);
            }
            if self.manifests.iter().any(|manifest| manifest.id.kind == "Pod") {
                self.be_a_kubelet(&mut held);
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        let text = |name: &str| std::fs::read_to_string(self.world.home.path().join(name)).expect("readable");
        Ended { code, stdout: text("stdout"), stderr: text("stderr") }
    }

    /// Ends Pods that run and are not restarted, and lets go of those that were held long enough.
    fn be_a_kubelet(&self, held: &mut Option<Instant>) {
        for manifest in self.manifests.iter().filter(|manifest| manifest.id.kind == "Pod") {
            let (name, namespace) = (&manifest.id.name, &manifest.id.namespace);
            let listed = self.world.try_kubectl(&["get", "pod", name, "-n", namespace, "-o", "json"]);
            let pod: Json = serde_json::from_slice(&listed.stdout).unwrap_or(Json::Null);
            let patch = |more: &[&str]| {
                self.world.try_kubectl(&[&["patch", "pod", name, "-n", namespace, "--type=merge"], more].concat());
            };
            if pod["status"]["phase"] == "Running" && pod["spec"]["restartPolicy"] == "Never" {
                patch(&["--subresource=status", "-p", r#"{"status":{"phase":"Succeeded"}}"#]);
            }
            let is_held =
                pod["metadata"]["finalizers"][0] == FINALIZER && !pod["metadata"]["deletionTimestamp"].is_null();
            if is_held && held.get_or_insert_with(Instant::now).elapsed() > HELD_FOR {
                patch(&["-p", r#"{"metadata":{"finalizers":null}}"#]);
            }
        }
    }

    /// Kinds that the application defines can be watched when they are served.
    fn watch_what_is_defined(&mut self) {
        let defined = self.manifests.iter().filter(|manifest| manifest.id.kind == "CustomResourceDefinition");
        for name in defined.map(|manifest| manifest.id.name.clone()).collect::<Vec<_>>() {
            self.timeline.also(&self.world, &name);
        }
        let is_custom = |manifest: &&Manifest| self.manifests.iter().any(|other| is_definition_of(other, manifest));
        for manifest in self.manifests.iter().filter(is_custom) {
            let uid = self.there(&manifest.id)["metadata"]["uid"].clone();
            let is_told = || self.timeline.since(0).iter().any(|told| told.object["metadata"]["uid"] == uid);
            assert!(World::waits_until(is_told), "the watch tells of {}", manifest.id);
        }
    }

    /// The object as the server has it; null where it is not there.
    fn there(&self, id: &Id) -> Json {
        let namespace: &[&str] = if id.namespace.is_empty() { &[] } else { &["-n", &id.namespace] };
        let output = self.world.try_kubectl(&[&["get", &id.kind, &id.name, "-o", "json"], namespace].concat());
        serde_json::from_slice(&output.stdout).unwrap_or(Json::Null)
    }

    fn is_there(&self, id: &Id) -> bool {
        !self.there(id).is_null()
    }
}

fn is_definition_of(definition: &Manifest, manifest: &Manifest) -> bool {
    definition.id.kind == "CustomResourceDefinition" && manifest.needs(definition)
}

/// What an application that is emptied or deleted needs a word for.
const ALLOWED: [&str; 2] = ["--allow-delete=Namespace", "--allow-delete=CustomResourceDefinition"];
