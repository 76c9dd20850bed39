//! A monorepo of 500 applications: 300 folders of plain manifests, 150 kustomizations over one base, 50 charts. All of them
//! compiled by one process, cold, with nothing changed, and after a commit of one file of one of each kind; beside
//! `kubectl kustomize` and `helm template` in a loop over those that need them, in the same run.
//!
//! `cargo bench -p kubectl-gitops --bench monorepo`. Prints seconds, ratios and how many applications were rendered; gates
//! nothing. The median of several runs counts.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use gitops_testdata::cluster;
use gitops_testdata::helm;
use gitops_testdata::repository::RepositoryBuilder;

const FOLDERS: usize = 300;
const KUSTOMIZATIONS: usize = 150;
const CHARTS: usize = 50;

/// How often each is measured.
const REPETITIONS: usize = 5;

fn main() {
    let programs =
        Programs { kubectl: cluster::build().expect("kubectl").kubectl(), helm: helm::build().expect("Helm") };
    let monorepo = Monorepo::new(programs);
    report("500 applications (300 folders, 150 kustomizations, 50 charts), seconds:");
    let bound = median((0..3).map(|_| monorepo.peers()).collect());
    row("kubectl kustomize, helm template in a loop", bound, bound, KUSTOMIZATIONS + CHARTS);
    for from in ["a commit", "the working tree"] {
        let is_commit = from == "a commit";
        let measure = |what: &str, prepare: &dyn Fn()| {
            let mut rendered = 0;
            let once = |_| {
                prepare();
                let (seconds, count) = monorepo.compile(is_commit);
                rendered = count;
                seconds
            };
            let seconds = median((0..REPETITIONS).map(once).collect());
            row(&format!("{what}, {from}"), seconds, bound, rendered);
        };
        measure("cold", &|| monorepo.forget());
        measure("nothing changed", &|| {});
        for (kind, path) in [
            ("a folder", "plain/7/config.yaml"),
            ("an overlay", "overlays/7/patch.yaml"),
            ("a chart's values", "charts/7/values.yaml"),
        ] {
            measure(&format!("one file changed, of {kind}"), &|| monorepo.edit(path));
        }
    }
}

struct Programs {
    kubectl: PathBuf,
    helm: PathBuf,
}

/// The repository, all of it committed, and a store.
struct Monorepo {
    repository: RepositoryBuilder,
    home: tempfile::TempDir,
    programs: Programs,
    /// How many files were written anew: no file is written twice alike.
    edits: AtomicUsize,
}

impl Monorepo {
    fn new(programs: Programs) -> Self {
        let (repository, home) =
            (RepositoryBuilder::new().expect("a repository"), tempfile::tempdir().expect("a folder"));
        let write = |path: &str, text: &str| {
            repository.write(path, text).expect("written");
        };
        for number in 0..FOLDERS {
            write(&format!("plain/{number}/config.yaml"), &config(number, 0));
            write(&format!("plain/{number}/web.yaml"), &web(&format!("plain-{number}")));
        }
        write("bases/web/web.yaml", &web("web"));
        write("bases/web/kustomization.yaml", "resources: [web.yaml]\n");
        for number in 0..KUSTOMIZATIONS {
            let overlay =
                format!("resources: [../../bases/web]\nnamePrefix: over-{number}-\npatches: [{{path: patch.yaml}}]\n");
            write(&format!("overlays/{number}/kustomization.yaml"), &overlay);
            write(&format!("overlays/{number}/patch.yaml"), &patch(0));
        }
        for number in 0..CHARTS {
            let chart = format!("apiVersion: v2\nname: chart-{number}\nversion: 1.0.0\n");
            write(&format!("charts/{number}/Chart.yaml"), &chart);
            write(&format!("charts/{number}/values.yaml"), "revision: 0\n");
            let template = web("{{ .Release.Name }}").replace("replicas: 2", "replicas: {{ add 2 .Values.revision }}");
            write(&format!("charts/{number}/templates/web.yaml"), &template);
        }
        write("applications.yaml", &applications());
        repository.commit("All").expect("committed");
        repository.git(&["config", "remote.origin.url", "https://git.example.com/mono.git"]).expect("configured");
        repository.git(&["repack", "-adq"]).expect("packed");
        Self { repository, home, programs, edits: AtomicUsize::new(1) }
    }

