//! Small plans for tests.
//!
//! In: names and waits. Out: a plan of `ConfigMaps`, one node after the other.

use gitops_compiler::depend::{Rule, State};
use gitops_compiler::manifest::Policy;
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Cause, Plan, PlanNode, Step, Wait};

/// The rule of every wait.
pub(crate) const IN_ORDER: Rule = Rule { name: "in-order", version: 1, reason: "it comes first" };

/// A plan that grows.
#[derive(Default)]
pub(crate) struct PlanOf {
    pub(crate) plan: Plan,
}

impl PlanOf {
    /// Adds a step that creates a ConfigMap. Gives its node.
    pub(crate) fn step(&mut self, name: &str, waits: &[(usize, State)]) -> usize {
        let layers = waits.iter().filter_map(|(node, _)| self.plan.nodes[*node].step);
        let layer = layers.map(|step| self.plan.steps[step].layer).max().unwrap_or_default() + 1;
        self.plan.steps.push(Step {
            key: ResourceKey::new("", "ConfigMap", "shop", name),
            action: Action::Create,
            cause: Cause::New,
            desired: None,
            uid: None,
            made_by_us: false,
            changes: Vec::new(),
            layer,
            hook: None,
            policy: Policy::default(),
        });
        self.node(Some(self.plan.steps.len() - 1), None, waits)
    }

    /// Adds a place that only holds edges together. Gives its node.
    pub(crate) fn place(&mut self, waits: &[(usize, State)]) -> usize {
        self.node(None, None, waits)
    }

    /// Adds a barrier. Gives its node.
    pub(crate) fn barrier(&mut self, name: &str, waits: &[(usize, State)]) -> usize {
        self.node(None, Some(name.to_owned()), waits)
    }

    fn node(&mut self, step: Option<usize>, barrier: Option<String>, waits: &[(usize, State)]) -> usize {
        let wait = |(node, state): &(usize, State)| Wait { node: *node, state: *state, rule: Some(IN_ORDER) };
        self.plan.nodes.push(PlanNode { step, barrier, waits: waits.iter().map(wait).collect(), on_failure: false });
        self.plan.nodes.len() - 1
    }
}
