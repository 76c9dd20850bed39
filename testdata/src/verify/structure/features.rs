//! Features of dependencies: the same for tests as for programs.
//!
//! In: what Cargo says that programs and tests are built with (`cargo tree`). Out: each dependency that tests would build
//! with more. Such a one, and all that stands on it, would be built twice, and tests would not test what is used.

use std::collections::BTreeMap;

use crate::verify::failure::Failure;
use crate::verify::job::Job;
use crate::verify::workspace;

/// All dependencies that programs and tests have in common are built with the same features.
pub(super) fn findings(job: &mut Job<'_>) -> Result<Vec<String>, Failure> {
    let programs = tree(job, "normal,build")?;
    let tests = tree(job, "normal,build,dev")?;
    Ok(differences(&features(&programs), &features(&tests)))
}

fn tree(job: &mut Job<'_>, edges: &str) -> Result<String, Failure> {
    let arguments =
        ["tree", "--workspace", "--locked", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}", "--edges"];
    job.output(workspace::cargo(&[&arguments[..], &[edges]].concat()))
}

/// Package and version to its features. One that is built for build scripts, too, may stand there twice.
fn features(tree: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut features: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (package, of) in tree.lines().filter_map(|line| line.split_once('|')) {
        let all = features.entry(package).or_default();
        all.push(of);
        all.sort_unstable();
        all.dedup();
    }
    features
}

fn differences(programs: &BTreeMap<&str, Vec<&str>>, tests: &BTreeMap<&str, Vec<&str>>) -> Vec<String> {
    let both = programs.iter().filter_map(|(package, of)| Some((package, of, tests.get(package)?)));
    let differ = both.filter(|(_, program, test)| program != test);
    differ
        .map(|(package, program, test)| {
            format!(
                "Cargo.toml: {package} is built with `{}` for programs and `{}` for tests: name the features here, or \
                 make what asks for them a dependency of testdata",
                program.join("` and `"),
                test.join("` and `")
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_only_tests_ask_for_are_found() {
        let programs = features("a v1|std\nb v1|x\nb v1|y\nb v1|x\n\nc v1|\n");
        assert_eq!(differences(&programs, &programs), [""; 0]);
        let tests = features("a v1|alloc,std\nb v1|x\nb v1|y\nd v1|z\nc v1|\n");
        let found = differences(&programs, &tests);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("Cargo.toml: a v1 is built with `std` for programs and `alloc,std` for tests"));
    }
}
