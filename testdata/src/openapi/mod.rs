//! Kubernetes' own schemas, as the API server tells them: the file that the compiler validates manifests with.
//!
//! In: an API server that is ready, with nothing but its own kinds in it. Out: one text, the same for each server of one
//! version: every kind that can be applied, the types of its fields, and which of them must be there.
//! `compiler/src/schema/kubernetes/mod.rs` says how it is written, and reads it.
//!
//! # What must be there
//! OpenAPI's lists of required fields are not what the server demands: `PriorityClass.value` is on one, and the server is
//! content without. So the server itself is asked. For each required field an object is made that lacks just this field,
//! and is applied as a dry run: where the answer complains about the field, it is demanded (see `demand`).
//!
//! `documents` reads OpenAPI, `types` writes it in our words.

mod demand;
mod documents;
mod types;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::cluster::{self, Api, Connection};
use documents::Documents;

/// How long the server's controllers may take to make what a Pod needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// Why there is no description.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server could not be reached.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The server does not answer as an API server does.
    #[error("{path}: the API server answered {status}")]
    Answer {
        /// What was asked for.
        path: String,
        /// The code of HTTP.
        status: u16,
    },
    /// The document has something that this cannot write.
    #[error("the schema of {place} is of a kind that is new to us: look at testdata/src/openapi/types.rs")]
    Novel {
        /// In which definition, and where.
        place: String,
    },
}

/// Kubernetes' minor version and the description of its kinds.
pub fn describe(connection: &Connection) -> Result<(String, String), Error> {
    let api = Api::of(connection)?;
    wait_for_controllers(&api)?;
    let version = version(&api)?;
    let documents = Documents::read(&api)?;
    let demands = demand::ask(&api, &documents)?;
    let mut text = format!(
        "# Kubernetes {version}, made from its API server by `cargo run -p gitops-testdata --bin openapi`; do not edit.\n"
    );
    for ((api_version, kind), found) in &documents.kinds {
        let _ = writeln!(text, "kind {api_version} {kind} {}", types::short(&found.definition));
    }
    text.push_str(&types::describe(&documents, &demands)?);
    Ok((version, text))
}

/// `1.37`.
fn version(api: &Api) -> Result<String, Error> {
    let told = documents::get(api, "/version")?;
    let part = |name: &str| told[name].as_str().unwrap_or_default().trim_end_matches('+').to_owned();
    Ok(format!("{}.{}", part("major"), part("minor")))
}

/// No Pod is looked at before there is an account for it.
fn wait_for_controllers(api: &Api) -> Result<(), Error> {
    let path = "/api/v1/namespaces/default/serviceaccounts/default";
    let begun = Instant::now();
    loop {
        match api.get(path)?.status {
            200 => return Ok(()),
            status if begun.elapsed() > PATIENCE => return Err(Error::Answer { path: path.to_owned(), status }),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
