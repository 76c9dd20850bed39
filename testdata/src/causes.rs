//! An error and what caused it, in one line.

use std::error::Error;
use std::iter::successors;

/// The error's own words and those of each cause, joined by `: `.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let chain = successors(Some(error), |error| (*error).source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
