//! `cargo demo`, from start to end: its transcript is the golden file `snapshots/demo__transcript.snap`.
//!
//! What the file holds is what the demo printed, but for what differs from run to run: times, the names of Pods, how
//! many requests a run sent that had to wait, and the order of lines about steps that run side by side. The ids stay:
//! they pin all that leads from the manifests to a graph.
//!
//! After a change that is meant: `INSTA_UPDATE=always cargo test -p gitops-snapshots --test demo`, then read the diff.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use gitops_testdata::binary;
use gitops_testdata::cluster::{self, LocalCluster};
use rustix::process::{Pid, Signal, kill_process_group};

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What differs from run to run, and what stands for it.
const REDACTIONS: [(&str, &str); 9] = [
    (r"ready after \d+\.\d s", "ready after [time]"),
    (r"Done in \d+ s", "Done in [time]"),
    // Releases 3 and 4 wait for nothing, so their requests are always as many. Watches of the others break and open.
    (r"(release [12567] of shop .*), \d+ requests", "$1, [n] requests"),
    (r"(release \d of shop .*), \d+\.\d s", "$1, [time]"),
    (r"(shop is deleted: \d+ steps), \d+ requests, \d+\.\d s", "$1, [n] requests, [time]"),
    (r"pod cart-[a-z0-9]+-[a-z0-9]{5}", "pod cart-[name]"),
    // The columns are as wide as the times in them.
    (r"WHEN +|\d+[smhd] ago +", "[when]  "),
    (r"AGE +CONTAINERS", "[age]  CONTAINERS"),
    (r"(2/2 +2 +2) +\d\S+ +cart ", "$1  [age]  cart "),
];

/// The demo, with a folder for all that it puts into the system's temporary one.
fn demo(temporary: &Path) -> Command {
    let path = binary::path("demo").expect("it builds");
    let mut demo = Command::new(path);
    demo.env("TMPDIR", temporary).env_remove("NO_COLOR").stdin(Stdio::null());
    demo
}

/// Steps that run side by side end in any order: their lines are sorted. Long waits are told only on slow machines.
fn ordered(transcript: &str) -> String {
    let is_progress = |line: &str| ["  ✓ ", "  ✗ ", "  · "].iter().any(|sign| line.starts_with(sign));
    let is_reminder = |line: &str| line.starts_with("  · ") && line.ends_with(" s");
    let mut lines: Vec<&str> = transcript.lines().filter(|line| !is_reminder(line)).collect();
    for together in lines.chunk_by_mut(|a, b| is_progress(a) && is_progress(b)) {
        together.sort_unstable();
    }
    lines.join("\n")
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).expect("it is there").next().is_none()
}

#[test]
fn the_demo_shows_what_it_always_shows() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let output = demo(temporary.path()).output().expect("it starts");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(is_empty(temporary.path()), "nothing is left");
    insta::with_settings!({filters => REDACTIONS.to_vec(), omit_expression => true}, {
        insta::assert_snapshot!("transcript", ordered(&stdout));
    });
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let (code, _) = interrupt(&mut demo(temporary.path()));
    assert_eq!(code, Some(INTERRUPTED));
    assert!(is_empty(temporary.path()), "nothing is left");
}

#[test]
fn a_cluster_of_the_users_is_left_as_it_was() {
    let cluster = LocalCluster::start(&cluster::Options::default()).expect("it starts");
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let demo = || {
        let mut demo = demo(temporary.path());
        demo.args(["--context", "local", "--kubeconfig"]).arg(&cluster.connection().kubeconfig);
        demo
    };
    let kubectl = |arguments: &[&str]| {
        let output = cluster.kubectl().args(arguments).output().expect("it starts");
        assert!(output.status.success(), "kubectl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let all = ["get", "namespaces,customresourcedefinitions,secrets", "--all-namespaces", "-o", "name"];
    let before = kubectl(&all);

    let (code, told) = interrupt(&mut demo());
    assert_eq!(code, Some(INTERRUPTED), "{told}");
    assert_eq!(kubectl(&all), before, "what was applied is taken back");

    kubectl(&["create", "namespace", "shop"]);
    let refused = demo().output().expect("it starts");
    assert_eq!(refused.status.code(), Some(1));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("this cluster has a shop already"), "{error}");
    kubectl(&["get", "namespace", "shop"]);
    assert!(is_empty(temporary.path()), "nothing is left");
}

/// Runs a demo, and presses Ctrl-C while it applies its first release. Returns its exit code and transcript.
fn interrupt(demo: &mut Command) -> (Option<i32>, String) {
    let mut running = demo.process_group(0).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut stdout = BufReader::new(running.stdout.take().expect("it is a pipe"));
    let mut told = String::new();
    while !told.contains("  ✓ + Namespace shop") {
        assert_ne!(stdout.read_line(&mut told).expect("it is text"), 0, "it ended early: {told}");
    }
    // Every process in a terminal's foreground gets the signal.
    let group = i32::try_from(running.id()).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process_group(group, Signal::INT).expect("the demo is running");
    stdout.read_to_string(&mut told).expect("it is text");
    (running.wait().expect("it ends").code(), told)
}
