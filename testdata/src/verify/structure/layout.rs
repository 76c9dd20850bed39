//! What may stand at the top of the repository, so that a reader sees at once what there is.
//!
//! In: the paths of all files. Out: a finding for each entry that is not on the list. Files and folders whose name
//! begins with a dot are settings of tools, and may always be there.

use std::collections::BTreeSet;

const ALLOWED: [&str; 13] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "compiler",
    "kubectl-plugin",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "schemas",
    "snapshots",
    "testdata",
];

pub(super) fn findings(files: &[String]) -> Vec<String> {
    let top: BTreeSet<&str> = files.iter().filter_map(|path| path.split('/').next()).collect();
    let unknown = top.into_iter().filter(|entry| !entry.starts_with('.') && !ALLOWED.contains(entry));
    unknown
        .map(|entry| format!("{entry}: may not stand at the top (testdata/src/verify/structure/layout.rs)"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_listed_may_stand_at_the_top() {
        let files = ["Cargo.toml", ".ci/run", "compiler/src/lib.rs", "notes/a.md", "notes/b.md"].map(str::to_owned);
        let findings = findings(&files);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("notes:"), "{findings:?}");
    }
}
