//! Paths of jq: which places of a document an expression names.
//!
//! In: expressions, a document. Out: the places that each names and that are there, or what is wrong with it. Evaluated in a
//! process of its own in the sandbox: an expression can run for ever, and take all memory.
//!
//! An expression means what `del(…)` takes, as in Argo CD, which deletes what it names before it compares. One that fails on
//! a document (it looks into a list that is not there) names nothing in it. What would not give the same each time is not
//! known here: the time, the environment, other inputs.

use std::io::{Read, Write};

use gitops_compiler::sandbox::Worker;
use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, compile, data, unwrap_valr};
use jaq_json::Val;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::worker::{KeptWorker, answer_each, own_sandbox};

use super::place::{Part, Place};

/// The worker, for the program whose executable the sandbox starts.
pub const JQ_WORKER: Worker = Worker { name: "jq", work };

/// What gives something else each time, or talks to the outside: functions of the library, and definitions that use them.
const LEFT_OUT: [&str; 22] = [
    "date",
    "dateadd",
    "datesub",
    "debug",
    "debug_empty",
    "env",
    "fromdate",
    "gmtime",
    "halt",
    "halt_error",
    "input",
    "inputs",
    "localtime",
    "mktime",
    "now",
    "stderr",
    "stderr_empty",
    "strflocaltime",
    "strftime",
    "strptime",
    "todate",
    "todateiso8601",
];

/// How many places one expression may name.
const MOST_PLACES: usize = 10_000;

/// How long it may be told what is wrong.
const LONGEST_MESSAGE: usize = 200;

/// Evaluates paths of jq. Clones of what holds it share one worker.
#[derive(Debug)]
pub(super) struct Jq(KeptWorker);

#[derive(Debug, Serialize, Deserialize)]
struct Question {
    expression: String,
    /// None where it is only to be read.
    document: Option<Json>,
}

/// What an expression names in a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Named {
    Places(Vec<Place>),
    /// It fails on this document.
    Nothing(String),
    /// It is no path in any document.
    Wrong(String),
}

impl Jq {
    pub(super) fn new() -> Self {
        Self(KeptWorker::new(&JQ_WORKER, own_sandbox()))
    }

    /// What is wrong with an expression, if anything. Blocks until its worker has answered.
    pub(super) fn check(&self, expression: &str) -> Result<(), String> {
        match self.ask(expression, None)? {
            Named::Wrong(why) => Err(why),
            Named::Places(_) | Named::Nothing(_) => Ok(()),
        }
    }

    /// The places that an expression names; none where it fails. Blocks until its worker has answered.
    pub(super) fn places(&self, expression: &str, document: &Json) -> Vec<Place> {
        match self.ask(expression, Some(document.clone())) {
            Ok(Named::Places(places)) => places,
            Ok(Named::Nothing(_) | Named::Wrong(_)) | Err(_) => Vec::new(),
        }
    }

    fn ask(&self, expression: &str, document: Option<Json>) -> Result<Named, String> {
        self.0.ask(expression, &Question { expression: expression.to_owned(), document })
    }
}

fn work(questions: &mut dyn Read, answers: &mut dyn Write) -> Result<(), String> {
    let answer = |Question { expression, document }: &Question| named(expression, document.as_ref());
    answer_each(questions, answers, answer, || Named::Wrong("what evaluates it has a bug".to_owned()))
}

fn named(expression: &str, document: Option<&Json>) -> Named {
    let code = format!("path({expression})");
    let known = |name: &str| !LEFT_OUT.contains(&name);
    let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs()).filter(|it| known(it.name));
    let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs()).filter(|it| known(it.0));
    let arena = Arena::default();
    let modules = match Loader::new(definitions).load(&arena, File { code: code.as_str(), path: () }) {
        Ok(modules) => modules,
        Err(errors) => return Named::Wrong(unread(&errors)),
    };
    let filter = match Compiler::default().with_funs(functions).compile(modules) {
        Ok(filter) => filter,
        Err(errors) => return Named::Wrong(undefined(&errors)),
    };
    let Some(document) = document else { return Named::Places(Vec::new()) };
    let Ok(input) = jaq_json::read::parse_single(document.to_string().as_bytes()) else {
        return Named::Nothing("the document cannot be read".to_owned());
    };
    let context = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let mut places = Vec::new();
    for path in filter.id.run((context, input)).map(unwrap_valr) {
        // Nothing of a value is told: it may be that of a Secret.
        let Ok(path) = path else { return Named::Nothing("it fails on this object".to_owned()) };
        let path: Vec<Json> = serde_json::from_str(&path.to_string()).unwrap_or_default();
        places.extend(there(document, &path));
        if places.len() > MOST_PLACES {
            return Named::Nothing(format!("it names more than {MOST_PLACES} places"));
        }
    }
    Named::Places(places)
}

/// The places of a path of jq that are there: it counts from behind, and names ranges.
fn there(document: &Json, path: &[Json]) -> Vec<Place> {
    let mut found: Vec<(Place, &Json)> = vec![(Place::new(), document)];
    for part in path {
        found = found.into_iter().flat_map(|(place, below)| step(&place, below, part)).collect();
    }
    found.into_iter().map(|(place, _)| place).filter(|place| !place.is_empty()).collect()
}

