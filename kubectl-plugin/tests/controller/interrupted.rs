//! A replica is lost in the middle of a sync: it dies, its network is cut, or it freezes; and comes back later. The other
//! replicas have more to do meanwhile. The record never forks, no sync is lost, and what arrives late is put right.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_testdata::servers::Relay;
use serde_json::Value as Json;

use crate::support::{config_map, corpus, deployment};
use crate::world::Ground;

/// The Application whose sync is interrupted; it has so many objects.
const LARGE: &str = "large";
const OBJECTS: usize = 60;
/// The others.
const SMALL: usize = 8;

/// What becomes of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Killed,
    Cut,
    Frozen,
}

/// A replica, and its own way to the API server.
struct Member {
    process: u32,
    relay: Relay,
}

fn small(index: usize) -> String {
    format!("small-{index}")
}

/// All manifests, with this value in each. The Deployment's Pods take five seconds, and the ConfigMaps wait for them.
fn write(ground: &Ground, value: &str) {
    let labels = format!(", testdata.kubectl-gitops/start: slow, value: \"{value}\"");
    ground.world.write("large/deployment.yaml", &deployment(LARGE, "registry.invalid/app", "large-0", &labels));
    for index in 0..OBJECTS {
        let name = format!("large-{index}");
        let text = config_map(&name, value);
        let wave = "metadata:\n  annotations: {argocd.argoproj.io/sync-wave: \"1\"}\n";
        ground.world.write(&format!("large/{name}.yaml"), &text.replacen("metadata:\n", wave, 1));
    }
    write_small(ground, value);
}

fn write_small(ground: &Ground, value: &str) {
    for index in 0..SMALL {
        ground.world.write(&format!("{}/config.yaml", small(index)), &config_map(&small(index), value));
    }
}

/// A replica whose way to the API server can be cut.
fn member(ground: &mut Ground, number: usize) -> Member {
    let kubeconfig = std::fs::read_to_string(&ground.world.kubeconfig).expect("a kubeconfig");
    let address = kubeconfig.split("https://127.0.0.1:").nth(1).expect("an address");
    let digits: String = address.chars().take_while(char::is_ascii_digit).collect();
    let relay = Relay::to(digits.parse().expect("a port")).expect("a way");
    let of = |port: &str| format!("https://127.0.0.1:{port}");
    let kubeconfig = kubeconfig.replace(&of(&digits), &of(&relay.port().to_string()));
    let path: PathBuf = ground.world.home.path().join(format!("member-{number}.kubeconfig"));
    std::fs::write(&path, kubeconfig).expect("written");
    let own = ground.world.name.clone();
    let flags = ["--polling", "1", "--sharding", "--request-timeout", "4"];
    let process = ground.launch(&own, &flags, |command| {
        command.env("KUBECONFIG", &path);
    });
    Member { process, relay }
}

/// The head of the large one's record.
fn head(ground: &Ground) -> Json {
    let secret = ground.world.get("secrets", &format!("kubectl-gitops.{LARGE}"));
    let encoded = secret["data"]["record"].as_str().unwrap_or_default();
    let decoded = BASE64_STANDARD.decode(encoded).expect("a head");
    serde_json::from_slice(&decoded).unwrap_or_default()
}

/// Who is at the large one, while its ConfigMaps wait.
fn in_the_middle(ground: &Ground, value: &str) -> Option<u32> {
    let head = head(ground);
    let process = head["lock"]["holder"]["process"]["pid"].as_u64()?;
    let deployment = ground.world.get("deployments", LARGE);
    let begun = deployment["spec"]["template"]["metadata"]["labels"]["value"] == value;
    let waits = ground.value("large-0").is_none_or(|there| there != value);
    (begun && waits && head["pending"].is_object()).then(|| u32::try_from(process).expect("a process"))
}

/// Waits until everything is as it was committed.
fn until_all_are(ground: &Ground, what: &str, commit: &str, large: &str, value: &str) {
    ground.until_long(what, |ground| {
        let is_synced = |name: &str| {
            let status = ground.status_of(name);
            status["sync"]["status"] == "Synced" && status["sync"]["revision"] == commit
        };
        is_synced(LARGE) && (0..SMALL).all(|index| is_synced(&small(index))) && is_as(ground, large, value)
    });
}

