//! Bundles: the same bytes always, and no other byte taken.

mod differing;

use std::io::Write as _;

use rayon::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::diagnostic::Origin;
use crate::manifest::{objects, read};

fn graph_of(documents: Json) -> ResourceGraph {
    let origin = Origin { path: "a.yaml".to_owned(), line: 1, column: 0 };
    let list = json!({"kind": "List", "apiVersion": "v1", "items": documents});
    let manifests = objects(list.into(), &origin, &mut Vec::new());
    ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
}

fn shop() -> ResourceGraph {
    let data = json!({"text": "yes\n", "number": "0644", "empty": "", "unicode": "é\u{2028}\t"});
    graph_of(json!([
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "shop"}, "data": data},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "shop:Reader"}, "rules": []},
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"},
            "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "cart:1",
                "envFrom": [{"configMapRef": {"name": "settings"}}]}]}}},
        },
    ]))
}

fn name() -> AppName {
    "shop".parse().expect("a name")
}

fn bundle() -> Bundle {
    Bundle::build(&name(), &shop(), Delivery::default(), Compression::Deflate, false).expect("a bundle")
}

/// The files with other bytes at a path; names, digests and sizes are made right again, up to the index.
fn with_blob(files: &Files, path: &str, bytes: Vec<u8>) -> Files {
    let mut files = files.clone();
    let old = files.remove(path).expect("it is there");
    let listed = |bytes: &[u8]| format!("\"digest\":\"{}\",\"size\":{}", digest(bytes), bytes.len());
    let (from, to) = (listed(&old), listed(&bytes));
    files.insert(if path.contains('/') { blob_path(&digest(&bytes)) } else { path.to_owned() }, bytes);
    let parent = files.iter().find(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&from));
    let Some((parent, text)) = parent.map(|(path, bytes)| (path.clone(), String::from_utf8_lossy(bytes).into_owned()))
    else {
        return files;
    };
    with_blob(&files, &parent, text.replace(&from, &to).into_bytes())
}

fn path_of(bundle: &Bundle, part: &str) -> String {
    let manifest = blob_path(&bundle.manifest);
    match part {
        "manifest" => manifest,
        "layer" => blob_path(&bundle.layer),
        _ => bundle
            .files
            .keys()
            .find(|path| path.contains('/') && **path != manifest && **path != blob_path(&bundle.layer))
            .expect("a config")
            .clone(),
    }
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn refused(files: &Files) -> String {
    Bundle::read(files).expect_err("it is refused").to_string()
}

#[test]
fn a_bundle_is_pinned() {
    let made = bundle();
    let tar = layer::decompressed("layer", &made.files[&path_of(&made, "layer")]).expect("a tar");
    let names: Vec<String> = layer::files_of("layer", &tar).expect("files").into_keys().collect();
    assert_eq!(
        names,
        [
            "0001-namespace-shop.yaml",
            "0002-clusterrole-shop-reader.yaml",
            "0003-configmap-settings.yaml",
            "0004-deployment-cart.yaml"
        ]
    );
    insta::assert_snapshot!(made.config.rootfs.diff_ids[0], @"sha256:d0d3aba29c7fc6a24c56cc619c556cafdf2b3119b59bbd06f9b680a599e3016e");
    insta::assert_snapshot!(made.layer, @"sha256:f4bfc2aedf7c7380af48fb755bd9e08acb9e21b1f92ae1f96deeca36e3f4c202");
    insta::assert_snapshot!(made.manifest, @"sha256:efd4d88c2d57ee5d87f4051d92724a938d3073dca9edd719f78a131182eebfea");
    let stored = Bundle::build(&name(), &shop(), Delivery::default(), Compression::Store, false).expect("a bundle");
    insta::assert_snapshot!(stored.layer, @"sha256:6d5e6fd6803ea6bbeec6a24e46820cd68f324c51251e198c9ba7a13af77a4366");
    assert_eq!(stored.config, made.config);
}

#[test]
fn what_is_read_is_what_was_made() {
    for compression in [Compression::Deflate, Compression::Store] {
        let delivery = Delivery { namespace: "shop".to_owned(), history_limit: Some(3), ..Delivery::default() };
        let made = Bundle::build(&name(), &shop(), delivery, compression, false).expect("a bundle");
        let read = Bundle::read(&made.files).expect("it is whole");
        assert!(!read.is_compressed_otherwise);
        assert_eq!((read.bundle.files, &read.bundle.graph), (made.files, &made.graph));
        assert_eq!(read.bundle.config, made.config);
    }
}

#[test]
fn threads_make_no_difference() {
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| Bundle::read(&bundle().files).expect("it is whole").bundle.files)
    };
    assert_eq!(with(1), with(7));
}

