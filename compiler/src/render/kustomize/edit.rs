//! The parameters of an Application, written into a kustomization.
//!
//! In: the kustomization's bytes, the parameters. Out: the kustomization with them, as JSON, which every reader of YAML
//! reads alike, and what in it is which parameter; or nothing where there are no parameters, so that the file stays as it is.
//! The rules are those of
//! `kustomize edit`, which Argo CD calls for each: what is set replaces, images and replicas by name; labels and
//! annotations that are there already are an error unless forced; patches and components are added at the end.

use serde_json::{Map, Value, json};

use crate::app::{BuildEnvironment, Kustomize};
use crate::manifest::yaml::{self, Limits};

/// Keeps what an image has already: `name=*:2`.
const KEEP: &str = "*";

/// A kustomization with the parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edited {
    pub(super) bytes: Vec<u8>,
    /// JSON pointers to what was added and may name files; each with that of the parameter in the source.
    pub(super) added: Vec<(String, String)>,
}

/// Why a kustomization cannot have the parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The parameter in the source, by its JSON pointer, where that is what is wrong.
    pub(super) parameter: Option<String>,
    pub(super) message: String,
}

impl Fault {
    fn of(parameter: impl Into<String>, message: String) -> Self {
        Self { parameter: Some(parameter.into()), message }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self { parameter: None, message }
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        message.to_owned().into()
    }
}

/// The kustomization with the parameters. `has_folder` says whether a component is there.
pub(super) fn edited(
    bytes: &[u8],
    parameters: &Kustomize,
    environment: &BuildEnvironment,
    has_folder: impl Fn(&str) -> bool,
) -> Result<Option<Edited>, Fault> {
    if *parameters == (Kustomize { version: parameters.version.clone(), ..Kustomize::default() }) {
        return Ok(None);
    }
    let mut kustomization = read(bytes)?;
    let fields = kustomization.as_object_mut().ok_or("a kustomization is a map of fields")?;
    for (field, value) in [
        ("namePrefix", &parameters.name_prefix),
        ("nameSuffix", &parameters.name_suffix),
        ("namespace", &parameters.namespace),
    ] {
        if !value.is_empty() {
            fields.insert(field.to_owned(), json!(value));
        }
    }
    images(fields, parameters, environment)?;
    replicas(fields, parameters)?;
    labels(fields, parameters, environment)?;
    annotations(fields, parameters, environment)?;
    let mut added = Vec::new();
    if !parameters.patches.is_empty() {
        let list = list(fields, "patches")?;
        for (index, patch) in parameters.patches.iter().enumerate() {
            added.push((format!("/patches/{}", list.len()), format!("/kustomize/patches/{index}")));
            list.push(json!(patch));
        }
    }
    let there = |component: &str| !parameters.ignore_missing_components || has_folder(component);
    let components: Vec<_> =
        parameters.components.iter().enumerate().filter(|(_, component)| there(component)).collect();
    if !components.is_empty() {
        let list = list(fields, "components")?;
        for (index, component) in components {
            let component = json!(component);
            if !list.contains(&component) {
                added.push((format!("/components/{}", list.len()), format!("/kustomize/components/{index}")));
                list.push(component);
            }
        }
    }
    let bytes = serde_json::to_vec(&kustomization).map_err(|error| error.to_string())?;
    Ok(Some(Edited { bytes, added }))
}

/// A kustomization as Kustomize reads it, which for this file is as kubectl reads manifests.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let reading = yaml::read(bytes, Limits::default());
    if let Some(problem) = reading.problems.first() {
        return Err(format!("line {}: {}", problem.line, problem.message));
    }
    match &reading.documents[..] {
        [] => Ok(json!({})),
        [only] => Ok(Value::from(&only.value)),
        [_, second, ..] => Err(format!("line {}: a kustomization is one document", second.line)),
    }
}

fn images(
    fields: &mut Map<String, Value>,
    parameters: &Kustomize,
    environment: &BuildEnvironment,
) -> Result<(), Fault> {
    if parameters.images.is_empty() {
        return Ok(());
    }
    let list = list(fields, "images")?;
    for (index, image) in parameters.images.iter().enumerate() {
        let image = Image::parse(&environment.replace(image));
        let image = image.map_err(|message| Fault::of(format!("/kustomize/images/{index}"), message))?;
        let there = list.iter().position(|other| other.get("name").and_then(Value::as_str) == Some(&image.name));
        let before = there.map(|index| list.remove(index));
        list.push(image.entry(before.as_ref()));
    }
    sort_by_name(list);
    Ok(())
}

/// `[name=]image[:tag][@digest]`.
struct Image {
    name: String,
    new_name: String,
    tag: String,
    digest: String,
}

