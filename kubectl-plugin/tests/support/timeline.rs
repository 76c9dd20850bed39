//! What happens on the server, in its own order: revisions of etcd, which no clock and no client has a say in.
//!
//! In: kinds, in a namespace or in all. Out: when objects came, became complete, and went. kubectl watches; nothing of ours is
//! asked.

use std::io::BufReader;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use super::World;

/// How long events may take to arrive here.
pub(crate) const ARRIVAL: Duration = Duration::from_secs(20);

/// An event of a watch.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// The revision that it made.
    pub(crate) revision: u64,
    /// `ADDED`, `MODIFIED` or `DELETED`.
    pub(crate) event: String,
    pub(crate) object: Json,
}

/// Watches that run.
pub(crate) struct Timeline {
    watches: Vec<(Child, JoinHandle<()>)>,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Timeline {
    /// Begins to watch kinds in the application's namespace.
    pub(crate) fn of(world: &World, kinds: &[&str]) -> Self {
        Self::within(world, kinds, &["-n", &world.name])
    }

    /// Begins to watch kinds in all namespaces, and outside of them.
    pub(crate) fn across(world: &World, kinds: &[&str]) -> Self {
        Self::within(world, kinds, &["--all-namespaces"])
    }

    fn within(world: &World, kinds: &[&str], scope: &[&str]) -> Self {
        let mut timeline = Self { watches: Vec::new(), told: Arc::default() };
        for kind in kinds {
            timeline.watch(world, &[&["get", kind, "--watch-only"], scope].concat());
        }
        timeline.wait_until_open(world, kinds);
        timeline
    }

    /// Watches one kind more in all namespaces, beginning with what is there already. The version of an object that nobody
    /// changed is the revision that made it.
    pub(crate) fn also(&mut self, world: &World, kind: &str) {
        self.watch(world, &["get", kind, "--watch", "--all-namespaces"]);
    }

    fn watch(&mut self, world: &World, arguments: &[&str]) {
        let arguments = [arguments, &["--output-watch-events", "-o", "json"]].concat();
        let mut child = world.kubectl_command(&arguments).stdout(Stdio::piped()).spawn().expect("kubectl starts");
        let stdout = child.stdout.take().expect("a pipe");
        let (told, (opened, open)) = (Arc::clone(&self.told), mpsc::channel());
        let reader = std::thread::spawn(move || {
            let _ = opened.send(());
            let stream = serde_json::Deserializer::from_reader(BufReader::new(stdout)).into_iter::<Json>();
            for event in stream.map_while(Result::ok) {
                told.lock().expect("no panic").push(Told::new(event));
            }
        });
        let _ = open.recv();
        self.watches.push((child, reader));
    }

    /// A watch is open when it tells of an object that was made after it was asked for.
    fn wait_until_open(&self, world: &World, kinds: &[&str]) {
        for (index, kind) in kinds.iter().enumerate() {
            let deadline = Instant::now() + ARRIVAL;
            let name = format!("p{index}-{}", world.name);
            while !self.events().iter().any(|event| event.contains(&name)) {
                assert!(Instant::now() < deadline, "the watch of {kind} does not open");
                world.make_probe(kind, &name);
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        std::thread::sleep(Duration::from_millis(300));
        self.told.lock().expect("no panic").clear();
    }

    /// All that was told so far of what happened after a revision, in the server's order.
    pub(crate) fn since(&self, revision: u64) -> Vec<Told> {
        let mut told = self.told.lock().expect("no panic").clone();
        told.retain(|told| told.revision > revision);
        told.sort_by_key(|told| told.revision);
        told
    }

    /// What happened so far, in the server's order: `+ Job migrate`, `✓ Job migrate`, `- Job migrate`.
    pub(crate) fn events(&self) -> Vec<String> {
        let told = self.told.lock().expect("no panic").clone();
        let mut events: Vec<(u64, String)> = told.iter().map(|told| (told.revision, told.shown())).collect();
        events.sort();
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

impl Told {
    fn new(event: Json) -> Self {
        let object = event["object"].clone();
        let revision = object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok());
        let event = event["type"].as_str().unwrap_or_default().to_owned();
        Self { revision: revision.unwrap_or_default(), event, object }
    }

    /// What is new with it in a line; nothing where it tells nothing new.
    fn shown(&self) -> String {
        let object = &self.object;
        let (kind, name) = (object["kind"].as_str(), object["metadata"]["name"].as_str());
        let name = format!("{} {}", kind.unwrap_or_default(), name.unwrap_or_default());
        let conditions = object["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let holds = |kind: &str| conditions.iter().any(|one| one["type"] == kind && one["status"] == "True");
        let is_done =
            holds("Complete") || holds("Failed") || holds("Available") || object["status"]["phase"] == "Succeeded";
        let sign = match self.event.as_str() {
            "ADDED" => "+",
            "DELETED" => "-",
            _ if is_done => "✓",
            _ => return String::new(),
        };
        format!("{sign} {name}")
    }
}