fn is_as(ground: &Ground, large: &str, value: &str) -> bool {
    let listed = ground.world.kubectl(&["get", "configmaps", "-n", &ground.world.name, "-o", "json"]);
    let listed: Json = serde_json::from_str(&listed).expect("JSON");
    let of = |prefix: &str, value: &str| {
        let items = listed["items"].as_array().into_iter().flatten();
        let named = items.filter(|item| item["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(prefix)));
        named.filter(|item| item["data"]["value"] == value).count()
    };
    (of("large-", large), of("small-", value)) == (OBJECTS, SMALL)
}

/// Numbers of the releases of one, oldest first.
fn releases(ground: &Ground, name: &str) -> Vec<u64> {
    let history = ground.status_of(name)["history"].as_array().cloned().unwrap_or_default();
    history.iter().filter_map(|entry| entry["id"].as_u64()).collect()
}

fn interrupted(replicas: usize, loss: Loss) {
    let mut ground = Ground::new(&format!("ctl-{replicas}-{}", format!("{loss:?}").to_lowercase()));
    write(&ground, "1");
    let commit = ground.push();
    let members: Vec<Member> = (0..replicas).map(|number| member(&mut ground, number)).collect();
    ground.create(&ground.another(LARGE));
    (0..SMALL).for_each(|index| ground.create(&ground.another(&small(index))));
    until_all_are(&ground, "the first sync", &commit, "1", "1");

    write(&ground, "2");
    ground.push();
    let mut who = None;
    ground.until("it is in the middle of the sync", |ground| {
        who = in_the_middle(ground, "2");
        who.is_some()
    });
    let member = members.iter().find(|member| who == Some(member.process)).expect("one of the replicas");
    let since = Instant::now();
    match loss {
        Loss::Killed => ground.kill_process(member.process),
        Loss::Cut => member.relay.cut(),
        Loss::Frozen => ground.freeze_process(member.process, true),
    }
    // There is more to do meanwhile.
    write_small(&ground, "3");
    let commit = ground.push();
    until_all_are(&ground, "the others take over", &commit, "2", "3");
    let taken_over = since.elapsed();
    let least = if corpus::is_long() { Duration::from_mins(1) } else { Duration::from_secs(15) };
    std::thread::sleep(least.saturating_sub(taken_over));
    match loss {
        Loss::Killed => {}
        Loss::Cut => member.relay.mend(),
        Loss::Frozen => ground.freeze_process(member.process, false),
    }
    // What waited arrives now; nothing of it stays.
    std::thread::sleep(Duration::from_secs(2));
    until_all_are(&ground, "who was lost is back", &commit, "2", "3");
    write(&ground, "4");
    let commit = ground.push();
    until_all_are(&ground, "the next commit", &commit, "4", "4");
    ground.stays("nobody brings back what was", Duration::from_secs(3), |ground| is_as(ground, "4", "4"));

    for name in (0..SMALL).map(small).chain([LARGE.to_owned()]) {
        let numbers = releases(&ground, &name);
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        assert!(distinct.len() == numbers.len() && numbers.is_sorted(), "{name}: {numbers:?}");
        // Values 1 and 4, and each that had to be Synced between them: 2 of the large one, 3 of the others.
        assert!(numbers.len() >= 3, "{name}: a sync was lost: {numbers:?}");
    }
    assert!(head(&ground)["pending"].is_null(), "{}", head(&ground));
    let seconds = taken_over.as_secs_f64();
    corpus::say(&format!("{replicas} replicas, one {loss:?}: all is Synced again after {seconds:.1} s"));
}

/// Of so many replicas every day; of two and of three where there is time.
fn of(everyday: usize, loss: Loss) {
    for replicas in if corpus::is_long() { vec![2, 3] } else { vec![everyday] } {
        interrupted(replicas, loss);
    }
}

#[test]
fn one_dies() {
    of(2, Loss::Killed);
}

#[test]
fn one_loses_its_network() {
    of(2, Loss::Cut);
}

#[test]
fn one_freezes() {
    of(3, Loss::Frozen);
}
