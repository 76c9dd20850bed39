//! Everything that is worth a word and is no error: the list of all lints, their levels, and those that look at whole
//! manifests.
//!
//! In: manifests; which lints the user allows and denies. Out: findings under the names of [`LINTS`]. Lints never
//! change what is compiled; a denied one is an error.

mod api_version;
mod image;
mod lifecycle;
mod secret;

use std::collections::BTreeSet;

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::Manifest;
use crate::name::KubernetesVersion;

/// What is done about a lint unless the user says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DefaultLevel {
    /// Nothing.
    Allow,
    /// It is told.
    Warn,
    /// Nothing is compiled.
    Deny,
}

/// A lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lint {
    /// What `--allow`, `--deny` and messages call it.
    pub name: &'static str,
    /// What is done about it.
    pub level: DefaultLevel,
    /// What it finds, as a clause.
    pub finds: &'static str,
}

const fn deny(name: &'static str, finds: &'static str) -> Lint {
    Lint { name, level: DefaultLevel::Deny, finds }
}

const fn warn(name: &'static str, finds: &'static str) -> Lint {
    Lint { name, level: DefaultLevel::Warn, finds }
}

/// The lint that there is nothing to compare Kubernetes' own kinds with. It is about what the user asks for, and no file.
pub const SCHEMAS_NOT_SHIPPED: &str = "schemas-not-shipped";

/// The lint of renders that did.
pub const NOT_DETERMINISTIC: &str = "not-deterministic";

/// All lints, by name.
pub const LINTS: &[Lint] = &[
    warn("change-rule-ignored", "a change rule of kapp that names no group of this application"),
    Lint {
        name: "dangling-reference",
        level: DefaultLevel::Allow,
        finds: "a reference to an object of the same namespace that is not among the manifests",
    },
    warn("deprecated-api", "an API version that is served, and announced to go, or that another replaces"),
    warn("dropped-text", "text after `...`, which kubectl does not read"),
    warn("duplicate-key", "a key that stands twice in one map: the last one counts"),
    warn("duplicate-list-key", "a list item whose name, port or path stands twice: the last one counts"),
    warn("failed-rule", "a rule in CEL of a CustomResourceDefinition among the manifests that an object breaks"),
    warn("float-to-integer", "a floating-point number that becomes an integer"),
    warn(
        "impure-template",
        "a function in a template of a chart that gives something else each time, or asks a cluster; only `check` looks",
    ),
    warn("integer-beyond-2^53", "an integer that not every reader of JSON keeps exactly"),
    deny("invalid-value", "a value that the schema of a custom kind does not allow, by range, length, pattern or list"),
    warn("kustomization-skipped", "a Kustomization in a folder of plain manifests"),
    warn("kustomize-reads-all", "a part of a kustomization of which is not known what it reads"),
    warn("local-config-skipped", "an object that is configuration of a tool, not of the cluster"),
    warn("merge-after-key", "a merge (`<<`) that overrides a key before it"),
    deny("missing-field", "a field that the server demands, and that is not there"),
    warn("mutable-image", "an image without a tag, or with the tag latest: what runs can change by itself"),
    warn("non-string-key", "a key that is no text, and becomes it"),
    deny(NOT_DETERMINISTIC, "a render that gave something else when `check` ran it again"),
    deny("object-read-as-list", "an object with a field `items`, which kubectl reads as a list and loses"),
    warn("octal-integer", "a number with a leading zero, which is octal"),
    Lint { name: "plaintext-secret", level: DefaultLevel::Allow, finds: "a Secret whose values lie open in Git" },
    warn("removed-api", "an API version that Kubernetes serves no longer"),
    deny("repeated-item", "a list item with the same keys as another, which server-side apply refuses"),
    warn("repeated-resource", "an object that an Application has twice: the last one counts"),
    warn(
        "rule-not-evaluated",
        "a rule in CEL of a CustomResourceDefinition that could not be evaluated without a cluster",
    ),
    deny(
        SCHEMAS_NOT_SHIPPED,
        "a --kubernetes-version whose schemas are not part of the program: own kinds are not compared",
    ),
    warn("server-set-metadata", "metadata that the server sets, which is left out"),
    warn("soft-edge-dropped", "a wait that would close a circle, and is left out"),
    warn(
        "sops-many-documents",
        "an object that SOPS encrypted together with others, so that its MAC cannot be checked",
    ),
    warn("sops-open-value", "a value of a Secret that SOPS left open while it encrypted others"),
    warn("sync-wave-ignored", "a sync wave that is no whole number, and counts as 0"),
    warn("unknown-application-field", "a field of an Application that has no effect here"),
    deny("unknown-field", "a field that the schema of its kind does not have"),
    warn("webhook-order-unknown", "a webhook whose objects cannot be told without a cluster"),
    deny("wrong-type", "a value of another type than the schema of its kind has"),
    warn("yaml-1.1-boolean", "`yes`, `no`, `on`, `off`, `y` or `n`, which is a boolean"),
];

