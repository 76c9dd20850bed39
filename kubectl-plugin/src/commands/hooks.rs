//! Whether the hooks of an application run.
//!
//! In: a flag, and what the command is for. Out: what a plan takes. Without the flag they run where something is
//! delivered: a graph that differs from the live one, or a run that did not finish. Putting back what somebody changed, and
//! rolling back, are no delivery.

use clap::{Args, ValueEnum};
use gitops_compiler::plan::{Bound, Hooks};

use crate::apply::Target;
use crate::error::CommandError;

/// The flag.
#[derive(Debug, Clone, Args)]
pub struct HookArgs {
    /// Whether hooks run; `auto` runs them where the application changes or is deleted, and not to put back what somebody
    /// changed or to roll back
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = HookMode::Auto)]
    hooks: HookMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HookMode {
    Auto,
    Always,
    Never,
}

/// What is done to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A graph is delivered.
    Sync,
    /// A prior graph is applied again.
    Rollback,
    /// Everything goes.
    Delete,
}

impl HookArgs {
    /// Looks at the hooks of a run that was interrupted, and decides.
    pub async fn hooks(&self, target: &mut Target, desired: &Bound, purpose: Purpose) -> Result<Hooks, CommandError> {
        target.look_at_hooks(desired).await?;
        let by_default = match purpose {
            Purpose::Sync => target.is_changed_by(desired),
            Purpose::Rollback => false,
            Purpose::Delete => true,
        };
        let run = match self.hooks {
            HookMode::Auto => by_default,
            HookMode::Always => true,
            HookMode::Never => false,
        };
        Ok(target.hooks.hooks(run, purpose == Purpose::Delete))
    }
}
