//! When API versions of Kubernetes came to be deprecated and removed, as its own Go types say: the table that the
//! compiler's lints speak from.
//!
//! In: the Go modules that hold the types, from the module cache or the proxy. Out: one text, the same on every machine;
//! `compiler/src/lint/lifecycle.rs` says how it is written, and reads it.
//!
//! Each version of each kind has methods that name the releases, from which the API server makes its own warnings; of what
//! is stable only a comment says that it is deprecated. What is removed is deleted from the types some releases later, so
//! that an old module is read, too: the last one that has what 1.25 removed. Where both know a kind, the new one counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::golang::{self, Error};

/// The modules and the folders in them that hold a folder for each group. They have the version of [`NEWEST`].
const MODULES: [(&str, &str); 3] =
    [(NEWEST, ""), ("k8s.io/apiextensions-apiserver", "pkg/apis"), ("k8s.io/kube-aggregator", "pkg/apis")];

/// Its version is what `testdata/cluster/go.mod` requires.
const NEWEST: &str = "k8s.io/api";

/// The types of before.
const OLD: &str = "k8s.io/api@v0.24.17";

/// The generated file with the methods.
const METHODS: &str = "zz_generated.prerelease-lifecycle.go";

/// What the methods say of one kind in one version.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Lifecycle {
    /// The minor release of Kubernetes 1.
    deprecated: Option<u32>,
    removed: Option<u32>,
    /// `apiVersion` and kind.
    replacement: Option<(String, String)>,
}

/// By `apiVersion` and kind.
type Lifecycles = BTreeMap<(String, String), Lifecycle>;

/// Writes down what is known of all kinds.
pub fn describe() -> Result<String, Error> {
    let cluster = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster");
    let requirements = cluster.join("go.mod");
    let requirements = fs::read_to_string(&requirements).map_err(Error::file("read", &requirements))?;
    let version = required(&requirements, NEWEST).unwrap_or_default();
    let mut lifecycles = Lifecycles::new();
    read_module(&golang::source(&cluster, OLD)?, &mut lifecycles)?;
    for (module, folder) in MODULES {
        read_module(&golang::source(&cluster, &format!("{module}@{version}"))?.join(folder), &mut lifecycles)?;
    }
    let minor = version.split('.').nth(1).unwrap_or_default();
    let mut text = format!(
        "# Kubernetes 1.{minor}, made from its Go types by `cargo run -p gitops-testdata --bin lifecycle`; do not edit.\n"
    );
    for ((api_version, kind), lifecycle) in &lifecycles {
        let _ = write!(text, "{api_version} {kind}");
        for release in [lifecycle.deprecated, lifecycle.removed] {
            let _ = match release {
                Some(minor) => write!(text, " {minor}"),
                None => write!(text, " -"),
            };
        }
        if let Some((api_version, kind)) = &lifecycle.replacement {
            let _ = write!(text, " {api_version} {kind}");
        }
        text.push('\n');
    }
    Ok(text)
}

/// The version of a module in a `go.mod`.
fn required<'a>(requirements: &'a str, module: &str) -> Option<&'a str> {
    requirements.lines().find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '))
}

