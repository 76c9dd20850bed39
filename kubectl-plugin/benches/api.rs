//! The API with many Applications: lists, filters, pages, live streams, memory.
//!
//! `cargo bench -p kubectl-gitops --bench api`; with a number behind `--`, of so many Applications (10,000 where none is given).
//! Nothing of them is synced: they are there to be listed. Prints milliseconds of each question (the median, and the slowest of
//! 99 in 100), how long a change takes until each of 200 streams has told it, and the controller's memory. Gates nothing.

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gitops_testdata::cluster::{LocalCluster, Options};
use support::{come_to_rest, plugin, report};

/// How often each question is asked.
const QUESTIONS: usize = 100;
/// Live streams, of so many people: one may have 32.
const PEOPLE: usize = 8;
const STREAMS_OF_ONE: usize = 25;

struct Bench {
    cluster: LocalCluster,
    home: tempfile::TempDir,
    controller: Option<Child>,
    address: String,
}

fn main() {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let count: usize = asked.unwrap_or(10_000);
    let mut bench = Bench::new();
    bench.create(count);
    bench.start();
    let token = bench.token("reader");
    let all = format!("\"total\":{count},");
    while !bench.ask(&token, "/api/gitops/v1/applications?limit=1").0.contains(&all) {
        std::thread::sleep(Duration::from_millis(200));
    }
    come_to_rest();
    report(&format!("{count} Applications, {} MiB in the controller", bench.memory()));
    for (what, path) in [
        ("the first page of 200, with counts", "/api/gitops/v1/applications"),
        ("a page of 1,000", "/api/gitops/v1/applications?limit=1000"),
        ("a filter by health", "/api/gitops/v1/applications?health=Missing&limit=50"),
        ("a search", "/api/gitops/v1/applications?search=app-77&limit=50"),
        ("a selector", "/api/gitops/v1/applications?selector=team%3Dt3&limit=50"),
        ("Argo CD's list, two fields", "/api/v1/applications?fields=items.metadata.name,items.status.sync.status"),
        ("Argo CD's list, a page of 500", "/api/v1/applications?limit=500"),
        ("Argo CD's list, whole", "/api/v1/applications"),
        ("one Application", "/api/v1/applications/app-77?appNamespace=apps"),
    ] {
        bench.measured(&token, what, path);
    }
    bench.streams();
    report(&format!("{} MiB in the controller at the end", bench.memory()));
}

impl Bench {
    fn new() -> Self {
        let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
        let home = tempfile::tempdir().expect("a folder");
        let bench = Self { cluster, home, controller: None, address: String::new() };
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/crds");
        bench.kubectl(&["apply", "--server-side", "-f", crds]);
        // It fails where there is no condition yet.
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", "-f", crds];
        while !bench.cluster.kubectl().args(wait).output().is_ok_and(|waited| waited.status.success()) {
            std::thread::sleep(Duration::from_millis(100));
        }
        bench.kubectl(&["create", "namespace", "argocd"]);
        bench.kubectl(&["create", "namespace", "apps"]);
        bench.kubectl(&[
            "create",
            "clusterrole",
            "reads",
            "--verb=get,list,watch",
            "--resource=applications.argoproj.io",
        ]);
        bench
    }

