//! Runs over small plans, event by event.

use super::*;
use crate::apply::plans::{IN_ORDER, PlanOf};

fn told(standing: &mut Standing, step: usize) -> Option<String> {
    let blocker = standing.blocker(step)?;
    Some(format!("{} {:?} ({}) {:?}", blocker.by.key.name, blocker.state, blocker.reason, blocker.behind))
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn done(step: usize) -> Event {
    Event::Done { step, result: StepResult::Succeeded }
}

#[test]
fn a_step_waits_for_the_first_of_what_holds_it_up() {
    let mut plan = PlanOf::default();
    let (settings, web) = (plan.step("settings", &[]), plan.step("web", &[]));
    plan.step("ingress", &[(settings, State::Present), (web, State::Ready)]);
    let mut standing = Standing::new(&plan.plan);
    assert_eq!(standing.blocked().collect::<Vec<_>>(), [2]);
    assert_eq!(told(&mut standing, 2).as_deref(), Some("settings Present (it comes first) None"));
    standing.take(&Event::Started { step: 0 }, at(0));
    standing.take(&Event::Accepted { step: 0 }, at(1));
    assert_eq!(told(&mut standing, 2).as_deref(), Some("web Ready (it comes first) None"), "presence is enough");
    standing.take(&Event::Started { step: 1 }, at(1));
    standing.take(&Event::Accepted { step: 1 }, at(2));
    let reason = "0 of 1 updated".to_owned();
    let object = standing.name(1).key.clone();
    standing.take(&Event::Waiting { step: 1, object, reason }, at(2));
    let under_way: Vec<_> = standing.under_way().map(|it| (it.step, it.since, it.reason.clone())).collect();
    assert_eq!(under_way, [(0, at(0), None), (1, at(1), Some("0 of 1 updated".to_owned()))]);
    standing.take(&done(1), at(3));
    assert_eq!((told(&mut standing, 2), standing.blocked().count()), (None, 0));
    assert_eq!((standing.count_under_way(), standing.count_waiting()), (1, 1));
}

#[test]
fn barriers_are_looked_through_and_count_what_is_left() {
    let mut plan = PlanOf::default();
    let steps = [plan.step("a", &[]), plan.step("b", &[])];
    let wave = plan.barrier("wave 0", &steps.map(|step| (step, State::Ready)));
    plan.step("last", &[(wave, State::Ready)]);
    let mut standing = Standing::new(&plan.plan);
    let told_now = |standing: &mut Standing| told(standing, 2).expect("it waits");
    assert_eq!(told_now(&mut standing), r#"a Ready (it comes first) Some(("wave 0", 2))"#);
    standing.take(&Event::Started { step: 0 }, at(0));
    standing.take(&done(0), at(1));
    assert_eq!(told_now(&mut standing), r#"b Ready (it comes first) Some(("wave 0", 1))"#);
}

#[test]
fn what_fails_stops_what_waits_for_it_and_holds_up_nothing_else() {
    let mut plan = PlanOf::default();
    let (a, b) = (plan.step("a", &[]), plan.step("b", &[]));
    plan.step("on-both", &[(a, State::Present), (b, State::Ready)]);
    plan.step("on-a", &[(a, State::Ready)]);
    let mut standing = Standing::new(&plan.plan);
    standing.take(&Event::Started { step: 0 }, at(0));
    standing.take(&Event::Accepted { step: 0 }, at(0));
    let failed = StepResult::Failed { message: "no".to_owned(), conflict: false };
    standing.take(&Event::Done { step: 0, result: failed }, at(1));
    standing.take(&Event::Done { step: 3, result: StepResult::Skipped }, at(1));
    assert_eq!(told(&mut standing, 2).as_deref(), Some("b Ready (it comes first) None"));
    assert_eq!(standing.tally(), Tally { total: 4, done: 2, failed: 1, skipped: 1 });
    assert_eq!(standing.count_waiting(), 2);
}

#[test]
fn what_runs_only_on_failure_counts_from_then_on() {
    let mut plan = PlanOf::default();
    plan.step("a", &[]);
    plan.step("clean-up", &[]);
    plan.plan.nodes[1].on_failure = true;
    let mut standing = Standing::new(&plan.plan);
    assert_eq!((standing.tally().total, standing.count_waiting()), (1, 1));
    let failed = StepResult::Failed { message: "no".to_owned(), conflict: false };
    standing.take(&Event::Started { step: 0 }, at(0));
    standing.take(&Event::Done { step: 0, result: failed }, at(1));
    standing.take(&Event::Started { step: 1 }, at(1));
    assert_eq!((standing.tally().total, standing.count_under_way(), standing.count_waiting()), (2, 1, 0));
}

#[test]
fn deletions_say_why_they_wait_without_a_rule() {
    let mut plan = PlanOf::default();
    let web = plan.step("web", &[]);
    let old = plan.step("old", &[(web, State::Ready)]);
    plan.step("older", &[(old, State::Ready)]);
    for step in [1, 2] {
        plan.plan.steps[step].action = Action::Delete;
        plan.plan.nodes[step].waits[0].rule = None;
    }
    let mut standing = Standing::new(&plan.plan);
    let told = |standing: &mut Standing, step| told(standing, step).expect("it waits");
    assert_eq!(told(&mut standing, 1), "web Ready (nothing is deleted before all else is done) None");
    assert_eq!(told(&mut standing, 2), "old Absent (what was made last goes first) None");
    assert_eq!(IN_ORDER.reason, "it comes first");
}
