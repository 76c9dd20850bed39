//! The renderer for folders with a kustomization.

use crate::diagnostic::{Diagnostic, Origin};

use super::{Error, Input, ToolRender, Tools, or_dot};

/// Chooses the files and hashes them. `None` where something is wrong, which is among the findings.
pub(super) fn lay_out(
    input: &Input<'_>,
    _tools: &dyn Tools,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<ToolRender>, Error> {
    let origin = Origin { path: or_dot(input.folder.folder()), line: 0, column: 0 };
    findings.push(Diagnostic::error(origin, "Kustomize is not run by this version"));
    Ok(None)
}