    /// Makes Applications that nobody syncs.
    fn create(&self, count: usize) {
        let application = |index: usize| {
            format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: app-{index}\n  namespace: apps\n  \
                 labels: {{team: t{}}}\n  annotations: {{argocd.argoproj.io/skip-reconcile: \"true\"}}\nspec:\n  project: p{}\n  \
                 source: {{repoURL: https://git.example.com/team-{}/shop.git, path: apps/{index}, targetRevision: HEAD}}\n  \
                 destination: {{server: https://kubernetes.default.svc, namespace: apps}}\n\
                 status:\n  sync: {{status: OutOfSync}}\n  health: {{status: Missing}}\n",
                index % 20,
                index % 7,
                index % 20
            )
        };
        let file = self.home.path().join("applications.yaml");
        let all: Vec<String> = (0..count).map(application).collect();
        std::fs::write(&file, all.join("---\n")).expect("written");
        self.kubectl(&["create", "-f", &file.display().to_string()]);
    }

    fn start(&mut self) {
        let kubeconfig = self.cluster.connection().kubeconfig.clone();
        let log = self.home.path().join("controller.log");
        let flags = ["--listen", "127.0.0.1:0", "--api", "--polling", "0", "--application-namespaces", "apps"];
        let arguments = [&["controller", "-n", "argocd"], &flags[..]].concat();
        let mut command = plugin(&arguments, &kubeconfig, self.home.path(), self.home.path());
        let output = std::fs::File::create(&log).expect("a log");
        self.controller = Some(command.stdout(Stdio::null()).stderr(output).spawn().expect("it starts"));
        self.address = loop {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some((_, rest)) = said.split_once("metrics on ") {
                break rest.split(',').next().expect("an address").trim().to_owned();
            }
            std::thread::sleep(Duration::from_millis(100));
        };
    }

    /// The token of somebody who may read all Applications.
    fn token(&self, name: &str) -> String {
        self.kubectl(&["create", "serviceaccount", name, "-n", "argocd"]);
        let account = format!("--serviceaccount=argocd:{name}");
        self.kubectl(&["create", "clusterrolebinding", name, "--clusterrole=reads", &account]);
        self.kubectl(&["create", "token", name, "-n", "argocd"]).trim().to_owned()
    }

    fn open(&self, token: &str, path: &str, kind: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAccept: {kind}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.address
        );
        stream.write_all(head.as_bytes()).expect("sent");
        stream
    }

    /// A question; its answer with its head, and how long it took.
    fn ask(&self, token: &str, path: &str) -> (String, Duration) {
        let began = Instant::now();
        let mut answer = Vec::new();
        self.open(token, path, "application/json").read_to_end(&mut answer).expect("an answer");
        (String::from_utf8_lossy(&answer).into_owned(), began.elapsed())
    }

    fn measured(&self, token: &str, what: &str, path: &str) {
        let (mut times, mut bytes) = (Vec::new(), 0);
        for _ in 0..QUESTIONS {
            let (answer, time) = self.ask(token, path);
            assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {}", answer.lines().next().unwrap_or_default());
            bytes = answer.len();
            times.push(time.as_secs_f64() * 1000.0);
            // No faster than one may ask.
            std::thread::sleep(Duration::from_millis(25));
        }
        times.sort_by(f64::total_cmp);
        let (middle, slow) = (times[QUESTIONS / 2], times[QUESTIONS - 2]);
        report(&format!("{what:40} {middle:8.1} ms  {slow:8.1} ms at 99 of 100  {:7} KB", bytes >> 10));
    }

    /// 200 streams, and how long a change takes until all have told it.
    fn streams(&self) {
        let mut streams = Vec::new();
        for number in 0..PEOPLE {
            let token = self.token(&format!("person-{number}"));
            let path = "/api/gitops/v1/stream/applications?search=app-7";
            let open = |_| BufReader::new(self.open(&token, path, "text/event-stream"));
            streams.extend((0..STREAMS_OF_ONE).map(open));
        }
        // Whatever there is is told first.
        std::thread::sleep(Duration::from_secs(5));
        let before = self.memory();
        let began = Instant::now();
        self.kubectl(&["label", "applications.argoproj.io", "app-7", "-n", "apps", "changed=yes"]);
        let count = streams.len();
        for stream in &mut streams {
            let mut line = String::new();
            while !(line.contains("MODIFIED") && line.contains("\"app-7\"")) {
                line.clear();
                assert!(stream.read_line(&mut line).expect("a line") > 0, "a stream ended");
            }
        }
        let time = began.elapsed().as_secs_f64() * 1000.0;
        report(&format!("{count} streams, {before} MiB; a change by kubectl is in all of them after {time:.0} ms"));
    }

    /// What the controller holds, in MiB.
    fn memory(&self) -> u64 {
        let process = self.controller.as_ref().map(Child::id).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() >> 10
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.cluster.kubectl().args(arguments).output().expect("kubectl starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(controller) = &mut self.controller {
            let _ = controller.kill();
            let _ = controller.wait();
        }
    }
}
