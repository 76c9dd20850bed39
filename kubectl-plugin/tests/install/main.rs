//! The definitions of our kinds, and the installation, on clusters of the tests' own.

#[path = "../support/mod.rs"]
mod support;

mod definitions;
mod image;
mod installing;
mod whole;

use std::path::PathBuf;

use gitops_testdata::cluster::{LocalCluster, Options};
use serde_json::Value as Json;
use support::World;

/// A cluster of one's own: definitions are there for all namespaces.
fn cluster(name: &str) -> (LocalCluster, World) {
    let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
    let connection = cluster.connection();
    let world = World::at(&connection.kubeconfig, &connection.kubectl, name);
    world.kubectl(&["create", "namespace", name]);
    (cluster, world)
}

/// A file of the definitions that are published.
fn published(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas/crds").join(name);
    path.to_string_lossy().into_owned()
}

/// Installs both definitions, and waits until they are served.
fn define(world: &World) {
    for name in ["application.yaml", "appproject.yaml"] {
        world.kubectl(&["create", "-f", &published(name)]);
    }
    world.kubectl(&[
        "wait",
        "--for=condition=Established",
        "crd/applications.argoproj.io",
        "crd/appprojects.argoproj.io",
    ]);
}

/// Makes an object with strict validation; gives it as the server keeps it, or what the server says.
fn create(world: &World, object: &str) -> Result<Json, String> {
    let file = world.home.path().join("object.yaml");
    std::fs::write(&file, object).expect("written");
    let file = file.to_string_lossy().into_owned();
    let output = world.try_kubectl(&["create", "-f", &file, "-n", &world.name, "--validate=strict", "-o", "json"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && told.is_empty() {
        return Ok(serde_json::from_slice(&output.stdout).expect("JSON"));
    }
    Err(told)
}
