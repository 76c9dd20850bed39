//! Unpacking the archives of charts and other artifacts, in memory.
//!
//! In: the bytes of a `.tgz` or a `.tar`. Out: its files, by path; of a chart below the chart's folder. Archives come from
//! others, so:
//!
//! # Guarantees
//!
//! - At most 256 MiB unpacked, headers included, and 20,000 entries; what is more is an error, found while unpacking.
//! - Regular files only, each with a path that stays in the folder. Devices, sparse files and hard links are refused by name.
//!   A chart has no symbolic links; those of an artifact stay inside of it, and lead through no other outside.
//! - No path twice with different contents, no file that is also a folder, nothing after the end of the archive: no two
//!   readers of the same bytes can see different files.
//!
//! Of a chart the first part of each path is left out, whatever it is, as Helm does.

use std::collections::BTreeMap;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::Archive;

use super::archive_entry::{Found, found};

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

/// What an archive holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files by their paths.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Symbolic links by their paths, with where they lead.
    pub links: BTreeMap<String, Vec<u8>>,
}

/// How an archive is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// What is unpacked, for messages.
    pub(super) what: &'static str,
    is_packed: bool,
    /// Whether all is in one folder, which is left out.
    pub(super) has_top: bool,
    /// Whether there may be symbolic links.
    pub(super) may_link: bool,
}

pub(super) const FILES: Form = Form { what: "an artifact", is_packed: false, has_top: false, may_link: true };
pub(super) const CHART: Form = Form { what: "a chart", is_packed: true, has_top: true, may_link: false };

/// Unpacks the archive of a chart.
///
/// # Errors
/// Where it is damaged, too large, or has what a chart must not have; the message names the entry.
pub fn unpack_chart(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    Ok(unpack(bytes, CHART, LARGEST, MOST_ENTRIES)?.files)
}

/// Unpacks an archive of files, as they are in it; packed with gzip, or not.
///
/// # Errors
/// As of [`unpack_chart`].
pub(super) fn unpack_files(bytes: &[u8], is_packed: bool) -> Result<Unpacked, String> {
    unpack(bytes, Form { is_packed, ..FILES }, LARGEST, MOST_ENTRIES)
}

pub(super) fn unpack(bytes: &[u8], form: Form, largest: u64, most_entries: usize) -> Result<Unpacked, String> {
    let inner: Box<dyn Read + '_> = if form.is_packed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    let mut stream = Bounded { inner, left: largest, largest };
    let mut unpacked = Unpacked::default();
    let mut archive = Archive::new(&mut stream);
    let entries = archive.entries().map_err(damaged)?;
    for (index, entry) in entries.enumerate() {
        if index >= most_entries {
            return Err(format!("the archive has more than {most_entries} entries"));
        }
        match found(entry.map_err(damaged)?, form)? {
            Some(Found::File(path, content)) => insert(&mut unpacked.files, path, content)?,
            Some(Found::Link(path, target)) => insert(&mut unpacked.links, path, target)?,
            None => {}
        }
    }
    check_rest(&mut stream)?;
    check_paths(&unpacked)?;
    if unpacked.files.is_empty() {
        return Err("the archive has no files".to_owned());
    }
    Ok(unpacked)
}

pub(super) fn damaged(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the archive ends too early".to_owned(),
        io::ErrorKind::FileTooLarge => error.to_string(),
        _ => format!("the archive is damaged: {error}"),
    }
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

/// Nothing may be two of a file, a link and a folder.
fn check_paths(unpacked: &Unpacked) -> Result<(), String> {
    let Unpacked { files, links } = unpacked;
    if let Some(path) = links.keys().find(|path| files.contains_key(*path)) {
        return Err(format!("`{path}` is both a file and a link in the archive"));
    }
    for path in files.keys().chain(links.keys()) {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let is_more = |folder: &&str| files.contains_key(*folder) || links.contains_key(*folder);
        if let Some(folder) = folders.into_iter().find(is_more) {
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
