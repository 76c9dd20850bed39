//! Kubernetes' own kinds, as its API server describes them.
//!
//! In: one text for each minor version, which `cargo run -p gitops-testdata --bin openapi` makes from a real API server.
//! Out: [`Kubernetes`], read when it is needed first. A text says:
//!
//! ```text
//! kind apps/v1 Deployment apps.v1.Deployment     a kind that can be applied, and its type
//! type core.v1.ServicePort                       a type; its fields follow
//!  !port integer                                 a field that the server demands
//!  targetPort int-or-string                      and one that may be left out
//!  ports list:port,protocol=TCP core.v1.Port     a list whose items differ in these fields, with a default
//!  selector map string
//! ```
//!
//! It is plain text, since a new version of Kubernetes is then a difference that a person can read, and since all of it is
//! smaller than one picture. To add a version: let `testdata/cluster/go.mod` have it, run the command above, add a line to
//! [`VERSIONS`], and raise the number of the renderer, as equal files now give other lints.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::name::{KubernetesVersion, group_of};

use super::model::{Apart, Field, Form, Key, List, Model, NodeId, Object, Others};

/// Each version that is known, the newest last.
const VERSIONS: &[(&str, &str)] = &[("1.37", include_str!("1.37.txt"))];

/// The type of an object's metadata.
const METADATA: &str = "apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The kinds of one version.
#[derive(Debug)]
pub(super) struct Kubernetes {
    pub(super) model: Model<'static>,
    /// By `apiVersion` and kind.
    kinds: HashMap<(&'static str, &'static str), NodeId>,
    /// What the metadata of every object is.
    pub(super) metadata: NodeId,
}

/// The newest version that is known.
pub(super) fn version() -> KubernetesVersion {
    let newest = VERSIONS.last().and_then(|(version, _)| version.parse().ok());
    newest.unwrap_or(KubernetesVersion::of_minor(0))
}

/// The kinds of [`version()`].
pub(super) fn newest() -> &'static Kubernetes {
    static NEWEST: OnceLock<Kubernetes> = OnceLock::new();
    NEWEST.get_or_init(|| Kubernetes::read(VERSIONS.last().map_or("", |(_, text)| text)))
}

impl Kubernetes {
    /// The node of a kind.
    pub(super) fn kind(&self, api_version: &str, kind: &str) -> Option<NodeId> {
        self.kinds.get(&(api_version, kind)).copied()
    }

    /// The newest version in which a kind is served.
    pub(super) fn served_version(&self, group: &str, kind: &str) -> Option<&'static str> {
        let of_kind = self.kinds.keys().filter(|(version, found)| *found == kind && group_of(version) == group);
        of_kind.map(|(version, _)| *version).max()
    }

    fn read(text: &'static str) -> Self {
        let mut reader = Reader { model: Model::default(), known: HashMap::new() };
        // Types name each other in any order.
        for name in text.lines().filter_map(|line| line.strip_prefix("type ")) {
            let id = reader.model.add(Form::Any);
            reader.known.insert(name, id);
        }
        let mut kinds = HashMap::new();
        let mut open: Option<(NodeId, Vec<Field<'static>>)> = None;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("type ") {
                let next = (reader.words(name), Vec::new());
                reader.close(open.replace(next));
            } else if let (Some(field), Some((_, fields))) = (line.strip_prefix(' '), &mut open) {
                fields.extend(reader.field(field));
            } else if let Some([api_version, kind, name]) = line.strip_prefix("kind ").and_then(three_words) {
                kinds.insert((api_version, kind), reader.words(name));
            }
        }
        reader.close(open);
        let metadata = reader.words(METADATA);
        Self { model: reader.model, kinds, metadata }
    }
}

struct Reader {
    model: Model<'static>,
    /// The nodes of types, and of all that fields were said to be.
    known: HashMap<&'static str, NodeId>,
}

