//! Bitbucket Server and Data Center: `repo:refs_changed`, with each ref that moved, and the addresses to clone from among the
//! links of the repository. Which branch is the default is not said, so that any may be, as with Argo CD. `diagnostics:ping` is
//! sent without a signature when somebody tries a webhook.

use serde::Deserialize;

use super::{Fault, Payload, anything, push};
use crate::webhook::bounded::{Bounded, Text, read};
use crate::webhook::target::Reference;

#[derive(Deserialize)]
struct Body {
    changes: Option<Bounded<Moved>>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Moved {
    #[serde(rename = "ref")]
    reference: Option<Named>,
    from_hash: Option<Text>,
    to_hash: Option<Text>,
}

#[derive(Deserialize)]
struct Named {
    id: Option<Text>,
}

#[derive(Deserialize)]
struct Repository {
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    clone: Option<Bounded<Link>>,
}

#[derive(Deserialize)]
struct Link {
    href: Option<Text>,
}

pub(super) fn knows(event: &[u8]) -> bool {
    event == b"repo:refs_changed" || is_knock(event)
}

pub(super) fn is_knock(event: &[u8]) -> bool {
    event == b"diagnostics:ping"
}

pub(super) fn parse(body: &[u8]) -> Result<Payload, Fault> {
    let Body { changes: moved, repository } = read(body)?;
    let mut changes = Vec::new();
    for Moved { reference, from_hash, to_hash } in Bounded::of(moved.as_ref()) {
        let id = reference.as_ref().and_then(|reference| reference.id.as_ref());
        let reference = Reference::of(Text::of(id));
        changes.push(push(reference, "", Text::of(from_hash.as_ref()), Text::of(to_hash.as_ref())));
    }
    if Bounded::is_cut(moved.as_ref()) {
        changes = vec![anything()];
    }
    let links = repository.and_then(|repository| repository.links?.clone);
    let addresses = Bounded::of(links.as_ref()).iter().map(|link| Text::of(link.href.as_ref()));
    Ok(Payload::about(addresses, changes))
}
