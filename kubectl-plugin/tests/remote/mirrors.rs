//! Mirrors beside the store: counted, collected when nobody has used them for long, and never while somebody does.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use gitops_testdata::servers::Hung;
use serde_json::Value as Json;

use crate::elsewhere::Elsewhere;
use crate::world::kubectl;

const COMPILE: [&str; 3] = ["compile", "--path", "deploy"];
const GC_ALL: [&str; 4] = ["store", "gc", "--keep-days", "0"];
const DAY: Duration = Duration::from_hours(24);

/// A repository with a remote base that is locked, and a store.
struct Kept {
    elsewhere: Elsewhere,
    store: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        let elsewhere = Elsewhere::new();
        let (_, address) = elsewhere.base("base");
        let kustomization = format!("resources: ['{address}//overlay?ref=main']\n");
        elsewhere.world.write("deploy/kustomization.yaml", &kustomization);
        let kept = Self { elsewhere, store: tempfile::tempdir().expect("a folder") };
        kept.done(&["lock", "--path", "deploy"]);
        kept
    }

    fn place(&self) -> String {
        self.store.path().display().to_string()
    }

    fn done(&self, arguments: &[&str]) -> String {
        self.elsewhere.done(&[arguments, &["--store", &self.place()]].concat())
    }

    fn refused(&self, arguments: &[&str]) -> String {
        self.elsewhere.refused(&[arguments, &["--store", &self.place()]].concat())
    }

    fn json(&self, arguments: &[&str]) -> Json {
        serde_json::from_str(&self.done(&[arguments, &["-o", "json"]].concat())).expect("JSON")
    }

    fn id(&self) -> String {
        self.done(&[&COMPILE[..], &["-o", "id"]].concat())
    }

    fn mirrors(&self) -> Vec<PathBuf> {
        mirrors(self.store.path())
    }

    fn only(&self) -> PathBuf {
        let [only] = &self.mirrors()[..] else { panic!("one mirror") };
        only.clone()
    }

    /// The program while it runs.
    fn start(&self, arguments: &[&str]) -> Child {
        let authority = self.elsewhere.certificates.authority().display().to_string();
        let store = self.place();
        let mut all = [arguments, &["--store", &store]].concat();
        if arguments[0] != "store" {
            all.extend(["--ca-file", &authority]);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.store.path());
        command.env("KUBECTL_GITOPS_KUSTOMIZE", kubectl()).current_dir(self.elsewhere.world.repository.path());
        command.args(all).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().expect("the program starts")
    }
}

fn mirrors(store: &Path) -> Vec<PathBuf> {
    let is_mirror = |path: &PathBuf| path.extension().is_some_and(|name| name == "git");
    everything(store).into_iter().filter(is_mirror).collect()
}

