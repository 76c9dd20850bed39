//! Compiling as a whole process: 10,001 resources in 1,001 files, and 100,001 once, beside `git cat-file --batch` of the
//! same blobs (the bound: nothing that reads them is faster) and `kubectl create --dry-run=client` of the same files, in
//! the same run.
//!
//! `cargo bench -p kubectl-gitops --bench compile`. Prints seconds, ratios and peak memory; gates nothing. What is
//! measured is done several times in turn, so that a machine that slows down slows all of them, and the median counts.
//! Memory is looked at in runs of its own, each millisecond.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::services::services_with;

/// How often each is measured.
const REPETITIONS: usize = 15;

/// kubectl takes seconds each time.
const REPETITIONS_OF_KUBECTL: usize = 3;

fn main() {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let small = Set::new(1_000);
    report("10,001 resources in 1,001 files, seconds:");
    let bound = small.bound(REPETITIONS);
    row("git cat-file --batch", bound, bound, None);
    for tree in [Tree::Commit, Tree::Working] {
        for (what, seconds) in small.measure(tree, REPETITIONS) {
            row(&format!("{what}, {}", tree.name()), seconds, bound, None);
        }
    }
    for (what, seconds) in small.reviews(REPETITIONS) {
        row(what, seconds, bound, None);
    }
    for (what, seconds) in small.bundles(REPETITIONS) {
        row(what, seconds, bound, None);
    }
    let kubectl = || small.kubectl(&cluster);
    let seconds = median((0..REPETITIONS_OF_KUBECTL).map(|_| seconds(&mut kubectl())).collect());
    row("kubectl create --dry-run=client", seconds, bound, None);
    report("peak memory:");
    for (what, mut command) in [("cold", small.cold(Tree::Commit)), ("nothing changed", small.again(Tree::Commit))] {
        let peak = peak(&mut command);
        row(&format!("{what}, {}", Tree::Commit.name()), 0.0, bound, Some(peak));
    }
    row("kubectl create --dry-run=client", 0.0, bound, Some(peak(&mut kubectl())));

    let large = Set::new(10_000);
    report("100,001 resources in 10,001 files, once:");
    let bound = large.bound(1);
    row("git cat-file --batch", bound, bound, None);
    for (what, seconds) in large.measure(Tree::Commit, 1) {
        row(&format!("{what}, {}", Tree::Commit.name()), seconds, bound, None);
    }
    row("cold", 0.0, bound, Some(peak(&mut large.cold(Tree::Commit))));
}

fn report(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A time and how many bounds it is, or a peak of memory.
fn row(what: &str, seconds: f64, bound: f64, peak: Option<u64>) {
    match peak {
        Some(kib) => report(&format!("  {what:44} {:7} MiB", kib >> 10)),
        None => report(&format!("  {what:44} {seconds:7.3} s  {:6.2} x the bound", seconds / bound)),
    }
}

/// Which tree is compiled.
#[derive(Clone, Copy)]
enum Tree {
    Commit,
    Working,
}

impl Tree {
    fn name(self) -> &'static str {
        match self {
            Self::Commit => "a commit",
            Self::Working => "the working tree",
        }
    }
}

/// A repository with so many services, all of it committed, and a store.
struct Set {
    services: usize,
    repository: RepositoryBuilder,
    home: tempfile::TempDir,
}

impl Set {
    fn new(services: usize) -> Self {
        let (repository, home) =
            (RepositoryBuilder::new().expect("a repository"), tempfile::tempdir().expect("a folder"));
        let set = Self { services, repository, home };
        set.edit(0, |_| true);
        // As a clone has it.
        set.repository.git(&["repack", "-adq"]).expect("packed");
        set
    }

    /// Gives some services another revision, and commits.
    fn edit(&self, revision: u32, is_edited: impl Fn(usize) -> bool) {
        for (path, text) in services_with(self.services, "bench", |index| if is_edited(index) { revision } else { 0 }) {
            let same = std::fs::read(self.repository.path().join(&path)).is_ok_and(|there| there == text.as_bytes());
            if !same {
                self.repository.write(&path, text).expect("written");
            }
        }
        self.repository.commit("All").expect("committed");
    }

