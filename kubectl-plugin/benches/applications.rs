//! Many Applications against a real cluster: one ConfigMap of 2 KB each, all from one repository.
//!
//! `cargo bench -p kubectl-gitops --bench applications`; with a number behind `--`, of so many Applications (1,000 where
//! none is given). Before that one Application of 1,001 objects: how long it takes from a commit, pushed and told by webhook,
//! until the Application is Synced, and from a change by hand until it is put back. Prints seconds until all are Synced, the
//! controller's processor seconds and peak memory, and what it asked the API server and repositories: for the first sync, for
//! a while in which nothing changes (100 s; ten minutes where `GITOPS_LONG` is set), for a commit that touches one, for one
//! that touches all, and for a restart. Repositories are polled as by default, and commits told by webhook. The peer's
//! figures (Argo CD 3.5.1, measured on a machine of this kind) stand beside them. Gates nothing.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::servers::{Certificates, WebServer};
use gitops_testdata::services::services_with;
use support::{come_to_rest, plugin, report};

/// How long nothing changes.
const IDLE: Duration = Duration::from_secs(100);
/// The same where there is time.
const LONG_IDLE: Duration = Duration::from_mins(10);

struct Bench {
    cluster: LocalCluster,
    web: WebServer,
    certificates: Certificates,
    repository: RepositoryBuilder,
    home: tempfile::TempDir,
    count: usize,
}

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    Bench::new(1).large();
    for count in if asked.is_empty() { vec![1000] } else { asked } {
        Bench::new(count).run();
    }
}

impl Bench {
    fn new(count: usize) -> Self {
        let certificates = Certificates::make().expect("certificates");
        let web = WebServer::start(&certificates).expect("nginx");
        let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
        let repository = RepositoryBuilder::new().expect("a repository");
        let home = tempfile::tempdir().expect("a folder");
        let bench = Self { cluster, web, certificates, repository, home, count };
        let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/crds");
        bench.kubectl(&["apply", "--server-side", "-f", crds]);
        // It fails where there is no condition yet.
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", "-f", crds];
        while !bench.cluster.kubectl().args(wait).output().is_ok_and(|waited| waited.status.success()) {
            std::thread::sleep(Duration::from_millis(100));
        }
        bench.kubectl(&["create", "namespace", "argocd"]);
        bench.kubectl(&["create", "namespace", "apps"]);
        bench
    }

    fn run(&self) {
        let Self { count, .. } = self;
        report(&format!(
            "{count} Applications of one ConfigMap of 2 KB, one repository (Argo CD 3.5.1 with 1,000: 211 s, 178"
        ));
        report("processor seconds, 617 MB; idle 5-9 processor seconds in 100 s; with 10,000: 53 min)");
        (0..*count).for_each(|index| self.write(index, 0));
        let commit = self.push();
        let applications: Vec<String> = (0..*count).map(|index| self.application(index)).collect();
        let file = self.home.path().join("applications.yaml");
        std::fs::write(&file, applications.join("---\n")).expect("written");
        self.kubectl(&["create", "-f", &file.display().to_string()]);
        come_to_rest();
        let mut controller = self.start();
        self.measured("first sync of all", &controller, |bench| bench.are_synced(&commit));
        come_to_rest();
        let (before, asked) = (processor_seconds(&controller), self.asked());
        let idle = if std::env::var_os("GITOPS_LONG").is_some() { LONG_IDLE } else { IDLE };
        std::thread::sleep(idle);
        told("nothing changed", idle, processor_seconds(&controller) - before, &controller);
        self.asked().tell_since(asked);
        for (what, changed, revision) in
            [("a commit that touches one", *count / 2..*count / 2 + 1, 1), ("a commit that touches all", 0..*count, 2)]
        {
            changed.for_each(|index| self.write(index, revision));
            let (commit, asked) = (self.push(), self.asked());
            self.post(&self.address());
            self.measured(what, &controller, |bench| bench.are_synced(&commit));
            self.asked().tell_since(asked);
        }
        end(&mut controller);
        come_to_rest();
        self.write(0, 3);
        let commit = self.push();
        let mut controller = self.start();
        self.measured("restart, until a new commit is everywhere", &controller, |bench| bench.are_synced(&commit));
        self.asked().tell_since(Asked::default());
        end(&mut controller);
    }

