//! What the tests against the real cluster share: one application in a namespace of its own, and the program as a
//! user runs it.
//!
//! In: files of a repository. Out: exit code, stdout and stderr of the program, and what the cluster holds. The
//! environment is cleared, so that nothing of the user's own configuration takes part.
#![allow(dead_code, reason = "each test program uses a part of this")]

pub(crate) mod corpus;
pub(crate) mod timeline;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use gitops_testdata::cluster::{self, SharedCluster};
use gitops_testdata::repository::RepositoryBuilder;
use serde_json::Value as Json;

/// An application of one test.
pub(crate) struct World {
    /// The cluster that all tests share, or one of the test's own.
    pub(crate) kubeconfig: PathBuf,
    kubectl: PathBuf,
    /// The application's name, and the namespace that everything goes to.
    pub(crate) name: String,
    /// Its repository.
    pub(crate) repository: RepositoryBuilder,
    /// A folder of the test's own: store, home.
    pub(crate) home: tempfile::TempDir,
}

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Both outputs, for messages.
    pub(crate) fn told(&self) -> String {
        format!("exit {}\n{}\n{}", self.code, self.stdout, self.stderr)
    }

    /// The number before ` requests`.
    pub(crate) fn requests(&self) -> u64 {
        let words: Vec<&str> = self.stdout.split_whitespace().collect();
        let position = words.iter().position(|word| word.starts_with("requests"));
        position.and_then(|position| words[position - 1].parse().ok()).unwrap_or_else(|| panic!("{}", self.told()))
    }
}

impl World {
    /// A new application on the shared cluster. Its namespace exists.
    pub(crate) fn new(name: &str) -> Self {
        let shared: &SharedCluster = cluster::shared();
        let namespace = shared.namespace(name);
        let kubectl = PathBuf::from(shared.kubectl().get_program());
        let world = Self::at(shared.kubeconfig(), &kubectl, namespace.name());
        world.kubectl(&["create", "namespace", &world.name]);
        world
    }

