//! Our own form: `.gitops/health.yaml`.
//!
//! In: its bytes. Out: its checks. `healthCheckExprs` is what stands under that name in a `Kustomization` of Flux, and
//! `resourceCustomizations` what stands under `resource.customizations` in an `argocd-cm` of Argo CD, as far as it is about
//! health.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::File;
use crate::health::worker::{Expressions, Script, check};

/// Health checks that an application has in `.gitops/health.yaml`, in its folder, or that `--health-checks` names.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct WrittenRules {
    /// Checks in CEL, as Flux has them.
    #[serde(default)]
    health_check_exprs: Vec<HealthCheckExpressions>,
    /// Checks in Lua, as Argo CD has them: by `group/Kind`, `Kind` for the core group, or a pattern of these.
    #[serde(default)]
    resource_customizations: BTreeMap<String, Customization>,
}

/// How objects of one kind do. The first that is true counts; where none is, they are in progress. An object whose
/// `status.observedGeneration` is not its generation is in progress, too.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct HealthCheckExpressions {
    /// Group and version of the kind; the version does not matter.
    api_version: String,
    /// The kind.
    kind: String,
    /// True where the object is on its way.
    #[serde(default)]
    in_progress: Option<String>,
    /// True where it has failed; nobody waits for it any more.
    #[serde(default)]
    failed: Option<String>,
    /// True where it is as it should be.
    current: String,
}

/// A check in Lua.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Customization {
    /// A script that finds the object as `obj`, and returns a table with `status` and `message`.
    #[serde(rename = "health.lua")]
    health: String,
    /// Read, and of no effect: texts, numbers and tables are always there, and nothing else ever.
    #[serde(default, rename = "health.lua.useOpenLibs")]
    #[expect(dead_code, reason = "what Argo CD's users write")]
    use_open_libs: Option<bool>,
}

impl Customization {
    /// Where the script stands.
    pub(super) const HEALTH: &str = "health.lua";
}

/// The checks, and what is wrong with others.
pub(super) fn read(bytes: &[u8]) -> (File, Vec<String>) {
    let (mut file, mut wrong) = (File::default(), Vec::new());
    let read: Result<Option<WrittenRules>, _> = serde_yaml::from_slice(bytes);
    let rules = match read {
        Ok(rules) => rules.unwrap_or_default(),
        Err(error) => return (file, vec![error.to_string()]),
    };
    for (number, written) in rules.health_check_exprs.into_iter().enumerate() {
        let HealthCheckExpressions { api_version, kind, in_progress, failed, current } = written;
        let expressions = Expressions { in_progress, failed, current };
        wrong.extend(check(&expressions).into_iter().map(|error| format!("healthCheckExprs[{number}]: {error}")));
        file.add_kind(&api_version, &kind, Script::Cel(expressions), &mut wrong);
    }
    for (target, customization) in rules.resource_customizations {
        file.add(&target, Script::Lua(customization.health), &mut wrong);
    }
    (file, wrong)
}