#[test]
fn a_kustomization_is_in_a_layer_that_says_so_and_in_no_other() {
    let kustomization = || Delivery { kustomization: true, ..Delivery::default() };
    let made = Bundle::build(&name(), &shop(), kustomization(), Compression::Deflate, false).expect("a bundle");
    assert_eq!(Bundle::read(&made.files).expect("it is whole").bundle.files, made.files);
    let tar = layer::decompressed("layer", &made.files[&path_of(&made, "layer")]).expect("a tar");
    let files = layer::files_of("layer", &tar).expect("files");
    insta::assert_snapshot!(String::from_utf8_lossy(&files["kustomization.yaml"]), @r"
    apiVersion: kustomize.config.k8s.io/v1beta1
    kind: Kustomization
    resources:
    - 0001-namespace-shop.yaml
    - 0002-clusterrole-shop-reader.yaml
    - 0003-configmap-settings.yaml
    - 0004-deployment-cart.yaml
    sortOptions:
      order: fifo
    ");
    let other = bundle();
    assert!(!String::from_utf8_lossy(&other.files[&path_of(&other, "config")]).contains("kustomization"));
    // The layer of one with the config of the other.
    for (one, layer) in [(&other, &made), (&made, &other)] {
        let layer = layer.files[&path_of(layer, "layer")].clone();
        let swapped = refused(&with_blob(&one.files, &path_of(one, "layer"), layer));
        assert!(swapped.contains("not what the graph of the config gives"), "{swapped}");
    }
}

/// What is compressed in blocks, on their own threads.
#[test]
fn a_large_layer_is_one_member_of_gzip_whatever_the_threads() {
    let text = lines(40_000);
    for length in [0, 1, 1 << 20, (1 << 20) + 1, text.len()] {
        let layer = layer::Layer { names: Vec::new(), tar: text[..length].to_vec() };
        let compressed = layer.compressed(Compression::Deflate);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
        assert_eq!(compressed, pool.install(|| layer.compressed(Compression::Deflate)), "{length}");
        assert_eq!(layer::decompressed("layer", &compressed).expect("one member"), layer.tar);
        let whole = gzip(&layer.tar, 6);
        assert!(compressed.len() <= whole.len() + whole.len() / 100, "{} {}", compressed.len(), whole.len());
    }
}

/// A compressor writes what it has gathered now and then, and the end of a block may come just before, at, and after that.
#[test]
fn blocks_may_end_anywhere_in_what_a_compressor_gathers() {
    let text = lines(4_000);
    (1..300_000).step_by(199).collect::<Vec<usize>>().into_par_iter().for_each(|size| {
        let tar = [&text[..size], b"next"].concat();
        let compressed = layer::deflated(&tar, size);
        assert!(layer::decompressed("layer", &compressed).expect("one member") == tar, "{size}");
    });
}

/// So many lines, about half of which cannot be compressed.
fn lines(count: u32) -> Vec<u8> {
    let line = |number: u32| format!("- number: {number}\n  hash: {}\n", blake3::hash(&number.to_le_bytes()));
    (0..count).map(line).collect::<String>().into_bytes()
}

#[test]
fn one_bit_anywhere_is_refused() {
    let made = bundle();
    for (path, bytes) in &made.files {
        for at in 0..bytes.len() {
            let mut files = made.files.clone();
            files.get_mut(path).expect("it is there")[at] ^= 1 << (at % 8);
            assert!(Bundle::read(&files).is_err(), "{path}, byte {at}");
        }
    }
}

/// Whoever changes something may make all hashes right again; what there is must still be what the graph gives.
#[test]
fn one_byte_of_what_is_hashed_is_refused_though_all_hashes_are_right() {
    let made = bundle();
    let tar = layer::decompressed("layer", &made.files[&path_of(&made, "layer")]).expect("a tar");
    for at in 0..tar.len() {
        let mut other = tar.clone();
        other[at] ^= 1;
        let files = with_blob(&made.files, &path_of(&made, "layer"), gzip(&other, 1));
        assert!(Bundle::read(&files).is_err(), "byte {at} of the tar");
    }
    for part in ["config", "manifest"] {
        let path = path_of(&made, part);
        for at in 0..made.files[&path].len() {
            let mut other = made.files[&path].clone();
            other[at] ^= 1;
            let files = with_blob(&made.files, &path, other);
            let read = Bundle::read(&files);
            // The name of the application is whatever the bundle says: nothing else knows it.
            let is_renamed = read.as_ref().is_ok_and(|read| read.bundle.config.application != made.config.application);
            assert!(read.is_err() || is_renamed, "byte {at} of the {part}");
        }
    }
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    let made = bundle();
    for path in made.files.keys() {
        let mut files = made.files.clone();
        files.remove(path);
        assert!(refused(&files).contains("it is not there"), "{path}");
    }
    let with = |path: &str, bytes: &[u8]| {
        let mut files = made.files.clone();
        files.insert(path.to_owned(), bytes.to_vec());
        refused(&files)
    };
    assert_eq!(
        with(&blob_path(&digest(b"x")), b"x"),
        format!("{}: nothing in the bundle names it", blob_path(&digest(b"x")))
    );
    assert_eq!(with("README", b"x"), "README: no bundle has such a file");
    let file = || made.files[&path_of(&made, "layer")].clone();
    let two = with_blob(&made.files, &path_of(&made, "layer"), [file(), gzip(b"", 6)].concat());
    assert!(refused(&two).contains("something follows what is compressed"));
    let later = String::from_utf8(made.files[&path_of(&made, "config")].clone())
        .expect("text")
        .replace("bundle/v1", "bundle/v2");
    let later = with_blob(&made.files, &path_of(&made, "config"), later.into_bytes());
    assert_eq!(
        refused(&later),
        "the format `kubectl-gitops/bundle/v2` is not known; this program reads kubectl-gitops/bundle/v1"
    );
}

/// A file with holes says of itself how large it is; whoever believes it runs out of memory.
#[test]
fn a_file_with_holes_is_refused_before_it_is_read() {
    let mut header = tar::Header::new_gnu();
    header.set_path("a").expect("a name");
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(0);
    let gnu = header.as_gnu_mut().expect("GNU's");
    gnu.set_real_size(1 << 40);
    gnu.sparse[0].set_offset(1 << 40);
    gnu.sparse[0].set_length(0);
    header.set_cksum();
    let tar = [header.as_bytes().as_slice(), &[0; 1024]].concat();
    let refused = Bundle::unarchive("a.tar", &tar).expect_err("it is refused").to_string();
    assert_eq!(refused, "a.tar: its tar has something else than plain files");
}

#[test]
fn another_compression_is_told_and_is_no_other_bundle() {
    let made = bundle();
    let tar = layer::decompressed("layer", &made.files[&path_of(&made, "layer")]).expect("a tar");
    let files = with_blob(&made.files, &path_of(&made, "layer"), gzip(&tar, 9));
    let read = Bundle::read(&files).expect("the content is the same");
    assert!(read.is_compressed_otherwise);
    assert_eq!(read.bundle.files, made.files);
}

/// In a List it is an object; kubectl and kustomize read it as a list where it stands alone.
#[test]
fn what_would_be_read_as_a_list_is_refused() {
    let odd = json!({"apiVersion": "acme.io/v1", "kind": "Odd", "metadata": {"name": "a"}, "items": {"a": "b"}});
    let built = Bundle::build(&name(), &graph_of(json!([odd])), Delivery::default(), Compression::Store, false);
    assert_eq!(built.expect_err("refused"), [BundleError::LooksLikeAList("Odd.acme.io a".to_owned())]);
}

#[test]
fn secrets_with_values_need_a_word() {
    let data = json!({"password": "aHVudGVyMg=="});
    let graph = graph_of(json!([{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": data}]));
    let build = |plain| Bundle::build(&name(), &graph, Delivery::default(), Compression::Deflate, plain);
    assert_eq!(build(false).expect_err("refused"), [BundleError::PlainSecret("Secret a".to_owned())]);
    let made = build(true).expect("a bundle");
    assert!(made.config.resources[0].id.starts_with("secret:r1-"), "its values are no part of it");
    assert!(Bundle::read(&made.files).is_ok());
}

#[test]
fn what_sops_has_encrypted_stays_as_it_was_written() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  b: ENC[AES256_GCM,data:x]\n  a: ENC[AES256_GCM,data:y]\n\
                sops:\n  mac: ENC[AES256_GCM,data:z]\n  version: 3.9.0\n  lastmodified: \"2026-01-01T00:00:00Z\"\n";
    let (manifests, findings) = read("a.yaml", text.as_bytes());
    assert!(findings.is_empty(), "{findings:?}");
    let graph = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph;
    let made = Bundle::build(&name(), &graph, Delivery::default(), Compression::Deflate, false).expect("a bundle");
    assert_eq!(Bundle::read(&made.files).expect("it is whole").bundle.graph, graph);
}

fn claim(artifact_type: &str, content: &[u8]) -> Claim {
    Claim { artifact_type: artifact_type.to_owned(), content: content.to_vec(), annotations: [].into() }
}

/// A bundle with two things said about it.
fn claimed() -> Files {
    let claims = [claim("application/vnd.example+json", b"{}"), claim("text/plain", b"said")];
    with_claims(&bundle().files, &claims).expect("files")
}

#[test]
fn what_is_said_about_a_bundle_is_read_and_changes_nothing_of_it() {
    let (made, files) = (bundle(), claimed());
    for (path, bytes) in made.files.iter().filter(|(path, _)| *path != INDEX_FILE) {
        assert_eq!(files.get(path), Some(bytes), "{path}");
    }
    let read = Bundle::read(&files).expect("it is whole");
    assert_eq!((&read.manifest, &read.bundle.files), (&made.manifest, &made.files));
    let mut said: Vec<(&str, &[u8])> =
        read.referrers.iter().map(|one| (one.artifact_type.as_str(), one.layers[0].bytes.as_slice())).collect();
    said.sort_unstable();
    assert_eq!(said, [("application/vnd.example+json", b"{}".as_slice()), ("text/plain", b"said")]);
    assert!(read.referrers.is_sorted_by(|one, other| one.digest < other.digest));
    // In any order, and one after the other, and twice.
    let first = with_claims(&made.files, &[claim("text/plain", b"said")]).expect("files");
    let both = [claim("text/plain", b"said"), claim("application/vnd.example+json", b"{}")];
    assert_eq!(with_claims(&first, &both).expect("files"), files);
    assert_eq!(Bundle::unarchive("a.tar", &archive(&files)).expect("files"), files);
}

#[test]
fn one_bit_of_what_is_said_is_refused() {
    let files = claimed();
    for (path, bytes) in &files {
        for at in 0..bytes.len() {
            let mut other = files.clone();
            other.get_mut(path).expect("it is there")[at] ^= 1 << (at % 8);
            assert!(Bundle::read(&other).is_err(), "{path}, byte {at}");
        }
        let mut other = files.clone();
        other.remove(path);
        assert!(Bundle::read(&other).is_err(), "without {path}");
    }
}

/// Whoever changes the index makes no hash wrong: it must say what the manifests are, and no more.
#[test]
fn the_index_says_of_what_is_said_what_that_is() {
    let files = claimed();
    let index = String::from_utf8(files[INDEX_FILE].clone()).expect("text");
    let changed = |from: &str, to: &str| {
        assert!(index.contains(from), "{from} is not in {index}");
        let mut files = files.clone();
        files.insert(INDEX_FILE.to_owned(), index.replacen(from, to, 1).into_bytes());
        refused(&files)
    };
    assert!(
        changed(r#""artifactType":"text/plain""#, r#""artifactType":"text/html""#)
            .contains("is not what that manifest is")
    );
    assert!(changed(r#","artifactType":"text/plain""#, "").contains("is not what that manifest is"));
    let with_annotation = r#""artifactType":"text/plain","annotations":{"a":"b"}"#;
    assert!(changed(r#""artifactType":"text/plain""#, with_annotation).contains("is not what that manifest is"));
    let read: Json = serde_json::from_str(&index).expect("JSON");
    let mut lines: Vec<String> = index.split("},{\"mediaType\"").map(str::to_owned).collect();
    assert_eq!((read["manifests"].as_array().map(Vec::len), lines.len()), (Some(3), 3));
    let last = lines[2].trim_end_matches("}]}").to_owned();
    lines[2] = format!("{}}}]}}", lines[1]);
    lines[1] = last;
    let mut swapped = files.clone();
    swapped.insert(INDEX_FILE.to_owned(), lines.join("},{\"mediaType\"").into_bytes());
    assert!(refused(&swapped).contains("is not sorted"), "{}", refused(&swapped));
    // Both manifests are hidden: their files are named by nothing then.
    let mut hidden = files.clone();
    hidden.insert(INDEX_FILE.to_owned(), bundle().files[INDEX_FILE].clone());
    assert!(refused(&hidden).contains("nothing in the bundle names it"));
}

#[test]
fn what_is_said_of_another_bundle_is_refused() {
    let other = Bundle::build(
        &name(),
        &shop(),
        Delivery { namespace: "x".to_owned(), ..Delivery::default() },
        Compression::Deflate,
        false,
    );
    let other = with_claims(&other.expect("a bundle").files, &[claim("text/plain", b"said")]).expect("files");
    let mut files = bundle().files;
    let index: Json = serde_json::from_slice(&other[INDEX_FILE]).expect("JSON");
    let line = serde_json::to_string(&index["manifests"][1]).expect("JSON");
    let own = String::from_utf8(files[INDEX_FILE].clone()).expect("text");
    let listed: Json = serde_json::from_str(&line).expect("JSON");
    let line = format!(
        r#"{{"mediaType":{},"digest":{},"size":{},"artifactType":{}}}"#,
        listed["mediaType"], listed["digest"], listed["size"], listed["artifactType"]
    );
    files.insert(INDEX_FILE.to_owned(), own.replacen("]}", &format!(",{line}]}}"), 1).into_bytes());
    for (path, bytes) in other {
        files.entry(path).or_insert(bytes);
    }
    assert!(refused(&files).contains("it is about something else than this bundle"), "{}", refused(&files));
}
