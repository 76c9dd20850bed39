//! The lock file: `lock -o json`, `lock update -o json`, `lock verify -o json`.

use gitops_compiler::lock::{Entry, LOCK_FILE, Pin, ProgramName, Request};
use schemars::JsonSchema;
use serde::Serialize;

use super::SchemaVersion;

/// What was locked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The name of the lock file, at the root of the repository.
    pub file: String,
    /// Whether it says something else than before.
    pub changed: bool,
    /// The inputs that were looked at.
    pub inputs: Vec<LockedInputJson>,
}

/// An input, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedInputJson {
    /// What people call it.
    pub name: String,
    /// What the lock file said of it.
    pub before: Option<Entry>,
    /// What it says now.
    pub now: Option<Entry>,
}

/// What came of comparing inputs with the lock file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockVerifiedJson {
    /// The version of this form.
    pub schema_version: SchemaVersion,
    /// The name of the lock file, at the root of the repository.
    pub file: String,
    /// The inputs that were looked at.
    pub inputs: Vec<VerifiedInputJson>,
}

/// An input, compared with the lock file.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedInputJson {
    /// What people call it.
    pub name: String,
    /// What the lock file says.
    pub locked: Option<Entry>,
    /// Why it cannot be had, or is something else.
    pub fault: Option<String>,
    /// What the request means now, where that is something else.
    pub newer: Option<Entry>,
    /// Why what the request means now cannot be looked up.
    pub unknown: Option<String>,
}

impl LockJson {
    /// Of the inputs that were looked at.
    #[must_use]
    pub fn new(changed: bool, inputs: Vec<LockedInputJson>) -> Self {
        Self { schema_version: SchemaVersion, file: LOCK_FILE.to_owned(), changed, inputs }
    }
}

impl LockedInputJson {
    /// What an input was, if anything, and is.
    #[must_use]
    pub fn new(request: &Request, before: Option<&Pin>, now: &Pin) -> Self {
        let entry = |pin| Entry::new(request, pin);
        Self { name: request.name().to_owned(), before: before.and_then(entry), now: entry(now) }
    }
}

impl LockedInputJson {
    /// What the version of a program was, if anything, and is.
    #[must_use]
    pub fn of_program(name: ProgramName, before: Option<&str>, now: &str) -> Self {
        let entry = |resolved: &str| Entry::Program { name, resolved: resolved.to_owned() };
        Self { name: name.as_str().to_owned(), before: before.map(entry), now: Some(entry(now)) }
    }
}

impl LockVerifiedJson {
    /// Of the inputs that were looked at.
    #[must_use]
    pub fn new(inputs: Vec<VerifiedInputJson>) -> Self {
        Self { schema_version: SchemaVersion, file: LOCK_FILE.to_owned(), inputs }
    }
}

impl VerifiedInputJson {
    /// What the lock says of an input, what is wrong with it, and what it would be now.
    #[must_use]
    pub fn new(request: &Request, locked: &Pin, fault: Option<String>, newer: Result<Option<&Pin>, &String>) -> Self {
        let entry = |pin| Entry::new(request, pin);
        let (newer, unknown) = match newer {
            Ok(newer) => (newer.and_then(entry), None),
            Err(why) => (None, Some(why.clone())),
        };
        Self { name: request.name().to_owned(), locked: entry(locked), fault, newer, unknown }
    }

    /// The version that the lock says of a program, and what is wrong with it.
    #[must_use]
    pub fn of_program(name: ProgramName, wanted: &str, fault: Option<String>) -> Self {
        let locked = Some(Entry::Program { name, resolved: wanted.to_owned() });
        Self { name: name.as_str().to_owned(), locked, fault, newer: None, unknown: None }
    }
}