    /// One Application of 1,001 objects.
    fn large(&self) {
        report("one Application of 1,001 objects (Argo CD 3.5.1: one change 81 s, self-heal 3.7 s)");
        let write = |revision| {
            for (path, text) in services_with(100, "large", |index| if index == 50 { revision } else { 0 }) {
                self.repository.write(&format!("large/{path}"), text).expect("written");
            }
            self.push()
        };
        let commit = write(0);
        let mut application = self.application(0).replace("path: apps/0", "path: large, directory: {recurse: true}");
        application = application.replace("targetRevision: HEAD, directory", "directory");
        let file = self.home.path().join("applications.yaml");
        std::fs::write(&file, application).expect("written");
        self.kubectl(&["create", "-f", &file.display().to_string()]);
        let mut controller = self.start();
        self.measured("first sync", &controller, |bench| bench.are_synced(&commit));
        let mut times = Vec::new();
        for revision in 1..=5 {
            come_to_rest();
            let commit = write(revision);
            let started = Instant::now();
            self.post(&self.address());
            while !self.are_synced(&commit) {
                std::thread::sleep(Duration::from_millis(10));
            }
            times.push(started.elapsed());
        }
        times.sort();
        told("one change, from its webhook to Synced (median of 5)", times[2], 0.0, &controller);
        let value = || self.kubectl(&["get", "configmaps", "-n", "large", "-o", "jsonpath={.items[*].data}"]);
        let before = value();
        let labelled = "applyset.kubernetes.io/part-of";
        let names = self.kubectl(&["get", "configmaps", "-n", "large", "-l", labelled, "-o", "name"]);
        let name = names.lines().next().expect("a ConfigMap");
        come_to_rest();
        let started = Instant::now();
        self.kubectl(&["delete", name, "-n", "large"]);
        while value() != before {
            std::thread::sleep(Duration::from_millis(10));
        }
        told("a deletion by hand, until it is put back", started.elapsed(), 0.0, &controller);
        end(&mut controller);
    }

