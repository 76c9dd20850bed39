//! The files of values that an Application names.
//!
//! In: the parameters of a source. Out: the files in the layout, and the arguments that name them, in the order in which
//! they count. A path is one of the folder, `/…` of the root of the repository, `$name/…` of the root of another source's,
//! as in Argo CD; none leads out of its repository, and none is an address.

use crate::app::Helm;
use crate::diagnostic::Diagnostic;
use crate::render::layout::Layout;
use crate::render::{Error, Input};
use crate::tree::{File, join};

/// Lays out files of values and files that are values.
pub(super) fn lay_out(
    input: &Input<'_>,
    parameters: &Helm,
    layout: &mut Layout,
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<String>, Error> {
    let mut arguments = Vec::new();
    for (index, name) in parameters.value_files.iter().enumerate() {
        match find(input, name)? {
            Ok(file) => {
                let place = format!("values/{index}.yaml");
                layout.add(&place, file);
                arguments.push(format!("--values={place}"));
            }
            Err(Missing::NotThere(_)) if parameters.ignore_missing_value_files => {}
            Err(missing) => {
                let origin = input.place(&format!("/helm/valueFiles/{index}"));
                findings.push(Diagnostic::error(origin, missing.message("value file", name)));
            }
        }
    }
    let own = match &parameters.values_object {
        Some(values) => serde_json::to_vec(values).unwrap_or_default(),
        None => parameters.values.clone().into_bytes(),
    };
    if !own.is_empty() {
        layout.put("values/application.yaml", own);
        arguments.push("--values=values/application.yaml".to_owned());
    }
    for (index, parameter) in parameters.file_parameters.iter().enumerate() {
        let origin = || input.place(&format!("/helm/fileParameters/{index}"));
        if parameter.name.contains([',', '=', '\n']) {
            let message =
                format!("a file parameter cannot be called `{}`: Helm would read more than one", parameter.name);
            findings.push(Diagnostic::error(origin(), message));
            continue;
        }
        match find(input, &parameter.path)? {
            Ok(file) => {
                let place = format!("files/{index}");
                layout.add(&place, file);
                arguments.push(format!("--set-file={}={place}", parameter.name));
            }
            Err(missing) => {
                findings.push(Diagnostic::error(origin(), missing.message("file parameter", &parameter.path)));
            }
        }
    }
    Ok(arguments)
}

/// Why there is no file.
enum Missing {
    NotThere(String),
    Outside,
    Address,
    NoSource(String),
}

impl Missing {
    fn message(&self, kind: &str, name: &str) -> String {
        match self {
            Self::NotThere(path) => format!("the {kind} `{name}` is not there: there is no `{path}`"),
            Self::Outside => format!("the {kind} `{name}` leads out of the repository"),
            Self::Address => format!("the {kind} `{name}` is an address: put the file into a repository"),
            Self::NoSource(source) => {
                format!("the {kind} `{name}` is of the source `{source}`, and no source has this `ref`")
            }
        }
    }
}

fn find(input: &Input<'_>, name: &str) -> Result<Result<File, Missing>, Error> {
    let of_source = name.strip_prefix('$').map(|rest| rest.split_once('/').unwrap_or((rest, "")));
    let lent = of_source.and_then(|(source, path)| Some((*input.lent.get(source)?, path)));
    let (tree, folder, path) = match lent {
        Some((tree, path)) => (Some(tree), "", input.environment.replace(path)),
        None => (input.tree, input.folder.folder(), input.environment.replace(name)),
    };
    if path.contains("://") {
        return Ok(Err(Missing::Address));
    }
    if let Some((source, _)) = of_source.filter(|_| lent.is_none() && path.starts_with('/') && !name.contains('{')) {
        // Nothing is called so, neither a variable nor a source.
        return Ok(Err(Missing::NoSource(source.to_owned())));
    }
    let path = path.strip_prefix('/').map_or_else(|| join(folder, &path), |path| join("", path));
    let Some(path) = path else { return Ok(Err(Missing::Outside)) };
    let file = match tree {
        Some(tree) => tree.file(&path)?,
        None => None,
    };
    Ok(file.ok_or(Missing::NotThere(path)))
}
