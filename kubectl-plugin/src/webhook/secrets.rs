//! The secrets of webhooks: one for each provider, as `argocd-secret` has them.
//!
//! In: the data of the Secret, and of others that it refers to. Out: [`Secrets`], which judge what requests show.
//!
//! | key | of |
//! |---|---|
//! | `webhook.github.secret` | GitHub, its registry too |
//! | `webhook.gitlab.secret` | GitLab |
//! | `webhook.bitbucket.uuid` | Bitbucket Cloud: the id of the webhook |
//! | `webhook.bitbucketserver.secret` | Bitbucket Server |
//! | `webhook.gogs.secret` | Gogs, Gitea, Forgejo |
//! | `webhook.azuredevops.username`, `webhook.azuredevops.password` | Azure DevOps |
//! | `webhook.harbor.secret` | Harbor: the whole header `Authorization` |
//!
//! A value `$name:key` is a key of another Secret, `$key` one of the same. A text that begins with `$` and is neither is
//! itself, as in Argo CD.
//!
//! Guarantees: a secret that is referred to and not there is not the same as none: then nothing of its provider is taken.

use std::collections::BTreeMap;

use super::provider::{Provider, without_braces};
use super::reference::SecretReference;
use super::refused::Refused;
use super::secret::{Proof, Secret};

/// What each provider's webhooks must show.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    wanted: BTreeMap<Provider, Wanted>,
}

#[derive(Debug, Clone)]
enum Wanted {
    Shared(Secret),
    /// Both must fit; one that is not set is the empty text.
    Account {
        user: Option<Secret>,
        password: Option<Secret>,
    },
    /// It is somewhere where it cannot be read.
    Lost,
}

/// What came of looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No secret is asked for: anybody may have sent it.
    Open,
    /// Whoever sent it has the secret.
    Good,
    /// Whoever sent it does not.
    Bad,
}

/// A value of the Secret.
enum Found {
    Nothing,
    Secret(Secret),
    Lost,
}

/// The keys of one secret each.
const SHARED: [(Provider, &str); 6] = [
    (Provider::Gogs, "webhook.gogs.secret"),
    (Provider::GitHub, "webhook.github.secret"),
    (Provider::GitLab, "webhook.gitlab.secret"),
    (Provider::Bitbucket, BITBUCKET),
    (Provider::BitbucketServer, "webhook.bitbucketserver.secret"),
    (Provider::Harbor, "webhook.harbor.secret"),
];
const BITBUCKET: &str = "webhook.bitbucket.uuid";
const AZURE_USER: &str = "webhook.azuredevops.username";
const AZURE_PASSWORD: &str = "webhook.azuredevops.password";

impl Secrets {
    /// Which other Secrets must be read before [`Secrets::read`]: whoever reads them looks only into the controller's
    /// namespace, and only at Secrets with the label `app.kubernetes.io/part-of: argocd`, as Argo CD does.
    pub fn references(data: impl Fn(&str) -> Option<Vec<u8>>) -> Vec<SecretReference> {
        let keys = SHARED.iter().map(|(_, key)| *key).chain([AZURE_USER, AZURE_PASSWORD]);
        keys.filter_map(|key| SecretReference::of_value(&data(key)?)).collect()
    }