impl Image {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, image) = text.split_once('=').map_or((None, text), |(name, image)| (Some(name), image));
        let (rest, digest) = image.split_once('@').unwrap_or((image, ""));
        // A colon before the last slash belongs to the registry's port.
        let path = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (new_name, tag) = match rest[path..].find(':') {
            Some(colon) => (&rest[..path + colon], &rest[path + colon + 1..]),
            None => (rest, ""),
        };
        if name.is_none() && tag.is_empty() && digest.is_empty() {
            return Err(format!("the image `{text}` is not of the form [name=]image[:tag][@digest]"));
        }
        let owned = str::to_owned;
        Ok(match name {
            Some(name) => Self { name: owned(name), new_name: owned(new_name), tag: owned(tag), digest: owned(digest) },
            None => Self { name: owned(new_name), new_name: String::new(), tag: owned(tag), digest: owned(digest) },
        })
    }

    fn entry(&self, before: Option<&Value>) -> Value {
        let mut entry = json!({ "name": self.name });
        for (field, value) in [("newName", &self.new_name), ("newTag", &self.tag), ("digest", &self.digest)] {
            let value = match (value.as_str(), before) {
                (KEEP, Some(before)) => before.get(field).cloned().unwrap_or(Value::Null),
                (KEEP | "", _) => Value::Null,
                (value, _) => json!(value),
            };
            if !value.is_null() {
                entry[field] = value;
            }
        }
        entry
    }
}

fn replicas(fields: &mut Map<String, Value>, parameters: &Kustomize) -> Result<(), Fault> {
    if parameters.replicas.is_empty() {
        return Ok(());
    }
    let list = list(fields, "replicas")?;
    for (index, replica) in parameters.replicas.iter().enumerate() {
        let count = replica.count.as_i64().or_else(|| replica.count.as_str()?.parse().ok());
        let count = count.ok_or_else(|| {
            let message = format!("the replicas of `{}` are no number: {}", replica.name, replica.count);
            Fault::of(format!("/kustomize/replicas/{index}/count"), message)
        })?;
        list.retain(|other| other.get("name").and_then(Value::as_str) != Some(&replica.name));
        list.push(json!({ "name": replica.name, "count": count }));
    }
    sort_by_name(list);
    Ok(())
}

fn labels(
    fields: &mut Map<String, Value>,
    parameters: &Kustomize,
    environment: &BuildEnvironment,
) -> Result<(), Fault> {
    if parameters.common_labels.is_empty() {
        return Ok(());
    }
    if parameters.label_include_templates && !parameters.label_without_selector {
        let message = "labelIncludeTemplates goes with labelWithoutSelector only".to_owned();
        return Err(Fault::of("/kustomize/labelIncludeTemplates", message));
    }
    let pairs = parameters.common_labels.iter().map(|(name, value)| (name, environment.replace(value)));
    if !parameters.label_without_selector {
        return add_all(map(fields, "commonLabels")?, pairs, "label", parameters.force_common_labels);
    }
    let same = |label: &Value| {
        let is = |field: &str| label.get(field).and_then(Value::as_bool).unwrap_or_default();
        !is("includeSelectors") && is("includeTemplates") == parameters.label_include_templates
    };
    let list = list(fields, "labels")?;
    let index = list.iter().position(same).unwrap_or_else(|| {
        list.push(json!({ "pairs": {}, "includeTemplates": parameters.label_include_templates }));
        list.len() - 1
    });
    let label = list[index].as_object_mut().ok_or("an item of `labels` is no map")?;
    add_all(map(label, "pairs")?, pairs, "label", parameters.force_common_labels)
}

fn annotations(
    fields: &mut Map<String, Value>,
    parameters: &Kustomize,
    environment: &BuildEnvironment,
) -> Result<(), Fault> {
    if parameters.common_annotations.is_empty() {
        return Ok(());
    }
    let pairs = parameters.common_annotations.iter().map(|(name, value)| {
        (name, if parameters.common_annotations_envsubst { environment.replace(value) } else { value.clone() })
    });
    add_all(map(fields, "commonAnnotations")?, pairs, "annotation", parameters.force_common_annotations)
}

fn add_all<'a>(
    map: &mut Map<String, Value>,
    pairs: impl Iterator<Item = (&'a String, String)>,
    kind: &str,
    force: bool,
) -> Result<(), Fault> {
    for (name, value) in pairs {
        if map.contains_key(name) && !force {
            let message = format!("the kustomization has the {kind} {name} already: force it, or leave it out");
            let field = if kind == "label" { "commonLabels" } else { "commonAnnotations" };
            return Err(Fault::of(
                format!("/kustomize/{field}/{}", name.replace('~', "~0").replace('/', "~1")),
                message,
            ));
        }
        map.insert(name.clone(), json!(value));
    }
    Ok(())
}

fn list<'a>(fields: &'a mut Map<String, Value>, field: &str) -> Result<&'a mut Vec<Value>, String> {
    let value = fields.entry(field).or_insert(Value::Null);
    if value.is_null() {
        *value = json!([]);
    }
    value.as_array_mut().ok_or_else(|| format!("`{field}` is no list"))
}

