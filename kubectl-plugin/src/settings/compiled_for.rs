//! Compiling for a cluster, whose version may be another than that of our schemas.

use gitops_compiler::compile::{self, Compilation};
use gitops_compiler::diagnostic::{Diagnostic, Level};
use gitops_compiler::lint::Levels;
use gitops_compiler::name::AppName;
use gitops_compiler::schema;
use gitops_compiler::store::Store;

use crate::error::CommandError;
use crate::output::Printer;

use super::{ClusterArgs, Opened, SourceArgs};

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
/// be of another version than they are, Kubernetes' own kinds are left to the schemas of the server.
pub async fn compiled_for(
    cluster: &ClusterArgs,
    source: &SourceArgs,
    name: Option<&AppName>,
    store: Option<&Store>,
    printer: Printer,
) -> Result<CompiledFor, CommandError> {
    let (mut opened, mut levels) = (source.open_named(name, store)?, source.levels()?);
    if opened.has_templates()
        && let Ok(connected) = cluster.connect_for(&opened.home, None).await
    {
        // What templates are told is where their objects go. Nothing is sent for it.
        opened.app.namespace = connected.destination;
    }
    let compilation = match opened.compile_at(&levels, store, printer) {
        Err(error) if levels.kubernetes.is_none() && only_schemas_object(&error) => {
            let Some(version) = cluster.other_version().await else { return Err(error.into()) };
            printer.say(&format!("the API server is Kubernetes {version}: its own schemas count"));
            levels.kubernetes = Some(version);
            opened.compile_at(&levels, store, printer)?
        }
        other => other?,
    };
    opened.say(&compilation.lints, printer)?;
    Ok(CompiledFor { compilation, opened, levels })
}

fn only_schemas_object(error: &compile::Error) -> bool {
    let compile::Error::Manifests { findings, .. } = error else { return false };
    let by_schema = |finding: &Diagnostic| finding.rule.as_deref().is_some_and(|rule| schema::LINTS.contains(&rule));
    findings.iter().filter(|finding| finding.level == Level::Error).all(by_schema)
}
