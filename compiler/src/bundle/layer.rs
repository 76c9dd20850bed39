//! The layer of a bundle: a tar of manifests, and its compression.
//!
//! In: a graph. Out: the bytes of a tar (ustar; regular files alone, in the order of their names, mode 0644, no user, no
//! time), and the same compressed. The other way: files by their names, which must give the same bytes when they are written again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};

use flate2::bufread::GzDecoder;
use flate2::{Compress, Compression as Level, Crc, FlushCompress, GzBuilder};
use rayon::prelude::*;

use super::BundleError;
use crate::graph::{GraphResource, ResourceGraph};
use crate::manifest::yaml;

/// So large may a layer be when it is not compressed. Argo CD takes one gigabyte by default.
const MOST_BYTES: u64 = 1 << 30;

/// So long is a name at most: a ustar header has 100 bytes for it.
const MOST_NAME: usize = 90;

/// The byte of gzip's header that says on which system it was made: unknown (RFC 1952).
const UNKNOWN_SYSTEM: u8 = 255;

/// The file of a kustomization. Those of resources begin with a digit, and so stand before it.
pub(super) const KUSTOMIZATION: &str = "kustomization.yaml";

/// The header of gzip: DEFLATE, no flags, no time, neither the best nor the fastest, on no system that is said.
const GZIP: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, UNKNOWN_SYSTEM];

/// So much of a tar is compressed on its own. Far more than the 32 KiB that DEFLATE looks back, so that the result is hardly
/// longer.
const BLOCK: usize = 1 << 20;

/// So much room is left behind what a block can become, twice what the compressor writes at a time: where it finds too little, a
/// flush takes several calls.
const SPARE: usize = 1 << 18;

/// How a layer is compressed. What it is does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// By this program's version of DEFLATE.
    #[default]
    Deflate,
    /// Not at all, in the form of gzip: whoever audits it needs no library to make the same bytes.
    Store,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    /// The name of the file of each resource, in the order of resources of the graph.
    pub(super) names: Vec<String>,
    /// The tar.
    pub(super) tar: Vec<u8>,
}

impl Layer {
    /// The layer of a graph, perhaps with a kustomization of its files.
    pub(super) fn of(graph: &ResourceGraph, kustomization: bool) -> Self {
        let resources = graph.resources();
        let ordered: Vec<usize> = graph.order().iter().copied().filter(|node| *node < resources.len()).collect();
        let width = ordered.len().to_string().len().max(4);
        let file = |(place, node): (usize, &usize)| {
            let resource = &resources[*node];
            (file_name(place + 1, width, resource), yaml::emit(&resource.body).into_bytes())
        };
        let files: Vec<(String, Vec<u8>)> = ordered.par_iter().enumerate().map(file).collect();
        let listed = kustomization.then(|| (KUSTOMIZATION.to_owned(), kustomization_of(&files).into_bytes()));
        let tar = write(files.iter().chain(&listed).map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        let mut names = vec![String::new(); resources.len()];
        for (node, (name, _)) in ordered.into_iter().zip(files) {
            names[node] = name;
        }
        Self { names, tar }
    }

    pub(super) fn compressed(&self, compression: Compression) -> Vec<u8> {
        match compression {
            Compression::Deflate => deflated(&self.tar, BLOCK),
            Compression::Store => {
                let header = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM);
                let mut encoder = header.write(Vec::new(), Level::none());
                // Memory takes whatever it is given.
                let _ = encoder.write_all(&self.tar);
                encoder.finish().unwrap_or_default()
            }
        }
    }
}

/// A kustomization that lists files in their order, which Kustomize would change.
fn kustomization_of(files: &[(String, Vec<u8>)]) -> String {
    let mut text = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:".to_owned();
    text.push_str(if files.is_empty() { " []\n" } else { "\n" });
    for (name, _) in files {
        let _ = writeln!(text, "- {name}");
    }
    text + "sortOptions:\n  order: fifo\n"
}

/// One member of gzip (RFC 1952), whose blocks of `size` bytes are compressed beside each other: so every byte is the same
/// however many processors there are.
pub(super) fn deflated(tar: &[u8], size: usize) -> Vec<u8> {
    let blocks: Vec<&[u8]> = if tar.is_empty() { vec![tar] } else { tar.chunks(size).collect() };
    let last = blocks.len() - 1;
    let block = |(number, block): (usize, &&[u8])| {
        // Whole bytes at the end, so that the next block goes on from there.
        let flush = if number == last { FlushCompress::Finish } else { FlushCompress::Sync };
        let mut compressed = Vec::with_capacity(block.len() + block.len() / 8 + SPARE);
        // Never fails.
        let _ = Compress::new(Level::new(6), false).compress_vec(block, &mut compressed, flush);
        compressed
    };
    let blocks: Vec<Vec<u8>> = blocks.par_iter().enumerate().map(block).collect();
    let mut crc = Crc::new();
    crc.update(tar);
    // The length counts modulo 2^32, and so does the checksum.
    let trailer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
    [GZIP.to_vec(), blocks.concat(), trailer].concat()
}

