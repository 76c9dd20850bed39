//! What both sides have for the repository as a whole: their settings of reviews, their locks.
//!
//! In: [`Whole`]. Out: findings about what the newer side would let pass, and where its inputs come from.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Origin};
use crate::lock::{LOCK_FILE, Lock};

use super::risks::Finding;
use super::rule;
use super::settings::{SETTINGS_FILE, Settings};

/// What both sides have for the repository as a whole.
#[derive(Debug, Clone, Default)]
pub struct Whole {
    /// The settings of the base: these judge.
    pub settings: Settings,
    /// The settings of the commit where the newer side left the base, where that is another than the base.
    pub parted_settings: Option<Settings>,
    /// The settings of the newer side, or what is wrong with them.
    pub new_settings: Option<Result<Settings, Diagnostic>>,
    /// The lock of both sides.
    pub locks: Option<(Lock, Lock)>,
}

/// About the repository as a whole.
pub(super) fn findings(whole: &Whole) -> Vec<Finding> {
    let of_file = |rule, path: &str, evidence| Finding {
        rule,
        resource: None,
        path: None,
        evidence,
        origin: Some(Origin::of_file(path)),
    };
    let laxer = match &whole.new_settings {
        None => Vec::new(),
        Some(Ok(settings)) => {
            settings.laxer_than(&whole.settings, whole.parted_settings.as_ref().unwrap_or(&whole.settings))
        }
        Some(Err(error)) => vec![format!("the settings are not understood: {}", error.message)],
    };
    let laxer = laxer.into_iter().map(|evidence| of_file(rule::ACCEPTANCE_CHANGED, SETTINGS_FILE, evidence));
    let hosts = whole.locks.as_ref().map(|(old, new)| {
        let (old, new) = (hosts(old), hosts(new));
        new.difference(&old).cloned().collect::<Vec<_>>()
    });
    let hosts = hosts.unwrap_or_default().into_iter();
    let hosts = hosts.map(|host| of_file(rule::LOCK_HOST_ADDED, LOCK_FILE, format!("inputs come from {host} now")));
    laxer.chain(hosts).collect()
}

/// The hosts that inputs come from.
fn hosts(lock: &Lock) -> BTreeSet<String> {
    let host = |address: &str| {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let rest = rest.rsplit('@').next().unwrap_or_default();
        // `git@host:path`, as scp has it; a number behind the colon is a port.
        match rest.split_once(':') {
            Some((host, port)) if !port.bytes().all(|byte| byte.is_ascii_digit()) => host.to_lowercase(),
            _ => rest.to_lowercase(),
        }
    };
    lock.inputs().map(|(request, _)| host(request.address())).collect()
}
