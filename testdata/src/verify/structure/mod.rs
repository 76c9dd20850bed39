//! The rules of this repository that no other tool checks.
//!
//! In: the files that Git has or would add, and Cargo's metadata. Out: `path:line: what is wrong`, for each. One file
//! for each family: `order` of modules, `layout` of the tree, `text` of sources, `reach` of files and tests, `features` of
//! dependencies.

mod features;
mod layout;
mod order;
mod reach;
mod source;
mod text;

use std::fs;

use super::failure::{Failure, count};
use super::job::Job;
use super::workspace::{self, Metadata};
use source::Source;

/// Looks at every file.
pub(super) fn run(job: &mut Job<'_>) -> Result<String, Failure> {
    let files = workspace::files(job)?;
    let metadata = Metadata::read(job)?;
    let sources = sources(&files)?;
    let mut findings = layout::findings(&files);
    findings.extend(sources.iter().flat_map(text::findings));
    findings.extend(order::findings(&sources));
    findings.extend(reach::findings(&sources, &metadata));
    findings.extend(features::findings(job)?);
    job.findings(findings)?;
    Ok(count(sources.len(), "source"))
}

/// The texts of all sources of ours in Rust and Go.
fn sources(files: &[String]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for path in files.iter().filter(|path| Source::is_one(path)) {
        let text = fs::read_to_string(workspace::root().join(path)).map_err(Failure::unreadable(path))?;
        sources.push(Source { path: path.clone(), text });
    }
    Ok(sources)
}
