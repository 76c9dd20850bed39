//! Which required fields the server demands, by asking it.
//!
//! In: the documents. Out: the fields without which no object is taken, by definition.
//!
//! Each required field is left out of an object that has just what is required of it and of everything around it, in
//! every place of every kind where its definition can stand. The object need not be right otherwise: the server tells
//! all that is wrong at once. A field is demanded where the server complains about it in all these places, apart from
//! those where a complaint about something around it may have kept the server from looking.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use serde_json::{Map, Value as Json, json};

use super::Error;
use super::documents::Documents;
use crate::cluster::{Api, Session};

/// No object has this name.
const NAME: &str = "openapi-demand";
const QUERY: &str = "?fieldManager=openapi&fieldValidation=Strict&force=true&dryRun=All";
const THREADS: usize = 4;

/// The demanded fields, by the name of their definition.
pub(super) struct Demands(BTreeSet<(String, String)>);

impl Demands {
    pub(super) fn contains(&self, definition: &str, field: &str) -> bool {
        self.0.contains(&(definition.to_owned(), field.to_owned()))
    }
}

/// An object that lacks one field.
struct Question {
    /// Where to apply it.
    url: String,
    object: Json,
    /// The fields on the way to the missing one, itself the last.
    path: Vec<String>,
    /// The definition and the field.
    about: (String, String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Demanded,
    Hidden,
    NotDemanded,
}

/// Asks the server about everything.
pub(super) fn ask(api: &Api, documents: &Documents) -> Result<Demands, Error> {
    let questions = questions(documents);
    let share = questions.len().div_ceil(THREADS).max(1);
    let answers: Vec<Result<Vec<Answer>, Error>> = thread::scope(|scope| {
        let answer_all = |part: &[Question]| {
            let mut session = Session::new(api);
            part.iter().map(|question| answer(&mut session, question)).collect()
        };
        let threads: Vec<_> = questions.chunks(share).map(|part| scope.spawn(move || answer_all(part))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let answers: Vec<Answer> = answers.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let mut fields: BTreeMap<&(String, String), Vec<Answer>> = BTreeMap::new();
    for (question, answer) in questions.iter().zip(answers) {
        fields.entry(&question.about).or_default().push(answer);
    }
    let demanded = |answers: &[Answer]| answers.contains(&Answer::Demanded) && !answers.contains(&Answer::NotDemanded);
    Ok(Demands(fields.into_iter().filter(|(_, answers)| demanded(answers)).map(|(about, _)| about.clone()).collect()))
}

fn answer(session: &mut Session<'_>, question: &Question) -> Result<Answer, Error> {
    let reply = session.apply(&question.url, &question.object)?.json();
    let causes = reply["details"]["causes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let fields: Vec<Vec<&str>> = causes.iter().filter_map(|cause| Some(parts(cause["field"].as_str()?))).collect();
    let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
    Ok(if fields.iter().any(|field| is_about(field, &path)) {
        Answer::Demanded
    } else if fields.iter().any(|field| path.starts_with(field)) {
        Answer::Hidden
    } else {
        Answer::NotDemanded
    })
}

/// The fields in `spec.containers[0].name`, without the places in lists and maps.
fn parts(field: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = field;
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
        if !part.is_empty() {
            parts.push(part);
        }
        rest = match behind.strip_prefix('[') {
            Some(place) => place.split_once(']').map_or("", |(_, behind)| behind),
            None => behind.strip_prefix('.').unwrap_or_default(),
        };
    }
    parts
}

/// Whether a complaint is about the field at `path`, or about what it would hold. Some of the server's own paths leave
/// a part out: `spec.volumes[0].downwardAPI.fieldRef.fieldPath` is of an item of `downwardAPI.items`.
fn is_about(field: &[&str], path: &[&str]) -> bool {
    let mut left = path.iter();
    let mut shortened = || field.iter().all(|part| left.any(|other| other == part));
    let end = path.len().saturating_sub(2);
    field.starts_with(path) || (field.len() > 2 && field.ends_with(&path[end..]) && shortened())
}

fn questions(documents: &Documents) -> Vec<Question> {
    let mut questions = Vec::new();
    for ((api_version, kind), found) in &documents.kinds {
        let path = found.path.replace("{namespace}", "default").replace("{name}", NAME);
        let schema = documents.definition(&found.definition);
        let mut top = least(documents, schema, &mut Vec::new());
        let type_and_name = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": NAME}});
        if let (Json::Object(top), Json::Object(more)) = (&mut top, type_and_name) {
            top.extend(more);
        }
        let mut walk =
            Walk { documents, url: path + QUERY, around: Vec::new(), open: Vec::new(), questions: &mut questions };
        walk.object(&found.definition, schema, &top);
    }
    questions
}

/// What stands around a value.
enum Around {
    Field(Map<String, Json>, String),
    List,
    Map,
}

/// Goes through every place of a kind.
struct Walk<'a> {
    documents: &'a Documents,
    url: String,
    around: Vec<Around>,
    /// The definitions on the way, none of which is entered again.
    open: Vec<&'a str>,
    questions: &'a mut Vec<Question>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, schema: &'a Json) {
        let (schema, name) = self.documents.resolve(schema);
        if name.is_some_and(|name| self.open.contains(&name)) {
            return;
        }
        if let (Some(name), true) = (name, schema["properties"].is_object()) {
            let object = least(self.documents, schema, &mut self.open.clone());
            self.object(name, schema, &object);
        } else if schema["items"].is_object() {
            self.inside(Around::List, &schema["items"]);
        } else if schema["additionalProperties"].is_object() {
            self.inside(Around::Map, &schema["additionalProperties"]);
        }
    }

    fn inside(&mut self, around: Around, schema: &'a Json) {
        self.around.push(around);
        self.value(schema);
        self.around.pop();
    }

    fn object(&mut self, name: &'a str, schema: &'a Json, object: &Json) {
        let Some(object) = object.as_object() else { return };
        let top = self.open.is_empty();
        for field in required(schema) {
            let mut object = object.clone();
            object.remove(field);
            self.ask(name, field, object);
        }
        self.open.push(name);
        for (field, schema) in schema["properties"].as_object().into_iter().flatten() {
            // Metadata is not the kind's own, and a status is not for us to set.
            if !(top && matches!(field.as_str(), "metadata" | "status")) {
                self.inside(Around::Field(object.clone(), field.clone()), schema);
            }
        }
        self.open.pop();
    }

    fn ask(&mut self, definition: &str, field: &str, object: Map<String, Json>) {
        let mut path = vec![field.to_owned()];
        let mut value = Json::Object(object);
        for around in self.around.iter().rev() {
            value = match around {
                Around::List => json!([value]),
                Around::Map => json!({"a": value}),
                Around::Field(object, field) => {
                    path.push(field.clone());
                    let mut object = object.clone();
                    object.insert(field.clone(), value);
                    Json::Object(object)
                }
            };
        }
        path.reverse();
        let about = (definition.to_owned(), field.to_owned());
        self.questions.push(Question { url: self.url.clone(), object: value, path, about });
    }
}

fn required(schema: &Json) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// The least that a value of a schema can be: what is required, and that right in form.
fn least<'a>(documents: &'a Documents, schema: &'a Json, open: &mut Vec<&'a str>) -> Json {
    let (schema, name) = documents.resolve(schema);
    if name.is_some_and(|name| open.contains(&name)) {
        return json!({});
    }
    open.extend(name);
    let value = match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("byte")) => json!("YQ=="),
        (Some("string"), Some("date-time")) => {
            let micro = name.is_some_and(|name| name.ends_with("MicroTime"));
            json!(if micro { "2020-01-01T00:00:00.000000Z" } else { "2020-01-01T00:00:00Z" })
        }
        (Some("string"), _) => json!("a"),
        (Some("boolean"), _) => json!(true),
        (Some("integer" | "number"), _) => json!(1),
        (Some("array"), _) => json!([least(documents, &schema["items"], open)]),
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            json!({"a": least(documents, &schema["additionalProperties"], open)})
        }
        (Some("object"), _) => {
            let field = |field: &str| (field.to_owned(), least(documents, &schema["properties"][field], open));
            Json::Object(required(schema).map(field).collect())
        }
        _ if schema["oneOf"].is_array() => json!(1),
        _ => json!({}),
    };
    if name.is_some() {
        open.pop();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_about_a_field_is_known_as_one() {
        let about = |field: &str, path: &str| is_about(&parts(field), &parts(path));
        assert!(about("spec.containers[0].name", "spec.containers.name"));
        assert!(about("spec.template.spec.containers", "spec.template"));
        assert!(about("spec.limits[a.b/c].max", "spec.limits.max"));
        assert!(about(
            "spec.volumes[0].downwardAPI.fieldRef.fieldPath",
            "spec.volumes.downwardAPI.items.fieldRef.fieldPath"
        ));
        assert!(!about("spec.name", "spec.containers.name"));
        assert!(!about("spec.containers[0]", "spec.containers.name"));
        assert!(!about("metadata.name", "spec.names.name"));
    }
}
