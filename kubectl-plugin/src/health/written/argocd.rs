//! Argo CD's own form: the ConfigMap `argocd-cm`.
//!
//! In: its `data`. Out: the health checks of `resource.customizations` (a text of YAML, by `group/Kind` or a pattern) and of
//! `resource.customizations.health.<group>_<kind>`, which count first. Everything else in there is for Argo CD alone.

use std::collections::BTreeMap;

use gitops_compiler::canon::Value;
use gitops_compiler::manifest::yaml::{Limits, read as read_yaml};
use serde::Deserialize;

use super::File;
use super::file::Customization;
use crate::health::worker::Script;

/// Where all customizations stand in one text, and how the keys of single ones begin.
const ALL: &str = "resource.customizations";
const HEALTH: &str = "resource.customizations.health.";

/// Only what of a customization is about health; the rest may be anything.
#[derive(Debug, Deserialize)]
struct Any {
    #[serde(flatten)]
    fields: BTreeMap<String, serde_yaml::Value>,
}

/// The texts of a ConfigMap; none where the file is none.
pub(super) fn config_map(bytes: &[u8]) -> Result<Option<BTreeMap<String, String>>, String> {
    let reading = read_yaml(bytes, Limits::default());
    let is_config_map = |value: &Value| value.get("kind").and_then(Value::as_str) == Some("ConfigMap");
    let mut found = reading.documents.iter().filter(|document| is_config_map(&document.value));
    let Some(map) = found.next() else { return Ok(None) };
    if let Some(problem) = reading.problems.first() {
        return Err(problem.to_string());
    }
    if found.next().is_some() {
        return Err("it has more than one ConfigMap: name a file with the one that is meant".to_owned());
    }
    let Some(Value::Map(data)) = map.value.get("data") else { return Ok(Some(BTreeMap::new())) };
    let texts = data.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    Ok(Some(texts.collect()))
}

/// The checks, and what is wrong with others.
pub(super) fn read(data: &BTreeMap<String, String>) -> (File, Vec<String>) {
    let (mut file, mut wrong) = (File::default(), Vec::new());
    let mut checks: BTreeMap<String, String> = BTreeMap::new();
    if let Some(text) = data.get(ALL) {
        match serde_yaml::from_str::<Option<BTreeMap<String, Option<Any>>>>(text) {
            Ok(all) => checks.extend(all.unwrap_or_default().into_iter().filter_map(|(target, any)| {
                let script = any?.fields.remove(Customization::HEALTH)?.as_str()?.to_owned();
                Some((target, script))
            })),
            Err(error) => wrong.push(format!("{ALL}: {error}")),
        }
    }
    for (key, script) in data {
        let Some(target) = key.strip_prefix(HEALTH) else { continue };
        match target.split('_').collect::<Vec<_>>()[..] {
            ["all"] => checks.insert("*".to_owned(), script.clone()),
            [kind] if !kind.is_empty() => checks.insert(kind.to_owned(), script.clone()),
            [group, kind] => checks.insert(format!("{group}/{kind}"), script.clone()),
            _ => {
                wrong.push(format!("{key}: it should end with a group and a kind, as cert-manager.io_Certificate"));
                continue;
            }
        };
    }
    for (target, script) in checks.into_iter().filter(|(_, script)| !script.trim().is_empty()) {
        file.add(&target, Script::Lua(script), &mut wrong);
    }
    (file, wrong)
}
