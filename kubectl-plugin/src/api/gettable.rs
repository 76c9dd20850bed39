//! Which objects of an Application somebody may get; in another cluster, which of them the project permits, for those who may be
//! shown objects there (`sight`).
//!
//! In: who asks, keys as a graph has them, or as the cluster has them. Out: yes or no, by SubjectAccessReview, asked once for
//! each kind and namespace; where a kind is in several namespaces, for all of them first. Where the cluster does not serve a
//! kind nobody may be asked about it, and nobody is shown it. No request asks more than so many questions, whatever the
//! Application has.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::name::ResourceKey;

use super::Api;
use super::answer::Refusal;
use super::sight::Part;
use crate::access::{Person, Right};
use crate::cluster::Kinds;
use crate::controller::catalog::Row;
use crate::controller::elsewhere::Elsewhere;

/// So many questions one request may cost.
const MOST_QUESTIONS: usize = 500;

/// What is known of it.
pub(super) struct Gettable<'a> {
    api: &'a Api,
    judge: Judge<'a>,
    kinds: Arc<Kinds>,
    /// Where those go that name no namespace.
    destination: String,
    /// By group and plural.
    answers: BTreeMap<(String, String), Answers>,
    /// How many questions were asked.
    asked: usize,
}

/// Who says it.
enum Judge<'a> {
    /// The API server, of somebody.
    Rights(&'a Person),
    /// The project, in another cluster; nobody where nothing of that may be shown.
    Project(Option<Arc<Elsewhere>>),
}

/// What is known of a kind.
#[derive(Default)]
struct Answers {
    /// Whether they may get it wherever it is; not asked where it is in one namespace only.
    everywhere: Option<bool>,
    by_namespace: BTreeMap<String, bool>,
}

impl Api {
    /// What somebody may get of an Application.
    pub(super) async fn gettable<'a>(&'a self, person: &'a Person, row: &Row) -> Result<Gettable<'a>, Refusal> {
        let destination = row.destination.namespace_or_default().to_owned();
        let (judge, kinds) = if self.controller.clusters.is_here(row) {
            (Judge::Rights(person), self.kinds().await?)
        } else if self.may_see(person, row, Part::Resource).await?
            && let Ok(there) = self.there(row).await
        {
            let kinds = self.kinds_there(&there).await?;
            (Judge::Project(Some(there)), kinds)
        } else {
            (Judge::Project(None), self.kinds().await?)
        };
        Ok(Gettable { api: self, judge, kinds, destination, answers: BTreeMap::new(), asked: 0 })
    }
}

impl Gettable<'_> {
    /// Whether they may get an object.
    pub(super) async fn has(&mut self, key: &ResourceKey) -> Result<bool, Refusal> {
        if let Judge::Project(there) = &self.judge {
            let bound = self.bound(key).zip(there.as_ref());
            return Ok(bound.is_some_and(|(key, there)| there.permits(&key)));
        }
        let Some((_, served)) = self.kinds.any_version(&key.group, &key.kind) else { return Ok(false) };
        let namespace = key.scope.namespace().unwrap_or(&self.destination);
        let namespace = if served.namespaced { namespace } else { "" }.to_owned();
        let kind = (key.group.clone(), served.plural.clone());
        let known = self.answers.entry(kind.clone()).or_default();
        if known.everywhere == Some(true) {
            return Ok(true);
        }
        if let Some(known) = known.by_namespace.get(&namespace) {
            return Ok(*known);
        }
        let is_second = known.everywhere.is_none() && !known.by_namespace.is_empty();
        if !self.can_ask() {
            return Err(Refusal::invalid("these are of too many kinds and namespaces to be asked about at once"));
        }
        if is_second {
            let everywhere = self.ask(&kind, "").await?;
            self.answers.entry(kind.clone()).or_default().everywhere = Some(everywhere);
            if everywhere {
                return Ok(true);
            }
        }
        let may = self.ask(&kind, &namespace).await?;
        self.answers.entry(kind).or_default().by_namespace.insert(namespace, may);
        Ok(may)
    }

    /// Whether one more may be asked about, which is up to two questions.
    pub(super) fn can_ask(&self) -> bool {
        self.asked + 2 <= MOST_QUESTIONS
    }

    async fn ask(&mut self, (group, resource): &(String, String), namespace: &str) -> Result<bool, Refusal> {
        // A project is not asked this way.
        let Judge::Rights(person) = self.judge else { return Ok(false) };
        self.asked += 1;
        let right = Right { verb: "get", group, resource, subresource: "", namespace, name: "" };
        Ok(self.api.access.may(person, &right).await?)
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
