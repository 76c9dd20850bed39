//! Graphs and inventories as bytes, and bytes as chunks.
//!
//! In: a graph and perhaps the graph it changes, an inventory. Out: compressed bytes cut into pieces of at most
//! [`CHUNK_BYTES`], and back. A graph that changes another is compressed against it, so that a one-object change costs
//! what the object costs. Everything that comes back is hashed: a graph has its id, or is refused.

use std::collections::BTreeMap;
use std::io::Read as _;

use gitops_compiler::canon::{Chunk, Graph, Id, Resource, Value};
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::ResourceKey;

use super::InventoryEntry;

/// Largest chunk. Base64 makes 683 KiB of it, and a Secret may have 1 MiB.
pub const CHUNK_BYTES: usize = 512 << 10;

/// zstd's default level.
const LEVEL: i32 = 3;

/// No graph is larger than this, decoded: 1 GiB, the limit of an application. Nor is what it is decoded from.
pub(super) const MAX_GRAPH_BYTES: usize = 1 << 30;

/// No inventory, list of keys or bodies of Secrets is larger than this, decoded: enough for a million objects.
const MAX_PART_BYTES: usize = 256 << 20;

/// No release keeps more than this of health checks, in bytes.
pub const MOST_CHECK_BYTES: usize = 1 << 20;

/// No release keeps more than this of signatures, in bytes of JSON.
pub const MOST_SIGNATURE_BYTES: usize = 1 << 20;

/// So many chunks hold them: what cannot be compressed grows a little.
pub const MOST_SIGNATURE_CHUNKS: usize = MOST_SIGNATURE_BYTES / CHUNK_BYTES + 1;

/// How far back a window may reach, as a power of two. Whoever reads must have room for it.
const MAX_WINDOW_LOG: u32 = 30;