    /// Writes a file of one application anew, and commits.
    fn edit(&self, path: &str) {
        let number = self.edits.fetch_add(1, Ordering::Relaxed);
        let text = match path {
            path if path.starts_with("plain") => config(7, number),
            path if path.starts_with("overlays") => patch(number),
            _ => format!("revision: {number}\n"),
        };
        self.repository.write(path, text).expect("written");
        self.repository.commit("One").expect("committed");
    }

    /// The next compile finds an empty store.
    fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.home.path().join("store"));
    }

    /// How long compiling takes, and how many applications were rendered for it.
    fn compile(&self, is_commit: bool) -> (f64, usize) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command
            .args(["compile", "-f", "applications.yaml", "--recursive", "--store"])
            .arg(self.home.path().join("store"));
        command.arg("--kustomize").arg(&self.programs.kubectl).arg("--helm").arg(&self.programs.helm);
        if is_commit {
            command.args(["--revision", "HEAD"]);
        }
        command.env_clear().env("HOME", self.home.path()).current_dir(self.repository.path()).stdin(Stdio::null());
        let started = Instant::now();
        let output = command.output().expect("it starts");
        let seconds = started.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let known =
            said.lines().last().and_then(|line| line.rsplit(", ").next()?.split(' ').next()?.parse::<usize>().ok());
        (seconds, FOLDERS + KUSTOMIZATIONS + CHARTS - known.expect("it says how many"))
    }

    /// What renders without us.
    fn peers(&self) -> f64 {
        let started = Instant::now();
        for number in 0..KUSTOMIZATIONS {
            self.peer(&self.programs.kubectl, &["kustomize", &format!("overlays/{number}")]);
        }
        for number in 0..CHARTS {
            self.peer(&self.programs.helm, &["template", "web", &format!("charts/{number}")]);
        }
        started.elapsed().as_secs_f64()
    }

    fn peer(&self, program: &Path, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("HOME", self.home.path()).current_dir(self.repository.path());
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("it starts");
        assert!(status.success(), "{command:?}");
    }
}

fn config(number: usize, revision: usize) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: plain-{number}}}\ndata: {{revision: '{revision}'}}\n")
}

fn patch(revision: usize) -> String {
    format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, annotations: {{revision: '{revision}'}}}}\n")
}

fn web(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: '{name}'\nspec:\n  replicas: 2\n  selector: {{matchLabels: \
         {{app: '{name}'}}}}\n  template:\n    metadata: {{labels: {{app: '{name}'}}}}\n    spec: {{containers: [{{name: web, image: \
         'web:1.0'}}]}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: '{name}'}}\nspec: {{selector: {{app: \
         '{name}'}}, ports: [{{port: 80}}]}}\n"
    )
}

fn applications() -> String {
    let parts = [("plain", FOLDERS), ("overlays", KUSTOMIZATIONS), ("charts", CHARTS)];
    let paths = parts.iter().flat_map(|(folder, count)| (0..*count).map(move |number| (folder, number)));
    let one = |(folder, number): (&&str, usize)| {
        format!(
            "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {folder}-{number}, namespace: \
             argocd}}\nspec:\n  project: default\n  destination: {{namespace: {folder}-{number}, server: \
             'https://kubernetes.default.svc'}}\n  source: {{repoURL: 'https://git.example.com/mono.git', path: \
             {folder}/{number}}}\n"
        )
    };
    paths.map(one).fold(String::new(), |all, one| all + &one)
}

fn report(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn row(what: &str, seconds: f64, bound: f64, rendered: usize) {
    let ratio = seconds / bound;
    report(&format!("  {what:56} {seconds:7.3} s  {ratio:6.3} x the loop  {rendered:4} rendered"));
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
