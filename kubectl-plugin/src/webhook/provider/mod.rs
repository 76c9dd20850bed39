//! Who sends webhooks, how each is recognised, and what it says.
//!
//! In: headers and bodies. Out: [`Provider`]; a [`Request`], which knows what its sender shows to prove who they are; its
//! [`Payload`]. One file for each provider, which says what its bodies look like.
//!
//! The order in which headers are looked at is Argo CD's: Gitea and its kin send GitHub's headers, too.

mod azure_devops;
mod bitbucket;
mod bitbucket_server;
mod ghcr;
mod github;
mod gitlab;
mod gogs;
mod harbor;

use std::collections::BTreeSet;

use http::HeaderMap;

use super::address::Address;
use super::event::{Change, Oid, Push};
use super::refused::{Malformed, Refused};
use super::secret::Proof;
use super::target::{Kind, Reference};

/// The longest header that is looked at.
const LONGEST_HEADER: usize = 1024;
/// How many addresses of one repository are kept.
const MOST_ADDRESSES: usize = 8;

/// Who sends webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Azure DevOps.
    AzureDevOps,
    /// Gogs, Gitea, Forgejo.
    Gogs,
    /// GitHub.
    GitHub,
    /// GitLab.
    GitLab,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Bitbucket Server and Data Center.
    BitbucketServer,
    /// The registry of GitHub.
    Ghcr,
    /// Harbor.
    Harbor,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::AzureDevOps,
        Self::Gogs,
        Self::GitHub,
        Self::GitLab,
        Self::Bitbucket,
        Self::BitbucketServer,
        Self::Ghcr,
        Self::Harbor,
    ];

    /// Its name in metrics, which is Argo CD's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AzureDevOps => "azuredevops",
            Self::Gogs => "gogs",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Bitbucket => "bitbucket",
            Self::BitbucketServer => "bitbucketserver",
            Self::Ghcr => "ghcr",
            Self::Harbor => "harbor",
        }
    }

    /// Its name in sentences.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::AzureDevOps => "Azure DevOps",
            Self::Gogs => "Gogs, Gitea or Forgejo",
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Bitbucket => "Bitbucket Cloud",
            Self::BitbucketServer => "Bitbucket Server",
            Self::Ghcr => "GitHub's registry",
            Self::Harbor => "Harbor",
        }
    }

    /// The events that are used, as the provider calls them.
    #[must_use]
    pub(super) fn events(self) -> &'static str {
        match self {
            Self::AzureDevOps => "Code pushed",
            Self::Gogs => "Push",
            Self::GitHub | Self::Ghcr => "push, and package where artifacts are delivered",
            Self::GitLab => "Push events and Tag push events",
            Self::Bitbucket => "Repository push",
            Self::BitbucketServer => "Repository: Push",
            Self::Harbor => "Artifact pushed",
        }
    }

    /// The keys of its secret in the Secret of the controller, which are Argo CD's.
    #[must_use]
    pub fn keys(self) -> &'static str {
        match self {
            Self::AzureDevOps => "webhook.azuredevops.username and webhook.azuredevops.password",
            Self::Gogs => "webhook.gogs.secret",
            Self::GitHub | Self::Ghcr => "webhook.github.secret",
            Self::GitLab => "webhook.gitlab.secret",
            Self::Bitbucket => "webhook.bitbucket.uuid",
            Self::BitbucketServer => "webhook.bitbucketserver.secret",
            Self::Harbor => "webhook.harbor.secret",
        }
    }
}

/// What a body says.
#[derive(Debug, Default)]
pub(super) struct Payload {
    /// The repository; none where the body names none.
    pub(super) addresses: BTreeSet<Address>,
    /// What moved; nothing where the event is of another kind.
    pub(super) changes: Vec<Change>,
}

impl Payload {
    /// About a repository of Git with these addresses.
    fn about<'a>(texts: impl IntoIterator<Item = &'a str>, changes: Vec<Change>) -> Self {
        Self { addresses: texts.into_iter().flat_map(Address::of_git).take(MOST_ADDRESSES).collect(), changes }
    }
}

/// Why a body is not taken.
#[derive(Debug)]
enum Fault {
    Malformed(Malformed),
    /// It is an event that is not used.
    Event,
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// A request whose sender is known by its headers.
pub(super) struct Request<'a> {
    pub(super) provider: Provider,
    event: &'a [u8],
    /// What is shown for the secret of the provider.
    pub(super) shared: Proof<'a>,
    /// What is shown for the secret of an application; where it is none, the same.
    own: Option<Proof<'a>>,
}

