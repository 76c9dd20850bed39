//! Archives that are as they should be, and others.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::super::archive::{CHART, FILES, Unpacked, digest, unpack, unpack_chart, unpack_files};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// An entry, its name put into the header as it is: the library would refuse some.
fn append(builder: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, content: &[u8]) {
    let mut header = Header::new_gnu();
    let field = &mut header.as_gnu_mut().expect("it is one").name;
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_cksum();
    builder.append(&header, content).expect("memory takes all");
}

fn tar(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, kind, content) in entries {
        append(&mut builder, name, *kind, content.as_bytes());
    }
    builder.into_inner().expect("memory takes all")
}

fn unpacked(entries: &[(&str, EntryType, &str)]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    unpack_chart(&gzip(&tar(entries)))
}

const FILE: EntryType = EntryType::Regular;

/// A tar of files and of links: name, where it leads, whether it is a hard one.
fn tar_with_links(files: &[(&str, &str)], links: &[(&str, &str, EntryType)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        append(&mut builder, name, FILE, content.as_bytes());
    }
    for (name, target, kind) in links {
        let mut header = Header::new_gnu();
        let fields = header.as_gnu_mut().expect("it is one");
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        fields.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(0);
        header.set_cksum();
        builder.append(&header, &b""[..]).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}

fn is_inside(path: &str, target: &[u8]) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    std::str::from_utf8(target).is_ok_and(|target| gitops_compiler::tree::join(folder, target).is_some())
}

#[test]
fn the_files_of_an_artifact_are_where_they_are() {
    let files = [("./", ""), ("./kustomization.yaml", "k"), ("deploy/a.yaml", "a"), ("deploy//./b.yaml", "b")];
    let link =
        [("deploy/linked.yaml", "../kustomization.yaml", EntryType::Symlink), ("base", "deploy", EntryType::Symlink)];
    let bytes = tar_with_links(&files[1..], &link);
    let Unpacked { files, links } = unpack_files(&bytes, false).expect("an artifact");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["deploy/a.yaml", "deploy/b.yaml", "kustomization.yaml"]);
    assert_eq!(links["deploy/linked.yaml"], b"../kustomization.yaml");
    assert_eq!(unpack_files(&gzip(&bytes), true).expect("the same").links, links);
    assert!(unpack_files(&bytes, true).is_err() && unpack_files(&gzip(&bytes), false).is_err());
}

#[test]
fn what_an_artifact_must_not_have_is_refused_by_name() {
    let file = [("a.yaml", "a")];
    for (name, target, kind, wanted) in [
        ("x", "/etc/passwd", EntryType::Symlink, "the link `x` leads out"),
        ("x", "../x", EntryType::Symlink, "the link `x` leads out"),
        ("d/x", "../../x", EntryType::Symlink, "the link `d/x` leads out"),
        ("d/x", "y/../../../x", EntryType::Symlink, "leads out"),
        ("x", "", EntryType::Symlink, "the link `x` leads"),
        ("x", "a\\b", EntryType::Symlink, "leads to what is no path"),
        ("../x", "a.yaml", EntryType::Symlink, "leads out of the archive"),
        ("x", "a.yaml", EntryType::Link, "`x` is a link, which an artifact must not have"),
        ("a.yaml", "b", EntryType::Symlink, "`a.yaml` is both a file and a link"),
        ("a.yaml/b", "../c", EntryType::Symlink, "`a.yaml` is both a file and a folder"),
    ] {
        let error = unpack_files(&tar_with_links(&file, &[(name, target, kind)]), false).expect_err(wanted);
        assert!(error.contains(wanted), "{error}, not {wanted}");
    }
    let through = tar_with_links(&[("a.yaml", "a"), ("x/b.yaml", "b")], &[("x", ".", EntryType::Symlink)]);
    let error = unpack_files(&through, false).expect_err("a file through a link");
    assert!(error.contains("`x` is both a file and a folder"), "{error}");
    for (name, kind, wanted) in [
        ("a", EntryType::Fifo, "`a` is no regular file"),
        ("a", EntryType::Char, "`a` is no regular file"),
        ("/a", FILE, "absolute"),
        ("a/../../b", FILE, "leads out"),
        ("c:/x", FILE, "names a drive"),
        ("./", FILE, "no files"),
    ] {
        let error = unpack_files(&tar(&[(name, kind, "")]), false).expect_err(wanted);
        assert!(error.contains(wanted), "{error}, not {wanted}");
    }
}

