//! A controller with its API, and people with different rights: by Roles, as an administrator gives them.

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::world::Ground;

/// Two namespaces with an Application each: `own`, which has the Application that is synced, and `other`.
pub(crate) struct People {
    pub(crate) ground: Ground,
    pub(crate) address: String,
    pub(crate) other: String,
}

impl People {
    /// Everything runs, and the first Application is Synced.
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, &[])
    }

    /// The same with more flags for the controller.
    pub(crate) fn with(name: &str, more: &[&str]) -> Self {
        let mut ground = Ground::new(name);
        let other = format!("{}-other", ground.world.name);
        ground.world.kubectl(&["create", "namespace", &other]);
        ground.start_with(&[&flags(&other)[..], more].concat());
        let address = address(&ground);
        ground.create(&ground.application(&json!({"automated": {}})));
        let mut hidden = ground.application(&json!({}));
        hidden["metadata"] = json!({"name": "hidden", "namespace": other});
        ground.create(&hidden);
        ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
        Self { ground, address, other }
    }

    /// Starts another replica with the same flags, and gives where both listen.
    pub(crate) fn another_replica(&mut self, more: &[&str]) -> Vec<String> {
        self.ground.start_with(&[&flags(&self.other)[..], more].concat());
        addresses(&self.ground, 2)
    }

    pub(crate) fn own(&self) -> &str {
        &self.ground.world.name
    }

    /// The path of the Application that is synced.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/applications/{}{rest}", self.own())
    }

    /// The same below our own paths.
    pub(crate) fn our_path(&self, rest: &str) -> String {
        format!("/api/gitops/v1/applications/{}{rest}", self.own())
    }

    /// Nobody.
    pub(crate) fn nobody(&self) -> Asker {
        Asker::new(&self.address, "")
    }

    /// Somebody who may do this with the Applications of a namespace, and what more the rules say.
    pub(crate) fn somebody(&self, name: &str, namespace: &str, verbs: &[&str], more: &[Json]) -> Asker {
        Asker::new(&self.address, &self.token(name, namespace, verbs, more))
    }

    /// The token of somebody.
    pub(crate) fn token(&self, name: &str, namespace: &str, verbs: &[&str], more: &[Json]) -> String {
        let world = &self.ground.world;
        world.kubectl(&["create", "serviceaccount", name, "-n", self.own()]);
        let mut rules = more.to_vec();
        if !verbs.is_empty() {
            rules.push(json!({"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": verbs}));
        }
        let api_version = "rbac.authorization.k8s.io/v1";
        self.ground.create(&json!({
            "apiVersion": api_version, "kind": "Role",
            "metadata": {"name": name, "namespace": namespace}, "rules": rules,
        }));
        self.ground.create(&json!({
            "apiVersion": api_version, "kind": "RoleBinding", "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": self.own()}],
        }));
        world.kubectl(&["create", "token", name, "-n", self.own()]).trim().to_owned()
    }

    /// Somebody who may read.
    pub(crate) fn reader(&self) -> Asker {
        self.somebody("reader", self.own(), &["get", "list", "watch"], &[])
    }

    /// Somebody who may do all.
    pub(crate) fn writer(&self) -> Asker {
        let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
        let events = json!({"apiGroups": [""], "resources": ["events"], "verbs": ["list"]});
        self.somebody("writer", self.own(), &all, &[events])
    }

    /// Waits until the controller has said something.
    pub(crate) fn until_said(&self, what: &str) {
        self.ground.until(what, |ground| ground.said().contains(what));
    }
}

fn flags(other: &str) -> [&str; 7] {
    ["--polling", "0", "--listen", "127.0.0.1:0", "--api", "--application-namespaces", other]
}

impl Drop for People {
    fn drop(&mut self) {
        self.ground.world.try_kubectl(&["delete", "namespace", &self.other, "--wait=false", "--ignore-not-found"]);
    }
}

/// Where it listens, once it does.
pub(crate) fn address(ground: &Ground) -> String {
    addresses(ground, 1).remove(0)
}

/// Where so many replicas listen, once they do.
pub(crate) fn addresses(ground: &Ground, count: usize) -> Vec<String> {
    let addresses = |ground: &Ground| -> Vec<String> {
        let said = ground.said();
        let told = said.lines().filter_map(|line| line.split_once("metrics on "));
        told.filter_map(|(_, rest)| Some(rest.split(',').next()?.trim().to_owned())).collect()
    };
    ground.until("it listens", |ground| addresses(ground).len() >= count);
    addresses(ground)
}
