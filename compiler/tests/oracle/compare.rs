//! Judges whether we and kubectl read the same, and counts.

use std::collections::BTreeMap;
use std::fmt;

use gitops_testdata::oracle::{Answer, Oracle};

use crate::Result;
use crate::ours::Ours;
use crate::stricter;

/// What comes of one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Both read the same objects, so many.
    Read(usize),
    /// Both refuse it.
    Refused,
    /// We refuse on purpose what kubectl takes, or kubectl reads now this and now that.
    Known(&'static str),
    /// Anything else, and what.
    Disagreement(String),
}

/// What is said of a file that kubectl reads differently each time.
const RANDOM: &str = "kubectl itself reads it differently each time";
/// How often kubectl is asked before it is taken at its word.
const AGAIN: usize = 200;

/// Reads a file in both ways.
pub(crate) fn compare(oracle: &mut Oracle, file: &[u8]) -> Result<Outcome> {
    let (answer, ours) = (oracle.read(file)?, Ours::of(file));
    let outcome = judge(&answer, &ours, file);
    if !matches!(outcome, Outcome::Disagreement(_)) {
        return Ok(outcome);
    }
    // Where keys of two types have one text, Go's order of maps decides.
    let mut varies = false;
    for _ in 0..AGAIN {
        let again = oracle.read(file)?;
        varies |= again != answer;
        if varies && !matches!(judge(&again, &ours, file), Outcome::Disagreement(_)) {
            return Ok(Outcome::Known(RANDOM));
        }
    }
    Ok(outcome)
}

/// Judges two readings of one file.
pub(crate) fn judge(answer: &Answer, ours: &Ours, file: &[u8]) -> Outcome {
    match (&answer.error, ours.refusals.as_slice()) {
        (Some(_), [_, ..]) => Outcome::Refused,
        (Some(error), []) => Outcome::Disagreement(format!("we accept and kubectl refuses: {error}")),
        (None, []) if answer.objects == ours.objects => Outcome::Read(ours.objects.len()),
        (None, []) => Outcome::Disagreement(format!(
            "we read something else:\n  kubectl {}\n  ours    {}",
            answer.objects.join("\n          "),
            ours.objects.join("\n          ")
        )),
        (None, refusals) => stricter::class(refusals, file, answer).map_or_else(
            || Outcome::Disagreement(format!("we refuse and kubectl accepts: {}", refusals.join("; "))),
            Outcome::Known,
        ),
    }
}

/// How it went, so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    of: String,
    files: u64,
    objects: usize,
    /// Files with objects that both read alike.
    pub(crate) read: u64,
    empty: u64,
    refused: u64,
    known: BTreeMap<&'static str, u64>,
    /// A text for each.
    pub(crate) disagreements: Vec<String>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new(of: &str) -> Self {
        Self { of: of.to_owned(), ..Self::default() }
    }

    /// Adds a file.
    pub(crate) fn add(&mut self, name: &str, file: &[u8], outcome: Outcome) {
        self.files += 1;
        match outcome {
            Outcome::Read(0) => self.empty += 1,
            Outcome::Read(objects) => {
                self.read += 1;
                self.objects += objects;
            }
            Outcome::Refused => self.refused += 1,
            Outcome::Known(class) => *self.known.entry(class).or_default() += 1,
            Outcome::Disagreement(how) => {
                let shown: String = file.escape_ascii().to_string().chars().take(2_000).collect();
                self.disagreements.push(format!("{name}: {how}\n  {shown}"));
            }
        }
    }

    /// Every disagreement.
    pub(crate) fn list(&self) -> String {
        format!("{}: {} disagreements\n{}\n", self.of, self.disagreements.len(), self.disagreements.join("\n"))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: u64 = self.known.values().sum();
        write!(
            f,
            "{}: {} files; agreed on {} ({} read alike with {} objects, {} without any, {} refused by both), \
             {known} refused on purpose or random, {} disagreements",
            self.of,
            self.files,
            self.read + self.empty + self.refused,
            self.read,
            self.objects,
            self.empty,
            self.refused,
            self.disagreements.len()
        )?;
        self.known.iter().try_for_each(|(class, count)| write!(f, "\n  {count} × {class}"))
    }
}
