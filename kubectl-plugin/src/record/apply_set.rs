//! The ApplySet parent: labels and annotations by which other tools find our objects (KEP-3659, as kubectl has it).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use gitops_compiler::name::ResourceKey;

/// Label of the parent.
pub const ID: &str = "applyset.kubernetes.io/id";
/// Annotation of the parent: who may change the set.
pub const TOOLING: &str = "applyset.kubernetes.io/tooling";
/// Annotation of the parent: the kinds of its members.
pub const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
/// Annotation of the parent: the namespaces of its members, but for its own.
pub const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";

/// What we call ourselves in [`TOOLING`].
pub const TOOL: &str = concat!("kubectl-gitops/v", env!("CARGO_PKG_VERSION"));

/// The id of the set whose parent is the Secret `name` in `namespace`.
#[must_use]
pub fn id(name: &str, namespace: &str) -> String {
    let digest = Sha256::digest(format!("{name}.{namespace}.Secret."));
    format!("applyset-{}-v1", BASE64_URL_SAFE_NO_PAD.encode(digest))
}

/// Values of [`GROUP_KINDS`] and [`NAMESPACES`] for members with these keys.
#[must_use]
pub fn contents<'a>(keys: impl Iterator<Item = &'a ResourceKey>, parent_namespace: &str) -> (String, String) {
    let (mut kinds, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
    for key in keys {
        kinds.insert(if key.group.is_empty() { key.kind.clone() } else { format!("{}.{}", key.kind, key.group) });
        namespaces.extend(key.scope.namespace().filter(|namespace| *namespace != parent_namespace));
    }
    let kinds: Vec<String> = kinds.into_iter().collect();
    let namespaces: Vec<&str> = namespaces.into_iter().collect();
    (kinds.join(","), namespaces.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_sorted_and_leave_out_the_namespace_of_the_parent() {
        let keys = [
            ResourceKey::new("apps", "Deployment", "shop", "a"),
            ResourceKey::new("", "ConfigMap", "home", "a"),
            ResourceKey::new("", "Namespace", "", "shop"),
        ];
        let (kinds, namespaces) = contents(keys.iter(), "home");
        assert_eq!((kinds.as_str(), namespaces.as_str()), ("ConfigMap,Deployment.apps,Namespace", "shop"));
    }

    #[test]
    fn the_id_fits_a_label_value() {
        let id = id("kubectl-gitops.shop", "default");
        assert!(id.len() <= 63 && id.starts_with("applyset-") && id.ends_with("-v1"), "{id}");
    }
}
