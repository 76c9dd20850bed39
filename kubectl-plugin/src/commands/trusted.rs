//! The demand that what is applied is signed: a bundle, or a release that was applied from one.
//!
//! In: flags, what is signed, the name that it is applied under, a cluster. Out: the signatures, judged; or a refusal (exit 4)
//! before anything is changed.

use std::collections::BTreeSet;

use gitops_compiler::bundle::Read;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::AppName;

use crate::apply::Target;
use crate::bundle::{Signature, Signed, TrustArgs};
use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::record::Release;
use crate::record::pack::{Packed, unpack_signatures};
use crate::settings::Session;

/// Refuses a bundle that is not signed as it should be: by the rules for the name that it is applied under, and for the one that it
/// has. Gives what was judged; nothing where nothing is demanded.
pub(super) async fn demand_of_bundle(
    trust: &TrustArgs,
    read: &Read,
    name: &AppName,
    cluster: &Cluster,
) -> Result<Vec<Signature>, CommandError> {
    if !trust.demands() {
        return Ok(Vec::new());
    }
    let uid = uid(cluster).await?;
    let Some(looked) = trust.look(&Signed::of_bundle(read))? else { return Ok(Vec::new()) };
    let names = BTreeSet::from([name, &read.bundle.config.application]);
    names.into_iter().try_for_each(|name| looked.demand(name, uid.as_deref()))?;
    Ok(looked.signatures)
}

/// Refuses a release whose graph is not signed as it should be, by the signatures that the record keeps. They are looked at
/// again, with the keys of today. Gives them, for the release that comes next.
pub(super) async fn demand_of_release(
    session: &Session,
    trust: &TrustArgs,
    target: &Target,
    release: &Release,
    graph: &ResourceGraph,
) -> Result<Packed, CommandError> {
    let number = release.number;
    let packed = target.records.packed_signatures(&release.origin, &target.target_id).await;
    if !trust.demands() {
        return Ok(packed.unwrap_or_else(|error| {
            let told = format!("the signatures of release {number} cannot be read, and are kept no longer: {error}");
            session.printer.say(&told);
            Packed::default()
        }));
    }
    let Some(manifest) = &release.origin.bundle else {
        let message = format!("release {number} was not applied from a bundle: nobody has signed it");
        return Err(CommandError::refused(message)
            .hint("without --trust, --key and --certificate-identity it is not asked who has"));
    };
    let altered = |error: String| {
        let message = format!("the signatures of release {number} cannot be read from the record");
        CommandError::refused(message).details(vec![error])
    };
    let packed = packed.map_err(|error| altered(error.to_string()))?;
    let texts = if packed.bytes.is_empty() {
        Vec::new()
    } else {
        unpack_signatures(&packed.bytes).map_err(|error| altered(error.to_string()))?
    };
    let signed = Signed::of_release(number, manifest, graph.id(), &texts);
    let uid = uid(&target.records.cluster).await?;
    let Some(looked) = trust.look(&signed)? else { return Ok(packed) };
    looked.demand(&target.application, uid.as_deref())?;
    // Those who signed say what it was built for. Where that is another name, its rules count, too.
    signed.applications(&looked.signatures).iter().try_for_each(|name| looked.demand(name, uid.as_deref()))?;
    Ok(packed)
}

/// Which cluster it is. Where that may not be known, what is demanded must be met for all clusters.
async fn uid(cluster: &Cluster) -> Result<Option<String>, CommandError> {
    let doing = "cannot read the identity of the cluster (the uid of the namespace kube-system)";
    let identity = cluster.identity().await;
    identity.map_err(|failure| CommandError::user(doing).details(vec![failure.to_string()]))
}
