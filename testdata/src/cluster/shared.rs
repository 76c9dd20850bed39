//! One cluster for all tests of a process, or of many.
//!
//! In: `GITOPS_TEST_KUBECONFIG`, where a cluster is there already (and `GITOPS_TEST_KUBECTL` for its kubectl), or
//! nothing. Out: a cluster that tests share, each in namespaces of its own.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::build::build;
use super::directory::{Options, kubectl};
use super::error::Error;
use super::start::LocalCluster;
use crate::causes::with_causes;

/// How much of a prefix goes into a namespace's name, so that the whole is a DNS label.
const LONGEST_PREFIX: usize = 40;

/// A cluster that other tests use at the same time: nothing cluster-wide may be changed.
#[derive(Debug)]
pub struct SharedCluster {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    /// None where the cluster was there already.
    local: Option<LocalCluster>,
}

/// The cluster of this process, started by the first call. It ends when the process does.
///
/// # Panics
/// When there is none and none can be started: no test that calls this can go on.
pub fn shared() -> &'static SharedCluster {
    static SHARED: OnceLock<Result<SharedCluster, Error>> = OnceLock::new();
    match SHARED.get_or_init(SharedCluster::find_or_start) {
        Ok(cluster) => cluster,
        Err(error) => panic!("no cluster for the tests: {}", with_causes(&error)),
    }
}

impl SharedCluster {
    fn find_or_start() -> Result<Self, Error> {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let Some(kubeconfig) = variable("GITOPS_TEST_KUBECONFIG") else {
            let local = LocalCluster::start(&Options::default())?;
            let connection = local.connection();
            let (kubeconfig, kubectl) = (connection.kubeconfig.clone(), connection.kubectl.clone());
            return Ok(Self { kubeconfig, kubectl, local: Some(local) });
        };
        let kubectl = match variable("GITOPS_TEST_KUBECTL") {
            Some(kubectl) => kubectl.into(),
            None => build()?.kubectl(),
        };
        Ok(Self { kubeconfig: kubeconfig.into(), kubectl, local: None })
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl as the administrator, with nothing of the user's environment but PATH.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        kubectl(&self.kubectl, &self.kubeconfig)
    }

    /// The cluster, where it is one that this process started.
    #[must_use]
    pub fn local(&self) -> Option<&LocalCluster> {
        self.local.as_ref()
    }

    /// A name for a namespace that nobody else has, beginning with `prefix`. The namespace is not made.
    #[must_use]
    pub fn namespace(&self, prefix: &str) -> TestNamespace {
        TestNamespace::unique(prefix)
    }
}

/// The name of a namespace of one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestNamespace(String);

impl TestNamespace {
    /// A name that nobody else has, beginning with `prefix`; for a cluster of whatever kind.
    #[must_use]
    pub fn unique(prefix: &str) -> Self {
        let allowed = |c: char| {
            if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }
        };
        let prefix: String = prefix.chars().take(LONGEST_PREFIX).map(allowed).collect();
        // Also among processes that share a cluster; without random numbers nothing here would have started.
        let random = getrandom::u64().unwrap_or_default();
        Self(format!("{}-{random:016x}", prefix.trim_matches('-')).trim_matches('-').to_owned())
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TestNamespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_distinct_dns_labels() {
        for prefix in ["apply", "Prune_All::of it", "-", "", &"long".repeat(30)] {
            let (a, b) = (TestNamespace::unique(prefix), TestNamespace::unique(prefix));
            assert_ne!(a, b);
            let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(a.name().len() <= 63 && a.name().chars().all(label), "{a}");
            assert!(!a.name().starts_with('-') && !a.name().ends_with('-'), "{a}");
        }
    }
}
