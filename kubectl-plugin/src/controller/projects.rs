//! The projects, as the API server told last.
//!
//! In: `AppProject` objects of the controller's namespace. Out: what a project permits, by its name. Where a project cannot
//! be read nothing is permitted; where the cluster serves no such kind there is only the project `default`, which permits
//! all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_compiler::app::Application;
use serde_json::Value as Json;
use tokio::sync::watch;

use crate::application::AppId;
use crate::cluster::{Failure, Followed};
use crate::error::CommandError;
use crate::project::{AppProject, Asked, Cluster, DEFAULT, Governed};

use super::clusters::Place;

/// How long the first list is waited for.
const FIRST_LIST: Duration = Duration::from_secs(30);

/// For which Applications it makes a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// For those of these projects.
    Of(Vec<String>),
    /// For all: whether anything is known of projects is another now.
    All,
}

/// A project, or what is wrong with it.
type Read = Result<Arc<AppProject>, Vec<String>>;

/// All projects.
#[derive(Debug)]
pub struct Projects {
    all: Mutex<BTreeMap<String, Read>>,
    known: watch::Sender<Option<Result<(), String>>>,
}

impl Default for Projects {
    fn default() -> Self {
        Self { all: Mutex::default(), known: watch::Sender::new(None) }
    }
}

impl Projects {
    /// Takes what a watch tells.
    pub fn take(&self, event: Followed<Json>) -> Changed {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |object: &Json| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let read = |object: &Json| AppProject::read(&with_kind(object)).map(Arc::new);
        let changed = match event {
            Followed::Listed(objects) => {
                let before = std::mem::take(&mut *all);
                all.extend(objects.iter().map(|object| (name(object), read(object))));
                before.keys().chain(all.keys()).cloned().collect()
            }
            Followed::Present(object) => {
                all.insert(name(&object), read(&object));
                vec![name(&object)]
            }
            Followed::Gone(object) => {
                all.remove(&name(&object));
                vec![name(&object)]
            }
        };
        drop(all);
        self.know(Ok(()), changed)
    }

    /// Says that they cannot be watched. Where there is no such kind there are none.
    pub fn fail(&self, failure: &Failure) -> Changed {
        if !failure.is_not_found() {
            return self.know(Err(failure.to_string()), Vec::new());
        }
        let before = std::mem::take(&mut *self.all.lock().unwrap_or_else(PoisonError::into_inner));
        self.know(Ok(()), before.into_keys().collect())
    }

    fn know(&self, known: Result<(), String>, changed: Vec<String>) -> Changed {
        let is_known = known.is_ok();
        let before = self.known.send_replace(Some(known));
        if before.is_some_and(|before| before.is_ok() == is_known) { Changed::Of(changed) } else { Changed::All }
    }

    /// The project with this name.
    ///
    /// # Errors
    /// Where there is none, or it says something wrong, or projects cannot be read.
    pub async fn get(&self, name: &str) -> Result<Arc<AppProject>, CommandError> {
        let mut known = self.known.subscribe();
        let first = tokio::time::timeout(FIRST_LIST, known.wait_for(Option::is_some)).await;
        let known = first.ok().and_then(Result::ok).and_then(|known| known.clone());
        let failed = |why: String| CommandError::user("projects cannot be read").details(vec![why]);
        match known {
            Some(Ok(())) => {}
            Some(Err(why)) => return Err(failed(why)),
            None => return Err(failed("the API server does not answer".to_owned())),
        }
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(name) {
            Some(Ok(project)) => Ok(Arc::clone(project)),
            Some(Err(wrong)) => {
                Err(CommandError::user(format!("the project {name} is not understood")).details(wrong.clone()))
            }
            None if name == DEFAULT => Ok(Arc::new(AppProject::permits_all())),
            None => Err(CommandError::user(format!("there is no project {name}"))),
        }
    }
}

/// Items of lists come without.
fn with_kind(object: &Json) -> Json {
    let mut object = object.clone();
    object["kind"] = "AppProject".into();
    object
}

/// Whose windows are asked for.
#[must_use]
pub fn governed<'a>(id: &'a AppId, application: &'a Application, cluster: Cluster<'a>) -> Governed<'a> {
    let namespace = application.spec.destination.namespace.as_str();
    Governed { application: &id.name, cluster, namespace }
}