impl Reader {
    fn close(&mut self, open: Option<(NodeId, Vec<Field<'static>>)>) {
        if let Some((id, fields)) = open {
            self.model.set(id, Form::Object(Object::new(fields, Others::Unknown)));
        }
    }

    fn field(&mut self, text: &'static str) -> Option<Field<'static>> {
        let (name, words) = text.split_once(' ')?;
        let (name, demanded) = name.strip_prefix('!').map_or((name, false), |name| (name, true));
        Some(Field { name, node: self.words(words), demanded })
    }

    /// The node of what is written as `list map string`.
    fn words(&mut self, words: &'static str) -> NodeId {
        if let Some(known) = self.known.get(words) {
            return *known;
        }
        let form = match words.split_once(' ') {
            Some(("map", of)) => Form::Object(Object::new(Vec::new(), Others::Each(self.words(of)))),
            Some((list, of)) => Form::List(List { item: self.words(of), apart: apart(list) }),
            None => form(words),
        };
        let id = self.model.add(form);
        self.known.insert(words, id);
        id
    }
}

/// One word. One that is not known would be a mistake of the generator, and lets everything through.
fn form(word: &str) -> Form<'static> {
    match word {
        "boolean" => Form::Boolean,
        "bytes" => Form::Bytes,
        "int-or-string" => Form::IntOrString,
        "integer" => Form::Integer,
        "micro-time" => Form::MicroTime,
        "number" => Form::Number,
        "quantity" => Form::Quantity,
        "string" => Form::String,
        "time" => Form::Time,
        _ => Form::Any,
    }
}

/// The keys in `list:containerPort,protocol=TCP`.
fn apart(list: &'static str) -> Apart<'static> {
    let Some((_, keys)) = list.split_once(':') else { return Apart::Not };
    let key = |key: &'static str| match key.split_once('=') {
        Some((name, default)) => Key { name, default: Some(default) },
        None => Key { name: key, default: None },
    };
    Apart::Keys(keys.split(',').map(key).collect())
}

fn three_words(text: &'static str) -> Option<[&'static str; 3]> {
    text.split(' ').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_understood_to_the_last_word() {
        for (version, text) in VERSIONS {
            let types: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("type ")).collect();
            assert!(types.contains(&METADATA), "{version}");
            let words = text.lines().filter_map(|line| line.strip_prefix(' ')?.split_once(' '));
            for (field, words) in words {
                let (before, last) = words.rsplit_once(' ').unwrap_or(("", words));
                let known = last == "any" || types.contains(&last) || !matches!(form(last), Form::Any);
                assert!(known, "{version}: {field} {words}");
                let containers = before.split(' ').filter(|word| !word.is_empty());
                for word in containers {
                    assert!(word == "map" || word == "list" || word.starts_with("list:"), "{version}: {field} {words}");
                }
            }
            let kinds = text.lines().filter_map(|line| line.strip_prefix("kind ")).filter_map(three_words);
            let kinds: Vec<_> = kinds.collect();
            assert!(kinds.len() > 60 && kinds.iter().all(|[_, _, name]| types.contains(name)), "{version}");
        }
    }

    #[test]
    fn a_type_has_its_fields() {
        let kubernetes = newest();
        let node = kubernetes.kind("apps/v1", "Deployment").and_then(|id| kubernetes.model.node(id));
        let Some(Form::Object(deployment)) = node.map(|node| &node.form) else { panic!("{node:?}") };
        assert!(deployment.field("spec").is_some_and(|spec| spec.demanded));
        assert!(deployment.field("status").is_some_and(|status| !status.demanded));
        assert!(deployment.field("spek").is_none());
        assert_eq!(kubernetes.kind("apps/v1beta1", "Deployment"), None);
        assert!(version().minor() >= 37);
        assert_eq!(kubernetes.served_version("autoscaling", "HorizontalPodAutoscaler"), Some("autoscaling/v2"));
    }
}
