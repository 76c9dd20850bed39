//! What differs is told where it differs, and nothing that is equal is.

use super::*;

fn lines(old: &Files, new: &Files) -> Vec<String> {
    let differences = Differences::between(old, new);
    let resources = differences.resources.iter().map(|(key, change)| match change {
        crate::diff::Change::Changed(fields) => {
            format!("{key} {}", fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        other => format!("{key} {other:?}"),
    });
    let parts = differences.parts.iter().map(|PartChange { part, change }| format!("{} {change}", part.as_str()));
    resources.chain(parts).collect()
}

fn with(data: &str, delivery: Delivery, how: Compression) -> Files {
    let graph = graph_of(json!([
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"v": data}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"v": "aHVudGVyMg=="}},
    ]));
    Bundle::build(&name(), &graph, delivery, how, true).expect("a bundle").files
}

fn plain(data: &str) -> Files {
    with(data, Delivery::default(), Compression::Deflate)
}

/// The layer of a bundle, as its tar, with other bytes in it.
fn with_tar(files: &Files, change: impl Fn(&mut Vec<u8>)) -> Files {
    let read = Bundle::read(files).expect("it is whole").bundle;
    let path = path_of(&read, "layer");
    let mut tar = layer::decompressed("layer", &files[&path]).expect("a tar");
    change(&mut tar);
    with_blob(files, &path, gzip(&tar, 6))
}

/// Writes a field of the header of the first file, and makes its sum right again.
fn header(tar: &mut [u8], at: usize, text: &[u8]) {
    tar[at..at + text.len()].copy_from_slice(text);
    tar[148..156].fill(b' ');
    let sum: u32 = tar[..512].iter().map(|byte| u32::from(*byte)).sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn what_is_equal_has_no_differences() {
    let made = bundle();
    assert!(Differences::between(&made.files, &made.files).is_empty());
}

#[test]
fn resources_and_delivery_are_told_by_their_fields_and_bytes_are_not() {
    let delivery = Delivery { namespace: "shop".to_owned(), history_limit: Some(3), ..Delivery::default() };
    assert_eq!(lines(&plain("1"), &plain("2")), ["ConfigMap a data.v  1 → 2"]);
    assert_eq!(
        lines(&plain("1"), &with("1", delivery, Compression::Deflate)),
        ["delivery historyLimit  + 3", "delivery namespace  \"\" → shop"]
    );
    let other =
        Bundle::build(&"other".parse().expect("a name"), &shop(), Delivery::default(), Compression::Deflate, false);
    assert_eq!(lines(&bundle().files, &other.expect("a bundle").files), ["application name  shop → other"]);
}

#[test]
fn another_compression_is_told_as_that() {
    let stored = with("1", Delivery::default(), Compression::Store);
    let told = lines(&plain("1"), &stored);
    assert!(
        !told.is_empty()
            && told.iter().all(|line| line.starts_with("compression ") || line.starts_with("manifest layers")),
        "{told:?}"
    );
    let read = Bundle::read(&plain("1")).expect("it is whole").bundle;
    let mut layer = plain("1")[&path_of(&read, "layer")].clone();
    layer[9] = 3;
    let told = lines(&plain("1"), &with_blob(&plain("1"), &path_of(&read, "layer"), layer));
    assert_eq!(told[0], "compression system  255 → 3");
}

#[test]
fn headers_of_the_tar_are_told_by_their_fields() {
    let made = bundle().files;
    let name = "0001-namespace-shop.yaml";
    for (at, text, wanted) in [
        (100, &b"0000755\0"[..], format!("header {name} mode  0644 → 0755")),
        (108, &b"0001750\0"[..], format!("header {name} user  0 → 1000")),
        (136, &b"00000000001\0"[..], format!("header {name} time  0 → 1")),
        (265, &b"anna\0"[..], format!("header {name} user name  \"\" → anna")),
    ] {
        let told = lines(&made, &with_tar(&made, |tar| header(tar, at, text)));
        assert!(told[0].starts_with("soundness verify  sound → ") && told.contains(&wanted), "{wanted}: {told:?}");
    }
    let told = lines(&made, &with_tar(&made, |tar| tar.extend([0; 512])));
    assert!(told.iter().any(|line| line.starts_with("header padding")), "{told:?}");
}

#[test]
fn files_of_one_that_is_not_taken_are_compared_and_values_of_secrets_are_not_shown() {
    let made = plain("1");
    let told = lines(
        &made,
        &with_tar(&made, |tar| {
            let at =
                |tar: &[u8], text: &[u8]| tar.windows(text.len()).position(|part| part == text).expect("it is there");
            let value = at(tar, b"aHVudGVyMg==");
            tar[value] = b'b';
        }),
    );
    assert!(told.iter().any(|line| line.ends_with("data.v  (secret) changed")), "{told:?}");
    assert!(!told.concat().contains("HVudGVyMg"), "{told:?}");
}

#[test]
fn one_byte_anywhere_is_a_difference() {
    let made = bundle().files;
    for (path, bytes) in &made {
        for at in 0..bytes.len() {
            let mut files = made.clone();
            files.get_mut(path).expect("it is there")[at] ^= 1 << (at % 8);
            assert!(!Differences::between(&made, &files).is_empty(), "{path}, byte {at}");
        }
    }
}

#[test]
fn what_is_put_together_of_its_pieces_is_what_was_made() {
    let made = bundle();
    let piece = |part: &str| made.files[&path_of(&made, part)].clone();
    let pieces =
        Pieces { manifest: piece("manifest"), config: piece("config"), layer: piece("layer"), about: Vec::new() };
    assert_eq!(assemble(pieces.clone()).expect("a layout"), made.files);
    let other = Pieces { layer: plain("1").into_values().next().expect("a blob"), ..pieces.clone() };
    assert!(assemble(other).is_err(), "another layer");
    let mut manifest = pieces.manifest.clone();
    manifest.push(b'\n');
    assert!(assemble(Pieces { manifest, ..pieces }).is_err(), "another manifest");
}
