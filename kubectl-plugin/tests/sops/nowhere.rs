//! Looking for a text everywhere: in outputs, in the store, in the record, packed or not.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::Value as Json;

use crate::support::World;

/// How a frame of Zstandard begins.
const FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Whether bytes hold a text, also in base64, also packed.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    let needles = [text.to_owned(), BASE64.encode(text)];
    let found = |bytes: &[u8]| {
        needles.iter().any(|needle| bytes.windows(needle.len()).any(|window| window == needle.as_bytes()))
    };
    let frames = bytes.windows(4).enumerate().filter(|(_, window)| *window == FRAME).map(|(at, _)| &bytes[at..]);
    found(bytes) || frames.into_iter().any(|frame| zstd::stream::decode_all(frame).is_ok_and(|plain| found(&plain)))
}

/// The files below a folder that hold a text.
pub(crate) fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
        } else if holds(&std::fs::read(&path).unwrap_or_default(), text) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// The Secrets and ConfigMaps of the cluster that hold a text, but for those of this name.
pub(crate) fn objects_with(world: &World, text: &str, but: &str) -> Vec<String> {
    let list = world.kubectl(&["get", "secrets,configmaps,events", "-A", "-o", "json"]);
    let list: Json = serde_json::from_str(&list).expect("JSON");
    let mut found = Vec::new();
    for object in list["items"].as_array().expect("items") {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let values = object["data"].as_object().into_iter().flatten();
        let decoded: Vec<Vec<u8>> = values.filter_map(|(_, value)| BASE64.decode(value.as_str()?).ok()).collect();
        let holds_it = holds(object.to_string().as_bytes(), text) || decoded.iter().any(|bytes| holds(bytes, text));
        if holds_it && name != but {
            found.push(name.to_owned());
        }
    }
    found
}
