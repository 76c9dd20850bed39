//! Service hooks of Azure DevOps: `git.push` of `resource.repository`, and which refs moved in `resource.refUpdates`. Other
//! events that can be chosen there are taken and say nothing. All of the refs count; Argo CD looks at the first one.

use serde::Deserialize;

use super::{Fault, Payload, anything, push};
use crate::webhook::bounded::{Bounded, Text, read};
use crate::webhook::target::Reference;

#[derive(Deserialize)]
struct Body {
    resource: Option<Resource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    ref_updates: Option<Bounded<RefUpdate>>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefUpdate {
    name: Option<Text>,
    old_object_id: Option<Text>,
    new_object_id: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    remote_url: Option<Text>,
    ssh_url: Option<Text>,
    default_branch: Option<Text>,
}

/// The kind alone, since other events have resources of other forms.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    event_type: Option<Text>,
}

pub(super) fn parse(body: &[u8]) -> Result<Payload, Fault> {
    let kind: Kind = read(body)?;
    match Text::of(kind.event_type.as_ref()) {
        "git.push" => {}
        kind if kind.starts_with("git.pullrequest.") || kind == "build.complete" => return Ok(Payload::default()),
        _ => return Err(Fault::Event),
    }
    let Body { resource } = read(body)?;
    let Some(Resource { ref_updates, repository: Some(repository) }) = resource else { return Ok(Payload::default()) };
    let default_branch = Text::of(repository.default_branch.as_ref());
    let mut changes = Vec::new();
    for moved in Bounded::of(ref_updates.as_ref()) {
        let (before, after) = (Text::of(moved.old_object_id.as_ref()), Text::of(moved.new_object_id.as_ref()));
        changes.push(push(Reference::of(Text::of(moved.name.as_ref())), default_branch, before, after));
    }
    if Bounded::is_cut(ref_updates.as_ref()) {
        changes = vec![anything()];
    }
    let addresses = [&repository.remote_url, &repository.ssh_url].map(|url| Text::of(url.as_ref()));
    Ok(Payload::about(addresses, changes))
}
