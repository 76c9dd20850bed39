//! Which objects of an Application somebody may get.
//!
//! In: who asks, keys as a graph has them, or as the cluster has them. Out: yes or no, by SubjectAccessReview, asked once for
//! each kind and namespace. Where the cluster does not serve a kind nobody may be asked about it, and nobody is shown it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::name::ResourceKey;

use super::Api;
use super::answer::Refusal;
use super::caller::Caller;
use crate::access::Right;
use crate::cluster::Kinds;
use crate::controller::catalog::Row;

/// What is known of it.
pub(super) struct Gettable<'a> {
    api: &'a Api,
    caller: &'a Caller,
    kinds: Arc<Kinds>,
    /// Where those go that name no namespace.
    destination: String,
    /// By group, plural and namespace.
    answers: BTreeMap<(String, String, String), bool>,
}

impl Api {
    /// What somebody may get of an Application.
    pub(super) async fn gettable<'a>(&'a self, caller: &'a Caller, row: &Row) -> Result<Gettable<'a>, Refusal> {
        let kinds = self.kinds().await?;
        let destination = if row.destination.is_empty() { "default".to_owned() } else { row.destination.clone() };
        Ok(Gettable { api: self, caller, kinds, destination, answers: BTreeMap::new() })
    }
}

impl Gettable<'_> {
    /// Whether they may get an object.
    pub(super) async fn has(&mut self, key: &ResourceKey) -> Result<bool, Refusal> {
        let Some((_, served)) = self.kinds.any_version(&key.group, &key.kind) else { return Ok(false) };
        let namespace = key.scope.namespace().unwrap_or(&self.destination);
        let namespace = if served.namespaced { namespace } else { "" };
        let asked = (key.group.clone(), served.plural.clone(), namespace.to_owned());
        if let Some(known) = self.answers.get(&asked) {
            return Ok(*known);
        }
        let right = Right { verb: "get", group: &asked.0, resource: &asked.1, subresource: "", namespace, name: "" };
        let may = self.api.access.may(&self.caller.person, &right).await?;
        self.answers.insert(asked, may);
        Ok(may)
    }

    /// A key as the cluster has it: where it goes, if it names no namespace.
    pub(super) fn bound(&self, key: &ResourceKey) -> Option<ResourceKey> {
        let (_, served) = self.kinds.any_version(&key.group, &key.kind)?;
        let namespace = key.scope.namespace().unwrap_or(&self.destination);
        let namespace = if served.namespaced { namespace } else { "" };
        Some(ResourceKey::new(&key.group, &key.kind, namespace, &key.name))
    }

    /// The path of an object.
    pub(super) fn path(&self, version: &str, key: &ResourceKey) -> Option<String> {
        self.kinds.path(version, key)
    }
}
