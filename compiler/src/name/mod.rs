//! Names that are valid by construction: applications, resources, paths in a repository.
//!
//! In: text from users and manifests. Out: types whose existence proves that the text obeys its rules.

mod app_name;
mod group;
mod key;
mod kubernetes_version;
mod version;
mod version_range;

pub use app_name::{AppName, AppNameError};
pub use group::{group_of, is_built_in, is_built_in_with_namespaces};
pub use key::{ResourceKey, Scope};
pub use kubernetes_version::{KubernetesVersion, KubernetesVersionError};
pub use version::Version;
pub use version_range::{VersionRange, is_range};
