//! Which clusters there are, by their Secrets. Pure.
//!
//! In: Secrets as a watch tells them. Out: the one that a destination means, or why there is none. Until they are known, and
//! when they cannot be read, no destination is found: a Secret that nobody has seen may forbid what would be done.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::cluster::{Failure, Followed};

use super::secret::{ClusterSecret, HERE, HERE_NAME};

/// Why a destination is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotFound {
    /// There is no such cluster.
    Unknown(String),
    /// There are more than one, or what is said of it cannot be.
    Wrong(String),
    /// Secrets are not read, or cannot be.
    Unread(String),
}

impl NotFound {
    /// In words.
    #[must_use]
    pub fn why(&self) -> &str {
        let (Self::Unknown(why) | Self::Wrong(why) | Self::Unread(why)) = self;
        why
    }
}

/// The Secrets of clusters.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// By the names of the Secrets.
    all: BTreeMap<String, Arc<ClusterSecret>>,
    /// Nothing before the first list.
    read: Option<Result<(), String>>,
}

impl Known {
    /// Takes what a watch tells. Gives the Secrets of which something has changed, as they were and as they are.
    pub fn take(&mut self, event: Followed<Json>) -> Vec<Arc<ClusterSecret>> {
        self.read = Some(Ok(()));
        let name = |object: &Json| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let mut all = match event {
            Followed::Listed(objects) => {
                let read = |object: &Json| Some((name(object), Arc::new(ClusterSecret::read(object)?)));
                objects.iter().filter_map(read).collect()
            }
            Followed::Present(object) => {
                let mut all = self.all.clone();
                match ClusterSecret::read(&object) {
                    Some(secret) => all.insert(name(&object), Arc::new(secret)),
                    None => all.remove(&name(&object)),
                };
                all
            }
            Followed::Gone(object) => {
                let mut all = self.all.clone();
                all.remove(&name(&object));
                all
            }
        };
        std::mem::swap(&mut self.all, &mut all);
        let before = all;
        let has_changed = |name: &&String| before.get(*name) != self.all.get(*name);
        let names: std::collections::BTreeSet<&String> = before.keys().chain(self.all.keys()).collect();
        let changed = names.into_iter().filter(has_changed);
        changed.flat_map(|name| [before.get(name), self.all.get(name)]).flatten().cloned().collect()
    }

    /// Says that they cannot be watched.
    pub fn fail(&mut self, failure: &Failure) {
        self.read = Some(Err(failure.to_string()));
    }

