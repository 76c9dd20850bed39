//! The rules at work: what of a change is a risk.
//!
//! In: what differs, restarts. Out: [`Finding`]s under the names of `rule::RULES`. One file for each family. A rule looks at
//! what this change brings: what was there before is no risk of it.

mod availability;
mod configuration;
mod definitions;
mod images;
mod network;
mod pods;
mod removal;
mod rights;
mod roles;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;

use crate::diagnostic::Origin;
use crate::name::ResourceKey;

use super::compared::{Changed, Compared};
use super::report::VersionChange;
use super::rule::RiskRule;

use roles::Roles;

/// Something that a rule objects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: RiskRule,
    pub(super) resource: Option<ResourceKey>,
    pub(super) path: Option<String>,
    pub(super) evidence: String,
    pub(super) origin: Option<Origin>,
}

/// What rules look at, and where they put what they find.
pub(super) struct Context<'a, 'b> {
    compared: &'b Compared<'a>,
    roles: OnceCell<Roles<'a>>,
    found: Vec<Finding>,
}

/// Lets all rules look.
pub(super) fn find(compared: &Compared<'_>, versions: &[VersionChange]) -> Vec<Finding> {
    let mut context = Context { compared, roles: OnceCell::new(), found: Vec::new() };
    removal::find(&mut context);
    for change in &compared.changes {
        availability::look_at(&mut context, change);
        configuration::look_at(&mut context, change);
        definitions::look_at(&mut context, change);
        images::look_at(&mut context, change);
        network::look_at(&mut context, change);
        pods::look_at(&mut context, change);
        rights::look_at(&mut context, change);
    }
    images::charts(&mut context, versions);
    availability::find(&mut context);
    configuration::find(&mut context);
    network::find(&mut context);
    context.found
}

impl<'a> Context<'a, '_> {
    /// The roles and bindings of the newer side.
    fn roles(&self) -> &Roles<'a> {
        self.roles.get_or_init(|| Roles::of(self.compared.new_resources()))
    }

    fn push(&mut self, rule: RiskRule, change: &Changed<'_>, path: Option<String>, evidence: impl Into<String>) {
        let origin = self.compared.origin(change).cloned();
        let resource = Some(change.key().clone());
        self.found.push(Finding { rule, resource, path, evidence: evidence.into(), origin });
    }
}
