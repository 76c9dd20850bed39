//! The renderer for charts.

use crate::diagnostic::{Diagnostic, Origin};

use super::{Error, Input, ToolRender, Tools, or_dot};

/// Chooses the files and hashes them. `None` where something is wrong, which is among the findings.
pub(super) fn lay_out(
    input: &Input<'_>,
    _tools: &dyn Tools,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<ToolRender>, Error> {
    let origin = Origin { path: or_dot(input.folder.folder()), line: 0, column: 0 };
    findings.push(Diagnostic::error(origin, "Helm is not run by this version"));
    Ok(None)
}

/// Where the document that begins on a line of the output comes from.
pub(super) fn place(_output: &[u8], _line: usize, _chart: &str) -> Option<Origin> {
    None
}
