//! What the tests have in common: a controller that cares for one namespace, and a repository on a Git server.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gitops_testdata::cluster::LocalCluster;
use gitops_testdata::servers::{Certificates, WebServer};
use serde_json::{Value as Json, json};

use crate::support::{World, config_map};

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// A controller, its namespace, and a repository.
pub(crate) struct Ground {
    pub(crate) world: World,
    pub(crate) web: WebServer,
    pub(crate) certificates: Certificates,
    controllers: Vec<Child>,
    log: PathBuf,
}

impl Ground {
    /// Nothing runs yet; the repository has one ConfigMap, `a`, which is published.
    pub(crate) fn new(name: &str) -> Self {
        Self::of(World::new(name))
    }

    /// The same on a cluster of its own.
    pub(crate) fn on(cluster: &LocalCluster, name: &str) -> Self {
        let kubectl = PathBuf::from(cluster.kubectl().get_program());
        let world = World::at(&cluster.connection().kubeconfig, &kubectl, name);
        world.kubectl(&["create", "namespace", name]);
        Self::of(world)
    }

    /// The same without the kinds `Application` and `AppProject`.
    pub(crate) fn without_definitions(cluster: &LocalCluster, name: &str) -> Self {
        let kubectl = PathBuf::from(cluster.kubectl().get_program());
        let world = World::at(&cluster.connection().kubeconfig, &kubectl, name);
        world.kubectl(&["create", "namespace", name]);
        Self::published(world)
    }

    fn of(world: World) -> Self {
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/crds");
        world.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", crds]);
        // kubectl does not wait where there is no condition yet.
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", "-f", crds];
        assert!(World::waits_until(|| world.try_kubectl(&wait).status.success()), "the kinds are not there");
        Self::published(world)
    }

    fn published(world: World) -> Self {
        let certificates = Certificates::make().expect("certificates");
        let web = WebServer::start(&certificates).expect("nginx");
        let log = world.home.path().join("controller.log");
        let ground = Self { world, web, certificates, controllers: Vec::new(), log };
        ground.commit("deploy/a.yaml", &config_map("a", "1"));
        ground
    }

    /// The address of the repository.
    pub(crate) fn address(&self) -> String {
        format!("{}/git/shop.git", self.web.address())
    }

    /// Writes a file, commits, and pushes. Gives the commit.
    pub(crate) fn commit(&self, path: &str, contents: &str) -> String {
        self.world.write(path, contents);
        self.push()
    }

    /// Commits what lies there, and pushes.
    pub(crate) fn push(&self) -> String {
        let commit = self.world.repository.commit("A change").expect("a commit");
        self.world.repository.publish(&self.web.repositories().join("shop.git")).expect("published");
        commit
    }

    /// Starts the controller, which asks Git every second.
    pub(crate) fn start(&mut self) {
        self.start_with(&["--polling", "1"]);
    }

    /// Starts the controller with more flags.
    pub(crate) fn start_with(&mut self, more: &[&str]) {
        let name = self.world.name.clone();
        self.start_as(&name, more);
    }

    /// The same in another namespace than that of the Application.
    pub(crate) fn start_as(&mut self, own: &str, more: &[&str]) {
        self.launch(own, more, |_| {});
    }

    /// The same with another environment. Gives its process.
    pub(crate) fn launch(&mut self, own: &str, more: &[&str], set: impl FnOnce(&mut Command)) -> u32 {
        let authority = self.certificates.authority().display().to_string();
        self.launch_bare(own, &[&["--ca-file", &authority], more].concat(), set)
    }

    /// Starts the controller without trusting the Git server.
    pub(crate) fn start_bare(&mut self, own: &str, more: &[&str]) {
        self.launch_bare(own, more, |_| {});
    }

    fn launch_bare(&mut self, own: &str, more: &[&str], set: impl FnOnce(&mut Command)) -> u32 {
        let name = self.world.name.clone();
        let mut arguments = vec!["controller", "-n", own, "--application-namespaces", &name];
        arguments.extend(more);
        let log = std::fs::File::options().create(true).append(true).open(&self.log).expect("a log");
        let mut command = self.world.command(&arguments);
        set(&mut command);
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the controller starts");
        let process = child.id();
        self.controllers.push(child);
        process
    }

    /// Ends the controller as Kubernetes does; gives its exit code.
    pub(crate) fn stop(&mut self) -> i32 {
        let mut child = self.controllers.remove(0);
        signal(&child, "TERM");
        child.wait().expect("it ends").code().unwrap_or(-1)
    }

