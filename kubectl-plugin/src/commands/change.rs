//! What `plan`, `apply`, `rollback` and `delete` have in common: showing a plan, asking, running it, saying how it
//! ended.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use clap::Args;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::lock::{Digest, Entry};
use gitops_compiler::plan::{Approvals, Bound, Hooks, Plan};
use jiff::Timestamp;

use crate::apply::observe::Observation;
use crate::apply::preconditions::Preconditions;
use crate::apply::run::RunOptions;
use crate::apply::{Applied, Event, Options, StepResult, Target, apply};
use crate::error::CommandError;
use crate::health::Rules;
use crate::json::{RunEventJson, RunJson};
use crate::output::{Progress, counted, plan_summary, plan_text};
use crate::record::head::{Commit, ReleaseOrigin};
use crate::record::holder::actor;
use crate::record::pack::{self, Packed};
use crate::settings::Session;

/// What lifts guards.
#[derive(Debug, Clone, Default, Args)]
pub struct ApprovalArgs {
    /// Allow deletion of these kinds: Namespace, CustomResourceDefinition, PersistentVolumeClaim, PersistentVolume
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    allow_delete: Vec<String>,
    /// Allow a graph without resources, which deletes everything
    #[arg(long)]
    allow_empty: bool,
    /// Allow most of the application to be deleted at once
    #[arg(long)]
    allow_many_deletions: bool,
    /// Allow objects of these kinds to be deleted and made again, where a field cannot change otherwise
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    allow_recreate: Vec<String>,
    /// Delete what asks for a confirmation (`Prune=confirm`, `Delete=confirm`)
    #[arg(long)]
    confirm_deletions: bool,
    /// Run hooks again that a run which was interrupted has started, and of which nobody knows what they did
    #[arg(long)]
    rerun_hooks: bool,
}

impl ApprovalArgs {
    /// As the planner takes them.
    #[must_use]
    pub fn approvals(&self) -> Approvals {
        Approvals {
            delete: self.allow_delete.iter().cloned().collect(),
            empty: self.allow_empty,
            many: self.allow_many_deletions,
            confirmed: self.confirm_deletions,
            recreate: self.allow_recreate.iter().cloned().collect(),
            rerun_hooks: self.rerun_hooks,
        }
    }
}

/// How a plan is run.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Wait until all objects are ready
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub wait: bool,
    /// How long to wait for any object, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
    /// Take fields that other managers own
    #[arg(long)]
    pub force_conflicts: bool,
    /// Make objects that were there before ours entirely: they are deleted when they leave the graph, and what kubectl, Helm,
    /// Argo CD or Flux own of them is ours
    #[arg(long)]
    pub adopt: bool,
    /// How long to wait for another run on this application, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub lock_timeout: u64,
    /// How many releases are kept
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub history_limit: Option<u16>,
    /// What to print: text, or with `json` one object on stdout, and each event as a line of JSON on stderr
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    pub output: Option<String>,
}

impl RunArgs {
    /// As the applier takes them.
    #[must_use]
    pub fn options(&self, approvals: Approvals, origin: ReleaseOrigin, hooks: Hooks, health: Rules) -> Options {
        let timeout = Duration::from_secs(self.timeout);
        // What cannot be kept is said when it is run.
        let checks = Some(health.texts()).filter(|texts| !texts.is_empty()).and_then(pack::health_checks);
        let (names, health_checks) = checks.unwrap_or_default();
        let origin = ReleaseOrigin { health_checks: names, ..origin };
        let run = RunOptions { adopt: self.adopt, ..RunOptions::new(self.wait, timeout, health) };
        Options {
            force_conflicts: self.force_conflicts,
            history: self.history_limit.map(usize::from),
            health_checks,
            ..Options::new(run, approvals, origin, hooks)
        }
    }

    /// Whether output is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.output.is_some()
    }
}

/// What a release is made of, as it keeps it.
#[derive(Debug, Clone, Default)]
pub struct ReleaseSource {
    /// The commit, where it was compiled from one.
    pub commit: Option<Commit>,
    /// What inputs from elsewhere were.
    pub inputs: Vec<Entry>,
    /// The digest of the manifest, where it is a bundle.
    pub bundle: Option<Digest>,
    /// The signatures that were beside the bundle.
    pub signatures: Packed,
}

