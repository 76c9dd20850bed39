//! The program dies at a request: before it is sent, or when it was sent and before the answer arrives. Whatever the next
//! run wants, it converges; also where that run dies in its turn, and the one after it.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use gitops_testdata::faults::fault::Which;
use gitops_testdata::faults::{Effect, Fault};

use super::application::Graph;
use super::case::{Case, Goal};
use super::lanes::{self, Counts, Work, lock, sample};
use super::verdict::{wrong, wrong_after_deletion};

/// What the run after a death wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// What the one that died wanted.
    Same,
    /// What was there before.
    Back,
    /// Something else.
    Third,
}

impl Next {
    pub(crate) const ALL: [Self; 3] = [Self::Same, Self::Back, Self::Third];

    /// The goal after a run to the second graph. Where nothing was begun, there is nothing to take back.
    pub(crate) fn goal(self, case: &Case) -> Goal {
        match self {
            Self::Same => Goal::Apply(Graph::Second),
            Self::Third => Goal::Apply(Graph::Third),
            Self::Back if case.has_begun() => Goal::Rollback,
            Self::Back => Goal::Apply(Graph::First),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Back => "back",
            Self::Third => "third",
        }
    }
}

/// How the program dies at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Before,
    After,
}

impl Death {
    const ALL: [Self; 2] = [Self::Before, Self::After];

    fn at(self, number: usize) -> Vec<Fault> {
        let effect = match self {
            Self::Before => Effect::DieBefore,
            Self::After => Effect::DieAfter,
        };
        vec![Fault::at(number, effect)]
    }

    fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// So many requests has a run from the first graph to the second.
pub(crate) fn requests_of_a_run() -> usize {
    counts_of_a_run().0
}

/// So many of those may change something.
pub(crate) fn writes_of_a_run() -> usize {
    counts_of_a_run().1
}

fn counts_of_a_run() -> (usize, usize) {
    static COUNTS: OnceLock<(usize, usize)> = OnceLock::new();
    *COUNTS.get_or_init(|| {
        let mut case = Case::begun("count");
        let run = case.run(Goal::Apply(Graph::Second), Vec::new());
        assert_eq!(run.ended.code, 0, "{}", run.told());
        let count = (run.exchanges.len(), run.exchanges.iter().filter(|exchange| exchange.is_writing()).count());
        let wrong = wrong(&case, Graph::Second);
        assert!(wrong.is_empty(), "without faults: {wrong:#?}\n{}", case.told());
        count
    })
}

/// A last run that must reach its goal, and what is wrong then.
pub(crate) fn settles(case: &mut Case, goal: Goal, counts: Counts) -> Result<Counts, String> {
    let ended = &case.run(goal, Vec::new()).ended;
    // Whoever has deleted all of it and died has nothing left to delete.
    let is_gone = goal == Goal::Delete && ended.code == 2 && ended.stderr.contains("no application");
    // Whoever has gone back already has nothing left to go back from; where that led is judged below.
    let is_back = goal == Goal::Rollback && ended.code == 2 && ended.stderr.contains("there is no earlier release");
    if ended.code != 0 && !is_gone && !is_back {
        return Err(format!("the last run fails\n{}", case.told()));
    }
    let wrong = match goal {
        Goal::Apply(graph) => wrong(case, graph),
        Goal::Rollback | Goal::Adopt => wrong(case, Graph::First),
        Goal::Delete => wrong_after_deletion(case),
    };
    if wrong.is_empty() { Ok(counts) } else { Err(format!("{}\n{}", wrong.join("\n"), case.told())) }
}

fn once(label: &str, at: usize, death: Death, next: Next) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let died = case.run(Goal::Apply(Graph::Second), death.at(at)).was_killed;
    let goal = next.goal(&case);
    settles(&mut case, goal, vec![("killed", usize::from(died))])
}