/// The name of a resource's file: its place in the order, its kind and its name.
fn file_name(place: usize, width: usize, resource: &GraphResource) -> String {
    let word = format!("{}-{}", resource.key.kind, resource.key.name).to_lowercase();
    let plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '.';
    let word: String = word.chars().map(|character| if plain(character) { character } else { '-' }).collect();
    format!("{place:0width$}-{}.yaml", &word[..word.len().min(MOST_NAME - width)])
}

/// Writes files as a tar, in the order given.
pub(super) fn write<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        // Memory takes whatever it is given; names are short.
        let _ = builder.append_data(&mut header, name, bytes);
    }
    builder.into_inner().unwrap_or_default()
}

/// What is compressed.
pub(super) fn decompressed(path: &str, bytes: &[u8]) -> Result<Vec<u8>, BundleError> {
    let mut decoder = GzDecoder::new(bytes);
    let mut tar = Vec::new();
    let mut bounded = (&mut decoder).take(MOST_BYTES + 1);
    bounded.read_to_end(&mut tar).map_err(|error| BundleError::file(path, format!("it is no gzip: {error}")))?;
    if tar.len() as u64 > MOST_BYTES {
        return Err(BundleError::file(path, "it is larger than 1 GiB when it is not compressed"));
    }
    // Other readers would go on where the first member ends.
    if !decoder.into_inner().is_empty() {
        return Err(BundleError::file(path, "something follows what is compressed"));
    }
    Ok(tar)
}

/// A file of a tar, whatever its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TarEntry {
    pub(super) name: String,
    /// What the header says otherwise, in the order of [`TAR_HEADER`].
    pub(super) header: [String; 8],
    pub(super) bytes: Vec<u8>,
}

/// What headers of tars say beside name and size.
pub(super) const TAR_HEADER: [&str; 8] = ["type", "form", "mode", "user", "group", "user name", "group name", "time"];

/// What the header of gzip says.
pub(super) const GZIP_HEADER: [&str; 4] = ["flags", "time", "level", "system"];

/// The header of gzip.
pub(super) fn gzip_header(bytes: &[u8]) -> [String; 4] {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    let time = u32::from_le_bytes([byte(4), byte(5), byte(6), byte(7)]);
    [byte(3).to_string(), time.to_string(), byte(8).to_string(), byte(9).to_string()]
}

/// The entries of a tar, in their order, as far as they are what they say.
pub(super) fn entries(path: &str, tar: &[u8]) -> Result<Vec<TarEntry>, BundleError> {
    let wrong = |error: std::io::Error| BundleError::file(path, format!("it is no tar: {error}"));
    let mut entries = Vec::new();
    for entry in tar::Archive::new(tar).entries().map_err(wrong)?.raw(true) {
        let mut entry = entry.map_err(wrong)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(wrong)?;
        entries.push(TarEntry { name, header: told(entry.header()), bytes });
    }
    Ok(entries)
}

/// What a header says, as it is shown; what cannot be read is nothing.
fn told(header: &tar::Header) -> [String; 8] {
    let number = |number: std::io::Result<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let text = |text: Option<&[u8]>| text.map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default();
    let form = match (header.as_ustar(), header.as_gnu()) {
        (Some(_), _) => "ustar",
        (None, Some(_)) => "gnu",
        (None, None) => "old",
    };
    [
        format!("{:?}", header.entry_type()),
        form.to_owned(),
        header.mode().map(|mode| format!("{mode:04o}")).unwrap_or_default(),
        number(header.uid()),
        number(header.gid()),
        text(header.username_bytes()),
        text(header.groupname_bytes()),
        number(header.mtime()),
    ]
}

/// The files of a tar, which must be to the byte what is written of them here.
pub(super) fn files_of(path: &str, tar: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, BundleError> {
    let wrong = |error: std::io::Error| BundleError::file(path, format!("it is no tar: {error}"));
    let mut files = Vec::new();
    let mut archive = tar::Archive::new(tar);
    // Raw: what other kinds of entries say is never followed, such as how large a file with holes is.
    for entry in archive.entries().map_err(wrong)?.raw(true) {
        let mut entry = entry.map_err(wrong)?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(BundleError::file(path, "its tar has something else than plain files"));
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(wrong)?;
        files.push((name, bytes));
    }
    if write(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))) != tar {
        return Err(BundleError::file(
            path,
            "its tar has something else than plain files with mode 0644, no user and no time",
        ));
    }
    let count = files.len();
    let files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
    if files.len() < count {
        return Err(BundleError::file(path, "its tar has two files of one name"));
    }
    Ok(files)
}