impl ReleaseSource {
    /// That of a release that there was, with its signatures.
    #[must_use]
    pub fn of(origin: &ReleaseOrigin, signatures: Packed) -> Self {
        let ReleaseOrigin { commit, inputs, bundle, .. } = origin.clone();
        Self { commit, inputs, bundle, signatures }
    }
}

/// Where a run that starts now comes from.
#[must_use]
pub fn origin(target: &Target, source: &ReleaseSource, rollback_to: Option<u64>) -> ReleaseOrigin {
    let ReleaseSource { commit, inputs, bundle, signatures } = source;
    let (commit, inputs, bundle) = (commit.clone(), inputs.clone(), bundle.clone());
    let (options, ignored) = (target.options.clone(), target.ignored.rules().to_vec());
    let (time, actor, health_checks) = (Timestamp::now(), actor(), Vec::new());
    let (by_controller, is_partial) = (false, false);
    ReleaseOrigin {
        time,
        actor,
        by_controller,
        commit,
        bundle,
        rollback_to,
        is_partial,
        options,
        ignored,
        inputs,
        health_checks,
        signatures: signatures.chunks.clone(),
    }
}

/// Says that somebody changes the target now: what is only shown may be old in a moment.
pub fn say_if_locked(session: &Session, target: &Target) {
    if let Some(lock) = target.found.as_ref().and_then(|found| found.head.foreign_lock(target.records.now())) {
        session
            .printer
            .say(&format!("{} is changing {} now: this may be old soon", lock.holder.name, target.application));
    }
}

/// What a saved plan is good for.
pub async fn preconditions(target: &Target, plan: &Plan) -> Result<Preconditions, CommandError> {
    Preconditions::of(target, plan).await.map_err(|failure| {
        CommandError::user("it is not known in which versions the objects are").details(vec![failure.to_string()])
    })
}

/// Shows a plan before it runs: whole where somebody is asked or something is refused, in one line where it goes on at
/// once and every step tells of itself.
pub fn show(session: &Session, header: &str, plan: &Plan, run: &RunArgs, dry_run: bool) {
    if run.json() {
        return;
    }
    session.printer.say(header);
    let brief = run.yes && !dry_run && plan.guards.is_empty();
    session.printer.say(&if brief { plan_summary(plan) } else { plan_text(plan) });
}

/// Asks, on a terminal; without one, or where the plan was not shown, `--yes` is needed.
pub fn confirm(session: &Session, run: &RunArgs) -> Result<(), CommandError> {
    if run.yes {
        return Ok(());
    }
    if run.json() || !std::io::stdin().is_terminal() {
        return Err(CommandError::user("nobody can be asked here: add --yes to go on"));
    }
    session.printer.say("Continue? [y/N]");
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match (read, answer.trim().to_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(CommandError::user("nothing was changed")),
    }
}

/// Runs a plan and says how it ended. Gives the exit code.
pub async fn execute(
    session: &Session,
    target: &mut Target,
    desired: &Bound,
    plan: &Plan,
    observation: &Observation,
    options: &Options,
    json: bool,
) -> Result<u8, CommandError> {
    if !options.run.health.texts().is_empty() && options.origin.health_checks.is_empty() {
        let most = pack::MOST_CHECK_BYTES >> 10;
        session
            .printer
            .say(&format!("the release does not keep its health checks: they are no text, or more than {most} KiB"));
    }
    let started = std::time::Instant::now();
    let mut progress = Progress::new(session.printer, &target.application, desired.graph.id(), plan);
    let mut notes = Vec::new();
    let mut emit = |event: Event| {
        progress.show(&event);
        if let Event::Note(note) = event {
            notes.push(note);
        }
    };
    let result = Box::pin(apply(target, desired, plan, &observation.seen, options, &mut emit)).await;
    progress.finish();
    told(
        session,
        target,
        plan,
        &Ended { applied: result?, notes, took: started.elapsed(), takes_over: options.takes_over },
        json,
    )
}