    /// Ends the controller that was started first as the kernel does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.controllers.remove(0);
        child.kill().expect("killed");
        child.wait().expect("it ends");
    }

    /// The same to one of several.
    pub(crate) fn kill_process(&mut self, process: u32) {
        let position = self.controllers.iter().position(|child| child.id() == process).expect("it is ours");
        self.controllers.swap(0, position);
        self.kill();
    }

    /// Freezes the controller that was started first, or wakes it.
    pub(crate) fn freeze(&self, is_frozen: bool) {
        self.freeze_process(self.controllers[0].id(), is_frozen);
    }

    /// The same to one of several.
    pub(crate) fn freeze_process(&self, process: u32, is_frozen: bool) {
        let child = self.controllers.iter().find(|child| child.id() == process).expect("it is ours");
        signal(child, if is_frozen { "STOP" } else { "CONT" });
    }

    /// What the controller said.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// An Application of another name, of a folder of its own.
    pub(crate) fn another(&self, name: &str) -> Json {
        let mut application = self.application(&json!({"automated": {"prune": true, "selfHeal": true}}));
        application["metadata"]["name"] = name.into();
        application["spec"]["source"]["path"] = name.into();
        application
    }

    /// The status of an Application of another name.
    pub(crate) fn status_of(&self, name: &str) -> Json {
        self.world.get("applications.argoproj.io", name)["status"].clone()
    }

    /// An Application of the folder `deploy`, with this policy.
    pub(crate) fn application(&self, sync_policy: &Json) -> Json {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": self.world.name, "namespace": self.world.name},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.address(), "path": "deploy", "targetRevision": "HEAD"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": self.world.name},
                "syncPolicy": sync_policy,
            },
        })
    }

    /// Makes an object.
    pub(crate) fn create(&self, object: &Json) {
        let file = self.world.home.path().join("object.json");
        std::fs::write(&file, object.to_string()).expect("written");
        self.world.kubectl(&["create", "-f", &file.display().to_string()]);
    }

    /// Makes an Application with automatic sync, pruning and healing.
    pub(crate) fn automated(&self) {
        self.create(&self.application(&json!({"automated": {"prune": true, "selfHeal": true}})));
    }

    /// The Application.
    pub(crate) fn app(&self) -> Json {
        self.world.get("applications.argoproj.io", &self.world.name)
    }

    /// Its status.
    pub(crate) fn status(&self) -> Json {
        self.app()["status"].clone()
    }

    /// Changes the Application by a merge patch.
    pub(crate) fn patch(&self, patch: &Json) {
        let name = self.world.name.clone();
        let patch = patch.to_string();
        self.world.kubectl(&["patch", "applications.argoproj.io", &name, "-n", &name, "--type=merge", "-p", &patch]);
    }

    /// The value of a ConfigMap; nothing where it is not there.
    pub(crate) fn value(&self, config_map: &str) -> Option<String> {
        self.world.get("configmaps", config_map)["data"]["value"].as_str().map(str::to_owned)
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, what: &str, holds: impl FnMut(&Self) -> bool) {
        self.within(PATIENCE, what, holds);
    }

    /// The same where much has to be done.
    pub(crate) fn until_long(&self, what: &str, holds: impl FnMut(&Self) -> bool) {
        self.within(PATIENCE * 8, what, holds);
    }

    fn within(&self, time: Duration, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + time;
        while !holds(self) {
            let state =
                || format!("{}\n{}", serde_json::to_string_pretty(&self.status()).unwrap_or_default(), self.said());
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", state());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until the Application is Synced at a commit.
    pub(crate) fn until_synced(&self, commit: &str) {
        self.until(&format!("Synced at {commit}"), |ground| {
            let status = ground.status();
            status["sync"]["status"] == "Synced" && status["sync"]["revision"] == commit
        });
    }

    /// Waits, and sees that something holds all the time.
    pub(crate) fn stays(&self, what: &str, time: Duration, holds: impl Fn(&Self) -> bool) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            assert!(holds(self), "no longer: {what}\n{:#}\n{}", self.status(), self.said());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The message of a condition.
    pub(crate) fn condition(&self, kind: &str) -> Option<String> {
        let status = self.status();
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions.into_iter().find(|condition| condition["type"] == kind)?;
        found["message"].as_str().map(str::to_owned)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for child in &mut self.controllers {
            let _ = child.kill();
            let _ = child.wait();
        }
        // Nobody is left to take its finalizer off.
        let name = &self.world.name;
        let patch = json!({"metadata": {"finalizers": null}}).to_string();
        self.world.try_kubectl(&["patch", "applications.argoproj.io", name, "-n", name, "--type=merge", "-p", &patch]);
    }
}

fn signal(child: &Child, signal: &str) {
    Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().expect("kill starts");
}
