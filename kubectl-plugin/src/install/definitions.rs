//! The definitions of Applications and AppProjects.

use gitops_compiler::manifest::yaml::{self, Limits};
use serde_json::Value as Json;

/// One of our definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Definition {
    /// Of Applications.
    Applications,
    /// Of AppProjects.
    AppProjects,
}

impl Definition {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Applications, Self::AppProjects];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Applications => "applications.argoproj.io",
            Self::AppProjects => "appprojects.argoproj.io",
        }
    }

    /// The object, as it is published in `schemas/crds`. It can be read: a test does.
    #[must_use]
    pub fn object(self) -> Option<Json> {
        let text = match self {
            Self::Applications => include_str!("../../../schemas/crds/application.yaml"),
            Self::AppProjects => include_str!("../../../schemas/crds/appproject.yaml"),
        };
        yaml::read(text.as_bytes(), Limits::default()).documents.first().map(|document| Json::from(&document.value))
    }

    /// The definition of Applications that a cluster has, with the field that is ours (`spec.webhook`) in every version
    /// that has a schema. None where it is there already, or there is no place for it.
    #[must_use]
    pub fn extended(theirs: &Json) -> Option<Json> {
        const FIELDS: &str = "/schema/openAPIV3Schema/properties/spec/properties";
        let ours = Self::Applications.object()?;
        let webhook = ours.pointer(&format!("/spec/versions/0{FIELDS}/webhook"))?;
        let mut extended = theirs.clone();
        for version in extended.pointer_mut("/spec/versions")?.as_array_mut()? {
            if let Some(fields) = version.pointer_mut(FIELDS).and_then(Json::as_object_mut) {
                fields.entry("webhook").or_insert_with(|| webhook.clone());
            }
        }
        (extended != *theirs).then_some(extended)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_definitions_can_be_read() {
        for definition in Definition::ALL {
            let object = definition.object().expect("a definition");
            assert_eq!(object["metadata"]["name"], definition.name());
        }
    }

    #[test]
    fn a_definition_of_others_gets_the_field_and_nothing_else() {
        let theirs = |fields: Json| json!({"spec": {"versions": [{"name": "v1alpha1", "schema": {"openAPIV3Schema": {"properties": {"spec": {"properties": fields}}}}}]}});
        let plain = theirs(json!({"project": {"type": "string"}}));
        let mut extended = Definition::extended(&plain).expect("a change");
        assert_eq!(Definition::extended(&extended), None, "once is enough");
        let fields = extended.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties");
        let webhook = fields.and_then(Json::as_object_mut).and_then(|fields| fields.remove("webhook"));
        assert_eq!(webhook.expect("ours")["properties"]["gitlab"]["type"], "array");
        assert_eq!(extended, plain);
        let own = theirs(json!({"webhook": {"type": "string"}}));
        assert_eq!(Definition::extended(&own), None, "what is there is left alone");
        for nothing in [json!({}), json!({"spec": {"versions": []}}), json!({"spec": {"versions": [{"schema": 1}]}})] {
            assert_eq!(Definition::extended(&nothing), None);
        }
    }
}