    /// GitLab's push event.
    fn post(&self, address: &str) {
        use std::io::{Read as _, Write as _};
        let repository = format!("{}/git/apps", self.web.address());
        let body = format!(
            "{{\"object_kind\":\"push\",\"ref\":\"refs/heads/main\",\"project\":{{\"web_url\":\"{repository}\",\"default_branch\":\"main\"}}}}"
        );
        let head = "POST /api/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Gitlab-Event: Push Hook\r\n";
        let mut stream = std::net::TcpStream::connect(address).expect("it listens");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// What the controller has asked so far.
    fn asked(&self) -> Asked {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(self.address()).expect("it listens");
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let sum = |name: &str| {
            let lines = text.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
        };
        Asked { server: sum("argocd_app_k8s_requests "), repositories: sum("argocd_git_request_total{") }
    }

    /// Where the controller listens, once it does.
    fn address(&self) -> String {
        loop {
            let said = std::fs::read_to_string(self.log()).unwrap_or_default();
            if let Some((_, address)) = said.lines().find_map(|line| line.split_once("metrics on ")) {
                return address.trim().to_owned();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn write(&self, index: usize, revision: u32) {
        let text = "x".repeat(2000);
        let config = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config-{index}}}\ndata: {{text: {text}, revision: \"{revision}\"}}\n"
        );
        self.repository.write(&format!("apps/{index}/config.yaml"), config).expect("written");
    }

    fn push(&self) -> String {
        let commit = self.repository.commit("A change").expect("a commit");
        self.repository.publish(&self.web.repositories().join("apps.git")).expect("published");
        commit
    }

    fn application(&self, index: usize) -> String {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: app-{index}, namespace: argocd}}\nspec:\n  \
             project: default\n  source: {{repoURL: '{}/git/apps.git', path: apps/{index}, targetRevision: HEAD}}\n  destination: \
             {{server: https://kubernetes.default.svc, namespace: apps}}\n  syncPolicy: {{automated: {{prune: true, selfHeal: \
             true}}}}\n",
            self.web.address()
        )
    }

    fn start(&self) -> Child {
        let authority = self.certificates.authority().display().to_string();
        let arguments = ["controller", "-n", "argocd", "--ca-file", &authority, "--listen", "127.0.0.1:0"];
        let mut command = plugin(&arguments, &self.kubeconfig(), self.home.path(), self.home.path());
        let log = std::fs::File::create(self.log()).expect("a log");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // As `install` has it.
        command.env("MALLOC_ARENA_MAX", "2");
        command.stdout(Stdio::null()).stderr(log).spawn().expect("the controller starts")
    }

    fn log(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// Waits until something is so, and says how long that took and what it cost.
    fn measured(&self, what: &str, controller: &Child, is_so: impl Fn(&Self) -> bool) {
        let (started, before) = (Instant::now(), processor_seconds(controller));
        loop {
            let asked = Instant::now();
            if is_so(self) {
                break;
            }
            // Who looks should not be what takes the time.
            let pause = (asked.elapsed() * 3).max(Duration::from_millis(500));
            let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_mins(30), "not within half an hour\n{}", log());
            std::thread::sleep(pause);
        }
        told(what, started.elapsed(), processor_seconds(controller) - before, controller);
    }

    fn are_synced(&self, commit: &str) -> bool {
        // As a table, which the API server makes: all objects whole would keep the machine busy.
        let table = ["get", "applications.argoproj.io", "-n", "argocd", "--no-headers", "-o", "wide"];
        let listed = self.kubectl(&table);
        let is_synced = |line: &&str| {
            let has = |word| line.split_whitespace().any(|there| there == word);
            has("Synced") && has(commit)
        };
        listed.lines().filter(is_synced).count() == self.count
    }

    fn kubeconfig(&self) -> PathBuf {
        self.cluster.connection().kubeconfig.clone()
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        let mut command: Command = self.cluster.kubectl();
        let output = command.args(arguments).output().expect("kubectl starts");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// How often the API server and repositories were asked.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    server: u64,
    repositories: u64,
}

impl Asked {
    fn tell_since(self, before: Self) {
        let (server, repositories) = (self.server - before.server, self.repositories - before.repositories);
        report(&format!("{:44} {server} requests to the API server, {repositories} questions to repositories", ""));
    }
}

fn told(what: &str, time: Duration, processor: f64, controller: &Child) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", controller.id())).unwrap_or_default();
    let of = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() / 1024
    };
    let (now, peak) = (of("VmRSS:"), of("VmHWM:"));
    report(&format!(
        "{what:44} {:8.2} s  {processor:7.2} processor s  {now:4} MiB now, {peak:4} at most",
        time.as_secs_f64()
    ));
}

/// What a process has computed, by itself and by programs that it waited for.
fn processor_seconds(process: &Child) -> f64 {
    let stat =
        std::fs::read_to_string(Path::new("/proc").join(process.id().to_string()).join("stat")).unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, after)| after.split_whitespace().collect()).unwrap_or_default();
    // utime, stime, cutime, cstime are the fields 14 to 17; the first of these is field 3.
    let ticks: u32 = fields.iter().skip(11).take(4).filter_map(|field| field.parse::<u32>().ok()).sum();
    f64::from(ticks) / 100.0
}

fn end(controller: &mut Child) {
    let _ = controller.kill();
    let _ = controller.wait();
}
