//! Sync windows, in tables.

use jiff::Timestamp;

use super::super::{Cluster, Governed, Initiator, WindowsState};
use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn shop() -> Governed<'static> {
    Governed { application: "shop-web", cluster: Cluster::own(), namespace: "shop" }
}

fn state(windows: Json, now: &str) -> WindowsState {
    project(json!({"syncWindows": windows})).windows.state(&shop(), at(now))
}

fn window(kind: &str, schedule: &str, duration: &str) -> Json {
    json!({"kind": kind, "schedule": schedule, "duration": duration, "applications": ["*"]})
}

fn with(mut window: Json, field: &str, value: Json) -> Json {
    window[field] = value;
    window
}

/// 2026-11-26 is a Thursday.
const NOON: &str = "2026-11-26T12:00:00Z";

#[test]
fn syncs_are_permitted_as_in_argo_cd() {
    let open = |kind| window(kind, "0 10 * * *", "8h");
    let closed = |kind| window(kind, "0 22 * * *", "8h");
    let for_people = |window| with(window, "manualSync", json!(true));
    for (windows, automatic, manual) in [
        (json!([]), true, true),
        (json!([open("allow")]), true, true),
        (json!([closed("allow")]), false, false),
        (json!([for_people(closed("allow"))]), false, true),
        (json!([open("deny")]), false, false),
        (json!([for_people(open("deny"))]), false, true),
        (json!([closed("deny")]), true, true),
        // An open denial beats an open allowance.
        (json!([open("allow"), open("deny")]), false, false),
        (json!([open("allow"), for_people(open("deny"))]), false, true),
        // Every denial must let people through.
        (json!([for_people(open("deny")), open("deny")]), false, false),
        (json!([open("deny"), for_people(open("deny"))]), false, false),
        // One open allowance will do.
        (json!([open("allow"), closed("allow")]), true, true),
        (json!([closed("allow"), closed("deny")]), false, false),
        // Every closed allowance must let people through.
        (json!([for_people(closed("allow")), closed("allow")]), false, false),
        (json!([for_people(closed("allow")), for_people(closed("allow"))]), false, true),
        // A window of somebody else.
        (json!([with(open("deny"), "applications", json!(["other"]))]), true, true),
    ] {
        let state = state(windows.clone(), NOON);
        assert_eq!((state.automatic, state.manual), (automatic, manual), "{windows}");
        assert_eq!(state.reason().is_none(), automatic, "{windows}");
        assert_eq!(state.permits(Initiator::Manual), manual);
    }
}

#[test]
fn windows_are_for_whom_they_name() {
    let lists = |applications: Json, namespaces: Json, clusters: Json, and: bool| {
        let window = window("deny", "* * * * *", "1h");
        let window = with(with(window, "applications", applications), "namespaces", namespaces);
        with(with(window, "clusters", clusters), "andOperator", json!(and))
    };
    let none = || json!([]);
    for (window, applies) in [
        (lists(json!(["shop-*"]), none(), none(), false), true),
        (lists(json!(["other"]), json!(["shop"]), none(), false), true),
        (lists(none(), none(), json!(["in-cluster"]), false), true),
        (lists(none(), none(), json!(["https://kubernetes.*"]), false), true),
        (lists(none(), none(), json!(["far"]), false), false),
        (lists(json!(["other"]), json!(["other"]), json!(["far"]), false), false),
        (lists(none(), none(), none(), false), false),
        (lists(json!(["shop-*"]), json!(["shop"]), json!(["in-*"]), true), true),
        (lists(json!(["shop-*"]), json!(["other"]), json!(["in-*"]), true), false),
        (lists(json!(["shop-*"]), json!(["shop"]), json!(["far"]), true), false),
        (lists(json!(["other"]), json!(["shop"]), none(), true), false),
        (lists(json!(["shop-*"]), none(), none(), true), true),
        (lists(none(), json!(["shop"]), none(), true), true),
        (lists(none(), none(), none(), true), false),
    ] {
        assert_eq!(!state(json!([window]), NOON).windows.is_empty(), applies, "{window}");
    }
}

#[test]
fn a_window_is_open_from_its_start_until_its_end() {
    let deny = || json!([window("deny", "0 22 * * *", "1h30m")]);
    for (now, open) in [
        ("2026-11-26T21:59:59Z", false),
        ("2026-11-26T22:00:00Z", true),
        ("2026-11-26T23:29:59Z", true),
        ("2026-11-26T23:30:00Z", false),
    ] {
        assert_eq!(state(deny(), now).windows[0].is_open, open, "{now}");
    }
}

#[test]
fn zones_count_in_winter_and_summer() {
    let berlin = |kind| with(window(kind, "0 9 * * *", "1h"), "timeZone", json!("Europe/Berlin"));
    for (now, open) in [
        ("2026-01-15T08:30:00Z", true),
        ("2026-01-15T07:30:00Z", false),
        ("2026-07-15T07:30:00Z", true),
        ("2026-07-15T08:30:00Z", false),
    ] {
        assert_eq!(state(json!([berlin("deny")]), now).windows[0].is_open, open, "{now}");
    }
    let in_front = json!([window("deny", "CRON_TZ=Europe/Berlin 0 9 * * *", "1h")]);
    assert!(!state(in_front, "2026-07-15T07:30:00Z").automatic);
}

