//! `snapshot check`, `accept`, `pending`: what was agreed on, beside what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _};

use clap::{Args, Subcommand};
use gitops_compiler::compile::Compilation;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::review::{
    self, ApplicationReview, Day, Listed, Outcome, Pair, ResourceReview, Review, Side, SideName, Whole, write,
};
use gitops_compiler::snapshot::{self, Fate, Pending, Snapshot};
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;
use crate::json::SnapshotJson;
use crate::output::counted;
use crate::settings::{
    Moment, Now, ReviewedApplication, Session, SnapshotArgs, differing_files, folders_of, write_snapshot,
};

use super::review::ReportArgs;
use super::review_kept::reviewed;

/// Keep what was agreed on as lines in Git, and compare with it
#[derive(Debug, Args)]
pub struct SnapshotCommand {
    #[command(subcommand)]
    action: SnapshotAction,
}

#[derive(Debug, Subcommand)]
enum SnapshotAction {
    Check(CheckArgs),
    Accept(AcceptArgs),
    Pending(PendingArgs),
}

/// Fail, with a review, where there is something that nobody has agreed to. Exits with 1 then
#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    snapshot: SnapshotArgs,
    #[command(flatten)]
    report: ReportArgs,
}

/// Agree to what there is: one by one on a terminal, or what the flags name
#[derive(Debug, Args)]
struct AcceptArgs {
    #[command(flatten)]
    snapshot: SnapshotArgs,
    /// Agree to everything
    #[arg(long)]
    all: bool,
    /// Agree to these resources, as `snapshot pending` names them: apps/Deployment/shop/web
    #[arg(long, value_name = "RESOURCE", conflicts_with = "all")]
    resource: Vec<String>,
    /// Keep the manifests, not only their ids; with `false` their ids only [default: as the snapshot is]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    full: Option<bool>,
}

/// List what nobody has agreed to yet
#[derive(Debug, Args)]
struct PendingArgs {
    #[command(flatten)]
    snapshot: SnapshotArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub fn run(session: &Session, command: &SnapshotCommand) -> Result<u8, CommandError> {
    let store = |args: &SnapshotArgs| args.source.store_to_read(session);
    match &command.action {
        SnapshotAction::Check(args) => check(session, args, store(&args.snapshot)?.as_ref()),
        SnapshotAction::Accept(args) => accept(session, args, store(&args.snapshot)?.as_ref()),
        SnapshotAction::Pending(args) => pending(session, args, store(&args.snapshot)?.as_ref()),
    }
}

/// The snapshot, what there is, and what of that is pending.
struct Compared {
    here: Repository,
    agreed: Snapshot,
    now: Now,
    pending: Vec<Pending>,
}

impl Compared {
    fn new(
        session: &Session,
        args: &SnapshotArgs,
        agreed: Option<Snapshot>,
        full: Option<bool>,
        store: Option<&Store>,
    ) -> Result<Self, CommandError> {
        let here = args.source.repository()?;
        let with_bodies = full.unwrap_or(agreed.as_ref().is_some_and(Snapshot::has_bodies));
        let now = args.now(&args.moment(&here)?, with_bodies, store, session.printer)?;
        let agreed = agreed.unwrap_or_default();
        let pending = args.of_app(&agreed).pending(&now.snapshot);
        if agreed.has_plain_secrets() || now.snapshot.has_plain_secrets() {
            session.printer.say("of Secrets whose values lie open the values are not compared");
        }
        Ok(Self { here, agreed, now, pending })
    }

    /// What the pending changes do. Field by field where a commit compiles to what was agreed on, or its manifests were kept;
    /// else what they are.
    fn review(
        &self,
        session: &Session,
        args: &SnapshotArgs,
        report: &ReportArgs,
        store: Option<&Store>,
    ) -> Result<Review, CommandError> {
        let moment = args.moment(&self.here)?;
        let commit = if let Moment::Commit(oid) = &moment { Some(oid.clone()) } else { None };
        let head = args.source.revision.clone().unwrap_or_else(|| "working tree".to_owned());
        let head = SideName { name: head, commit };
        let base = |commit| SideName { name: SideName::AGREED.to_owned(), commit };
        let Some((side, oid)) = args.agreed_side(&self.here, &self.agreed, store, session.printer) else {
            return Ok(self.without_commit(args, [base(None), head], report.day()?));
        };
        let agreed = Moment::Commit(oid.clone());
        let files = differing_files(&self.here, [&agreed, &moment], &folders_of(&self.now.side))?;
        // Whoever brought the commits has brought their settings: nobody knows who agreed to these.
        Ok(reviewed(None, &side, &self.now.side, &files, [base(Some(oid)), head], report.day()?))
    }

