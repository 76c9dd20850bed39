//! References that only the user knows: fields of custom kinds that name other objects.
//!
//! In: `.gitops/edges.yaml` of an application's folder. Out: [`EdgeRules`], and their edges, as soft as all references.
//! The file is part of what is compiled: its bytes are in the recipe, so that equal recipes have equal edges. It can
//! make objects wait for others of the same set, and nothing else.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::canon::Value;
use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::Manifest;
use crate::name::{ResourceKey, Scope};

use super::edges::Edges;
use super::reference::{Target, visit};
use super::{Index, Node, Rule, Sink, State, Strength, extensions};

pub(super) const WRITTEN: Rule = Rule { name: "edge-rule", version: 1, reason: "a rule in .gitops/edges.yaml says so" };

/// So many references may be written; the largest list that we know has a tenth of them.
const MAX_REFERENCES: usize = 1000;
/// A path is followed by recursion.
const MAX_PARTS: usize = 32;

/// Rules about edges that an application has in `.gitops/edges.yaml`, in its folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeRules {
    /// Fields that name other objects. Each makes an edge wherever it names one of the same application.
    #[serde(default)]
    references: Vec<WrittenReference>,
    /// Rules of the program itself whose edges wait until what is named is ready, not only there.
    #[serde(default)]
    ready: BTreeSet<Raised>,
}

/// A field that names an object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WrittenReference {
    /// The kinds that have the field.
    from: Dependents,
    /// Where it is, such as `spec.clusterRef` or `spec.subnetRefs[*].name`; `[*]` stands for each item of a list. A text
    /// there is a name; a map has `name` and perhaps `namespace`, `kind`, and `group`, `apiGroup` or `apiVersion`.
    field: FieldPath,
    /// What it names.
    to: Dependency,
    /// What must hold of that before the object with the field is applied.
    #[serde(default)]
    state: Wanted,
}

/// Kinds of one group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Dependents {
    /// Their group; the core group where absent.
    #[serde(default)]
    group: String,
    /// The kinds.
    kinds: Vec<String>,
}

/// A kind that is named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Dependency {
    /// Its group; the core group where absent.
    #[serde(default)]
    group: String,
    /// The kind.
    kind: String,
    /// Whether it has namespaces. Where absent its CRD among the manifests says so; else it has.
    #[serde(default)]
    scope: Option<WrittenScope>,
}

/// As in a CRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
enum WrittenScope {
    /// It has namespaces.
    Namespaced,
    /// It has none.
    Cluster,
}

/// What must hold of an object that is waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    /// The server has accepted it.
    #[default]
    Present,
    /// It works.
    Ready,
}

/// A rule of the program itself that can wait until what is named is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Raised {
    /// Certificates for their issuers.
    Issuer,
    /// `ExternalSecrets` for their stores.
    SecretStore,
    /// Flux's objects for their sources.
    FluxSource,
    /// Flux's objects for those that they depend on.
    FluxDependsOn,
    /// Applications of Argo CD for their project.
    ArgoProject,
}

/// A path of fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
struct FieldPath(String);

impl TryFrom<String> for FieldPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_field = |part: &str| {
            let field = part.strip_suffix("[*]").unwrap_or(part);
            !field.is_empty() && !field.contains(['[', ']', '*'])
        };
        if text.split('.').count() > MAX_PARTS {
            return Err(format!("`{text}` has more than {MAX_PARTS} parts"));
        }
        if text.split('.').all(is_field) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no path: write spec.subnetRefs[*].name"))
        }
    }
}

impl EdgeRules {
    /// The rules of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.references.extend(other.references);
        self.ready.extend(other.ready);
        self
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// Whatever it says that is not a rule, with the line. A file that says nothing has no rules.
    pub fn read(path: &str, bytes: &[u8]) -> Result<Self, Diagnostic> {
        let at =
            |line, column, message: String| Diagnostic::error(Origin { path: path.to_owned(), line, column }, message);
        let read: Result<Option<Self>, _> = serde_yaml::from_slice(bytes);
        let rules = read.map(Option::unwrap_or_default).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
            let text = error.to_string();
            // The place stands before the message, as everywhere.
            let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
            at(line, column, message.to_owned())
        })?;
        if rules.references.len() > MAX_REFERENCES {
            return Err(at(0, 0, format!("it has more than {MAX_REFERENCES} references")));
        }
        Ok(rules)
    }

    /// Whether they look at objects of this kind, and so at any field of them.
    pub(super) fn read_of(&self, key: &ResourceKey) -> bool {
        self.references.iter().any(|reference| reference.is_of(key))
    }

    /// Adds the edges of one manifest.
    pub(super) fn infer(&self, manifest: &Manifest, index: &Index<'_>, sink: &mut Sink<'_>) {
        let key = &manifest.key;
        for reference in self.references.iter().filter(|reference| reference.is_of(key)) {
            let state = match reference.state {
                Wanted::Present => State::Present,
                Wanted::Ready => State::Ready,
            };
            visit(&manifest.body, &reference.field.0, &mut |value, trail| {
                let to = reference.to.resolve(value, &key.scope, index);
                sink.add_at(to, state, Strength::Soft, WRITTEN, || trail.to_string());
            });
        }
    }

    /// Lets edges of the program's own rules wait for readiness.
    pub(super) fn raise(&self, edges: &mut Edges) {
        if !self.ready.is_empty() {
            let raised: Vec<Rule> = self.ready.iter().map(|raised| raised.rule()).collect();
            edges.raise(&raised);
        }
    }
}

impl WrittenReference {
    fn is_of(&self, key: &ResourceKey) -> bool {
        self.from.group == key.group && self.from.kinds.contains(&key.kind)
    }
}

impl Dependency {
    /// The object of the set that a value names, if there is one.
    fn resolve(&self, value: &Value, scope: &Scope, index: &Index<'_>) -> Option<Node> {
        let (group, kind) = (self.group.as_str(), self.kind.as_str());
        let has_namespaces = match self.scope {
            Some(written) => written == WrittenScope::Namespaced,
            None => index.namespaced(group, kind) != Some(false),
        };
        let name = value.as_str().or_else(|| value.get("name")?.as_str());
        match (has_namespaces, value) {
            (false, _) => index.cluster(group, kind, name?),
            (true, Value::String(name)) => index.beside(scope, group, kind, name),
            (true, _) => Target::Object(group, kind).resolve(value, scope, index),
        }
    }
}

impl Raised {
    fn rule(self) -> Rule {
        match self {
            Self::Issuer => extensions::ISSUER,
            Self::SecretStore => extensions::SECRET_STORE,
            Self::FluxSource => extensions::FLUX_SOURCE,
            Self::FluxDependsOn => extensions::FLUX_DEPENDS_ON,
            Self::ArgoProject => extensions::ARGO_PROJECT,
        }
    }
}