impl<'a> Request<'a> {
    /// Looks at the headers.
    pub(super) fn recognise(headers: &'a HeaderMap) -> Result<Self, Refused> {
        let get = |name: &'static str| match headers.get(name).map(http::HeaderValue::as_bytes) {
            Some(value) if value.len() > LONGEST_HEADER => Err(Refused::Header(name)),
            value => Ok(value.filter(|value| !value.is_empty())),
        };
        let first = |names: [&'static str; 3]| {
            names.into_iter().map(get).find(|found| !matches!(found, Ok(None))).unwrap_or(Ok(None))
        };
        let signature = |value: Option<&[u8]>| value.map_or(Proof::Nothing, Proof::signature);
        let token = |value: Option<&'a [u8]>| value.map_or(Proof::Nothing, Proof::token);
        let of = |provider, event, shared| Self { provider, event, shared, own: None };
        if get("x-vss-activityid")?.is_some() {
            let shown = get("authorization")?.map_or(Proof::Nothing, Proof::basic);
            return Ok(of(Provider::AzureDevOps, b"", shown));
        }
        if let Some(event) = first(["x-gogs-event", "x-gitea-event", "x-forgejo-event"])? {
            let shown = first(["x-gogs-signature", "x-gitea-signature", "x-forgejo-signature"])?;
            return Ok(of(Provider::Gogs, event, signature(shown)));
        }
        if let Some(event) = get("x-github-event")? {
            if get("content-type")?.is_some_and(is_form) {
                return Err(Refused::Form);
            }
            let provider = if event == b"package" { Provider::Ghcr } else { Provider::GitHub };
            return Ok(of(provider, event, signature(get("x-hub-signature-256")?)));
        }
        if let Some(event) = get("x-gitlab-event")? {
            return Ok(of(Provider::GitLab, event, token(get("x-gitlab-token")?)));
        }
        let event = get("x-event-key")?;
        if let Some(uuid) = get("x-hook-uuid")? {
            let own = Some(signature(get("x-hub-signature")?));
            let event = event.unwrap_or_default();
            return Ok(Self { provider: Provider::Bitbucket, event, shared: Proof::token(without_braces(uuid)), own });
        }
        if let Some(event) = event {
            return Ok(of(Provider::BitbucketServer, event, signature(get("x-hub-signature")?)));
        }
        match get("authorization")? {
            Some(shown) => Ok(of(Provider::Harbor, b"", Proof::token(shown))),
            None => Err(Refused::Unknown),
        }
    }

    /// What is shown for the secret of an application.
    pub(super) fn own(&self) -> &Proof<'a> {
        self.own.as_ref().unwrap_or(&self.shared)
    }

    /// Whether it is an event that can be used, as far as headers say it.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let is_known = match self.provider {
            Provider::AzureDevOps | Provider::Harbor => true,
            Provider::Gogs => gogs::knows(self.event),
            Provider::GitHub | Provider::Ghcr => github::knows(self.event),
            Provider::GitLab => gitlab::knows(self.event),
            Provider::Bitbucket => bitbucket::knows(self.event),
            Provider::BitbucketServer => bitbucket_server::knows(self.event),
        };
        if is_known { Ok(()) } else { Err(Refused::Event(self.provider)) }
    }

    /// Whether it only asks if anybody is there: no secret is asked for then, and the body is not read.
    pub(super) fn is_knock(&self) -> bool {
        self.provider == Provider::BitbucketServer && bitbucket_server::is_knock(self.event)
    }

    /// Reads the body.
    pub(super) fn parse(&self, body: &[u8]) -> Result<Payload, Refused> {
        let payload = match self.provider {
            Provider::AzureDevOps => azure_devops::parse(body),
            Provider::Gogs => gogs::parse(body),
            Provider::GitHub => github::parse(self.event, body),
            Provider::Ghcr => ghcr::parse(body),
            Provider::GitLab => gitlab::parse(self.event, body),
            Provider::Bitbucket => bitbucket::parse(body),
            Provider::BitbucketServer => bitbucket_server::parse(body),
            Provider::Harbor => harbor::parse(body),
        };
        payload.map_err(|fault| match fault {
            Fault::Malformed(malformed) => Refused::Malformed(self.provider, malformed),
            Fault::Event => Refused::Event(self.provider),
        })
    }

    /// What to say where nothing that is shown is right. Without a secret there is no Harbor: only its secret tells that it
    /// is one.
    pub(super) fn unverified(&self) -> Refused {
        match self.provider {
            Provider::Harbor => Refused::Unknown,
            provider => Refused::Unverified(provider),
        }
    }
}

/// Bitbucket writes ids with braces in some places and without in others.
pub(super) fn without_braces(uuid: &[u8]) -> &[u8] {
    uuid.strip_prefix(b"{").and_then(|uuid| uuid.strip_suffix(b"}")).unwrap_or(uuid)
}

fn is_form(content_type: &[u8]) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    content_type.get(..FORM.len()).is_some_and(|start| start.eq_ignore_ascii_case(FORM))
}

/// A push where the payload says which branch is the default: where it says none, any branch may be.
fn push(reference: Reference, default_branch: &str, before: &str, after: &str) -> Change {
    let is_default = default_branch.is_empty() || Reference::of(default_branch).name() == reference.name();
    let touches_default = is_default && reference.kind() != Kind::Tag;
    Change::Push(Push { reference: Some(reference), touches_default, before: Oid::of(before), after: Oid::of(after) })
}

/// More moved than a payload may name.
fn anything() -> Change {
    Change::Push(Push { reference: None, touches_default: true, before: None, after: None })
}

#[cfg(test)]
mod tests;
