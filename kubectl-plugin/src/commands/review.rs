//! `review`: what a change does to the cluster, for whoever has to agree to it.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use clap::{Args, ValueEnum};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::AppName;
use gitops_compiler::review::{self, ChangedFile, Day, Outcome, Pair, Review, Settings, Side, SideName, Whole, write};
use gitops_compiler::store::Store;
use gitops_compiler::tree::Repository;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::CommandError;
use crate::json::ReviewJson;
use crate::settings::{
    ClusterArgs, Moment, ReviewedApplication, ReviewedSide, Session, SourceArgs, differing_files, folders_of,
};

use super::bundle;
use super::diff::{self, Graph, of_store};
use super::diff_live::{self, Live};
use super::review_live::of_live;
use super::show;

/// Say what a change does to the cluster: risks, versions, restarts, what depends on what changes, causes, and each field.
/// Fetches nothing and asks no cluster, unless a side is a release or what is live
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// Two sides, BASE..HEAD: revisions, releases (APP@N), bundles on this machine (bundle:PATH), graph ids of the local store,
    /// or what the cluster has now (live, APP@live). Of revisions the base is where HEAD left it, their merge base. Without HEAD the working tree is reviewed
    #[arg(value_name = "BASE..HEAD")]
    range: String,
    /// The application; with --filename, which of those in the file [default: all of them]
    #[arg(value_name = "APP")]
    pub(super) app: Option<AppName>,
    /// Compare with BASE itself, not with where HEAD left it
    #[arg(long)]
    exact_base: bool,
    #[command(flatten)]
    pub(super) source: SourceArgs,
    #[command(flatten)]
    pub(super) cluster: ClusterArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
    /// Exit with 1 where the cluster would get something else
    #[arg(long)]
    exit_code: bool,
    /// Exit with 4 where a risk is of this level or worse
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<Level>,
}

/// How a review is told.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// How long markdown may get, in characters: GitHub takes 65,536
    #[arg(long, value_name = "NUMBER", default_value_t = write::ROOM, value_parser = room)]
    max_chars: usize,
    /// The day that acceptances are compared with [default: today, in UTC]
    #[arg(long, value_name = "DAY")]
    date: Option<Day>,
}

fn room(text: &str) -> Result<usize, String> {
    let least = write::LEAST_ROOM;
    let wrong = || format!("`{text}` is not a number from {least}");
    text.parse().ok().filter(|room| *room >= least).ok_or_else(wrong)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For a terminal
    Text,
    /// For a comment of a pull request; fits --max-chars and says what it leaves out
    Markdown,
    /// For a program
    Json,
    /// For a browser: one file
    Html,
    /// For a code scanner
    Sarif,
}

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Level {
    /// Good to know
    Info,
    /// A person should look at it
    Caution,
    /// Something is lost, broken or given away
    Block,
}

impl From<Level> for review::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Info => Self::Info,
            Level::Caution => Self::Caution,
            Level::Block => Self::Block,
        }
    }
}

/// A side, as it is named.
enum Named {
    Graph(Box<ResourceGraph>, Option<AppName>),
    Moment(Moment),
}

/// Runs the command.
pub async fn run(session: &Session, args: &ReviewArgs) -> Result<u8, CommandError> {
    let store = args.source.store_to_read(session)?.map(Store::with_last_graph);
    let (base, head) = sides(&args.range);
    if base.is_empty() {
        return Err(CommandError::user("it is not said what to compare with").hint("name it as BASE..HEAD"));
    }
    let head = (!head.is_empty()).then_some(head);
    let named = [base, head.unwrap_or("working tree")];
    let told = match (diff::Side::named(Some(base))?, diff::Side::named(head)?) {
        (diff::Side::Live(_), diff::Side::Live(_)) => return Err(diff_live::no_other_side()),
        (diff::Side::Live(app), diff::Side::Graph(other)) => {
            Box::pin(of_live(session, args, Live { app, is_newer: false }, other, named)).await?
        }
        (diff::Side::Graph(other), diff::Side::Live(app)) => {
            Box::pin(of_live(session, args, Live { app, is_newer: true }, other, named)).await?
        }
        (diff::Side::Graph(old), diff::Side::Graph(new)) => {
            of_kept(session, args, [old, new], named, store.as_ref()).await?
        }
    };
    args.report.print(session, &told);
    if let Some(level) = args.fail_on.map(review::Level::from)
        && told.worst().is_some_and(|worst| worst >= level)
    {
        session.printer.say(&format!("refused: there are risks of the level {} or worse", level.as_str()));
        return Ok(4);
    }
    Ok(u8::from(args.exit_code && told.differs()))
}

