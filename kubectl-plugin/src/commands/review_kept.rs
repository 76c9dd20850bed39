//! `review` of two sides that somebody kept: revisions, releases, bundles, graph ids.
//!
//! In: two sides as they are named. Out: the review of both. Where both are of the repository at hand each application is
//! reviewed, with the files that differ; else one. Whose settings judge: those of the base, where it is a revision, or a
//! release of a commit that is here. Bundles and graphs say what they hold, but nobody knows where they come from: the
//! program's own settings judge these.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::thread;

use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::AppName;
use gitops_compiler::review::{self, ChangedFile, Day, Outcome, Pair, Review, Settings, Side, SideName, Whole};
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;

use crate::error::CommandError;
use crate::settings::{
    Moment, ReviewedApplication, ReviewedSide, Session, differing_files, folders_of, lock_at, review_settings,
};

use super::bundle;
use super::diff::{Graph, of_store};
use super::review::ReviewArgs;
use super::show;

/// A side, as it is named.
enum Named {
    /// A graph, its application and the commit that it was compiled from, as far as they are known.
    Graph(Box<ResourceGraph>, Option<AppName>, Option<String>),
    Moment(Moment),
}

/// Reviews two sides, none of which is what is live.
pub(super) async fn of_kept(
    session: &Session,
    args: &ReviewArgs,
    [old, new]: [Graph<'_>; 2],
    names: [&str; 2],
    store: Option<&Store>,
) -> Result<Review, CommandError> {
    match (args.named(session, old, store).await?, args.named(session, new, store).await?) {
        (Named::Moment(base), Named::Moment(new)) => {
            let here = args.source.repository()?;
            let settings = understood(review_settings(&here, &base)?)?;
            let old = if args.exact_base { base } else { merge_base(&here, base, &new)? };
            of_moments(session, args, &here, [old, new], names, store, settings)
        }
        (old, new) => of_graphs(session, args, [old, new], names, store),
    }
}

impl ReviewArgs {
    async fn named(&self, session: &Session, side: Graph<'_>, store: Option<&Store>) -> Result<Named, CommandError> {
        match side {
            Graph::Id(id) => Ok(Named::Graph(Box::new(of_store(id, store)?), None, None)),
            Graph::Release(release) => {
                let connected = self.cluster.connect(store.cloned()).await?;
                let head = connected.records.load_recorded(&release.app).await?.head;
                let found = show::find(&head, &release)?;
                let graph = connected.records.graph(&found.graph, &head.target).await?;
                let commit = found.origin.commit.as_ref();
                let commit = commit.filter(|commit| !commit.dirty && !found.origin.is_partial);
                let commit = commit.map(|commit| commit.oid.clone());
                Ok(Named::Graph(Box::new(graph), Some(release.app), commit))
            }
            Graph::Bundle(place) => {
                let found = bundle::as_side(session, &self.source, place)?;
                Ok(Named::Graph(Box::new(found.graph), Some(found.config.application), None))
            }
            Graph::Revision(Some(name)) => {
                Ok(Named::Moment(Moment::Commit(self.source.repository()?.commit_oid(name)?)))
            }
            Graph::Revision(None) => Ok(Named::Moment(Moment::WorkingTree)),
        }
    }
}

/// Settings that nobody can read judge nothing: better to say so than to let everything pass.
fn understood(settings: Result<Settings, Diagnostic>) -> Result<Settings, CommandError> {
    settings.map_err(|finding| {
        CommandError::user("the settings of reviews of the base are not understood").findings(vec![finding])
    })
}

/// Where the newer side left the older one; the older one itself where they have nothing in common.
fn merge_base(here: &Repository, old: Moment, new: &Moment) -> Result<Moment, CommandError> {
    let Moment::Commit(base) = &old else { return Ok(old) };
    let head = match new {
        Moment::Commit(oid) => oid.clone(),
        Moment::WorkingTree => here.commit_oid("HEAD")?,
    };
    Ok(here.merge_base(base, &head)?.map_or(old, Moment::Commit))
}

fn commit_of(moment: &Moment) -> Option<String> {
    match moment {
        Moment::Commit(oid) => Some(oid.clone()),
        Moment::WorkingTree => None,
    }
}

fn of_moments(
    session: &Session,
    args: &ReviewArgs,
    here: &Repository,
    moments: [Moment; 2],
    names: [&str; 2],
    store: Option<&Store>,
    settings: Settings,
) -> Result<Review, CommandError> {
    let side = |moment: &Moment| args.source.reviewed(moment, args.app.as_ref(), store, session.printer);
    let differing = |folders: &[String]| differing_files(here, [&moments[0], &moments[1]], folders);
    let are_commits = moments.iter().all(|moment| matches!(moment, Moment::Commit(_)));
    let (old, new, files) = thread::scope(|scope| {
        // Which files two commits differ in has nothing to do with what is compiled of them.
        let differing_commits = are_commits.then(|| scope.spawn(|| differing(&[])));
        let (old, new) = (side(&moments[0])?, side(&moments[1])?);
        let files = match differing_commits {
            Some(files) => files.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => differing(&folders_of(&new)),
        };
        Ok::<_, CommandError>((old, new, files?))
    })?;
    let names = [0, 1].map(|at| SideName { name: names[at].to_owned(), commit: commit_of(&moments[at]) });
    let told = reviewed(Some(settings), &old, &new, &files, names, args.report.day()?);
    // The process ends with this review: letting go of tens of thousands of bodies, one by one, would be a tenth of it.
    std::mem::forget((old, new));
    Ok(told)
}

/// Reviews two sides of the repository at hand. These settings judge; or else the program's own, and what settings the sides have
/// is nothing to it.
pub(super) fn reviewed(
    settings: Option<Settings>,
    old: &ReviewedSide,
    new: &ReviewedSide,
    files: &[ChangedFile],
    [base, head]: [SideName; 2],
    today: Day,
) -> Review {
    let locks = old.lock.clone().zip(new.lock.clone());
    let (parted_settings, new_settings) = match &settings {
        Some(_) => (old.settings.clone().ok(), Some(new.settings.clone())),
        None => (None, None),
    };
    let whole = Whole { settings: settings.unwrap_or_default(), parted_settings, new_settings, locks };
    let names: BTreeSet<&AppName> = old.applications.iter().chain(&new.applications).map(|found| &found.name).collect();
    let find = |side: &'_ ReviewedSide, name: &AppName| side.applications.iter().position(|found| found.name == *name);
    let sides: Vec<_> = names
        .into_iter()
        .map(|name| {
            let old = find(old, name).map(|at| &old.applications[at]);
            let new = find(new, name).map(|at| &new.applications[at]);
            let files = new.or(old).map(|found| found.files_of(files)).unwrap_or_default();
            (name, old, new, files)
        })
        .collect();
    let pairs: Vec<Pair<'_>> = sides
        .iter()
        .map(|(name, old, new, files)| Pair {
            application: name.as_str(),
            base: outcome(*old),
            head: outcome(*new),
            files,
        })
        .collect();
    review::review(base, head, &pairs, &whole, today)
}

fn outcome(application: Option<&ReviewedApplication>) -> Outcome<'_> {
    match application.map(|application| &application.compiled) {
        None => Outcome::Absent,
        Some(Ok(compilation)) => {
            Outcome::Compiled(Side { graph: &compilation.graph, origins: &compilation.provenance.origins })
        }
        Some(Err(failed)) => Outcome::Failed { findings: &failed.findings, error: &failed.error },
    }
}

