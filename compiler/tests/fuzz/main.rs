//! The fuzz targets on a stable compiler: seeds, mutated in small ways, many times.
//!
//! `GITOPS_LONG=1` runs a million mutations of each target; else a short slice. The seed is fixed, so that a failure
//! comes back; its input is in the message.

mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};

use gitops_compiler::canon::Encoder;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::manifest;
use gitops_testdata::random::SplitMix64;

const TEXTS: [&str; 6] = [
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {a: b, \"c\": 'd'}\ndata:\n  k: |-\n    x\n    y\n",
    "# c\n---\nx: &a [1, 0777, yes, ~, 1e3, .5, 12:30]\ny: *a\n<<: {z: !!str 1}\n...\ntail\n--- # s\n- a\n- \t b\n",
    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Secret\",\"metadata\":{\"name\":\"\\u00e4\"}}]}{}",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: s, annotations: {config.kubernetes.io/depends-on: \
     /namespaces/s/ConfigMap/a}}\nspec:\n  template:\n    spec:\n      containers:\n      - name: c\n        env:\n        \
     - {name: A, value: \"1\"}\n        - {name: A, value: >\n            folded\n\n            text\n          }\n",
    "? complex\n: value\n? [a]\n: b\n\"quoted \\x41 \\u0042\\\n  more\": 'it''s'\n",
    "a: !!binary aGVsbG8=\nb: !<tag:yaml.org,2002:int> 3\nc: !local {d: e}\n%YAML 1.1\n",
];

/// Bytes that mean something to a reader.
const TELLING: &[u8] = b" \n:-#{}[],&*!|>'\"%@`\t\\?~0\xff\xc3";

/// A few small changes: bytes set, flipped, left out, put in, doubled, moved, taken from another seed.
fn mutate(seeds: &[Vec<u8>], random: &mut SplitMix64) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] = u8::try_from(random.below(256)).expect("a byte"),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.insert(at, TELLING[random.below(TELLING.len())]),
            4 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                let piece: Vec<u8> = bytes.drain(at..end).collect();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = &other[from..(from + random.below(24)).min(other.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

fn run(name: &str, target: fn(&[u8]), seeds: &[Vec<u8>]) {
    let rounds = if std::env::var_os("GITOPS_LONG").is_some() { 1_000_000 } else { 20_000 };
    let mut random = SplitMix64::new(20_261_123);
    for round in 0..rounds {
        let bytes = if round < seeds.len() { seeds[round].clone() } else { mutate(seeds, &mut random) };
        let held = catch_unwind(AssertUnwindSafe(|| target(&bytes))).is_ok();
        assert!(held, "round {round} of `{name}`: {:?}", String::from_utf8_lossy(&bytes));
    }
    let told = format!("{name}: {rounds} runs\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), told.as_bytes());
}

fn texts() -> Vec<Vec<u8>> {
    TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[test]
fn the_reader() {
    run("read", targets::read, &texts());
}

#[test]
fn the_decoder_of_graphs() {
    let graphs = texts().into_iter().filter_map(|text| {
        let (manifests, _) = manifest::read("a.yaml", &text);
        ResourceGraph::build(manifests, &mut Vec::new()).ok().map(|built| built.graph.encode())
    });
    let seeds: Vec<Vec<u8>> = graphs.collect();
    assert!(seeds.len() > 2, "some of the texts are manifests");
    run("graph", targets::graph, &seeds);
}

#[test]
fn the_decoder_of_values() {
    let manifests = texts().into_iter().flat_map(|text| manifest::read("a.yaml", &text).0);
    let seeds: Vec<Vec<u8>> = manifests.map(|manifest| Encoder::encode(&manifest.body)).collect();
    run("value", targets::value, &seeds);
}
