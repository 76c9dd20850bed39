//! Argo CD's sync options, as words of an application or of an object.
//!
//! In: `Name=value` words. Out: [`SyncOptions`]. Of those that Argo CD 3.5 knows, some hold without a word here and are
//! understood and left aside: objects are always applied server-side (`ServerSideApply`), only what differs is applied
//! (`ApplyOutOfSyncOnly`), all that goes goes last (`PruneLast`), nothing is tried before its kind is there
//! (`SkipDryRunOnMissingResource`), and what belongs to another application is never taken (`FailOnSharedResource`).

use super::policy::Removal;

/// Understood, and true without them or without effect here.
const WITHOUT_EFFECT: [&str; 6] = [
    "ServerSideApply",
    "ApplyOutOfSyncOnly",
    "PruneLast",
    "SkipDryRunOnMissingResource",
    "FailOnSharedResource",
    "ClientSideApplyMigration",
];

/// Where an object says what it asks for.
const OF_OBJECT: &str = "argocd.argoproj.io/sync-options";

/// What becomes of the dependents of what is deleted (`metav1.DeletionPropagation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub enum Propagation {
    /// They go after it.
    #[default]
    Background,
    /// They go before it.
    Foreground,
    /// They stay.
    Orphan,
}

/// What an application or an object asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncOptions {
    /// `Prune`: what becomes of what leaves the graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prune: Option<Removal>,
    /// `Delete`: what becomes of it when the application is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete: Option<Removal>,
    /// `Replace`: objects are replaced, not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<bool>,
    /// `Force`: objects may be deleted and made again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// `CreateNamespace`: the namespace of the destination is made where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_namespace: Option<bool>,
    /// `PrunePropagationPolicy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// `RespectIgnoreDifferences`: fields that are ignored are not applied, either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub respect_ignore_differences: Option<bool>,
    /// `Validate`: whether an object must have all that schemas ask for. That fields are known is asked of every object, as
    /// server-side apply does; of an application the word has no effect.
    #[serde(skip)]
    pub validate: Option<bool>,
    /// Words that are none of these.
    #[serde(skip)]
    pub unknown: Vec<String>,
}

impl SyncOptions {
    /// Reads words; empty ones are nothing.
    #[must_use]
    pub fn read<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut options = Self::default();
        for word in words.map(str::trim).filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, "true"));
            if !options.set(name.trim(), value.trim()) {
                options.unknown.push(word.to_owned());
            }
        }
        options
    }

    /// What an object asks for by the annotations that `annotation` gives by name.
    #[must_use]
    pub fn of_object<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self::read(annotation(OF_OBJECT).unwrap_or_default().split(','))
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn set(&mut self, name: &str, value: &str) -> bool {
        let flag = match value {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        let removal = match value {
            "true" => Some(Removal::Delete),
            "false" => Some(Removal::Keep),
            "confirm" => Some(Removal::Confirm),
            _ => None,
        };
        match name {
            "Prune" => self.prune = removal,
            "Delete" => self.delete = removal,
            "Replace" => self.replace = flag,
            "Force" => self.force = flag,
            "CreateNamespace" => self.create_namespace = flag,
            "Validate" => self.validate = flag,
            "RespectIgnoreDifferences" => self.respect_ignore_differences = flag,
            "PrunePropagationPolicy" => self.propagation = propagation(value),
            _ => return WITHOUT_EFFECT.contains(&name),
        }
        match name {
            "Prune" | "Delete" => removal.is_some(),
            "PrunePropagationPolicy" => self.propagation.is_some(),
            _ => flag.is_some(),
        }
    }
}

fn propagation(value: &str) -> Option<Propagation> {
    match value {
        "background" => Some(Propagation::Background),
        "foreground" => Some(Propagation::Foreground),
        "orphan" => Some(Propagation::Orphan),
        _ => None,
    }
}

impl Propagation {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Background => "Background",
            Self::Foreground => "Foreground",
            Self::Orphan => "Orphan",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_what_is_none_is_told() {
        let words = "Prune=confirm, CreateNamespace=true,PrunePropagationPolicy=foreground,,PruneLast=true,Pruned=no,Replace=yes";
        let options = SyncOptions::read(words.split(','));
        assert_eq!(options.prune, Some(Removal::Confirm));
        assert_eq!((options.create_namespace, options.propagation), (Some(true), Some(Propagation::Foreground)));
        assert_eq!(options.unknown, ["Pruned=no", "Replace=yes"]);
        assert!(SyncOptions::read("".split(',')).is_empty());
        let of_object = SyncOptions::of_object(|name| (name == OF_OBJECT).then_some("Prune=false, Validate=false"));
        assert_eq!((of_object.prune, of_object.validate), (Some(Removal::Keep), Some(false)));
    }
}
