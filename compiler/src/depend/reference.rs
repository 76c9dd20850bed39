//! References as data: which field of which kind names an object of which other kind.
//!
//! In: a table of [`Reference`]s and a manifest. Out: an edge for each reference that leads to an object of the set,
//! with the field that was found (`spec.listeners[https].tls.certificateRefs[shop]`). Most families are such tables;
//! only what needs more than a field is written out by hand elsewhere.

use std::fmt::Write as _;

use crate::canon::Value;
use crate::manifest::Manifest;
use crate::name::{Scope, group_of};

use super::{Index, Node, Rule, Sink, State, Strength};

/// A field that names an object. What it names is awaited as present: that suffices for whoever looks it up later.
pub(super) struct Reference {
    /// The group of the dependents.
    group: &'static str,
    /// Their kinds.
    kinds: &'static [&'static str],
    /// Where the reference is; `[*]` stands for each item of a list.
    path: &'static str,
    to: Target<'static>,
    strength: Strength,
    rule: Rule,
}

/// How a field names an object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'r> {
    /// The text is the name of an object of this group and kind, in the namespace of the referrer.
    Beside(&'r str, &'r str),
    /// The text is the name of an object of this group and kind, which has no namespaces.
    Cluster(&'r str, &'r str),
    /// A map with `name` and, where they are not this group and kind or its own namespace, with `group`, `apiGroup`
    /// or `apiVersion`, `kind` and `namespace`.
    Object(&'r str, &'r str),
}

impl Reference {
    pub(super) const fn soft(
        group: &'static str,
        kinds: &'static [&'static str],
        path: &'static str,
        to: Target<'static>,
        rule: Rule,
    ) -> Self {
        Self { group, kinds, path, to, strength: Strength::Soft, rule }
    }

    pub(super) const fn hard(
        group: &'static str,
        kinds: &'static [&'static str],
        path: &'static str,
        to: Target<'static>,
        rule: Rule,
    ) -> Self {
        Self { group, kinds, path, to, strength: Strength::Hard, rule }
    }
}

/// Adds the edges of those references of `table` that are for the kind of this manifest.
pub(super) fn infer(table: &[Reference], manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
    let key = &manifest.key;
    for reference in table.iter().filter(|reference| reference.group == key.group) {
        if reference.kinds.contains(&key.kind.as_str()) {
            visit(&manifest.body, reference.path, &mut |value, trail| {
                let to = reference.to.resolve(value, &key.scope, index);
                if let (None, Some((kind, name))) = (to, reference.to.beside(value, &key.scope, index)) {
                    sink.miss(kind, name, || trail.to_string());
                }
                sink.add_at(to, State::Present, reference.strength, reference.rule, || trail.to_string());
            });
        }
    }
}

impl Target<'_> {
    /// Kind and name of the object that a value names in the namespace of the referrer, where nothing outside of the set
    /// is likely to bring it: no other namespace, nothing of the cluster's own, no Secret that a controller makes.
    fn beside<'v>(self, value: &'v Value, scope: &Scope, index: &Index<'_>) -> Option<(&'v str, &'v str)>
    where
        Self: 'v,
    {
        let (kind, name) = match self {
            Self::Beside("", kind) => (kind, value.as_str()?),
            Self::Object(group, kind) => {
                let text = |field: &str| value.get(field).and_then(Value::as_str);
                let (group, kind) = (text("apiVersion").map_or(group, group_of), text("kind").unwrap_or(kind));
                let workload = group == "apps" && ["Deployment", "ReplicaSet", "StatefulSet"].contains(&kind);
                (Some(kind).filter(|_| workload && text("namespace").is_none())?, text("name")?)
            }
            Self::Beside(..) | Self::Cluster(..) => return None,
        };
        index.nothing_makes(scope, kind, name).then_some((kind, name))
    }

    /// The object of the set that a value names, if there is one.
    pub(super) fn resolve(self, value: &Value, scope: &Scope, index: &Index<'_>) -> Option<Node> {
        match self {
            Self::Beside(group, kind) => index.beside(scope, group, kind, value.as_str()?),
            Self::Cluster(group, kind) => index.cluster(group, kind, value.as_str()?),
            Self::Object(default_group, kind) => {
                let text = |field: &str| value.get(field).and_then(Value::as_str);
                if value.get("optional").and_then(Value::as_bool) == Some(true) {
                    return None;
                }
                let name = text("name")?;
                // An empty group is the core group, and not the default.
                let group = text("group").or_else(|| text("apiGroup")).or_else(|| text("apiVersion").map(group_of));
                let (group, kind) = (group.unwrap_or(default_group), text("kind").unwrap_or(kind));
                if index.namespaced(group, kind) == Some(false) {
                    return index.cluster(group, kind, name);
                }
                let namespace = text("namespace").filter(|namespace| !namespace.is_empty());
                index.inside(namespace, scope, group, kind, name)
            }
        }
    }
}

