//! The flags of the binary cache, and the store with the cache behind it.
//!
//! In: flags, key files. Out: a store that asks the cache for what it does not have. Guarantees: a flag that cannot be meant is an
//! error; a place that cannot be asked is none. Where there is no store there is no cache, either.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use gitops_compiler::store::{Shared, Store};

use crate::binary_cache::{BinaryCache, BinaryCacheAddress, Bucket, Folder, Parts, Place, Registry};
use crate::bundle::{private_key, public_keys};
use crate::error::CommandError;
use crate::fetch::{
    ArtifactRepository, AwsIdentity, AwsKey, Credentials, FetchError, ObjectStorage, ObjectStorageSettings, Secret,
    Timeouts,
};

use super::{RemoteArgs, Session};

/// One can do without it: nobody waits for long.
const READING: Timeouts =
    Timeouts { connect: Duration::from_secs(3), idle: Duration::from_secs(5), total: Duration::from_mins(1) };
/// A registry says nothing until it has all that is put.
const WRITING: Timeouts = Timeouts { idle: READING.total, ..READING };

/// What was compiled elsewhere.
#[derive(Debug, Clone, Args)]
pub struct BinaryCacheArgs {
    /// Where others have put what they compiled: file:///FOLDER, oci://HOST/REPOSITORY or s3://BUCKET/PREFIX. What is there
    /// and signed by a trusted key is not compiled again; where it does not answer, all is compiled as ever
    #[arg(long, value_name = "ADDRESS", env = "KUBECTL_GITOPS_CACHE", hide_env_values = true)]
    cache: Option<String>,
    /// A file of public keys, in PEM: what one of them has signed in the binary cache is believed
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_CACHE_KEY", hide_env_values = true)]
    cache_key: Vec<PathBuf>,
    /// A file with the private key, in PEM, that signs what is compiled here, which then goes to the binary cache; it is read only
    /// without. What the key has signed is believed, too. Its password is where `bundle sign` has it
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_CACHE_SIGN_KEY", hide_env_values = true)]
    cache_sign_key: Option<PathBuf>,
    /// What is compiled may be a stranger's: it is not signed, and nothing is written
    #[arg(skip)]
    reads_only: bool,
}

/// What becomes of a place that fails.
pub struct Patience {
    /// How long it is left alone; for good where absent.
    pub pause: Option<Duration>,
    /// Is told what there is to warn of.
    pub warn: Box<dyn Fn(&str) + Send + Sync>,
}

impl BinaryCacheArgs {
    /// The same for a command that compiles what nobody has agreed to yet: whatever the flags name, it writes nothing.
    #[must_use]
    pub fn to_read(&self) -> Self {
        Self { reads_only: true, ..self.clone() }
    }

    /// The store of a command, with the cache behind it.
    ///
    /// # Errors
    /// Where the flags cannot be meant.
    pub fn store(&self, session: &Session, remote: &RemoteArgs) -> Result<Option<Store>, CommandError> {
        let printer = session.printer;
        // A place that fails is left alone for the rest of the run.
        let patience = Patience { pause: None, warn: Box::new(move |message| printer.warn(message)) };
        self.behind(session, session.store.open(printer), remote, patience)
    }

    /// A store with the cache behind it.
    ///
    /// # Errors
    /// Where the flags cannot be meant.
    pub fn behind(
        &self,
        session: &Session,
        store: Option<Store>,
        remote: &RemoteArgs,
        patience: Patience,
    ) -> Result<Option<Store>, CommandError> {
        let cache = match session.cache.get() {
            Some(cache) => Some(Arc::clone(cache)),
            None => self.open(remote, patience)?,
        };
        let Some(cache) = cache else { return Ok(store) };
        // It is finished when the command ends.
        let _ = session.cache.set(Arc::clone(&cache));
        let shared: Arc<dyn Shared> = cache;
        Ok(store.map(|store| store.with_shared(shared)))
    }

