//! Whether everything that is there is also compiled and run: a file that no `mod` names compiles by never being
//! compiled, and a test that no check runs passes by never being run.
//!
//! In: the sources, and Cargo's targets. Out: a finding for each file that nobody includes, and for each test that
//! `cargo test` or `cargo verify` would leave out. `#[path]` is not understood, and not needed.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Source, is_rust};
use crate::verify::suites;
use crate::verify::workspace::{self, Metadata, Package, Target};

pub(super) fn findings(sources: &[Source], metadata: &Metadata) -> Vec<String> {
    let mut findings = Vec::new();
    let texts: BTreeMap<&str, &str> =
        sources.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
    let roots = metadata.members().flat_map(|member| &member.targets).filter_map(path_of);
    let reached = reached(roots.chain(fuzz_programs(&texts)).collect(), &texts);
    for path in texts.keys().filter(|path| is_rust(path) && !reached.contains(**path)) {
        findings.push(format!("{path}:1: is not compiled: no `mod` and no target names it"));
    }
    findings.extend(metadata.members().flat_map(left_out));
    findings.extend(namesakes(metadata));
    findings
}

/// What the manifest of the fuzz targets names. They are a workspace of their own, since they need a nightly compiler;
/// what they do is in a test that is run here.
fn fuzz_programs<'a>(texts: &BTreeMap<&'a str, &'a str>) -> impl Iterator<Item = &'a str> {
    let manifest = std::fs::read_to_string(workspace::root().join("compiler/fuzz/Cargo.toml")).unwrap_or_default();
    let named = move |path: &str| {
        let inside = path.strip_prefix("compiler/fuzz/");
        inside.is_some_and(|inside| manifest.contains(&format!("path = {inside:?}")))
    };
    texts.keys().copied().filter(move |path| named(path))
}

/// The tests of a package that nobody runs.
fn left_out(package: &Package) -> Vec<String> {
    let mut findings = Vec::new();
    for target in &package.targets {
        let path = path_of(target).unwrap_or_default();
        let has_tests = target.kind.iter().any(|kind| matches!(kind.as_str(), "lib" | "bin" | "test"));
        if has_tests && !target.test {
            findings.push(format!("{path}:1: its tests are not run: Cargo.toml says `test = false`"));
        }
        if target.is_integration_test() && !suites::runs_tests_of(&package.name) {
            let message = "is not run: no check has this package (testdata/src/verify/suites.rs)";
            findings.push(format!("{path}:1: {message}"));
        }
    }
    findings
}

/// The integration tests of one name: a check chooses them by name, and would run those of another check also.
fn namesakes(metadata: &Metadata) -> Vec<String> {
    let mut names = BTreeSet::new();
    let targets = metadata.members().flat_map(|member| &member.targets);
    let tests = targets.filter(|target| target.is_integration_test());
    let again = tests.filter(|target| !names.insert(target.name.as_str()));
    again
        .map(|target| format!("{}:1: another package has a test of this name", path_of(target).unwrap_or_default()))
        .collect()
}

/// Where a target begins, from the root of the repository.
fn path_of(target: &Target) -> Option<&str> {
    target.src_path.strip_prefix(workspace::root()).ok()?.to_str()
}

/// The files that `roots` include, and they themselves.
fn reached<'a>(roots: Vec<&'a str>, texts: &BTreeMap<&'a str, &'a str>) -> BTreeSet<&'a str> {
    let mut reached: BTreeSet<&str> = roots.iter().copied().collect();
    // With each file the folder that its modules are in.
    let mut waiting: Vec<(&str, String)> = roots.into_iter().map(|root| (root, parent(root).to_owned())).collect();
    while let Some((path, folder)) = waiting.pop() {
        for module in texts.get(path).into_iter().flat_map(|text| declared_modules(text)) {
            let inner = format!("{folder}/{module}");
            for candidate in [format!("{inner}.rs"), format!("{inner}/mod.rs")] {
                if let Some((&found, _)) = texts.get_key_value(candidate.as_str())
                    && reached.insert(found)
                {
                    waiting.push((found, inner.clone()));
                }
            }
        }
    }
    reached
}

/// The folder of a path.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The names in `mod name;`, whoever may see it.
fn declared_modules(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let mut words = line.trim().strip_suffix(';')?.split_whitespace().skip_while(|word| word.starts_with("pub"));
        (words.next()? == "mod").then_some(())?;
        words.next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_reached_by_the_modules_that_name_them() {
        let texts = BTreeMap::from([
            ("x/src/lib.rs", "mod a;\npub(crate) mod b;\nmod c { }\n"),
            ("x/src/a.rs", "mod inner;\n"),
            ("x/src/a/inner.rs", ""),
            ("x/src/b/mod.rs", "#[cfg(test)]\nmod tests;\n"),
            ("x/src/b/tests.rs", ""),
            ("x/src/b/forgotten.rs", ""),
            ("x/tests/t.rs", "mod support;\n"),
            ("x/tests/support/mod.rs", ""),
        ]);
        let reached = reached(vec!["x/src/lib.rs", "x/tests/t.rs"], &texts);
        let forgotten: Vec<_> = texts.keys().filter(|path| !reached.contains(**path)).collect();
        assert_eq!(forgotten, [&"x/src/b/forgotten.rs"]);
    }
}
