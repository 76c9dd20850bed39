//! `review`: what a change does to the cluster, for whoever has to agree to it.

use clap::{Args, ValueEnum};
use gitops_compiler::name::AppName;
use gitops_compiler::review::write::{self, Detail};
use gitops_compiler::review::{self, Day, Review, Selection};
use gitops_compiler::store::Store;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::CommandError;
use crate::json::ReviewJson;
use crate::settings::{ClusterArgs, Session, SourceArgs};

use super::diff;
use super::diff_live::{self, Live};
use super::review_kept::of_kept;
use super::review_live::of_live;

/// Say what a change does to the cluster: risks, versions, restarts, what depends on what changes, causes, and each field.
/// Fetches nothing and asks no cluster, unless a side is a release, what is live, or a bundle in a registry
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// Two sides, BASE..HEAD: revisions, releases (APP@N), bundles (bundle:PATH, bundle:oci://…), graph ids of the local store,
    /// or what the cluster has now (live, APP@live). Of revisions the base is where HEAD left it, their merge base. Without HEAD the working tree is reviewed
    #[arg(value_name = "BASE..HEAD")]
    range: String,
    /// The application; with --filename, which of those in the file [default: all of them]
    #[arg(value_name = "APP")]
    pub(super) app: Option<AppName>,
    /// Compare with BASE itself, not with where HEAD left it
    #[arg(long)]
    pub(super) exact_base: bool,
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
    /// Show only what became of resources like this: 'Deployment.apps shop/*'. Verdict, counts, risks and all else stay those of the whole change (can be repeated)
    #[arg(long, value_name = "RESOURCE")]
    only: Vec<String>,
    /// Do not show what became of resources like this (can be repeated)
    #[arg(long, value_name = "RESOURCE")]
    ignore: Vec<String>,
    /// Do not show fields like this: 'metadata.labels[helm.sh/chart]' (can be repeated)
    #[arg(long, value_name = "FIELD")]
    ignore_field: Vec<String>,
    /// How many unchanged lines are shown around each change of a text, up to 100
    #[arg(short = 'U', long, value_name = "NUMBER", default_value_t = AROUND, value_parser = clap::value_parser!(u8).range(..=100))]
    unified: u8,
    /// Tell schemas of definitions field by field, too, not only in words
    #[arg(long)]
    full_crds: bool,
}

/// So many lines stand around those that differ, unless somebody asks for more.
const AROUND: u8 = 1;

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
    let (worst, differs) = (told.worst(), told.differs());
    args.report.print(session, told);
    if let Some(level) = args.fail_on.map(review::Level::from)
        && worst.is_some_and(|worst| worst >= level)
    {
        session.printer.say(&format!("refused: there are risks of the level {} or worse", level.as_str()));
        return Ok(4);
    }
    Ok(u8::from(args.exit_code && differs))
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

impl ReportArgs {
    /// For people, today.
    pub(super) fn today() -> Self {
        Self {
            output: Output::Text,
            max_chars: write::ROOM,
            date: None,
            only: Vec::new(),
            ignore: Vec::new(),
            ignore_field: Vec::new(),
            unified: AROUND,
            full_crds: false,
        }
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

    /// Prints what is wanted of a review.
    pub(super) fn print(&self, session: &Session, told: Review) {
        let printer = session.printer;
        let (only, ignore, ignore_fields) = (self.only.clone(), self.ignore.clone(), self.ignore_field.clone());
        let told = Selection { only, ignore, ignore_fields }.of(told);
        let detail = Detail::new(self.unified.into(), self.full_crds);
        match self.output {
            Output::Text => printer.out(&write::text(&told, detail)),
            Output::Markdown => printer.data(&write::markdown(&told, self.max_chars, detail)),
            Output::Json => printer.json(&ReviewJson::new(told)),
            Output::Html => printer.data(&write::html(&told, detail)),
            Output::Sarif => printer.json(&write::sarif(&told, env!("CARGO_PKG_VERSION"))),
        }
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
