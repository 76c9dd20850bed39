//! Compiling with everything that can be known beside it: whether the renders give the same again.
//!
//! In: applications, perhaps a [`Store`]. Out: for each what [`compile`](super::compile) gives, and [`CheckedRender`]s.
//! All renders are run once, then again in [other surroundings](Surroundings::Other), whatever the store knows of them; the
//! caller decides how much time passes between the two. What the store remembers is a third witness.
//!
//! # What is remembered
//! Of an application with a render that is not deterministic nothing is written. What the store has of it stays: compiling
//! goes on with the first output that this machine remembered, as before. Forgetting it would not help, since the next
//! compilation would remember another; and a check would have changed what is applied next.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::canon::{Id, Recipe};
use crate::diagnostic::{Diagnostic, Origin};
use crate::lint::{Levels, NOT_DETERMINISTIC};
use crate::render::{self, Surroundings, ToolRender, Tools, Written, impure_templates};
use crate::sandbox::Enforced;
use crate::store::Store;

use super::difference::{Between, Difference, What, differences};
use super::lay_out::{Given, LaidOut, Sources};
use super::{Compilation, Error, build_with, compile_laid_out};

/// How many differences of one render are told.
const MOST_TOLD: usize = 20;

/// What came of checking one application.
#[derive(Debug)]
pub struct Checked {
    /// What compiling it gives.
    pub compiled: Result<Compilation, Error>,
    /// What there is to say beside that, at the levels that were asked for, sorted by place.
    pub findings: Vec<Diagnostic>,
    /// The renders by programs and workers, in the order of sources.
    pub renders: Vec<CheckedRender>,
}

/// A render that was run twice.
#[derive(Debug)]
pub struct CheckedRender {
    /// What was rendered, and how.
    pub recipe: Id<Recipe>,
    /// The command, as a person would type it.
    pub command: String,
    /// The file that it is of.
    pub origin: Origin,
    /// What was not the same; nothing where it is deterministic.
    pub differences: Vec<Difference>,
}

/// What a render gave, or said of its input.
type Witness = Result<Written, Diagnostic>;

/// What a render gave each time.
struct Witnesses {
    /// Where the store has something else than the first render gave.
    remembered: Option<Vec<u8>>,
    first: Arc<Witness>,
    /// Where that is something else than the first time.
    second: Option<Witness>,
}

type ByRecipe<T> = BTreeMap<Id<Recipe>, T>;

