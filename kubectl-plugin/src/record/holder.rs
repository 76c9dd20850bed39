//! Who holds a lock.
//!
//! A holder that died on this very machine is known to be dead: its process is gone. That saves the wait for its
//! lease after a crash. Of any other holder only the lease tells.

use serde::{Deserialize, Serialize};

/// A run that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// The run's id.
    pub run: String,
    /// `user@host`.
    pub name: String,
    /// The process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
}

/// A process of one boot of one machine. Equal numbers in another PID namespace are another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    boot: String,
    namespace: String,
    pid: u32,
    started: String,
}

impl Holder {
    /// This process, for a new run.
    #[must_use]
    pub fn this_process(run: String) -> Self {
        let host = read("/proc/sys/kernel/hostname").unwrap_or_else(|| "unknown host".to_owned());
        Self { run, name: format!("{}@{host}", actor()), process: Process::with_id(std::process::id()) }
    }

    /// Whether this holder's process is certainly gone.
    #[must_use]
    pub fn is_certainly_dead(&self) -> bool {
        let (Some(holder), Some(here)) = (&self.process, Process::with_id(std::process::id())) else { return false };
        // Only of this boot and of this PID namespace can we say anything.
        (&holder.boot, &holder.namespace) == (&here.boot, &here.namespace)
            && Process::with_id(holder.pid).as_ref() != Some(holder)
    }
}

impl Process {
    fn with_id(pid: u32) -> Option<Self> {
        let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned();
        let stat = read(&format!("/proc/{pid}/stat"))?;
        // The name in parentheses may hold anything; field 22 counts from the start, the name being the second.
        let after_name: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // A zombie has done all that it ever will.
        if after_name.first() == Some(&"Z") {
            return None;
        }
        Some(Self {
            boot: read("/proc/sys/kernel/random/boot_id")?,
            namespace,
            pid,
            started: (*after_name.get(19)?).to_owned(),
        })
    }
}

/// The person or robot, as history names it.
#[must_use]
pub fn actor() -> String {
    ["KUBECTL_GITOPS_ACTOR", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}

fn read(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_not_dead_and_a_gone_one_is() {
        let alive = Holder::this_process("r".to_owned());
        assert!(!alive.is_certainly_dead());
        if let Some(process) = &alive.process {
            let dead = Process { started: "1".to_owned(), ..process.clone() };
            assert!(Holder { process: Some(dead), ..alive.clone() }.is_certainly_dead());
            let elsewhere = Process { boot: "other".to_owned(), started: "1".to_owned(), ..process.clone() };
            assert!(!Holder { process: Some(elsewhere), ..alive.clone() }.is_certainly_dead());
        }
    }
}