#[test]
fn killed_at_any_request_the_next_run_converges_whatever_it_wants() {
    let mut all = Vec::new();
    for at in 1..=requests_of_a_run() {
        for next in Next::ALL {
            all.extend(Death::ALL.map(|death| (at, next, death)));
        }
    }
    let count = all.len();
    let work = |(at, next, death): (usize, Next, Death)| Work {
        name: format!("kill-{}-{at}-{}", death.name(), next.name()),
        row: format!("killed {} sending, then {}", death.name(), next.name()),
        run: Box::new(move |label| once(label, at, death, next)),
    };
    let works: Vec<Work<'_>> = sample(all, 18, usize::MAX).into_iter().map(work).collect();
    lanes::run("Killed once", count, &works);
}

/// The program dies when this writing request was sent.
pub(crate) fn after_write(number: usize) -> Vec<Fault> {
    vec![Fault { which: Which::Writing, number, effect: Effect::DieAfter }]
}

/// How many requests that write a run sends that recovers, by the write at which the first one died: by the least number
/// at which a case has killed nothing.
type Ends = Mutex<BTreeMap<(usize, &'static str), usize>>;

/// Killed on the way to the second graph, and the run after that, too. What would kill at a request that such a run does not
/// send, as another case has shown, is not tried.
fn twice(label: &str, first: usize, next: Next, second: usize, ends: &Ends) -> Result<Counts, String> {
    let of = (first, next.name());
    if lock(ends).get(&of).is_some_and(|end| second > *end) {
        return Ok(vec![("not-sent", 1)]);
    }
    let mut case = Case::begun(label);
    let died = case.run(Goal::Apply(Graph::Second), after_write(first)).was_killed;
    let goal = next.goal(&case);
    let died_again = case.run(goal, after_write(second)).was_killed;
    if !died_again {
        let mut ends = lock(ends);
        let end = ends.entry(of).or_insert(second);
        *end = second.min(*end);
    }
    settles(&mut case, goal, vec![("killed", usize::from(died) + usize::from(died_again))])
}

/// At requests that write: a death at any other leaves what one at the write before it leaves.
#[test]
fn killed_again_while_recovering_it_converges_too() {
    let writes = writes_of_a_run();
    let mut all = Vec::new();
    // Recovering takes some more requests at most. By them first, so that their end is known before more is tried.
    for second in 1..=writes + 6 {
        for first in 1..=writes {
            all.extend(Next::ALL.map(|next| (first, next, second)));
        }
    }
    let count = all.len();
    let ends = Ends::default();
    let work = |(first, next, second): (usize, Next, usize)| Work {
        name: format!("twice-{first}-{}-{second}", next.name()),
        row: format!("killed twice, then {}", next.name()),
        run: Box::new({
            let ends = &ends;
            move |label| twice(label, first, next, second, ends)
        }),
    };
    let works: Vec<Work<'_>> = sample(all, 6, 600).into_iter().map(work).collect();
    lanes::run("Killed twice", count, &works);
}

/// Killed on the way to the second graph, and then at every request of what follows, one after another, until a run gets
/// through.
fn again_and_again(label: &str, at: usize, next: Next) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    case.run(Goal::Apply(Graph::Second), Death::After.at(at));
    let goal = next.goal(&case);
    let mut kills = 1;
    for number in 1.. {
        let death = Death::ALL[number % 2];
        if !case.run(goal, death.at(number)).was_killed {
            break;
        }
        kills += 1;
    }
    settles(&mut case, goal, vec![("killed", kills)])
}

#[test]
fn killed_at_each_request_in_turn_it_converges_in_the_end() {
    let all: Vec<(usize, Next)> = (1..=requests_of_a_run()).flat_map(|at| Next::ALL.map(|next| (at, next))).collect();
    let count = all.len();
    let work = |(at, next): (usize, Next)| Work {
        name: format!("chain-{at}-{}", next.name()),
        row: format!("killed again and again, then {}", next.name()),
        run: Box::new(move |label| again_and_again(label, at, next)),
    };
    let works: Vec<Work<'_>> = sample(all, 1, 24).into_iter().map(work).collect();
    lanes::run("Killed at each request in turn", count, &works);
}