#[test]
fn the_next_change_is_told() {
    for (windows, now, changes) in [
        (json!([window("deny", "0 22 * * *", "1h")]), NOON, Some("2026-11-26T22:00:00Z")),
        (json!([window("deny", "0 22 * * *", "1h")]), "2026-11-26T22:10:00Z", Some("2026-11-26T23:00:00Z")),
        (json!([window("allow", "0 22 * * *", "1h")]), NOON, Some("2026-11-26T22:00:00Z")),
        // It opens while it is open.
        (json!([window("deny", "*/10 9-11 * * *", "30m")]), "2026-11-26T09:05:00Z", Some("2026-11-26T12:20:00Z")),
        // Open without end, and nothing to change.
        (json!([window("deny", "* * * * *", "24h")]), NOON, None),
        (json!([]), NOON, None),
        // What opens changes nothing while another is open.
        (
            json!([window("deny", "0 10 * * *", "8h"), window("deny", "0 13 * * *", "1h")]),
            NOON,
            Some("2026-11-26T18:00:00Z"),
        ),
        // The clocks go forward at 01:00 UTC: 02:30 is not on the wall, and the window is open at 03:00, 01:00 UTC.
        (
            json!([with(window("deny", "30 2 * * *", "1h"), "timeZone", json!("Europe/Berlin"))]),
            "2026-03-29T00:30:00Z",
            Some("2026-03-29T01:00:00Z"),
        ),
        // They go back at 01:00 UTC: 02:30 to 03:00 is on the wall twice.
        (
            json!([with(window("deny", "30 2 * * *", "1h"), "timeZone", json!("Europe/Berlin"))]),
            "2026-10-25T00:40:00Z",
            Some("2026-10-25T01:00:00Z"),
        ),
    ] {
        let state = state(windows.clone(), now);
        assert_eq!(state.changes, changes.map(at), "{windows} at {now}");
        if let Some(changes) = state.changes {
            let then = self::state(windows.clone(), &changes.to_string());
            assert_ne!((then.automatic, then.manual), (state.automatic, state.manual), "{windows} at {now}");
        }
    }
}

#[test]
fn a_sync_that_runs_may_go_on_where_every_window_says_so() {
    let overrun = |window| with(window, "syncOverrun", json!(true));
    let deny = || window("deny", "0 12 * * *", "1h");
    let allow = || window("allow", "0 10 * * *", "2h");
    let (before, after) = ("2026-11-26T11:30:00Z", "2026-11-26T12:30:00Z");
    for (windows, began, goes_on) in [
        (json!([deny()]), before, false),
        (json!([overrun(deny())]), before, true),
        (json!([overrun(deny())]), "2026-11-26T12:10:00Z", false),
        (json!([overrun(deny()), deny()]), before, false),
        (json!([allow()]), before, false),
        (json!([overrun(allow())]), before, true),
        (json!([overrun(allow())]), "2026-11-26T09:00:00Z", false),
        (json!([overrun(allow()), window("allow", "0 1 * * *", "1h")]), before, false),
        (json!([overrun(allow()), deny()]), before, false),
        (json!([]), before, true),
    ] {
        let windows_of = project(json!({"syncWindows": windows})).windows;
        let answer = windows_of.lets_run(&shop(), at(after), at(began), Initiator::Automatic);
        assert_eq!(answer, goes_on, "{windows} since {began}");
    }
    let for_people = with(deny(), "manualSync", json!(true));
    let windows = project(json!({"syncWindows": [for_people]})).windows;
    assert!(windows.lets_run(&shop(), at(after), at(before), Initiator::Manual));
    assert!(!windows.lets_run(&shop(), at(after), at(before), Initiator::Automatic));
}

#[test]
fn a_window_that_cannot_be_read_forbids_syncs_of_its_own_applications() {
    for (field, value, why) in [
        ("kind", "maybe", "`allow` or `deny`"),
        ("schedule", "@daily", "0 0 * * *"),
        ("duration", "1d", "1h30m"),
        ("duration", "-1h", "1h30m"),
        ("timeZone", "Europe/Atlantis", "Europe/Berlin"),
    ] {
        let broken = with(with(window("allow", "* * * * *", "1h"), "manualSync", json!(true)), field, json!(value));
        let state = state(json!([broken]), NOON);
        assert_eq!((state.automatic, state.manual, state.changes), (false, false, None), "{field}");
        let told = state.reason().expect("a reason");
        assert!(told.starts_with("spec.syncWindows[0]: ") && told.contains(why), "{told}");
        let windows = project(json!({"syncWindows": [broken]})).windows;
        assert!(!windows.lets_run(&shop(), at(NOON), at(NOON), Initiator::Manual));
        let other = with(broken, "applications", json!(["other"]));
        assert!(self::state(json!([other]), NOON).automatic);
    }
    let twice = with(window("deny", "TZ=Europe/Berlin * * * * *", "1h"), "timeZone", json!("Asia/Tokyo"));
    assert!(state(json!([twice]), NOON).reason().is_some_and(|told| told.contains("write it once")));
}

#[test]
fn the_reason_names_the_window_and_when_it_ends() {
    let freeze = with(window("deny", "0 10 * * *", "8h"), "description", json!("CHG-42"));
    let told = state(json!([freeze]), NOON).reason();
    assert_eq!(
        told.as_deref(),
        Some(
            "the sync window deny `0 10 * * *` for 8h, UTC (CHG-42), forbids syncs now; this changes at \
             2026-11-26T18:00:00Z"
        )
    );
    let allow = with(window("allow", "0 22 * * *", "1h"), "manualSync", json!(true));
    let told = state(json!([window("deny", "0 20 * * *", "1h"), allow]), NOON).reason().expect("a reason");
    assert!(told.contains("allow `0 22 * * *`") && told.ends_with("; people may sync"), "{told}");
}
