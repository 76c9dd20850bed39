//! Watches that end: too old, in the middle of an event, or as the server ends them. What happens meanwhile is not missed.
//! Also kinds that are served late.

use std::time::Duration;

use gitops_testdata::faults::fault::{Refusal, WatchEnd};
use gitops_testdata::faults::{Effect, Fault, Which};

use super::application::Graph;
use super::case::{Case, Goal};
use super::lanes::{self, Counts, Work, sample};
use super::verdict::wrong;

/// The run goes through, whatever becomes of the watch.
fn goes_through(label: &str, faults: Vec<Fault>) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let run = case.run(Goal::Apply(Graph::Second), faults);
    if run.ended.code != 0 {
        return Err(format!("it should go through\n{}", case.told()));
    }
    let happened = run.exchanges.iter().any(|exchange| exchange.is_faulty);
    let wrong = wrong(&case, Graph::Second);
    if wrong.is_empty() {
        Ok(vec![("hit", usize::from(happened))])
    } else {
        Err(format!("{}\n{}", wrong.join("\n"), case.told()))
    }
}

#[test]
fn a_watch_that_ends_is_opened_again_and_nothing_is_missed() {
    let ends = [("expired", WatchEnd::Expired), ("cut", WatchEnd::Cut), ("closed", WatchEnd::Closed)];
    let mut effects: Vec<(String, Effect)> = Vec::new();
    for (name, end) in ends {
        effects.extend((0..3).map(|after| (format!("{name} after {after}"), Effect::EndWatch { after, end })));
    }
    for status in [404, 410, 429, 500, 503] {
        let refusal = Refusal { status, retry_after: None };
        effects.push((format!("answered {status}"), Effect::Refuse { refusal, times: 2 }));
    }
    effects.push(("lost".to_owned(), Effect::LoseReply));
    let all: Vec<_> = (1..=4).flat_map(|number| effects.iter().map(move |effect| (number, effect))).collect();
    let count = all.len();
    let work = |(number, (name, effect)): (usize, &(String, Effect))| {
        let effect = effect.clone();
        Work {
            name: format!("watch-{}-{number}", name.replace(' ', "-")),
            row: name.clone(),
            run: Box::new(move |label| {
                goes_through(label, vec![Fault { which: Which::Watch, number, effect: effect.clone() }])
            }),
        }
    };
    let works: Vec<Work<'_>> = sample(all, 6, usize::MAX).into_iter().map(work).collect();
    lanes::run("A watch ends", count, &works);
}

#[test]
fn a_kind_that_is_served_late_is_waited_for() {
    let all = vec![1, 4, 8];
    let count = all.len();
    let work = |seconds| Work {
        name: format!("lag-{seconds}"),
        row: "served late".to_owned(),
        run: Box::new(move |label| goes_through(label, vec![Fault::at(1, Effect::Lag(Duration::from_secs(seconds)))])),
    };
    let works: Vec<Work<'_>> = sample(all, 1, usize::MAX).into_iter().map(work).collect();
    lanes::run("A kind is served late", count, &works);
}
