//! The binary cache that an installed controller reads.
//!
//! In: the Pod, an address. Out: the Pod that names it. What it needs besides is in the Secret [`BINARY_CACHE_SECRET`] of the namespace, which
//! is no part of the installation: it would be in the record. A controller in a cluster only reads: a key that signs is nowhere here.

use serde_json::{Value as Json, json};

use crate::binary_cache::BinaryCacheAddress;

use super::extend;

/// The Secret with the public keys of whoever writes to the cache, and with what asking it needs.
pub const BINARY_CACHE_SECRET: &str = "kubectl-gitops-binary-cache";

/// Its key with the public keys, without which nothing would be believed.
const KEYS: &str = "cache.pub";
/// Its key with the logins to registries.
const LOGINS: &str = "config.json";
/// Where both are mounted.
const MOUNT: &str = "/etc/kubectl-gitops/binary-cache";

/// Variables by which object storage is found and asked. Its Secret may have them as keys.
const STORAGE: [&str; 5] =
    ["AWS_ENDPOINT_URL_S3", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The Pod with the cache.
pub(super) fn read_from(pod: &mut Json, address: &BinaryCacheAddress) {
    let container = &mut pod["containers"][0];
    let keys = format!("{MOUNT}/{KEYS}");
    extend(&mut container["args"], ["--cache", &address.to_string(), "--cache-key", &keys].map(Json::from));
    let mut items = vec![json!({"key": KEYS, "path": KEYS})];
    match address {
        BinaryCacheAddress::Registry(_) => {
            items.push(json!({"key": LOGINS, "path": LOGINS}));
            extend(&mut container["env"], [json!({"name": "DOCKER_CONFIG", "value": MOUNT})]);
        }
        BinaryCacheAddress::Bucket { .. } => extend(&mut container["env"], STORAGE.map(variable)),
        BinaryCacheAddress::Folder(_) => {}
    }
    extend(&mut container["volumeMounts"], [json!({"name": "binary-cache", "mountPath": MOUNT, "readOnly": true})]);
    // What is optional may be absent, key by key; without public keys the controller says that they are missing, and ends.
    let secret = json!({"secretName": BINARY_CACHE_SECRET, "items": items, "optional": true});
    extend(&mut pod["volumes"], [json!({"name": "binary-cache", "secret": secret})]);
}

fn variable(name: &str) -> Json {
    json!({"name": name, "valueFrom": {"secretKeyRef": {"name": BINARY_CACHE_SECRET, "key": name, "optional": true}}})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Pod that reads from there.
    fn pod(address: &str) -> Json {
        let mut pod = json!({"containers": [{"args": [], "env": [], "volumeMounts": []}], "volumes": []});
        read_from(&mut pod, &address.parse().expect("an address"));
        pod
    }

    #[test]
    fn the_address_and_the_keys_are_named_and_nothing_secret() {
        let keys = "/etc/kubectl-gitops/binary-cache/cache.pub";
        let of_registry = pod("oci://registry.example.com/team/cache");
        let container = &of_registry["containers"][0];
        assert_eq!(container["args"], json!(["--cache", "oci://registry.example.com/team/cache", "--cache-key", keys]));
        assert_eq!(container["env"], json!([{"name": "DOCKER_CONFIG", "value": "/etc/kubectl-gitops/binary-cache"}]));
        let items = &of_registry["volumes"][0]["secret"]["items"];
        assert_eq!(items.as_array().map(Vec::len), Some(2), "{items}");
        let of_bucket = pod("s3://shop/cache");
        let variables = of_bucket["containers"][0]["env"].as_array().cloned().unwrap_or_default();
        assert_eq!(variables.len(), STORAGE.len());
        for variable in variables {
            let from = &variable["valueFrom"]["secretKeyRef"];
            assert_eq!((&from["key"], &from["optional"]), (&variable["name"], &json!(true)), "{variable}");
        }
    }
}
