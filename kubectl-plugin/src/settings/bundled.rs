//! How an application is delivered, as a bundle keeps it.
//!
//! In: an application, opened. Out: what its `Application` and its sources say, for whoever applies the bundle without them; and
//! the other way, to what applies it.

use std::collections::BTreeMap;

use gitops_compiler::app::NamespaceMetadata;
use gitops_compiler::bundle;

use crate::error::CommandError;

use super::Delivery;
use super::open::Opened;

impl Delivery {
    /// As a bundle has it.
    #[must_use]
    pub fn of_bundle(bundled: &bundle::Delivery) -> Self {
        Self {
            words: bundled.sync_options.clone(),
            namespace: bundled.namespace_metadata.clone().unwrap_or_default(),
            ignored: bundled.ignore_differences.clone(),
            history_limit: bundled.history_limit,
        }
    }
}

impl Opened {
    /// How it is delivered; manifests that name no namespace go to this one.
    ///
    /// # Errors
    /// Where its health checks are not understood.
    pub fn bundled_delivery(&self, namespace: Option<&str>) -> Result<bundle::Delivery, CommandError> {
        // What is wrong with them is told now, and not to whoever applies it.
        self.checks()?;
        let text = |(path, bytes): (String, Vec<u8>)| (path, String::from_utf8_lossy(&bytes).into_owned());
        let health_checks: BTreeMap<String, String> = self.health_checks()?.into_iter().map(text).collect();
        let delivery = &self.delivery;
        Ok(bundle::Delivery {
            namespace: namespace.unwrap_or_default().to_owned(),
            sync_options: delivery.words.clone(),
            namespace_metadata: (delivery.namespace != NamespaceMetadata::default())
                .then(|| delivery.namespace.clone()),
            ignore_differences: delivery.ignored.clone(),
            history_limit: delivery.history_limit,
            health_checks,
            kustomization: false,
        })
    }
}
