//! JSON to a type of ours, with what the type does not know and the place of what does not fit.

use serde::de::DeserializeOwned;

/// What came of decoding.
pub(super) struct Decoded<T> {
    /// The value, or a JSON pointer to what does not fit and why.
    pub(super) value: Result<T, (String, String)>,
    /// JSON pointers to fields that the type does not have.
    pub(super) unknown: Vec<String>,
}

/// Decodes a value.
pub(super) fn decode<T: DeserializeOwned>(json: serde_json::Value) -> Decoded<T> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(json, &mut track);
    let value = serde_ignored::deserialize(deserializer, |path| unknown.push(ignored(&path)));
    let value = value.map_err(|error: serde_json::Error| (failed(&track.path()), error.to_string()));
    Decoded { value, unknown }
}

fn ignored(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}/{index}", ignored(parent)),
        Path::Map { parent, key } => format!("{}/{}", ignored(parent), escaped(key)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => ignored(parent),
    }
}

fn failed(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(format!("/{index}")),
        Segment::Map { key } => Some(format!("/{}", escaped(key))),
        Segment::Enum { variant } => Some(format!("/{}", escaped(variant))),
        Segment::Unknown => None,
    };
    path.iter().filter_map(part).collect()
}

/// A part of a JSON pointer (RFC 6901).
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}
