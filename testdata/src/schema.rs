//! Whether a document is what a JSON Schema says.
//!
//! A dependency of this crate, not one of tests: so that the features that it asks of others are those of every build, and
//! nothing is built twice (`serde_json`, and all that stands on it).

use jsonschema::Validator;
use serde_json::Value as Json;

/// A JSON Schema (draft 2020-12), read.
#[derive(Debug)]
pub struct Schema(Validator);

impl Schema {
    /// Reads a schema.
    ///
    /// # Panics
    /// When it is none: it is ours.
    #[must_use]
    pub fn new(schema: &Json) -> Self {
        Self(jsonschema::validator_for(schema).unwrap_or_else(|error| panic!("no schema: {error}\n{schema:#}")))
    }

    /// Whether a document is what it says.
    #[must_use]
    pub fn takes(&self, document: &Json) -> bool {
        self.0.is_valid(document)
    }

    /// Panics with everything in which a document is not what it says. `name` tells which document it is.
    ///
    /// # Panics
    /// See above.
    #[track_caller]
    pub fn check(&self, name: &str, document: &Json) {
        let errors = self.0.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path()));
        let errors: Vec<String> = errors.collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        Schema::new(&json!({"properties": {"a": {"type": "integer"}}, "required": ["a"]}))
    }

    #[test]
    fn a_document_is_taken_or_not() {
        assert!(schema().takes(&json!({"a": 1})));
        assert!(!schema().takes(&json!({"a": "1"})));
        schema().check("good", &json!({"a": 1}));
    }

    #[test]
    #[should_panic(expected = "/a: ")]
    fn what_is_something_else_is_told_by_its_field() {
        schema().check("bad", &json!({"a": "1"}));
    }
}
