//! The table of runs in many states, on terminals of many sizes.

use std::collections::BTreeSet;

use gitops_compiler::manifest::HookPhase;
use gitops_compiler::plan::{Action, HookStep};

use super::*;
use crate::apply::plans::PlanOf;
use crate::apply::{Event, StepResult};

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn size(rows: usize, columns: usize) -> Size {
    Size { rows, columns }
}

fn waits(standing: &mut Standing, step: usize, reason: &str, at: u64) {
    standing.take(&Event::Started { step }, seconds(at));
    standing.take(&Event::Accepted { step }, seconds(at));
    let object = standing.name(step).key.clone();
    standing.take(&Event::Waiting { step, object, reason: reason.to_owned() }, seconds(at));
}

fn ends(standing: &mut Standing, step: usize, at: u64) {
    standing.take(&Event::Done { step, result: StepResult::Succeeded }, seconds(at));
}

/// A web that waits for its settings, an entry that waits for the web, and what a wave keeps back.
fn shop() -> PlanOf {
    let mut plan = PlanOf::default();
    let settings = plan.step("settings", &[]);
    let web = plan.step("web", &[(settings, State::Present)]);
    plan.step("entry", &[(web, State::Ready)]);
    let wave = plan.barrier("wave 0", &[(settings, State::Ready), (web, State::Ready)]);
    plan.step("last", &[(wave, State::Ready)]);
    plan.plan.steps[1].action = Action::Update;
    plan
}

#[test]
fn each_step_says_what_it_waits_for_and_why() {
    let mut standing = Standing::new(&shop().plan);
    standing.take(&Event::Started { step: 0 }, seconds(0));
    assert_eq!(
        frame(&mut standing, seconds(1), size(24, 100)),
        [
            "  · + ConfigMap shop/settings  waits for the API server                                       1 s",
            "  · ~ ConfigMap shop/web       waits for ConfigMap shop/settings (it comes first)             1 s",
            "  · + ConfigMap shop/entry     waits for ConfigMap shop/web to be ready (it comes first)      1 s",
            "  · + ConfigMap shop/last      waits for ConfigMap shop/web to be ready (wave 0, 2 left: it…  1 s",
            "  0 of 4 steps, 1 under way, 3 wait   1 s",
        ]
    );
    ends(&mut standing, 0, 1);
    waits(&mut standing, 1, "Waiting for rollout to finish: 1 of 3 updated...", 2);
    assert_eq!(
        frame(&mut standing, seconds(131), size(24, 80)),
        [
            "  · ~ ConfigMap shop/web    1 of 3 updated                          2 min 9 s",
            "  · + ConfigMap shop/entry  waits for ConfigMap shop/web to be r…  2 min 11 s",
            "  · + ConfigMap shop/last   waits for ConfigMap shop/web to be r…  2 min 11 s",
            "  1 of 4 steps, 1 under way, 2 wait   2 min 11 s",
        ]
    );
    ends(&mut standing, 1, 131);
    let told = frame(&mut standing, seconds(131), size(24, 80));
    assert_eq!(told, ["  … and 2 more wait", "  2 of 4 steps, 2 wait   2 min 11 s"], "for their turn");
}

#[test]
fn hooks_and_failures_are_told_as_such() {
    let mut plan = PlanOf::default();
    plan.step("migrate", &[]);
    plan.step("other", &[]);
    plan.plan.steps[0].action = Action::Hook;
    plan.plan.steps[0].hook = Some(HookStep {
        phase: HookPhase::PreSync,
        delete: BTreeSet::new(),
        started: None,
        again: false,
        is_unknown: false,
        replaces: None,
    });
    let mut standing = Standing::new(&plan.plan);
    waits(&mut standing, 0, "its pod runs", 0);
    let failed = StepResult::Failed { message: "no".to_owned(), conflict: false };
    standing.take(&Event::Started { step: 1 }, seconds(0));
    standing.take(&Event::Done { step: 1, result: failed }, seconds(1));
    assert_eq!(
        frame(&mut standing, seconds(1), size(24, 80)),
        [
            "  · > ConfigMap shop/migrate  PreSync hook: its pod runs                  1 s",
            "  1 of 2 steps, 1 failed, 1 under way   1 s",
        ]
    );
}

