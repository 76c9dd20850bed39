//! `bundle apply`: a bundle to the cluster, without its sources.
//!
//! What `apply` does with what it compiled is done with what is in the bundle, by the same code: the same plan, guards, record and
//! rollback. The release keeps the digest of the bundle where it would keep a commit.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use gitops_compiler::bundle::{Bundle, Config, Read};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::diagnostic::Origin;
use gitops_compiler::lint::Levels;
use gitops_compiler::manifest::yaml;
use gitops_compiler::name::AppName;

use crate::bundle::{TrustArgs, manifest_digest};
use crate::cluster::Cluster;
use crate::commands::apply::{ApplyingArgs, Prepared, apply};
use crate::commands::change::ReleaseSource;
use crate::commands::refuse::Told;
use crate::error::CommandError;
use crate::settings::{Delivery, Home, RegistryArgs, Session};

use super::place::Place;

/// Apply a bundle: plan, ask, apply in topological order, wait until everything is ready, and record the release
///
/// Nothing is compiled: neither Git nor the sources are needed, and of networks only the cluster, and the registry where the
/// bundle is in one. It goes where the bundle says, and flags say more.
#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// The application, which may have another name than in the bundle
    #[arg(value_name = "APP")]
    app: AppName,
    /// The bundle: a folder, a tar, oci://HOST/REPOSITORY:TAG or oci://HOST/REPOSITORY@DIGEST
    #[arg(value_name = "BUNDLE")]
    bundle: String,
    /// The graph that it must hold, whole
    #[arg(long, value_name = "GRAPH")]
    graph: Option<Id<Graph>>,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    trust: TrustArgs,
    #[command(flatten)]
    applying: ApplyingArgs,
}

impl ApplyArgs {
    /// Whether output is JSON.
    pub(super) fn json(&self) -> bool {
        self.applying.json()
    }
}

/// Runs the command.
pub(super) async fn run(session: &Session, args: &ApplyArgs) -> Result<u8, CommandError> {
    let place = Place::named(&args.bundle)?;
    let (files, read) = place.verified(session, &args.registry)?;
    super::demand_graph(&read.bundle, args.graph)?;
    let bundle = &read.bundle;
    let delivery = Delivery::of_bundle(&bundle.config.delivery);
    let checks = bundle.config.delivery.health_checks.clone().into_iter();
    let rules = args.applying.health.rules_with(checks.map(|(path, text)| (path, text.into_bytes())).collect())?;
    let namespace = Some(bundle.config.delivery.namespace.clone()).filter(|namespace| !namespace.is_empty());
    let home = Home { record_namespace: None, destination: namespace };
    let connected = args.applying.cluster.connect_for(&home, session.store.open(session.printer)).await?;
    demand_trust(args, &read, &connected.records.cluster).await?;
    let prepared = Prepared {
        name: args.app.clone(),
        graph: bundle.graph.clone(),
        delivery: &delivery,
        rules,
        source: ReleaseSource { bundle: Some(manifest_digest(&files)?), ..ReleaseSource::default() },
        told: told(&place, bundle),
        is_application: false,
        connected,
    };
    Box::pin(apply(session, &args.applying, prepared)).await
}

/// Refuses what is not signed as it should be: by the rules for the name that it is applied under, and for the one that it has.
async fn demand_trust(args: &ApplyArgs, read: &Read, cluster: &Cluster) -> Result<(), CommandError> {
    if !args.trust.demands() {
        return Ok(());
    }
    let doing = "cannot read the identity of the cluster (the uid of the namespace kube-system)";
    let identity = cluster.identity().await;
    // Where it may not be known, the bundle must be good for all clusters.
    let uid = identity.map_err(|failure| CommandError::user(doing).details(vec![failure.to_string()]))?;
    for name in BTreeSet::from([&args.app, &read.bundle.config.application]) {
        args.trust.check(read, name, uid.as_deref())?;
    }
    Ok(())
}

/// What is wrong with manifests is told of the files in the layer.
fn told<'a>(place: &Place, bundle: &'a Bundle) -> Told<'a> {
    let Config { resources, .. } = &bundle.config;
    let path = |file: &str| format!("{place}: {file}");
    let origins: Vec<Origin> =
        resources.iter().map(|entry| Origin { path: path(&entry.file), line: 1, column: 0 }).collect();
    let by_path: BTreeMap<String, usize> =
        resources.iter().enumerate().map(|(node, entry)| (path(&entry.file), node)).collect();
    let text = move |path: &str| {
        let resource = bundle.graph.resources().get(*by_path.get(path)?)?;
        Some(yaml::emit(&resource.body).into_bytes())
    };
    Told { levels: Cow::Owned(Levels::default()), origins: Cow::Owned(origins), text: Box::new(text) }
}
