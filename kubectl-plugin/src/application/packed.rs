//! The object of an Application as text: what is kept of thousands of them takes a tenth of what trees of values take.
//!
//! In: an object. Out: the same, as often as somebody asks. Reading a part of it makes nothing of the rest.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::Status;

/// An object as text. Two of the same text are of the same object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Arc<str>);

impl Packed {
    /// Of an object.
    #[must_use]
    pub fn of(object: &Json) -> Self {
        Self(object.to_string().into())
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> Json {
        self.part().unwrap_or_default()
    }

    /// Its status; an empty one where there is none, or one that is none of ours.
    #[must_use]
    pub fn status(&self) -> Status {
        #[derive(Deserialize)]
        struct Part {
            status: Status,
        }
        self.part::<Part>().map(|part| part.status).unwrap_or_default()
    }

    /// Some of its fields. Nothing where they are not of that form.
    fn part<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(&self.0).ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_packed_comes_out_again() {
        let object =
            json!({"metadata": {"name": "a", "x": [1, 2.5, null, "ä\n"]}, "status": {"sync": {"status": "Synced"}}});
        let packed = Packed::of(&object);
        assert_eq!(packed.object(), object);
        assert_eq!(packed, Packed::of(&object));
        assert_eq!(serde_json::to_value(packed.status()).expect("a status")["sync"]["status"], "Synced");
        assert_eq!(Packed::of(&json!({"status": 1})).status(), Status::default());
        assert_eq!(Packed::of(&json!({})).status(), Status::default());
    }
}
