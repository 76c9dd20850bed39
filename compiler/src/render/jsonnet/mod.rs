//! The renderer for Jsonnet files of a folder.
//!
//! In: a file, the parameters of its source. Out: a render of that file over exactly the files that it imports, and those
//! in turn (`imports`), wherever they are in the repository. It is evaluated by a worker of ours in the sandbox (`worker`).

mod imports;
mod worker;

use std::collections::BTreeSet;

use crate::app::{Jsonnet, JsonnetVariable};
use crate::diagnostic::{Diagnostic, Origin};
use crate::tree::{File, join, parent};

use super::layout::Layout;
use super::tool::{Command, Places};
use super::{Error, Input, ToolRender};

pub use worker::JSONNET;

use imports::{Import, imports};
use worker::Request;

/// What this renderer is called in a recipe. The number rises whenever equal inputs could give other manifests.
const RENDERER: (&str, u64) = ("jsonnet", 1);

/// How many files one render may import.
const MOST_FILES: usize = 10_000;

/// Lays out a file of the source's folder. `None` where something is wrong, which is among the findings.
pub(super) fn lay_out(
    input: &Input<'_>,
    path: &str,
    jsonnet: &Jsonnet,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<ToolRender>, Error> {
    let origin = Origin::of_file(path.to_owned());
    // Later ones are looked in first, the folder itself last, as go-jsonnet does with what Argo CD gives it.
    let mut libraries = Vec::new();
    for (index, library) in jsonnet.libs.iter().enumerate().rev() {
        let Some(folder) = join("", library.trim_start_matches('/')) else {
            let message = format!("the library `{library}` leads out of the repository");
            findings.push(Diagnostic::error(input.place(&format!("/directory/jsonnet/libs/{index}")), message));
            return Ok(None);
        };
        libraries.push(folder);
    }
    libraries.push(input.folder.folder().to_owned());
    let mut layout = Layout::default();
    if let Err(message) = add(input, path, &libraries, &mut layout)? {
        findings.push(Diagnostic::error(origin, message));
        return Ok(None);
    }
    let replaced = |variables: &[JsonnetVariable]| {
        let replace = |variable: &JsonnetVariable| JsonnetVariable {
            value: input.environment.replace(&variable.value),
            ..variable.clone()
        };
        variables.iter().map(replace).collect()
    };
    // A tree that was moved as a whole has the same recipe.
    let root =
        libraries.iter().fold(layout.common_folder(input.folder.folder()), |root, library| common(&root, library));
    layout.strip(&root);
    let below = |path: &str| path.strip_prefix(root.as_str()).unwrap_or(path).trim_start_matches('/').to_owned();
    let request = Request {
        file: below(path),
        libraries: libraries.iter().map(|library| below(library)).collect(),
        variables: replaced(&jsonnet.ext_vars),
        arguments: replaced(&jsonnet.tlas),
    };
    let request = serde_json::to_vec(&request).unwrap_or_default();
    ToolRender::new(RENDERER, Command::Worker(JSONNET.name, request), layout, origin, Places::Unknown).map(Some)
}

/// Adds a file and all that it imports. What is not found is left out: the evaluation may never come there.
fn add(input: &Input<'_>, path: &str, libraries: &[String], layout: &mut Layout) -> Result<Result<(), String>, Error> {
    let mut waiting = vec![(path.to_owned(), true)];
    let mut scanned = BTreeSet::new();
    while let Some((path, is_code)) = waiting.pop() {
        let Some(file) = input.file(&path)? else { continue };
        layout.add(&path, file.clone());
        if layout.len() > MOST_FILES {
            return Ok(Err(format!("it imports more than {MOST_FILES} files")));
        }
        if !is_code || !scanned.insert(path.clone()) {
            continue;
        }
        let bytes = file.read()?;
        let (folder, mut imported) = (parent(&path), Vec::new());
        for Import { name, is_code } in imports(&String::from_utf8_lossy(&bytes)) {
            // Where the file is found first counts; the places before it must stay empty, and so are looked at, too.
            for place in std::iter::once(folder).chain(libraries.iter().map(String::as_str)) {
                let Some(found) = join(place, &name) else {
                    return Ok(Err(format!("`{name}`, which {path} imports, leads out of the repository")));
                };
                if let Some(file) = input.file(&found)? {
                    waiting.push((found, is_code));
                    imported.push(file);
                    break;
                }
            }
        }
        File::prepare(imported.iter());
    }
    Ok(Ok(()))
}

/// The innermost folder that holds both.
fn common(left: &str, right: &str) -> String {
    let same = left.split('/').zip(right.split('/')).take_while(|(left, right)| left == right).map(|(part, _)| part);
    same.collect::<Vec<_>>().join("/")
}
