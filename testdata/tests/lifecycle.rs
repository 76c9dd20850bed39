//! The compiler's table of deprecated and removed API versions is what Kubernetes' Go types say.

use std::fs;
use std::path::Path;

use gitops_testdata::lifecycle;

#[test]
fn the_table_of_the_compiler_is_of_these_types() {
    let made = lifecycle::describe().expect("Go has the modules");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/src/lint/lifecycle.txt");
    let kept = fs::read_to_string(path).expect("it is in the repository");
    assert!(kept == made, "renew it with `cargo run -p gitops-testdata --bin lifecycle`");
}