/// Calls `found` with each value at `path`, and with the way there.
pub(super) fn visit<'v>(value: &'v Value, path: &str, found: &mut dyn FnMut(&'v Value, &Trail<'_>)) {
    walk(value, path, &Trail::Top, found);
}

/// Like [`visit`], for a value that is itself at `prefix`.
pub(super) fn visit_below<'v>(
    prefix: &str,
    value: &'v Value,
    path: &str,
    found: &mut dyn FnMut(&'v Value, &Trail<'_>),
) {
    walk(value, path, &Trail::Field(&Trail::Top, prefix), found);
}

/// Goes as deep as the path has parts, and so never deep.
fn walk<'v>(value: &'v Value, path: &str, trail: &Trail<'_>, found: &mut dyn FnMut(&'v Value, &Trail<'_>)) {
    let (part, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut go_on = |value: &'v Value, trail: &Trail<'_>| {
        if rest.is_empty() {
            found(value, trail);
        } else {
            walk(value, rest, trail, found);
        }
    };
    let (field, is_list) = part.strip_suffix("[*]").map_or((part, false), |field| (field, true));
    let Some(value) = value.get(field) else { return };
    let trail = Trail::Field(trail, field);
    if is_list {
        for (number, item) in value.items().iter().enumerate() {
            go_on(item, &Trail::Item(&trail, item, number));
        }
    } else {
        go_on(value, &trail);
    }
}

/// The way from the top of a body to one of its values. It lives on the stack and becomes text only when it is told.
pub(super) enum Trail<'t> {
    Top,
    Field(&'t Self, &'t str),
    Item(&'t Self, &'t Value, usize),
}

/// `spec.rules[shop.example.com].http.paths[/cart]`: items by what people know them by, else by their number.
impl std::fmt::Display for Trail<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Field(Self::Top, field) => formatter.write_str(field),
            Self::Field(before, field) => write!(formatter, "{before}.{field}"),
            Self::Item(before, item, number) => {
                write!(formatter, "{before}[")?;
                let known_by = ["name", "host", "path"].iter().find_map(|field| item.get(field));
                match known_by.or_else(|| item.at(&["metadata", "name"])).and_then(Value::as_str) {
                    Some(name) => formatter.write_str(name)?,
                    None => write!(formatter, "{number}")?,
                }
                formatter.write_char(']')
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_every_value_and_tells_the_way() {
        let body = Value::from(json!({"spec": {"a": [
            {"name": "x", "b": {"c": [1, 2]}}, {"b": {"c": [3]}}, {"host": "h"}, "text",
        ], "d": "one"}}));
        let found = |path: &str| {
            let mut found = Vec::new();
            visit(&body, path, &mut |value, trail| found.push((value.as_int(), trail.to_string())));
            found
        };
        let place = |number: i64, trail: &str| (Some(number), trail.to_owned());
        assert_eq!(
            found("spec.a[*].b.c[*]"),
            [place(1, "spec.a[x].b.c[0]"), place(2, "spec.a[x].b.c[1]"), place(3, "spec.a[1].b.c[0]")]
        );
        assert_eq!(found("spec.d"), [(None, "spec.d".to_owned())]);
        assert_eq!(found("spec.a[*].host"), [(None, "spec.a[h].host".to_owned())]);
        assert_eq!(found("spec.d.e"), []);
        assert_eq!(found("spec.d[*]"), []);
    }
}
