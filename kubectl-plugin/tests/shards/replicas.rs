//! The processes of a test, and what they say.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::member::NAMESPACE;
use crate::support::World;
use crate::{APPLICATIONS, applications};

/// How long to wait for what must come; a busy machine takes its time.
const PATIENCE: Duration = Duration::from_mins(2);

/// What one owned at all times between two instants.
#[derive(Debug, Clone)]
struct Run {
    from: u64,
    to: u64,
    owned: Vec<String>,
}

struct Replica {
    process: Child,
    runs: Arc<Mutex<Vec<Run>>>,
}

pub(crate) struct Replicas {
    kubeconfig: PathBuf,
    namespace: String,
    all: Vec<Replica>,
}

impl Replicas {
    pub(crate) fn new(world: &World) -> Self {
        Self::at(&world.kubeconfig, &world.name)
    }

    pub(crate) fn at(kubeconfig: &Path, namespace: &str) -> Self {
        Self { kubeconfig: kubeconfig.to_owned(), namespace: namespace.to_owned(), all: Vec::new() }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.env_clear().env("KUBECONFIG", &self.kubeconfig).env(NAMESPACE, &self.namespace);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    /// Starts one that cannot become a member; returns what it says.
    pub(crate) fn start_in_vain(&self) -> String {
        let ended = self.command().stderr(Stdio::piped()).output().expect("it starts");
        assert!(!ended.status.success());
        String::from_utf8_lossy(&ended.stderr).into_owned()
    }

    /// Starts one more; returns its number.
    pub(crate) fn start(&mut self) -> usize {
        let mut process = self.command().spawn().expect("it starts");
        let (output, runs) = (process.stdout.take().expect("a pipe"), Arc::new(Mutex::new(Vec::<Run>::new())));
        let said = Arc::clone(&runs);
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut words = line.split(' ').filter(|word| !word.is_empty());
                let mut time = || words.next().and_then(|word| word.parse().ok());
                // A line that was torn when its process was killed.
                let (Some(from), Some(to)) = (time(), time()) else { continue };
                let run = Run { from, to, owned: words.map(str::to_owned).collect() };
                let mut said = said.lock().expect("unpoisoned");
                match said.last_mut() {
                    Some(last) if last.from == from => *last = run,
                    _ => said.push(run),
                }
            }
        });
        self.all.push(Replica { process, runs });
        self.all.len() - 1
    }

    pub(crate) fn kill(&mut self, number: usize) {
        self.all[number].process.kill().expect("it runs");
        self.all[number].process.wait().expect("it ended");
    }

    pub(crate) fn stop(&self, number: usize) {
        self.signal(number, Signal::STOP);
    }

    pub(crate) fn go_on(&self, number: usize) {
        self.signal(number, Signal::CONT);
    }

    fn signal(&self, number: usize, signal: Signal) {
        let id = Pid::from_raw(self.all[number].process.id().cast_signed()).expect("an id");
        kill_process(id, signal).expect("it runs");
    }

    /// Ends one well.
    pub(crate) fn leave(&mut self, number: usize) {
        drop(self.all[number].process.stdin.take());
        assert!(self.all[number].process.wait().expect("it ended").success());
    }

    /// Waits until these own something each, and everything together, by what they said since now.
    pub(crate) fn wait_until_shared(&self, numbers: &[usize]) {
        let begun = Instant::now();
        loop {
            let owned: Vec<usize> = numbers.iter().map(|number| self.owned_last(*number).len()).collect();
            let mut all: Vec<String> = numbers.iter().flat_map(|number| self.owned_last(*number)).collect();
            all.sort();
            all.dedup();
            if owned.iter().all(|owned| *owned > 0)
                && owned.iter().sum::<usize>() == APPLICATIONS
                && all.len() == APPLICATIONS
            {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{numbers:?} own {owned:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn owned_last(&self, number: usize) -> Vec<String> {
        let runs = self.all[number].runs.lock().expect("unpoisoned");
        runs.last().map(|run| run.owned.clone()).unwrap_or_default()
    }

    /// No two owned the same at one instant.
    pub(crate) fn check_that_nothing_had_two_owners(&self) {
        let all: Vec<Vec<Run>> = self.all.iter().map(|one| one.runs.lock().expect("unpoisoned").clone()).collect();
        for application in applications() {
            let of = |runs: &[Run]| {
                let owning = runs.iter().filter(|run| run.owned.contains(&application));
                owning.map(|run| (run.from, run.to)).collect::<Vec<_>>()
            };
            let mut times: Vec<(u64, u64)> = all.iter().flat_map(|runs| of(runs)).collect();
            times.sort_unstable();
            assert!(times.len() >= 2, "one of the first three, and the last: {application} {times:?}");
            assert!(times.windows(2).all(|pair| pair[0].1 < pair[1].0), "{application} had two owners: {times:?}");
        }
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        for replica in &mut self.all {
            // It fails for what has ended.
            let _ = replica.process.kill();
            let _ = replica.process.wait();
        }
    }
}
