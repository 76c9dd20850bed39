//! GitHub: `push`, which is also sent for tags. `ping` and `pull_request` are taken and say nothing but which repository they
//! are about; `package` is the registry's (`ghcr`).

use serde::Deserialize;

use super::{Fault, Payload, push};
use crate::webhook::bounded::{Text, read};
use crate::webhook::target::Reference;

#[derive(Deserialize)]
struct Body {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
struct Repository {
    html_url: Option<Text>,
    clone_url: Option<Text>,
    ssh_url: Option<Text>,
    default_branch: Option<Text>,
}

/// What a push has beside its repository.
#[derive(Deserialize)]
struct Moved {
    #[serde(rename = "ref")]
    reference: Option<Text>,
    before: Option<Text>,
    after: Option<Text>,
}

pub(super) fn knows(event: &[u8]) -> bool {
    matches!(event, b"push" | b"ping" | b"pull_request" | b"package")
}

pub(super) fn parse(event: &[u8], body: &[u8]) -> Result<Payload, Fault> {
    let Body { repository } = read(body)?;
    // The ping of an organisation has none.
    let Some(repository) = repository else { return Ok(Payload::default()) };
    let mut changes = Vec::new();
    if event == b"push" {
        let Moved { reference, before, after } = read(body)?;
        let reference = Reference::of(Text::of(reference.as_ref()));
        let default_branch = Text::of(repository.default_branch.as_ref());
        changes.push(push(reference, default_branch, Text::of(before.as_ref()), Text::of(after.as_ref())));
    }
    let addresses = [&repository.html_url, &repository.clone_url, &repository.ssh_url];
    Ok(Payload::about(addresses.map(|url| Text::of(url.as_ref())), changes))
}
