//! Evaluating Jsonnet, in a process of its own in the sandbox: an evaluation can run for ever.
//!
//! In: a [`Request`] as JSON; the files are in the current folder. Out: what the file gives, one JSON value a line: the items
//! of a list, or the value itself. An error says where, with paths of the layout.

use std::io::{Read, Write};
use std::path::PathBuf;

use jrsonnet_evaluator::function::TlaArg;
use jrsonnet_evaluator::gc::GcHashMap;
use jrsonnet_evaluator::manifest::JsonFormat;
use jrsonnet_evaluator::trace::{CompactFormat, PathResolver, TraceFormat as _};
use jrsonnet_evaluator::{Error, FileImportResolver, IStr, State, Val, apply_tla};
use jrsonnet_stdlib::ContextInitializer;
use serde::{Deserialize, Serialize};

use crate::app::JsonnetVariable;
use crate::sandbox::Worker;

/// The worker.
pub const JSONNET: Worker = Worker { name: "jsonnet", work };

/// What is to be evaluated.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The file, from the root of the layout.
    pub(super) file: String,
    /// Where imports are looked for that are not beside the file that has them.
    pub(super) libraries: Vec<String>,
    /// What `std.extVar` finds.
    pub(super) variables: Vec<JsonnetVariable>,
    /// Arguments of a file whose value is a function.
    pub(super) arguments: Vec<JsonnetVariable>,
}

fn work(request: &mut dyn Read, answer: &mut dyn Write) -> Result<(), String> {
    let request: Request = serde_json::from_reader(request).map_err(|error| error.to_string())?;
    let root = std::env::current_dir().map_err(|error| error.to_string())?;
    let lines = evaluate(&request, root.clone()).map_err(|error| told(&error, root))?;
    for line in lines {
        writeln!(answer, "{line}").map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn evaluate(request: &Request, root: PathBuf) -> Result<Vec<String>, Error> {
    let context = ContextInitializer::new(PathResolver::Relative(root.clone()));
    for JsonnetVariable { name, value, code } in &request.variables {
        if *code {
            context.add_ext_code(name, value.as_str())?;
        } else {
            context.add_ext_str(name.as_str().into(), value.as_str().into());
        }
    }
    let libraries = request.libraries.iter().map(|library| root.join(library)).collect();
    let mut builder = State::builder();
    builder.import_resolver(FileImportResolver::new(libraries)).context_initializer(context);
    let state = builder.build();
    let value = state.import(root.join(&request.file))?;
    let mut arguments: GcHashMap<IStr, TlaArg> = GcHashMap::new();
    for JsonnetVariable { name, value, code } in &request.arguments {
        let argument = if *code {
            TlaArg::Val(state.evaluate_snippet(format!("<top-level-arg:{name}>"), value.as_str())?)
        } else {
            TlaArg::String(value.as_str().into())
        };
        arguments.insert(name.as_str().into(), argument);
    }
    let value = apply_tla(state, &arguments, value)?;
    match &value {
        Val::Arr(items) => items.iter().map(|item| item?.manifest(JsonFormat::minify())).collect(),
        value => Ok(vec![value.manifest(JsonFormat::minify())?]),
    }
}

fn told(error: &Error, root: PathBuf) -> String {
    let format = CompactFormat { resolver: PathResolver::Relative(root), ..CompactFormat::default() };
    format.format(error).unwrap_or_else(|_| error.to_string())
}
