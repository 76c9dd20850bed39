//! Reading fields of a live object.
//!
//! In: JSON of any shape. Out: the fields that health rules ask for, with Kubernetes' meaning of an absent one (empty,
//! zero, false). Guarantee: a field of an unexpected type reads as absent, so that no rule has to handle it.

use gitops_compiler::name::group_of;
use serde_json::Value;

use super::Health;

/// Where work says when it ended: Jobs and Tekton, Velero, Argo, Keptn.
const ENDS: &[&str] = &["completionTime", "completionTimestamp", "finishedAt", "endTime"];

/// A live object. Paths are JSON pointers.
pub(super) struct Live<'a>(&'a Value);

/// The state of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    True,
    False,
    Unknown,
}

/// An entry of `status.conditions`.
pub(super) struct Condition<'a> {
    pub(super) kind: &'a str,
    pub(super) truth: Truth,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    /// When it last changed; empty where the kind does not say.
    pub(super) updated: &'a str,
    /// The generation that it speaks of, where it says so.
    pub(super) generation: Option<i64>,
    /// How bad it is that it is not true: `Error`, `Warning`, `Info` in Cluster API.
    pub(super) severity: &'a str,
}

impl<'a> Live<'a> {
    pub(super) fn new(object: &'a Value) -> Self {
        Self(object)
    }

    /// The group; empty for the core group, whose `apiVersion` has no slash.
    pub(super) fn group(&self) -> &'a str {
        group_of(self.text("/apiVersion"))
    }

    pub(super) fn kind(&self) -> &'a str {
        self.text("/kind")
    }

    pub(super) fn name(&self) -> &'a str {
        self.text("/metadata/name")
    }

    pub(super) fn is_deleted(&self) -> bool {
        !self.text("/metadata/deletionTimestamp").is_empty()
    }

    /// Whether anything stands in `status`.
    pub(super) fn has_status(&self) -> bool {
        self.at("/status").and_then(Value::as_object).is_some_and(|status| !status.is_empty())
    }

    pub(super) fn at(&self, path: &str) -> Option<&'a Value> {
        self.0.pointer(path)
    }

    pub(super) fn text(&self, path: &str) -> &'a str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn flag(&self, path: &str) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or_default()
    }

    pub(super) fn int(&self, path: &str) -> Option<i64> {
        self.at(path).and_then(Value::as_i64)
    }

    pub(super) fn count(&self, path: &str) -> i64 {
        self.int(path).unwrap_or_default()
    }

    pub(super) fn list(&self, path: &str) -> &'a [Value] {
        self.at(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(super) fn annotation(&self, name: &str) -> Option<&'a str> {
        // Not a pointer: names of annotations hold slashes.
        self.at("/metadata/annotations")?.get(name)?.as_str()
    }

    pub(super) fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let annotations = self.at("/metadata/annotations").and_then(Value::as_object);
        annotations.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// Whether an update is meant to leave some of its Pods old.
    pub(super) fn has_partition(&self) -> bool {
        let strategy = "/spec/updateStrategy";
        ["/partition", "/rollingUpdate/partition"]
            .iter()
            .any(|path| self.at(&format!("{strategy}{path}")).is_some_and(|it| !it.is_null() && *it != 0))
    }

    /// Whether its status says when it ended: it is work, and done.
    pub(super) fn has_ended(&self) -> bool {
        ENDS.iter().any(|field| !self.text(&format!("/status/{field}")).is_empty())
    }

    pub(super) fn conditions(&self) -> impl Iterator<Item = Condition<'a>> {
        self.list("/status/conditions").iter().map(Condition::read)
    }

    pub(super) fn condition(&self, kind: &str) -> Option<Condition<'a>> {
        self.conditions().find(|condition| condition.kind == kind)
    }

    /// The condition of this type, if it is true. Many controllers keep one that no longer holds, as false.
    pub(super) fn held(&self, kind: &str) -> Option<Condition<'a>> {
        self.condition(kind).filter(|condition| condition.truth == Truth::True)
    }

    /// Whether the controller has said that it saw another generation than the object's.
    ///
    /// Argo Rollouts writes the number as a string, and once wrote a hash there, which may look like a large number: of
    /// a string only a smaller number counts.
    pub(super) fn is_behind(&self) -> bool {
        let Some(generation) = self.int("/metadata/generation") else { return false };
        match self.at("/status/observedGeneration") {
            Some(Value::Number(seen)) => seen.as_i64().is_some_and(|seen| seen != generation),
            Some(Value::String(seen)) => seen.parse::<i64>().is_ok_and(|seen| seen < generation),
            _ => false,
        }
    }

    /// [`Live::is_behind`] for kinds whose controller always reports: silence means that it has seen nothing.
    pub(super) fn is_unobserved(&self) -> bool {
        self.is_behind()
            || (self.int("/metadata/generation").is_some() && self.count("/status/observedGeneration") == 0)
    }

    /// The health of an object whose controller has not seen its last change.
    pub(super) fn behind(&self) -> Option<Health> {
        self.is_behind().then(|| {
            let generation = self.count("/metadata/generation");
            Health::progressing(&format!("Waiting for the controller to observe generation {generation}"))
        })
    }
}

impl<'a> Condition<'a> {
    /// Reads an entry; autoscalers of `autoscaling/v1` carry theirs in an annotation.
    pub(super) fn read(entry: &'a Value) -> Self {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        let changed = |field: &str| Some(text(field)).filter(|time| !time.is_empty());
        Self {
            kind: text("type"),
            truth: match entry.get("status") {
                Some(Value::String(status)) if status == "True" => Truth::True,
                Some(Value::String(status)) if status == "False" => Truth::False,
                // The schema of a custom resource may allow it.
                Some(Value::Bool(true)) => Truth::True,
                Some(Value::Bool(false)) => Truth::False,
                _ => Truth::Unknown,
            },
            reason: text("reason"),
            message: text("message"),
            updated: changed("lastUpdateTime").or_else(|| changed("lastTransitionTime")).unwrap_or_default(),
            generation: entry.get("observedGeneration").and_then(Value::as_i64),
            severity: text("severity"),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        self.truth == Truth::True
    }

    /// Whether it says that it speaks of an earlier generation of the object.
    ///
    /// Kinds such as those of cert-manager and the Gateway API say so in each condition and nowhere else, which kstatus
    /// overlooks.
    pub(super) fn is_old(&self, live: &Live<'_>) -> bool {
        let generation = live.count("/metadata/generation");
        self.generation.is_some_and(|seen| seen < generation)
    }

    /// What it says, as Argo CD writes it: `Reason: message`.
    pub(super) fn says(&self) -> String {
        match (self.reason, self.message) {
            ("", message) => message.to_owned(),
            (reason, "") => reason.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}
