//! The flags that say how inputs from elsewhere are fetched, and what they become.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::error::CommandError;
use crate::fetch::{Access, Credentials, PLATFORM_HOSTS, Timeouts};

use super::registry::docker_config;

/// What is fetched, and how.
#[derive(Debug, Clone, Args)]
pub struct RemoteArgs {
    /// What of inputs from elsewhere that `gitops.lock` does not have
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Policy::Locked, env = "KUBECTL_GITOPS_INPUTS", hide_env_values = true)]
    pub(super) inputs: Policy,
    /// Fetch nothing: what was fetched before is all there is
    #[arg(long)]
    pub(super) offline: bool,
    /// Read what Git LFS keeps, of all repositories; without this of those whose Secret says `enableLfs`
    #[arg(long)]
    pub(super) lfs: bool,
    /// A file of Secrets with credentials of repositories, as Argo CD has them
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_CREDENTIALS", hide_env_values = true)]
    pub(super) credentials: Option<PathBuf>,
    /// A file of logins to registries, as Docker, Helm and ORAS keep it: ~/.docker/config.json. It is not read unless it is
    /// named
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_REGISTRY_CONFIG", hide_env_values = true)]
    pub(super) registry_config: Option<PathBuf>,
    /// A chart repository for which the hosts that its index names learn the credentials, too, over https; as
    /// `helm.passCredentials` of an Application says it of its own
    #[arg(long, value_name = "URL")]
    pub(super) pass_credentials: Vec<String>,
    /// Certificates of authorities to trust besides those of the system, in PEM
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_CA_FILE", hide_env_values = true)]
    pub(super) ca_file: Option<PathBuf>,
    /// Keys of SSH servers, instead of ~/.ssh/known_hosts
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_KNOWN_HOSTS", hide_env_values = true)]
    pub(super) known_hosts: Option<PathBuf>,
    /// A host that may be spoken to without encryption
    #[arg(long, value_name = "HOST")]
    pub(super) plain_http: Vec<String>,
    /// How long fetching one thing may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) fetch_timeout: u64,
}

/// What happens to an input that the lock does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Policy {
    /// It is an error
    Locked,
    /// It is looked up, and is what it is now
    Resolve,
}

impl RemoteArgs {
    /// How long one thing may take.
    pub(super) fn time(&self) -> Duration {
        Duration::from_secs(self.fetch_timeout)
    }

    /// What may be asked, and as whom.
    pub(super) fn access(&self) -> Result<Access, CommandError> {
        let timeouts = Timeouts { total: self.time(), ..Timeouts::default() };
        let access = Access::new().plain_http(self.plain_http.iter().cloned()).timeouts(timeouts);
        let access = access.credentials(credentials(self.credentials.as_deref(), self.registry_config.as_deref())?);
        trusting(access, self.ca_file.as_deref())
    }

    /// What may be asked of object storage that the user names, and no source; who we are is said otherwise, by whom the platform
    /// has for it.
    pub(super) fn access_to_storage(&self, timeouts: Timeouts) -> Result<Access, CommandError> {
        let plain = self.plain_http.iter().cloned().chain(PLATFORM_HOSTS.map(str::to_owned));
        let access = Access::new().plain_http(plain).timeouts(timeouts);
        trusting(access, self.ca_file.as_deref())
    }

    /// The logins to a registry that the user names and no source: they are taken from where `docker login` puts them, and programs
    /// that keep them are run. Why such a program gives none is told apart: there are those who go on without.
    pub(super) fn logins_to(&self, registry: &str) -> Result<Result<Credentials, String>, CommandError> {
        let config = self.registry_config.clone().or_else(docker_config);
        let credentials = credentials(self.credentials.as_deref(), config.as_deref())?;
        Ok(credentials.with_helper(registry))
    }

    /// What may be asked with such logins.
    pub(super) fn access_with(&self, logins: Credentials, timeouts: Timeouts) -> Result<Access, CommandError> {
        let access = Access::new().plain_http(self.plain_http.iter().cloned()).timeouts(timeouts);
        trusting(access.credentials(logins), self.ca_file.as_deref())
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(path).map_err(|error| CommandError::user(format!("cannot read {}: {error}", path.display())))
}

/// Who we are, by these files.
pub(super) fn credentials(secrets: Option<&Path>, registry_config: Option<&Path>) -> Result<Credentials, CommandError> {
    let mut credentials = Credentials::default();
    if let Some(path) = secrets {
        let read = Credentials::read(&path.display().to_string(), &read(path)?);
        credentials = read.map_err(CommandError::user)?;
    }
    if let Some(path) = registry_config {
        let read = Credentials::read_registries(&path.display().to_string(), &read(path)?);
        credentials = credentials.and(read.map_err(CommandError::user)?);
    }
    Ok(credentials)
}

/// The same, which trusts the authorities of a file besides.
pub(super) fn trusting(access: Access, ca_file: Option<&Path>) -> Result<Access, CommandError> {
    let Some(path) = ca_file else { return Ok(access) };
    access.certificates(&path.display().to_string(), &read(path)?).map_err(CommandError::user)
}
