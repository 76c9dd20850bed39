//! Guards: what a plan must not do without a word from the user.
//!
//! In: a plan's deletions. Out: [`Guard`]s, each of which names the flag that lifts it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::manifest::HookPhase;
use crate::name::ResourceKey;

use super::{Step, immutable};

/// Kinds whose deletion takes more with it than the object: everything inside, or data.
const PRECIOUS: [(&str, &str); 4] = [
    ("", "Namespace"),
    ("", "PersistentVolume"),
    ("", "PersistentVolumeClaim"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
];

/// Whether deleting this takes more with it than the object: everything inside, or data.
#[must_use]
pub fn is_precious(key: &ResourceKey) -> bool {
    PRECIOUS.iter().any(|(group, kind)| key.is(group, kind))
}

/// So many deletions, and more than half of what we own, are a mistake more often than a wish.
const MANY: usize = 10;

/// What the user has said yes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approvals {
    /// Kinds that may be deleted (`--allow-delete`).
    #[serde(default)]
    pub delete: BTreeSet<String>,
    /// A graph without resources may be applied (`--allow-empty`).
    #[serde(default)]
    pub empty: bool,
    /// Most of an application may be deleted at once (`--allow-many-deletions`).
    #[serde(default)]
    pub many: bool,
    /// What asks for a confirmation may be deleted (`--confirm-deletions`).
    #[serde(default)]
    pub confirmed: bool,
    /// Kinds whose objects may be deleted and made again (`--allow-recreate`).
    #[serde(default)]
    pub recreate: BTreeSet<String>,
    /// Hooks of which nobody knows what they did may run again (`--rerun-hooks`).
    #[serde(default)]
    pub rerun_hooks: bool,
}

impl Approvals {
    /// Those of whoever deletes all of an application, and knows what that means.
    #[must_use]
    pub fn of_deletion() -> Self {
        let delete = PRECIOUS.iter().map(|(_, kind)| (*kind).to_owned()).collect();
        Self { delete, empty: true, many: true, ..Self::default() }
    }
}

/// Something that needs a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// Objects of a precious kind would be deleted.
    Precious {
        /// The kind.
        kind: String,
        /// The objects.
        keys: Vec<ResourceKey>,
    },
    /// The graph is empty, and the target is not.
    Empty,
    /// More than half of the objects, and at least ten, would be deleted.
    Many {
        /// Deletions.
        deleted: usize,
        /// Objects that we own.
        owned: usize,
    },
    /// These ask for a confirmation before they are deleted.
    Confirm {
        /// The objects.
        keys: Vec<ResourceKey>,
    },
    /// A change can only be made by deleting an object and making it again.
    Recreate {
        /// The object.
        key: ResourceKey,
        /// The field that cannot change.
        field: String,
    },
    /// A hook was started in a run that was interrupted, and its object is gone.
    Hook {
        /// The hook.
        key: ResourceKey,
        /// When it runs.
        phase: HookPhase,
    },
}

impl fmt::Display for Guard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Precious { kind, keys } => {
                let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
                write!(formatter, "deleting {} needs --allow-delete={kind}", names.join(", "))
            }
            Self::Empty => formatter.write_str(
                "the graph is empty, and applying it deletes everything: that needs --allow-empty \
                 (or `kubectl gitops delete`)",
            ),
            Self::Many { deleted, owned } => {
                write!(formatter, "deleting {deleted} of {owned} objects at once needs --allow-many-deletions")
            }
            Self::Confirm { keys } => {
                let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
                write!(formatter, "{} may only be deleted with --confirm-deletions", names.join(", "))
            }
            Self::Recreate { key, field } => {
                let kind = &key.kind;
                write!(
                    formatter,
                    "{field} of {key} cannot change, so that it would be deleted and made again: that needs \
                     --allow-recreate={kind}"
                )
            }
            Self::Hook { key, phase } => write!(
                formatter,
                "the {phase} hook {key} was started by a run that was interrupted, and is gone: nobody knows what it did; \
                 running it again needs --rerun-hooks"
            ),
        }
    }
}

/// The guards that `approvals` do not lift.
pub(super) fn guards(deletions: &[&ResourceKey], owned: usize, desired: usize, approvals: &Approvals) -> Vec<Guard> {
    let mut guards = Vec::new();
    if desired == 0 && !deletions.is_empty() && !approvals.empty {
        guards.push(Guard::Empty);
    } else if deletions.len() >= MANY && deletions.len() * 2 > owned && !approvals.many && !approvals.empty {
        guards.push(Guard::Many { deleted: deletions.len(), owned });
    }
    let mut precious: BTreeMap<&str, Vec<ResourceKey>> = BTreeMap::new();
    for key in deletions {
        if is_precious(key) && !approvals.delete.contains(&key.kind) {
            precious.entry(&key.kind).or_default().push((*key).clone());
        }
    }
    guards.extend(precious.into_iter().map(|(kind, keys)| Guard::Precious { kind: kind.to_owned(), keys }));
    guards
}

/// Hooks that would run again though they may have done their work.
pub(super) fn unknown_hooks(steps: &[Step], approvals: &Approvals) -> Vec<Guard> {
    let unknown = |step: &Step| {
        let hook = step.hook.as_ref().filter(|hook| hook.is_unknown && !approvals.rerun_hooks)?;
        Some(Guard::Hook { key: step.key.clone(), phase: hook.phase })
    };
    steps.iter().filter_map(unknown).collect()
}

/// What is deleted and asks for a confirmation.
pub(super) fn unconfirmed<'a>(keys: impl Iterator<Item = &'a ResourceKey>, approvals: &Approvals) -> Option<Guard> {
    let keys: Vec<ResourceKey> = keys.cloned().collect();
    (!keys.is_empty() && !approvals.confirmed).then_some(Guard::Confirm { keys })
}

/// What would be deleted and made again, as far as that is known beforehand.
pub(super) fn recreations(steps: &[Step], approvals: &Approvals) -> Vec<Guard> {
    let guarded = steps.iter().filter(|step| !may_recreate(step, approvals));
    let recreated = guarded.filter_map(|step| {
        let field = immutable::changed(step)?;
        Some(Guard::Recreate { key: step.key.clone(), field })
    });
    recreated.collect()
}

/// Whether a step may delete its object and make it again, where a field cannot change: kinds of which nothing is lost, what
/// asks for it itself, and what the user allows.
#[must_use]
pub fn may_recreate(step: &Step, approvals: &Approvals) -> bool {
    immutable::is_harmless(&step.key) || step.policy.may_recreate || approvals.recreate.contains(&step.key.kind)
}