    /// Reads the secrets. `data` is the Secret's, `others` what the references of [`Secrets::references`] lead to.
    pub fn read(data: impl Fn(&str) -> Option<Vec<u8>>, others: impl Fn(&SecretReference) -> Option<Vec<u8>>) -> Self {
        let find = |key: &str| {
            let Some(value) = data(key) else { return Found::Nothing };
            if let Some(reference) = SecretReference::of_value(&value) {
                return others(&reference).and_then(|bytes| Secret::of(&bytes)).map_or(Found::Lost, Found::Secret);
            }
            let value = if key == BITBUCKET { without_braces(value.trim_ascii()).to_vec() } else { value };
            let same = value.trim_ascii().strip_prefix(b"$").and_then(|key| data(std::str::from_utf8(key).ok()?));
            Secret::of(same.as_deref().unwrap_or(&value)).map_or(Found::Nothing, Found::Secret)
        };
        let mut wanted = BTreeMap::new();
        for (provider, key) in SHARED {
            let found = match find(key) {
                Found::Nothing => continue,
                Found::Secret(secret) => Wanted::Shared(secret),
                Found::Lost => Wanted::Lost,
            };
            if provider == Provider::GitHub {
                wanted.insert(Provider::Ghcr, found.clone());
            }
            wanted.insert(provider, found);
        }
        let account = match (find(AZURE_USER), find(AZURE_PASSWORD)) {
            (Found::Nothing, Found::Nothing) => None,
            (Found::Lost, _) | (_, Found::Lost) => Some(Wanted::Lost),
            (user, password) => Some(Wanted::Account { user: user.secret(), password: password.secret() }),
        };
        wanted.extend(account.map(|account| (Provider::AzureDevOps, account)));
        Self { wanted }
    }

    /// The providers whose secret is referred to and cannot be read, for a warning.
    pub fn lost(&self) -> impl Iterator<Item = Provider> {
        self.wanted.iter().filter(|(_, wanted)| matches!(wanted, Wanted::Lost)).map(|(provider, _)| *provider)
    }

    /// Whether what is shown proves that the sender has the secret of a provider.
    pub(super) fn judge(&self, provider: Provider, proof: &Proof<'_>, body: &[u8]) -> Result<Verdict, Refused> {
        let is_good = match (self.wanted.get(&provider), proof) {
            // Its secret is also how it is told from a stranger.
            (None, _) if provider == Provider::Harbor => false,
            (None, _) => return Ok(Verdict::Open),
            (Some(Wanted::Lost), _) => return Err(Refused::NoSecret(provider)),
            (Some(Wanted::Shared(secret)), proof) => secret.fits(proof, body),
            (Some(Wanted::Account { user, password }), Proof::Password(shown)) => {
                let fits = |secret: &Option<Secret>, text: &[u8]| match secret {
                    Some(secret) => secret.is(text),
                    None => text.is_empty(),
                };
                // Both are looked at, whatever comes of the first.
                fits(user, shown.user()) & fits(password, shown.password())
            }
            (Some(Wanted::Account { .. }), _) => false,
        };
        Ok(if is_good { Verdict::Good } else { Verdict::Bad })
    }
}

impl Found {
    fn secret(self) -> Option<Secret> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Nothing | Self::Lost => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::super::secret::sign;
    use super::*;

