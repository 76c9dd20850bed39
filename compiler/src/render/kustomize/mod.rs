//! The renderer for folders with a kustomization.
//!
//! In: a source. Out: a render of `kustomize build` over exactly the files that the kustomization names, however far away
//! (`closure`), those of other repositories beside them (`elsewhere`), with the Application's parameters written into the kustomization (`edit`), as Argo CD does by
//! `kustomize edit`. No flag comes from the repository: no plugins, no Helm, no files outside a kustomization's folder
//! but other kustomizations.

mod address;
mod closure;
mod edit;
mod elsewhere;
mod fields;
mod parts;

use crate::app::KUSTOMIZATIONS;
use crate::diagnostic::{Diagnostic, Origin};

use super::tool::{Command, Places};
use super::{Error, Input, ToolRender, Tools, or_dot};

use closure::{Closure, Replaced};

/// What this renderer is called in a recipe. The number rises whenever equal inputs could give other manifests.
const RENDERER: (&str, u64) = ("kustomize", 1);

/// Chooses the files and hashes them. `None` where something is wrong, which is among the findings.
pub(super) fn lay_out(
    input: &Input<'_>,
    tools: &dyn Tools,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<ToolRender>, Error> {
    let folder = input.folder.folder();
    let parameters = input.source.kustomize.clone().unwrap_or_default();
    let missing = || {
        let message = format!("no kustomization in {} ({})", or_dot(folder), KUSTOMIZATIONS.join(", "));
        Diagnostic::error(input.place("/kustomize"), message)
    };
    let Some(tree) = input.tree else {
        findings.push(missing());
        return Ok(None);
    };
    let mut closure = Closure::new(tree, input.elsewhere.as_ref(), tools, findings);
    let Some(kustomization) = closure.root(folder)? else {
        findings.push(missing());
        return Ok(None);
    };
    let origin = Origin::of_file(kustomization.path.clone());
    if closure.is_refused() {
        return Ok(None);
    }
    match edit::edited(&kustomization.bytes, &parameters, &input.environment, |path| closure.is_folder(folder, path)) {
        Ok(None) => {}
        Ok(Some(edited)) => {
            let added = edited.added.into_iter().map(|(there, parameter)| (there, input.place(&parameter)));
            closure.replace(folder, &kustomization, Replaced { bytes: edited.bytes, added: added.collect() })?;
        }
        Err(fault) => {
            let parameter = fault.parameter.and_then(|parameter| input.places.find(&parameter));
            closure.refuse(parameter.unwrap_or_else(|| origin.clone()), fault.message);
        }
    }
    if closure.is_refused() {
        return Ok(None);
    }
    let (layout, below) = closure.finish(folder)?;
    let kustomize = match tools.kustomize() {
        Ok(kustomize) => kustomize,
        Err(message) => {
            findings.push(Diagnostic::error(Origin::of_file(or_dot(folder)), message));
            return Ok(None);
        }
    };
    let verb = if kustomize.in_kubectl { "kustomize" } else { "build" };
    // Whatever the folder is called, this is no flag.
    let arguments = vec![verb.to_owned(), format!("./{below}")];
    let command = Command::Program(kustomize.program, arguments);
    ToolRender::new(RENDERER, command, layout, origin, Places::Unknown).map(Some)
}