    /// The median of reading all blobs of the commit, as git does it.
    fn bound(&self, repetitions: usize) -> f64 {
        let tree = self.repository.git(&["ls-tree", "-r", "HEAD"]).expect("listed");
        // Mode, type, oid, path.
        let listed: String =
            tree.lines().filter_map(|line| line.split_whitespace().nth(2)).flat_map(|oid| [oid, "\n"]).collect();
        assert_eq!(listed.lines().count(), self.services + 1, "all files");
        let once = || {
            let mut git = Command::new("git");
            git.args(["cat-file", "--batch"])
                .current_dir(self.repository.path())
                .stdin(Stdio::piped())
                .stdout(Stdio::null());
            let started = Instant::now();
            let mut child = git.spawn().expect("git starts");
            child.stdin.take().expect("a pipe").write_all(listed.as_bytes()).expect("written");
            assert!(child.wait().expect("it ends").success());
            started.elapsed().as_secs_f64()
        };
        median((0..repetitions).map(|_| once()).collect())
    }

    /// Cold, nothing changed, one file changed; each in turn.
    fn measure(&self, tree: Tree, repetitions: usize) -> Vec<(&'static str, f64)> {
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for repetition in 0..repetitions {
            times[0].push(seconds(&mut self.cold(tree)));
            if matches!(tree, Tree::Working) {
                // What was written just now is not remembered.
                std::thread::sleep(Duration::from_secs(4));
                seconds(&mut self.again(tree));
            }
            times[1].push(seconds(&mut self.again(tree)));
            self.edit(u32::try_from(repetition).expect("few") + 1, |index| index == self.services / 2);
            times[2].push(seconds(&mut self.again(tree)));
        }
        ["cold", "nothing changed", "one file changed"].into_iter().zip(times.map(median)).collect()
    }

    /// A bundle of the commit made with an empty store, made again, and verified; each in turn.
    fn bundles(&self, repetitions: usize) -> Vec<(&'static str, f64)> {
        let bundle = self.home.path().join("bundle.tar");
        let build = ["bundle", "build", "bench", "-R", "--revision", "HEAD", "--allow-plain-secrets", "--out"];
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..repetitions {
            let _ = std::fs::remove_dir_all(self.home.path().join("store"));
            for times in &mut times[..2] {
                times.push(seconds(self.program(&build).arg(&bundle)));
            }
            times[2].push(seconds(self.program(&["bundle", "verify"]).arg(&bundle)));
        }
        let what = ["bundle build, cold", "bundle build, nothing changed", "bundle verify"];
        what.into_iter().zip(times.map(median)).collect()
    }

    /// A review of a commit that edits one resource of each hundred: where its base was compiled before, where both sides were,
    /// and where nothing was; each in turn.
    fn reviews(&self, repetitions: usize) -> Vec<(&'static str, f64)> {
        let review = || seconds(&mut self.program(&["review", "HEAD~1..HEAD", "bench", "-R"]));
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        self.edit(1, |index| index % 10 == 0);
        for repetition in 0..repetitions {
            seconds(&mut self.cold(Tree::Commit));
            self.edit(u32::try_from(repetition).expect("few") + 2, |index| index % 10 == 0);
            times[0].push(review());
            times[1].push(review());
            let _ = std::fs::remove_dir_all(self.home.path().join("store"));
            times[2].push(review());
        }
        let what =
            ["review of one percent, base known", "review of one percent, both known", "review of one percent, cold"];
        what.into_iter().zip(times.map(median)).collect()
    }

    /// Compiling with a store that is empty.
    fn cold(&self, tree: Tree) -> Command {
        let _ = std::fs::remove_dir_all(self.home.path().join("store"));
        self.again(tree)
    }

    fn again(&self, tree: Tree) -> Command {
        let mut command = self.program(&["compile", "bench", "-R", "-o", "id"]);
        if matches!(tree, Tree::Commit) {
            command.args(["--revision", "HEAD"]);
        }
        command
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.arg("--store").arg(self.home.path().join("store")).args(arguments);
        command.env_clear().env("HOME", self.home.path()).current_dir(self.repository.path());
        command
    }

    /// What kubectl does with the files, which needs a server to ask for the names of kinds.
    fn kubectl(&self, cluster: &LocalCluster) -> Command {
        let mut command = cluster.kubectl();
        command.args(["create", "--dry-run=client", "--validate=false", "-o", "name", "-R", "-f", "."]);
        command.current_dir(self.repository.path());
        command
    }
}

fn seconds(command: &mut Command) -> f64 {
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let seconds = started.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    seconds
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The most memory that a process held, in KiB: `VmHWM` as it was last seen.
fn peak(command: &mut Command) -> u64 {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("it ends").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        peak = peak.max(line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}
