//! Another user than root, one for each job, and no capabilities.
//!
//! In: the private folder, which becomes that user's. Out: whether nothing else runs as this user.
//!
//! The user's number is a high one plus that of the process: as long as the process is there no other has it, so two jobs
//! are strangers to each other, and the kernel's limit on the processes of a user is one of the job. In a user namespace
//! that lacks those numbers it is one of those that systemd keeps for services which come and go; two jobs may then share
//! one, and are kept apart by Landlock and seccomp alone.

use std::fs::File;
use std::io;

use rustix::fs::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::order::{Enforced, Part};

/// Above all that is handed out: 65,536 for each container, in ranges up to about 1.9 billion.
const FIRST: u32 = 2_000_000_000;
/// The first, and how many, of the users that systemd calls dynamic.
const SHARED: (u32, u32) = (61_184, 4_336);

/// What it takes to become another user, to give it a folder, and for our parent to look after it.
const NEEDED: CapabilitySet = CapabilitySet::SETUID
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::DAC_OVERRIDE);

/// Becomes another user where this is root, and gives up all capabilities.
pub(super) fn change(scratch: Option<&File>, enforced: &mut Enforced) -> Result<bool, String> {
    let is_root = rustix::process::geteuid().is_root();
    let mut is_alone = false;
    if is_root {
        match become_nobody(scratch) {
            Ok(alone) => is_alone = alone,
            Err(reason) => enforced.lack(Part::User, format!("runs as root: {reason}")),
        }
    }
    if let Err(error) = give_up_capabilities() {
        enforced.lack(Part::Capabilities, format!("capabilities are not given up: {error}"));
    }
    let nothing_new = rustix::thread::set_no_new_privs(true);
    nothing_new.map_err(|error| format!("cannot renounce new privileges: {error}"))?;
    Ok(is_alone)
}

/// Whether the user is this job's own.
fn become_nobody(scratch: Option<&File>) -> Result<bool, String> {
    let has = rustix::thread::capabilities(None).map_err(|error| error.to_string())?;
    if !has.effective.contains(NEEDED) {
        return Err("root lacks capabilities here that it takes to change the user".to_owned());
    }
    // While there are capabilities to do so with.
    for capability in CapabilitySet::all().iter() {
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let process = std::process::id();
    let (own, shared) = (FIRST + process, SHARED.0 + process % SHARED.1);
    rustix::thread::set_thread_groups(&[]).map_err(|error| format!("cannot leave groups: {error}"))?;
    let tried = become_user(own, scratch).map(|()| true);
    tried.or_else(|_| become_user(shared, scratch).map(|()| false)).map_err(|error| format!("cannot change: {error}"))
}

fn become_user(number: u32, scratch: Option<&File>) -> io::Result<()> {
    if let Some(folder) = scratch {
        std::os::unix::fs::fchown(folder, Some(number), Some(number))?;
    }
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    // Per thread, and this process has one.
    rustix::thread::set_thread_res_gid(group, group, group)?;
    rustix::thread::set_thread_res_uid(user, user, user)?;
    Ok(())
}

fn give_up_capabilities() -> io::Result<()> {
    // Kernels that do not know ambient capabilities have none.
    let _ = rustix::thread::clear_ambient_capability_set();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(rustix::thread::set_capabilities(None, none)?)
}