/// The two sides of a range, of which the newer may be missing. Three points are as good as two, and those of a path, as in
/// `bundle:../a.tar`, stand for nothing.
fn sides(range: &str) -> (&str, &str) {
    let mut points = range.match_indices("..").map(|(at, _)| at).filter(|at| !range[at + 2..].starts_with('/'));
    let Some(at) = points.next() else { return (range, "") };
    let head = &range[at + 2..];
    let third = head.strip_prefix('.').filter(|head| !head.starts_with("./"));
    (&range[..at], third.unwrap_or(head))
}

/// Reviews two sides, none of which is what is live.
async fn of_kept(
    session: &Session,
    args: &ReviewArgs,
    [old, new]: [Graph<'_>; 2],
    names: [&str; 2],
    store: Option<&Store>,
) -> Result<Review, CommandError> {
    match (args.named(old, store).await?, args.named(new, store).await?) {
        (Named::Moment(old), Named::Moment(new)) => {
            let here = args.source.repository()?;
            let old = if args.exact_base { old } else { merge_base(&here, old, &new)? };
            of_moments(session, args, &here, [old, new], names, store)
        }
        (old, new) => of_graphs(session, args, [old, new], names, store),
    }
}

impl ReviewArgs {
    async fn named(&self, side: Graph<'_>, store: Option<&Store>) -> Result<Named, CommandError> {
        match side {
            Graph::Id(id) => Ok(Named::Graph(Box::new(of_store(id, store)?), None)),
            Graph::Release(release) => {
                let connected = self.cluster.connect(store.cloned()).await?;
                let head = connected.records.load_recorded(&release.app).await?.head;
                let graph = connected.records.graph(&show::find(&head, &release)?.graph, &head.target).await?;
                Ok(Named::Graph(Box::new(graph), Some(release.app)))
            }
            Graph::Bundle(path) => {
                let found = bundle::on_this_machine(path)?;
                Ok(Named::Graph(Box::new(found.graph), Some(found.config.application)))
            }
            Graph::Revision(Some(name)) => {
                Ok(Named::Moment(Moment::Commit(self.source.repository()?.commit_oid(name)?)))
            }
            Graph::Revision(None) => Ok(Named::Moment(Moment::WorkingTree)),
        }
    }
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
    let told = reviewed(&old, &new, &files, names, args.report.day()?);
    // The process ends with this review: letting go of tens of thousands of bodies, one by one, would be a tenth of it.
    std::mem::forget((old, new));
    told
}

/// Reviews two sides of the repository at hand.
pub(super) fn reviewed(
    old: &ReviewedSide,
    new: &ReviewedSide,
    files: &[ChangedFile],
    [base, head]: [SideName; 2],
    today: Day,
) -> Result<Review, CommandError> {
    // Settings that nobody can read judge nothing: better to say so than to let everything pass.
    let settings = old.settings.clone().map_err(|finding| {
        CommandError::user("the settings of reviews of the base are not understood").findings(vec![finding])
    })?;
    let locks = old.lock.clone().zip(new.lock.clone());
    let whole = Whole { settings, new_settings: Some(new.settings.clone()), locks };
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
    Ok(review::review(base, head, &pairs, &whole, today))
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

/// Where a side is a graph that somebody kept, one application is reviewed, and no settings are known but the program's own:
/// those of the newer side must not judge it.
fn of_graphs(
    session: &Session,
    args: &ReviewArgs,
    sides: [Named; 2],
    names: [&str; 2],
    store: Option<&Store>,
) -> Result<Review, CommandError> {
    let known = sides.iter().find_map(|side| if let Named::Graph(_, name) = side { name.clone() } else { None });
    let name = args.app.clone().or(known);
    let mut whole = Whole::default();
    let mut graphs = Vec::new();
    for (at, side) in sides.into_iter().enumerate() {
        let (graph, origins, commit) = match side {
            Named::Graph(graph, _) => (Arc::new(*graph), Vec::new(), None),
            Named::Moment(moment) => {
                let compiled = args.source.reviewed(&moment, args.app.as_ref(), store, session.printer)?;
                if at == 0 {
                    whole.settings = compiled.settings.unwrap_or(Settings::default());
                }
                let one = only(compiled.applications, name.as_ref())?;
                let compilation = one.compiled.map_err(|failed| {
                    CommandError::user(format!("{} does not compile: {}", names[at], failed.error))
                        .findings(failed.findings)
                })?;
                (Arc::new(compilation.graph), compilation.provenance.origins, commit_of(&moment))
            }
        };
        graphs.push((graph, origins, SideName { name: names[at].to_owned(), commit }));
    }
    let name = name.map_or_else(|| "app".to_owned(), |name| name.to_string());
    let [(old, old_origins, base), (new, new_origins, head)] = &graphs[..] else {
        return Err(CommandError::user("there are not two sides"));
    };
    let side = |graph, origins| Outcome::Compiled(Side { graph, origins });
    let pair = Pair { application: &name, base: side(old, old_origins), head: side(new, new_origins), files: &[] };
    Ok(review::review(base.clone(), head.clone(), &[pair], &whole, args.report.day()?))
}

/// The application that is meant.
fn only(mut all: Vec<ReviewedApplication>, name: Option<&AppName>) -> Result<ReviewedApplication, CommandError> {
    if all.len() > 1 {
        all.retain(|found| Some(&found.name) == name);
    }
    all.pop().ok_or_else(|| CommandError::user("it is not said of which application").hint("name it as APP"))
}

impl ReportArgs {
    /// For people, today.
    pub(super) fn today() -> Self {
        Self { output: Output::Text, max_chars: write::ROOM, date: None }
    }

    /// The day that acceptances are compared with.
    pub(super) fn day(&self) -> Result<Day, CommandError> {
        let today = || {
            let date = Timestamp::now().to_zoned(TimeZone::UTC).date();
            let (year, month, day) = (u16::try_from(date.year()), u8::try_from(date.month()), u8::try_from(date.day()));
            Day::new(year.ok()?, month.ok()?, day.ok()?)
        };
        self.date
            .or_else(today)
            .ok_or_else(|| CommandError::user("the clock is wrong").hint("give the day with --date"))
    }

    /// Prints a review.
    pub(super) fn print(&self, session: &Session, told: &Review) {
        let printer = session.printer;
        match self.output {
            Output::Text => printer.out(&write::text(told)),
            Output::Markdown => printer.data(&write::markdown(told, self.max_chars)),
            Output::Json => printer.json(&ReviewJson::new(told.clone())),
            Output::Html => printer.data(&write::html(told)),
            Output::Sarif => printer.json(&write::sarif(told, env!("CARGO_PKG_VERSION"))),
        }
    }

    /// Whether people read it on a terminal.
    pub(super) fn is_text(&self) -> bool {
        self.output == Output::Text
    }
}

#[cfg(test)]
mod tests {
    use super::sides;

    #[test]
    fn a_range_has_two_sides_whatever_stands_in_their_paths() {
        for (range, expected) in [
            ("main", ("main", "")),
            ("main..", ("main", "")),
            ("main..topic", ("main", "topic")),
            ("main...topic", ("main", "topic")),
            ("..topic", ("", "topic")),
            ("bundle:../a.tar..HEAD", ("bundle:../a.tar", "HEAD")),
            ("bundle:../../a.tar..bundle:../b.tar", ("bundle:../../a.tar", "bundle:../b.tar")),
            ("bundle:a/../b", ("bundle:a/../b", "")),
            ("shop@1..é", ("shop@1", "é")),
        ] {
            assert_eq!(sides(range), expected, "{range}");
        }
    }
}
