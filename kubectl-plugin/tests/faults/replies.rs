//! One request goes wrong and the program lives: its answer is lost, it is refused, or it is late. The run goes through, or
//! says clearly that it did not, and the next one converges.

use std::time::Duration;

use gitops_testdata::faults::fault::Refusal;
use gitops_testdata::faults::{Effect, Fault};

use super::application::Graph;
use super::case::{Case, Goal};
use super::kills::{Next, after_write, requests_of_a_run, settles, writes_of_a_run};
use super::lanes::{self, Counts, Work, sample};
use super::verdict::wrong;

fn refuse(status: u16, retry_after: Option<u64>, times: usize) -> Effect {
    Effect::Refuse { refusal: Refusal { status, retry_after }, times }
}

/// What goes wrong, by name, and whether the run goes through all the same wherever it happens.
fn effects() -> Vec<(&'static str, Effect, bool)> {
    vec![
        ("lost", Effect::LoseReply, true),
        ("conflict", refuse(409, None, 1), false),
        ("busy", refuse(429, Some(1), 1), true),
        ("busy-long", refuse(429, Some(2), 3), true),
        ("error", refuse(500, None, 1), false),
        ("unavailable", refuse(503, None, 2), true),
        ("timeout", refuse(504, None, 1), true),
        ("unauthorized", refuse(401, None, 1), true),
        ("slow", Effect::Delay(Duration::from_secs(2)), true),
    ]
}

fn goes_wrong(label: &str, at: usize, effect: &Effect, goes_through: bool) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let run = case.run(Goal::Apply(Graph::Second), vec![Fault::at(at, effect.clone())]);
    if run.ended.code == 0 {
        let wrong = wrong(&case, Graph::Second);
        let told = || Err(format!("{}\n{}", wrong.join("\n"), case.told()));
        return if wrong.is_empty() { Ok(vec![("went through", 1)]) } else { told() };
    }
    let told = run.told();
    settles(&mut case, Goal::Apply(Graph::Second), vec![("failed, then converged", 1)])
        .and_then(|counts| if goes_through { Err(format!("it should go through\n{told}")) } else { Ok(counts) })
}

#[test]
fn whatever_becomes_of_one_request_the_run_goes_through_or_the_next_one_does() {
    let effects = effects();
    let at = 1..=requests_of_a_run();
    let all: Vec<_> = at.flat_map(|at| effects.iter().map(move |effect| (at, effect))).collect();
    let count = all.len();
    let work = |(at, (name, effect, goes_through)): (usize, &(&'static str, Effect, bool))| Work {
        name: format!("reply-{name}-{at}"),
        row: (*name).to_owned(),
        run: Box::new({
            let (effect, goes_through) = (effect.clone(), *goes_through);
            move |label| goes_wrong(label, at, &effect, goes_through)
        }),
    };
    let works: Vec<Work<'_>> = sample(all, 18, usize::MAX).into_iter().map(work).collect();
    lanes::run("One request goes wrong", count, &works);
}

/// Killed on the way to the second graph; then a request of the run that recovers goes wrong, whatever that run wants.
fn recovery_goes_wrong(label: &str, first: usize, next: Next, at: usize, effect: &Effect) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    case.run(Goal::Apply(Graph::Second), after_write(first));
    let goal = next.goal(&case);
    let run = case.run(goal, vec![Fault::at(at, effect.clone())]);
    let is_hit = run.exchanges.iter().any(|exchange| exchange.is_faulty);
    let column = if run.ended.code == 0 { "went through" } else { "failed, then converged" };
    settles(&mut case, goal, vec![("hit", usize::from(is_hit)), (column, 1)])
}

#[test]
fn whatever_becomes_of_a_request_of_a_recovery_the_next_run_converges() {
    let effects = effects();
    let (writes, requests) = (writes_of_a_run(), requests_of_a_run());
    let mut all = Vec::new();
    for first in 1..=writes {
        for at in 1..=requests {
            for next in Next::ALL {
                all.extend(effects.iter().map(|effect| (first, at, next, effect)));
            }
        }
    }
    let count = all.len();
    let work = |(first, at, next, (name, effect, _)): (usize, usize, Next, &(&'static str, Effect, bool))| Work {
        name: format!("recovery-{first}-{}-{name}-{at}", next.name()),
        row: format!("{name}, then {}", next.name()),
        run: Box::new({
            let effect = effect.clone();
            move |label| recovery_goes_wrong(label, first, next, at, &effect)
        }),
    };
    let works: Vec<Work<'_>> = sample(all, 9, 600).into_iter().map(work).collect();
    lanes::run("A request of a recovery goes wrong", count, &works);
}

/// A request that the program has given up lands later, when it has said that it failed.
fn lands_late(label: &str, at: usize) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let late = Effect::Delay(Duration::from_millis(2500));
    let run =
        case.run_with(Goal::Apply(Graph::Second), vec![Fault::at(at, late)], &["--request-timeout", "2"], |_, _| {});
    let column = if run.ended.code == 0 { "went through" } else { "failed, then converged" };
    settles(&mut case, Goal::Apply(Graph::Second), vec![(column, 1)])
}

#[test]
fn what_lands_late_is_found_by_the_next_run() {
    let all: Vec<usize> = (1..=requests_of_a_run()).collect();
    let count = all.len();
    let work = |at| Work {
        name: format!("late-{at}"),
        row: "late".to_owned(),
        run: Box::new(move |label| lands_late(label, at)),
    };
    let works: Vec<Work<'_>> = sample(all, 5, usize::MAX).into_iter().map(work).collect();
    lanes::run("One request is given up, and lands", count, &works);
}

/// Nobody is there for a while, as when the API server restarts: what is under way breaks off, and nothing is taken.
fn goes_away(label: &str, at: usize) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let run = case.run(Goal::Apply(Graph::Second), vec![Fault::at(at, Effect::Outage(Duration::from_secs(5)))]);
    if run.ended.code == 0 {
        return settles(&mut case, Goal::Apply(Graph::Second), vec![("went through", 1)]);
    }
    // Before anything was begun there is nothing to wait for.
    let has_begun = run.exchanges.iter().take(at - 1).any(|exchange| exchange.method == "PUT");
    let told = run.told();
    settles(&mut case, Goal::Apply(Graph::Second), vec![("failed, then converged", 1)])
        .and_then(|counts| if has_begun { Err(format!("it should go through\n{told}")) } else { Ok(counts) })
}

#[test]
fn an_api_server_that_comes_back_is_waited_for() {
    let all: Vec<usize> = (1..=requests_of_a_run()).collect();
    let count = all.len();
    let work = |at| Work {
        name: format!("outage-{at}"),
        row: "outage".to_owned(),
        run: Box::new(move |label| goes_away(label, at)),
    };
    let works: Vec<Work<'_>> = sample(all, 5, usize::MAX).into_iter().map(work).collect();
    lanes::run("Nobody is there for 5 seconds", count, &works);
}
