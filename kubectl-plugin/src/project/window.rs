//! One sync window: whom it is for, and when it is open.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::duration::duration;
use super::pattern::Pattern;
use super::schedule::Schedule;
use super::zone::zone;
use super::{Cluster, Faults};

/// So often a window opens while it is open before it counts as open without end: more than a day has minutes.
const MOST_RENEWALS: usize = 1_500;

/// What a window does while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowKind {
    /// Syncs happen only while one of these is open.
    Allow,
    /// No sync happens while one of these is open.
    Deny,
}

/// A window, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WindowSpec {
    /// `allow` or `deny`.
    pub kind: String,
    /// When it opens, as cron has it.
    pub schedule: String,
    /// How long it is open, as Go has it.
    pub duration: String,
    /// Applications that it is for.
    pub applications: Vec<String>,
    /// Namespaces of destinations that it is for.
    pub namespaces: Vec<String>,
    /// Clusters of destinations that it is for, by name or address.
    pub clusters: Vec<String>,
    /// Whether people may sync all the same.
    pub manual_sync: bool,
    /// The zone of its schedule; UTC where nothing is said.
    pub time_zone: String,
    /// Whether it is for what all of its lists have, rather than any of them.
    pub and_operator: bool,
    /// Whether a sync that runs may go on.
    pub sync_overrun: bool,
    /// What people want to know.
    pub description: String,
}

/// A window that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) spec: WindowSpec,
    applications: Vec<Pattern>,
    namespaces: Vec<Pattern>,
    clusters: Vec<Pattern>,
    /// What it does and when, or what is wrong with that.
    pub(super) timing: Result<Timing, String>,
}

/// What a window does and when.
#[derive(Debug, Clone)]
pub(super) struct Timing {
    pub(super) kind: WindowKind,
    schedule: Schedule,
    duration: SignedDuration,
    zone: TimeZone,
}

/// Whose windows are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Governed<'a> {
    /// `metadata.name` of the Application.
    pub application: &'a str,
    /// Where it goes.
    pub cluster: Cluster<'a>,
    /// `spec.destination.namespace`.
    pub namespace: &'a str,
}

impl Window {
    pub(super) fn new(spec: WindowSpec, place: &str, faults: &mut Faults) -> Self {
        let timing = Timing::new(&spec).map_err(|why| format!("{place}: {why}"));
        let mut patterns =
            |list: &[String], field: &str| faults.patterns(list, &format!("{place}.{field}"), Pattern::without_denial);
        let applications = patterns(&spec.applications, "applications");
        let namespaces = patterns(&spec.namespaces, "namespaces");
        let clusters = patterns(&spec.clusters, "clusters");
        Self { spec, applications, namespaces, clusters, timing }
    }

    /// Whether it is for an application: where one of its lists has it, or all that are there with `andOperator`. A
    /// window without lists is for nobody.
    pub(super) fn is_for(&self, governed: &Governed<'_>) -> bool {
        let Governed { application, cluster, namespace } = governed;
        let has = |list: &[Pattern], texts: &[&str]| {
            let answer = || list.iter().any(|pattern| texts.iter().any(|text| pattern.admits(text)));
            (!list.is_empty()).then(answer)
        };
        let known = [cluster.name, cluster.server].into_iter().filter(|text| !text.is_empty());
        let answers = [
            has(&self.applications, &[application]),
            has(&self.clusters, &known.collect::<Vec<_>>()),
            has(&self.namespaces, &[namespace]),
        ];
        let mut answers = answers.into_iter().flatten().peekable();
        if self.spec.and_operator { answers.peek().is_some() && answers.all(|yes| yes) } else { answers.any(|yes| yes) }
    }
}

impl Timing {
    fn new(spec: &WindowSpec) -> Result<Self, String> {
        let kind = match spec.kind.as_str() {
            "allow" => WindowKind::Allow,
            "deny" => WindowKind::Deny,
            other => return Err(format!("its kind is `allow` or `deny`, not `{other}`")),
        };
        let schedule = Schedule::read(&spec.schedule)?;
        let length = duration(&spec.duration).filter(SignedDuration::is_positive);
        let length = length.ok_or_else(|| format!("`{}` is no duration: write one like 1h30m", spec.duration))?;
        let zone = match (&schedule.zone, spec.time_zone.as_str()) {
            (Some(name), "" | "UTC") => zone(name)?,
            (Some(_), _) => return Err("its time zone is in the schedule and in timeZone: write it once".to_owned()),
            (None, name) => zone(name)?,
        };
        Ok(Self { kind, schedule, duration: length, zone })
    }

    /// Whether it is open at a moment: from when the schedule comes until its time is over.
    pub(super) fn is_open(&self, at: Timestamp) -> bool {
        self.opened(self.wall(at)).is_some()
    }

    /// When it opens or closes next, as long as the zone keeps its shift; where that changes earlier, then. A window that
    /// is open without end never closes.
    pub(super) fn turns(&self, after: Timestamp) -> Option<Timestamp> {
        let (wall, offset) = (self.wall(after), self.zone.to_offset(after));
        let turn = match self.opened(wall) {
            None => self.schedule.next(wall),
            Some(opened) => self.closes(opened),
        };
        let turn = turn.and_then(|turn| offset.to_timestamp(turn).ok());
        let shift = self.zone.following(after).next().map(|transition| transition.timestamp());
        turn.into_iter().chain(shift).min()
    }

    fn wall(&self, at: Timestamp) -> DateTime {
        self.zone.to_offset(at).to_datetime(at)
    }

    /// When the window opened that is open now.
    fn opened(&self, now: DateTime) -> Option<DateTime> {
        self.schedule.next(now.checked_sub(self.duration).ok()?).filter(|opened| *opened <= now)
    }

    /// When a window closes, unless it opens again before that.
    fn closes(&self, opened: DateTime) -> Option<DateTime> {
        let mut opened = opened;
        for _ in 0..MOST_RENEWALS {
            let end = opened.checked_add(self.duration).ok()?;
            match self.schedule.next(opened) {
                Some(again) if again <= end => opened = again,
                _ => return Some(end),
            }
        }
        None
    }
}