/// Reads the folders `GROUP/VERSION` of a module.
fn read_module(module: &Path, lifecycles: &mut Lifecycles) -> Result<(), Error> {
    for group in folders(module)? {
        for version in folders(&group)? {
            let (methods, register) = (version.join(METHODS), version.join("register.go"));
            if !methods.is_file() {
                continue;
            }
            let read = |path: &Path| fs::read_to_string(path).map_err(Error::file("read", path));
            let (register, methods, types) = (read(&register)?, read(&methods)?, read(&version.join("types.go"))?);
            let version = version.file_name().unwrap_or_default().to_string_lossy();
            let api_version = api_version(group_name(&register), &version);
            let mut known = lifecycles_of(&methods);
            for (kind, release) in deprecated_in_comments(&types) {
                known.entry(kind.to_owned()).and_modify(|known| known.deprecated = known.deprecated.or(Some(release)));
            }
            let known = known.into_iter();
            // Objects in lists are told of one by one, and what is in no danger is not told of.
            let known = known.filter(|(kind, known)| !kind.ends_with("List") && known.deprecated.is_some());
            lifecycles.extend(known.map(|(kind, known)| ((api_version.clone(), kind), known)));
        }
    }
    Ok(())
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?.flatten();
    Ok(entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// The value of Go's `GroupName`.
fn group_name(register: &str) -> &str {
    let line = register.lines().find(|line| line.contains("GroupName") && line.contains('='));
    line.and_then(|line| line.split('"').nth(1)).unwrap_or_default()
}

/// What the methods of one version say, by kind. Each is a line that names the kind, and one that returns.
fn lifecycles_of(methods: &str) -> BTreeMap<String, Lifecycle> {
    let mut found = BTreeMap::<String, Lifecycle>::new();
    let mut lines = methods.lines();
    while let Some(line) = lines.next() {
        let Some((kind, method)) = line.strip_prefix("func (in *").and_then(|line| line.split_once(") ")) else {
            continue;
        };
        let (method, answer) = (method.split('(').next().unwrap_or_default(), lines.next().unwrap_or_default());
        let lifecycle = found.entry(kind.to_owned()).or_default();
        let release = || answer.trim().strip_prefix("return 1, ")?.parse().ok();
        match method {
            "APILifecycleDeprecated" => lifecycle.deprecated = release(),
            "APILifecycleRemoved" => lifecycle.removed = release(),
            "APILifecycleReplacement" => {
                if let [_, group, _, version, _, kind, ..] = answer.split('"').collect::<Vec<_>>()[..] {
                    // One of them names its list.
                    let kind = kind.strip_suffix("List").unwrap_or(kind);
                    lifecycle.replacement = Some((api_version(group, version), kind.to_owned()));
                }
            }
            _ => {}
        }
    }
    found
}

/// The types that the comments before them call deprecated, and since when.
fn deprecated_in_comments(types: &str) -> Vec<(&str, u32)> {
    let (mut found, mut release) = (Vec::new(), None);
    for line in types.lines() {
        if let Some((_, rest)) = line.split_once("deprecated in v1.").filter(|_| line.starts_with("// ")) {
            release = rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|minor| minor.parse().ok());
        } else if let Some(kind) = line.strip_prefix("type ").and_then(|line| line.split(' ').next()) {
            found.extend(release.take().map(|release| (kind, release)));
        } else if line == "}" {
            release = None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_understood() {
        let methods = "func (in *Old) APILifecycleDeprecated() (major, minor int) {\n\treturn 1, 21\n}\n\n\
                       func (in *Old) APILifecycleReplacement() schema.GroupVersionKind {\n\
                       \treturn schema.GroupVersionKind{Group: \"policy\", Version: \"v1\", Kind: \"New\"}\n}\n\
                       func (in *Old) APILifecycleRemoved() (major, minor int) {\n\treturn 1, 25\n}\n\
                       func (in *Young) APILifecycleIntroduced() (major, minor int) {\n\treturn 1, 36\n}\n";
        let replacement = Some(("policy/v1".to_owned(), "New".to_owned()));
        let old = Lifecycle { deprecated: Some(21), removed: Some(25), replacement };
        let found = lifecycles_of(methods);
        assert_eq!((found.get("Old"), found.get("Young")), (Some(&old), Some(&Lifecycle::default())));
        let types = "// Old holds.\n// Deprecated: This API is deprecated in v1.33+.\ntype Old struct {\n}\n\ntype New struct {\n}\n";
        assert_eq!(deprecated_in_comments(types), [("Old", 33)]);
        assert_eq!(group_name("package v1\n\n// GroupName is the name\nconst GroupName = \"apps\"\n"), "apps");
        assert_eq!(
            required("require (\n\tk8s.io/api v0.37.2\n\tk8s.io/apimachinery v1\n)", "k8s.io/api"),
            Some("v0.37.2")
        );
    }
}