/// `count` steps that nothing holds up, and one behind each.
fn pairs(count: usize) -> PlanOf {
    let mut plan = PlanOf::default();
    for index in 0..count {
        let first = plan.step(&format!("first-{index}"), &[]);
        plan.step(&format!("then-{index}"), &[(first, State::Ready)]);
    }
    plan
}

#[test]
fn a_table_is_never_higher_or_wider_than_its_terminal() {
    let mut standing = Standing::new(&pairs(200).plan);
    for step in (0..100).step_by(2) {
        waits(&mut standing, step, "日本語 を 待つ: a reason that is longer than any terminal is wide, and goes on", 1);
    }
    for rows in 0..60 {
        for columns in [0, 1, 3, 4, 5, 7, 20, 40, 59, 60, 61, 62, 80, 119, 120, 121, 122, 250] {
            let told = frame(&mut standing, seconds(100_000), size(rows, columns));
            assert!(told.len() < rows.max(1), "{rows}×{columns}: {told:#?}");
            let widest = told.iter().map(|line| measure_text_width(line)).max().unwrap_or_default();
            assert!(widest + 2 < columns.max(3), "{rows}×{columns}: {told:#?}");
            let is_there = rows > 1 && columns > 3;
            assert_eq!(!told.is_empty(), is_there, "{rows}×{columns}: {told:#?}");
        }
    }
}

#[test]
fn what_is_under_way_comes_first_and_the_rest_is_counted() {
    let mut standing = Standing::new(&pairs(50).plan);
    for step in [4, 0, 2] {
        waits(&mut standing, step, "not yet", step as u64);
    }
    let told = frame(&mut standing, seconds(9), size(20, 80));
    let shown = ["first-2", "first-0", "first-1", "then-0", "then-1", "then-2", "then-3", "then-4"];
    let name = |line: &String| line.split_whitespace().nth(3).map(|name| name.trim_start_matches("shop/").to_owned());
    let rows: Vec<String> = told[..8].iter().filter_map(name).collect();
    assert_eq!(rows, shown, "the oldest first: {told:#?}");
    assert_eq!(told[8..], ["  … and 92 more wait", "  0 of 100 steps, 3 under way, 97 wait   9 s"]);
    let low = frame(&mut standing, seconds(9), size(4, 80));
    assert_eq!(low[1..], ["  … and 2 more under way, 97 wait", "  0 of 100 steps, 3 under way, 97 wait   9 s"]);
    assert!(low[0].contains("first-2"), "{low:#?}");
    let lowest = frame(&mut standing, seconds(9), size(2, 80));
    assert_eq!(lowest, ["  0 of 100 steps, 3 under way, 97 wait   9 s"]);
}

#[test]
fn what_others_wrote_stays_on_its_line() {
    let mut standing = Standing::new(&pairs(1).plan);
    waits(&mut standing, 0, "a\nb\u{1b}[2Jc\u{202e}d", 0);
    let told = frame(&mut standing, seconds(0), size(24, 80));
    assert!(told[0].contains("  a b[2Jcd "), "{told:#?}");
}

/// With a picture after each of 60,000 events this ends only where an event and a picture cost the same however many
/// steps there are.
#[test]
fn twenty_thousand_steps_are_as_quick_to_show_as_twenty() {
    let mut plan = PlanOf::default();
    let first: Vec<(usize, State)> =
        (0..10_000).map(|index| (plan.step(&index.to_string(), &[]), State::Ready)).collect();
    let wave = plan.barrier("wave 0", &first);
    for index in 10_000..20_000 {
        plan.step(&index.to_string(), &[(wave, State::Ready)]);
    }
    let mut standing = Standing::new(&plan.plan);
    let mut widest = 0;
    for step in 0..20_000 {
        waits(&mut standing, step, "not yet", 1);
        let told = frame(&mut standing, seconds(2), size(24, 80));
        assert_eq!(told.len(), if step < 10_000 { 12 } else { told.len().min(12) });
        ends(&mut standing, step, 3);
        widest = widest.max(frame(&mut standing, seconds(3), size(24, 80)).len());
    }
    assert_eq!((widest, standing.tally().done), (12, 20_000));
    assert_eq!(frame(&mut standing, seconds(3), size(24, 80)), ["  20000 of 20000 steps   3 s"]);
}
