//! A review for a code scanner: SARIF 2.1.0.
//!
//! In: a review, the version of this program. Out: one run: the rules that objected, a result for each risk and each error,
//! with the place where it is written. What is accepted is told as suppressed, with the reason.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::diagnostic::{Diagnostic, Level as Severity, Origin};

use super::super::report::{Accepted, Review, Risk};
use super::super::rule::{Level, RULES};
use super::escape::{message, uri};

/// The rule of errors, whose own names may be none.
const ERROR: &str = "does-not-compile";

/// A review as SARIF.
#[must_use]
pub fn sarif(review: &Review, version: &str) -> Json {
    let mut results: Vec<Json> = review.risks.iter().map(|risk| result(risk, None)).collect();
    for application in &review.applications {
        let errors = application.findings.iter().filter(|finding| finding.level == Severity::Error);
        results.extend(errors.map(error));
        // Each error has a result of its own.
        let is_told = |risk: &&Risk| risk.rule != ERROR || application.findings.is_empty();
        results.extend(application.risks.iter().filter(is_told).map(|risk| result(risk, None)));
        results.extend(application.accepted.iter().map(|accepted| result(&accepted.risk, Some(accepted))));
    }
    let named: BTreeSet<&str> = results.iter().filter_map(|result| result["ruleId"].as_str()).collect();
    let rules = RULES.iter().filter(|rule| named.contains(rule.name)).map(|rule| {
        json!({
            "id": rule.name,
            "shortDescription": {"text": message(rule.finds)},
            "fullDescription": {"text": message(rule.why)},
            "help": {"text": message(rule.advice)},
            "defaultConfiguration": {"level": level(rule.level)},
        })
    });
    let driver = json!({
        "name": "kubectl-gitops",
        "semanticVersion": version,
        "rules": rules.collect::<Vec<_>>(),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    })
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Info => "note",
        Level::Caution => "warning",
        Level::Block => "error",
    }
}

fn result(risk: &Risk, accepted: Option<&Accepted>) -> Json {
    let resource = risk.resource.as_ref().map(|key| format!("{key}: ")).unwrap_or_default();
    let text = format!("{resource}{}. To do: {}.", risk.evidence, risk.advice);
    let mut result = json!({
        "ruleId": risk.rule,
        "level": level(risk.level),
        "message": {"text": message(&text)},
        "locations": locations(risk.origin.as_ref()),
        "partialFingerprints": fingerprints(risk),
    });
    if let Some(accepted) = accepted {
        let justification = message(&format!("until {}: {}", accepted.until, accepted.reason));
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": justification}]);
    }
    result
}

/// The same risk is the same alert, whichever line it moves to.
fn fingerprints(risk: &Risk) -> BTreeMap<&'static str, String> {
    let resource = risk.resource.as_ref().map(ToString::to_string).unwrap_or_default();
    let path = risk.path.as_deref().unwrap_or_default();
    let identity = format!("{}\n{resource}\n{path}", risk.rule);
    BTreeMap::from([("gitopsRisk/v1", blake3::hash(identity.as_bytes()).to_hex().to_string())])
}

fn error(finding: &Diagnostic) -> Json {
    let rule = finding.rule.as_ref().map(|rule| format!("{rule}: ")).unwrap_or_default();
    json!({
        "ruleId": ERROR,
        "level": "error",
        "message": {"text": message(&format!("{rule}{}", finding.message))},
        "locations": locations(Some(&finding.origin)),
    })
}

fn locations(origin: Option<&Origin>) -> Json {
    let Some(origin) = origin else { return json!([]) };
    let mut place = json!({"artifactLocation": {"uri": uri(&origin.path), "uriBaseId": "%SRCROOT%"}});
    if origin.line > 0 {
        place["region"] = json!({"startLine": origin.line});
        if origin.column > 0 {
            place["region"]["startColumn"] = json!(origin.column);
        }
    }
    json!([{"physicalLocation": place}])
}
