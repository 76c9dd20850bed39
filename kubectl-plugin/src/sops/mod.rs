//! Opening what SOPS encrypted, just before it is sent.
//!
//! In: a plan whose bodies are ciphertext, and where keys are. Out: [`Unlocked`]: for each object that the plan will send
//! its data key, after all of it was decrypted once on trial; later, one by one, the objects themselves.
//!
//! | module | what |
//! |---|---|
//! | `document` | what `sops` says: which values are encrypted, for whom, and the MAC |
//! | `cipher` | one value: AES-256-GCM, bound to the keys that lead to it |
//! | `decrypt` | a whole object, and its MAC in the order of its file |
//! | `data_key` | the key of one object, from whoever can decrypt it |
//! | `identities` | age: the identities of this machine |
//! | `gpg` | PGP: the program `gpg` with the keys of the user |
//!
//! # Guarantees
//! - Nothing that was decrypted is in an error, an output, a log or a file: errors name fields, never values; what was
//!   decrypted lasts as long as one request, and data keys as long as the run; these are overwritten then.
//! - Nothing is sent of an object whose MAC differs, unless the user said so; nor of one that has a value too many or
//!   too few encrypted.
//! - Everything that will be sent is decrypted before anything is changed.

mod cipher;
mod data_key;
mod decrypt;
mod document;
mod gpg;
mod identities;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use gitops_compiler::canon::Value;
use gitops_compiler::graph::Body;
use gitops_compiler::manifest::{settled, sops};
use gitops_compiler::name::ResourceKey;
use gitops_compiler::plan::{Action, Plan};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use crate::fetch::Secret;

use data_key::Keys;
use decrypt::{Mac, decrypt};
use document::Document;

/// The key with which the values of one document are encrypted.
type DataKey = Zeroizing<[u8; 32]>;

/// Where keys are, and what may be lacking.
#[derive(Debug, Clone, Default)]
pub struct KeySources {
    /// A file of age identities that the user named.
    pub age_key_file: Option<PathBuf>,
    /// Identities themselves.
    pub age_keys: Secret,
    /// The file in which SOPS looks without a word.
    pub default_age_key_file: Option<PathBuf>,
    /// Whether objects are sent whose MAC differs or cannot be read.
    pub ignore_mac: bool,
}

/// The keys of a plan.
#[derive(Default)]
pub struct Unlocked {
    keys: BTreeMap<ResourceKey, DataKey>,
    ignore_mac: bool,
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.keys.keys().map(ToString::to_string)).finish()
    }
}

/// Decrypts all that a plan will send, and keeps the keys. What cannot be decrypted is told, each object in one line. This
/// reads files and runs programs.
///
/// # Errors
/// A line for each object.
pub fn unlock(plan: &Plan, sources: &KeySources) -> Result<Unlocked, Vec<String>> {
    let sent = plan.steps.iter().filter(|step| matches!(step.action, Action::Create | Action::Update));
    // Other bodies need not be decoded for this.
    let has_mac = |body: &&Body| body.text_at(&[sops::SOPS, "mac"]).is_some();
    let bodies =
        sent.filter_map(|step| Some((&step.key, step.desired.as_ref().map(|(_, body)| body).filter(has_mac)?)));
    let mut unlocked = Unlocked { ignore_mac: sources.ignore_mac, ..Unlocked::default() };
    let mut keys = Keys::new(sources);
    let mut problems = Vec::new();
    for (key, body) in bodies.filter(|(_, body)| sops::is_sops(body)) {
        let opened = Document::read(body).and_then(|document| {
            let data_key = keys.data_key(&document)?;
            decrypt(body, &document, &data_key, unlocked.mac())?;
            Ok(data_key)
        });
        match opened {
            Ok(data_key) => {
                unlocked.keys.insert(key.clone(), data_key);
            }
            Err(message) => problems.push(format!("{key}: {message}")),
        }
    }
    if problems.is_empty() { Ok(unlocked) } else { Err(problems) }
}

impl Unlocked {
    fn mac(&self) -> Mac {
        if self.ignore_mac { Mac::Ignored } else { Mac::Verified }
    }

    /// A body as it is sent: decrypted where SOPS encrypted it, without `sops`, and settled as others are.
    ///
    /// # Errors
    /// Where it cannot be decrypted: without values.
    pub fn open(&self, key: &ResourceKey, body: &Value) -> Result<Json, String> {
        if !sops::is_sops(body) {
            return Ok(Json::from(body));
        }
        let data_key = self.keys.get(key).ok_or("SOPS encrypted it, and its key was not asked for")?;
        let decrypted = decrypt(body, &Document::read(body)?, data_key, self.mac())?;
        Ok(Json::from(&settled(decrypted, key)))
    }
}
