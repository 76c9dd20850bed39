//! `history`: the releases of a target.

use clap::Args;
use gitops_compiler::name::AppName;
use jiff::Timestamp;

use crate::error::CommandError;
use crate::json::HistoryJson;
use crate::output::{ago, table};
use crate::record::head::TAKEN_OVER;
use crate::record::{Head, Outcome, Release};
use crate::settings::{ClusterArgs, Session};

use super::change::short_digest;

/// List the releases of an application, newest first
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub async fn run(session: &Session, args: &HistoryArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let records = connected.records;
    let head = records.load_recorded(&args.app).await?.head;
    if args.output.is_some() {
        session.printer.json(&HistoryJson::new(&head));
        return Ok(0);
    }
    let now = Timestamp::now();
    let titles = ["RELEASE", "GRAPH", "WHEN", "COMMIT", "BY", "CHANGES", "OUTCOME"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    rows.extend(head.releases.iter().rev().map(|release| {
        vec![
            release.number.to_string(),
            release.graph.id.short(),
            ago(release.origin.time, now),
            commit(release),
            release.origin.actor.clone(),
            changes(release),
            outcome(&head, release),
        ]
    }));
    session.printer.out(&table(&rows));
    if head.lock.is_some() || head.pending.is_some() {
        session.printer.say(&unsettled(&head, records.now()));
    }
    if let Some(all) = &head.hold_all {
        session.printer.say(&format!("{} is held by {}: nothing is applied until it is released", args.app, all.actor));
    }
    Ok(0)
}

/// What is to be said of a target whose last run goes on, or did not succeed.
pub(super) fn unsettled(head: &Head, now: Timestamp) -> String {
    if let Some(lock) = head.foreign_lock(now) {
        return format!("{} is changing {} now", lock.holder.name, head.application);
    }
    let how = if head.pending.as_ref().is_some_and(|pending| pending.ended) {
        "the last release failed"
    } else {
        "the last run did not end"
    };
    format!("{how}: the next apply, or a rollback, settles it")
}

fn commit(release: &Release) -> String {
    let Some(commit) = &release.origin.commit else {
        return release.origin.bundle.as_ref().map(|digest| short_digest(digest).to_owned()).unwrap_or_default();
    };
    let dirty = if commit.dirty { "+" } else { "" };
    format!("{}{dirty}", &commit.oid[..commit.oid.len().min(7)])
}

fn changes(release: &Release) -> String {
    let (created, changed, deleted) = release.changes;
    let part = |sign: char, count: usize| (count > 0).then(|| format!("{sign}{count}"));
    let parts = [part('+', created), part('~', changed), part('-', deleted)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn outcome(head: &Head, release: &Release) -> String {
    let text = match &release.outcome {
        Outcome::Succeeded if head.live == Some(release.number) => "live".to_owned(),
        Outcome::Succeeded => "ok".to_owned(),
        Outcome::Failed { message } => format!("failed: {}", shortened(message)),
        Outcome::Interrupted => "interrupted".to_owned(),
    };
    let is_held = head.holds.iter().any(|hold| hold.taken_back.id == release.graph.id);
    let origin = match release.number {
        TAKEN_OVER => ", taken over",
        _ if release.origin.is_partial => ", partial",
        _ => "",
    };
    let mark = if is_held && head.live != Some(release.number) { ", held" } else { "" };
    match release.origin.rollback_to {
        Some(number) => format!("{text}, rollback to {number}{mark}"),
        None => format!("{text}{origin}{mark}"),
    }
}

/// The whole message is in the JSON.
fn shortened(message: &str) -> String {
    let mut text: String = message.chars().take(100).collect();
    if text.len() < message.len() {
        text.push('…');
    }
    text
}