    /// Whether it is known which there are, or that they cannot be read.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.read.is_some()
    }

    /// The Secrets that can be used.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<ClusterSecret>> {
        self.all.values()
    }

    /// The cluster that a destination means, for an Application of a project. In Argo CD's words where there is none.
    ///
    /// # Errors
    /// Why there is none that may be used.
    pub fn find(&self, server: &str, name: &str, project: &str) -> Result<Arc<ClusterSecret>, NotFound> {
        match &self.read {
            Some(Ok(())) => {}
            Some(Err(why)) => return Err(NotFound::Unread(format!("the Secrets of clusters cannot be read: {why}"))),
            None => return Err(NotFound::Unread("the Secrets of clusters are not read yet".to_owned())),
        }
        let server = server.trim_end_matches('/');
        let found = match (server, name) {
            ("", "") => return Err(NotFound::Wrong("Destination server missing from app spec".to_owned())),
            (server, "") => self.by_server(server)?,
            ("", name) => self.by_name(name)?,
            (server, name) => {
                let why = format!("application destination can't have both name and server defined: {name} {server}");
                return Err(NotFound::Wrong(why));
            }
        };
        if let Some(of) = found.project.as_deref().filter(|of| *of != project) {
            let why =
                format!("the cluster {} serves the project {of} only, by the Secret {}", found.server, found.secret);
            return Err(NotFound::Wrong(why));
        }
        if let Err(why) = &found.access {
            return Err(NotFound::Wrong(format!("the Secret {} cannot be used: {why}", found.secret)));
        }
        Ok(found)
    }

    fn by_server(&self, server: &str) -> Result<Arc<ClusterSecret>, NotFound> {
        let found: Vec<_> = self.all.values().filter(|secret| secret.server == server).collect();
        match found.as_slice() {
            [] if server == HERE => Ok(Arc::new(ClusterSecret::here())),
            [] => Err(NotFound::Unknown(format!(
                "error getting cluster by server {server:?}: there is no Secret with this server"
            ))),
            [one] => Ok(Arc::clone(one)),
            more => {
                let names: Vec<&str> = more.iter().map(|secret| secret.secret.as_str()).collect();
                Err(NotFound::Wrong(format!("the Secrets {} have the same server: {server}", names.join(" and "))))
            }
        }
    }

    fn by_name(&self, name: &str) -> Result<Arc<ClusterSecret>, NotFound> {
        let is_here = |secret: &&Arc<ClusterSecret>| secret.is_here();
        let mut servers: Vec<&str> =
            self.all.values().filter(|secret| secret.name == name).map(|secret| secret.server.as_str()).collect();
        if name == HERE_NAME && !self.all.values().any(|secret| is_here(&secret)) {
            servers.push(HERE);
        }
        match servers.as_slice() {
            [] => Err(NotFound::Unknown(format!("there are no clusters with this name: {name}"))),
            [one] => self.by_server(one),
            more => Err(NotFound::Wrong(format!(
                "there are {} clusters with the same name: [{}]",
                more.len(),
                more.join(" ")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use super::*;

    fn secret(secret: &str, server: &str, name: &str, project: &str) -> Json {
        let [server, name, project] = [server, name, project].map(|text| BASE64_STANDARD.encode(text));
        json!({"metadata": {"name": secret}, "data": {"server": server, "name": name, "project": project}})
    }

    fn known(secrets: &[Json]) -> Known {
        let mut known = Known::default();
        known.take(Followed::Listed(secrets.to_vec()));
        known
    }

    fn why(found: Result<Arc<ClusterSecret>, NotFound>) -> String {
        found.expect_err("nothing").why().to_owned()
    }

    #[test]
    fn a_destination_is_found_by_its_server_or_its_name() {
        let known = known(&[secret("a", "https://prod.example", "prod", "")]);
        for (server, name) in [("https://prod.example/", ""), ("https://prod.example", ""), ("", "prod")] {
            assert_eq!(
                known.find(server, name, "default").map(|it| it.server.clone()).as_deref(),
                Ok("https://prod.example")
            );
        }
        for (server, name) in [(HERE, ""), ("", HERE_NAME)] {
            assert_eq!(known.find(server, name, "default").map(|it| it.is_here()), Ok(true));
        }
        assert_eq!(why(known.find("", "next", "default")), "there are no clusters with this name: next");
        assert!(matches!(known.find("https://next.example", "", "default"), Err(NotFound::Unknown(_))));
        let both = known.find("https://prod.example", "prod", "default");
        assert!(why(both).contains("can't have both name and server defined: prod https://prod.example"));
        assert_eq!(why(known.find("", "", "default")), "Destination server missing from app spec");
    }

    #[test]
    fn what_is_ambiguous_is_nobody() {
        let twice = known(&[
            secret("a", "https://a.example", "prod", ""),
            secret("b", "https://b.example", "prod", ""),
            secret("c", "https://b.example", "other", ""),
        ]);
        let told = why(twice.find("", "prod", "default"));
        assert_eq!(told, "there are 2 clusters with the same name: [https://a.example https://b.example]");
        assert!(why(twice.find("https://b.example", "", "default")).contains("b and c"));
        assert!(twice.find("https://a.example", "", "default").is_ok());
    }

    #[test]
    fn a_secret_of_a_project_serves_that_project_only() {
        let known = known(&[secret("a", "https://prod.example", "prod", "shop")]);
        assert!(known.find("", "prod", "shop").is_ok());
        assert!(why(known.find("", "prod", "default")).contains("serves the project shop only"));
    }

    #[test]
    fn a_secret_may_name_the_cluster_that_the_controller_runs_in() {
        let known = known(&[secret("a", HERE, "hub", "")]);
        assert_eq!(known.find("", "hub", "default").map(|it| it.is_here()), Ok(true));
        assert!(known.find("", HERE_NAME, "default").is_err(), "it has another name now");
    }

    #[test]
    fn nothing_is_found_before_they_are_known_nor_when_they_cannot_be_read() {
        let mut known = Known::default();
        assert!(matches!(known.find(HERE, "", "default"), Err(NotFound::Unread(_))));
        known.fail(&Failure::Timeout(15));
        assert!(matches!(known.find(HERE, "", "default"), Err(NotFound::Unread(_))));
        known.take(Followed::Listed(Vec::new()));
        assert!(known.find(HERE, "", "default").is_ok());
    }

    #[test]
    fn what_changed_is_told_as_it_was_and_as_it_is() {
        let mut known = known(&[secret("a", "https://a.example", "a", ""), secret("b", "https://b.example", "b", "")]);
        let names = |changed: Vec<Arc<ClusterSecret>>| changed.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(known.take(Followed::Present(secret("a", "https://a.example", "z", "")))), ["a", "z"]);
        assert_eq!(names(known.take(Followed::Present(secret("a", "https://a.example", "z", "")))), [""; 0]);
        assert_eq!(names(known.take(Followed::Gone(secret("b", "", "", "")))), ["b"]);
        assert_eq!(names(known.take(Followed::Listed(Vec::new()))), ["z"]);
    }
}
