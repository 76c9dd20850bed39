//! Images and charts of other versions: the lines that most readers want first.
//!
//! In: what differs. Out: one [`VersionChange`] for each image or chart and step, with all who have it.

use std::collections::BTreeMap;

use crate::canon::Value;
use crate::name::{ResourceKey, Version};

use super::compared::{Changed, Compared};
use super::image::Image;
use super::pods;
use super::report::{Step, VersionChange, Versioned};

/// The label that Helm's charts leave on what they make.
const CHART: &str = "helm.sh/chart";

type Found = BTreeMap<(Versioned, String, Option<String>, Option<String>), Vec<ResourceKey>>;

/// All other versions, charts behind images.
pub(super) fn versions(compared: &Compared<'_>) -> Vec<VersionChange> {
    let mut found = Found::new();
    for change in &compared.changes {
        images(change, &mut found);
        chart(change, &mut found);
    }
    let change = |((kind, name, from, to), mut resources): (_, Vec<ResourceKey>)| {
        resources.sort();
        resources.dedup();
        let step = step(Option::as_deref(&from), Option::as_deref(&to));
        VersionChange { kind, name, from, to, step, resources }
    };
    found.into_iter().map(change).collect()
}

fn images(change: &Changed<'_>, found: &mut Found) {
    let of = |body: Option<&'_ Value>| -> BTreeMap<(&'static str, String), String> {
        let spec = body.and_then(|body| pods::spec(change.key(), body));
        let containers = spec.map(pods::containers).unwrap_or_default().into_iter();
        let named = |container: pods::Container<'_>| {
            Some(((container.list, container.name.to_owned()), container.text("image")?.to_owned()))
        };
        containers.filter_map(named).collect()
    };
    let (old, new) = (of(change.old_body()), of(change.new_body()));
    let mut push = |name: &str, from: Option<String>, to: Option<String>| {
        found.entry((Versioned::Image, name.to_owned(), from, to)).or_default().push(change.key().clone());
    };
    for (place, image) in &new {
        let is = Image::of(image);
        match old.get(place).map(|text| (text, Image::of(text))) {
            Some((text, _)) if text == image => {}
            Some((_, was)) if was.place() == is.place() => {
                push(is.repository, Some(was.version()), Some(is.version()));
            }
            // Another name: the old one is told as a whole.
            Some((text, _)) => push(is.repository, Some(text.clone()), Some(is.version())),
            None => push(is.repository, None, Some(is.version())),
        }
    }
    for (_, image) in old.iter().filter(|(place, _)| !new.contains_key(place)) {
        let was = Image::of(image);
        push(was.repository, Some(was.version()), None);
    }
}

fn chart(change: &Changed<'_>, found: &mut Found) {
    let (Some(old), Some(new)) = (change.old_body(), change.new_body()) else { return };
    let (Some((was, from)), Some((is, to))) = (chart_of(old), chart_of(new)) else { return };
    if was == is && from != to {
        let key = (Versioned::Chart, is.to_owned(), Some(from.to_owned()), Some(to.to_owned()));
        found.entry(key).or_default().push(change.key().clone());
    }
}

/// Name and version of the chart that made an object.
fn chart_of(body: &Value) -> Option<(&str, &str)> {
    let label = body.at(&["metadata", "labels", CHART])?.as_str()?;
    let at = label.match_indices('-').map(|(at, _)| at).find(|at| Version::parse(&label[at + 1..]).is_ok())?;
    Some((&label[..at], &label[at + 1..]))
}

/// How far it is from one version to another.
pub(super) fn step(from: Option<&str>, to: Option<&str>) -> Step {
    let (from, to) = match (from, to) {
        (None, _) => return Step::New,
        (_, None) => return Step::Gone,
        (Some(from), Some(to)) => (from, to),
    };
    let read = |text: &str| Version::parse(text.split('@').next().unwrap_or_default()).ok();
    let (Some(from), Some(to)) = (read(from), read(to)) else { return Step::Other };
    match to.cmp(&from) {
        std::cmp::Ordering::Equal => Step::Other,
        std::cmp::Ordering::Less => Step::Older,
        std::cmp::Ordering::Greater if to.major() != from.major() => Step::Major,
        std::cmp::Ordering::Greater if to.minor() != from.minor() => Step::Minor,
        std::cmp::Ordering::Greater => Step::Patch,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_semantic_versions() {
        for (from, to, wanted) in [
            ("1.8.2", "2.0.0", Step::Major),
            ("v1.8.2", "v1.9.0", Step::Minor),
            ("1.8.2", "1.8.3", Step::Patch),
            ("1.8.2", "1.8.1", Step::Older),
            ("1.8.2", "1.8.2@sha256:0", Step::Other),
            ("main", "1.0.0", Step::Other),
            ("2024a", "2024b", Step::Other),
        ] {
            assert_eq!(step(Some(from), Some(to)), wanted, "{from} {to}");
        }
        assert_eq!([step(None, Some("1")), step(Some("1"), None)], [Step::New, Step::Gone]);
    }

    #[test]
    fn charts_are_read_from_their_label() {
        let of = |label: &str| {
            let body = Value::from(serde_json::json!({"metadata": {"labels": {CHART: label}}}));
            chart_of(&body).map(|(name, version)| (name.to_owned(), version.to_owned()))
        };
        assert_eq!(of("redis-18.1.0"), Some(("redis".to_owned(), "18.1.0".to_owned())));
        assert_eq!(of("kube-state-5.0.0-rc.1"), Some(("kube-state".to_owned(), "5.0.0-rc.1".to_owned())));
        assert_eq!(of("redis"), None);
    }
}
