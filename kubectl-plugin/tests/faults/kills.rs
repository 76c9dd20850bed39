//! The program dies at a request: before it is sent, or when it was sent and before the answer arrives. Whatever the next
//! run wants, it converges; also where that run dies in its turn.

use std::sync::OnceLock;

use gitops_testdata::faults::{Effect, Fault};

use super::application::Graph;
use super::case::{Case, Goal};
use super::lanes::{self, Counts, Work, sample};
use super::verdict::wrong;

/// What the run after a death wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// What the one that died wanted.
    Same,
    /// What was there before.
    Back,
    /// Something else.
    Third,
}

impl Next {
    const ALL: [Self; 3] = [Self::Same, Self::Back, Self::Third];

    /// The goal, and the graph that is there in the end. Where nothing was begun, there is nothing to take back.
    fn goal(self, case: &Case, tried: Graph) -> (Goal, Graph) {
        match self {
            Self::Same => (Goal::Apply(tried), tried),
            Self::Third => (Goal::Apply(Graph::Third), Graph::Third),
            Self::Back if case.has_begun() => (Goal::Rollback, Graph::First),
            Self::Back => (Goal::Apply(Graph::First), Graph::First),
        }
    }
}

const DEATHS: [(&str, Effect); 2] = [("before", Effect::DieBefore), ("after", Effect::DieAfter)];

/// So many requests has a run from the first graph to the second.
pub(crate) fn requests_of_a_run() -> usize {
    static REQUESTS: OnceLock<usize> = OnceLock::new();
    *REQUESTS.get_or_init(|| {
        let mut case = Case::begun("count");
        let run = case.run(Goal::Apply(Graph::Second), Vec::new());
        assert_eq!(run.ended.code, 0, "{}", run.told());
        lanes::say(&format!("a run without faults:\n{}", run.told()));
        let count = run.exchanges.len();
        let wrong = wrong(&case, Graph::Second);
        assert!(wrong.is_empty(), "without faults: {wrong:#?}\n{}", case.told());
        count
    })
}

fn result(case: &Case, graph: Graph, counts: Counts) -> Result<Counts, String> {
    let wrong = wrong(case, graph);
    if wrong.is_empty() { Ok(counts) } else { Err(format!("{}\n{}", wrong.join("\n"), case.told())) }
}

/// The second graph is tried and dies; then the next goal, until that is reached.
fn dies(label: &str, at: usize, death: &Effect, next: Next) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let died = case.run(Goal::Apply(Graph::Second), vec![Fault::at(at, death.clone())]).was_killed;
    let (goal, graph) = next.goal(&case, Graph::Second);
    let recovered = case.run(goal, Vec::new());
    if recovered.ended.code != 0 {
        return Err(format!("the next run fails\n{}", case.told()));
    }
    result(&case, graph, vec![("killed", usize::from(died))])
}

#[test]
fn killed_at_any_request_the_next_run_converges_whatever_it_wants() {
    let requests = requests_of_a_run();
    let mut all = Vec::new();
    for at in 1..=requests {
        for next in Next::ALL {
            for (name, death) in &DEATHS {
                all.push((at, next, *name, death));
            }
        }
    }
    let count = all.len();
    let work = |(at, next, name, death): (usize, Next, &'static str, &'static Effect)| Work {
        name: format!("kill-{name}-{at}-{}", format!("{next:?}").to_lowercase()),
        row: format!("killed {name} sending, then {next:?}"),
        run: Box::new(move |label| dies(label, at, death, next)),
    };
    let works: Vec<Work<'_>> = sample(all, 24).into_iter().map(work).collect();
    lanes::run("Killed once", count, &works);
}
