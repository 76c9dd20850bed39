//! What commands that change a cluster refuse to do, before anything changes.
//!
//! In: a target, what was observed of it, a plan. Out: errors that say what speaks against it, and which flag or command
//! lifts that. What is refused by a guard, a hold or another application ends with 4.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_compiler::diagnostic::{Level, Origin};
use gitops_compiler::lint::Levels;
use gitops_compiler::name::{AppName, ResourceKey};
use gitops_compiler::plan::{Bound, Plan};
use jiff::Timestamp;

use crate::apply::hold::Held;
use crate::apply::judge::{Judgement, judge};
use crate::apply::observe::Observation;
use crate::apply::run::RunOptions;
use crate::apply::{Options, Target, stored_versions};
use crate::error::CommandError;
use crate::output::{ago, counted};
use crate::settings::{CompiledFor, Session, SopsArgs, say_lints};
use crate::sops::{Unlocked, unlock};

/// What other applications give to this one.
#[derive(Debug, Default)]
pub struct Given {
    /// Their field managers.
    managers: Vec<String>,
    /// The objects.
    keys: BTreeSet<ResourceKey>,
}

impl Given {
    /// Their field managers.
    #[must_use]
    pub fn managers(&self) -> &[String] {
        &self.managers
    }

    /// Tells a run of it.
    #[must_use]
    pub fn told_to(self, options: Options) -> Options {
        let run = RunOptions { taken: self.keys, ..options.run };
        Options { takes_from: self.managers, run, ..options }
    }
}

/// Refuses what belongs to other applications, by name where we may see it; but for those that are to be taken from.
pub async fn claimed(target: &Target, observation: &Observation, take_from: &[AppName]) -> Result<Given, CommandError> {
    let (mut given, mut sets) = (Given::default(), BTreeSet::new());
    for name in take_from {
        let head = target.records.load_recorded(name).await?.head;
        given.managers.push(format!("kubectl-gitops:{}", head.target));
        sets.insert(head.apply_set);
    }
    let (taken, claimed): (Vec<_>, Vec<_>) =
        observation.claimed.iter().partition(|(_, apply_set)| sets.contains(apply_set));
    given.keys.extend(taken.into_iter().map(|(key, _)| key.clone()));
    if claimed.is_empty() {
        return Ok(given);
    }
    let mut details = Vec::new();
    for (key, apply_set) in claimed {
        let owner = target.records.owner_of(apply_set).await;
        let owner = owner.unwrap_or_else(|| format!("another application ({apply_set})"));
        details.push(format!("{key} belongs to {owner}"));
    }
    Err(CommandError::refused("objects of this graph belong to other applications; nothing was changed")
        .details(details)
        .hint("remove them from one of the two, or move them here with --take-from APP"))
}

/// Gives the bytes of a file by its path.
type TextOf<'a> = dyn Fn(&str) -> Option<Vec<u8>> + 'a;

/// How what is wrong with manifests is told.
pub struct Told<'a> {
    /// What the user says of lints; with the version of the cluster, where it was asked for.
    pub levels: Cow<'a, Levels>,
    /// Where each node of the graph was read.
    pub origins: Cow<'a, [Origin]>,
    /// The bytes of a file that was read.
    pub text: Box<TextOf<'a>>,
}

impl<'a> Told<'a> {
    /// Of what was compiled from sources.
    #[must_use]
    pub fn of(CompiledFor { compilation, opened, levels }: &'a CompiledFor) -> Self {
        let (levels, origins) = (Cow::Borrowed(levels), Cow::Borrowed(&compilation.provenance.origins[..]));
        Self { levels, origins, text: Box::new(move |path: &str| opened.source(path)) }
    }
}

/// Refuses objects that the server would refuse by schemas that only it has, before anything changes.
pub async fn faulty(
    session: &Session,
    target: &Target,
    desired: &Bound,
    plan: &Plan,
    told: &Told<'_>,
) -> Result<(), CommandError> {
    let Told { levels, origins, text } = told;
    let kubernetes = levels.kubernetes.or(target.kubernetes);
    let Judgement { mut findings, silent } = judge(target, desired, plan, kubernetes, origins, text).await;
    for (api_version, failure) in silent {
        session.printer.warn(&format!("cannot read the server's schemas of {api_version}: {failure}"));
    }
    levels.apply(&mut findings);
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    if errors == 0 {
        say_lints(&findings, session.printer);
        return Ok(());
    }
    Err(CommandError { findings, ..CommandError::user(format!("{}; nothing was changed", counted(errors, "error"))) })
}

/// Decrypts on trial all that a plan will send and SOPS encrypted, before anything changes.
pub async fn unlocked(plan: &Plan, args: &SopsArgs) -> Result<Arc<Unlocked>, CommandError> {
    let (plan, sources) = (plan.clone(), args.sources());
    // It reads files and waits for gpg.
    let unlocked = tokio::task::spawn_blocking(move || unlock(&plan, &sources)).await;
    match unlocked {
        Ok(Ok(unlocked)) => Ok(Arc::new(unlocked)),
        Ok(Err(problems)) => {
            let objects = counted(problems.len(), "object");
            Err(CommandError::user(format!("{objects} that SOPS encrypted cannot be opened; nothing was changed"))
                .details(problems))
        }
        Err(_) => Err(CommandError::user("what SOPS encrypted cannot be opened: a bug of ours ended the attempt")),
    }
}

/// Refuses what is held.
pub async fn held(target: &Target, desired: &Bound) -> Result<(), CommandError> {
    let name = &target.application;
    let message = match target.held(desired).await? {
        None => return Ok(()),
        Some(Held::All(all)) => {
            let reason = all.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("{name} is held by {} since {}{reason}; nothing was changed", all.actor, all.time)
        }
        Some(Held::Difference(hold)) => format!(
            "this graph has all that was taken back with release {} by {}, {}; nothing was changed",
            hold.release,
            hold.actor,
            ago(hold.time, Timestamp::now())
        ),
    };
    Err(CommandError::refused(message).hint(format!("`kubectl gitops release {name}` lets it go out again")))
}

/// Refuses what the server would refuse in the middle, as far as only the server can tell: what objects are stored in.
pub async fn refused_later(target: &Target, plan: &Plan) -> Result<(), CommandError> {
    let dropped = stored_versions::dropped(target, plan).await.map_err(|failure| {
        CommandError::user("it is not known in which versions objects are stored").details(vec![failure.to_string()])
    })?;
    match &dropped[..] {
        [] => Ok(()),
        [only] => Err(CommandError::refused(only.clone())),
        _ => Err(CommandError::refused("versions go too early").details(dropped)),
    }
}

/// Refuses a plan that needs a word.
pub fn guarded(plan: &Plan) -> Result<(), CommandError> {
    match &plan.guards[..] {
        [] => Ok(()),
        [only] => Err(CommandError::refused(only.to_string())),
        all => Err(CommandError::refused("this plan needs a word from you")
            .details(all.iter().map(ToString::to_string).collect())),
    }
}