/// Stored bytes that are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// zstd cannot read or write them.
    #[error("cannot decompress what the record holds")]
    Compression(#[source] std::io::Error),
    /// They would fill the memory.
    #[error("the record holds more than {limit} bytes in one part")]
    TooLarge {
        /// How many there may be.
        limit: usize,
    },
    /// They are no graph, or another one.
    #[error("the record holds no usable graph")]
    Graph(#[source] gitops_compiler::graph::DecodeGraphError),
    /// They are no inventory.
    #[error("the record holds no usable inventory")]
    Inventory(#[source] serde_json::Error),
    /// They are no health checks.
    #[error("the record holds no usable health checks")]
    HealthChecks(#[source] serde_json::Error),
    /// They are no signatures.
    #[error("the record holds no usable signatures")]
    Signatures(#[source] serde_json::Error),
}

/// A graph as bytes; against `base` where one is given. The bodies of Secrets are left out, all of them: they are
/// kept in the namespaces that they belong to, so that who may read the record gains no rights.
pub fn graph(graph: &ResourceGraph, base: Option<&ResourceGraph>) -> Result<Vec<u8>, PackError> {
    let without_secrets =
        |graph: &ResourceGraph| graph.encode_without(&|node| graph.resources()[node].key.is("", "Secret"));
    compress(&without_secrets(graph), &base.map(without_secrets).unwrap_or_default())
}

/// The bytes of a graph's encoding, given those of the graph below it.
pub fn unpack_layer(packed: &[u8], base: &[u8]) -> Result<Vec<u8>, PackError> {
    decompress(packed, base, MAX_GRAPH_BYTES)
}

/// The graph `id` from its encoding and the bodies that were withheld.
pub fn decode(bytes: &[u8], id: Id<Graph>, bodies: &BTreeMap<Id<Resource>, Value>) -> Result<ResourceGraph, PackError> {
    ResourceGraph::decode_with(bytes, id, bodies).map_err(PackError::Graph)
}

/// An inventory as bytes.
pub fn inventory(entries: &BTreeMap<ResourceKey, InventoryEntry>) -> Result<Vec<u8>, PackError> {
    compress(&serde_json::to_vec(entries).map_err(PackError::Inventory)?, &[])
}

/// An inventory from its bytes.
pub fn unpack_inventory(packed: &[u8]) -> Result<BTreeMap<ResourceKey, InventoryEntry>, PackError> {
    serde_json::from_slice(&decompress(packed, &[], MAX_PART_BYTES)?).map_err(PackError::Inventory)
}

/// Keys as bytes.
pub fn keys(keys: &[ResourceKey]) -> Result<Vec<u8>, PackError> {
    compress(&serde_json::to_vec(keys).map_err(PackError::Inventory)?, &[])
}

/// Keys from their bytes.
pub fn unpack_keys(packed: &[u8]) -> Result<Vec<ResourceKey>, PackError> {
    serde_json::from_slice(&decompress(packed, &[], MAX_PART_BYTES)?).map_err(PackError::Inventory)
}

/// Files of health checks as bytes, and as the ids of the chunks that these make. None where they are more than
/// [`MOST_CHECK_BYTES`], or no texts.
#[must_use]
pub fn health_checks(files: &[(String, Vec<u8>)]) -> Option<(Vec<Id<Chunk>>, Vec<u8>)> {
    let texts = files.iter().map(|(path, bytes)| Some((path.as_str(), std::str::from_utf8(bytes).ok()?)));
    let texts: Vec<(&str, &str)> = texts.collect::<Option<_>>()?;
    let bytes = serde_json::to_vec(&texts).ok().filter(|bytes| bytes.len() <= MOST_CHECK_BYTES)?;
    let packed = compress(&bytes, &[]).ok()?;
    Some((chunks(&packed).map(|(id, _)| id).collect(), packed))
}

/// Files of health checks from their bytes.
pub fn unpack_health_checks(packed: &[u8]) -> Result<Vec<(String, String)>, PackError> {
    serde_json::from_slice(&decompress(packed, &[], MOST_CHECK_BYTES)?).map_err(PackError::HealthChecks)
}

/// Something that a release keeps beside its graph, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packed {
    /// The ids of its chunks.
    pub chunks: Vec<Id<Chunk>>,
    /// The bytes that these make.
    pub bytes: Vec<u8>,
}

/// Signatures, in this order, as many as have room; and how many have none.
///
/// # Errors
/// Where they cannot be compressed.
pub fn signatures<'a>(all: impl IntoIterator<Item = &'a str>) -> Result<(Packed, usize), PackError> {
    let (mut kept, mut left_out, mut size) = (Vec::new(), 0, 2);
    for text in all {
        let length = serde_json::to_string(text).map_err(PackError::Signatures)?.len() + 1;
        if size + length > MOST_SIGNATURE_BYTES {
            left_out += 1;
            continue;
        }
        size += length;
        kept.push(text);
    }
    if kept.is_empty() {
        return Ok((Packed::default(), left_out));
    }
    let bytes = compress(&serde_json::to_vec(&kept).map_err(PackError::Signatures)?, &[])?;
    Ok((Packed { chunks: chunks(&bytes).map(|(id, _)| id).collect(), bytes }, left_out))
}

/// Signatures from their bytes.
pub fn unpack_signatures(packed: &[u8]) -> Result<Vec<String>, PackError> {
    serde_json::from_slice(&decompress(packed, &[], MOST_SIGNATURE_BYTES)?).map_err(PackError::Signatures)
}

/// Bodies of Secrets as bytes: canonical CBOR, one list.
pub fn bodies(bodies: &[&Value]) -> Result<Vec<u8>, PackError> {
    let list = Value::Array(bodies.iter().map(|body| (*body).clone()).collect());
    compress(&gitops_compiler::canon::Encoder::encode(&list), &[])
}

/// Bodies of Secrets from their bytes, by the ids that they hash to.
pub fn unpack_bodies(packed: &[u8]) -> Result<BTreeMap<Id<Resource>, Value>, PackError> {
    let bytes = decompress(packed, &[], MAX_PART_BYTES)?;
    let list = gitops_compiler::canon::Decoder::decode(&bytes).map_err(|error| PackError::Graph(error.into()))?;
    let Value::Array(bodies) = list else { return Ok(BTreeMap::new()) };
    Ok(bodies.into_iter().map(|body| (Id::of(&gitops_compiler::canon::Encoder::encode(&body)), body)).collect())
}

/// Cuts bytes into chunks.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = (Id<Chunk>, &[u8])> {
    bytes.chunks(CHUNK_BYTES).map(|piece| (Id::of(piece), piece))
}

/// With `base` as a prefix that was seen before, as `zstd --patch-from` has it.
fn compress(bytes: &[u8], base: &[u8]) -> Result<Vec<u8>, PackError> {
    let encode = || {
        let mut compressor = zstd::bulk::Compressor::with_dictionary(LEVEL, base)?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::WindowLog(window_log(bytes.len() + base.len())))?;
        compressor.set_parameter(zstd::zstd_safe::CParameter::EnableLongDistanceMatching(!base.is_empty()))?;
        compressor.compress(bytes)
    };
    encode().map_err(PackError::Compression)
}

