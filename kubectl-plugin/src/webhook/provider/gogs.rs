//! Gogs, Gitea and Forgejo: `push`, which is also sent for tags.

use serde::Deserialize;

use super::{Fault, Payload, push};
use crate::webhook::bounded::{Text, read};
use crate::webhook::target::Reference;

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "ref")]
    reference: Option<Text>,
    before: Option<Text>,
    after: Option<Text>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    html_url: Option<Text>,
    clone_url: Option<Text>,
    ssh_url: Option<Text>,
    default_branch: Option<Text>,
}

pub(super) fn knows(event: &[u8]) -> bool {
    event == b"push"
}

pub(super) fn parse(body: &[u8]) -> Result<Payload, Fault> {
    let Body { reference, before, after, repository } = read(body)?;
    let Some(repository) = repository else { return Ok(Payload::default()) };
    let addresses = [&repository.html_url, &repository.clone_url, &repository.ssh_url];
    let reference = Reference::of(Text::of(reference.as_ref()));
    let default_branch = Text::of(repository.default_branch.as_ref());
    let change = push(reference, default_branch, Text::of(before.as_ref()), Text::of(after.as_ref()));
    Ok(Payload::about(addresses.map(|url| Text::of(url.as_ref())), vec![change]))
}
