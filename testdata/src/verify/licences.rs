//! Whether we may use what we depend on: where it is from, and under which licence.
//!
//! In: Cargo's metadata, so every package of Cargo.lock, for whatever platform. Out: a finding for each package that
//! is not from crates.io, or whose licence is not on the list, with the shortest path from a package of ours to it.
//! Packages that are there in several versions are only counted: they cost time and room, not rights.
//!
//! The Go modules of the local cluster are not looked at: they are for tests alone, and nothing of them is published.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;

use spdx::{Expression, Licensee, ParseMode};

use super::failure::{Failure, count};
use super::job::Job;
use super::workspace::{Metadata, Package};

/// The only registry.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The licences that a dependency may have, and why.
const ALLOWED: &[(&str, &str)] = &[
    ("Apache-2.0", "our own"),
    ("Apache-2.0 WITH LLVM-exception", "our own, asking less for binaries"),
    ("MIT", "permissive"),
    ("MIT-0", "MIT without attribution"),
    ("0BSD", "permissive, without attribution"),
    ("BSD-2-Clause", "permissive"),
    ("BSD-3-Clause", "permissive"),
    ("BSL-1.0", "permissive, without attribution in binaries"),
    ("ISC", "permissive"),
    ("Zlib", "permissive"),
    ("Unlicense", "public domain"),
    ("CC0-1.0", "public domain"),
    ("Unicode-3.0", "permissive, for the tables of Unicode"),
    ("CDLA-Permissive-2.0", "permissive, for data: root certificates"),
    ("MPL-2.0", "copyleft for its own files only, which we do not change"),
];

/// A package that names a file and no licence, and what we read in that file.
struct ReadByUs {
    package: &'static str,
    licence: &'static str,
    /// Of the file that it names; another text is to be read again.
    blake3: &'static str,
}

const READ_BY_US: &[ReadByUs] = &[ReadByUs {
    package: "libyaml-safer",
    licence: "MIT",
    blake3: "26536e9dddf6909d3f65266132197fd473ca0c057d709e9f9bdb24c598a608df",
}];

/// Looks at every dependency.
pub(super) fn run(job: &mut Job<'_>) -> Result<String, Failure> {
    let metadata = Metadata::read(job)?;
    let licensees = licensees();
    let wrong: Vec<(&Package, String)> =
        metadata.packages.iter().filter_map(|package| Some((package, objection(package, &licensees)?))).collect();
    let paths = if wrong.is_empty() { BTreeMap::new() } else { shortest_paths(&metadata) };
    job.findings(wrong.iter().map(|(package, objection)| {
        let path = paths.get(package.id.as_str()).map_or("nothing", String::as_str);
        format!("{} {}: {objection} (by {path})", package.name, package.version)
    }))?;
    let repeated = in_several_majors(&metadata).len();
    Ok(format!("{}, {repeated} of them in several major versions", count(metadata.packages.len(), "package")))
}

/// The list as the library has it.
fn licensees() -> Vec<Licensee> {
    ALLOWED.iter().filter_map(|(licence, _)| Licensee::parse(licence).ok()).collect()
}

/// Why a package may not be used; none where it may.
fn objection(package: &Package, allowed: &[Licensee]) -> Option<String> {
    match package.source.as_deref() {
        None | Some(CRATES_IO) => {}
        Some(elsewhere) => return Some(format!("is not from crates.io but from {elsewhere}")),
    }
    match (&package.license, licence_file(package)) {
        (Some(licence), _) => objection_to(licence, allowed),
        (None, None) => Some("has no licence".to_owned()),
        (None, Some(hash)) => {
            match READ_BY_US.iter().find(|read| read.package == package.name && read.blake3 == hash) {
                Some(read) => objection_to(read.licence, allowed),
                None => Some(format!("names no licence but a file, BLAKE3 {hash}, which we have not read")),
            }
        }
    }
}

