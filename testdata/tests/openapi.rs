//! The schemas that the compiler has are those of the API server that all tests run against.

use std::path::Path;

use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::openapi;

#[test]
fn the_schemas_of_the_compiler_are_those_of_the_server() {
    let cluster = LocalCluster::start(&Options::default()).expect("it starts");
    let (version, made) = openapi::describe(cluster.connection()).expect("the server tells");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../compiler/src/schema/kubernetes/{version}.txt"));
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = made.lines().zip(kept.lines()).enumerate().find(|(_, (made, kept))| made != kept);
    let renew = "renew it with `cargo run -p gitops-testdata --bin openapi`";
    if let Some((index, (made, kept))) = differs {
        panic!("{}:{}: is `{kept}`, should be `{made}`; {renew}", path.display(), index + 1);
    }
    assert!(made == kept, "{}: is not as long as it should be; {renew}", path.display());
}