    /// A new application on a given cluster.
    pub(crate) fn at(kubeconfig: &Path, kubectl: &Path, name: &str) -> Self {
        Self {
            kubeconfig: kubeconfig.to_owned(),
            kubectl: kubectl.to_owned(),
            name: name.to_owned(),
            repository: RepositoryBuilder::new().expect("a repository"),
            home: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Writes a file of manifests.
    pub(crate) fn write(&self, path: &str, contents: &str) -> &Self {
        self.repository.write(path, contents).expect("written");
        self
    }

    /// Removes a file.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        self.repository.remove(path).expect("removed");
        self
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("USER", "tester")
            .env("RUST_BACKTRACE", "1")
            .current_dir(self.repository.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().expect("the program starts");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `apply` of the working tree to the application's namespace, with more arguments.
    pub(crate) fn apply(&self, more: &[&str]) -> Ended {
        let mut arguments = vec!["apply", &self.name, "-n", &self.name, "--yes"];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// Starts `apply` and leaves it running.
    pub(crate) fn start_apply(&self, more: &[&str], stderr: Stdio) -> Child {
        let mut arguments = vec!["apply", &self.name, "-n", &self.name, "--yes"];
        arguments.extend(more);
        let mut command = self.command(&arguments);
        command.stdout(Stdio::null()).stderr(stderr).spawn().expect("the program starts")
    }

    /// kubectl's output; fails the test where kubectl fails.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.try_kubectl(arguments);
        assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// kubectl, whatever comes of it.
    pub(crate) fn try_kubectl(&self, arguments: &[&str]) -> std::process::Output {
        self.kubectl_command(arguments).output().expect("kubectl starts")
    }

    /// kubectl with these arguments, not started yet.
    pub(crate) fn kubectl_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(arguments);
        command
    }

    /// Makes an object of a kind that does no work, and deletes it again.
    pub(crate) fn make_probe(&self, kind: &str, name: &str) {
        let image = "--image=registry.invalid/probe";
        let definition = self.home.path().join("probe.yaml").to_string_lossy().into_owned();
        let make: &[&str] = match kind {
            "configmaps" => &["create", "configmap", name],
            "jobs" => &["create", "job", name, image],
            "pods" => &["run", name, image, "--restart=Never"],
            "deployments" => &["create", "deployment", name, image, "--replicas=0"],
            "serviceaccounts" => &["create", "serviceaccount", name],
            "services" => &["create", "service", "clusterip", name, "--tcp=80"],
            "namespaces" => &["create", "namespace", name],
            "clusterrolebindings" => &["create", "clusterrolebinding", name, "--clusterrole=view", "--user=nobody"],
            "customresourcedefinitions" => {
                std::fs::write(&definition, definition_of(name)).expect("written");
                &["create", "-f", &definition]
            }
            "replicasets" => {
                std::fs::write(&definition, replica_set_of(name)).expect("written");
                &["create", "-f", &definition]
            }
            other => panic!("no probe for {other}"),
        };
        self.try_kubectl(&[make, &["-n", &self.name]].concat());
        let named = if kind == "customresourcedefinitions" { format!("{name}.example.com") } else { name.to_owned() };
        self.try_kubectl(&["delete", kind, &named, "-n", &self.name, "--wait=false"]);
    }

    /// The revision that the server is at.
    pub(crate) fn revision(&self) -> u64 {
        let list: Json =
            serde_json::from_str(&self.kubectl(&["get", "--raw", "/api/v1/namespaces?limit=1"])).expect("JSON");
        list["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a revision")
    }

    /// An object as JSON; null where it is not there.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Json {
        let output = self.try_kubectl(&["get", kind, name, "-n", &self.name, "-o", "json", "--ignore-not-found"]);
        serde_json::from_slice(&output.stdout).unwrap_or(Json::Null)
    }

    /// `kind/name` of everything in the namespace that carries our label, sorted.
    pub(crate) fn owned(&self, kinds: &str) -> Vec<String> {
        let selector = "applyset.kubernetes.io/part-of";
        let listed = self.kubectl(&["get", kinds, "-n", &self.name, "-l", selector, "-o", "name"]);
        let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Asks until something holds, for half a minute at the most; gives whether it did.
    pub(crate) fn waits_until(holds: impl Fn() -> bool) -> bool {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while std::time::Instant::now() < deadline {
            if holds() {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
        false
    }

    /// The head of the record.
    pub(crate) fn head(&self) -> Json {
        let head = self.head_or_null();
        assert!(!head.is_null(), "there is no record of {}", self.name);
        head
    }

    /// The head of the record, where there is one.
    pub(crate) fn head_or_null(&self) -> Json {
        let name = format!("kubectl-gitops.{}", self.name);
        let output = self.try_kubectl(&["get", "secret", &name, "-n", "default", "-o", "jsonpath={.data.record}"]);
        if !output.status.success() {
            return Json::Null;
        }
        let encoded = String::from_utf8_lossy(&output.stdout).into_owned();
        let decoded = Command::new("base64").arg("-d").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut program = decoded.expect("base64 starts");
        std::io::Write::write_all(&mut program.stdin.take().expect("a pipe"), encoded.as_bytes()).expect("written");
        let output = program.wait_with_output().expect("base64 ends");
        serde_json::from_slice(&output.stdout).expect("a head")
    }

    /// Outcomes of the releases, oldest first.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let head = self.head();
        let outcome = |release: &Json| release["outcome"]["type"].as_str().unwrap_or_default().to_owned();
        head["releases"].as_array().map(|releases| releases.iter().map(outcome).collect()).unwrap_or_default()
    }
}

/// Deletes the namespace in the background.
impl Drop for World {
    fn drop(&mut self) {
        self.try_kubectl(&["delete", "namespace", &self.name, "--wait=false", "--ignore-not-found"]);
    }
}

/// A ConfigMap.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: {value:?}\n")
}

/// A CustomResourceDefinition of a kind that nobody else has.
fn definition_of(plural: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.example.com}}
spec:
  group: example.com
  scope: Namespaced
  names: {{kind: K{kind}, plural: {plural}}}
  versions:
  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
",
        kind = plural.replace('-', "")
    )
}

/// A ReplicaSet without replicas.
fn replica_set_of(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: ReplicaSet
metadata: {{name: {name}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: main, image: registry.invalid/probe}}]}}
"
    )
}

/// A Deployment of one replica that reads a ConfigMap; `labels` go to its Pods.
pub(crate) fn deployment(name: &str, image: &str, config: &str, labels: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  selector:
    matchLabels: {{app: {name}}}
  template:
    metadata:
      labels: {{app: {name}{labels}}}
    spec:
      containers:
        - name: main
          image: {image}
          envFrom:
            - configMapRef: {{name: {config}}}
"
    )
}
