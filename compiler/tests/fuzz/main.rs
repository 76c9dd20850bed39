//! Every decoder of bytes that are a stranger's or a disk's, on a stable compiler, and the memory that each may take.
//!
//! `GITOPS_LONG=1` runs a million mutations of each target; else a short slice. `gitops_testdata::fuzz` runs and counts,
//! `targets`, `stored` and `tree` say what is done and what must hold, `structure` mutates what random bytes would never
//! get past. `compiler/fuzz/README.md` says how the same targets are run by libFuzzer.

mod stored;
mod structure;
mod targets;
mod tree;

use gitops_compiler::canon::{Encoder, Id, Layout};
use gitops_compiler::graph::{Change, ResourceGraph};
use gitops_compiler::manifest;
use gitops_testdata::fuzz::{Heap, PeakAlloc, Turn, mutate, turn};
use gitops_testdata::random::SplitMix64;

use stored::{Part, Stored};
use tree::Tree;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What decoders of our own formats may take: a multiple of their input, whatever lengths it claims.
const DECODED: Heap = Heap { for_any_input: 64 << 10, for_each_byte: 1 << 10 };

/// What readers of text may take, which write out aliases up to `yaml::Limits` (64 MiB of text, and nodes for it).
const READ: Heap = Heap { for_any_input: 512 << 20, for_each_byte: 64 << 10 };

const TEXTS: [&str; 7] = [
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels: {a: b, \"c\": 'd'}\ndata:\n  k: |-\n    x\n    y\n",
    "# c\n---\nx: &a [1, 0777, yes, ~, 1e3, .5, 12:30]\ny: *a\n<<: {z: !!str 1}\n...\ntail\n--- # s\n- a\n- \t b\n",
    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Secret\",\"metadata\":{\"name\":\"\\u00e4\"}}]}{}",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: s, annotations: {config.kubernetes.io/depends-on: \
     /namespaces/s/ConfigMap/a}}\nspec:\n  template:\n    spec:\n      containers:\n      - name: c\n        env:\n        \
     - {name: A, value: \"1\"}\n        - {name: A, value: >\n            folded\n\n            text\n          }\n",
    "? complex\n: value\n? [a]\n: b\n\"quoted \\x41 \\u0042\\\n  more\": 'it''s'\n",
    "a: !!binary aGVsbG8=\nb: !<tag:yaml.org,2002:int> 3\nc: !local {d: e}\n%YAML 1.1\n",
    DEFINITION,
];

/// A definition, and an object of its kind.
const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: as.x.io}
spec:
  group: x.io
  scope: Cluster
  names: {kind: A, plural: as}
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            properties:
              a: {type: integer, minimum: 1, format: int32}
              b: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [n], items: {type: object, properties: {n: {type: string, pattern: '^a+$'}}}}
              c: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
---
apiVersion: x.io/v1
kind: A
metadata: {name: a}
spec: {a: 2, b: [{n: a}], c: 5%}
";

/// Waits for the others, and then does all work on this thread: handing it to another would take longer than a run.
fn alone() -> (Turn, rayon::ThreadPool) {
    let turn = turn();
    (turn, rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().expect("a pool"))
}

fn texts() -> Vec<Vec<u8>> {
    TEXTS.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn graphs() -> Vec<ResourceGraph> {
    let graphs = texts().into_iter().chain(stored::TEXTS.map(|text| text.as_bytes().to_vec())).filter_map(|text| {
        let (manifests, _) = manifest::read("a.yaml", &text);
        ResourceGraph::build(manifests, &mut Vec::new()).ok().map(|built| built.graph)
    });
    let graphs: Vec<_> = graphs.filter(|graph| !graph.resources().is_empty()).collect();
    assert!(graphs.len() > 3, "some of the texts are manifests");
    graphs
}

#[test]
fn the_reader() {
    let (turn, _pool) = alone();
    turn.run("read", READ, &texts(), mutate, targets::read);
}

/// Nine of nine of nine of the same: short text, and more than a memory holds.
#[test]
fn aliases_take_no_more_than_their_limit() {
    let (turn, _pool) = alone();
    let level = |before: char, name: char| format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(","));
    for first in ["[x,x,x,x,x,x,x,x,x]".to_owned(), format!("{{{}}}", "x".repeat(1000)), "x".repeat(100_000)] {
        let mut text = format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\na: &a {first}\n");
        text.extend(('a'..='j').zip('b'..='k').map(|(before, name)| level(before, name)));
        let mut findings = Vec::new();
        let taken = turn.heap_of(|| findings = manifest::read("a.yaml", text.as_bytes()).1);
        assert!(findings.iter().any(|finding| finding.message.contains("alias")), "{findings:?}");
        assert!(taken < READ.for_any_input, "{taken} bytes of memory");
    }
}

#[test]
fn the_reader_of_lock_files() {
    let (turn, _pool) = alone();
    let (digest, oid) = ("a".repeat(64), "1".repeat(40));
    let content = Id::<Layout>::of(b"files");
    let seed = format!(
        "version: 1\ninputs:\n\n- kind: chart\n  repository: https://charts.example.com\n  chart: redis\n  version: \"1.10\"\n  \
         resolved: 1.10.3\n  digest: sha256:{digest}\n  content: {content}\n\n- kind: git\n  repository: git@example.com:x\n  \
         range: '>=1 <2'\n  tagPrefix: app-\n  resolved: \"{oid}\"\n\n- kind: git\n  repository: https://example.com/x\n  \
         revision: \"yes\"\n  resolved: \"{oid}\"\n\n- kind: file\n  address: https://example.com/x.yaml?a=b\n  digest: \
         sha256:{digest}\n\n- kind: program\n  name: helm\n  resolved: v4.3.1\n"
    );
    turn.run("lock", READ, &[seed.into_bytes()], mutate, targets::lock);
}

