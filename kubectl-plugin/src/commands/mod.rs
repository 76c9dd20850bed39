//! One file for each command: it reads its flags, calls, and prints. [`change`] has what those that change a cluster
//! have in common.

pub mod adopt;
pub mod app;
pub mod apply;
pub mod beside;
pub mod bundle;
pub mod check;
pub mod cluster;
pub mod compile;
mod compile_set;
pub mod controller;
mod controller_cache;
mod controller_oidc;
pub mod delete;
pub mod diff;
mod diff_live;
pub mod drift;
pub mod graph;
pub mod history;
pub mod hold;
pub mod hooks;
pub mod install;
pub mod lock;
pub mod parse;
pub mod plan;
pub mod project;
pub mod refuse;
pub mod rename;
mod request;
pub mod review;
mod review_kept;
mod review_live;
pub mod rollback;
pub mod show;
pub mod snapshot;
pub mod status;
pub mod store;
mod trusted;
pub mod ui;

pub mod change;

/// Bodies as a stream of YAML documents, as kubectl reads it.
fn documents<'a>(bodies: impl Iterator<Item = std::borrow::Cow<'a, gitops_compiler::canon::Value>>) -> String {
    bodies.fold(String::new(), |mut text, body| {
        text.push_str("---\n");
        text.push_str(&gitops_compiler::manifest::yaml::emit(&body));
        text
    })
}

/// Objects that were made here, in the same form.
fn yaml(objects: &[serde_json::Value]) -> String {
    let text = objects.iter().map(serde_json::Value::to_string).collect::<Vec<_>>().join("\n");
    let (manifests, _) = gitops_compiler::manifest::read("objects.json", text.as_bytes());
    documents(manifests.iter().map(|manifest| std::borrow::Cow::Borrowed(&manifest.body)))
}
