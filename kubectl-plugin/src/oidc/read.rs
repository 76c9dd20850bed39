//! Settings, as the cluster has them.
//!
//! In: the ConfigMap `argocd-cm` of the controller's namespace, and the Secret that it leads to. Out: [`OidcSettings`], and a text
//! that is another when anything of it is.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::settings::SecretPlace;
use super::{NotSignedIn, OidcSettings};
use crate::cluster::{Cluster, Failure};
use crate::webhook::SecretReference;

/// The ConfigMap, as Argo CD calls it, and what its other Secrets must carry.
const CONFIG_MAP: &str = "argocd-cm";
const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "argocd");

/// The settings, where there are some, and what they were read from.
pub(super) async fn settings(
    cluster: &Cluster,
    namespace: &str,
) -> (String, Result<Option<OidcSettings>, NotSignedIn>) {
    match read(cluster, namespace).await {
        Ok(None) => (String::new(), Ok(None)),
        Ok(Some((text, settings))) => (text, Ok(Some(settings))),
        Err(why) => (String::new(), Err(why)),
    }
}

async fn read(cluster: &Cluster, namespace: &str) -> Result<Option<(String, OidcSettings)>, NotSignedIn> {
    let unread = |failure: Failure| NotSignedIn::Away(failure.told(true));
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/{CONFIG_MAP}");
    let found = cluster.find(&path).await.map_err(unread)?.unwrap_or_default();
    let of = |key: &str| found["data"][key].as_str().unwrap_or_default().to_owned();
    let (config, own) = (of("oidc.config"), of("url"));
    if config.is_empty() {
        return Ok(None);
    }
    let (mut settings, place) = OidcSettings::of_config(&config, &own).map_err(NotSignedIn::Wrong)?;
    if let SecretPlace::Elsewhere(reference, is_other) = place {
        let found = secret(cluster, namespace, &reference, is_other).await.map_err(unread)?;
        let missing = || format!("the Secret {} has no {}", reference.name(), reference.key());
        settings.secret = Some(found.ok_or_else(|| NotSignedIn::Wrong(missing()))?);
    }
    // Only to tell whether anything is another; it is no text that opens anything.
    let mut hasher = blake3::Hasher::new();
    for part in [config.as_str(), own.as_str(), settings.secret.as_deref().map_or("", String::as_str)] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    Ok(Some((hasher.finalize().to_hex().to_string(), settings)))
}

async fn secret(
    cluster: &Cluster,
    namespace: &str,
    reference: &SecretReference,
    is_other: bool,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{}", reference.name());
    let Some(secret) = cluster.find(&path).await? else { return Ok(None) };
    if is_other && secret["metadata"]["labels"][PART_OF.0] != PART_OF.1 {
        return Ok(None);
    }
    let value = secret["data"][reference.key()].as_str().and_then(|value| BASE64_STANDARD.decode(value).ok());
    Ok(value.and_then(|value| String::from_utf8(value).ok()).map(|value| Zeroizing::new(value.trim().to_owned())))
}
