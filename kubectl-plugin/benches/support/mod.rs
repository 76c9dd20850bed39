//! Measuring whole processes against a real cluster.
//!
//! In: commands. Out: seconds, requests and peak memory of each. What can be done again is done several times, and the median
//! counts; before each run the machine comes to rest, since the controllers of a cluster work on long after an apply has
//! ended.

#![allow(dead_code, reason = "each benchmark uses a part of this")]

pub(crate) mod bound;

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How often a run is repeated that can be.
const REPETITIONS: usize = 5;

/// What an idle control plane may take in a second, in hundredths of a core.
const IDLE_TICKS: u64 = 30;

/// What a run took.
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// As it tells itself; none where it does not.
    pub(crate) requests: Option<u64>,
    /// The most memory that the process held, in MiB.
    pub(crate) peak: u64,
}

impl Measured {
    /// One line of a table, with how many times `bound` seconds it took.
    pub(crate) fn report(&self, what: &str, bound: f64) {
        let Self { seconds, requests, peak } = self;
        let requests = requests.map_or_else(String::new, |requests| format!("{requests} requests"));
        report(&format!("{what:44} {seconds:8.2} s {:7.2} x the bound  {requests:>16}  {peak:5} MiB", seconds / bound));
    }
}

pub(crate) fn report(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The median of several runs, each after `prepare`.
pub(crate) fn median(mut command: impl FnMut() -> Command, mut prepare: impl FnMut()) -> Measured {
    let mut runs: Vec<Measured> = (0..REPETITIONS)
        .map(|_| {
            prepare();
            measure(command())
        })
        .collect();
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    runs.swap_remove(REPETITIONS / 2)
}

/// One run, once the machine is at rest.
pub(crate) fn measure(mut command: Command) -> Measured {
    come_to_rest();
    let output = || tempfile::tempfile().expect("a file");
    let (mut stdout, mut stderr) = (output(), output());
    let write = |file: &File| Stdio::from(file.try_clone().expect("the same file"));
    command.stdin(Stdio::null()).stdout(write(&stdout)).stderr(write(&stderr));
    let started = Instant::now();
    let mut child = command.spawn().expect("the program starts");
    let mut peak = 0;
    while child.try_wait().expect("it ends").is_none() {
        peak = peak.max(memory(child.id()));
        std::thread::sleep(Duration::from_millis(2));
    }
    let status = child.wait().expect("it has ended");
    let seconds = started.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}: {}", read(&mut stderr));
    let said = read(&mut stdout);
    let words: Vec<&str> = said.split_whitespace().collect();
    let position = words.iter().position(|word| word.starts_with("requests"));
    let requests = position.and_then(|position| words[position - 1].parse().ok());
    Measured { seconds, requests, peak: peak / 1024 }
}

fn read(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).expect("it can be read");
    text
}

/// The most memory that a process has held, in KiB: `VmHWM`.
fn memory(process: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Waits until the machine is idle for a second but for the control plane, half a minute at the most.
pub(crate) fn come_to_rest() {
    let busy_ticks = || {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq
        ticks.iter().take(3).sum::<u64>() + ticks.iter().skip(5).take(2).sum::<u64>()
    };
    for _ in 0..30 {
        let before = busy_ticks();
        std::thread::sleep(Duration::from_secs(1));
        if busy_ticks() - before <= IDLE_TICKS {
            return;
        }
    }
}

/// The plugin, with nothing of this machine's user.
pub(crate) fn plugin(arguments: &[&str], kubeconfig: &Path, home: &Path, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
    command.env_clear().env("HOME", home).env("KUBECONFIG", kubeconfig).current_dir(folder).args(arguments);
    command
}
