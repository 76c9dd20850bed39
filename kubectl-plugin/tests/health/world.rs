//! Rules with checks of users, evaluated as a run of the program does: by the program itself, in the sandbox.

use std::collections::BTreeMap;

use gitops_compiler::sandbox::Sandbox;
use kubectl_gitops::health::{Checks, Rules, Verdict};
use serde_json::Value;

/// Rules with the checks of one file.
pub(crate) fn rules(file: &str) -> Rules {
    let mut checks = Checks::default();
    checks.add("health.yaml", file.as_bytes()).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    Rules::new(checks, Ok(Sandbox::new(env!("CARGO_BIN_EXE_kubectl-gitops"), std::env::temp_dir())))
}

/// Rules with scripts in Lua, by `group/Kind`.
pub(crate) fn scripts(scripts: &[(&str, &str)]) -> Rules {
    let customization = |(kind, script): &(&str, &str)| {
        ((*kind).to_owned(), BTreeMap::from([("health.lua".to_owned(), (*script).to_owned())]))
    };
    let customizations: BTreeMap<_, _> = scripts.iter().map(customization).collect();
    rules(&serde_json::json!({ "resourceCustomizations": customizations }).to_string())
}

/// Status, message and verdict in one line.
pub(crate) fn line(rules: &Rules, object: &Value) -> String {
    let health = rules.assess(object);
    let verdict = match health.verdict() {
        Verdict::Ready => "ready",
        Verdict::Waiting => "waiting",
        Verdict::Failed => "failed",
    };
    format!("{} ({verdict}) {}", health.status, health.message).trim_end().to_owned()
}