/// What a project does not permit of an Application, before anything is compiled.
///
/// # Errors
/// All of it.
pub fn check(
    project: &AppProject,
    id: &AppId,
    application: &Application,
    cluster: &Cluster<'_>,
    controller: &str,
) -> Result<(), CommandError> {
    let addresses = application.sources().iter().map(|source| source.repo_url.as_str());
    let mut told: Vec<String> = project.sources(addresses).iter().map(ToString::to_string).collect();
    let namespace = application.spec.destination.namespace.as_str();
    told.extend(project.destination(cluster, namespace).map(|violation| violation.to_string()));
    told.extend(project.application_namespace(&id.namespace, controller).map(|violation| violation.to_string()));
    let restricts = project.not_enforced();
    told.extend((!restricts.is_empty()).then(|| {
        format!("project {} restricts by {}, which is not looked at here", project.name(), restricts.join(", "))
    }));
    if told.is_empty() {
        return Ok(());
    }
    Err(CommandError::refused("its project does not permit this").details(told))
}

/// In whose name an Application's objects are changed; in the controller's own where its project says nothing of it.
///
/// # Errors
/// Where the project names others, and none for this destination.
pub fn account(
    project: &AppProject,
    place: &Place,
    application: &Application,
    id: &AppId,
) -> Result<Option<String>, String> {
    let namespace = application.spec.destination.namespace.as_str();
    project.service_account(&place.secret.server, namespace, &id.namespace)
}

/// Whether a project permits a resource of a cluster, and that cluster's Secret does.
///
/// # Errors
/// Why not.
pub fn permits(project: &AppProject, place: &Place, key: &gitops_compiler::name::ResourceKey) -> Result<(), String> {
    let (group, kind, name) = (key.group.as_str(), key.kind.as_str(), key.name.as_str());
    let asked = Asked { group, kind, name, namespace: key.scope.namespace() };
    place.secret.permits(kind, asked.namespace, name)?;
    match project.resource(&place.as_asked(project.name()), &asked).as_slice() {
        [] => Ok(()),
        told => Err(told.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As the API server answers.
    fn answered(code: u16) -> Failure {
        let status = serde_json::from_value(json!({"status": "Failure", "message": "no", "reason": "", "code": code}));
        Failure::Answer(Box::new(status.expect("a status")))
    }

    fn project(name: &str) -> Json {
        json!({"apiVersion": "argoproj.io/v1alpha1", "metadata": {"name": name, "namespace": "argocd"}, "spec": {}})
    }

    #[tokio::test]
    async fn all_are_looked_at_when_projects_become_known_and_when_they_are_no_longer() {
        let projects = Projects::default();
        assert_eq!(projects.fail(&answered(403)), Changed::All);
        assert!(projects.get(DEFAULT).await.is_err(), "what cannot be read permits nothing");
        assert_eq!(projects.fail(&answered(403)), Changed::Of(Vec::new()), "that is known");
        assert_eq!(projects.take(Followed::Listed(Vec::new())), Changed::All, "a late list, also an empty one");
        assert!(projects.get(DEFAULT).await.is_ok());
        assert_eq!(projects.take(Followed::Present(project("shop"))), Changed::Of(vec!["shop".to_owned()]));
        assert_eq!(projects.fail(&answered(403)), Changed::All);
        assert!(projects.get("shop").await.is_err());
    }

    #[tokio::test]
    async fn where_there_is_no_such_kind_there_is_only_the_default() {
        let projects = Projects::default();
        assert_eq!(projects.take(Followed::Listed(vec![project("shop")])), Changed::All);
        assert!(projects.get("shop").await.is_ok());
        assert_eq!(projects.fail(&answered(404)), Changed::Of(vec!["shop".to_owned()]));
        assert!(projects.get("shop").await.is_err() && projects.get(DEFAULT).await.is_ok());
        let silent = Failure::Silent("argoproj.io".to_owned());
        assert_eq!(projects.fail(&silent), Changed::All, "whether there is one is not known");
        assert!(projects.get(DEFAULT).await.is_err());
    }
}
