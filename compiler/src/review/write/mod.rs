//! A review as text, markdown, HTML and SARIF.
//!
//! In: a [`Review`]. Out: text for a terminal, for a comment, for a browser, for a code scanner. Everything that a branch
//! could have written, names and values alike, is escaped for where it goes: [`escape`] says how.

pub mod escape;
mod html;
mod lines;
mod markdown;
mod sarif;
mod text;
mod texts;

#[cfg(test)]
mod tests;

pub use html::html;
pub use markdown::{LEAST_ROOM, MARKER, ROOM, markdown};
pub use sarif::sarif;
pub use text::text;

use super::report::{ApplicationReview, ResourceReview, Review, Verdict};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detail {
    /// So many lines of a text stand around those that differ.
    pub around: usize,
    /// Schemas of definitions also field by field.
    pub full_schemas: bool,
    /// What is long.
    length: texts::Length,
}

impl Default for Detail {
    fn default() -> Self {
        Self { around: 1, full_schemas: false, length: texts::Length::Bounded }
    }
}

impl Detail {
    /// With so many lines around those that differ, and schemas field by field or in words alone.
    #[must_use]
    pub fn new(around: usize, full_schemas: bool) -> Self {
        Self { around, full_schemas, ..Self::default() }
    }

    /// The same, with all of what is long.
    fn whole(self) -> Self {
        Self { length: texts::Length::Whole, ..self }
    }
}

/// What became of one resource, for a terminal.
#[must_use]
pub fn resource_text(change: &ResourceReview) -> String {
    let block = lines::block(change, Detail::default(), |_| true);
    let body = block.body.iter().map(|field| format!("    {}\n", escape::line(field)));
    format!("{}\n{}", escape::line(&block.head), body.collect::<String>())
}

/// The first application before this one with the same changes, which need not be read twice. Of what is not shown nobody knows.
fn same_as(review: &Review, index: usize) -> Option<&ApplicationReview> {
    let is_whole = |application: &&ApplicationReview| application.left_out.is_nothing();
    let this = review
        .applications
        .get(index)
        .filter(|application| !application.changes.is_empty() && is_whole(application))?;
    let is_same = |other: &&ApplicationReview| {
        let key = |review: &ApplicationReview| (review.counts, review.shared.clone());
        key(other) == key(this) && differences(other) == differences(this)
    };
    review.applications[..index].iter().filter(is_whole).find(is_same)
}

/// What differs, without the places where it is written.
fn differences(application: &ApplicationReview) -> Vec<(&crate::name::ResourceKey, &super::report::Fate)> {
    application.changes.iter().map(|change| (&change.resource, &change.fate)).collect()
}

/// The verdict as a sentence.
fn verdict(review: &Review) -> String {
    let word = review.verdict.as_str();
    let what = match review.verdict {
        Verdict::Unchanged => "the cluster gets the same",
        Verdict::Routine => "no rule objects",
        Verdict::Caution => "somebody should look at the risks",
        Verdict::Block => "something is lost, broken or given away",
        Verdict::Failed => "the newer side does not compile",
    };
    format!("{word}: {what}")
}

/// Both sides: `main (8f3c2a1) → topic (c01d9e2)`.
fn sides(review: &Review) -> String {
    let side = |side: &super::report::SideName| match &side.commit {
        Some(commit) if !commit.starts_with(&side.name) => {
            format!("{} ({})", side.name, commit.chars().take(7).collect::<String>())
        }
        Some(commit) => commit.chars().take(7).collect(),
        None => side.name.clone(),
    };
    format!("{} → {}", side(&review.base), side(&review.head))
}
