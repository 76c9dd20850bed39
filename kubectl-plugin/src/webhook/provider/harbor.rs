//! Harbor: `PUSH_ARTIFACT`, with each tag that was pushed. Everything else that happens in a registry is taken and says
//! nothing.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Fault, Payload};
use crate::webhook::address::Address;
use crate::webhook::bounded::{Bounded, Text, read};
use crate::webhook::event::Change;

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type")]
    kind: Option<Text>,
}

#[derive(Deserialize)]
struct Body {
    event_data: Option<EventData>,
}

#[derive(Deserialize)]
struct EventData {
    resources: Option<Bounded<Resource>>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Resource {
    tag: Option<Text>,
    resource_url: Option<Text>,
}

#[derive(Deserialize)]
struct Repository {
    name: Option<Text>,
    namespace: Option<Text>,
    repo_full_name: Option<Text>,
}

pub(super) fn parse(body: &[u8]) -> Result<Payload, Fault> {
    let Kind { kind } = read(body)?;
    match Text::of(kind.as_ref()) {
        "" => return Err(Fault::Event),
        "PUSH_ARTIFACT" => {}
        _ => return Ok(Payload::default()),
    }
    let Body { event_data } = read(body)?;
    let Some(EventData { resources, repository: Some(repository) }) = event_data else { return Ok(Payload::default()) };
    let resources = Bounded::of(resources.as_ref());
    let path = match Text::of(repository.repo_full_name.as_ref()) {
        "" => format!("{}/{}", Text::of(repository.namespace.as_ref()), Text::of(repository.name.as_ref())),
        path => path.to_owned(),
    };
    // All of them are of one registry, whose name is in each address only.
    let addresses: BTreeSet<Address> = resources
        .iter()
        .filter_map(|resource| {
            Address::of_registry(&format!("{}/{path}", host(Text::of(resource.resource_url.as_ref()))?))
        })
        .take(1)
        .collect();
    let tags: BTreeSet<&str> = resources.iter().map(|resource| Text::of(resource.tag.as_ref())).collect();
    let changes = tags.into_iter().filter(|tag| !tag.is_empty()).map(|tag| Change::Package { tag: tag.to_owned() });
    Ok(Payload { addresses, changes: changes.collect() })
}

/// The registry's name, with its port.
fn host(resource_url: &str) -> Option<&str> {
    let (_, rest) = resource_url.split_once("://").unwrap_or(("", resource_url));
    let (host, _) = rest.split_once('/')?;
    (!host.is_empty()).then_some(host)
}