/// A side of one application.
struct Kept {
    what: What,
    /// When of the repository at hand it is.
    moment: Option<Moment>,
}

enum What {
    /// It was compiled here.
    Compiled(Box<ReviewedApplication>),
    /// Nobody knows where its resources were read.
    Graph(Box<ResourceGraph>),
}

impl Kept {
    fn outcome(&self) -> Outcome<'_> {
        match &self.what {
            What::Compiled(application) => outcome(Some(application)),
            What::Graph(graph) => Outcome::Compiled(Side { graph, origins: &[] }),
        }
    }

    fn application(&self) -> Option<&ReviewedApplication> {
        match &self.what {
            What::Compiled(application) => Some(application),
            What::Graph(_) => None,
        }
    }
}

/// Reviews one application, where a side is a graph that somebody kept.
fn of_graphs(
    session: &Session,
    args: &ReviewArgs,
    [old, new]: [Named; 2],
    names: [&str; 2],
    store: Option<&Store>,
) -> Result<Review, CommandError> {
    let known = [&old, &new].into_iter().find_map(|side| match side {
        Named::Graph(_, name, _) => name.clone(),
        Named::Moment(_) => None,
    });
    let name = args.app.clone().or(known);
    let old = kept(session, args, old, names[0], name.as_ref(), store)?;
    let new = kept(session, args, new, names[1], name.as_ref(), store)?;
    let (whole, files) = match &old.moment {
        Some(base) => beside(args, base, &old, &new)?,
        None => (Whole::default(), Vec::new()),
    };
    let name = name.map_or_else(|| "app".to_owned(), |name| name.to_string());
    let pair = Pair { application: &name, base: old.outcome(), head: new.outcome(), files: &files };
    let side = |name: &str, kept: &Kept| {
        let commit = kept.moment.as_ref().and_then(commit_of);
        SideName { name: name.to_owned(), commit }
    };
    Ok(review::review(side(names[0], &old), side(names[1], &new), &[pair], &whole, args.report.day()?))
}

