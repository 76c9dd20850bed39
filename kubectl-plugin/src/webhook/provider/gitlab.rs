//! GitLab: the hooks of a project for pushes and tags, and the hooks of a whole system, which tell of much more. Merge
//! requests are taken and say nothing; so is what a system tells beside pushes, since nobody can choose there.

use serde::Deserialize;

use super::{Fault, Payload, anything, push};
use crate::webhook::bounded::{Bounded, Text, read};
use crate::webhook::event::Change;
use crate::webhook::target::Reference;

/// What a hook of a system is about.
#[derive(Deserialize)]
struct Kind {
    object_kind: Option<Text>,
    event_name: Option<Text>,
}

/// What all bodies that are used have.
#[derive(Deserialize)]
struct Body {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    web_url: Option<Text>,
    git_http_url: Option<Text>,
    git_ssh_url: Option<Text>,
    default_branch: Option<Text>,
}

#[derive(Deserialize)]
struct Moved {
    #[serde(rename = "ref")]
    reference: Option<Text>,
    before: Option<Text>,
    after: Option<Text>,
}

/// Of `repository_update`: all refs of one push.
#[derive(Deserialize)]
struct Update {
    changes: Option<Bounded<Moved>>,
}

pub(super) fn knows(event: &[u8]) -> bool {
    matches!(event, b"Push Hook" | b"Tag Push Hook" | b"Merge Request Hook" | b"System Hook")
}

pub(super) fn parse(event: &[u8], body: &[u8]) -> Result<Payload, Fault> {
    let kind = match event {
        b"Push Hook" | b"Tag Push Hook" => "push".to_owned(),
        b"System Hook" => {
            let Kind { object_kind, event_name } = read(body)?;
            Text::of(object_kind.as_ref().or(event_name.as_ref())).to_owned()
        }
        _ => String::new(),
    };
    let is_update = kind == "repository_update";
    let is_push = matches!(kind.as_str(), "push" | "tag_push");
    if !is_update && !is_push && event == b"System Hook" {
        // Users, keys and groups come and go: their bodies have other forms.
        return Ok(Payload::default());
    }
    let Body { project } = read(body)?;
    let Some(project) = project else { return Ok(Payload::default()) };
    let changes = if is_update {
        all_of(&read(body)?, &project)
    } else if is_push {
        vec![one(&read(body)?, &project)]
    } else {
        Vec::new()
    };
    let addresses = [&project.web_url, &project.git_http_url, &project.git_ssh_url];
    Ok(Payload::about(addresses.map(|url| Text::of(url.as_ref())), changes))
}

fn one(moved: &Moved, project: &Project) -> Change {
    let Moved { reference, before, after } = moved;
    let default_branch = Text::of(project.default_branch.as_ref());
    let reference = Reference::of(Text::of(reference.as_ref()));
    push(reference, default_branch, Text::of(before.as_ref()), Text::of(after.as_ref()))
}

fn all_of(update: &Update, project: &Project) -> Vec<Change> {
    if Bounded::is_cut(update.changes.as_ref()) {
        return vec![anything()];
    }
    Bounded::of(update.changes.as_ref()).iter().map(|moved| one(moved, project)).collect()
}
