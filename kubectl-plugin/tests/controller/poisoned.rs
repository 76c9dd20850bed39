//! Redis is killed, emptied and filled with harm while a controller syncs. Whatever somebody does who knows the password of
//! Redis but not our key: what is applied is what was committed, and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gitops_testdata::random::SplitMix64;
use redis::Commands as _;
use serde_json::Value as Json;

use crate::replica::{self, Replica, World as Redis};
use crate::support::{config_map, corpus};
use crate::webhooks::get;
use crate::world::Ground;

const APPLICATIONS: usize = 8;
/// How often the controller begins anew, with nothing but Redis.
const ROUNDS: usize = 4;
/// And then, with nobody who does harm: what the first of these stores, the last one finds.
const CALM_ROUNDS: usize = 2;

fn name(index: usize) -> String {
    format!("app-{index}")
}

/// What an Application's ConfigMap holds after a round: only each second one changes, so that the other half is in Redis.
fn value(index: usize, round: usize) -> String {
    let changed = if index % 2 == round % 2 { round } else { round.saturating_sub(1) };
    format!("{index}:{changed}")
}

fn write(ground: &Ground, round: usize) -> String {
    for index in 0..APPLICATIONS {
        let text = config_map(&name(index), &value(index, round));
        ground.world.write(&format!("{}/config.yaml", name(index)), &text);
    }
    ground.push()
}

/// Values of the ConfigMaps that are there.
fn seen(ground: &Ground) -> BTreeMap<String, String> {
    let listed = ground.world.kubectl(&["get", "configmaps", "-n", &ground.world.name, "-o", "json"]);
    let listed: Json = serde_json::from_str(&listed).expect("JSON");
    let items = listed["items"].as_array().into_iter().flatten();
    let text = |of: &Json| of.as_str().unwrap_or_default().to_owned();
    let all = items.map(|item| (text(&item["metadata"]["name"]), text(&item["data"]["value"])));
    all.filter(|(name, _)| name.starts_with("app-")).collect()
}

/// Somebody who does harm to a Redis.
struct Vandal {
    client: redis::Client,
    connection: redis::Connection,
    random: SplitMix64,
    /// Values that were there once: whole, and of other keys or other times.
    kept: Vec<(String, Vec<u8>)>,
    /// Whole values of another key than ours.
    foreign: Vec<(String, Vec<u8>)>,
}

