//! A run that stands still in the middle, as on a laptop that sleeps, while another takes over: when it goes on it sends
//! nothing more, and the record has not forked.

use std::cell::RefCell;
use std::time::Duration;

use gitops_testdata::faults::{Effect, Fault};
use rustix::process::{Pid, Signal, kill_process};

use super::application::Graph;
use super::case::{Case, Goal};
use super::kills::{requests_of_a_run, settles};
use super::lanes::{self, Counts, Work, sample};

/// So many seconds has a request of the run that freezes. Its lease is three times that.
const TIMEOUT: &str = "1";

fn freezes(label: &str, at: usize) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let other = RefCell::new(None);
    // What is under way at that moment is late, too, so that there is time to stop the run before it goes on.
    let late = vec![Fault::at(at, Effect::Delay(Duration::from_millis(300)))];
    let run = case.perform(Goal::Apply(Graph::Second), late, &["--request-timeout", TIMEOUT], |way, child| {
        if other.borrow().is_none() && way.exchanges().len() >= at {
            let pid = Pid::from_child(child);
            kill_process(pid, Signal::STOP).expect("stopped");
            other.replace(Some(case.perform(Goal::Apply(Graph::Third), Vec::new(), &[], |_, _| {})));
            kill_process(pid, Signal::CONT).expect("woken");
        }
    });
    // It may have been faster.
    let Some(other) = other.into_inner() else { return Ok(vec![("frozen", 0)]) };
    let told = || format!("{}{}", run.told(), other.told());
    // What was on its way when the run froze may have been the record itself, and come between.
    let was_record = run.exchanges.get(at - 1).is_some_and(|exchange| exchange.method == "PUT");
    if was_record && other.ended.code == 4 && other.ended.stderr.contains("in the meantime") {
        let told = told();
        case.runs.push(run);
        let settled = settles(&mut case, Goal::Apply(Graph::Third), vec![("frozen", 1), ("came between", 1)]);
        return settled.map_err(|wrong| format!("{wrong}\n{told}"));
    }
    if other.ended.code != 0 {
        return Err(format!("the other run fails\n{}", told()));
    }
    let has_no_record_among = |count: usize| run.exchanges.iter().take(count).all(|exchange| exchange.method != "PUT");
    let was_refused = run.exchanges.get(at - 1).is_some_and(|exchange| exchange.status == Some(409));
    let (code, said) = if was_record && was_refused && has_no_record_among(at - 1) {
        // The other was there first: this run has not begun.
        (4, "in the meantime")
    } else {
        (3, "took over")
    };
    if !(has_no_record_among(at) || run.ended.code == code && run.ended.stderr.contains(said)) {
        return Err(format!("it should have said `{said}`\n{}", told()));
    }
    let told = told();
    case.runs.push(other);
    let counts = vec![("frozen", 1)];
    settles(&mut case, Goal::Apply(Graph::Third), counts).map_err(|wrong| format!("{wrong}\n{told}"))
}

#[test]
fn a_run_that_wakes_up_late_does_nothing_more() {
    let all: Vec<usize> = (1..=requests_of_a_run()).collect();
    let count = all.len();
    let work = |at| Work {
        name: format!("frozen-{at}"),
        row: "frozen".to_owned(),
        run: Box::new(move |label| freezes(label, at)),
    };
    let works: Vec<Work<'_>> = sample(all, 2, usize::MAX).into_iter().map(work).collect();
    lanes::run("A run freezes, and another takes over", count, &works);
}

/// A client whose clock is months ahead of the server's holds its lock by the clock of the server, which all others have.
#[test]
fn a_lock_ends_by_the_clock_of_the_server() {
    let mut case = Case::begun("clock");
    let date = Effect::Date("Thu, 01 Jan 2026 00:00:00 GMT".to_owned());
    let faults = vec![Fault::at(1, date), Fault::at(30, Effect::DieAfter)];
    let died = case.run(Goal::Apply(Graph::Second), faults).was_killed;
    assert!(died, "{}", case.told());
    let expires = case.head()["lock"]["expires"].as_str().unwrap_or_default().to_owned();
    assert!(expires.starts_with("2026-01-01T00:00:"), "{expires}");
    let settled = settles(&mut case, Goal::Apply(Graph::Second), Vec::new());
    assert!(settled.is_ok(), "{settled:?}");
}

/// The clock of a client jumps by a day, ahead and back, in the middle of a run: the lock is renewed, and nothing is lost.
#[test]
fn a_run_goes_on_where_its_clock_jumps() {
    let all: Vec<usize> = (1..=requests_of_a_run()).collect();
    let count = all.len();
    let work = |at| Work {
        name: format!("jump-{at}"),
        row: "jumps".to_owned(),
        run: Box::new(move |label| {
            let mut case = Case::begun(label);
            let days =
                ["Thu, 01 Jan 2026 00:00:00 GMT", "Wed, 31 Dec 2025 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:00 GMT"];
            let numbers = [1, at, at + 5];
            let faults =
                numbers.into_iter().zip(days).map(|(number, day)| Fault::at(number, Effect::Date(day.to_owned())));
            settles_under(&mut case, faults.collect())
        }),
    };
    let works: Vec<Work<'_>> = sample(all, 3, usize::MAX).into_iter().map(work).collect();
    lanes::run("A clock jumps", count, &works);
}

/// A run that must reach its goal whatever is wrong on its way.
fn settles_under(case: &mut Case, faults: Vec<Fault>) -> Result<Counts, String> {
    let ended = &case.run(Goal::Apply(Graph::Second), faults).ended;
    if ended.code != 0 {
        return Err(format!("it should go through\n{}", case.told()));
    }
    settles(case, Goal::Apply(Graph::Second), vec![("went through", 1)])
}
