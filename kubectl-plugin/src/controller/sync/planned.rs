//! What a sync would do, before anything of it is done.
//!
//! In: an order, a target that was read. Out: [`Planned`]: what is wanted, what was seen, the plan, and all for which it would
//! be refused. A sync begins with this, and whoever only wants to know what one would do is shown it.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Approvals, Bound, Hooks, Plan, Seen};

use crate::apply::{Target, stored_versions};
use crate::error::CommandError;

use super::{Ground, Order, Purpose, Wanted, in_annotations, partial, refusal_of, refuse_claimed};

/// What a sync would do.
pub struct Planned {
    /// The target, as it was read.
    pub target: Target,
    /// What it would have afterwards.
    pub desired: Bound,
    /// What was seen of it.
    pub seen: BTreeMap<ResourceKey, Seen>,
    /// The way there.
    pub plan: Plan,
    /// Why it would be refused; the first is what is told.
    pub refusals: Vec<CommandError>,
    pub(super) wanted: Wanted,
    pub(super) approvals: Approvals,
    pub(super) hooks: Hooks,
}

impl Planned {
    /// Itself, unless it is refused.
    ///
    /// # Errors
    /// The first refusal.
    pub(super) fn or_refused(mut self) -> Result<Self, CommandError> {
        if self.refusals.is_empty() { Ok(self) } else { Err(self.refusals.remove(0)) }
    }
}

impl Order<'_> {
    /// Plans it. Nothing is changed.
    ///
    /// # Errors
    /// Where there is no plan.
    pub async fn planned(&self, mut target: Target, ground: &Ground) -> Result<Planned, CommandError> {
        if let Some(user) = &self.acts_as {
            target.act_as(user)?;
        }
        target.sightings = Some(Arc::clone(&ground.sightings));
        target.ignored = self.delivery.ignored().await?;
        target.options = self.options()?;
        let wanted = self.wanted(&target).await?;
        let desired = target.bind(Arc::clone(&wanted.graph)).await?;
        let choices = self.operation.choices();
        let desired = if choices.is_empty() { desired } else { self.part(&mut target, &desired).await? };
        target.check_record_namespace(&desired)?;
        let mut refusals: Vec<CommandError> = self.refused(desired.content_keys()).into_iter().collect();
        if self.purpose != Purpose::Heal {
            refusals.extend(target.held(&desired).await?.map(|held| refusal_of(&held, &self.name)));
        }
        let mut observation = target.observe(Some(&desired), false).await?;
        refusals.extend(refuse_claimed(&target, &observation.claimed).await.err());
        target.look_at_hooks(&desired).await?;
        let delivers = self.purpose == Purpose::Deliver && target.is_changed_by(&desired);
        let asks = self.operation.initiated_by.as_ref().is_some_and(|by| !by.automated);
        let runs_hooks = delivers || asks && self.purpose == Purpose::Deliver;
        let hooks = target.hooks.hooks(runs_hooks && !self.operation.leaves_out_hooks(), false);
        let approvals = self.approvals();
        if !choices.is_empty() {
            partial::leave_alone(&mut observation.seen, &target.inventory, choices);
        }
        let plan = target.plan(&desired, &observation.seen, &approvals, &hooks);
        if !choices.is_empty() {
            partial::check(&plan, choices)?;
        }
        if !plan.guards.is_empty() {
            let told = plan.guards.iter().map(|guard| in_annotations(&guard.to_string())).collect();
            refusals.push(CommandError::refused("this needs a word from somebody").details(told));
        }
        let dropped = stored_versions::dropped(&target, &plan).await;
        let dropped = dropped.map_err(|failure| {
            CommandError::user("it is not known in which versions objects are stored")
                .details(vec![failure.to_string()])
        })?;
        if !dropped.is_empty() {
            refusals.push(CommandError::refused("versions go too early").details(dropped));
        }
        // What the record says of what we own is for the project to permit, too: others may write it.
        let deleted = plan.steps.iter().filter(|step| step.action == Action::Delete);
        refusals.extend(self.refused(deleted.map(|step| &step.key)));
        let seen = observation.seen;
        Ok(Planned { target, desired, seen, plan, refusals, wanted, approvals, hooks })
    }

    /// What of these the project does not permit, where that is anything.
    fn refused<'k>(&self, keys: impl Iterator<Item = &'k ResourceKey>) -> Option<CommandError> {
        let refused: Vec<String> = keys.filter_map(|key| (self.permits)(key).err()).collect();
        let message = "one or more synchronization tasks are not valid";
        (!refused.is_empty()).then(|| CommandError::refused(message).details(refused))
    }
}