    /// The cache; none where no flag names one, or it is not to be asked.
    fn open(&self, remote: &RemoteArgs, patience: Patience) -> Result<Option<Arc<BinaryCache>>, CommandError> {
        let Some(text) = &self.cache else { return Ok(None) };
        let address = cache_address(text)?;
        if remote.offline && !matches!(address, BinaryCacheAddress::Folder(_)) {
            return Ok(None);
        }
        let mut trusted = Vec::new();
        for path in &self.cache_key {
            trusted.extend(public_keys(path)?);
        }
        let mut signer = self.cache_sign_key.as_deref().map(private_key).transpose()?;
        if self.reads_only {
            trusted.extend(signer.take().map(|signer| signer.public()));
        }
        if trusted.is_empty() && signer.is_none() {
            return Err(CommandError::user(format!("nothing in the binary cache {address} would be believed")).hint(
                "--cache-key names the public keys of whoever writes to it, --cache-sign-key a key to write with",
            ));
        }
        let Patience { pause, warn } = patience;
        let logins = match &address {
            BinaryCacheAddress::Registry(registry) => remote.logins_to(&registry.repository)?,
            BinaryCacheAddress::Folder(_) | BinaryCacheAddress::Bucket { .. } => Ok(Credentials::default()),
        };
        let logins = match logins {
            Ok(logins) => logins,
            Err(why) => {
                warn(&format!("{address}: {why}; going on without the binary cache"));
                return Ok(None);
            }
        };
        let place = place(&address, remote, &logins, signer.is_some())?;
        let parts = Parts { place, shown: address.to_string(), trusted, signer, pause, warn };
        Ok(Some(Arc::new(BinaryCache::new(parts))))
    }
}

/// Where a binary cache is. What is secret in the text is not shown, as clap would.
pub fn cache_address(text: &str) -> Result<BinaryCacheAddress, CommandError> {
    text.parse().map_err(|error| CommandError::user(format!("--cache cannot be used: {error}")))
}

fn place(
    address: &BinaryCacheAddress,
    remote: &RemoteArgs,
    logins: &Credentials,
    writes: bool,
) -> Result<Box<dyn Place>, CommandError> {
    Ok(match address {
        BinaryCacheAddress::Folder(path) => {
            if writes {
                // Where it cannot be made, writing says why.
                let _ = std::fs::create_dir_all(path);
            }
            Box::new(Folder::new(path.clone()))
        }
        cache @ BinaryCacheAddress::Registry(address) => {
            let access = |timeouts| remote.access_with(logins.clone(), timeouts);
            let cannot = |error| cannot_be_asked(cache, error);
            let reading = ArtifactRepository::reading(access(READING)?, &address.repository).map_err(cannot)?;
            let writing = if writes {
                Some(ArtifactRepository::writing(access(WRITING)?, &address.repository).map_err(cannot)?)
            } else {
                None
            };
            Box::new(Registry::new(reading, writing))
        }
        BinaryCacheAddress::Bucket { bucket, prefix } => {
            let storage = |timeouts| {
                let access = remote.access_to_storage(timeouts)?;
                ObjectStorage::new(access, object_storage(bucket)).map_err(|error| cannot_be_asked(address, error))
            };
            let writing = if writes { Some(storage(WRITING)?) } else { None };
            Box::new(Bucket::new(storage(READING)?, writing, prefix.clone()))
        }
    })
}

/// Where a bucket is, and who asks, as the environment has it for all programs that use S3.
fn object_storage(bucket: &str) -> ObjectStorageSettings {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    let amazon = || format!("https://s3.{region}.amazonaws.com{china}");
    let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL")).unwrap_or_else(amazon);
    let identity = identity(variable, &region, china);
    ObjectStorageSettings { endpoint, region, bucket: bucket.to_owned(), identity }
}

/// The first that there is, in the order in which Amazon's own programs look.
fn identity(variable: impl Fn(&str) -> Option<String>, region: &str, china: &str) -> AwsIdentity {
    if let Some((id, secret)) = variable("AWS_ACCESS_KEY_ID").zip(variable("AWS_SECRET_ACCESS_KEY")) {
        let session = variable("AWS_SESSION_TOKEN").map(Secret::new);
        return AwsIdentity::Key(AwsKey { id, secret: Secret::new(secret), session });
    }
    if let Some((token_file, role)) = variable("AWS_WEB_IDENTITY_TOKEN_FILE").zip(variable("AWS_ROLE_ARN")) {
        let amazon = || format!("https://sts.{region}.amazonaws.com{china}");
        let service = variable("AWS_ENDPOINT_URL_STS").or_else(|| variable("AWS_ENDPOINT_URL")).unwrap_or_else(amazon);
        let session = variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "kubectl-gitops".to_owned());
        return AwsIdentity::WebIdentity { token_file: token_file.into(), role, session, service };
    }
    let of_ecs = || Some(format!("http://169.254.170.2{}", variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?));
    match of_ecs().or_else(|| variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
        None => AwsIdentity::Nobody,
        Some(address) => {
            let token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(PathBuf::from);
            AwsIdentity::Platform { address, token_file }
        }
    }
}

fn cannot_be_asked(address: &BinaryCacheAddress, error: FetchError) -> CommandError {
    let told = CommandError::user(format!("the binary cache {address} cannot be asked: {}", error.why));
    CommandError { hint: error.hint, ..told }
}
