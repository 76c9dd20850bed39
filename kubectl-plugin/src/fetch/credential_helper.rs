//! Programs that keep credentials for registries: `docker-credential-NAME`, as Docker's configuration names them.
//!
//! In: the name of one, the registry as the configuration writes it. Out: a credential; nothing where the program has none. It
//! is run only for a registry that the user names on the command line, never for one that a source names.
//!
//! Guarantees: the name is no path; the program ends after its time; nothing that it says is shown.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::child;

use super::credentials::Credential;
use super::secret::Secret;

/// Some of them ask a service.
const TIME: Duration = Duration::from_secs(30);
const MOST_BYTES: usize = 64 << 10;
/// The user that stands for an identity token.
const TOKEN: &str = "<token>";
/// What a program says that has none for this registry, and ends without success.
const NONE: &str = "credentials not found";

/// A program that has the credential of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Helper {
    /// Its name, without `docker-credential-`.
    pub(super) name: String,
    /// The registry, as it is asked for.
    pub(super) registry: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    username: String,
    secret: String,
}

impl Helper {
    /// Asks it; the credential is for this address.
    pub(super) fn ask(&self, url: &str) -> Result<Option<Credential>, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if self.name.is_empty() || !self.name.bytes().all(is_plain) {
            return Err("the configuration of registries names a program that cannot be one".to_owned());
        }
        let program = format!("docker-credential-{}", self.name);
        let failed = |why: &str| format!("{program}, which keeps the login to {}, {why}", self.registry);
        let mut command = Command::new(&program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().map_err(|error| failed(&format!("cannot be started: {error}")))?;
        if let Some(mut input) = child.stdin.take() {
            // One that does not read has its reasons.
            let _ = input.write_all(self.registry.as_bytes());
        }
        let ended = child::follow(child, TIME, MOST_BYTES).ok_or_else(|| failed("does not end"))?;
        if !ended.is_success {
            let has_none = ended.said.contains(NONE) || ended.complaints.contains(NONE);
            return if has_none { Ok(None) } else { Err(failed("fails: run it by hand to see why")) };
        }
        let kept: Kept =
            serde_json::from_str(&ended.said).map_err(|_| failed("does not say what such programs say"))?;
        let credential = Credential { url: url.to_owned(), ..Credential::default() };
        Ok(Some(if kept.username == TOKEN {
            Credential { identity_token: Secret::new(kept.secret), ..credential }
        } else {
            Credential { username: kept.username, password: Secret::new(kept.secret), ..credential }
        }))
    }
}
