//! The table of a run that goes.
//!
//! In: the state of a run, how long it has gone, the size of a terminal. Out: lines, none wider than the terminal and all
//! together lower. What is under way comes first, the oldest before the others, then what waits for others, then how much
//! more there is; the last line sums up. Pure; the cost is that of the lines, however many steps there are.

use std::time::Duration;

use console::{Alignment, measure_text_width, pad_str, truncate_str};
use gitops_compiler::depend::State;

use crate::apply::standing::{Blocker, Standing, StepName};
use crate::health::printable;
use crate::output::plan::sign;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// Times stay where they are as long as nothing to be said is wider than this.
const STEADY: usize = 60;

/// Narrower than this there is no room for columns.
const NARROWEST: usize = 60;

/// Columns at the right that stay free: a cursor never waits at the edge, and where the terminal shows `^C` in the middle of
/// a line, that still fits.
const SPARE: usize = 3;

/// `  · + `.
const MARGIN: usize = 6;

/// A step that is under way or waits.
struct Row {
    sign: char,
    name: String,
    detail: String,
    lasts: String,
}

/// The lines of the table, as they are now. Below two rows or four columns there is no room for any.
pub(super) fn frame(standing: &mut Standing, now: Duration, size: Size) -> Vec<String> {
    let width = size.columns.saturating_sub(SPARE);
    let most = height(size.rows);
    if most == 0 || width == 0 {
        return Vec::new();
    }
    let (going, waiting, blocked) = (standing.count_under_way(), standing.count_waiting(), standing.count_blocked());
    // One line sums up, and one says how much more there is.
    let all_fit = waiting == blocked && going + waiting < most;
    let room = if all_fit { most - 1 } else { most.saturating_sub(2) };
    let rows = rows(standing, now, room);
    let mut lines = laid_out(&rows, width);
    let (more_going, more_waiting) = (going.saturating_sub(room), waiting - rows.len().saturating_sub(going));
    if most > 1 && !all_fit {
        lines.extend(more(more_going, more_waiting));
    }
    lines.push(summary(standing, now));
    lines.iter().map(|line| truncate_str(line, width, "…").into_owned()).collect()
}

/// How many lines there may be: half of the terminal, so that what is over can be read, and always less than all.
fn height(rows: usize) -> usize {
    (rows / 2).max(8).min(rows.saturating_sub(1))
}

fn rows(standing: &mut Standing, now: Duration, room: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for under_way in standing.under_way().take(room) {
        let reason = under_way.reason.as_deref().filter(|reason| !reason.is_empty());
        let reason = reason.map_or("waits for the API server", missing);
        rows.push(Row::new(standing.name(under_way.step), reason, now.saturating_sub(under_way.since)));
    }
    let blocked: Vec<usize> = standing.blocked().take(room - rows.len()).collect();
    for step in blocked {
        let reason = standing.blocker(step).map_or_else(|| "waits for its turn".to_owned(), told);
        rows.push(Row::new(standing.name(step), &reason, now));
    }
    rows
}

/// `Waiting for rollout to finish: 1 of 3 updated replicas are available...` without what the table says by being there.
fn missing(reason: &str) -> &str {
    let waiting = reason.strip_prefix("Waiting for ").and_then(|rest| rest.split_once(": "));
    waiting.map_or(reason, |(_, missing)| missing).trim_end_matches("...")
}

/// `waits for Deployment shop/cart to be ready (it sends requests there)`
fn told(Blocker { by, state, reason, behind }: Blocker<'_>) -> String {
    let state = match state {
        State::Present => "",
        State::Ready => " to be ready",
        State::Absent => " to be gone",
    };
    let reason = match behind {
        None => reason.to_owned(),
        Some((barrier, 1)) => format!("{barrier}: {reason}"),
        Some((barrier, left)) => format!("{barrier}, {left} left: {reason}"),
    };
    format!("waits for {}{state} ({reason})", by.key)
}

impl Row {
    fn new(step: &StepName, reason: &str, lasts: Duration) -> Self {
        let hook = step.phase.map(|phase| format!("{} hook: ", phase.as_str())).unwrap_or_default();
        Self {
            sign: sign(step.action),
            name: printable(&step.key.to_string()),
            // The API server quotes what others wrote.
            detail: format!("{hook}{}", printable(reason)),
            lasts: lasting(lasts),
        }
    }
}

/// In columns, where there is room for them.
fn laid_out(rows: &[Row], width: usize) -> Vec<String> {
    if width < NARROWEST {
        let line = |row: &Row| format!("  · {} {}  {}: {}", row.sign, row.name, row.lasts, row.detail);
        return rows.iter().map(line).collect();
    }
    let longest =
        |text: fn(&Row) -> &str| rows.iter().map(|row| measure_text_width(text(row))).max().unwrap_or_default();
    let (names, times) = (longest(|row| &row.name), longest(|row| &row.lasts));
    let names = names.min((width - MARGIN) * 2 / 5);
    let room = width - MARGIN - names - times - 4;
    let details = longest(|row| &row.detail).max(STEADY).min(room);
    let line = |row: &Row| {
        let name = pad_str(&row.name, names, Alignment::Left, Some("…"));
        let detail = pad_str(&row.detail, details, Alignment::Left, Some("…"));
        let lasts = pad_str(&row.lasts, times, Alignment::Right, None);
        format!("  · {} {name}  {detail}  {lasts}", row.sign)
    };
    rows.iter().map(line).collect()
}

/// `  … and 312 more wait`
fn more(going: usize, waiting: usize) -> Option<String> {
    match (going, waiting) {
        (0, 0) => None,
        (0, waiting) => Some(format!("  … and {waiting} more {}", verb(waiting))),
        (going, 0) => Some(format!("  … and {going} more under way")),
        (going, waiting) => Some(format!("  … and {going} more under way, {waiting} {}", verb(waiting))),
    }
}

/// `  5 of 418 steps, 1 failed   12 s`
fn summary(standing: &Standing, now: Duration) -> String {
    let tally = standing.tally();
    let mut parts = vec![format!("{} of {} steps", tally.done, tally.total)];
    let waiting = standing.count_waiting();
    let counts = [
        (tally.failed, "failed"),
        (tally.skipped, "not tried"),
        (standing.count_under_way(), "under way"),
        (waiting, verb(waiting)),
    ];
    parts.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    format!("  {}   {}", parts.join(", "), lasting(now))
}

fn verb(count: usize) -> &'static str {
    if count == 1 { "waits" } else { "wait" }
}

/// `9 s`, `5 min 20 s`, `3 h 5 min`.
fn lasting(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..6000 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
