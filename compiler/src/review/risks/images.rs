//! Where images come from, and which versions they are of.
//!
//! In: a workload that differs. Out: findings about its images, and about charts.

use super::super::compared::Changed;
use super::super::image::Image;
use super::super::pods::{Container, containers, spec};
use super::super::report::{Step, VersionChange, Versioned};
use super::super::rule::{DIGEST_DROPPED, IMAGE_MOVED, IMAGE_MUTABLE, MAJOR_VERSION, RiskRule, VERSION_LOWERED};
use super::super::versions::step;
use super::{Context, Finding};

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let key = change.key();
    let Some(new) = change.new_body().and_then(|body| spec(key, body)) else { return };
    let old = change.old_body().and_then(|body| spec(key, body)).map(containers).unwrap_or_default();
    for container in containers(new) {
        let same = |other: &&Container<'_>| other.list == container.list && other.name == container.name;
        let Some(text) = container.text("image") else { continue };
        let (is, path) = (Image::of(text), Some(format!("{}.image", container.path(key))));
        let before = old.iter().find(same).and_then(|was| was.text("image"));
        if before == Some(text) {
            continue;
        }
        let was = before.map(Image::of);
        if is.is_mutable() && !was.is_some_and(|was| was.is_mutable()) {
            context.push(IMAGE_MUTABLE, change, path.clone(), format!("{text} has no version"));
        }
        let Some(was) = was else { continue };
        if was.place() != is.place() {
            let evidence = format!("{} instead of {}", is.repository, was.repository);
            context.push(IMAGE_MOVED, change, path, evidence);
            continue;
        }
        if was.digest.is_some() && is.digest.is_none() {
            context.push(DIGEST_DROPPED, change, path.clone(), format!("{text} has no digest any more"));
        }
        let (from, to) = (was.version(), is.version());
        if let Some(rule) = risky(&from, &to) {
            context.push(rule, change, path, format!("{} {from} → {to}", is.repository));
        }
    }
}

/// The rule that objects to a step.
fn risky(from: &str, to: &str) -> Option<RiskRule> {
    match step(Some(from), Some(to)) {
        Step::Major => Some(MAJOR_VERSION),
        Step::Older => Some(VERSION_LOWERED),
        _ => None,
    }
}

/// Charts leave labels on all that they make: each step is told once.
pub(super) fn charts(context: &mut Context<'_, '_>, versions: &[VersionChange]) {
    for change in versions.iter().filter(|change| change.kind == Versioned::Chart) {
        let (Some(from), Some(to)) = (&change.from, &change.to) else { continue };
        let Some(rule) = risky(from, to) else { continue };
        let (evidence, resource) = (format!("chart {} {from} → {to}", change.name), change.resources.first().cloned());
        let path = Some("metadata.labels[helm.sh/chart]".to_owned());
        context.found.push(Finding { rule, resource, path, evidence, origin: None });
    }
}