    /// The same where no commit compiles to what was agreed on.
    fn without_commit(&self, args: &SnapshotArgs, [base, head]: [SideName; 2], today: Day) -> Review {
        let agreed = args.of_app(&self.agreed);
        let now = self.now.side.applications.iter();
        let names: BTreeSet<&str> = agreed.applications().into_iter().chain(now.map(|one| one.name.as_str())).collect();
        let sides: Vec<KeptSides<'_>> = names.into_iter().map(|name| self.kept(name)).collect();
        let pairs: Vec<Pair<'_>> = sides.iter().map(KeptSides::pair).collect();
        let mut told = review::review(base, head, &pairs, &Whole::default(), today);
        for one in &mut told.applications {
            let compiled = sides.iter().find(|sides| sides.name == one.application).and_then(|sides| sides.compiled);
            one.head = compiled.map(|compilation| compilation.graph.id());
        }
        told
    }

    fn kept(&self, name: &'_ str) -> KeptSides<'_> {
        let found = self.now.side.applications.iter().find(|one| one.name.as_str() == name);
        let listed = |pending: &Pending| {
            let resource = snapshot::key_of(&pending.resource)?;
            Some(Listed { resource, was_there: pending.change != Fate::Added })
        };
        let pending = self.pending.iter().filter(|pending| pending.application == name);
        KeptSides {
            name: name.to_owned(),
            was_there: self.agreed.applications().contains(&name),
            agreed: self.agreed.graph(name),
            now: self.now.snapshot.graph(name),
            listed: pending.filter_map(listed).collect(),
            compiled: found.and_then(ReviewedApplication::compilation),
        }
    }
}

/// What is known of an application where no commit compiles to what was agreed on.
struct KeptSides<'a> {
    name: String,
    /// Whether anything of it was agreed on.
    was_there: bool,
    /// The manifests that were agreed on, and those of now, as a snapshot keeps them: without the values of Secrets.
    agreed: Option<ResourceGraph>,
    now: Option<ResourceGraph>,
    /// What differs, by ids.
    listed: Vec<Listed>,
    /// What there is now.
    compiled: Option<&'a Compilation>,
}

impl KeptSides<'_> {
    fn pair(&self) -> Pair<'_> {
        let origins = self.compiled.map_or(&[][..], |compilation| &compilation.provenance.origins);
        let compiled = self.compiled.map(|compilation| Side { graph: &compilation.graph, origins });
        let compiled = compiled.map_or(Outcome::Absent, Outcome::Compiled);
        let (base, head) = match (&self.agreed, &self.now) {
            _ if !self.was_there => (Outcome::Absent, compiled),
            _ if self.listed.is_empty() => (compiled, compiled),
            (Some(agreed), _) if self.compiled.is_none() => {
                (Outcome::Unnamed(Side { graph: agreed, origins: &[] }), Outcome::Absent)
            }
            (Some(agreed), Some(now)) => {
                let agreed = Outcome::Unnamed(Side { graph: agreed, origins: &[] });
                (agreed, Outcome::Unnamed(Side { graph: now, origins }))
            }
            _ => (Outcome::Listed(&self.listed), compiled),
        };
        Pair { application: &self.name, base, head, files: &[] }
    }
}

fn check(session: &Session, args: &CheckArgs, store: Option<&Store>) -> Result<u8, CommandError> {
    let here = args.snapshot.source.repository()?;
    let file = args.snapshot.file(&here)?;
    let agreed = args.snapshot.agreed(&here)?.ok_or_else(|| {
        CommandError::user(format!("there is no {}", file.display()))
            .hint("`kubectl gitops snapshot accept --all` makes one, to be committed")
    })?;
    let compared = Compared::new(session, &args.snapshot, Some(agreed), None, store)?;
    if compared.pending.is_empty() {
        session.printer.say("nothing is pending: all is as it was agreed on");
        return Ok(0);
    }
    args.report.print(session, compared.review(session, &args.snapshot, &args.report, store)?);
    let count = counted(compared.pending.len(), "resource");
    session.printer.say(&format!("{count} pending: `kubectl gitops snapshot accept`, and commit the snapshot"));
    Ok(1)
}

fn pending(session: &Session, args: &PendingArgs, store: Option<&Store>) -> Result<u8, CommandError> {
    let agreed = args.snapshot.agreed(&args.snapshot.source.repository()?)?;
    let compared = Compared::new(session, &args.snapshot, agreed, None, store)?;
    if args.output.is_some() {
        session.printer.json(&SnapshotJson::new(compared.pending));
    } else if compared.pending.is_empty() {
        session.printer.out("Nothing is pending.\n");
    } else {
        session.printer.out(&lines(&compared.pending));
    }
    Ok(0)
}

