//! Whether a bundle, or a release of one, may be taken: the policy that the user names, and the signatures that are there.
//!
//! In: flags; what is signed. Out: the signatures, judged; or a refusal (exit 4) with everything that is missing. Without a
//! flag nothing is demanded. Commands call [`TrustArgs::check`] before they do anything with it, or for
//! several names [`TrustArgs::look`] and [`Looked::demand`].

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use gitops_compiler::app::Pattern;
use gitops_compiler::bundle::{Identity, TrustPolicy};
use gitops_compiler::name::AppName;

use crate::error::CommandError;

use super::signed::{Signature, Signed, What};
use super::signers::Signers;

/// So large may a policy, a key, a trusted root or a signature be.
const MOST_BYTES: u64 = 1 << 20;

/// Whose signatures a bundle needs.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("signing").args(["key", "certificate_identity"]).multiple(true).conflicts_with("trust"))]
pub struct TrustArgs {
    /// A file that says whose signatures bundles need, by application and cluster
    #[arg(long, value_name = "FILE", env = "KUBECTL_GITOPS_TRUST", hide_env_values = true)]
    trust: Option<PathBuf>,
    /// A file with a public key, one of which must have signed; instead of --trust
    #[arg(long, value_name = "FILE")]
    key: Vec<PathBuf>,
    /// Who may have signed with a certificate, as `cosign` does without a key: an e-mail address, or the address of a workflow,
    /// as a glob
    #[arg(long, value_name = "GLOB", requires_all = ["certificate_oidc_issuer", "trusted_root"])]
    certificate_identity: Option<Pattern>,
    /// With --certificate-identity: the issuer that the certificate names
    #[arg(long, value_name = "URL", requires = "certificate_identity")]
    certificate_oidc_issuer: Option<String>,
    /// With --certificate-identity: a file with the authorities and logs that count, as `cosign trusted-root create` makes it
    #[arg(long, value_name = "FILE", requires = "certificate_identity")]
    trusted_root: Option<PathBuf>,
    /// How many of these keys and identities must have signed
    #[arg(long, value_name = "N", requires = "signing", default_value = "1")]
    sigs_needed: NonZeroUsize,
}

impl TrustArgs {
    /// Whether anything is demanded.
    #[must_use]
    pub fn demands(&self) -> bool {
        self.trust.is_some() || !self.key.is_empty() || self.certificate_identity.is_some()
    }

    /// Looks at the signatures that are there. Gives nothing where no flag demands anything.
    ///
    /// # Errors
    /// Where a file is not understood.
    pub fn look(&self, signed: &Signed<'_>) -> Result<Option<Looked>, CommandError> {
        let Some((policy, signers)) = self.policy()? else { return Ok(None) };
        Ok(Some(Looked { policy, what: signed.what(), signatures: signed.judge(&signers) }))
    }

    /// Looks at the signatures that are there, and refuses what lacks some, as [`Looked::demand`] does. Gives nothing where no flag
    /// demands anything.
    ///
    /// # Errors
    /// Where something is missing (exit 4), or a file is not understood.
    pub fn check(
        &self,
        signed: &Signed<'_>,
        application: &AppName,
        cluster: Option<&str>,
    ) -> Result<Option<Vec<Signature>>, CommandError> {
        let Some(looked) = self.look(signed)? else { return Ok(None) };
        looked.demand(application, cluster)?;
        Ok(Some(looked.signatures))
    }

    /// The policy that the flags name, and its signers.
    fn policy(&self) -> Result<Option<(TrustPolicy, Signers)>, CommandError> {
        if !self.demands() {
            return Ok(None);
        }
        let Some(path) = &self.trust else {
            let policy = self.policy_of_signers()?;
            let signers = Signers::of(&policy, Path::new(""))?;
            return Ok(Some((policy, signers)));
        };
        let shown = path.display().to_string();
        let policy = TrustPolicy::read(&shown, &bytes_of(path)?)
            .map_err(|finding| CommandError::user(format!("{shown} is not understood")).findings(vec![finding]))?;
        let signers = Signers::of(&policy, path.parent().unwrap_or(Path::new("")))?;
        Ok(Some((policy, signers)))
    }

    fn policy_of_signers(&self) -> Result<TrustPolicy, CommandError> {
        let mut keys = BTreeMap::new();
        for path in &self.key {
            keys.insert(path.display().to_string(), text_of(path)?);
        }
        let certified = (&self.certificate_identity, &self.certificate_oidc_issuer, &self.trusted_root);
        let identities = match certified {
            (Some(subject), Some(issuer), Some(root)) => {
                let trusted_root = root
                    .to_str()
                    .ok_or_else(|| CommandError::user(format!("the name {} is no text", root.display())))?;
                let (issuer, trusted_root) = (issuer.clone(), trusted_root.to_owned());
                let identity = Identity { issuer, subject: subject.clone(), trusted_root };
                BTreeMap::from([(subject.as_str().to_owned(), identity)])
            }
            _ => BTreeMap::new(),
        };
        TrustPolicy::of_signers(keys, identities, self.sigs_needed)
            .map_err(|error| CommandError::user(error.to_string()))
    }
}

/// Signatures, looked at once, and what is demanded of them.
#[derive(Debug)]
pub struct Looked {
    policy: TrustPolicy,
    what: What,
    /// The signatures, judged.
    pub signatures: Vec<Signature>,
}

impl Looked {
    /// Refuses what lacks signatures, for an application. `cluster` is the uid of its namespace `kube-system`; where it
    /// is not known, the bundle must be good for all clusters.
    ///
    /// # Errors
    /// Where something is missing (exit 4).
    pub fn demand(&self, application: &AppName, cluster: Option<&str>) -> Result<(), CommandError> {
        let vouched: Vec<_> = self.signatures.iter().filter_map(|signature| signature.judged.clone().ok()).collect();
        self.policy.judge(application, cluster, &vouched).map_err(|unmet| {
            let missing = unmet.iter().map(ToString::to_string);
            let bad = self.signatures.iter().filter_map(|signature| {
                let why = signature.judged.as_ref().err()?;
                Some(format!("the signature {} does not count: {why}", signature.digest))
            });
            let message = format!("{} is not signed as {application} needs it", self.what);
            CommandError::refused(message).details(missing.chain(bad).collect()).hint(match self.what {
                What::Bundle => {
                    "`kubectl gitops bundle sign` puts a signature beside the bundle, with --attach one that cosign made"
                }
                What::Release(_) => "a release keeps the signatures that were beside its bundle when it was applied",
            })
        })
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    use std::io::Read as _;
    let cannot = |error: std::io::Error| CommandError::user(format!("cannot read {}: {error}", path.display()));
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).map_err(cannot)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > MOST_BYTES {
        return Err(CommandError::user(format!("{} is larger than {MOST_BYTES} bytes", path.display())));
    }
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
