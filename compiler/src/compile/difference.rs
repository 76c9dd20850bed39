//! In what two renders of one recipe differ.
//!
//! In: what a program wrote, twice. Out: [`Difference`]s by object and field, each with the template that made the object
//! where that is known. What means the same, as another order of objects or another comment, is no difference. Values are
//! shortened to where they part; those of Secrets never come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::diff;
use crate::lint::NOT_DETERMINISTIC;
use crate::manifest::Manifest;
use crate::name::ResourceKey;
use crate::render::{self, ToolRender};

/// How much of a value is shown, in characters.
const SHOWN: usize = 40;

/// How much of what two values have in common is shown before they part.
const SHOWN_BEFORE: usize = 8;

/// One thing that is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was compared.
    pub between: Between,
    /// The template, where the output says so; the file of the render otherwise.
    pub origin: Origin,
    /// What it is.
    pub what: What,
}

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Between {
    /// Two renders, one after the other.
    TwoRenders,
    /// What the store remembers, and a render.
    RememberedAndNow,
}

/// What is not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A field of an object.
    Field {
        /// The object.
        resource: ResourceKey,
        /// The field, from the top of the body.
        path: String,
        /// Both values, shortened; each is absent where the field is. None of both where they may not be shown.
        values: Option<[Option<String>; 2]>,
    },
    /// An object that one of both does not have.
    Alone {
        /// The object.
        resource: ResourceKey,
        /// Whether the first has it.
        is_first: bool,
    },
    /// One of both failed.
    Failed {
        /// Whether the first did.
        is_first: bool,
    },
    /// Text that cannot be read as manifests.
    Text,
}

/// What is not the same in two outputs of a render.
pub(super) fn differences(render: &ToolRender, between: Between, first: &[u8], second: &[u8]) -> Vec<Difference> {
    if first == second {
        return Vec::new();
    }
    let (first, second) = (render::read_output(render, first), render::read_output(render, second));
    let mut found = of_manifests(between, &first.manifests, &second.manifests);
    let errors = |findings: &[Diagnostic]| -> Vec<String> {
        let errors = findings.iter().filter(|finding| finding.level == Level::Error);
        errors.map(|finding| finding.message.clone()).collect()
    };
    if found.is_empty() && errors(&first.findings) != errors(&second.findings) {
        found.push(Difference { between, origin: render.origin().clone(), what: What::Text });
    }
    found
}

fn of_manifests(between: Between, first: &[Manifest], second: &[Manifest]) -> Vec<Difference> {
    let (first, second) = (numbered(first), numbered(second));
    let keys: BTreeSet<_> = first.keys().chain(second.keys()).copied().collect();
    let mut found = Vec::new();
    for key in keys {
        let resource = || key.0.clone();
        match (first.get(&key), second.get(&key)) {
            (Some(left), Some(right)) => {
                found.extend(fields(left, right).map(|what| Difference { between, origin: left.origin.clone(), what }));
            }
            (Some(one), None) | (None, Some(one)) => {
                let what = What::Alone { resource: resource(), is_first: first.contains_key(&key) };
                found.push(Difference { between, origin: one.origin.clone(), what });
            }
            (None, None) => {}
        }
    }
    found
}

/// By key, and how many of the same key came before.
fn numbered(manifests: &[Manifest]) -> BTreeMap<(&ResourceKey, usize), &Manifest> {
    let mut seen = BTreeMap::new();
    let mut found = BTreeMap::new();
    for manifest in manifests {
        let count: &mut usize = seen.entry(&manifest.key).or_default();
        found.insert((&manifest.key, *count), manifest);
        *count += 1;
    }
    found
}

fn fields<'m>(first: &'m Manifest, second: &Manifest) -> impl Iterator<Item = What> + use<'m> {
    diff::bodies(&first.key, &first.body, &second.body).into_iter().map(|change| {
        let values = (!change.is_masked()).then(|| shortened(change.old.as_ref(), change.new.as_ref()));
        What::Field { resource: first.key.clone(), path: change.path, values }
    })
}

/// Both values, from shortly before they part.
fn shortened(first: Option<&Value>, second: Option<&Value>) -> [Option<String>; 2] {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => serde_json::Value::from(other).to_string(),
    };
    let texts = [first.map(text), second.map(text)];
    let common = match &texts {
        [Some(first), Some(second)] => {
            first.chars().zip(second.chars()).take_while(|(left, right)| left == right).count()
        }
        _ => 0,
    };
    texts.map(|text| text.map(|text| excerpt(&text, common)))
}

/// One line of bounded length, from shortly before a character. Control characters cannot reach a terminal.
fn excerpt(text: &str, parting: usize) -> String {
    let length = text.chars().count();
    let start = if length <= SHOWN { 0 } else { parting.saturating_sub(SHOWN_BEFORE).min(length - SHOWN) };
    let mut line = String::new();
    if start > 0 {
        line.push('…');
    }
    for character in text.chars().skip(start).take(SHOWN) {
        match character {
            '"' | '\'' => line.push(character),
            other => line.extend(other.escape_debug()),
        }
    }
    if start + SHOWN < length {
        line.push('…');
    }
    line
}

