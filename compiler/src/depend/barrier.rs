//! Barriers: nodes of the graph that are no resource, but stand between many dependents and many dependencies.
//!
//! Where each of n objects waits for each of m others, a barrier between them makes n + m edges of n · m. It is part
//! of the graph and of its id, costs nothing to apply, and has a name that people can read.

use crate::manifest::HookPhase;
use crate::name::Scope;

use super::Node;

/// So many webhook configurations are named; of more only the number is told.
const NAMED: usize = 3;

/// Phases of a sync, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Hooks before the content.
    PreSync,
    /// The content, and hooks among it.
    Sync,
    /// Hooks after the content.
    PostSync,
}

impl Phase {
    /// The phase of hooks that it is.
    #[must_use]
    pub fn of_hooks(self) -> HookPhase {
        match self {
            Self::PreSync => HookPhase::PreSync,
            Self::Sync => HookPhase::Sync,
            Self::PostSync => HookPhase::PostSync,
        }
    }

    /// As Argo CD spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.of_hooks().as_str()
    }
}

/// A node without a resource. Barriers stand behind the resources of a graph, sorted and without duplicates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Barrier {
    /// All of this sync wave is ready.
    Wave(i64),
    /// Quotas, limits and network policies of this namespace are there.
    Policies(Scope),
    /// All of this change group is ready.
    Group(String),
    /// What must go before the first of this change group is ready.
    BeforeGroup(String),
    /// These webhook configurations are there, ascending.
    Webhooks(Vec<Node>),
    /// All hooks of this phase and wave are through.
    Hooks(Phase, i64),
    /// All of this change group is gone.
    GroupGone(String),
    /// What must be gone before the first of this change group goes.
    BeforeGroupGoes(String),
    /// The objects of this kind are gone: those of one namespace, or all.
    Gone {
        /// Their group.
        group: String,
        /// Their kind.
        kind: String,
        /// [`Scope::Cluster`] for all.
        scope: Scope,
    },
}

impl Barrier {
    /// How people call it; `name_of` gives the name of a resource.
    #[must_use]
    pub fn name(&self, name_of: &dyn Fn(Node) -> String) -> String {
        match self {
            Self::Wave(wave) => format!("wave {wave}"),
            Self::Policies(Scope::Namespace(namespace)) => format!("policies of namespace {namespace}"),
            Self::Policies(_) => "policies of the destination's namespace".to_owned(),
            Self::Group(group) => format!("change group {group}"),
            Self::BeforeGroup(group) => format!("start of change group {group}"),
            Self::Webhooks(nodes) => {
                // The two kinds of configuration usually come in pairs of one name.
                let mut names: Vec<String> = nodes.iter().map(|node| name_of(*node)).collect();
                names.sort();
                names.dedup();
                let more = match names.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                names.truncate(NAMED);
                format!("webhooks {}{more}", names.join(", "))
            }
            Self::Hooks(phase, wave) => format!("{} wave {wave}", phase.as_str()),
            Self::GroupGone(group) => format!("end of change group {group}"),
            Self::BeforeGroupGoes(group) => format!("deletion of change group {group}"),
            Self::Gone { group, kind, scope } => match scope {
                Scope::Cluster => format!("all {kind}.{group}"),
                Scope::Unbound => format!("all {kind}.{group} of the destination's namespace"),
                Scope::Namespace(namespace) => format!("all {kind}.{group} of namespace {namespace}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn barriers_have_names_for_people() {
        let name = |barrier: Barrier| barrier.name(&|node| format!("w{}", node / 2));
        assert_eq!(name(Barrier::Wave(-2)), "wave -2");
        assert_eq!(name(Barrier::Policies(Scope::Namespace("shop".to_owned()))), "policies of namespace shop");
        assert_eq!(name(Barrier::Policies(Scope::Unbound)), "policies of the destination's namespace");
        assert_eq!(name(Barrier::Group("db".to_owned())), "change group db");
        assert_eq!(name(Barrier::BeforeGroup("db".to_owned())), "start of change group db");
        assert_eq!(name(Barrier::Hooks(Phase::PreSync, 3)), "PreSync wave 3");
        assert_eq!(name(Barrier::GroupGone("db".to_owned())), "end of change group db");
        assert_eq!(name(Barrier::BeforeGroupGoes("db".to_owned())), "deletion of change group db");
        let gone = |scope| Barrier::Gone { group: "acme.io".to_owned(), kind: "Offer".to_owned(), scope };
        assert_eq!(name(gone(Scope::Cluster)), "all Offer.acme.io");
        assert_eq!(name(gone(Scope::Unbound)), "all Offer.acme.io of the destination's namespace");
        assert_eq!(name(gone(Scope::Namespace("a".to_owned()))), "all Offer.acme.io of namespace a");
        assert_eq!(name(Barrier::Webhooks(vec![0, 1, 2])), "webhooks w0, w1");
        assert_eq!(name(Barrier::Webhooks((0..10).collect())), "webhooks w0, w1, w2 and 2 more");
    }
}
