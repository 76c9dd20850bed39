//! The shop: the application of `cargo demo` and of the first pages of the documentation.
//!
//! In: a folder. Out: a Git repository with twelve services as plain manifests in `deploy/`, and the means to add the
//! commits of [`history`] to it one by one. The manifests lie beside this file, to be read as they are.
//!
//! # Guarantees
//! - The same calls give the same commits, so the same graph ids, on every machine.
//! - With [`Images::Example`] nothing can be pulled: such Pods run only where nobody pulls, in the local cluster. With
//!   [`Images::Public`] every node in the world can run all of it but what is meant to fail.

pub mod history;

use std::fs;
use std::path::{Path, PathBuf};

use crate::repository::{self, RepositoryBuilder};

use history::{Commit, Edit};

/// Lists files of `deploy/` with their text.
macro_rules! manifests {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("deploy/", $name)))),*]
    };
}

/// The manifests at the first commit: names and text.
const MANIFESTS: [(&str, &str); 15] = manifests![
    "campaigns.yaml",
    "cart.yaml",
    "catalog.yaml",
    "checkout.yaml",
    "database.yaml",
    "inventory.yaml",
    "namespace.yaml",
    "notifications.yaml",
    "orders.yaml",
    "payment.yaml",
    "promotion-definition.yaml",
    "promotions.yaml",
    "recommendations.yaml",
    "shipping.yaml",
    "storefront.yaml",
];

/// What the images of the shop's own manifests are called, before the service's name.
const REGISTRY: &str = "registry.example.com/shop/";
/// A program that does nothing, on every kind of node: it stands in for the services.
pub const PUBLIC: &str = "registry.k8s.io/pause";

/// Why the shop could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Git, or the file system, refused.
    #[error(transparent)]
    Repository(#[from] repository::Error),
    /// A commit is not for this state of the shop: commits come in order, each once.
    #[error("the commit `{subject}` does not fit `{}`", path.display())]
    Edit {
        /// The commit's subject.
        subject: &'static str,
        /// The file in which it finds not what it changes.
        path: PathBuf,
    },
}

/// Which images the manifests name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    /// `registry.example.com/shop/cart:1.4.0`: for clusters without kubelets, and for reading.
    Example,
    /// Images that a cluster can pull: all services pause, and other versions are other versions of that.
    Public,
}

impl Images {
    /// `text` with these images.
    fn named_in(self, text: &str) -> String {
        if self == Self::Example {
            return text.to_owned();
        }
        let mut parts = text.split(REGISTRY);
        let mut named = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find(char::is_whitespace).unwrap_or(part.len());
            let (image, rest) = part.split_at(end);
            named.extend([PUBLIC, ":", public_tag(image), rest]);
        }
        named
    }
}

/// The stand-in for a version: another one where the history changes it, and none for what cannot be pulled.
fn public_tag(image: &str) -> &str {
    match image {
        "cart:1.4.0" => "3.9",
        "cart:1.5.0-rc.1" => "1.5.0-rc.1",
        _ => "3.10",
    }
}

/// A Git repository with the shop in it.
#[derive(Debug)]
pub struct Shop {
    repository: RepositoryBuilder,
    images: Images,
}

impl Shop {
    /// Writes the shop to an empty or new folder and makes the first commit.
    pub fn open(path: impl Into<PathBuf>, images: Images) -> Result<Self, Error> {
        let shop = Self { repository: RepositoryBuilder::at(path)?, images };
        for (name, text) in MANIFESTS {
            shop.repository.write(&format!("deploy/{name}"), images.named_in(text))?;
        }
        shop.repository.commit("Open the shop")?;
        Ok(shop)
    }

    /// The root of the working tree.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.repository.path()
    }

    /// Adds a commit of the [`history`]; returns its object id.
    pub fn commit(&self, commit: &Commit) -> Result<String, Error> {
        for edit in commit.edits {
            match edit {
                Edit::Replace { path, old, new } => self.replace(commit, path, old, new)?,
                Edit::Remove { path } => drop(self.repository.remove(path)?),
            }
        }
        Ok(self.repository.commit(commit.subject)?)
    }

    /// Replaces what is there exactly once.
    fn replace(&self, commit: &Commit, path: &str, old: &str, new: &str) -> Result<(), Error> {
        let file = self.path().join(path);
        let text = fs::read_to_string(&file).unwrap_or_default();
        let (old, new) = (self.images.named_in(old), self.images.named_in(new));
        if text.matches(&old).count() != 1 {
            return Err(Error::Edit { subject: commit.subject, path: file });
        }
        self.repository.write(path, text.replace(&old, &new))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shop(images: Images) -> (tempfile::TempDir, Shop) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let shop = Shop::open(folder.path().join("shop"), images).expect("it is written");
        (folder, shop)
    }

    #[test]
    fn every_manifest_beside_this_file_is_in_the_shop() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shop/deploy");
        let entries = fs::read_dir(folder).expect("it is there").flatten();
        let lying: BTreeSet<_> = entries.map(|entry| entry.file_name().into_string().expect("ASCII")).collect();
        assert_eq!(lying, MANIFESTS.map(|(name, _)| name.to_owned()).into());
    }

    #[test]
    fn a_dozen_services_run_in_the_shop() {
        let deployments = MANIFESTS.iter().map(|(_, text)| text.matches("kind: Deployment\nmetadata:").count());
        let databases = MANIFESTS.iter().map(|(_, text)| text.matches("kind: StatefulSet\nmetadata:").count());
        assert_eq!((deployments.sum::<usize>(), databases.sum::<usize>()), (11, 1));
    }

    #[test]
    fn the_history_has_the_same_ids_everywhere() -> Result<(), Error> {
        let (_folder, shop) = shop(Images::Example);
        let mut ids = Vec::new();
        for commit in history::ALL {
            ids.push(shop.commit(commit)?);
        }
        assert_eq!(ids.last().map(String::as_str), Some("42b2b71a030d036e31849c4c80e5fa03bbf131d9"));
        Ok(())
    }

    #[test]
    fn commits_come_in_order_and_once() -> Result<(), Error> {
        let (_folder, shop) = shop(Images::Example);
        shop.commit(history::CANDIDATE).expect_err("it follows upon the fix");
        shop.commit(history::FIX)?;
        shop.commit(history::FIX).expect_err("it is there already");
        Ok(())
    }

    #[test]
    fn public_images_change_where_the_versions_do() -> Result<(), Error> {
        let (_folder, shop) = shop(Images::Public);
        let image = |service: &str| {
            let text = fs::read_to_string(shop.path().join(format!("deploy/{service}.yaml"))).expect("it is there");
            let line = text.lines().find(|line| line.contains("image: ")).expect("it has an image");
            line.trim().trim_start_matches("image: ").to_owned()
        };
        assert_eq!([image("cart"), image("orders")], ["registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.10"]);
        shop.commit(history::FIX)?;
        assert_eq!(image("cart"), "registry.k8s.io/pause:3.10");
        shop.commit(history::CANDIDATE)?;
        assert_eq!(image("cart"), "registry.k8s.io/pause:1.5.0-rc.1");
        Ok(())
    }
}