impl Difference {
    /// The object that is meant, where there is one.
    #[must_use]
    pub fn resource(&self) -> Option<&ResourceKey> {
        match &self.what {
            What::Field { resource, .. } | What::Alone { resource, .. } => Some(resource),
            What::Failed { .. } | What::Text => None,
        }
    }

    /// What there is to say of it.
    pub(super) fn finding(&self) -> Diagnostic {
        Diagnostic::lint(self.origin.clone(), NOT_DETERMINISTIC, self.to_string())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = match self.between {
            Between::TwoRenders => ["in one render", "in another"],
            Between::RememberedAndNow => ["in what this machine remembers", "now"],
        };
        let sides = |is_first: bool| if is_first { (first, second) } else { (second, first) };
        match &self.what {
            What::Field { resource, path, values: Some(values) } => {
                let [old, new] = values.each_ref().map(|value| match value {
                    Some(value) => format!("`{value}`"),
                    None => "absent".to_owned(),
                });
                write!(formatter, "{resource}: {path} is {old} {first}, and {new} {second}")?;
            }
            What::Field { resource, path, values: None } => {
                write!(formatter, "{resource}: {path} is another {first} than {second}")?;
            }
            What::Alone { resource, is_first } => {
                let (there, elsewhere) = sides(*is_first);
                write!(formatter, "{resource} is there {there}, and not {elsewhere}")?;
            }
            What::Failed { is_first } => {
                let (there, elsewhere) = sides(*is_first);
                write!(formatter, "it fails {there}, and not {elsewhere}")?;
            }
            What::Text => write!(formatter, "what it writes {first} is not what it writes {second}")?,
        }
        formatter.write_str(": make what changes outside of the render, and give it as a value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(first: &str, second: &str) -> Vec<String> {
        let read = |text: &str| crate::manifest::read("a.yaml", text.as_bytes()).0;
        let found = of_manifests(Between::TwoRenders, &read(first), &read(second));
        let end = ": make what changes outside of the render, and give it as a value";
        found.iter().map(|difference| difference.to_string().replace(end, "")).collect()
    }

    fn config(name: &str, data: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {data}\n---\n")
    }

    #[test]
    fn fields_are_named_with_both_values() {
        let found = told(&config("a", "{time: '10', b: x}"), &config("a", "{time: '12', b: x}"));
        assert_eq!(found, ["ConfigMap a: data.time is `10` in one render, and `12` in another"]);
        let found = told(&config("a", "{}"), &config("a", "{b: x}"));
        assert_eq!(found, ["ConfigMap a: data.b is absent in one render, and `x` in another"]);
    }

    #[test]
    fn objects_of_one_render_alone_are_named() {
        let found = told(&config("job-x", "{}"), &config("job-y", "{}"));
        let wanted = [
            "ConfigMap job-x is there in one render, and not in another",
            "ConfigMap job-y is there in another, and not in one render",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_order_of_objects_is_no_difference_but_where_they_have_one_key() {
        let (a, b, other) = (config("a", "{}"), config("b", "{}"), config("a", "{c: d}"));
        assert_eq!(told(&format!("{a}{b}"), &format!("# a comment\n{b}{a}")), Vec::<String>::new());
        assert_eq!(told(&format!("{a}{other}"), &format!("{other}{a}")).len(), 2);
    }

    #[test]
    fn values_of_secrets_do_not_come_out() {
        let secret = |value: &str, label: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: s, labels: {{l: {label}}}}}\nstringData: {{p: {value}}}\n"
            )
        };
        let found = told(&secret("hunter2", "a"), &secret("hunter3", "b"));
        let wanted = [
            "Secret s: data.p is another in one render than in another",
            "Secret s: metadata.labels.l is `a` in one render, and `b` in another",
        ];
        assert_eq!(found, wanted);
    }

    #[test]
    fn long_values_are_shown_where_they_part() {
        let long = |middle: &str| Value::from(format!("{}{middle}{}", "a".repeat(100), "z".repeat(100)));
        let values = shortened(Some(&long("1\n")), Some(&long("2")));
        let [first, second] = values.map(Option::unwrap_or_default);
        assert_eq!(first, format!("…aaaaaaaa1\\n{}…", "z".repeat(30)));
        assert_eq!(second, format!("…aaaaaaaa2{}…", "z".repeat(31)));
        let ends = shortened(Some(&long("")), Some(&Value::Int(7)));
        assert_eq!(ends.map(Option::unwrap_or_default), [format!("{}…", "a".repeat(40)), "7".to_owned()]);
    }
}
