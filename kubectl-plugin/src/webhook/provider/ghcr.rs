//! GitHub's registry: `package`, where a container was published with a tag. Everything else that happens to packages is taken
//! and says nothing.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Fault, Payload};
use crate::webhook::address::Address;
use crate::webhook::bounded::{Text, read};
use crate::webhook::event::Change;

const HOST: &str = "ghcr.io";

#[derive(Deserialize)]
struct Body {
    action: Option<Text>,
    package: Option<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: Option<Text>,
    package_type: Option<Text>,
    owner: Option<Owner>,
    package_version: Option<PackageVersion>,
}

#[derive(Deserialize)]
struct Owner {
    login: Option<Text>,
}

#[derive(Deserialize)]
struct PackageVersion {
    container_metadata: Option<ContainerMetadata>,
}

#[derive(Deserialize)]
struct ContainerMetadata {
    tag: Option<Tag>,
}

#[derive(Deserialize)]
struct Tag {
    name: Option<Text>,
}

pub(super) fn parse(body: &[u8]) -> Result<Payload, Fault> {
    let Body { action, package } = read(body)?;
    let Some(Package { name, package_type, owner, package_version }) = package else { return Ok(Payload::default()) };
    let owner = owner.and_then(|owner| owner.login);
    let address = format!("{HOST}/{}/{}", Text::of(owner.as_ref()), Text::of(name.as_ref()));
    let addresses: BTreeSet<Address> = Address::of_registry(&address).into_iter().collect();
    let tag = package_version.and_then(|version| version.container_metadata?.tag?.name);
    let is_container = Text::of(package_type.as_ref()).eq_ignore_ascii_case("container");
    let is_published = Text::of(action.as_ref()) == "published";
    let tag = Text::of(tag.as_ref());
    let is_change = is_container && is_published && !tag.is_empty();
    let changes = is_change.then(|| Change::Package { tag: tag.to_owned() }).into_iter().collect();
    Ok(Payload { addresses, changes })
}