/// Checks applications together. `pause` is called once, between the first runs of all renders and the second ones, and not
/// at all where there is nothing to run.
pub fn check(
    applications: &[Sources<'_>],
    levels: &Levels,
    store: Option<&Store>,
    pause: impl FnOnce(),
    warn: &mut dyn FnMut(String),
) -> Vec<Checked> {
    let store = store.filter(|_| levels.kubernetes.is_none());
    build_with(store, warn, |warn| {
        let laid_out: Vec<_> = applications.iter().map(LaidOut::new).collect();
        let witnesses = run_twice(&laid_out, store, pause);
        let finish = |laid_out| match laid_out {
            Ok(laid_out) => finish(laid_out, &witnesses, levels, store, warn),
            Err(error) => Checked { compiled: Err(error), findings: Vec::new(), renders: Vec::new() },
        };
        laid_out.into_iter().map(finish).collect()
    })
}

/// Runs each distinct render of all applications twice.
fn run_twice(
    applications: &[Result<LaidOut<'_>, Error>],
    store: Option<&Store>,
    pause: impl FnOnce(),
) -> ByRecipe<Witnesses> {
    let mut renders: ByRecipe<(&ToolRender, &dyn Tools)> = BTreeMap::new();
    for laid_out in applications.iter().flatten() {
        renders.extend(laid_out.by_tools().map(|render| (render.recipe, (render, laid_out.sources.tools))));
    }
    if renders.is_empty() {
        return BTreeMap::new();
    }
    let run = |surroundings| -> ByRecipe<Witness> {
        let one = |(recipe, (render, tools)): (&Id<Recipe>, &(&ToolRender, &dyn Tools))| {
            (*recipe, run(render, surroundings, *tools))
        };
        renders.par_iter().map(one).collect()
    };
    let first = run(Surroundings::Usual);
    pause();
    let mut second = run(Surroundings::Other);
    let witnesses = first.into_iter().map(|(recipe, first)| {
        let remembered = store.and_then(|store| store.output(recipe)).filter(|output| !is_output(&first, output));
        let second = second.remove(&recipe).filter(|second| !is_same(&first, second));
        (recipe, Witnesses { remembered, first: Arc::new(first), second })
    });
    witnesses.collect()
}

/// What could not be run to its end is told as the input's fault: perhaps it is, and nothing came of it.
fn run(render: &ToolRender, surroundings: Surroundings, tools: &dyn Tools) -> Witness {
    render.run_in(surroundings, tools).unwrap_or_else(|error| Err(failure(render, &error)))
}

fn failure(render: &ToolRender, error: &render::Error) -> Diagnostic {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    Diagnostic::error(render.origin().clone(), message)
}

fn is_output(witness: &Witness, output: &[u8]) -> bool {
    witness.as_ref().is_ok_and(|written| written.output == output)
}

/// What is said of a failure may name folders, which are others each time.
fn is_same(first: &Witness, second: &Witness) -> bool {
    match (first, second) {
        (Ok(first), Ok(second)) => first.output == second.output,
        (Err(_), Err(_)) => true,
        _ => false,
    }
}

fn finish(
    mut laid_out: LaidOut<'_>,
    witnesses: &ByRecipe<Witnesses>,
    levels: &Levels,
    store: Option<&Store>,
    warn: &mut dyn FnMut(String),
) -> Checked {
    let (mut findings, mut renders, mut given) = (Vec::new(), Vec::new(), Given::new());
    for render in laid_out.by_tools() {
        let Some(witnesses) = witnesses.get(&render.recipe) else { continue };
        let differences = witnesses.differences(render);
        findings.extend(told(render, &differences));
        match impure_templates(render, laid_out.sources.tools) {
            Ok(lints) => findings.extend(lints),
            Err(error) => findings.push(failure(render, &error)),
        }
        given.insert(render.recipe, witnesses.compiled());
        let (recipe, command, origin) = (render.recipe, render.command(), render.origin().clone());
        renders.push(CheckedRender { recipe, command, origin, differences });
    }
    levels.apply(&mut findings);
    findings.sort();
    findings.dedup();
    let is_deterministic = renders.iter().all(|render| render.differences.is_empty());
    laid_out.given = given;
    let compiled = compile_laid_out(laid_out, levels, store.filter(|_| is_deterministic), warn);
    Checked { compiled, findings, renders }
}

/// One finding for each difference, up to a point.
fn told(render: &ToolRender, differences: &[Difference]) -> Vec<Diagnostic> {
    let mut told: Vec<_> = differences.iter().take(MOST_TOLD).map(Difference::finding).collect();
    if let Some(rest) = differences.len().checked_sub(MOST_TOLD).filter(|rest| *rest > 0) {
        let message = format!("{rest} more differences: `-o json` names them all");
        told.push(Diagnostic::lint(render.origin().clone(), NOT_DETERMINISTIC, message));
    }
    told
}

impl Witnesses {
    /// What compiling goes on with: what the store remembers, else the first output.
    fn compiled(&self) -> Arc<Witness> {
        match &self.remembered {
            Some(output) => Arc::new(Ok(Written { output: output.clone(), enforced: Enforced::default() })),
            None => Arc::clone(&self.first),
        }
    }

    /// What is not the same; what two renders tell of is not told again of what is remembered.
    fn differences(&self, render: &ToolRender) -> Vec<Difference> {
        let mut found = match &self.second {
            Some(second) => compared(render, Between::TwoRenders, &self.first, second),
            None => Vec::new(),
        };
        if found.is_empty()
            && let Some(output) = &self.remembered
        {
            let remembered = Ok(Written { output: output.clone(), enforced: Enforced::default() });
            found = compared(render, Between::RememberedAndNow, &remembered, &self.first);
        }
        found
    }
}

fn compared(render: &ToolRender, between: Between, first: &Witness, second: &Witness) -> Vec<Difference> {
    match (first, second) {
        (Ok(first), Ok(second)) => differences(render, between, &first.output, &second.output),
        (Err(_), Err(_)) => Vec::new(),
        (first, _) => {
            let what = What::Failed { is_first: first.is_err() };
            vec![Difference { between, origin: render.origin().clone(), what }]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{Command, Layout, Places};

    fn render() -> ToolRender {
        let (command, origin) = (Command::Worker("w", Vec::new()), Origin::of_file("a"));
        ToolRender::new(("w", 1), command, Layout::default(), origin, Places::Unknown).expect("a render")
    }

    fn written(value: &str) -> Written {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{k: {value}}}\n");
        Written { output: text.into_bytes(), enforced: Enforced::default() }
    }

    fn failed() -> Witness {
        Err(Diagnostic::error(Origin::of_file("a"), "no"))
    }

    fn told(remembered: Option<&str>, first: Witness, second: Option<Witness>) -> Vec<String> {
        let remembered = remembered.map(|value| written(value).output);
        let witnesses = Witnesses { remembered, first: Arc::new(first), second };
        witnesses.differences(&render()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_remembered_is_a_third_witness() {
        assert_eq!(told(None, Ok(written("x")), None), Vec::<String>::new());
        let found = told(Some("old"), Ok(written("x")), None);
        assert!(
            found[0].starts_with("ConfigMap a: data.k is `old` in what this machine remembers, and `x` now"),
            "{found:?}"
        );
        let found = told(Some("old"), Ok(written("x")), Some(Ok(written("z"))));
        assert!(found.len() == 1 && found[0].contains("`x` in one render, and `z` in another"), "{found:?}");
        assert!(
            told(Some("old"), failed(), None)[0].starts_with("it fails now, and not in what this machine remembers")
        );
    }

    #[test]
    fn failing_once_is_a_difference_and_failing_twice_is_none() {
        assert!(
            told(None, Ok(written("x")), Some(failed()))[0].starts_with("it fails in another, and not in one render")
        );
        assert_eq!(told(None, failed(), None), Vec::<String>::new());
        assert!(
            is_same(&failed(), &failed())
                && !is_same(&failed(), &Ok(written("x")))
                && !is_same(&Ok(written("y")), &Ok(written("x")))
        );
    }

    #[test]
    fn a_flood_of_differences_is_told_in_part() {
        let one = Difference { between: Between::TwoRenders, origin: Origin::of_file("a"), what: What::Text };
        assert_eq!(super::told(&render(), &vec![one.clone(); MOST_TOLD]).len(), MOST_TOLD);
        let all = super::told(&render(), &vec![one; MOST_TOLD + 5]);
        assert_eq!(all.len(), MOST_TOLD + 1);
        assert!(all[MOST_TOLD].message.starts_with("5 more differences"));
    }
}
