//! Sync windows of a project: whether an application may be synced now.
//!
//! In: who asks, and the time. Out: a [`WindowsState`]. The rules are Argo CD's (`SyncWindows.CanSync` of 3.5): without a
//! window for the application everything may be synced; an open window of kind deny forbids it; else an open one of kind
//! allow permits it; else one of kind allow that is closed forbids it. People may sync all the same where every window
//! that forbids it says `manualSync`. A sync that runs may go on where every one says `syncOverrun` and the sync might
//! have begun when it did.
//!
//! A window that cannot be read forbids syncs of its applications, also by people, as in Argo CD. Here that is so of an
//! unknown kind or time zone, too.

use jiff::Timestamp;

use super::window::{Governed, Timing, Window, WindowKind, WindowSpec};

/// So many turns of windows are looked at for one that changes something.
const MOST_TURNS: usize = 500;

/// The windows of a project.
#[derive(Debug, Clone, Default)]
pub struct SyncWindows {
    pub(super) windows: Vec<Window>,
}

/// Who wants to sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// The controller itself.
    Automatic,
    /// Somebody.
    Manual,
}

/// What windows say to an application at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsState {
    /// Whether the controller may sync.
    pub automatic: bool,
    /// Whether people may sync.
    pub manual: bool,
    /// The windows that are for the application.
    pub windows: Vec<WindowState>,
    /// What is wrong with some of them; then nobody may sync.
    pub faults: Vec<String>,
    /// When one of the two answers changes, where that is known.
    pub changes: Option<Timestamp>,
}

/// A window for an application at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowState {
    /// The window.
    pub window: WindowSpec,
    /// Whether it is open.
    pub is_open: bool,
}

impl SyncWindows {
    /// What the windows say to an application.
    #[must_use]
    pub fn state(&self, governed: &Governed<'_>, now: Timestamp) -> WindowsState {
        let (windows, faults) = self.of(governed);
        let (automatic, manual) = answers(&windows, now);
        let (automatic, manual) = (automatic && faults.is_empty(), manual && faults.is_empty());
        let changes = if faults.is_empty() { changes(&windows, now) } else { None };
        let shown = |(window, timing): &(&Window, &Timing)| WindowState {
            window: window.spec.clone(),
            is_open: timing.is_open(now),
        };
        WindowsState { automatic, manual, windows: windows.iter().map(shown).collect(), faults, changes }
    }

    /// Whether a sync that began then may go on now.
    #[must_use]
    pub fn lets_run(&self, governed: &Governed<'_>, now: Timestamp, began: Timestamp, who: Initiator) -> bool {
        let (windows, faults) = self.of(governed);
        if !faults.is_empty() {
            return false;
        }
        let forbidding = forbidding(&windows, now);
        permits(&forbidding, who)
            || forbidding.iter().all(|window| window.spec.sync_overrun)
                && permits(&self::forbidding(&windows, began), who)
    }

    /// The windows for an application, and what is wrong with those that cannot be read.
    fn of(&self, governed: &Governed<'_>) -> (Vec<(&Window, &Timing)>, Vec<String>) {
        let (mut windows, mut faults) = (Vec::new(), Vec::new());
        for window in self.windows.iter().filter(|window| window.is_for(governed)) {
            match &window.timing {
                Ok(timing) => windows.push((window, timing)),
                Err(fault) => faults.push(fault.clone()),
            }
        }
        (windows, faults)
    }
}

impl WindowsState {
    /// Whether somebody may sync.
    #[must_use]
    pub fn permits(&self, who: Initiator) -> bool {
        match who {
            Initiator::Automatic => self.automatic,
            Initiator::Manual => self.manual,
        }
    }

    /// Why not, for people; none where everybody may.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        if !self.faults.is_empty() {
            return Some(self.faults.join("; "));
        }
        if self.automatic {
            return None;
        }
        let find = |kind: &str, open: bool| {
            self.windows.iter().find(|state| state.window.kind == kind && state.is_open == open)
        };
        let denying = find("deny", true).map(|state| (state, "forbids syncs now"));
        let (state, does) = denying.or_else(|| Some((find("allow", false)?, "is closed now")))?;
        let WindowSpec { kind, schedule, duration, time_zone, description, .. } = &state.window;
        let zone = if time_zone.is_empty() { "UTC" } else { time_zone };
        let told = if description.is_empty() { String::new() } else { format!(" ({description})") };
        let until = self.changes.map(|at| format!("; this changes at {at}")).unwrap_or_default();
        let people = if self.manual { "; people may sync" } else { "" };
        Some(format!("the sync window {kind} `{schedule}` for {duration}, {zone}{told}, {does}{until}{people}"))
    }
}

/// The windows that forbid a sync at a moment.
fn forbidding<'w>(windows: &[(&'w Window, &Timing)], at: Timestamp) -> Vec<&'w Window> {
    let are = |kind: WindowKind, open: bool| {
        let those = windows.iter().filter(move |(_, timing)| timing.kind == kind && timing.is_open(at) == open);
        those.map(|(window, _)| *window).collect::<Vec<_>>()
    };
    let denying = are(WindowKind::Deny, true);
    if denying.is_empty() && are(WindowKind::Allow, true).is_empty() { are(WindowKind::Allow, false) } else { denying }
}

fn permits(forbidding: &[&Window], who: Initiator) -> bool {
    forbidding.is_empty() || who == Initiator::Manual && forbidding.iter().all(|window| window.spec.manual_sync)
}

/// Whether the controller may sync, and whether people may.
fn answers(windows: &[(&Window, &Timing)], at: Timestamp) -> (bool, bool) {
    let forbidding = forbidding(windows, at);
    (permits(&forbidding, Initiator::Automatic), permits(&forbidding, Initiator::Manual))
}

/// When the answers change.
fn changes(windows: &[(&Window, &Timing)], now: Timestamp) -> Option<Timestamp> {
    let standing = answers(windows, now);
    // Each is asked again only when it has turned: one that is open without end is asked once.
    let mut turns: Vec<Option<Timestamp>> = windows.iter().map(|(_, timing)| timing.turns(now)).collect();
    for _ in 0..MOST_TURNS {
        let at = turns.iter().flatten().min().copied()?;
        if answers(windows, at) != standing {
            return Some(at);
        }
        for ((_, timing), turn) in windows.iter().zip(&mut turns) {
            if *turn == Some(at) {
                *turn = timing.turns(at);
            }
        }
    }
    None
}