#[test]
fn the_whole_compiler() {
    let (turn, _pool) = alone();
    turn.run("compile", READ, &texts(), mutate, targets::compile);
}

#[test]
fn the_decoder_of_graphs() {
    let (turn, _pool) = alone();
    let whole = graphs().into_iter().map(|graph| graph.encode());
    let without = graphs().into_iter().map(|graph| graph.encode_without(&|node| node == 0));
    let seeds: Vec<Vec<u8>> = whole.chain(without).collect();
    turn.run("graph", DECODED, &seeds, structure::mutate, targets::graph);
}

#[test]
fn the_decoder_of_changes() {
    let (turn, _pool) = alone();
    let changes = graphs().into_iter().map(|graph| {
        let mut change = Change::of(graph.id());
        for (node, resource) in graph.resources().iter().enumerate() {
            change.set(node, resource.body.clone());
        }
        change.encode()
    });
    let seeds: Vec<Vec<u8>> = changes.chain([Change::of(Id::of(b"")).encode()]).collect();
    turn.run("change", DECODED, &seeds, structure::mutate, targets::change);
}

#[test]
fn the_decoder_of_outlines() {
    let (turn, _pool) = alone();
    let seeds: Vec<Vec<u8>> = graphs().into_iter().map(|graph| graph.outline()).collect();
    turn.run("outline", DECODED, &seeds, structure::mutate, targets::outline);
}

#[test]
fn the_decoder_of_values() {
    let (turn, _pool) = alone();
    let manifests = texts().into_iter().flat_map(|text| manifest::read("a.yaml", &text).0);
    let seeds: Vec<Vec<u8>> = manifests.map(|manifest| Encoder::encode(&manifest.body)).collect();
    turn.run("value", DECODED, &seeds, structure::mutate, targets::value);
}

#[test]
fn names_ids_and_patterns() {
    let (turn, _pool) = alone();
    let id = graphs()[0].id().to_string();
    let seeds = [id.as_str(), "shop", "shop-1.eu", "**/*.yaml", "{a,b}/[!c-e]?.{yaml,yml}", "\\*"];
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|text| text.as_bytes().to_vec()).collect();
    // A pattern becomes a program of the regex crate, which has a limit of its own (10 MiB).
    let heap = Heap { for_any_input: 32 << 20, for_each_byte: 16 << 10 };
    turn.run("spelling", heap, &seeds, mutate, targets::spelling);
}

/// A part of a store, below its checksum where it has one.
fn part_of_a_store(part: Part) {
    let (turn, _pool) = alone();
    let stored = Stored::new();
    let seeds = [stored.bytes(part)];
    let mutated = |seeds: &[Vec<u8>], random: &mut SplitMix64| match part {
        Part::Memo | Part::Compiled => structure::mutate(seeds, random),
        _ => mutate(seeds, random),
    };
    let which = Part::ALL.iter().position(|other| *other as u8 == part as u8).expect("a part");
    let which = u8::try_from(which).expect("a byte");
    // A file that was harmed may ask for its 1 GiB of zeros: that is the limit of an application.
    let heap = Heap { for_any_input: 4 << 20, for_each_byte: 64 << 10 };
    turn.run(&format!("{part:?}"), heap, &seeds, mutated, |data| stored.holds(&[&[which], data].concat()));
}

#[test]
fn files_of_graphs() {
    part_of_a_store(Part::GraphFile);
}

#[test]
fn files_of_changes() {
    part_of_a_store(Part::ChangeFile);
}

#[test]
fn files_of_memo_entries() {
    part_of_a_store(Part::MemoFile);
}

#[test]
fn memo_entries_below_their_checksum() {
    part_of_a_store(Part::Memo);
}

#[test]
fn baselines_below_their_checksum() {
    part_of_a_store(Part::Compiled);
}

#[test]
fn what_is_remembered_of_a_working_tree() {
    let (turn, _pool) = alone();
    let tree = Tree::new();
    let seeds = [tree.remembered()];
    assert!(seeds[0].len() > 150, "something is remembered: {:?}", seeds[0]);
    let heap = Heap { for_any_input: 4 << 20, for_each_byte: 1 << 10 };
    turn.run("known files", heap, &seeds, structure::mutate, |data| tree.remembers(data));
}

#[test]
fn attributes_of_a_working_tree() {
    let (turn, _pool) = alone();
    let tree = Tree::new();
    let seeds = [
        "* text=auto eol=lf\n*.yaml -text\n[attr]both text eol=crlf\nc/** both\n",
        "*.yaml working-tree-encoding=UTF-16LE\n\"a b\" !text\n# c\n/c/* crlf=input\n",
    ];
    let seeds = seeds.map(|text| text.as_bytes().to_vec());
    let heap = Heap { for_any_input: 4 << 20, for_each_byte: 16 << 10 };
    turn.run("attributes", heap, &seeds, mutate, |data| tree.has_attributes(data));
}