/// Which lints the user allows and denies, and for which Kubernetes they speak.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    /// Not told.
    pub allow: BTreeSet<String>,
    /// Errors. Stronger than `allow`.
    pub deny: BTreeSet<String>,
    /// The version of the cluster; absent for [`schema::version()`](crate::schema::version), whose schemas are here.
    pub kubernetes: Option<KubernetesVersion>,
}

/// What stands for all lints in [`Levels`].
pub const ALL: &str = "all";

/// Whether a lint has this name.
#[must_use]
pub fn is_lint(name: &str) -> bool {
    LINTS.iter().any(|lint| lint.name == name)
}

impl Levels {
    /// The names that are of no lint.
    #[must_use]
    pub fn unknown(&self) -> Vec<&str> {
        let known = |name: &str| name == ALL || is_lint(name);
        self.allow.union(&self.deny).map(String::as_str).filter(|name| !known(name)).collect()
    }

    /// What is done about a lint. A name says more than `all`, and among equals `deny` wins.
    #[must_use]
    pub fn level(&self, name: &str) -> DefaultLevel {
        let lint = LINTS.iter().find(|lint| lint.name == name);
        debug_assert!(lint.is_some(), "`{name}` is not in the list of lints");
        let default = lint.map_or(DefaultLevel::Warn, |lint| lint.level);
        for name in [name, ALL] {
            if self.deny.contains(name) {
                return DefaultLevel::Deny;
            }
            if self.allow.contains(name) {
                return DefaultLevel::Allow;
            }
        }
        default
    }

    /// Gives findings their levels and leaves out those that are allowed. Errors stay errors.
    pub fn apply(&self, findings: &mut Vec<Diagnostic>) {
        findings.retain_mut(|finding| {
            let Some(name) = &finding.rule else { return true };
            let level = self.level(name);
            finding.level = if level == DefaultLevel::Deny { Level::Error } else { Level::Warning };
            level != DefaultLevel::Allow
        });
    }
}

/// Looks at whole manifests, as they are to Kubernetes of a version.
pub fn check(manifests: &[Manifest], version: KubernetesVersion, findings: &mut Vec<Diagnostic>) {
    api_version::check(manifests, version, findings);
    let check_one = |manifest: &Manifest| {
        let mut found = Vec::new();
        image::check(manifest, &mut found);
        secret::check(manifest, &mut found);
        found
    };
    // In the order of the manifests, however many threads there are.
    findings.par_extend(manifests.par_iter().with_min_len(64).flat_map_iter(check_one));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Origin;

    fn levels(allow: &[&str], deny: &[&str]) -> Levels {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Levels { allow: set(allow), deny: set(deny), kubernetes: None }
    }

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(LINTS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn a_name_says_more_than_all() {
        use DefaultLevel::{Allow, Deny, Warn};
        assert_eq!(levels(&[], &[]).level("duplicate-key"), Warn);
        assert_eq!(levels(&["duplicate-key"], &["all"]).level("duplicate-key"), Allow);
        assert_eq!(levels(&["all"], &["duplicate-key"]).level("duplicate-key"), Deny);
        assert_eq!(levels(&["duplicate-key"], &["duplicate-key"]).level("duplicate-key"), Deny);
        assert_eq!(levels(&["all"], &[]).level("object-read-as-list"), Allow);
        assert_eq!(levels(&[], &[]).level("plaintext-secret"), Allow);
        assert_eq!(levels(&["nonsense"], &["all", "other"]).unknown(), ["nonsense", "other"]);
    }

    #[test]
    fn denied_findings_are_errors_and_allowed_ones_are_gone() {
        let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
        let mut findings = vec![
            Diagnostic::error(origin.clone(), "an error"),
            Diagnostic::lint(origin.clone(), "duplicate-key", "x"),
            Diagnostic::lint(origin, "octal-integer", "x"),
        ];
        levels(&["octal-integer"], &["duplicate-key"]).apply(&mut findings);
        let left: Vec<_> = findings.iter().map(|finding| (finding.level, finding.rule.as_deref())).collect();
        assert_eq!(left, [(Level::Error, None), (Level::Error, Some("duplicate-key"))]);
    }
}
