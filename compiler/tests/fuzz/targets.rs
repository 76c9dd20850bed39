//! What is done with hostile bytes, and what must hold whatever they are.
//!
//! In: any bytes. Out: nothing; a broken promise is a panic. Shared by the programs of libFuzzer and by a test that runs
//! on a stable compiler.

use gitops_compiler::canon::{Decoder, Encoder};
use gitops_compiler::graph::{DecodeGraphError, ResourceGraph};
use gitops_compiler::manifest;
use gitops_compiler::manifest::yaml::emit;

/// The reader of manifests: what it accepts comes back from its own YAML unchanged.
pub(crate) fn read(data: &[u8]) {
    let (manifests, _) = manifest::read("fuzz.yaml", data);
    for manifest in manifests {
        let text = emit(&manifest.body);
        let (again, findings) = manifest::read("again.yaml", text.as_bytes());
        let bodies: Vec<_> = again.iter().map(|manifest| &manifest.body).collect();
        assert_eq!(bodies, [&manifest.body], "{text}\n{findings:?}");
    }
}

/// The decoder of graphs: what it accepts is written in just these bytes, under the id that it says.
pub(crate) fn graph(data: &[u8]) {
    let Err(DecodeGraphError::OtherGraph { actual, .. }) = ResourceGraph::decode(data, ResourceGraph::empty().id())
    else {
        return;
    };
    let graph = ResourceGraph::decode(data, actual).expect("it said so itself");
    assert_eq!(graph.encode(), data, "a graph has one spelling");
    for resource in graph.resources() {
        let _ = (resource.hook(), resource.api_version(), resource.body.as_map());
    }
}

/// The decoder of values: one spelling each, and stepping over accepts what reading does.
pub(crate) fn value(data: &[u8]) {
    let read = Decoder::decode(data);
    if let Ok(value) = &read {
        assert_eq!(Encoder::encode(value), data, "a value has one spelling");
    }
    let mut decoder = Decoder::new(data);
    let stepped = decoder.skip().is_ok() && decoder.end().is_ok();
    assert_eq!(stepped, read.is_ok());
}
