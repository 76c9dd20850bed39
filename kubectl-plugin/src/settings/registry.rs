//! The flags that say how a registry is asked which the user names, and as whom.
//!
//! In: flags, the environment as Docker reads it. Out: a repository of that registry. What is different from inputs of
//! sources: the address is the user's own, so that logins are taken from where `docker login` puts them, and programs that keep
//! them are run.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::error::CommandError;
use crate::fetch::{Access, ArtifactAddress, ArtifactRepository, FetchError, Timeouts};

use super::SourceArgs;
use super::remote::{credentials, trusting};

/// How a registry is asked.
#[derive(Debug, Clone, Args)]
pub struct RegistryArgs {
    /// A file of logins to registries, as Docker, Helm and ORAS keep it [default: config.json of $DOCKER_CONFIG or of
    /// ~/.docker, where it is there]
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_REGISTRY_CONFIG", hide_env_values = true)]
    registry_config: Option<PathBuf>,
    /// A file of Secrets with credentials of repositories, as Argo CD has them
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_CREDENTIALS", hide_env_values = true)]
    credentials: Option<PathBuf>,
    /// Certificates of authorities to trust besides those of the system, in PEM
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_CA_FILE", hide_env_values = true)]
    ca_file: Option<PathBuf>,
    /// A registry that may be spoken to without encryption
    #[arg(long, value_name = "HOST")]
    plain_http: Vec<String>,
    /// How long one request to a registry may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    fetch_timeout: u64,
}

impl SourceArgs {
    /// The same flags for a registry that the user names: logins are found as of [`RegistryArgs`].
    ///
    /// # Errors
    /// Where nothing may be fetched.
    pub fn registry(&self) -> Result<RegistryArgs, CommandError> {
        let remote = &self.remote;
        if remote.offline {
            return Err(CommandError::user("with --offline no registry is asked"));
        }
        Ok(RegistryArgs {
            registry_config: remote.registry_config.clone(),
            credentials: remote.credentials.clone(),
            ca_file: remote.ca_file.clone(),
            plain_http: remote.plain_http.clone(),
            fetch_timeout: remote.fetch_timeout,
        })
    }
}

impl RegistryArgs {
    /// A repository to take something from.
    ///
    /// # Errors
    /// Where it may not be asked, or nobody knows as whom.
    pub fn reading(&self, address: &ArtifactAddress) -> Result<ArtifactRepository, CommandError> {
        let repository = ArtifactRepository::reading(self.access(address, Timeouts::default())?, &address.repository);
        repository.map_err(|error| told(address, error))
    }

    /// A repository to put something in.
    ///
    /// # Errors
    /// As of [`RegistryArgs::reading`].
    pub fn writing(&self, address: &ArtifactAddress) -> Result<ArtifactRepository, CommandError> {
        // A registry says nothing until it has all that is put.
        let idle = Duration::from_secs(self.fetch_timeout);
        let access = self.access(address, Timeouts { idle, ..Timeouts::default() })?;
        ArtifactRepository::writing(access, &address.repository).map_err(|error| told(address, error))
    }

    fn access(&self, address: &ArtifactAddress, timeouts: Timeouts) -> Result<Access, CommandError> {
        let timeouts = Timeouts { total: Duration::from_secs(self.fetch_timeout), ..timeouts };
        let access = Access::new().plain_http(self.plain_http.iter().cloned()).timeouts(timeouts);
        let config = self.registry_config.clone().or_else(docker_config);
        let credentials = credentials(self.credentials.as_deref(), config.as_deref())?;
        let credentials = credentials.with_helper(&address.repository).map_err(CommandError::user)?;
        trusting(access.credentials(credentials), self.ca_file.as_deref())
    }
}

/// Where `docker login` keeps logins, if it does.
pub(super) fn docker_config() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")));
    folder.map(|folder| folder.join("config.json")).filter(|path| path.is_file())
}

fn told(address: &ArtifactAddress, error: FetchError) -> CommandError {
    let told = CommandError::user(format!("{address} cannot be asked: {}", error.why));
    CommandError { hint: error.hint, ..told }
}