/// Why a licence is none of ours; none where it is.
fn objection_to(licence: &str, allowed: &[Licensee]) -> Option<String> {
    // Lax: many packages are older than the rule that says `OR` for `/`.
    let expression = match Expression::parse_mode(licence, ParseMode::LAX) {
        Ok(expression) => expression,
        Err(error) => return Some(format!("has the licence `{licence}`, which is none: {}", error.reason)),
    };
    let may = expression.evaluate(|required| allowed.iter().any(|licensee| licensee.satisfies(required)));
    (!may).then(|| format!("has the licence `{licence}`, which is not on our list"))
}

/// The hash of the file that the package names for its licence.
fn licence_file(package: &Package) -> Option<String> {
    let path = package.manifest_path.parent()?.join(package.license_file.as_ref()?);
    Some(blake3::hash(&fs::read(path).ok()?).to_hex().to_string())
}

/// `ours > theirs > … > package` for each package, by id.
fn shortest_paths(metadata: &Metadata) -> BTreeMap<&str, String> {
    let packages = metadata.by_id();
    let nodes: BTreeMap<_, _> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    let mut waiting: VecDeque<&str> = VecDeque::new();
    for member in metadata.members() {
        paths.insert(&member.id, member.name.clone());
        waiting.push_back(&member.id);
    }
    while let Some(id) = waiting.pop_front() {
        let path = paths.get(id).cloned().unwrap_or_default();
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.dependencies) {
            let Some(package) = packages.get(dependency.as_str()).filter(|_| !paths.contains_key(dependency.as_str()))
            else {
                continue;
            };
            paths.insert(dependency, format!("{path} > {}", package.name));
            waiting.push_back(dependency);
        }
    }
    paths
}

/// The names of packages of which there are versions that cannot replace one another.
fn in_several_majors(metadata: &Metadata) -> BTreeSet<&str> {
    let mut majors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &metadata.packages {
        majors.entry(&package.name).or_default().insert(major(&package.version));
    }
    majors.into_iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| name).collect()
}

/// The part of a version that two versions must share to replace one another: `1`, `0.4`, `0.0.2`.
fn major(version: &str) -> &str {
    let is_part = |c: char| c != '0' && c != '.';
    let from = version.find(is_part).unwrap_or(version.len());
    let length = version[from..].find(['.', '-', '+']).unwrap_or(version.len() - from);
    &version[..from + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_licence_of_the_list_is_known() {
        assert_eq!(licensees().len(), ALLOWED.len());
        let known = |licence| ALLOWED.iter().any(|(allowed, _)| *allowed == licence);
        assert!(READ_BY_US.iter().all(|read| known(read.licence)));
    }

    #[test]
    fn an_expression_needs_all_of_and_and_one_of_or() {
        let allowed = licensees();
        for licence in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(MIT OR GPL-2.0) AND Unicode-3.0"] {
            assert_eq!(objection_to(licence, &allowed), None, "{licence}");
        }
        for licence in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "AGPL-3.0", "LGPL-2.1-or-later", "Apache-2.0 OR", ""] {
            assert!(objection_to(licence, &allowed).is_some(), "{licence}");
        }
    }

    #[test]
    fn an_exception_that_asks_for_more_is_not_the_licence_alone() {
        let exception = "Apache-2.0 WITH Swift-exception";
        assert!(objection_to(exception, &licensees()).is_some());
    }

    #[test]
    fn packages_from_elsewhere_or_without_licence_are_refused() {
        let package = |source: Option<&str>, license: Option<&str>| Package {
            id: "x".into(),
            name: "x".into(),
            version: "1.0.0".into(),
            license: license.map(str::to_owned),
            license_file: None,
            source: source.map(str::to_owned),
            manifest_path: "/x/Cargo.toml".into(),
            targets: Vec::new(),
        };
        let allowed = licensees();
        assert_eq!(objection(&package(Some(CRATES_IO), Some("MIT")), &allowed), None);
        assert!(objection(&package(Some("git+https://example.com/x"), Some("MIT")), &allowed).is_some());
        assert!(objection(&package(Some(CRATES_IO), None), &allowed).is_some());
    }

    #[test]
    fn majors_are_what_versions_must_share() {
        assert_eq!(["1.2.3", "0.4.1", "0.0.2", "10.0.0-rc.1"].map(major), ["1", "0.4", "0.0.2", "10"]);
        assert_eq!(major("0.0.0"), "0.0.0");
    }
}
