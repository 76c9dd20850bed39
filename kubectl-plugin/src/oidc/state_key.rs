//! The key by which states are made: one for all replicas, in a Secret of the controller's namespace.
//!
//! In: a cluster. Out: the key, which the first replica makes that needs it. Whoever deletes the Secret and starts the replicas again
//! has another one; who is on their way to the issuer then begins again.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::NotSignedIn;
use super::login::StateKey;
use crate::cluster::{Cluster, Failure};

/// The Secret, and its entry.
const SECRET: &str = "kubectl-gitops-sign-in";
const ENTRY: &str = "key";

/// The key.
///
/// # Errors
/// Where it cannot be read, or made.
pub(super) async fn read(cluster: &Cluster, namespace: &str) -> Result<StateKey, NotSignedIn> {
    let collection = format!("/api/v1/namespaces/{namespace}/secrets");
    let path = format!("{collection}/{SECRET}");
    let failed = |failure: Failure| {
        NotSignedIn::Wrong(format!("the Secret {SECRET} cannot be read or made: {}", failure.told(true)))
    };
    if let Some(secret) = cluster.find(&path).await.map_err(failed)? {
        return of_secret(&secret);
    }
    let mut bytes = Zeroizing::new([0_u8; 32]);
    let no_numbers = |_| NotSignedIn::Wrong("the machine has no random numbers".to_owned());
    getrandom::fill(bytes.as_mut_slice()).map_err(no_numbers)?;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": SECRET, "namespace": namespace},
        "data": {ENTRY: BASE64_STANDARD.encode(bytes.as_slice())},
    });
    match cluster.create(&collection, &secret).await {
        Ok(made) => of_secret(&made),
        // Another replica was faster.
        Err(failure) if failure.is_already_exists() => of_secret(&cluster.get(&path).await.map_err(failed)?),
        Err(failure) => Err(failed(failure)),
    }
}

fn of_secret(secret: &Json) -> Result<StateKey, NotSignedIn> {
    let bytes = secret["data"][ENTRY].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    let key = bytes.map(Zeroizing::new).and_then(|bytes| StateKey::read(&bytes));
    let wrong = || NotSignedIn::Wrong(format!("the Secret {SECRET} has no key: delete it, and it is made again"));
    key.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_without_a_key_says_so() {
        let of = |text: &str| of_secret(&json!({"data": {ENTRY: BASE64_STANDARD.encode(text)}})).map(|_| ());
        assert_eq!(of("0123456789abcdef0123456789abcdef"), Ok(()));
        for wrong in ["", "short"] {
            assert!(matches!(of(wrong), Err(NotSignedIn::Wrong(why)) if why.contains("delete it")), "{wrong}");
        }
    }
}