/// A run that ended, whoever ran it.
pub struct Ended {
    /// What became of it.
    pub applied: Applied,
    /// What was told on the way.
    pub notes: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// Whether it was to take over what is there.
    pub takes_over: bool,
}

/// Says how a run ended. Gives the exit code.
pub fn told(session: &Session, target: &Target, plan: &Plan, ended: &Ended, json: bool) -> Result<u8, CommandError> {
    let Ended { applied, notes, took, takes_over } = ended;
    let requests = target.records.cluster.connection.requests();
    let told = summary(target, applied, plan.steps.len(), requests, took.as_secs_f64());
    if json {
        let run = RunJson::new(&target.application, plan, applied, notes.clone(), requests);
        session.printer.event(RunEventJson::of_run(&run, *took));
        session.printer.json(&run);
    } else if applied.succeeded() {
        // What failed is told as an error, below.
        session.printer.out(&told);
    }
    if applied.succeeded() {
        return Ok(0);
    }
    let failed = applied.results.iter().filter_map(|(index, result)| match result {
        StepResult::Failed { message, conflict } => Some((&plan.steps[*index].key, message, *conflict)),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    let details: Vec<String> = failed.iter().map(|(key, message, _)| format!("{key}: {message}")).collect();
    let skipped = applied.results.values().filter(|result| **result == StepResult::Skipped).count();
    let message = if skipped > 0 { format!("{told}; {} not tried", counted(skipped, "step")) } else { told };
    if !failed.is_empty() && failed.iter().all(|(_, _, conflict)| *conflict) {
        if *takes_over {
            return Err(CommandError::refused(message)
                .details(details)
                .hint("run it again: it takes what is there then"));
        }
        let is_hook = |(index, result): (&usize, &StepResult)| {
            matches!(result, StepResult::Failed { .. }) && plan.steps[*index].hook.is_some()
        };
        let hint = if applied.results.iter().any(is_hook) {
            "give the hook another name; or delete the object that has its name"
        } else {
            "--force-conflicts takes the fields; or remove them from the manifests"
        };
        return Err(CommandError::refused(message).details(details).hint(hint));
    }
    Err(CommandError::partial(message).details(details))
}

fn summary(target: &Target, applied: &Applied, steps: usize, requests: u64, seconds: f64) -> String {
    let steps = counted(steps, "step");
    let release = &applied.release;
    let again = release.origin.rollback_to.map(|number| format!(" (as release {number})")).unwrap_or_default();
    if applied.succeeded() && release.graph.id == ResourceGraph::empty().id() {
        return format!("{} is deleted: {steps}, {requests} requests, {seconds:.1} s", target.application);
    }
    let state = if applied.succeeded() { "is live" } else { "failed" };
    format!(
        "release {} of {} {state}: {}{again}, {steps}, {requests} requests, {seconds:.1} s",
        release.number,
        target.application,
        release.graph.id.short(),
    )
}

/// `shop  g1-old → g1-new   commit 8f3c2a1 "subject"   5 of 418 resources`
#[must_use]
pub fn header(target: &Target, desired: &Bound, plan: &Plan, source: &ReleaseSource) -> String {
    let from = target.base.as_ref().map_or_else(|| "nothing".to_owned(), |base| base.graph.id().short());
    let bundle = source.bundle.as_ref().map(|digest| format!("   bundle {}", short_digest(digest)));
    let commit = source.commit.as_ref().map(|commit| {
        let dirty = if commit.dirty { " with changes that are not committed" } else { "" };
        format!("   commit {} {:?}{dirty}", &commit.oid[..commit.oid.len().min(7)], commit.subject)
    });
    let (to, steps, all) =
        (desired.graph.id().short(), counted(plan.steps.len(), "step"), counted(desired.keys().len(), "resource"));
    let name = &target.application;
    format!("{name}  {from} → {to}{}   {steps}, {all}", commit.or(bundle).unwrap_or_default())
}

/// `sha256:c4297d1ed9a6`
#[must_use]
pub fn short_digest(digest: &Digest) -> &str {
    &digest.as_str()[..19]
}