/// All that lies among the mirrors.
fn everything(store: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(store.join("store/mirrors")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn assert_nothing_is_left(store: &Path) {
    let left = everything(store);
    assert!(left.is_empty(), "{left:?}");
}

/// Says that a mirror was used last so long ago.
fn set_used(mirror: &Path, ago: Duration) {
    let used = SystemTime::now().checked_sub(ago).expect("a time");
    File::open(mirror).and_then(|folder| folder.set_modified(used)).expect("set");
}

/// Waits for something that is about to happen.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn end(mut child: Child) {
    child.kill().expect("it runs");
    child.wait().expect("it ends");
}

/// What the files of a folder have together, as another program counts it.
fn size_of(folder: &Path) -> (u64, u64) {
    let found = Command::new("find").arg(folder).args(["-type", "f", "-printf", "%s\n"]).output().expect("find");
    let sizes: Vec<u64> =
        String::from_utf8_lossy(&found.stdout).lines().map(|line| line.parse().expect("a size")).collect();
    (sizes.len() as u64, sizes.iter().sum())
}

#[test]
fn mirrors_are_counted_and_go_when_nobody_has_used_them_for_long() {
    let kept = Kept::new();
    let info = kept.json(&["store", "info"]);
    let (files, bytes) = size_of(&kept.only());
    assert!(files > 3 && bytes > 1000, "{files} {bytes}");
    let mirrors = &info["mirrors"];
    assert_eq!([&mirrors["repositories"], &mirrors["files"], &mirrors["bytes"]], [1, files, bytes]);
    let (of_store, in_store) = size_of(&kept.store.path().join("store/v1"));
    // Two locks of the store are empty.
    assert_eq!([&info["total"]["files"], &info["total"]["bytes"]], [files + of_store - 2, bytes + in_store]);
    assert!(kept.done(&["store", "info"]).contains("the mirror of 1 repository"));

    set_used(&kept.only(), 29 * DAY);
    let collected = kept.json(&["store", "gc"]);
    assert_eq!([&collected["mirrors"]["removed"], &collected["mirrors"]["kept"]], [0, 1]);
    // A use, also one without a fetch, saves it for another time.
    set_used(&kept.only(), 31 * DAY);
    kept.done(&[&COMPILE[..], &["--offline"]].concat());
    assert_eq!(kept.json(&["store", "gc"])["mirrors"]["kept"], 1);

    let id = kept.id();
    set_used(&kept.only(), 31 * DAY);
    let told = kept.done(&["store", "gc"]);
    assert!(told.contains("1 mirror removed (") && told.contains(", 0 kept (0 B)"), "{told}");
    assert_nothing_is_left(kept.store.path());
    let said = kept.refused(&[&COMPILE[..], &["--offline"]].concat());
    assert!(said.contains("was never fetched"), "{said}");
    // The lock pins it: it is fetched again without a word, and is the same.
    let ended = kept.elsewhere.run(&[&COMPILE[..], &["-o", "id", "--store", &kept.place()]].concat());
    assert_eq!((ended.code, ended.stdout, ended.stderr), (0, id, String::new()));
    assert_eq!(size_of(&kept.only()).0, files);
}

#[test]
fn mirrors_count_against_the_size_and_the_one_in_use_stays() {
    let kept = Kept::new();
    // What nobody used lately makes room for what somebody does.
    let (_, other) = kept.elsewhere.base("other");
    let kustomization = format!("resources: ['{other}//overlay?ref=main']\n");
    kept.elsewhere.world.write("other/kustomization.yaml", &kustomization);
    let first = kept.only();
    set_used(&first, 3 * DAY);
    kept.done(&["lock", "--path", "other"]);
    assert_eq!(kept.mirrors().len(), 2);
    let size = ["--store-max-size", "1"];
    kept.done(&[&["compile", "--path", "other"][..], &size].concat());
    assert!(!first.exists());
    assert_eq!(kept.mirrors().len(), 1, "whoever compiles uses it");
    let collected = kept.json(&[&["store", "gc"][..], &size].concat());
    assert_eq!([&collected["mirrors"]["removed"], &collected["keptBytes"]], [1, 0], "{collected}");
    assert_eq!(kept.json(&["store", "info"])["total"]["bytes"], 0);
}

#[test]
fn a_fetch_in_flight_keeps_its_mirror_and_those_that_were_read_before() {
    let (kept, hung) = (Kept::new(), Hung::start().expect("a port"));
    let host = hung.address().trim_start_matches("http://").to_owned();
    // A whole oid is not looked up: the first question is the fetch itself, into a mirror that is there by then.
    let base = format!("{}/git/base.git//overlay?ref=main", kept.elsewhere.web.address());
    let hanging = format!("http://{host}/base.git//overlay?ref={}", "a".repeat(40));
    kept.elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{base}', '{hanging}']\n"));
    let first = kept.only();
    let fetching = kept.start(&["lock", "--path", "deploy", "--plain-http", &host, "--fetch-timeout", "60"]);
    wait_until("no mirror is made", || kept.mirrors().len() == 2);
    let gc = || {
        let ended = kept.elsewhere.run(&[&GC_ALL[..], &["--store", &kept.place(), "-o", "json"]].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        (serde_json::from_str::<Json>(&ended.stdout).expect("JSON")["mirrors"].clone(), ended.stderr)
    };
    let (collected, said) = gc();
    assert_eq!([&collected["removed"], &collected["inUse"]], [0, 2], "{collected}");
    assert!(said.contains("in use and stayed; a later gc removes"), "{said}");
    assert!(first.exists() && kept.mirrors().len() == 2);
    end(fetching);
    // Whoever died uses nothing any more; what git itself still does ends with its connection.
    drop(hung);
    assert_eq!(gc().0["removed"], 2);
    assert_nothing_is_left(kept.store.path());
}

/// It has read all that it needs, and still may read more.
#[test]
fn a_compilation_that_has_not_ended_keeps_its_mirror() {
    let kept = Kept::new();
    // More than a pipe takes.
    let value = "x".repeat(1 << 20);
    let config = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: large}}\ndata: {{value: {value}}}\n");
    kept.elsewhere.world.write("deploy/large.yaml", &config);
    let path = kept.elsewhere.world.repository.path().join("deploy/kustomization.yaml");
    let text = std::fs::read_to_string(&path).expect("a file").replace("main']", "main', large.yaml]");
    kept.elsewhere.world.write("deploy/kustomization.yaml", &text);
    let mut compiling = kept.start(&[&COMPILE[..], &["-o", "yaml", "--offline"]].concat()[..]);
    let mut output = compiling.stdout.take().expect("a pipe");
    output.read_exact(&mut [0]).expect("it begins to print");
    let collected = kept.json(&GC_ALL);
    assert_eq!([&collected["mirrors"]["removed"], &collected["mirrors"]["inUse"]], [0, 1], "{collected}");
    kept.only();
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("text");
    assert!(compiling.wait().expect("it ends").success() && rest.contains(&value));
    assert_eq!(kept.json(&GC_ALL)["mirrors"]["removed"], 1);
}

#[test]
fn collections_run_beside_compilations() {
    let kept = &Kept::new();
    let removed = std::thread::scope(|scope| {
        let compiling: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let first = kept.id();
                    assert!((0..6).all(|_| kept.id() == first));
                })
            })
            .collect();
        let mut removed = 0;
        while compiling.iter().any(|thread| !thread.is_finished()) {
            removed += kept.json(&GC_ALL)["mirrors"]["removed"].as_u64().expect("a number");
        }
        removed
    });
    assert!(removed > 0, "none was collected: nothing was tried");
    kept.id();
}

/// Collectors and fetches that are killed, again and again: whoever comes next gets what there is to get.
#[test]
fn nothing_that_was_killed_is_in_the_way() {
    let kept = Kept::new();
    let id = kept.id();
    let compile = [&COMPILE[..], &["-o", "id"]].concat();
    for round in 0..24_u64 {
        // From before it begins to after it is done.
        let pause = Duration::from_millis(round * 3);
        let first = kept.start(if round % 2 == 0 { &GC_ALL[..] } else { &compile[..] });
        std::thread::sleep(pause);
        end(first);
        assert_eq!(kept.id(), id, "round {round}");
        if round % 2 == 1 {
            // So that the next compilation that is killed has something to fetch.
            kept.json(&GC_ALL);
        }
    }
    // A folder that a mirror was being made in stays for as long as that might still go on.
    for left in everything(kept.store.path()) {
        if left.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".new-")) {
            set_used(&left, DAY);
        }
    }
    kept.json(&GC_ALL);
    assert_nothing_is_left(kept.store.path());
    assert_eq!(kept.id(), id);
}
