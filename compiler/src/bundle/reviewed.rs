//! The record of a review: what was looked at before a bundle was agreed to, and by whom.
//!
//! In: what `review -o json` printed. Out: the predicate of a statement about the bundle whose graph is the newer side of
//! that review: both graphs, the verdict, the rules that objected and where. No field and no value of a manifest is in it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::canon::{Graph, Id};
use crate::name::AppName;

/// The type of the predicate.
pub const REVIEW: &str = "https://github.com/kubectl-gitops/kubectl-gitops/review/v1";

/// The version of what `review -o json` prints that is read here.
const SCHEMA_VERSION: u64 = 1;

/// The words for verdicts of what compiles.
const VERDICTS: [&str; 4] = ["unchanged", "routine", "caution", "block"];

/// A review of one application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReviewRecord {
    /// The graph before; none where there was none.
    pub base: Option<Id<Graph>>,
    /// The commit that it is of, where that is known.
    pub base_commit: Option<String>,
    /// The graph that was agreed to.
    pub head: Id<Graph>,
    /// The commit that it is of, where that is known.
    pub head_commit: Option<String>,
    /// What the review came to.
    pub verdict: String,
    /// What rules objected to.
    pub risks: Vec<ReviewedRisk>,
    /// Who agreed, as they call themselves: the signature says whose key it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<String>,
}

/// What a rule objected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedRisk {
    /// How bad.
    pub level: String,
    /// The rule.
    pub rule: String,
    /// Where.
    #[serde(default)]
    pub resource: Option<String>,
}

/// What is read of a review.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema_version: u64,
    base: Side,
    head: Side,
    applications: Vec<Reviewed>,
}

#[derive(Deserialize)]
struct Side {
    commit: Option<String>,
}

#[derive(Deserialize)]
struct Reviewed {
    application: String,
    base: Option<Id<Graph>>,
    head: Option<Id<Graph>>,
    verdict: String,
    risks: Vec<ReviewedRisk>,
    /// What whoever printed it did not want to see.
    #[serde(rename = "leftOut")]
    left_out: Option<Json>,
}

impl ReviewRecord {
    /// What a review says about the bundle of an application that holds this graph.
    ///
    /// # Errors
    /// Where it is no review, or one of something else.
    pub fn of_report(
        bytes: &[u8],
        application: &AppName,
        graph: Id<Graph>,
        accepted_by: Option<&str>,
    ) -> Result<Self, String> {
        let report: Report = serde_json::from_slice(bytes).map_err(|error| format!("it is no review: {error}"))?;
        if report.schema_version != SCHEMA_VERSION {
            return Err(format!("it is of version {}, and {SCHEMA_VERSION} is read", report.schema_version));
        }
        let named = report.applications.into_iter().find(|reviewed| reviewed.application == application.as_str());
        let reviewed = named.ok_or_else(|| format!("it is no review of {application}"))?;
        if reviewed.left_out.is_some() {
            return Err("some of it was left out: print it without --only and --ignore".to_owned());
        }
        match reviewed.head {
            Some(head) if head == graph => {}
            Some(head) => return Err(format!("it is a review of {head}, and the bundle holds {graph}")),
            None => return Err(format!("what it reviews of {application} does not compile")),
        }
        if !VERDICTS.contains(&reviewed.verdict.as_str()) {
            return Err(format!("no verdict is called {:?}", reviewed.verdict));
        }
        Ok(Self {
            base: reviewed.base,
            base_commit: report.base.commit,
            head: graph,
            head_commit: report.head.commit,
            verdict: reviewed.verdict,
            risks: reviewed.risks,
            accepted_by: accepted_by.map(str::to_owned),
        })
    }

    /// As the predicate of a statement.
    #[must_use]
    pub fn predicate(&self) -> Json {
        // Texts and lists always can be written.
        serde_json::to_value(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(head: Id<Graph>, verdict: &str) -> Vec<u8> {
        let risk =
            json!({"level": "caution", "rule": "rbac-escalation", "resource": "/Secret/a/b", "evidence": "hunter2"});
        let application =
            json!({"application": "shop", "base": null, "head": head, "verdict": verdict, "risks": [risk]});
        let report = json!({"schemaVersion": 1, "base": {"name": "main", "commit": null}, "head": {"name": "x", "commit": "c0ffee"},
            "verdict": verdict, "applications": [application]});
        report.to_string().into_bytes()
    }

    #[test]
    fn a_review_is_of_one_graph() {
        let shop: AppName = "shop".parse().expect("a name");
        let (graph, other) = (Id::of(b"g"), Id::of(b"h"));
        let record = |bytes: &[u8], name: &AppName| ReviewRecord::of_report(bytes, name, graph, Some("anna"));
        let found = record(&report(graph, "caution"), &shop).expect("a record");
        assert_eq!((found.verdict.as_str(), found.head_commit.as_deref()), ("caution", Some("c0ffee")));
        assert!(!found.predicate().to_string().contains("hunter2"), "what was found stays in the review");
        assert!(record(&report(other, "caution"), &shop).expect_err("refused").contains("the bundle holds"));
        assert!(record(&report(graph, "fine"), &shop).expect_err("refused").contains("no verdict"));
        assert!(record(&report(graph, "caution"), &"web".parse().expect("a name")).is_err());
        assert!(record(b"{}", &shop).is_err());
        let mut partly: Json = serde_json::from_slice(&report(graph, "caution")).expect("JSON");
        partly["applications"][0]["leftOut"] = json!({"resources": 1, "fields": 0});
        let told = record(partly.to_string().as_bytes(), &shop).expect_err("refused");
        assert!(told.contains("left out"), "{told}");
    }
}
