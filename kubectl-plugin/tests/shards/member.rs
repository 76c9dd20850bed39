//! A replica, as a process: it is a member until its input ends, and prints what it owned, and when.
//!
//! A line is `FROM TO APPLICATION…`: it owned these at all times between two instants, by the monotonic clock that all processes
//! of a machine have in common.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kubectl_gitops::cluster::{Cluster, ConnectOptions, connect};
use kubectl_gitops::shards::{Settings, Sharding, Timing};
use rustix::time::{ClockId, clock_gettime};

use crate::{applications, say};

/// Says that a process is a replica, and in which namespace.
pub(crate) const NAMESPACE: &str = "GITOPS_TEST_MEMBER";

/// Time between two questions.
const OFTEN: Duration = Duration::from_millis(20);
/// Nothing is lost and had again in so short a time, in nanoseconds.
const SHORT: u64 = 1_000_000_000;

/// Runs as a replica where this process is one.
pub(crate) fn main() -> Option<ExitCode> {
    let namespace = std::env::var(NAMESPACE).ok()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    match runtime.expect("a runtime").block_on(run(namespace)) {
        Ok(()) => Some(ExitCode::SUCCESS),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            Some(ExitCode::FAILURE)
        }
    }
}

async fn run(namespace: String) -> Result<(), Box<dyn std::error::Error>> {
    let connection = connect(&ConnectOptions::default()).await?;
    let cluster = Cluster { connection, timeout: Duration::from_secs(10), is_patient: false };
    let timing = Timing { forget: Duration::from_secs(5), ..Timing::default() };
    let (group, holder) = ("test".to_owned(), format!("process-{}", std::process::id()));
    let sharding = Sharding::join(&cluster, Settings { namespace, group, holder, timing }).await?;
    let members = sharding.members().borrow().clone();
    let (applications, is_over) = (applications(), Arc::new(AtomicBool::new(false)));
    let over = Arc::clone(&is_over);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        over.store(true, Ordering::SeqCst);
    });
    let mut run: Option<(u64, u64, Vec<String>)> = None;
    while !is_over.load(Ordering::SeqCst) {
        let before = now();
        let owned: Vec<String> = applications.iter().filter(|application| members.owns(application)).cloned().collect();
        let after = now();
        run = match run {
            Some((from, to, same)) if same == owned && before - to < SHORT => Some((from, before, same)),
            _ => Some((after, after, owned)),
        };
        if let Some((from, to, owned)) = &run {
            say(&format!("{from} {to} {}", owned.join(" ")));
        }
        tokio::time::sleep(OFTEN).await;
    }
    sharding.leave().await;
    Ok(())
}

fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let of = |number: i64| u64::try_from(number).unwrap_or_default();
    of(now.tv_sec) * 1_000_000_000 + of(now.tv_nsec)
}