#[test]
fn the_files_of_a_chart_are_there() {
    let files = unpacked(&[
        ("shop/", EntryType::Directory, ""),
        ("shop/Chart.yaml", FILE, "name: shop\n"),
        ("shop/templates//./a.yaml", FILE, "a"),
        ("shop/Chart.yaml", FILE, "name: shop\n"),
        ("shop\\windows\\b.yaml", FILE, "b"),
    ]);
    let files = files.expect("a chart");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["Chart.yaml", "templates/a.yaml", "windows/b.yaml"]);
    assert_eq!(files["Chart.yaml"], b"name: shop\n");
}

#[test]
fn long_names_are_read() {
    let mut builder = Builder::new(Vec::new());
    let name = format!("shop/{}/x.yaml", "folder/".repeat(40));
    let mut header = Header::new_gnu();
    header.set_size(1);
    builder.append_data(&mut header, &name, &b"x"[..]).expect("memory takes all");
    let files = unpack_chart(&gzip(&builder.into_inner().expect("memory takes all"))).expect("a chart");
    assert!(files.keys().all(|path| path.len() > 250), "{files:?}");
}

#[test]
fn what_a_chart_must_not_have_is_refused_by_name() {
    for (entries, wanted) in [
        (vec![("shop/a", EntryType::Symlink, "")], "`shop/a` is a link"),
        (vec![("shop/a", EntryType::Link, "")], "`shop/a` is a link"),
        (vec![("shop/a", EntryType::Char, "")], "`shop/a` is no regular file"),
        (vec![("shop/a", EntryType::Block, "")], "`shop/a` is no regular file"),
        (vec![("shop/a", EntryType::Fifo, "")], "`shop/a` is no regular file"),
        (vec![("shop/../../a", FILE, "")], "leads out"),
        (vec![("../a", FILE, "")], "leads out"),
        (vec![("shop\\..\\a", FILE, "")], "leads out"),
        (vec![("/etc/passwd", FILE, "")], "absolute"),
        (vec![("shop//etc/passwd", FILE, "")], "absolute"),
        (vec![("shop/c:/x", FILE, "")], "names a drive"),
        (vec![("shop/a\\b", FILE, "")], "has both"),
        (vec![("shop/a\nb", FILE, "")], "control characters"),
        (vec![("Chart.yaml", FILE, "")], "not in the folder"),
        (vec![("shop/a", FILE, "1"), ("shop/./a", FILE, "2")], "twice"),
        (vec![("shop/a", FILE, "1"), ("shop/a/b", FILE, "2")], "both a file and a folder"),
        (vec![], "no files"),
    ] {
        let error = unpacked(&entries).expect_err(wanted);
        assert!(error.contains(wanted), "{error}, not {wanted}");
    }
}