fn step<'a>(place: &[Part], below: &'a Json, part: &Json) -> Vec<(Place, &'a Json)> {
    let on = |part: Part, value: &'a Json| ([place, &[part]].concat(), value);
    match (below, part) {
        (Json::Object(fields), Json::String(name)) => {
            fields.get(name).map(|value| on(Part::Name(name.clone()), value)).into_iter().collect()
        }
        (Json::Array(items), Json::Number(_)) => {
            let index = part.as_i64().and_then(|index| from_start(index, items.len()));
            let item = index.and_then(|index| Some((index, items.get(index)?)));
            item.map(|(index, value)| on(Part::Index(index), value)).into_iter().collect()
        }
        (Json::Array(items), Json::Object(range)) => {
            let end = |name: &str, otherwise: usize| match range.get(name).and_then(Json::as_i64) {
                Some(index) => from_start(index, items.len()).unwrap_or_default().min(items.len()),
                None => otherwise,
            };
            let (from, to) = (end("start", 0), end("end", items.len()));
            let items = items.iter().enumerate().take(to).skip(from);
            items.map(|(index, value)| on(Part::Index(index), value)).collect()
        }
        _ => Vec::new(),
    }
}

/// An index that may count from behind; none where that is before the first item.
fn from_start(index: i64, length: usize) -> Option<usize> {
    match usize::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?),
    }
}

fn unread(errors: &load::Errors<&str, ()>) -> String {
    let first = errors.iter().map(|(_, error)| match error {
        load::Error::Io(_) => "it loads a file".to_owned(),
        load::Error::Lex(errors) => {
            errors.first().map_or_else(String::new, |(expected, at)| unexpected(expected.as_str(), at))
        }
        load::Error::Parse(errors) => {
            errors.first().map_or_else(String::new, |(expected, at)| unexpected(expected.as_str(), at))
        }
    });
    short(&first.into_iter().next().unwrap_or_default())
}

fn unexpected(expected: &str, at: &str) -> String {
    // What we put around the expression is none of it.
    match at.strip_suffix(')').unwrap_or(at) {
        "" => format!("it ends where {expected} is expected"),
        at => format!("{expected} is expected at `{at}`"),
    }
}

fn undefined(errors: &compile::Errors<&str, ()>) -> String {
    let first = errors.iter().flat_map(|(_, errors)| errors).next();
    first.map_or_else(String::new, |(name, what)| short(&format!("the {} `{name}` is not known", what.as_str())))
}

fn short(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::drift::place::spelled;
    use serde_json::json;

    fn told(expression: &str) -> String {
        let document =
            json!({"spec": {"containers": [{"name": "web", "image": "a"}, {"name": "sidecar", "image": "b"}], "n": 1}});
        match named(expression, Some(&document)) {
            Named::Places(places) => {
                places.iter().map(|place| spelled(&document, place).concat()).collect::<Vec<_>>().join(" ")
            }
            Named::Nothing(why) => format!("nothing: {why}"),
            Named::Wrong(why) => format!("wrong: {why}"),
        }
    }

    #[test]
    fn expressions_name_what_is_there() {
        for (expression, expected) in [
            (".spec.n", ".spec.n"),
            (".spec.containers[].image", ".spec.containers[\"web\"].image .spec.containers[\"sidecar\"].image"),
            (".spec.containers[] | select(.name == \"sidecar\")", ".spec.containers[\"sidecar\"]"),
            (".spec.containers[] | select(.name | test(\"^side\")).image", ".spec.containers[\"sidecar\"].image"),
            (".spec.containers[-1]", ".spec.containers[\"sidecar\"]"),
            (".spec.containers[1:]", ".spec.containers[\"sidecar\"]"),
            (".spec.containers[-5:1]", ".spec.containers[\"web\"]"),
            (".spec.n, .spec.m", ".spec.n"),
            (".spec.m.deeper", ""),
            (".", ""),
            (".spec.volumes[].name", "nothing: it fails on this object"),
            (".spec.volumes[]?.name", ""),
            (".spec | keys", "nothing: it fails on this object"),
        ] {
            assert_eq!(told(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_wrong_and_says_where() {
        let told = [".spec.", ".spec n", "now", "env.HOME", "halt", ".[", "\"a", "include \"a\"; .", "unknown(1)", ""]
            .map(|expression| format!("{expression}  →  {}", told(expression)))
            .join("\n");
        insta::assert_snapshot!(told, @r#"
        .spec.  →  wrong: it ends where key is expected
        .spec n  →  wrong: semicolon or right parenthesis is expected at `n`
        now  →  wrong: the filter `now` is not known
        env.HOME  →  wrong: the filter `env` is not known
        halt  →  wrong: the filter `halt` is not known
        .[  →  wrong: it ends where closing bracket is expected
        "a  →  wrong: it ends where closing quote is expected
        include "a"; .  →  wrong: semicolon or right parenthesis is expected at `"a"`
        unknown(1)  →  wrong: the filter `unknown` is not known
          →  wrong: it ends where term is expected
        "#);
    }

    #[test]
    fn indices_count_from_both_ends() {
        assert_eq!((from_start(1, 3), from_start(-1, 3), from_start(-4, 3)), (Some(1), Some(2), None));
    }
}
