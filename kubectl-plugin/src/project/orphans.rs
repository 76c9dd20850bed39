//! What is in a namespace and of no Application: `spec.orphanedResources`.
//!
//! In: which of them do not count, as it is written. Out: whether one counts, whether anybody is to be told. The rules are those of
//! Argo CD; its `ignore` has patterns, and what Kubernetes itself puts into each namespace counts nowhere.

use serde::Deserialize;

use super::AppProject;
use super::faults::Faults;
use super::pattern::Pattern;

/// The field, as it is written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Spec {
    warn: Option<bool>,
    ignore: Vec<Ignore>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Ignore {
    group: String,
    kind: String,
    name: String,
}

/// What a project says of orphans.
#[derive(Debug, Clone)]
pub struct Orphans {
    /// Whether its Applications say how many there are.
    pub warns: bool,
    ignored: Vec<Ignored>,
}

/// Which do not count. A kind or a name that is not said is any.
#[derive(Debug, Clone)]
struct Ignored {
    group: Pattern,
    kind: Option<Pattern>,
    name: Option<Pattern>,
}

/// What Kubernetes puts into namespaces: group, kind, name; and where, where that is only one.
const KNOWN: [(&str, &str, &str, Option<&str>); 3] = [
    ("", "Service", "kubernetes", Some("default")),
    ("", "ServiceAccount", "default", None),
    ("", "ConfigMap", "kube-root-ca.crt", None),
];

impl Orphans {
    pub(super) fn new(spec: &Spec, place: &str, faults: &mut Faults) -> Self {
        let mut read = |text: &str, place: String| faults.pattern(text, &place, Pattern::without_denial);
        let ignored = spec.ignore.iter().enumerate().filter_map(|(index, ignore)| {
            let place = |field: &str| format!("{place}.ignore[{index}].{field}");
            let group = read(&ignore.group, place("group"));
            let mut optional = |text: &str, field: &str| match text {
                "" => Some(None),
                text => read(text, place(field)).map(Some),
            };
            let (kind, name) = (optional(&ignore.kind, "kind"), optional(&ignore.name, "name"));
            Some(Ignored { group: group?, kind: kind?, name: name? })
        });
        Self { warns: spec.warn.unwrap_or(true), ignored: ignored.collect() }
    }

    /// Whether an object of a namespace that is of no Application counts.
    #[must_use]
    pub fn counts(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let is_known = KNOWN.iter().any(|(of_group, of_kind, of_name, of_namespace)| {
            (*of_group, *of_kind, *of_name) == (group, kind, name) && of_namespace.is_none_or(|of| of == namespace)
        });
        let admits = |pattern: Option<&Pattern>, text: &str| pattern.is_none_or(|pattern| pattern.admits(text));
        let is_ignored =
            |it: &Ignored| it.group.admits(group) && admits(it.kind.as_ref(), kind) && admits(it.name.as_ref(), name);
        !is_known && !self.ignored.iter().any(is_ignored)
    }
}

impl AppProject {
    /// What it says of orphans; nothing where it does not look for them.
    #[must_use]
    pub fn orphans(&self) -> Option<&Orphans> {
        self.orphans.as_ref()
    }
}
