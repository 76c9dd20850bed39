//! Which fields of a kustomization hold paths, and of what.
//!
//! In: a field and its value. Out: calls of the [`Closure`] for each name. A field, or a document of a generator, whose
//! paths are not known brings the whole repository.
//!
//! The fields are those of `types.Kustomization` of Kustomize 5.8 (`sigs.k8s.io/kustomize/api`).

use crate::canon::Value;
use crate::manifest::yaml::{self, Limits};
use crate::render::Error;

use super::closure::{Closure, Found, Place};

/// Fields without paths.
const PLAIN: &[&str] = &[
    "apiVersion",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "generatorOptions",
    "imageTags",
    "images",
    "kind",
    "labels",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "replicas",
    "sortOptions",
    "vars",
];

/// Kinds of Kustomize's own generators and transformers without paths.
const PLAIN_PLUGINS: &[&str] = &[
    "AnnotationsTransformer",
    "HashTransformer",
    "IAMPolicyGenerator",
    "ImageTagTransformer",
    "LabelTransformer",
    "NamespaceTransformer",
    "PrefixSuffixTransformer",
    "PrefixTransformer",
    "ReplicaCountTransformer",
    "SuffixTransformer",
    "ValueAddTransformer",
];

impl Closure<'_, '_> {
    pub(super) fn field(&mut self, place: &Place<'_>, field: &str, value: &Value) -> Result<(), Error> {
        let at = |index: usize| format!("/{field}/{index}");
        match field {
            "resources" | "bases" | "components" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.file_or_folder(place, &at(index), item)?;
                }
            }
            "crds" | "configurations" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.file(place, &at(index), item)?;
                }
            }
            "patchesStrategicMerge" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.file_or_text(place, &at(index), item)?;
                }
            }
            "patches" | "patchesJson6902" | "replacements" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.path_of(place, &at(index), item)?;
                }
            }
            "configMapGenerator" | "secretGenerator" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.key_values(place, &at(index), item)?;
                }
            }
            "generators" | "transformers" | "validators" => {
                for (index, item) in value.items().iter().enumerate() {
                    self.plugin(place, &at(index), item)?;
                }
            }
            "openapi" => self.path_of(place, "/openapi", value)?,
            "helmCharts" | "helmChartInflationGenerator" | "helmGlobals" => {
                let message = "charts inside a kustomization are not rendered (Kustomize would run Helm as it likes): make \
                               the chart a source of its own";
                self.refuse_at(place, &format!("/{field}"), message.to_owned());
            }
            _ if PLAIN.contains(&field) => {}
            _ => self.take_all(place, &format!("/{field}"), &format!("the field `{field}` is not known"))?,
        }
        Ok(())
    }

    /// A path, or what would be in the file: text with a line break or of a map is no path.
    fn file_or_text(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        if item.as_str().is_some_and(is_document) { Ok(()) } else { self.file(place, pointer, item) }
    }

    fn path_of(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        match item.get("path") {
            None | Some(Value::Null) => Ok(()),
            Some(path) => self.file(place, &format!("{pointer}/path"), path),
        }
    }

    /// `files`, `envs`, `env` of a generator.
    fn key_values(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        for (index, file) in item.get("files").map(Value::items).unwrap_or_default().iter().enumerate() {
            // `key=path`, or a path whose last part is the key.
            let path = file.as_str().map(|text| text.split_once('=').map_or(text, |(_, path)| path).to_owned());
            let path = path.map_or_else(|| file.clone(), Value::String);
            self.file(place, &format!("{pointer}/files/{index}"), &path)?;
        }
        for (index, file) in item.get("envs").map(Value::items).unwrap_or_default().iter().enumerate() {
            self.file(place, &format!("{pointer}/envs/{index}"), file)?;
        }
        match item.get("env") {
            None | Some(Value::Null) => Ok(()),
            Some(file) if file.as_str() == Some("") => Ok(()),
            Some(file) => self.file(place, &format!("{pointer}/env"), file),
        }
    }

    /// A generator or transformer: a file, a folder with a kustomization, or its text.
    fn plugin(&mut self, place: &Place<'_>, pointer: &str, item: &Value) -> Result<(), Error> {
        if let Some(text) = item.as_str().filter(|text| is_document(text)) {
            return self.plugin_documents(place, pointer, text.as_bytes());
        }
        match self.file_or_folder(place, pointer, item)? {
            Some(Found::File(file)) => self.plugin_documents(place, pointer, &file.read()?),
            Some(Found::Folder) => {
                self.take_all(place, pointer, "what a folder of generators or transformers reads is not known")
            }
            None => Ok(()),
        }
    }

    /// Paths in them are those of the kustomization that names them.
    fn plugin_documents(&mut self, place: &Place<'_>, pointer: &str, bytes: &[u8]) -> Result<(), Error> {
        let place = &Place { is_whole: false, ..*place };
        for document in yaml::read(bytes, Limits::default()).documents {
            let body = &document.value;
            let kind = body.get("kind").and_then(Value::as_str).unwrap_or_default();
            match kind {
                "ConfigMapGenerator" | "SecretGenerator" => self.key_values(place, pointer, body)?,
                "PatchTransformer" | "PatchJson6902Transformer" => self.path_of(place, pointer, body)?,
                "PatchStrategicMergeTransformer" => {
                    for path in body.get("paths").map(Value::items).unwrap_or_default() {
                        self.file_or_text(place, pointer, path)?;
                    }
                }
                "ReplacementTransformer" => {
                    for replacement in body.get("replacements").map(Value::items).unwrap_or_default() {
                        self.path_of(place, pointer, replacement)?;
                    }
                }
                _ if PLAIN_PLUGINS.contains(&kind) => {}
                _ => self.take_all(place, pointer, &format!("what `{kind}` reads is not known"))?,
            }
        }
        Ok(())
    }
}

/// Whether text is a document of its own rather than a path.
fn is_document(text: &str) -> bool {
    text.contains('\n') || text.trim_start().starts_with('{')
}