/// The very first run dies, which has no record to go on from; then the same, or something else.
fn first(label: &str, at: usize, death: Death, graph: Graph) -> Result<Counts, String> {
    let mut case = Case::new(label);
    let died = case.run(Goal::Apply(Graph::First), death.at(at)).was_killed;
    settles(&mut case, Goal::Apply(graph), vec![("killed", usize::from(died))])
}

#[test]
fn the_first_run_of_all_may_die_too() {
    let mut case = Case::new("count-first");
    let requests = case.run(Goal::Apply(Graph::First), Vec::new()).exchanges.len();
    let mut all = Vec::new();
    for at in 1..=requests {
        for graph in [Graph::First, Graph::Third] {
            all.extend(Death::ALL.map(|death| (at, graph, death)));
        }
    }
    let count = all.len();
    let work = |(at, graph, death): (usize, Graph, Death)| Work {
        name: format!("first-{}-{at}-{}", death.name(), graph.folder()),
        row: format!("first run killed {} sending, then {}", death.name(), graph.folder()),
        run: Box::new(move |label| first(label, at, death, graph)),
    };
    let works: Vec<Work<'_>> = sample(all, 6, usize::MAX).into_iter().map(work).collect();
    lanes::run("The first run killed", count, &works);
}

/// The deletion of all of it dies; then again, or it is applied anew.
fn deleting(label: &str, at: usize, death: Death, goal: Goal) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    case.run(Goal::Apply(Graph::Second), Vec::new());
    let died = case.run(Goal::Delete, death.at(at)).was_killed;
    settles(&mut case, goal, vec![("killed", usize::from(died))])
}

#[test]
fn a_deletion_may_die_too() {
    let mut case = Case::begun("count-delete");
    case.run(Goal::Apply(Graph::Second), Vec::new());
    let requests = case.run(Goal::Delete, Vec::new()).exchanges.len();
    let wrong = wrong_after_deletion(&case);
    assert!(wrong.is_empty(), "without faults: {wrong:#?}\n{}", case.told());
    let mut all = Vec::new();
    for at in 1..=requests {
        for goal in [Goal::Delete, Goal::Apply(Graph::Third)] {
            all.extend(Death::ALL.map(|death| (at, goal, death)));
        }
    }
    let count = all.len();
    let work = |(at, goal, death): (usize, Goal, Death)| {
        let next = if goal == Goal::Delete { "delete" } else { "third" };
        Work {
            name: format!("delete-{}-{at}-{next}", death.name()),
            row: format!("deletion killed {} sending, then {next}", death.name()),
            run: Box::new(move |label| deleting(label, at, death, goal)),
        }
    };
    let works: Vec<Work<'_>> = sample(all, 6, usize::MAX).into_iter().map(work).collect();
    lanes::run("The deletion killed", count, &works);
}

/// Taking over dies; then again, and something else is applied to it.
fn adopting(label: &str, at: usize, death: Death) -> Result<Counts, String> {
    let mut case = Case::made_by_kubectl(label);
    let before = case.uids();
    let died = case.run(Goal::Adopt, death.at(at)).was_killed;
    settles(&mut case, Goal::Adopt, Vec::new())?;
    if case.uids() != before {
        return Err(format!("something was made again\n{}", case.told()));
    }
    settles(&mut case, Goal::Apply(Graph::Third), vec![("killed", usize::from(died))])
}

#[test]
fn taking_over_may_die_too() {
    let mut case = Case::made_by_kubectl("count-adopt");
    let requests = case.run(Goal::Adopt, Vec::new()).exchanges.len();
    let wrong = wrong(&case, Graph::First);
    assert!(wrong.is_empty(), "without faults: {wrong:#?}\n{}", case.told());
    let all: Vec<(usize, Death)> = (1..=requests).flat_map(|at| Death::ALL.map(|death| (at, death))).collect();
    let count = all.len();
    let work = |(at, death): (usize, Death)| Work {
        name: format!("adopt-{}-{at}", death.name()),
        row: format!("adoption killed {} sending, then again", death.name()),
        run: Box::new(move |label| adopting(label, at, death)),
    };
    let works: Vec<Work<'_>> = sample(all, 6, usize::MAX).into_iter().map(work).collect();
    lanes::run("Taking over killed", count, &works);
}