fn lines(pending: &[Pending]) -> String {
    pending.iter().fold(String::new(), |mut text, one| {
        let _ = writeln!(text, "{} {}  {}", one.change.sign(), one.application, one.resource);
        text
    })
}

fn accept(session: &Session, args: &AcceptArgs, store: Option<&Store>) -> Result<u8, CommandError> {
    let here = args.snapshot.source.repository()?;
    let (file, agreed) = (args.snapshot.file(&here)?, args.snapshot.agreed(&here)?);
    let is_new = agreed.is_none();
    let compared = Compared::new(session, &args.snapshot, agreed, args.full, store)?;
    let Compared { now, pending, .. } = &compared;
    let changes_form = !is_new && now.snapshot.has_bodies() != compared.agreed.has_bodies();
    if changes_form && (!args.all || args.snapshot.app.is_some()) {
        return Err(CommandError::user("the form of a snapshot changes as a whole").hint("add --all, and name no APP"));
    }
    let chosen: Vec<Pending> = if args.all {
        pending.clone()
    } else if !args.resource.is_empty() {
        named(pending, &args.resource)?
    } else {
        asked(session, args, &compared, store)?
    };
    // What changes form is written anew; all else stays as it is.
    let mut next = if is_new || changes_form { now.snapshot.emptied() } else { compared.agreed.clone() };
    if changes_form {
        next = now.snapshot.clone();
    }
    for one in &chosen {
        next.accept(one, &now.snapshot);
    }
    if chosen.is_empty() && !changes_form && !(is_new && args.all) {
        session.printer.say("nothing was accepted");
        return Ok(0);
    }
    write_snapshot(&file, &next)?;
    session.printer.out(&lines(&chosen));
    session.printer.say(&format!("{} accepted in {}: commit it", counted(chosen.len(), "resource"), file.display()));
    Ok(0)
}

/// Those that the flags name.
fn named(pending: &[Pending], names: &[String]) -> Result<Vec<Pending>, CommandError> {
    let unknown: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !pending.iter().any(|one| one.resource == **name)).collect();
    if !unknown.is_empty() {
        let message = format!("nothing of that name is pending: {}", unknown.join(", "));
        return Err(CommandError::user(message).hint("`kubectl gitops snapshot pending` lists them"));
    }
    Ok(pending.iter().filter(|one| names.contains(&one.resource)).cloned().collect())
}

/// Those that somebody on a terminal agrees to, one after another.
fn asked(
    session: &Session,
    args: &AcceptArgs,
    compared: &Compared,
    store: Option<&Store>,
) -> Result<Vec<Pending>, CommandError> {
    if compared.pending.is_empty() {
        return Ok(Vec::new());
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::user("nobody can be asked here").hint("add --all, or --resource for each"));
    }
    let told = texts(&compared.review(session, &args.snapshot, &ReportArgs::today(), store)?);
    let (mut chosen, mut rest) = (Vec::new(), compared.pending.as_slice());
    while let Some((one, after)) = rest.split_first() {
        let place = (one.application.clone(), one.resource.clone());
        let text = told.get(&place).cloned().unwrap_or_else(|| lines(std::slice::from_ref(one)));
        session
            .printer
            .say(&format!("{text}[a]ccept, [s]kip, accept all of [A]pplication, accept all the [R]est, [q]uit?"));
        let mut answer = String::new();
        if std::io::stdin().lock().read_line(&mut answer).unwrap_or_default() == 0 {
            break;
        }
        match answer.trim() {
            "a" => chosen.push(one.clone()),
            "s" => {}
            "A" => {
                let (same, others): (Vec<_>, Vec<_>) =
                    rest.iter().cloned().partition(|other| other.application == one.application);
                // Sorted by application: all of it stand together.
                rest = &rest[rest.len() - others.len()..];
                chosen.extend(same);
                continue;
            }
            "R" => {
                chosen.extend_from_slice(rest);
                break;
            }
            "q" => return Ok(chosen),
            _ => continue,
        }
        rest = after;
    }
    Ok(chosen)
}

/// What a review says of each resource, by application and the resource as a snapshot writes it.
fn texts(review: &Review) -> BTreeMap<(String, String), String> {
    let of = |application: &ApplicationReview| {
        let name = application.application.clone();
        let one = move |change: &ResourceReview| {
            let resource = snapshot::written(&change.resource);
            ((name.clone(), resource), write::resource_text(change))
        };
        application.changes.iter().map(one).collect::<Vec<_>>()
    };
    review.applications.iter().flat_map(of).collect()
}