impl Vandal {
    /// Does harm until it is over; says how often.
    fn harm_until(&mut self, is_over: &AtomicBool) -> usize {
        let mut acts = 0;
        while !is_over.load(Ordering::SeqCst) {
            match self.act() {
                Ok(acted) => acts += usize::from(acted),
                // Redis was away: it comes back.
                Err(_) => {
                    if let Ok(connection) = self.client.get_connection() {
                        self.connection = connection;
                    }
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
        acts
    }

    /// One act; whether it changed something.
    fn act(&mut self) -> redis::RedisResult<bool> {
        let names: Vec<String> = self.connection.keys("kubectl-gitops|*")?;
        if names.is_empty() {
            return Ok(false);
        }
        let name = &names[self.random.below(names.len())];
        let Some(mut value) = self.connection.get::<_, Option<Vec<u8>>>(name)?.filter(|value| !value.is_empty()) else {
            return Ok(false);
        };
        if self.kept.len() < 200 {
            self.kept.push((name.clone(), value.clone()));
        }
        match self.random.below(5) {
            0 => {
                let at = self.random.below(value.len());
                value[at] ^= 1 << self.random.below(8);
                let () = self.connection.set(name, value)?;
            }
            1 => {
                let other = &names[self.random.below(names.len())];
                let theirs: Option<Vec<u8>> = self.connection.get(other)?;
                let () = self.connection.set(name, theirs.unwrap_or_default())?;
                let () = self.connection.set(other, value)?;
            }
            2 => {
                // Under its own name it is true for ever; under others it is refused.
                let (of, older) = &self.kept[self.random.below(self.kept.len())];
                let target = if self.random.below(2) == 0 { of } else { name };
                let () = self.connection.set(target, older)?;
            }
            3 => {
                let (_, theirs) = &self.foreign[self.random.below(self.foreign.len())];
                let () = self.connection.set(name, theirs)?;
            }
            _ => {
                let cut = self.random.below(value.len());
                let () = self.connection.set(name, &value[..cut])?;
            }
        }
        Ok(true)
    }
}

/// Graphs and memos that are well-formed, sealed by somebody else.
fn foreign(redis: &Redis) -> Vec<(String, Vec<u8>)> {
    let stranger = Replica::with_key(&redis.settings(), [7; 32]);
    stranger.compile(&replica::application(7));
    stranger.wait_until_stored(2);
    let mut connection = redis.client();
    let names: Vec<String> = connection.keys("*").expect("it answers");
    let value = |name: String| {
        let value = connection.get(&name).expect("it answers");
        (name, value)
    };
    let found = names.into_iter().map(value).collect();
    let () = redis.client().flushdb().expect("it answers");
    found
}

/// A counter of the controller.
fn counted(address: &str, result: &str) -> u64 {
    let (_, text) = get(address, "/metrics");
    let line = format!("argocd_redis_request_total{{result=\"{result}\"}} ");
    text.lines().find_map(|it| it.strip_prefix(&line)).and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}

/// Starts a controller that has nothing but Redis.
fn start_empty(ground: &mut Ground, redis: &Redis, round: usize) -> String {
    let home: PathBuf = ground.world.home.path().join(format!("home-{round}"));
    fs::create_dir_all(&home).expect("a folder");
    let said = ground.said().lines().count();
    let (own, server) = (ground.world.name.clone(), redis.server.address());
    let password = redis.server.password().to_owned();
    let flags = ["--polling", "1", "--listen", "127.0.0.1:0", "--redis", &server];
    ground.launch(&own, &flags, |command| {
        command.env("HOME", &home).env("REDIS_PASSWORD", password);
    });
    ground.until("it has started", |ground| ground.said().lines().skip(said).any(|line| line.contains("metrics on ")));
    let said = ground.said();
    let line = said.lines().rev().find_map(|line| line.split_once("metrics on ")).expect("where it listens");
    line.1.trim().to_owned()
}

/// Ends what goes on beside, also where the test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Waits until what a round committed is there; nothing else may be there meanwhile, but what was before.
fn until_delivered(ground: &Ground, round: usize, commit: &str) {
    ground.until_long(&format!("round {round}"), |ground| {
        let there = seen(ground);
        for (name, text) in &there {
            let index: usize = name.trim_start_matches("app-").parse().expect("a number");
            let allowed = [round.saturating_sub(1), round].map(|round| value(index, round));
            assert!(allowed.contains(text), "{name} holds {text:?} in round {round}");
        }
        (0..APPLICATIONS).all(|index| {
            let status = ground.status_of(&name(index));
            let is_synced = status["sync"]["status"] == "Synced" && status["sync"]["revision"] == commit;
            is_synced && there.get(&name(index)) == Some(&value(index, round))
        })
    });
}

#[test]
fn nothing_is_applied_but_what_was_committed() {
    let mut ground = Ground::new("ctl-poisoned");
    let mut redis = Redis::new();
    let foreign = foreign(&redis);
    let mut vandal = Vandal {
        client: redis.stranger(),
        connection: redis.client(),
        random: SplitMix64::new(20_261_126),
        kept: Vec::new(),
        foreign,
    };
    let commit = write(&ground, 0);
    let rounds = if corpus::is_long() { ROUNDS * 10 } else { ROUNDS };
    let mut acts = 0;
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    let mut found = 0;
    start_empty(&mut ground, &redis, 0);
    (0..APPLICATIONS).for_each(|index| ground.create(&ground.another(&name(index))));
    until_delivered(&ground, 0, &commit);
    for round in 1..=rounds + CALM_ROUNDS {
        ground.kill();
        let address = start_empty(&mut ground, &redis, round);
        let commit = write(&ground, round);
        if round > rounds {
            until_delivered(&ground, round, &commit);
            found = counted(&address, "hit");
            continue;
        }
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let _ending = Ending(&is_over);
            let harming = scope.spawn(|| vandal.harm_until(&is_over));
            thread::sleep(Duration::from_millis(500));
            match round % 3 {
                0 => {
                    redis.server.stop();
                    thread::sleep(Duration::from_millis(500));
                    redis.server.start_again().expect("Redis starts");
                }
                1 => {
                    let () = redis.client().flushdb().expect("it answers");
                }
                _ => {}
            }
            until_delivered(&ground, round, &commit);
            is_over.store(true, Ordering::SeqCst);
            acts += harming.join().expect("it ends");
        });
        for result in ["hit", "refused", "stored", "failed"] {
            *sums.entry(result).or_default() += counted(&address, result);
        }
    }
    corpus::say(&format!("{rounds} rounds, {acts} acts of harm; the cache: {sums:?}"));
    assert!(sums["refused"] > 0, "nothing was tried: {sums:?}");
    assert!(found > 0, "what was harmed is stored again, and found: {sums:?}");
}
