//! `bundle apply`: a bundle to the cluster, without its sources.
//!
//! What `apply` does with what it compiled is done with what is in the bundle, by the same code: the same plan, guards, record and
//! rollback. The release keeps the digest of the bundle where it would keep a commit, and the signatures beside it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use clap::Args;
use gitops_compiler::bundle::{Bundle, Config, Read};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::diagnostic::Origin;
use gitops_compiler::lint::Levels;
use gitops_compiler::manifest::yaml;
use gitops_compiler::name::AppName;

use crate::bundle::{Signature, TrustArgs, kept, manifest_digest};
use crate::commands::apply::{ApplyingArgs, Prepared, apply};
use crate::commands::change::ReleaseSource;
use crate::commands::refuse::Told;
use crate::commands::trusted::demand_of_bundle;
use crate::error::CommandError;
use crate::output::counted;
use crate::record::pack::{MOST_SIGNATURE_BYTES, PackError, Packed};
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
    let judged = demand_of_bundle(&args.trust, &read, &args.app, &connected.records.cluster).await?;
    let prepared = Prepared {
        name: args.app.clone(),
        graph: bundle.graph.clone(),
        delivery: &delivery,
        rules,
        source: ReleaseSource {
            bundle: Some(manifest_digest(&files)?),
            signatures: signatures(session, &read, &judged)?,
            ..ReleaseSource::default()
        },
        told: told(&place, bundle),
        is_application: false,
        connected,
    };
    Box::pin(apply(session, &args.applying, prepared)).await
}

/// The signatures beside the bundle, as the release keeps them, whether they were asked for or not: a rollback may ask.
fn signatures(session: &Session, read: &Read, judged: &[Signature]) -> Result<Packed, CommandError> {
    let cannot = |error: PackError| CommandError::user(format!("the signatures cannot be kept: {error}"));
    let (packed, left_out) = kept(read, judged).map_err(cannot)?;
    if left_out > 0 {
        let most = MOST_SIGNATURE_BYTES >> 10;
        let count = counted(left_out, "signature");
        session.printer.say(&format!("the release does not keep {count}: all together may have {most} KiB"));
    }
    Ok(packed)
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
