//! `cluster list`: which clusters there are, and whether they answer. They are asked from here, with the credentials of the
//! Secrets, which whoever runs this may read.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use futures::StreamExt as _;
use serde_json::Value as Json;

use crate::application::COLLECTION;
use crate::cluster::{Cluster, Connection, Followed};
use crate::controller::clusters::known::Known;
use crate::controller::clusters::secret::ClusterSecret;
use crate::error::CommandError;
use crate::json::{ClusterRowJson, ClustersJson, SchemaVersion};
use crate::output::table;
use crate::project::DEFAULT;
use crate::settings::{ClusterArgs, Session};

use super::super::request::failed;

/// So many clusters are asked at once.
const AT_ONCE: usize = 16;

/// List the clusters that Applications are applied to: name, address, version, whether they answer, how many Applications
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub(super) async fn run(session: &Session, args: &ListArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let (cluster, home) = (connected.records.cluster, connected.destination);
    let secrets = cluster.list::<Json>(&format!("/api/v1/namespaces/{home}/secrets"), super::SELECTOR).await;
    let secrets = secrets.map_err(|failure| failed("the Secrets of clusters cannot be read", &failure))?;
    let applications = match cluster.list::<Json>(COLLECTION, "").await {
        Err(failure) if failure.is_forbidden() => {
            let here = format!("/apis/argoproj.io/v1alpha1/namespaces/{home}/applications");
            cluster.list::<Json>(&here, "").await
        }
        other => other,
    };
    let applications = applications.map_err(|failure| failed("Applications cannot be listed", &failure))?;
    let mut known = Known::default();
    known.take(Followed::Listed(secrets));
    let counted = counted(&known, &applications);
    let mut all: Vec<ClusterSecret> = known.secrets().map(|secret| (**secret).clone()).collect();
    if !all.iter().any(ClusterSecret::is_here) {
        all.push(ClusterSecret::here());
    }
    all.sort_by_key(|secret| (!secret.is_here(), secret.name.clone(), secret.secret.clone()));
    let asked = all.iter().map(|secret| row(secret, &cluster, &counted));
    let clusters: Vec<ClusterRowJson> =
        futures::stream::iter(asked.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    if args.output.is_some() {
        session.printer.json(&ClustersJson { schema_version: SchemaVersion, clusters });
        return Ok(0);
    }
    let mut rows = vec![["NAME", "SERVER", "VERSION", "STATE", "APPLICATIONS", ""].map(str::to_owned).to_vec()];
    rows.extend(clusters.iter().map(|it| {
        vec![
            it.name.clone(),
            it.server.clone(),
            it.version.clone().unwrap_or_default(),
            it.state.clone(),
            it.applications.to_string(),
            it.message.clone(),
        ]
    }));
    session.printer.out(&table(&rows));
    Ok(0)
}

/// How many Applications have which server for a destination.
fn counted(known: &Known, applications: &[Json]) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for application in applications {
        let text = |pointer: &str| application.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let project = Some(text("/spec/project")).filter(|project| !project.is_empty()).unwrap_or(DEFAULT);
        let (server, name) = (text("/spec/destination/server"), text("/spec/destination/name"));
        if let Ok(found) = known.find(server, name, project) {
            *counted.entry(found.server.clone()).or_default() += 1;
        }
    }
    counted
}

async fn row(secret: &ClusterSecret, here: &Cluster, counted: &BTreeMap<String, usize>) -> ClusterRowJson {
    let version = version(secret, here).await;
    ClusterRowJson {
        name: secret.name.clone(),
        server: secret.server.clone(),
        secret: secret.secret.clone(),
        project: secret.project.clone(),
        namespaces: secret.namespaces.clone(),
        state: if version.is_ok() { "Successful" } else { "Failed" }.to_owned(),
        message: version.as_ref().err().cloned().unwrap_or_default(),
        version: version.ok(),
        applications: counted.get(&secret.server).copied().unwrap_or_default(),
    }
}

/// Which Kubernetes it is, or why it does not tell.
async fn version(secret: &ClusterSecret, here: &Cluster) -> Result<String, String> {
    let cluster = match secret.access.as_ref().map_err(Clone::clone)? {
        None => here.clone(),
        Some(access) => {
            let connection = Connection::given(access).await.map_err(|error| error.to_string())?;
            // Whether it answers is asked once, and not for long.
            Cluster { connection, timeout: here.timeout.min(Duration::from_secs(10)), is_patient: false }
        }
    };
    let told = cluster.get("/version").await.map_err(|failure| failure.to_string())?;
    told["gitVersion"].as_str().map(str::to_owned).ok_or_else(|| "it does not say which Kubernetes it is".to_owned())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use super::*;

    #[test]
    fn applications_count_for_the_cluster_that_they_mean() {
        let server = BASE64_STANDARD.encode("https://prod.example.com/");
        let secret = json!({"metadata": {"name": "prod"}, "data": {"server": server, "name": "cHJvZA=="}});
        let mut known = Known::default();
        known.take(Followed::Listed(vec![secret]));
        let to = |destination: Json| json!({"spec": {"destination": destination}});
        let applications = [
            to(json!({"name": "prod"})),
            to(json!({"server": "https://prod.example.com"})),
            to(json!({"name": "in-cluster"})),
            to(json!({"name": "nowhere"})),
            to(json!({})),
        ];
        let counted = counted(&known, &applications);
        assert_eq!(counted.get("https://prod.example.com"), Some(&2));
        assert_eq!((counted.get("https://kubernetes.default.svc"), counted.len()), (Some(&1), 2));
    }
}
