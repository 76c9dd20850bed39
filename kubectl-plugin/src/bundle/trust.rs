//! Whether a bundle, or a release of one, may be taken: the policy that the user names, and the signatures that are there.
//!
//! In: flags; what is signed. Out: the signatures, judged; or a refusal (exit 4) with everything that is missing. Without a
//! flag nothing is demanded. Commands call [`TrustArgs::check`] before they do anything with it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use gitops_compiler::bundle::{KeyName, TrustPolicy};
use gitops_compiler::name::AppName;

use crate::error::CommandError;

use super::key::PublicKey;
use super::signed::{Signature, Signed, What};

/// So large may a policy or a key be.
const MOST_BYTES: u64 = 1 << 20;

/// Keys by the names that a policy gives them.
type Keys = BTreeMap<KeyName, PublicKey>;

/// Whose signatures a bundle needs.
#[derive(Debug, Clone, Args)]
pub struct TrustArgs {
    /// A file that says whose signatures bundles need, by application and cluster
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_TRUST", hide_env_values = true, conflicts_with = "key")]
    trust: Option<PathBuf>,
    /// A file with a public key, one of which must have signed; instead of --trust
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// How many of the keys of --key must have signed
    #[arg(long, value_name = "N", requires = "key", default_value = "1")]
    sigs_needed: NonZeroUsize,
}

impl TrustArgs {
    /// Whether anything is demanded.
    #[must_use]
    pub fn demands(&self) -> bool {
        self.trust.is_some() || !self.key.is_empty()
    }

    /// Refuses what lacks signatures, for an application. `cluster` is the uid of its namespace `kube-system`; where it
    /// is not known, the bundle must be good for all clusters. Gives nothing where no flag demands anything.
    ///
    /// # Errors
    /// Where something is missing (exit 4), or a file is not understood.
    pub fn check(
        &self,
        signed: &Signed<'_>,
        application: &AppName,
        cluster: Option<&str>,
    ) -> Result<Option<Vec<Signature>>, CommandError> {
        let Some((policy, keys)) = self.policy()? else { return Ok(None) };
        let signatures = signed.judge(&keys);
        let vouched: Vec<_> = signatures.iter().filter_map(|signature| signature.judged.clone().ok()).collect();
        policy.judge(application, cluster, &vouched).map_err(|unmet| {
            let missing = unmet.iter().map(ToString::to_string);
            let bad = signatures.iter().filter_map(|signature| {
                let why = signature.judged.as_ref().err()?;
                Some(format!("the signature {} does not count: {why}", signature.digest))
            });
            let message = format!("{} is not signed as {application} needs it", signed.what());
            CommandError::refused(message).details(missing.chain(bad).collect()).hint(match signed.what() {
                What::Bundle => {
                    "`kubectl gitops bundle sign` signs it; a signature is put beside the bundle, not into it"
                }
                What::Release(_) => "a release keeps the signatures that were beside its bundle when it was applied",
            })
        })?;
        Ok(Some(signatures))
    }

    /// The policy that the flags name, and its keys.
    fn policy(&self) -> Result<Option<(TrustPolicy, Keys)>, CommandError> {
        let policy = if let Some(path) = &self.trust {
            let shown = path.display().to_string();
            TrustPolicy::read(&shown, &bytes_of(path)?)
                .map_err(|finding| CommandError::user(format!("{shown} is not understood")).findings(vec![finding]))?
        } else if self.key.is_empty() {
            return Ok(None);
        } else {
            let mut keys = BTreeMap::new();
            for path in &self.key {
                keys.insert(path.display().to_string(), text_of(path)?);
            }
            TrustPolicy::of_keys(keys, self.sigs_needed).map_err(|error| CommandError::user(error.to_string()))?
        };
        let keys = public_keys(&policy)?;
        Ok(Some((policy, keys)))
    }
}

/// The keys of a policy, each by one name: two names would count as two.
fn public_keys(policy: &TrustPolicy) -> Result<Keys, CommandError> {
    let (mut keys, mut names) = (BTreeMap::new(), BTreeMap::<PublicKey, &KeyName>::new());
    for (name, text) in &policy.keys {
        let wrong = |why: String| CommandError::user(format!("the key {name} cannot be used: {why}"));
        let key = PublicKey::read(text).map_err(|error| wrong(error.to_string()))?;
        if let Some(other) = names.insert(key.clone(), name) {
            return Err(wrong(format!("it is the same as {other}")));
        }
        keys.insert(name.clone(), key);
    }
    Ok(keys)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    use std::io::Read as _;
    let cannot = |error: std::io::Error| CommandError::user(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(cannot)?.take(MOST_BYTES).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

/// The text of a file, a key for example.
///
/// # Errors
/// Where it cannot be read.
pub fn text_of(path: &Path) -> Result<String, CommandError> {
    // What is in it may be a secret: the error does not show it.
    String::from_utf8(bytes_of(path)?).map_err(|_| CommandError::user(format!("{} is no text", path.display())))
}
