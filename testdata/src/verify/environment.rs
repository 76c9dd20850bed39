//! What of the environment the commands of a check see: all that says where things are, nothing that says what to do.
//!
//! In: the environment of whoever runs `cargo verify`. Out: the same without what would change a result: a developer's
//! kubeconfig, settings of ours, of Git and of the test libraries, and what `cargo run` sets for the program that it
//! runs, which would have some build scripts run again.
//!
//! Paths, homes, proxies and certificates stay, as without them nothing builds.

use std::env;
use std::process::Command;

/// Names, and beginnings of names where they end in `_`.
const REMOVED: [&str; 20] = [
    "ARGOCD_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_PACKAGE",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "GIT_",
    "GITOPS_",
    "HELM_",
    "INSTA_",
    "KUBECONFIG",
    "KUBECTL_",
    "KUBERNETES_",
    "KUSTOMIZE_",
    "OUT_DIR",
    "PROPTEST_",
    "RUSTDOCFLAGS",
    "RUST_LOG",
];

/// What of those stays, as it says where things are.
const KEPT: [&str; 3] = ["GITOPS_CLUSTER_CACHE", "GITOPS_CORPUS", "GIT_SSL_"];

/// Takes from the environment of `command` what would change a result.
pub(super) fn clean(command: &mut Command) {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(|name| is_any_of(&REMOVED, name) && !is_any_of(&KEPT, name)) {
            command.env_remove(name);
        }
    }
    // What is printed goes to a file.
    command.envs([("CARGO_TERM_COLOR", "never"), ("CARGO_TERM_PROGRESS_WHEN", "never"), ("TERM", "dumb")]);
}

fn is_any_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|&other| name == other || (other.ends_with('_') && name.starts_with(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_removed(name: &str) -> bool {
        is_any_of(&REMOVED, name) && !is_any_of(&KEPT, name)
    }

    #[test]
    fn settings_of_a_developer_are_removed() {
        for name in ["KUBECONFIG", "KUBECTL_GITOPS_STORE", "GIT_DIR", "GITOPS_LONG", "INSTA_UPDATE", "PROPTEST_CASES"] {
            assert!(is_removed(name), "{name}");
        }
    }

    #[test]
    fn what_says_where_things_are_is_kept() {
        for name in ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "GOPROXY", "https_proxy", "GIT_SSL_CAINFO"] {
            assert!(!is_removed(name), "{name}");
        }
        assert!(!is_removed("GITOPS_CLUSTER_CACHE"));
        assert!(!is_removed("KUBECONFIG_OTHER"), "only beginnings that end in _ are beginnings");
    }
}