fn map<'a>(fields: &'a mut Map<String, Value>, field: &str) -> Result<&'a mut Map<String, Value>, String> {
    let value = fields.entry(field).or_insert(Value::Null);
    if value.is_null() {
        *value = json!({});
    }
    value.as_object_mut().ok_or_else(|| format!("`{field}` is no map"))
}

fn sort_by_name(list: &mut [Value]) {
    list.sort_by(|left, right| {
        let name = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        name(left).cmp(&name(right))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Facts, KustomizePatch, KustomizeReplica};

    fn edit(text: &str, parameters: &Kustomize) -> Result<Value, Fault> {
        let environment = BuildEnvironment::new(&Facts { name: "shop", ..Facts::default() });
        let edited = edited(text.as_bytes(), parameters, &environment, |folder| folder == "there")?;
        Ok(serde_json::from_slice(&edited.expect("something is edited").bytes).expect("JSON"))
    }

    #[test]
    fn nothing_to_set_leaves_the_file_alone() {
        let environment = BuildEnvironment::default();
        assert_eq!(edited(b"a: [", &Kustomize::default(), &environment, |_| false), Ok(None));
    }

    #[test]
    fn what_is_set_replaces_and_what_is_added_is_added() {
        let parameters = Kustomize {
            name_prefix: "b-".to_owned(),
            images: vec![
                "web=example.com:5000/web:$ARGOCD_APP_NAME".to_owned(),
                "db@sha256:1".to_owned(),
                "c=*:2".to_owned(),
            ],
            replicas: vec![KustomizeReplica { name: "web".to_owned(), count: json!("3") }],
            patches: vec![KustomizePatch { path: "p.yaml".to_owned(), ..KustomizePatch::default() }],
            components: vec!["there".to_owned(), "missing".to_owned()],
            ignore_missing_components: true,
            ..Kustomize::default()
        };
        let text = "namePrefix: a-\nimages:\n- {name: c, newName: d, newTag: '1'}\n- {name: z, newTag: 'yes'}\n";
        let edited = edit(text, &parameters).expect("it is edited");
        assert_eq!(
            edited,
            json!({
                "namePrefix": "b-",
                "images": [
                    { "name": "c", "newName": "d", "newTag": "2" },
                    { "name": "db", "digest": "sha256:1" },
                    { "name": "web", "newName": "example.com:5000/web", "newTag": "shop" },
                    { "name": "z", "newTag": "yes" },
                ],
                "replicas": [{ "name": "web", "count": 3 }],
                "patches": [{ "path": "p.yaml" }],
                "components": ["there"],
            })
        );
    }

    #[test]
    fn labels_that_are_there_must_be_forced() {
        let labels = || [("team".to_owned(), "b".to_owned())].into();
        let add = Kustomize { common_labels: labels(), ..Kustomize::default() };
        let there = "commonLabels: {team: a}\n";
        assert!(edit(there, &add).is_err_and(|fault| fault.message.contains("has the label team already")));
        let forced = Kustomize { force_common_labels: true, ..add.clone() };
        assert_eq!(edit(there, &forced), Ok(json!({ "commonLabels": { "team": "b" } })));
        let outside = Kustomize { label_without_selector: true, label_include_templates: true, ..add.clone() };
        let expected = json!({ "labels": [{ "pairs": { "team": "b" }, "includeTemplates": true }] });
        assert_eq!(edit("", &outside), Ok(expected));
        let wrong = Kustomize { label_include_templates: true, ..add };
        assert!(edit("", &wrong).is_err());
        let image = Kustomize { images: vec!["web".to_owned()], ..Kustomize::default() };
        let fault = edit("", &image).expect_err("no image");
        assert!(fault.message.contains("`web` is not of the form"), "{fault:?}");
        assert_eq!(fault.parameter.as_deref(), Some("/kustomize/images/0"));
    }

    #[test]
    fn what_is_added_is_known_as_the_parameter_that_it_is() {
        let patch = |path: &str| KustomizePatch { path: path.to_owned(), ..KustomizePatch::default() };
        let parameters = Kustomize {
            patches: vec![patch("b.yaml")],
            components: vec!["x".to_owned(), "y".to_owned()],
            ..Kustomize::default()
        };
        let text = b"patches: [{path: a.yaml}]\ncomponents: [x]\n";
        let edited = edited(text, &parameters, &BuildEnvironment::default(), |_| true).expect("it is edited");
        let added: Vec<_> = edited.expect("something").added;
        let pair = |there: &str, parameter: &str| (there.to_owned(), parameter.to_owned());
        let expected = [pair("/patches/1", "/kustomize/patches/0"), pair("/components/1", "/kustomize/components/1")];
        assert_eq!(added, expected);
    }
}
