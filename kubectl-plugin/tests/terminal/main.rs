//! A run as somebody sees it who watches a terminal: the program itself on a pseudo-terminal, against the real cluster.
//!
//! What the terminal shows is worked out from what the program writes (`screen`), after each piece of it.

#[path = "../support/mod.rs"]
mod support;

mod screen;
mod watched;

use support::{World, config_map, deployment};
use watched::Watched;

const SLOW: &str = ", testdata.kubectl-gitops/start: slow";
const NEVER_READY: &str = ", testdata.kubectl-gitops/fail: readiness";

fn in_wave(name: &str, wave: &str) -> String {
    let annotations = format!("metadata:\n  annotations: {{argocd.argoproj.io/sync-wave: \"{wave}\"}}\n");
    config_map(name, "1").replace("metadata:\n", &annotations)
}

fn hook(name: &str, labels: &str) -> String {
    format!(
        "apiVersion: batch/v1
kind: Job
metadata: {{name: {name}, annotations: {{argocd.argoproj.io/hook: PreSync}}}}
spec:
  template:
    metadata: {{labels: {{app: hook{labels}}}}}
    spec: {{restartPolicy: Never, containers: [{{name: main, image: registry.invalid/hook:1.0}}]}}
"
    )
}

fn apply(world: &World, more: &[&str]) -> std::process::Command {
    let mut arguments = vec!["apply", world.name.as_str(), "-n", world.name.as_str(), "--yes"];
    arguments.extend(more);
    world.command(&arguments)
}

#[test]
fn a_table_says_what_waits_for_what_and_goes_when_the_run_is_over() {
    let world = World::new("terminal");
    world.write("before.yaml", &hook("before", SLOW)).write("settings.yaml", &config_map("settings", "1"));
    world.write("web.yaml", &deployment("web", "web:1.0", "settings", SLOW)).write("last.yaml", &in_wave("last", "1"));
    let ended = Watched::start(apply(&world, &[]), 24, 200).ended();
    assert_eq!(ended.code, 0, "{ended:#?}");
    let name = &world.name;
    for (row, says) in [
        (format!("  · > Job {name}/before"), "  PreSync hook: ".to_owned()),
        (format!("  · + ConfigMap {name}/settings"), format!("  waits for Job {name}/before to be ready (")),
        (format!("  · + Deployment {name}/web"), "  0 of 1 updated replicas are available  ".to_owned()),
        (format!("  · + ConfigMap {name}/last"), format!("  waits for Deployment {name}/web to be ready (wave 0: ")),
        ("  2 of 4 steps, 1 under way, 1 waits".to_owned(), " s".to_owned()),
    ] {
        let shown = |line: &String| line.starts_with(&row) && line.contains(&says);
        assert!(ended.shown.iter().any(shown), "{row} … {says} was never shown: {ended:#?}");
    }
    let rows = ended.shown.iter().filter(|line| line.starts_with("  · "));
    assert!(rows.clone().count() > 0 && rows.clone().all(|line| line.ends_with(" s")), "for how long: {ended:#?}");
    let mut left = ended.left;
    assert!(left[0].starts_with(&format!("{name}  nothing → g1-")), "{left:#?}");
    left[2..].sort();
    let over =
        ["  ✓ + ConfigMap {}/last", "  ✓ + ConfigMap {}/settings", "  ✓ + Deployment {}/web", "  ✓ > Job {}/before"];
    assert_eq!(left[2..], over.map(|line| line.replace("{}", name)), "what is over, once each, and no table");
    assert!(ended.written.contains("\u{1b}[32m✓\u{1b}[0m"), "colour repeats the sign");
}

#[test]
fn a_run_that_is_stopped_leaves_no_table_and_draws_it_anew_when_it_goes_on() {
    let world = World::new("stopped");
    for index in 0..3 {
        world.write(&format!("web-{index}.yaml"), &deployment(&format!("web-{index}"), "web:1.0", "none", NEVER_READY));
    }
    let mut watched = Watched::start(apply(&world, &[]), 24, 120);
    let total = "  0 of 3 steps, 3 under way";
    for _ in 0..2 {
        watched.waits_for(total);
        watched.press_ctrl_z("[1]+  Stopped");
        let shown = watched.lines();
        assert!(!shown.iter().any(|line| line.starts_with(total) || line.starts_with("  · ")), "{shown:#?}");
        watched.goes_on();
    }
    watched.waits_for(total);
    let shown = watched.lines();
    assert_eq!(shown.iter().filter(|line| line.starts_with(total)).count(), 1, "one table: {shown:#?}");
    watched.press_ctrl_c();
    let ended = watched.ended();
    assert_eq!(ended.code, 3, "{ended:#?}");
    let stopped = ended.left.iter().filter(|line| *line == "[1]+  Stopped");
    assert_eq!(stopped.count(), 2, "what the shell has written is not drawn over: {ended:#?}");
}

#[test]
fn an_interrupted_run_leaves_the_terminal_as_it_was_even_when_it_got_smaller() {
    let world = World::new("interrupted");
    for index in 0..30 {
        world.write(&format!("web-{index}.yaml"), &deployment(&format!("web-{index}"), "web:1.0", "none", NEVER_READY));
    }
    let mut command = apply(&world, &[]);
    command.env("NO_COLOR", "1");
    let mut watched = Watched::start(command, 40, 120);
    watched.waits_for("  … and 12 more under way");
    watched.resize(12, 50);
    watched.waits_for("  … and 24 more under way");
    watched.press_ctrl_c();
    let ended = watched.ended();
    assert_eq!(ended.code, 3, "{ended:#?}");
    assert!(ended.left.iter().any(|line| line == "  ! interrupted: no more steps are begun"), "{ended:#?}");
    assert!(!ended.left.iter().any(|line| line.contains(" more under way") || line.contains("^C")), "{ended:#?}");
    let failed = |line: &&String| line.starts_with(&format!("  ✗ + Deployment {}/web-", world.name));
    assert_eq!(ended.left.iter().filter(failed).count(), 30, "{ended:#?}");
    assert!(!ended.written.contains("\u{1b}[3"), "no colour is wanted");
}