fn kept(
    session: &Session,
    args: &ReviewArgs,
    side: Named,
    shown: &str,
    name: Option<&AppName>,
    store: Option<&Store>,
) -> Result<Kept, CommandError> {
    match side {
        Named::Moment(moment) => {
            let compiled = args.source.reviewed(&moment, args.app.as_ref(), store, session.printer)?;
            let one = only(compiled.applications, name)?;
            if let Err(failed) = &one.compiled {
                let message = format!("{shown} does not compile: {}", failed.error);
                return Err(CommandError::user(message).findings(failed.findings.clone()));
            }
            Ok(Kept { what: What::Compiled(Box::new(one)), moment: Some(moment) })
        }
        Named::Graph(graph, _, commit) => {
            // Of a commit that is not here nothing is known but the graph.
            let is_here = |oid: &String| args.source.repository().is_ok_and(|here| here.commit_oid(oid).is_ok());
            let moment = commit.filter(is_here).map(Moment::Commit);
            let again = moment.as_ref().and_then(|moment| again(session, args, moment, &graph, name, store));
            Ok(Kept { what: again.map_or(What::Graph(graph), |one| What::Compiled(Box::new(one))), moment })
        }
    }
}

/// What a commit compiles to, to know where resources are written; nothing unless that is the graph.
fn again(
    session: &Session,
    args: &ReviewArgs,
    moment: &Moment,
    graph: &ResourceGraph,
    name: Option<&AppName>,
    store: Option<&Store>,
) -> Option<ReviewedApplication> {
    let compiled = args.source.reviewed(moment, name, store, session.printer).ok()?;
    let one = only(compiled.applications, name).ok()?;
    let is_it = one.compiled.as_ref().is_ok_and(|compilation| compilation.graph.id() == graph.id());
    is_it.then_some(one)
}

/// What the repository at hand says of both sides: whose settings judge, the locks, and the files that differ.
fn beside(args: &ReviewArgs, base: &Moment, old: &Kept, new: &Kept) -> Result<(Whole, Vec<ChangedFile>), CommandError> {
    let here = args.source.repository()?;
    let settings = understood(review_settings(&here, base)?)?;
    let Some(head) = &new.moment else { return Ok((Whole { settings, ..Whole::default() }, Vec::new())) };
    let locks = lock_at(&here, base)?.zip(lock_at(&here, head)?);
    let new_settings = Some(review_settings(&here, head)?);
    let whole = Whole { settings, parted_settings: None, new_settings, locks };
    let Some(application) = new.application().or(old.application()) else { return Ok((whole, Vec::new())) };
    let files = differing_files(&here, [base, head], application.folders())?;
    Ok((whole, application.files_of(&files)))
}

/// The application that is meant.
fn only(mut all: Vec<ReviewedApplication>, name: Option<&AppName>) -> Result<ReviewedApplication, CommandError> {
    if all.len() > 1 {
        all.retain(|found| Some(&found.name) == name);
    }
    all.pop().ok_or_else(|| CommandError::user("it is not said of which application").hint("name it as APP"))
}