fn decompress(packed: &[u8], base: &[u8], limit: usize) -> Result<Vec<u8>, PackError> {
    let decode = || {
        let mut decoder = zstd::stream::read::Decoder::with_dictionary(packed, base)?;
        decoder.set_parameter(zstd::zstd_safe::DParameter::WindowLogMax(MAX_WINDOW_LOG))?;
        let mut bytes = Vec::new();
        decoder.take(limit as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = decode().map_err(PackError::Compression)?;
    if bytes.len() > limit { Err(PackError::TooLarge { limit }) } else { Ok(bytes) }
}

/// The window must reach back over everything.
fn window_log(bytes: usize) -> u32 {
    usize::BITS.saturating_sub(bytes.max(1).leading_zeros()).clamp(10, MAX_WINDOW_LOG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_compiler::manifest::objects;
    use serde_json::json;

    fn large_graph(changed: usize) -> ResourceGraph {
        let documents: Vec<_> = (0..1000)
            .map(|index| {
                // Different for each object, as real ones are.
                let noise: String = Id::<Chunk>::of(format!("{index}").as_bytes()).to_string();
                let value = if index == changed { "new" } else { "old" };
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("c{index}")},
                       "data": {"noise": noise, "value": value}})
            })
            .collect();
        let origin = gitops_compiler::diagnostic::Origin::of_file(String::new());
        let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
        let manifests = objects(list.into(), &origin, &mut Vec::new());
        ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
    }

    #[test]
    fn a_change_of_one_object_costs_little_and_comes_back() {
        let (old, new) = (large_graph(1), large_graph(700));
        let whole = graph(&old, None).expect("packed");
        let change = graph(&new, Some(&old)).expect("packed");
        assert!(change.len() < 2048 && change.len() * 20 < whole.len(), "{} of {}", change.len(), whole.len());
        let old_bytes = unpack_layer(&whole, &[]).expect("unpacked");
        let new_bytes = unpack_layer(&change, &old_bytes).expect("unpacked");
        assert_eq!(decode(&new_bytes, new.id(), &BTreeMap::new()).expect("decoded"), new);
        assert!(decode(&old_bytes, new.id(), &BTreeMap::new()).is_err());
    }

    #[test]
    fn a_few_bytes_that_become_too_many_are_refused() {
        let zeros = std::io::repeat(b' ').take(MAX_PART_BYTES as u64 + 1);
        let packed = zstd::encode_all(zeros, LEVEL).expect("packed");
        assert!(packed.len() < 64 << 10, "{}", packed.len());
        let refused = unpack_inventory(&packed).expect_err("too much");
        assert!(matches!(refused, PackError::TooLarge { limit: MAX_PART_BYTES }), "{refused}");
    }

    #[test]
    fn health_checks_come_back_unless_they_are_too_many() {
        let file = |length: usize| ("a.yaml".to_owned(), vec![b'#'; length]);
        let (ids, packed) = health_checks(&[file(9), file(0)]).expect("packed");
        assert_eq!(ids, chunks(&packed).map(|(id, _)| id).collect::<Vec<_>>());
        let texts = unpack_health_checks(&packed).expect("unpacked");
        assert_eq!(texts[0], ("a.yaml".to_owned(), "#########".to_owned()));
        assert!(health_checks(&[file(MOST_CHECK_BYTES)]).is_none());
        assert!(health_checks(&[("a.yaml".to_owned(), vec![0xff])]).is_none());
        let many = zstd::encode_all(std::io::repeat(b' ').take(MOST_CHECK_BYTES as u64 + 1), LEVEL).expect("packed");
        assert!(matches!(unpack_health_checks(&many), Err(PackError::TooLarge { limit: MOST_CHECK_BYTES })));
        assert!(unpack_health_checks(&inventory(&BTreeMap::new()).expect("packed")).is_err());
    }

    #[test]
    fn signatures_come_back_and_those_without_room_are_counted() {
        let long = "x".repeat(MOST_SIGNATURE_BYTES);
        let (packed, left_out) = signatures(["{\"a\":1}", long.as_str(), "two"]).expect("packed");
        assert_eq!(left_out, 1);
        assert_eq!(packed.chunks, chunks(&packed.bytes).map(|(id, _)| id).collect::<Vec<_>>());
        assert_eq!(unpack_signatures(&packed.bytes).expect("unpacked"), ["{\"a\":1}", "two"]);
        assert_eq!(signatures([]).expect("packed"), (Packed::default(), 0), "nothing is stored of nothing");
        let full = "y".repeat(MOST_SIGNATURE_BYTES - 5);
        let (packed, left_out) = signatures([full.as_str()]).expect("packed");
        assert_eq!(
            (unpack_signatures(&packed.bytes).expect("unpacked"), left_out),
            (vec![full], 0),
            "to the last byte"
        );
        let mut seed = 1_u64;
        let mut letter = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'#' + u8::try_from((seed >> 33) % 57).expect("a byte"))
        };
        let noise: String = (0..MOST_SIGNATURE_BYTES - 5).map(|_| letter()).collect();
        let (packed, left_out) = signatures([noise.as_str()]).expect("packed");
        assert!(left_out == 0 && packed.chunks.len() <= MOST_SIGNATURE_CHUNKS, "{}", packed.chunks.len());
        let many =
            zstd::encode_all(std::io::repeat(b' ').take(MOST_SIGNATURE_BYTES as u64 + 1), LEVEL).expect("packed");
        assert!(matches!(unpack_signatures(&many), Err(PackError::TooLarge { limit: MOST_SIGNATURE_BYTES })));
        assert!(matches!(unpack_signatures(b"no"), Err(PackError::Compression(_))));
    }

    #[test]
    fn secrets_are_kept_apart() {
        let secret =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "c2VjcmV0"}});
        let origin = gitops_compiler::diagnostic::Origin::of_file(String::new());
        let manifests = objects(secret.into(), &origin, &mut Vec::new());
        let old = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph;
        let bytes = unpack_layer(&graph(&old, None).expect("packed"), &[]).expect("unpacked");
        assert!(!bytes.windows(8).any(|window| window == b"c2VjcmV0"));
        let kept = unpack_bodies(&bodies(&[&old.resources()[0].body]).expect("packed")).expect("unpacked");
        assert_eq!(decode(&bytes, old.id(), &kept).expect("decoded"), old);
        let without = decode(&bytes, old.id(), &BTreeMap::new()).expect("decoded");
        assert_eq!((without.id(), &*without.resources()[0].body), (old.id(), &Value::Null));
    }
}
