//! A second control plane, and the Secret by which a controller knows it.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_testdata::cluster::{Component, LocalCluster, Options};
use serde_json::{Value as Json, json};

use crate::support::World;
use crate::world::Ground;

/// A cluster that Applications of another are applied to.
pub(crate) struct Spoke {
    cluster: LocalCluster,
    world: World,
}

impl Spoke {
    /// Objects are looked at in this namespace.
    pub(crate) fn start(namespace: &str) -> Self {
        let cluster = LocalCluster::start(&Options::default()).expect("a cluster");
        let kubectl = PathBuf::from(cluster.kubectl().get_program());
        let world = World::at(&cluster.connection().kubeconfig, &kubectl, namespace);
        Self { cluster, world }
    }

    /// Its address.
    pub(crate) fn server(&self) -> String {
        self.cluster.connection().server.clone()
    }

    /// kubectl as its administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.world.kubectl(arguments)
    }

    /// The kubeconfig of its administrator.
    pub(crate) fn kubeconfig(&self) -> String {
        self.world.kubeconfig.display().to_string()
    }

    /// The value of a ConfigMap; nothing where it is not there.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        self.world.get("configmaps", name)["data"]["value"].as_str().map(str::to_owned)
    }

    /// The namespaces that have a record of an application.
    pub(crate) fn records_of(&self, name: &str) -> Vec<String> {
        let field = format!("--field-selector=metadata.name=kubectl-gitops.{name}");
        let path = "jsonpath={.items[*].metadata.namespace}";
        let found = self.kubectl(&["get", "secrets", "-A", &field, "-o", path]);
        found.split_whitespace().map(str::to_owned).collect()
    }

    /// A ServiceAccount that may do everything, and a token of it.
    pub(crate) fn account(&self, name: &str) -> String {
        let account = format!("--serviceaccount=default:{name}");
        self.kubectl(&["create", "serviceaccount", name, "-n", "default"]);
        self.kubectl(&["create", "clusterrolebinding", name, "--clusterrole=cluster-admin", &account]);
        self.kubectl(&["create", "token", name, "-n", "default", "--duration=1h"]).trim().to_owned()
    }

    /// Whether it knows who shows this token.
    pub(crate) fn takes(&self, token: &str) -> bool {
        let server = self.server();
        let arguments = ["get", "--raw", "/version", "--kubeconfig", "/dev/null"];
        let mut command = self.world.kubectl_command(&[]);
        let program = command.get_program().to_owned();
        command = Command::new(program);
        let authority = self.cluster.connection().certificate_authority.display().to_string();
        command.env_clear().args(arguments).args(["--server", &server, "--token", token]);
        command.args(["--certificate-authority", &authority]);
        command.output().expect("kubectl starts").status.success()
    }

    /// The Secret of it in the controller's namespace, with more data.
    pub(crate) fn secret(&self, ground: &Ground, token: &str, more: &Json) -> Json {
        let connection = self.cluster.connection();
        let authority = std::fs::read(&connection.certificate_authority).expect("an authority");
        let tls = json!({"caData": BASE64_STANDARD.encode(authority)});
        let config = json!({"bearerToken": token, "tlsClientConfig": tls}).to_string();
        let mut data = json!({"name": "prod", "server": connection.server, "config": config});
        json_patch::merge(&mut data, more);
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {
                "name": "prod", "namespace": ground.world.name,
                "labels": {"argocd.argoproj.io/secret-type": "cluster"},
            },
            "stringData": data,
        })
    }

    /// The same with the administrator's token.
    pub(crate) fn secret_of_admin(&self, ground: &Ground) -> Json {
        self.secret(ground, &self.cluster.connection().token, &json!({}))
    }

    /// Freezes its API server, or wakes it.
    pub(crate) fn freeze(&self, is_frozen: bool) {
        let id = self.cluster.connection().components[Component::ApiServer.name()];
        let signal = if is_frozen { "-STOP" } else { "-CONT" };
        Command::new("kill").args([signal, &id.to_string()]).status().expect("kill starts");
    }

    /// Kills its API server.
    pub(crate) fn kill(&mut self) {
        self.cluster.kill(Component::ApiServer).expect("killed");
    }

    /// Starts its API server again.
    pub(crate) fn start_again(&mut self) {
        self.cluster.start_again(Component::ApiServer).expect("started");
    }
}

/// An Application of a folder of its own that is applied to a namespace of the cluster `prod`.
pub(crate) fn on_prod(ground: &Ground, name: &str, namespace: &str) -> Json {
    let mut application = ground.another(name);
    application["spec"]["destination"] = json!({"name": "prod", "namespace": namespace});
    application["spec"]["syncPolicy"]["syncOptions"] = json!(["CreateNamespace=true"]);
    application
}

/// The message of a condition of an Application.
pub(crate) fn condition_of(ground: &Ground, name: &str, kind: &str) -> Option<String> {
    let status = ground.status_of(name);
    let found = status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind)?.clone();
    found["message"].as_str().map(str::to_owned)
}