    fn secrets(data: &[(&str, &str)], others: &[(&str, &str)]) -> Secrets {
        let value = |pairs: &[(&str, &str)], key: &str| {
            pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_bytes().to_vec())
        };
        Secrets::read(|key| value(data, key), |reference| value(others, &reference.to_string()))
    }

    #[test]
    fn each_provider_has_its_own() {
        let secrets = secrets(&[("webhook.github.secret", "word"), ("webhook.gitlab.secret", "other")], &[]);
        let signature = sign("word", b"body");
        let judge = |provider, proof: Proof<'_>| secrets.judge(provider, &proof, b"body");
        for provider in [Provider::GitHub, Provider::Ghcr] {
            assert_eq!(judge(provider, Proof::signature(signature.as_bytes())), Ok(Verdict::Good));
            assert_eq!(judge(provider, Proof::signature(sign("other", b"body").as_bytes())), Ok(Verdict::Bad));
            assert_eq!(judge(provider, Proof::Nothing), Ok(Verdict::Bad));
        }
        assert_eq!(judge(Provider::GitLab, Proof::token(b"other")), Ok(Verdict::Good));
        assert_eq!(judge(Provider::GitLab, Proof::token(b"word")), Ok(Verdict::Bad));
        assert_eq!(judge(Provider::Gogs, Proof::signature(signature.as_bytes())), Ok(Verdict::Open));
        assert_eq!(judge(Provider::Harbor, Proof::token(b"word")), Ok(Verdict::Bad), "without a secret there is none");
    }

    #[test]
    fn azure_has_a_user_and_a_password() {
        let basic = |text: &str| Proof::basic(format!("Basic {}", STANDARD.encode(text)).as_bytes());
        let both = secrets(&[(AZURE_USER, "anna"), (AZURE_PASSWORD, "word")], &[]);
        let judge = |secrets: &Secrets, text: &str| secrets.judge(Provider::AzureDevOps, &basic(text), b"");
        assert_eq!(judge(&both, "anna:word"), Ok(Verdict::Good));
        for shown in ["anna:", ":word", "maria:word", "anna:word1", "", "anna"] {
            assert_eq!(judge(&both, shown), Ok(Verdict::Bad), "{shown}");
        }
        let one = secrets(&[(AZURE_PASSWORD, "word")], &[]);
        assert_eq!((judge(&one, ":word"), judge(&one, "anna:word")), (Ok(Verdict::Good), Ok(Verdict::Bad)));
        assert_eq!(one.judge(Provider::AzureDevOps, &Proof::token(b"word"), b""), Ok(Verdict::Bad));
        assert_eq!(judge(&secrets(&[], &[]), "anna:word"), Ok(Verdict::Open));
    }

    #[test]
    fn values_may_be_elsewhere() {
        let data = [
            ("webhook.gitlab.secret", "$hooks:gitlab"),
            ("webhook.gogs.secret", "$shared\n"),
            ("shared", "word"),
            ("webhook.bitbucketserver.secret", "$3cret"),
            ("webhook.harbor.secret", " "),
        ];
        let found = Secrets::references(|key| data.iter().find(|(name, _)| *name == key).map(|(_, v)| (*v).into()));
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["hooks:gitlab"]);
        let secrets = secrets(&data, &[("hooks:gitlab", "there\n")]);
        let judge = |provider, proof: Proof<'_>| secrets.judge(provider, &proof, b"");
        assert_eq!(judge(Provider::GitLab, Proof::token(b"there")), Ok(Verdict::Good));
        assert_eq!(judge(Provider::GitLab, Proof::token(b"$hooks:gitlab")), Ok(Verdict::Bad));
        assert_eq!(judge(Provider::Gogs, Proof::signature(sign("word", b"").as_bytes())), Ok(Verdict::Good));
        let literal = sign("$3cret", b"");
        assert_eq!(judge(Provider::BitbucketServer, Proof::signature(literal.as_bytes())), Ok(Verdict::Good));
        assert_eq!(secrets.lost().count(), 0);
    }

    #[test]
    fn a_secret_that_is_not_there_takes_nothing() {
        let secrets = secrets(&[("webhook.github.secret", "$hooks:github"), (AZURE_USER, "$hooks:user")], &[]);
        for provider in [Provider::GitHub, Provider::Ghcr, Provider::AzureDevOps] {
            assert_eq!(secrets.judge(provider, &Proof::Nothing, b""), Err(Refused::NoSecret(provider)));
            assert_eq!(Refused::NoSecret(provider).status(), 503);
        }
        assert_eq!(secrets.lost().count(), 3);
    }

    #[test]
    fn bitbucket_writes_its_ids_in_two_ways() {
        let secrets = secrets(&[("webhook.bitbucket.uuid", "{1234-5678}")], &[]);
        let judge =
            |shown: &'static [u8]| secrets.judge(Provider::Bitbucket, &Proof::token(without_braces(shown)), b"");
        assert_eq!(judge(b"1234-5678"), Ok(Verdict::Good));
        assert_eq!(judge(b"{1234-5678}"), Ok(Verdict::Good));
        assert_eq!(judge(b"1234-5679"), Ok(Verdict::Bad));
    }
}
