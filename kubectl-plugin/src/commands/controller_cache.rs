//! The cache of a controller: its flags, and the key that replicas share.
//!
//! In: flags, a cluster. Out: a store that asks the cache for what it does not have. The key is in a Secret of the
//! controller's namespace, which the first replica makes; whoever cannot read it gets no cache in Redis.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use gitops_compiler::store::Store;
use serde_json::{Value as Json, json};

use crate::cache::{Address, Cache, CacheKey, Login, RedisSettings, for_store};
use crate::cluster::Cluster;
use crate::controller::log::Log;
use crate::error::CommandError;
use crate::fetch::Secret;

/// The Secret of the key, and its entry.
const SECRET: &str = "kubectl-gitops-cache";
const ENTRY: &str = "key";

/// Where what was compiled is shared.
#[derive(Debug, Clone, Args)]
pub(super) struct CacheArgs {
    /// A Redis that replicas share what they compiled in: redis://, rediss://, redis+sentinel:// or rediss+sentinel://
    #[arg(long, value_name = "ADDRESS")]
    redis: Option<String>,
    /// The user of Redis
    #[arg(long, value_name = "NAME", requires = "redis")]
    redis_user: Option<String>,
    /// A file with the password of Redis [default: $REDIS_PASSWORD]
    #[arg(long, value_name = "FILE", requires = "redis")]
    redis_password_file: Option<PathBuf>,
    /// The user of the sentinels
    #[arg(long, value_name = "NAME", requires = "redis")]
    redis_sentinel_user: Option<String>,
    /// A file with the password of the sentinels [default: $REDIS_SENTINEL_PASSWORD]
    #[arg(long, value_name = "FILE", requires = "redis")]
    redis_sentinel_password_file: Option<PathBuf>,
    /// Certificates of the authorities that may vouch for Redis, in PEM, instead of those of the system
    #[arg(long, value_name = "FILE", requires = "redis")]
    redis_ca_file: Option<PathBuf>,
}

impl CacheArgs {
    /// The store with the cache behind it, and the cache, where there is one.
    pub(super) async fn behind(
        &self,
        store: Option<Store>,
        cluster: &Cluster,
        namespace: &str,
        log: Log,
    ) -> Result<(Option<Store>, Option<Arc<Cache>>), CommandError> {
        let Some(address) = &self.redis else { return Ok((store, None)) };
        let address = redis_address(address)?;
        let authorities = self.redis_ca_file.as_ref().map(read).transpose()?;
        let settings = RedisSettings {
            address,
            login: login(self.redis_user.as_ref(), self.redis_password_file.as_ref(), "REDIS_PASSWORD")?,
            sentinel_login: login(
                self.redis_sentinel_user.as_ref(),
                self.redis_sentinel_password_file.as_ref(),
                "REDIS_SENTINEL_PASSWORD",
            )?,
            authorities,
        };
        let key = key(cluster, namespace).await?;
        let cache = Cache::in_redis(&settings, &key).map_err(|error| CommandError::user(error.to_string()))?;
        let cache = Arc::new(cache.telling(move |message| log.warn(None, message)));
        let shared = for_store(Arc::clone(&cache), tokio::runtime::Handle::current());
        Ok((store.map(|store| store.with_shared(shared)), Some(cache)))
    }
}

/// The address of a Redis. One with a password in it is refused without being shown, as clap would.
pub(super) fn redis_address(text: &str) -> Result<Address, CommandError> {
    let wrong = |error: crate::cache::AddressError| CommandError::user(format!("--redis cannot be used: {error}"));
    text.parse().map_err(wrong)
}

fn read(path: &PathBuf) -> Result<Vec<u8>, CommandError> {
    std::fs::read(path).map_err(|error| CommandError::user(format!("cannot read {}: {error}", path.display())))
}

fn login(user: Option<&String>, file: Option<&PathBuf>, variable: &str) -> Result<Login, CommandError> {
    let password = match file {
        Some(file) => {
            let bytes = read(file)?;
            let text = String::from_utf8(bytes);
            let text = text.map_err(|_| CommandError::user(format!("{} is no text", file.display())))?;
            Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
        None => std::env::var(variable).ok().filter(|password| !password.is_empty()).map(Secret::new),
    };
    Ok(Login { user: user.cloned(), password })
}

/// The key that all replicas have; made where there is none.
async fn key(cluster: &Cluster, namespace: &str) -> Result<CacheKey, CommandError> {
    let collection = format!("/api/v1/namespaces/{namespace}/secrets");
    let path = format!("{collection}/{SECRET}");
    let failed = |doing: &str, why: String| {
        CommandError::user(format!("the key of the cache cannot be {doing}")).details(vec![why])
    };
    if let Some(secret) = cluster.find(&path).await.map_err(|failure| failed("read", failure.to_string()))? {
        return of_secret(&secret);
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| failed("made", error.to_string()))?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": {ENTRY: BASE64_STANDARD.encode(bytes)},
    });
    match cluster.create(&collection, &secret).await {
        Ok(_) => Ok(CacheKey::new(bytes)),
        // Another replica was faster.
        Err(failure) if failure.is_already_exists() => {
            let secret = cluster.get(&path).await.map_err(|failure| failed("read", failure.to_string()))?;
            of_secret(&secret)
        }
        Err(failure) => Err(failed("made", failure.to_string())),
    }
}

fn of_secret(secret: &Json) -> Result<CacheKey, CommandError> {
    let encoded = secret["data"][ENTRY].as_str().unwrap_or_default();
    let bytes = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    let wrong = |error: crate::cache::KeyError| {
        CommandError::user(format!("the Secret {SECRET} has no key of the cache: {error}"))
            .hint(format!("delete it: it is made again with {ENTRY}"))
    };
    CacheKey::read(&bytes).map_err(wrong)
}
