//! Compiling for a cluster, whose version may be another than that of our schemas.
//!
//! In: an application, a cluster. Out: what it compiles to there, and the connection. What templates are told is what the
//! cluster is: the namespace that objects go to, and, where a chart asks and neither its source nor a flag says it, the
//! version and the APIs that the server has. Nothing is sent for what nobody asks for.

use gitops_compiler::compile::{self, Compilation};
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::lint::Levels;
use gitops_compiler::name::{AppName, KubernetesVersion};
use gitops_compiler::render::Capabilities;
use gitops_compiler::schema;
use gitops_compiler::store::Store;

use crate::cluster::{Cluster, Failure};
use crate::error::CommandError;
use crate::output::Printer;

use super::machine::Unsaid;
use super::{ClusterArgs, Connected, Opened, SourceArgs};

/// What [`compiled_for`] gives.
pub struct CompiledFor {
    /// The compilation.
    pub compilation: Compilation,
    /// Of what.
    pub opened: Opened,
    /// What the user says of lints; with the version of the cluster, where it was asked for.
    pub levels: Levels,
}

/// Compiles for a cluster, and says what there is to say. Where only schemas speak against it, and the server turns out to
/// be of another version than they are, Kubernetes' own kinds are left to the schemas of the server. What is wrong with the
/// application is told before what is wrong with the connection.
pub async fn compiled_for(
    cluster: &ClusterArgs,
    source: &SourceArgs,
    name: Option<&AppName>,
    store: Option<&Store>,
    printer: Printer,
) -> Result<(CompiledFor, Connected), CommandError> {
    let (mut opened, mut levels) = (source.open_named(name, store)?, source.levels()?);
    let home = opened.home.clone();
    // The kubeconfig is read; nothing is sent yet.
    let connected = cluster.connect_for(&home, store.cloned()).await;
    if let Some(connected) = connected.as_ref().ok().filter(|_| opened.has_templates()) {
        opened.app.namespace.clone_from(&connected.destination);
        let unsaid = opened.unsaid();
        if let Some(told) = capabilities(&connected.records.cluster, unsaid, printer).await? {
            opened.say_of_kubernetes(told);
        }
    }
    let compilation = match opened.compile_at(&levels, store, printer) {
        Err(error) if levels.kubernetes.is_none() && only_schemas_object(&error) => {
            let other = match &connected {
                Ok(connected) => other_version(&connected.records.cluster).await,
                Err(_) => None,
            };
            let Some(version) = other else { return Err(error.into()) };
            printer.say(&format!("the API server is Kubernetes {version}: its own schemas count"));
            levels.kubernetes = Some(version);
            opened.compile_at(&levels, store, printer)?
        }
        other => other?,
    };
    opened.say(&compilation.lints, printer)?;
    Ok((CompiledFor { compilation, opened, levels }, connected?))
}

/// What the cluster is, as far as that is not said. Where a part of it does not answer nothing is told: charts leave out
/// what they believe is not there, and that would be deleted.
async fn capabilities(
    cluster: &Cluster,
    unsaid: Unsaid,
    printer: Printer,
) -> Result<Option<Capabilities>, CommandError> {
    let failed = |failure: Failure| {
        let message = format!("a chart asks which Kubernetes it is for, and the cluster does not say: {failure}");
        CommandError::user(message).hint("--kube-version and --api-versions say it instead")
    };
    let mut told = Capabilities::default();
    if unsaid.kube_version {
        told.kube_version = Some(cluster.full_version().await.map_err(failed)?);
    }
    if unsaid.api_versions {
        let kinds = cluster.discover().await.map_err(failed)?;
        if let Some(group) = kinds.silent().next() {
            return Err(failed(Failure::Silent(group.to_owned())));
        }
        told.api_versions = kinds.api_versions();
    }
    let version = told.kube_version.iter().map(|version| format!("Kubernetes {version}"));
    let count = Some(told.api_versions.len()).filter(|count| *count > 0);
    let parts: Vec<String> = version.chain(count.map(|count| format!("{count} versions of APIs and kinds"))).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    printer.say(&format!("charts that ask are told what the cluster is: {}", parts.join(", ")));
    Ok(Some(told))
}

/// The version of the server, where it says one and that is not the one of our schemas.
async fn other_version(cluster: &Cluster) -> Option<KubernetesVersion> {
    let version = cluster.version().await.ok()?;
    (version != schema::version()).then_some(version)
}

fn only_schemas_object(error: &compile::Error) -> bool {
    let compile::Error::Manifests { findings, .. } = error else { return false };
    let by_schema = |finding: &Diagnostic| finding.rule.as_deref().is_some_and(|rule| schema::LINTS.contains(&rule));
    findings.iter().filter(|finding| finding.level == Level::Error).all(by_schema)
}
