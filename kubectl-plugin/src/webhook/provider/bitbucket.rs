//! Bitbucket Cloud: `repo:push`, with each branch and tag that moved. A branch that was deleted has no `new`, one that is
//! new no `old`. Which branch is the default is not said, so that any may be, as with Argo CD; a tag is none.

use serde::Deserialize;

use super::{Fault, Payload, anything, push};
use crate::webhook::bounded::{Bounded, Text, read};
use crate::webhook::event::Change;
use crate::webhook::target::{Kind, Reference};

#[derive(Deserialize)]
struct Body {
    push: Option<Push>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Push {
    changes: Option<Bounded<Moved>>,
}

#[derive(Deserialize)]
struct Moved {
    new: Option<Side>,
    old: Option<Side>,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "type")]
    kind: Option<Text>,
    name: Option<Text>,
    target: Option<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    hash: Option<Text>,
}

#[derive(Deserialize)]
struct Repository {
    links: Option<Links>,
}

#[derive(Deserialize)]
struct Links {
    html: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: Option<Text>,
}

pub(super) fn knows(event: &[u8]) -> bool {
    event == b"repo:push"
}

pub(super) fn parse(body: &[u8]) -> Result<Payload, Fault> {
    let Body { push, repository } = read(body)?;
    let moved = push.and_then(|push| push.changes);
    let changes = if Bounded::is_cut(moved.as_ref()) {
        vec![anything()]
    } else {
        Bounded::of(moved.as_ref()).iter().filter_map(change).collect()
    };
    let address = repository.and_then(|repository| repository.links?.html?.href);
    Ok(Payload::about([Text::of(address.as_ref())], changes))
}

fn change(moved: &Moved) -> Option<Change> {
    let hash = |side: Option<&Side>| {
        let commit = side.and_then(|side| side.target.as_ref());
        Text::of(commit.and_then(|commit| commit.hash.as_ref())).to_owned()
    };
    let (new, old) = (moved.new.as_ref(), moved.old.as_ref());
    let side = new.or(old)?;
    let kind = match Text::of(side.kind.as_ref()) {
        "branch" => Kind::Branch,
        "tag" => Kind::Tag,
        _ => Kind::Unknown,
    };
    let reference = Reference::named(kind, Text::of(side.name.as_ref()));
    Some(push(reference, "", &hash(old), &hash(new)))
}