#[test]
fn sparse_files_are_refused() {
    let sparse = unpacked(&[("shop/a", EntryType::GNUSparse, "")]);
    assert!(sparse.is_err(), "{sparse:?}");
    let mut builder = Builder::new(Vec::new());
    builder.append_pax_extensions([("GNU.sparse.realsize", &b"99999999999"[..])]).expect("memory takes all");
    append(&mut builder, "shop/a", FILE, b"1\n");
    let error = unpack_chart(&gzip(&builder.into_inner().expect("memory takes all"))).expect_err("it is sparse");
    assert!(error.contains("sparse"), "{error}");
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let zeros = "\0".repeat(3 << 20);
    let bomb = gzip(&tar(&[("shop/a", FILE, &zeros)]));
    assert!(bomb.len() < 100 << 10);
    let unpack = |bytes: &[u8]| unpack(bytes, CHART, 2 << 20, 10).map(drop);
    let error = unpack(&bomb).expect_err("it is too large");
    assert_eq!(error, "the archive is larger than 2 MiB when it is unpacked");
    // After the end, too.
    let mut padded = tar(&[("shop/a", FILE, "a")]);
    padded.resize(3 << 20, 0);
    assert!(unpack(&gzip(&padded)).expect_err("it is too large").contains("larger than"));
    let many: Vec<_> = (0..12).map(|_| ("shop/a", FILE, "a")).collect();
    assert!(unpack(&gzip(&tar(&many))).expect_err("too many").contains("more than 10 entries"));
}

#[test]
fn a_size_that_is_a_lie_takes_no_memory() {
    let mut whole = tar(&[("shop/a", FILE, "a")]);
    let mut header = Header::from_byte_slice(&whole[..512]).clone();
    header.set_size(u64::from(u32::MAX));
    header.set_cksum();
    whole[..512].copy_from_slice(header.as_bytes());
    assert_eq!(unpack_chart(&gzip(&whole)), Err("the archive ends too early".to_owned()));
}

#[test]
fn damage_is_found() {
    let whole = gzip(&tar(&[("shop/a", FILE, "some text that is not too short")]));
    for length in [0, 5, 20, whole.len() / 2, whole.len() - 1] {
        assert!(unpack_chart(&whole[..length]).is_err(), "{length}");
    }
    let mut changed = whole.clone();
    let checksum = changed.len() - 5;
    changed[checksum] ^= 1;
    assert!(unpack_chart(&changed).is_err());
    assert!(unpack_chart(b"apiVersion: v1\n").is_err());
}

#[test]
fn whatever_comes_is_answered() {
    let whole = tar(&[
        ("shop/Chart.yaml", FILE, "name: shop\n"),
        ("shop/templates/", EntryType::Directory, ""),
        ("shop/long", EntryType::GNULongName, "shop/another"),
        ("shop/x", EntryType::XHeader, "18 path=shop/abcd\n"),
        ("shop/a", FILE, "a"),
    ]);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let mut unpacked = 0;
    for _ in 0..5_000 {
        let mut bytes = whole.clone();
        for _ in 0..=random(4) {
            let (at, digit) = (random(bytes.len()), b"01234567\0\xff"[random(10)]);
            bytes[at] = digit;
        }
        // Most changes break the checksum of a header, so that it is made again.
        for header in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
            let mut again = Header::from_byte_slice(header).clone();
            again.set_cksum();
            header.copy_from_slice(again.as_bytes());
        }
        unpacked += usize::from(unpack(&gzip(&bytes), CHART, 1 << 20, 100).is_ok());
        // What stays of a link stays inside.
        let files = unpack(&bytes, FILES, 1 << 20, 100).unwrap_or_default();
        assert!(files.links.iter().all(|(path, target)| is_inside(path, target)), "{files:?}");
    }
    assert!(unpacked > 100, "{unpacked}");
}

#[test]
fn nothing_follows_the_archive() {
    let mut twice = gzip(&tar(&[("shop/a", FILE, "a")]));
    twice.extend(gzip(&tar(&[("shop/a", FILE, "b")])));
    assert_eq!(unpack_chart(&twice), Err("something follows the end of the archive".to_owned()));
    // Several members are one stream, as for every reader of gzip.
    let (one, other) = (tar(&[("shop/a", FILE, "a")]), tar(&[("shop/b", FILE, "b")]));
    let whole = [&one[..1024], &other[..]].concat();
    let members = [gzip(&whole[..700]), gzip(&whole[700..])].concat();
    assert_eq!(unpack_chart(&members).map(|files| files.len()), Ok(2));
}

#[test]
fn digests_are_written_as_registries_do() {
    assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
