//! Unpacking the archive of a chart, in memory.
//!
//! In: the bytes of a `.tgz`. Out: its files, by path below the chart's folder. Archives come from others, so:
//!
//! # Guarantees
//!
//! - At most 256 MiB unpacked, headers included, and 20,000 entries; what is more is an error, found while unpacking.
//! - Regular files only, each with a path that stays in the folder. Links, devices and sparse files are refused by name.
//! - No path twice with different contents, no file that is also a folder, nothing after the end of the archive: no two
//!   readers of the same bytes can see different files.
//!
//! The first part of each path is left out, whatever it is, as Helm does.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, Entry, EntryType};

/// How large an archive may become.
const LARGEST: u64 = 256 << 20;
/// How many entries it may have.
const MOST_ENTRIES: usize = 20_000;

/// The digest of bytes as registries write it: `sha256:<hex>`.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    let hex: Vec<String> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", hex.concat())
}

/// Unpacks the archive of a chart.
///
/// # Errors
/// Where it is damaged, too large, or has what a chart must not have; the message names the entry.
pub fn unpack_chart(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    unpack(bytes, LARGEST, MOST_ENTRIES)
}

fn unpack(bytes: &[u8], largest: u64, most_entries: usize) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let mut stream = Bounded { inner: MultiGzDecoder::new(bytes), left: largest, largest };
    let mut files = BTreeMap::new();
    let mut archive = Archive::new(&mut stream);
    let entries = archive.entries().map_err(damaged)?;
    for (index, entry) in entries.enumerate() {
        if index >= most_entries {
            return Err(format!("the archive has more than {most_entries} entries"));
        }
        if let Some((path, content)) = file(entry.map_err(damaged)?)? {
            insert(&mut files, path, content)?;
        }
    }
    check_rest(&mut stream)?;
    check_folders(&files)?;
    if files.is_empty() {
        return Err("the archive has no files".to_owned());
    }
    Ok(files)
}

fn damaged(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the archive ends too early".to_owned(),
        io::ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("the archive is damaged: {error}"),
    }
}

/// The file that an entry is; none for a folder.
fn file(mut entry: Entry<'_, impl Read>) -> Result<Option<(String, Vec<u8>)>, String> {
    let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| "a name in the archive is not UTF-8")?;
    let kind = entry.header().entry_type();
    match kind {
        // They are about the archive, not in it.
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Directory => return inside(name.trim_end_matches(['/', '\\'])).map(|_| None),
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Symlink | EntryType::Link => {
            return Err(format!("`{}` is a link, which a chart must not have", name.escape_debug()));
        }
        _ => return Err(format!("`{}` is no regular file", name.escape_debug())),
    }
    if is_sparse(&mut entry).map_err(damaged)? {
        return Err(format!("`{}` is a sparse file, which a chart must not have", name.escape_debug()));
    }
    // As old archives write folders.
    if name.ends_with('/') && entry.size() == 0 {
        return Ok(None);
    }
    let path = inside(&name)?.ok_or_else(|| format!("`{}` is not in the folder of a chart", name.escape_debug()))?;
    // The header's size is a claim; only what comes takes memory.
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(damaged)?;
    if content.len() as u64 != entry.size() {
        return Err("the archive ends too early".to_owned());
    }
    Ok(Some((path, content)))
}

/// Whether the file is one with holes, in the form of newer archives: its content is not what is stored.
fn is_sparse(entry: &mut Entry<'_, impl Read>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else { return Ok(false) };
    for extension in extensions {
        if extension?.key_bytes().starts_with(b"GNU.sparse") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A path below the chart's folder; none for the folder itself.
fn inside(name: &str) -> Result<Option<String>, String> {
    let wrong = |why: &str| Err(format!("`{}` {why}", name.escape_debug()));
    if name.chars().any(char::is_control) {
        return wrong("has control characters");
    }
    // Archives of Windows have `\`; a mix would mean one thing here and another there.
    let separator = match (name.contains('\\'), name.contains('/')) {
        (true, true) => return wrong("has both `/` and `\\`"),
        (true, false) => '\\',
        _ => '/',
    };
    let mut parts = name.split(separator);
    let top = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let is_drive = |part: &str| part.len() == 2 && part.ends_with(':');
    if top.is_empty() || rest.first().is_some_and(|first| first.is_empty() && rest.len() > 1) {
        return wrong("is an absolute path");
    }
    if top == ".." || rest.contains(&"..") {
        return wrong("leads out of the archive");
    }
    if is_drive(top) || rest.iter().any(|part| is_drive(part)) {
        return wrong("names a drive");
    }
    let rest: Vec<&str> = rest.into_iter().filter(|part| !matches!(*part, "" | ".")).collect();
    Ok((!rest.is_empty()).then(|| rest.join("/")))
}

fn insert(files: &mut BTreeMap<String, Vec<u8>>, path: String, content: Vec<u8>) -> Result<(), String> {
    match files.get(&path) {
        Some(before) if *before != content => Err(format!("`{path}` is in the archive twice, with different contents")),
        Some(_) => Ok(()),
        None => {
            files.insert(path, content);
            Ok(())
        }
    }
}

/// Nothing may be both a file and a folder.
fn check_folders(files: &BTreeMap<String, Vec<u8>>) -> Result<(), String> {
    for path in files.keys() {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        if let Some(folder) = folders.into_iter().find(|folder| files.contains_key(*folder)) {
            return Err(format!("`{folder}` is both a file and a folder in the archive"));
        }
    }
    Ok(())
}

/// After the end of an archive there is padding, and then the checksum.
fn check_rest(stream: &mut impl Read) -> Result<(), String> {
    let mut buffer = [0; 8 << 10];
    loop {
        match stream.read(&mut buffer).map_err(damaged)? {
            0 => return Ok(()),
            length if buffer[..length].iter().all(|byte| *byte == 0) => {}
            _ => return Err("something follows the end of the archive".to_owned()),
        }
    }
}

/// A stream that fails once it has given too much.
struct Bounded<R> {
    inner: R,
    left: u64,
    largest: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or_else(|| {
            let message = format!("the archive is larger than {} MiB when it is unpacked", self.largest >> 20);
            io::Error::new(io::ErrorKind::FileTooLarge, message)
        })?;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

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
        let error = unpack(&bomb, 2 << 20, 10).expect_err("it is too large");
        assert_eq!(error, "the archive is larger than 2 MiB when it is unpacked");
        // After the end, too.
        let mut padded = tar(&[("shop/a", FILE, "a")]);
        padded.resize(3 << 20, 0);
        assert!(unpack(&gzip(&padded), 2 << 20, 10).expect_err("it is too large").contains("larger than"));
        let many: Vec<_> = (0..12).map(|_| ("shop/a", FILE, "a")).collect();
        assert!(unpack(&gzip(&tar(&many)), 2 << 20, 10).expect_err("too many").contains("more than 10 entries"));
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
            unpacked += usize::from(unpack(&gzip(&bytes), 1 << 20, 100).is_ok());
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
}
