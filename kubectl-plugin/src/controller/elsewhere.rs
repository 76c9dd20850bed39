//! The objects of an Application in another cluster, for people who are shown them: there nobody but the controller is known.
//!
//! In: an Application, objects as its cluster has them. Out: whether an object may be shown as one of the Application's. Guarantees:
//!
//! - Nothing is shown of an Application that its project does not permit, nor of a kind or a namespace that it does not.
//! - An object is the Application's where it carries the label of the ApplySet that stands in the Application's record in that
//!   cluster, or where one that does owns it, by uid. What the Application's own object says counts for nothing: its status may be
//!   written by whoever may write the Application.

use std::sync::Arc;

use gitops_compiler::name::{AppName, ResourceKey, group_of};
use serde_json::Value as Json;

use crate::application::AppId;
use crate::apply::readiness;
use crate::cluster::{Failure, Kinds, PART_OF};
use crate::error::CommandError;
use crate::project::AppProject;

use super::clusters::Place;
use super::{Controller, compile, projects};

/// So many steps up are taken: from an Event to a Pod, its Job, its CronJob, and what made that.
const DEPTH: usize = 5;
/// And so many at each step.
const BREADTH: usize = 4;

/// An Application in another cluster, as far as it may be shown.
pub struct Elsewhere {
    /// Its cluster.
    pub place: Place,
    project: Arc<AppProject>,
    /// What its objects carry; nothing before its first release.
    apply_set: Option<String>,
}

/// An object that another names as its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Which.
    pub key: ResourceKey,
    /// Its version.
    pub api_version: String,
    /// Its uid.
    pub uid: String,
}

impl Controller {
    /// An Application in another cluster.
    ///
    /// # Errors
    /// Where it is not understood, its project does not permit it, or its record cannot be read.
    pub async fn elsewhere(&self, id: &AppId, object: &Json) -> Result<Elsewhere, CommandError> {
        let (application, _) = compile::read(object)?;
        let project = self.projects.get(application.project()).await?;
        let place = self.clusters.of(id, object).await.map_err(|error| CommandError::user(error.why().to_owned()))?;
        let cluster = place.as_asked(project.name());
        projects::check(&project, id, &application, &cluster, &self.settings.namespace)?;
        let name: AppName = id.name.parse().map_err(|error| CommandError::user(format!("{error}")))?;
        let found = self.records(id, &place).await?.load(&name).await?;
        let apply_set = found.map(|found| found.head.apply_set);
        Ok(Elsewhere { place, project, apply_set })
    }
}

impl Elsewhere {
    /// Whether the project permits an object, and the cluster's Secret does.
    #[must_use]
    pub fn permits(&self, key: &ResourceKey) -> bool {
        projects::permits(&self.project, &self.place, key).is_ok()
    }

    /// Whether an object with this label of an ApplySet is the Application's.
    #[must_use]
    pub fn has(&self, key: &ResourceKey, part_of: Option<&str>) -> bool {
        let own = self.apply_set.as_deref();
        own.is_some_and(|own| !own.is_empty()) && part_of == own && self.permits(key)
    }

    /// Whether nothing has changed since of what decides on what may be shown.
    #[must_use]
    pub fn is_as(&self, before: &Self) -> bool {
        Arc::ptr_eq(&self.project, &before.project)
            && Arc::ptr_eq(&self.place.cluster, &before.place.cluster)
            && self.apply_set == before.apply_set
    }

    /// Whether an object is the Application's.
    #[must_use]
    pub fn is_own(&self, object: &Json) -> bool {
        self.has(&key_of(object), object["metadata"]["labels"][PART_OF].as_str())
    }

    /// Whether an object may be shown: it is the Application's, or one that is owns it.
    ///
    /// # Errors
    /// Where an owner cannot be asked for.
    pub async fn shows(&self, kinds: &Kinds, object: &Json) -> Result<bool, Failure> {
        let mut these = vec![object.clone()];
        for _ in 0..DEPTH {
            if these.iter().any(|object| self.is_own(object)) {
                return Ok(true);
            }
            let owners: Vec<Owner> = these.iter().flat_map(|object| owners(kinds, object)).take(BREADTH).collect();
            these.clear();
            for owner in owners {
                let Some(path) = kinds.path(&owner.api_version, &owner.key) else { continue };
                let found = self.place.cluster.cluster.find(&path).await?;
                these.extend(found.filter(|found| found["metadata"]["uid"] == owner.uid.as_str()));
            }
        }
        Ok(false)
    }
}

/// Which object this is.
fn key_of(object: &Json) -> ResourceKey {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    readiness::key_of(group_of(text("apiVersion")), text("kind"), object)
}

/// Who owns an object, as it says; those of kinds that are not served are left out.
#[must_use]
pub fn owners(kinds: &Kinds, object: &Json) -> Vec<Owner> {
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    let owner = |reference: &Json| {
        let text = |field: &str| reference[field].as_str().filter(|text| !text.is_empty());
        let (api_version, kind) = (text("apiVersion")?, text("kind")?);
        let group = group_of(api_version);
        let (_, served) = kinds.served_version(group, kind)?;
        let namespace = if served.namespaced { namespace } else { "" };
        let key = ResourceKey::new(group, kind, namespace, text("name")?);
        Some(Owner { key, api_version: api_version.to_owned(), uid: text("uid")?.to_owned() })
    };
    object["metadata"]["ownerReferences"].as_array().into_iter().flatten().filter_map(owner).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_known_by_what_it_says_of_itself() {
        let object =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "n", "name": "d"}});
        assert_eq!(key_of(&object), ResourceKey::new("apps", "Deployment", "n", "d"));
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
        assert_eq!(key_of(&object), ResourceKey::new("", "Namespace", "", "n"));
    }
}
