//! The format of the files, pinned: what was written with format 1 is read by every later version. `docs/store.md` says
//! it in words.

use std::fs;
use std::path::Path;

use super::{graph, store};
use crate::canon::{Id, Input, Recipe};
use crate::diagnostic::Origin;
use crate::graph::{Change, ResourceGraph};
use crate::manifest;
use crate::sandbox::Strength;
use crate::store::Store;
use crate::tree::FileMemo as _;

/// `kgitops1`, and a zstd frame of the canonical bytes. Another version of zstd may write another frame; all read this.
const GRAPH: (&str, &str) = (
    "graphs/g1-qmy3dbcxzosadkx4fvnivr2balzctjldc5dowk34exoxfufoypbq",
    "6b6769746f707331\
     28b52ffd2046310200838182846069436f6e6669674d6170612e6161a3646b696e6469436f6e6669674d6170686d65746164617461a1646e61\
     6d6561616a61706956657273696f6e62763180828080",
);
/// The same, of a change of that graph.
const CHANGE: (&str, &str) = (
    "changes/g1-5apaozqd4uywwizpku6gpsx4zmt2cch67fqcg5mhknklw37iiuca",
    "6b6769746f707331\
     28b52ffd20652903008258208331b18457cba401aafc2d5a8ac74102f229a5631746eb2b7c25dd72d0aec3c3818200a46464617461a163\
     6b65796576616c7565646b696e6469436f6e6669674d6170686d65746164617461a1646e616d6561616a61706956657273696f6e627631",
);
/// The bytes themselves.
const CHUNK: (&str, &str) = ("chunks/k1-d4e22bze5toirdackymutk7bojzjliyf3dw6pq6t4fhxxnq3donq", "6368756e6b");
/// A checksum, and the bytes.
const INPUT: (&str, &str) = (
    "inputs/i1-flcq5a6usafrdzfagbmrmq2p53tg5okrlmewvsxz7vlk65ee6pra",
    "a643bae069f5539bab50f44021fc46dabf2b9c2c88134702c6fbb71239c6513a696e707574",
);
/// A checksum, and the entry.
const MEMO: (&str, &str) = (
    "memo/d1-7nz5zc7wadzbglymeqkiuy7opyx2e7mxdlhlpfyrrs6qexhoixea",
    "199556d3115b111d1b801822632b71e36923fa00941cb679b437efb589fcaa9a656e747279",
);
/// The same, of how a program was confined and a zstd frame of what it wrote.
const OUTPUT: (&str, &str) = (
    "outputs/d1-7nz5zc7wadzbglymeqkiuy7opyx2e7mxdlhlpfyrrs6qexhoixea",
    "e3852fc7dcbb95673b358d21adf794639e7390896d1c2aa8429febfdf20746f70228b52ffd20063100006f7574707574",
);
/// The same, under the place.
const PLACE: (&str, &str) = (
    "places/w1-ybiidqritvtdycmmtg5v74j3ubjwy2tmmrdm2kjnlyj4aac75n7q",
    "5f49cbcf2e0bdeb300cad8b1c69993257ed151027bce5269d34a5d365595a7e466696c6573",
);

/// The graph above, with data.
fn changed() -> (ResourceGraph, Change) {
    let body = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "value"},
    });
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let manifests = manifest::objects(body.into(), &origin, &mut Vec::new());
    let changed = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph;
    let mut change = Change::of(graph().id());
    change.set(0, changed.resources()[0].body.clone());
    (changed, change)
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16).expect("a digit")).expect("a digit")).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn holds(store: &Store, (path, hex): (&str, &str)) {
    assert_eq!(fs::read(store.root().join(path)).expect(path), bytes_of(hex), "{path}");
}

#[test]
fn files_are_written_as_they_always_were() {
    let (_folder, store) = store();
    store.put_graph(&graph()).expect("written");
    store.put_memo(Id::<Recipe>::of(b"recipe"), b"entry").expect("written");
    store.put_chunk(b"chunk").expect("written");
    store.save(Path::new("/shop"), b"files");
    store.put_output(Id::<Recipe>::of(b"recipe"), Strength::Full, b"output").expect("written");
    let output = fs::read(store.root().join(OUTPUT.0)).expect("it has its name");
    assert_eq!(output[32], 2, "full");
    assert_eq!(zstd::decode_all(&output[33..]).expect("a frame"), b"output");
    store.put_input(Id::<Input>::of(b"digest"), b"input").expect("written");
    for golden in [CHUNK, INPUT, MEMO, PLACE] {
        holds(&store, golden);
    }
    let (changed, change) = changed();
    assert!(store.put_change(changed.id(), &change).expect("written"));
    for ((path, _), encoded) in [(GRAPH, graph().encode()), (CHANGE, change.encode())] {
        let file = fs::read(store.root().join(path)).expect("it has its name");
        let frame = file.strip_prefix(b"kgitops1").expect("it says what it is");
        assert_eq!(zstd::decode_all(frame).expect("a frame"), encoded);
    }
    let mut parts: Vec<_> =
        fs::read_dir(store.root()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    parts.sort();
    assert_eq!(
        parts,
        [
            "builds.lock",
            "changes",
            "chunks",
            "graphs",
            "inputs",
            "memo",
            "outputs",
            "pins",
            "places",
            "tmp",
            "writes.lock"
        ]
    );
    assert!(store.root().ends_with("v1"));
}

#[test]
fn files_that_were_written_long_ago_are_read() {
    let (_folder, store) = store();
    for (path, hex) in [GRAPH, CHANGE, CHUNK, INPUT, MEMO, OUTPUT, PLACE] {
        fs::write(store.root().join(path), bytes_of(hex)).expect("written");
    }
    assert_eq!(store.graph(graph().id()), Some(graph()));
    let (changed, _) = changed();
    assert_eq!(store.graph(changed.id()), Some(changed));
    assert_eq!(store.chunk(Id::of(b"chunk")).as_deref(), Some(&b"chunk"[..]));
    assert_eq!(store.input(Id::<Input>::of(b"digest")).as_deref(), Some(&b"input"[..]));
    assert_eq!(store.memo(Id::<Recipe>::of(b"recipe")).as_deref(), Some(&b"entry"[..]));
    assert_eq!(store.load(Path::new("/shop")).as_deref(), Some(&b"files"[..]));
    let output = || store.output(Id::<Recipe>::of(b"recipe"));
    assert_eq!(output().as_deref(), Some(&b"output"[..]));
    store.put_output(Id::<Recipe>::of(b"recipe"), Strength::Weak, b"output").expect("written");
    assert_eq!(output(), None, "it was less confined");
    assert_eq!(store.verify(false).expect("verified").whole, 7);
}

/// Nobody else on the machine reads what a store holds.
#[cfg(unix)]
#[test]
fn files_and_folders_are_ours_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, store) = store();
    store.put_graph(&graph()).expect("written");
    let mode = |path: &str| fs::metadata(store.root().join(path)).expect(path).permissions().mode() & 0o777;
    assert_eq!([mode(""), mode("graphs"), mode("tmp")], [0o700; 3]);
    assert_eq!([mode(GRAPH.0), mode("writes.lock"), mode("builds.lock")], [0o600; 3]);
}
