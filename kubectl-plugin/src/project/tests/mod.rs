//! Projects as people write them, asked.

mod others;
mod permissions;
mod reading;
mod roles;
mod windows;

use serde_json::{Value as Json, json};

use super::AppProject;

/// A project with this spec.
fn project(spec: Json) -> AppProject {
    AppProject::read(&object(spec)).expect("a project")
}

fn object(spec: Json) -> Json {
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "shop"}, "spec": spec})
}
