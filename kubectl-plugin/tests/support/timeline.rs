//! What happens on the server, in its own order: revisions of etcd, which no clock and no client has a say in.
//!
//! In: a namespace and kinds. Out: when objects came, became complete, and went. kubectl watches; nothing of ours is asked.

use std::io::BufReader;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::World;

/// How long events may take to arrive here.
const ARRIVAL: Duration = Duration::from_secs(20);

/// Watches that run.
pub(crate) struct Timeline {
    watches: Vec<(Child, JoinHandle<()>)>,
    /// Revision, what, name.
    events: Arc<Mutex<Vec<(u64, String)>>>,
}

impl Timeline {
    /// Begins to watch kinds in the application's namespace.
    pub(crate) fn of(world: &World, kinds: &[&str]) -> Self {
        let events = Arc::<Mutex<Vec<(u64, String)>>>::default();
        let watch = |kind: &&str| {
            let arguments = ["get", kind, "-n", &world.name, "--watch-only", "--output-watch-events", "-o", "json"];
            let mut child = world.kubectl_command(&arguments).stdout(Stdio::piped()).spawn().expect("kubectl starts");
            let stdout = child.stdout.take().expect("a pipe");
            let (events, (opened, open)) = (Arc::clone(&events), mpsc::channel());
            let reader = std::thread::spawn(move || {
                let _ = opened.send(());
                let stream = serde_json::Deserializer::from_reader(BufReader::new(stdout)).into_iter::<Json>();
                for event in stream.map_while(Result::ok) {
                    events.lock().expect("no panic").push(told(&event));
                }
            });
            let _ = open.recv();
            (child, reader)
        };
        let watches = kinds.iter().map(watch).collect();
        let timeline = Self { watches, events };
        timeline.wait_until_open(world, kinds);
        timeline
    }

    /// A watch is open when it tells of an object that was made after it was asked for.
    fn wait_until_open(&self, world: &World, kinds: &[&str]) {
        for kind in kinds {
            let deadline = Instant::now() + ARRIVAL;
            let name = format!("probe-{kind}");
            while !self.events().iter().any(|event| event.ends_with(&name)) {
                assert!(Instant::now() < deadline, "the watch of {kind} does not open");
                world.make_probe(kind, &name);
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        self.events.lock().expect("no panic").clear();
    }

    /// What happened so far, in the server's order: `+ Job migrate`, `✓ Job migrate`, `- Job migrate`.
    pub(crate) fn events(&self) -> Vec<String> {
        let mut events = self.events.lock().expect("no panic").clone();
        events.sort();
        events.dedup_by(|left, right| left.1 == right.1);
        let mut seen = std::collections::BTreeSet::new();
        events
            .into_iter()
            .map(|(_, event)| event)
            .filter(|event| !event.is_empty() && seen.insert(event.clone()))
            .collect()
    }

    /// The same, once the last of `expected` has arrived.
    pub(crate) fn events_until(&self, expected: &str) -> Vec<String> {
        let deadline = Instant::now() + ARRIVAL;
        while Instant::now() < deadline && !self.events().iter().any(|event| event == expected) {
            std::thread::sleep(Duration::from_millis(100));
        }
        self.events()
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        for (mut child, reader) in self.watches.drain(..) {
            let _ = child.kill();
            let _ = child.wait();
            let _ = reader.join();
        }
    }
}

/// An event of a watch: its revision and what it tells; nothing where it tells nothing new.
fn told(event: &Json) -> (u64, String) {
    let object = &event["object"];
    let revision = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
    let name = format!(
        "{} {}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    );
    let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let holds = |kind: &str| conditions.iter().any(|one| one["type"] == kind && one["status"] == "True");
    let is_done =
        holds("Complete") || holds("Failed") || holds("Available") || object["status"]["phase"] == "Succeeded";
    let sign = match event["type"].as_str() {
        Some("ADDED") => "+",
        Some("DELETED") => "-",
        _ if is_done => "✓",
        _ => return (revision.unwrap_or_default(), String::new()),
    };
    (revision.unwrap_or_default(), format!("{sign} {name}"))
}
