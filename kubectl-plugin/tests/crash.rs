//! Killing `apply` at random moments, then applying the same, the prior or a third revision, killed once more on the
//! way, or rolling back: it converges each time, nothing is left over, and the history is true. Also two runs at once.
//!
//! A moment is a time, or a number of lines that the run has told: the first kind also hits what is told to nobody, the
//! second lies in the middle of a run however fast the machine is. Both come from a seed that is printed.
//! `GITOPS_LONG=1` runs twenty rounds over the 1,001-object set; else a few over a small one.

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use gitops_testdata::random::SplitMix64;
use gitops_testdata::services::services_with;
use support::{World, config_map};

const KINDS: &str = "serviceaccounts,configmaps,secrets,services,deployments.apps,roles.rbac.authorization.k8s.io,\
    rolebindings.rbac.authorization.k8s.io,networkpolicies.networking.k8s.io,poddisruptionbudgets.policy,\
    horizontalpodautoscalers.autoscaling";

/// So many rounds are enough for any machine to be hit in the middle of a run.
const MOST_ROUNDS: u32 = 40;

/// When a run is killed.
#[derive(Debug)]
enum Moment {
    Milliseconds(u64),
    Lines(u64),
}

/// Revision `number` of the application: another value in every ConfigMap, another number of services.
fn write_revision(world: &World, services: usize, number: u32) {
    let _ = std::fs::remove_dir_all(world.repository.path().join("deploy"));
    let count = services - number as usize % 3;
    for (path, contents) in services_with(count, &world.name, |_| number) {
        world.write(&format!("deploy/{path}"), &contents);
    }
}

fn arguments() -> [&'static str; 5] {
    ["--path", "deploy", "--recursive", "--timeout", "120"]
}

/// Everything with our label is in the record and the other way round; the record is at rest.
fn assert_settled(world: &World, told: &str) {
    let head = world.head();
    assert!(head["lock"].is_null() && head["pending"].is_null(), "unsettled: {head}\n{told}");
    let shown = world.run(&["compile", "--path", "deploy", "--recursive", "-o", "json"]);
    let compiled: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let wanted: BTreeSet<String> = compiled["resources"]
        .as_array()
        .expect("resources")
        .iter()
        .filter_map(|resource| resource["resource"].as_str())
        .filter(|key| !key.contains("/Namespace/"))
        .map(|key| {
            let parts: Vec<&str> = key.split('/').collect();
            format!("{}/{}", parts[1].to_lowercase(), parts[3])
        })
        .collect();
    let owned: BTreeSet<String> = world
        .owned(KINDS)
        .into_iter()
        .map(|name| {
            let (kind, name) = name.split_once('/').expect("kind/name");
            format!("{}/{name}", kind.split('.').next().unwrap_or_default())
        })
        .collect();
    assert_eq!(owned, wanted, "{told}");
    let status = world.run(&["status", &world.name]);
    assert!(status.stdout.contains("Synced"), "{}", status.told());
}

