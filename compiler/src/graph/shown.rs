//! Ids as they may be written down.
//!
//! In: a resource. Out: a text that two resources share only if all of them is the same that may be told: of a Secret whose
//! values lie open that is everything but these, since whoever knows the rest could guess them.

use crate::canon::{Encoder, Id, Resource, Value};

use super::GraphResource;

/// The fields of a Secret that hold its values.
pub(crate) const VALUES: [&str; 2] = ["data", "stringData"];

/// kubectl's copy of a whole object, values and all.
pub(crate) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What stands before the id of what a Secret has beside its values.
pub(crate) const SECRET: &str = "secret";

impl GraphResource {
    /// The id as it may be shown. For a Secret whose values lie open `secret:` and the hash of everything else: the names of
    /// its values are in it, they are not. `secret` alone where its body is not stored.
    #[must_use]
    pub fn shown_id(&self) -> String {
        if !self.is_plain_secret() {
            return self.id.to_string();
        }
        if *self.body == Value::Null {
            return SECRET.to_owned();
        }
        let mut body = (*self.body).clone();
        if let Some(body) = body.as_map_mut() {
            for field in VALUES {
                if let Some(values) = body.get_mut(field).and_then(Value::as_map_mut) {
                    for value in values.values_mut() {
                        *value = Value::Null;
                    }
                }
            }
            let metadata = body.get_mut("metadata").and_then(Value::as_map_mut);
            let annotations = metadata.and_then(|metadata| metadata.get_mut("annotations"));
            if let Some(annotations) = annotations.and_then(Value::as_map_mut) {
                annotations.remove(LAST_APPLIED);
            }
        }
        format!("{SECRET}:{}", Id::<Resource>::of(&Encoder::encode(&body)))
    }
}