#[test]
fn killed_at_random_moments_it_converges_on_whatever_is_wanted_next() {
    let long = std::env::var_os("GITOPS_LONG").is_some();
    let (services, kills) = if long { (100, 20) } else { (40, 8) };
    let seed = 20_261_123;
    let mut random = SplitMix64::new(seed);
    let world = World::new("crash");
    write_revision(&world, services, 0);
    // The very first apply dies, too, when about half of the objects are there.
    kill_at(&world, &Moment::Lines(services as u64 * 15));
    let first = world.apply(&arguments());
    assert_eq!(first.code, 0, "{}", first.told());
    assert_settled(&world, &first.told());
    // As long as a change takes is as long as there is something to kill.
    write_revision(&world, services, 1000);
    let started = Instant::now();
    let changed = world.apply(&arguments());
    assert_eq!(changed.code, 0, "{}", changed.told());
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let lines = changed.stderr.lines().count() as u64;
    let mut moment = |by_time: bool| {
        let limit = if by_time { milliseconds } else { lines };
        let at = random.number() % limit.max(1);
        if by_time { Moment::Milliseconds(at) } else { Moment::Lines(at) }
    };
    let mut applied = 1000;
    let mut interrupted = BTreeSet::new();
    let (mut kill, mut sent) = (0, 0);
    // On a fast machine most moments lie outside of the run: go on until one was hit.
    while kill < kills || (interrupted.is_empty() && kill < MOST_ROUNDS) {
        let (tried, prior) = (kill * 2 + 1, applied);
        write_revision(&world, services, tried);
        let first_kill = moment(kill % 2 == 0);
        let before = last_release(&world);
        kill_at(&world, &first_kill);
        // The same, the prior, and a third revision in turn, killed once more on the way; or a rollback.
        let began = has_begun(&world, before.as_ref());
        let wanted = match kill % 4 {
            0 => tried,
            1 => prior,
            2 => tried + 1,
            _ if began => prior,
            _ => tried,
        };
        write_revision(&world, services, wanted);
        let second_kill = moment(kill % 8 < 4);
        let ended = if kill % 4 == 3 && began {
            world.run(&["rollback", &world.name, "--yes", "--timeout", "120"])
        } else {
            kill_at(&world, &second_kill);
            sent += 1;
            world.apply(&arguments())
        };
        let told = format!(
            "kill {kill} of seed {seed}: revision {tried} killed at {first_kill:?}, then {wanted} at {second_kill:?}\n{}",
            ended.told()
        );
        assert_eq!(ended.code, 0, "{told}");
        assert_settled(&world, &told);
        applied = wanted;
        (kill, sent) = (kill + 1, sent + 1);
        interrupted.extend(interrupted_releases(&world));
    }
    let outcomes = world.outcomes();
    assert!(!interrupted.is_empty(), "no kill hit a run in the middle: the test proves nothing");
    let died = interrupted.len();
    let told =
        format!("{kill} rounds, {sent} kills, seed {seed}; {died} runs died in the middle, each in the history\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes());
    assert_eq!(outcomes.last().map(String::as_str), Some("succeeded"));
    let cleaned = world.run(&["delete", &world.name, "--yes", "--allow-delete=Namespace"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.told());
}

fn last_release(world: &World) -> Option<serde_json::Value> {
    world.head()["releases"].as_array()?.last().map(|release| release["number"].clone())
}

/// The numbers of the releases that died in the middle, as far back as the history goes.
fn interrupted_releases(world: &World) -> BTreeSet<u64> {
    let head = world.head();
    let releases = head["releases"].as_array().into_iter().flatten();
    let interrupted = releases.filter(|release| release["outcome"]["type"] == "interrupted");
    interrupted.filter_map(|release| release["number"].as_u64()).collect()
}

/// Whether a run has got so far that the record names it: only then is there something to roll back.
fn has_begun(world: &World, before: Option<&serde_json::Value>) -> bool {
    !world.head()["pending"].is_null() || last_release(world).as_ref() != before
}

fn kill_at(world: &World, moment: &Moment) {
    let stderr = if matches!(moment, Moment::Lines(_)) { Stdio::piped() } else { Stdio::null() };
    let mut child = world.start_apply(&arguments(), stderr);
    let mut told = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    match moment {
        Moment::Milliseconds(milliseconds) => std::thread::sleep(Duration::from_millis(*milliseconds)),
        Moment::Lines(lines) => {
            let lines = usize::try_from(*lines).expect("few lines");
            let _ = told.iter_mut().flatten().take(lines).count();
        }
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn of_two_runs_at_once_one_waits_or_is_refused() {
    let world = World::new("two");
    for index in 0..40 {
        world.write(&format!("{index}.yaml"), &config_map(&format!("c{index}"), "1"));
    }
    assert_eq!(world.apply(&[]).code, 0);
    for index in 0..40 {
        world.write(&format!("{index}.yaml"), &config_map(&format!("c{index}"), "2"));
    }
    let mut other = world.start_apply(&[], Stdio::null());
    let ours = world.apply(&[]);
    let theirs = other.wait().expect("it ends").code();
    for code in [Some(ours.code), theirs] {
        assert!(matches!(code, Some(0 | 4)), "{code:?} {}", ours.told());
    }
    assert!(ours.code == 0 || theirs == Some(0), "one of them goes through: {}", ours.told());
    let numbers: Vec<u64> = world.head()["releases"]
        .as_array()
        .expect("releases")
        .iter()
        .filter_map(|release| release["number"].as_u64())
        .collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "the record never forks: {numbers:?}");
    let settled = world.apply(&[]);
    assert_eq!(settled.code, 0, "{}", settled.told());
    assert_eq!(world.get("configmap", "c7")["data"]["value"], "2");
}
