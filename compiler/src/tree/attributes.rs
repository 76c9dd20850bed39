//! Git's form of a file of the working tree: line endings and encoding, as `.gitattributes` says.
//!
//! In: the `.gitattributes` files of a tree, the bytes of a file as they lie. Out: the bytes that `git add` would store.
//! A clean working tree so has the oids of its commit, whatever its line endings on disk.
//!
//! Only `text`, `eol`, `crlf` and `working-tree-encoding` count, and only from files inside the tree: neither the
//! user's attributes nor `core.autocrlf` do, since one tree has one id on every machine. `ident` and filters never
//! count, `filter=lfs` aside where Git LFS is wanted, which is understood and not run; nothing is run.

use gix::attrs::search::{MetadataCollection, Outcome};
use gix::attrs::{Search, StateRef};
use gix::filter::plumbing::encoding::Encoding;
use gix::filter::plumbing::eol::{self, AttributesDigest, Mode};
use gix::filter::plumbing::worktree::{self, encode_to_git::RoundTripCheck};

use super::Error;
use super::snapshot::path_error;

/// The attributes that are looked up, in the order of the constants below.
const NAMES: [&str; 5] = ["crlf", "text", "eol", "working-tree-encoding", "filter"];
const CRLF: usize = 0;
const TEXT: usize = 1;
const EOL: usize = 2;
const ENCODING: usize = 3;
const FILTER: usize = 4;

/// The bytes of the version of a file in the index, where there is one.
pub(super) type IndexedBytes<'a> = dyn FnMut() -> Option<Vec<u8>> + 'a;

/// All attributes of a tree.
#[derive(Default)]
pub(super) struct Attributes {
    search: Search,
    collection: MetadataCollection,
    /// Every file that was added, hashed.
    digest: blake3::Hasher,
    /// Whether Git LFS is wanted.
    has_large: bool,
}

/// How one file is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Form {
    endings: Option<AttributesDigest>,
    encoding: Option<&'static Encoding>,
}

/// Bytes in Git's form.
pub(super) struct Converted {
    pub(super) bytes: Vec<u8>,
    /// Whether they follow from the file and its attributes alone, not from what the index has.
    pub(super) settled: bool,
}

impl Attributes {
    /// No attributes, but for Git's own macro `binary`. Says, too, whether `filter=lfs` counts.
    pub(super) fn new(has_large: bool) -> Self {
        let mut attributes = Self { has_large, ..Self::default() };
        attributes.digest.update(&[u8::from(has_large)]);
        // Only a source that is not below its root can fail, and there is no root.
        let builtin = b"[attr]binary -diff -merge -text";
        let _ =
            attributes.search.add_patterns_buffer(builtin, "[builtin]".into(), None, &mut attributes.collection, true);
        attributes
    }

    /// Adds the `.gitattributes` at `path`. Deeper ones are added later and count more.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.digest.update(&(path.len() as u64).to_le_bytes()).update(path.as_bytes());
        self.digest.update(blake3::hash(bytes).as_bytes());
        // The paths are from the root of the repository, which so is the empty path; macros are the root's to define.
        let (source, root) = (path.into(), Some(std::path::Path::new("")));
        let added = self.search.add_patterns_buffer(bytes, source, root, &mut self.collection, !path.contains('/'));
        added.map_err(|source| Error::File { path: path.to_owned(), source })
    }

    /// What tells these attributes from others.
    pub(super) fn digest(&self) -> [u8; 32] {
        *self.digest.finalize().as_bytes()
    }

    /// How the file at `path` is stored.
    pub(super) fn form_of(&self, path: &str) -> Result<Form, Error> {
        let Some(found) = self.found(path) else { return Ok(Form::default()) };
        let states = states(&found);
        let state = |index: usize| states.get(index).copied().unwrap_or(StateRef::Unspecified);
        let encoding = encoding(state(ENCODING)).map_err(|reason| path_error(path, &reason))?;
        Ok(Form { endings: endings(state(TEXT), state(CRLF), state(EOL)), encoding })
    }

    /// Whether Git LFS is wanted, and keeps the content of the file at `path`.
    pub(super) fn is_large(&self, path: &str) -> bool {
        let Some(found) = self.found(path).filter(|_| self.has_large) else { return false };
        matches!(states(&found).get(FILTER), Some(StateRef::Value(value)) if value.as_bstr() == "lfs")
    }

    /// What is said of a path.
    fn found(&self, path: &str) -> Option<Outcome> {
        // The builtin list alone says nothing of any file.
        if self.search.num_pattern_lists() <= 1 {
            return None;
        }
        let mut found = Outcome::default();
        found.initialize_with_selection(&self.collection, NAMES);
        let case = gix::glob::pattern::Case::Sensitive;
        self.search.pattern_matching_relative_path(path.into(), case, Some(false), &mut found);
        Some(found)
    }
}

/// The states of the attributes, in the order of their names.
fn states(found: &Outcome) -> Vec<StateRef<'_>> {
    found.iter_selected().map(|found| found.assignment.state).collect()
}

/// What `text` says (`crlf` is its old name), refined by `eol`. Without either nothing is converted.
fn endings(text: StateRef<'_>, crlf: StateRef<'_>, eol: StateRef<'_>) -> Option<AttributesDigest> {
    let of = |state: StateRef<'_>| match state {
        StateRef::Set => Some(AttributesDigest::Text),
        StateRef::Unset => Some(AttributesDigest::Binary),
        StateRef::Value(value) if value.as_bstr() == "auto" => Some(AttributesDigest::TextAuto),
        StateRef::Value(value) if value.as_bstr() == "input" => Some(AttributesDigest::TextInput),
        StateRef::Value(_) | StateRef::Unspecified => None,
    };
    let mode = match eol {
        StateRef::Value(value) if value.as_bstr() == "lf" => Some(Mode::Lf),
        StateRef::Value(value) if value.as_bstr() == "crlf" => Some(Mode::CrLf),
        _ => None,
    };
    match (of(text).or_else(|| of(crlf)), mode) {
        (Some(AttributesDigest::Binary), _) => Some(AttributesDigest::Binary),
        (Some(AttributesDigest::TextAuto), Some(Mode::Lf)) => Some(AttributesDigest::TextAutoInput),
        (Some(AttributesDigest::TextAuto), Some(Mode::CrLf)) => Some(AttributesDigest::TextAutoCrlf),
        (_, Some(Mode::Lf)) => Some(AttributesDigest::TextInput),
        (_, Some(Mode::CrLf)) => Some(AttributesDigest::TextCrlf),
        (digest, None) => digest,
    }
}

fn encoding(state: StateRef<'_>) -> Result<Option<&'static Encoding>, String> {
    match state {
        StateRef::Unspecified | StateRef::Unset => Ok(None),
        StateRef::Set => Err("the attribute working-tree-encoding needs a value, such as UTF-16".to_owned()),
        StateRef::Value(name) => {
            let name = name.as_bstr();
            let found = worktree::encoding::for_label(name)
                .map_err(|_| format!("the working-tree-encoding `{name}` of .gitattributes is not known"))?;
            Ok((found.name() != "UTF-8").then_some(found))
        }
    }
}

impl Form {
    /// Whether files lie on disk as Git stores them.
    pub(super) fn is_plain(self) -> bool {
        self.encoding.is_none() && matches!(self.endings, None | Some(AttributesDigest::Binary))
    }

    /// Converts a file. `indexed` is asked where `text=auto` leaves files alone that were stored with CRLF before.
    pub(super) fn convert(
        self,
        path: &str,
        mut bytes: Vec<u8>,
        indexed: &mut IndexedBytes<'_>,
    ) -> Result<Converted, Error> {
        let failed = |error: &dyn std::fmt::Display| path_error(path, &format!("it is not in its encoding: {error}"));
        let mut buffer = Vec::new();
        if let Some(encoding) = self.encoding {
            worktree::encode_to_git(&bytes, encoding, &mut buffer, RoundTripCheck::Skip)
                .map_err(|error| failed(&error))?;
            std::mem::swap(&mut bytes, &mut buffer);
        }
        let mut settled = true;
        if let Some(endings) = self.endings {
            let mut from_index = |buffer: &mut Vec<u8>| {
                settled = false;
                let found = indexed();
                Ok(found.map(|bytes| *buffer = bytes))
            };
            let options = eol::convert_to_git::Options::default();
            let changed = eol::convert_to_git(&bytes, endings, &mut buffer, &mut from_index, options);
            if changed.map_err(|error| failed(&error))? {
                std::mem::swap(&mut bytes, &mut buffer);
            }
        }
        Ok(Converted { bytes, settled })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(files: &[(&str, &str)], path: &str) -> Form {
        let mut attributes = Attributes::new(false);
        for (path, text) in files {
            attributes.add(path, text.as_bytes()).expect("added");
        }
        attributes.form_of(path).expect("known")
    }

    fn converted(form: Form, bytes: &[u8], indexed: Option<&[u8]>) -> Vec<u8> {
        let mut indexed = || indexed.map(<[u8]>::to_vec);
        form.convert("a", bytes.to_vec(), &mut indexed).expect("converted").bytes
    }

    #[test]
    fn without_attributes_bytes_are_what_they_are() {
        assert!(form(&[], "a.yaml").is_plain());
        assert!(form(&[(".gitattributes", "*.sh text")], "a.yaml").is_plain());
        assert!(form(&[(".gitattributes", "* text\na.yaml binary")], "a.yaml").is_plain());
    }

    #[test]
    fn text_is_stored_with_line_feeds() {
        for rule in ["* text", "* text eol=crlf", "* eol=lf", "* crlf", "* crlf=input"] {
            let form = form(&[(".gitattributes", rule)], "a.yaml");
            assert_eq!(converted(form, b"a: 1\r\nb: 2\r\n", None), b"a: 1\nb: 2\n", "{rule}");
        }
    }

    #[test]
    fn automatic_text_leaves_alone_what_is_binary_or_was_stored_with_crlf() {
        let form = form(&[(".gitattributes", "* text=auto")], "a.yaml");
        assert_eq!(converted(form, b"a\r\n", None), b"a\n");
        assert_eq!(converted(form, b"a\r\n", Some(b"old\n")), b"a\n");
        assert_eq!(converted(form, b"a\r\n", Some(b"old\r\n")), b"a\r\n");
        assert_eq!(converted(form, b"a\0\r\n", None), b"a\0\r\n");
    }

    #[test]
    fn deeper_files_count_more_and_only_below_themselves() {
        let files = [(".gitattributes", "*.yaml text"), ("app/.gitattributes", "*.yaml -text")];
        assert!(!form(&files, "a.yaml").is_plain());
        assert!(!form(&files, "other/a.yaml").is_plain());
        assert!(form(&files, "app/deep/a.yaml").is_plain());
        assert!(form(&[("app/.gitattributes", "/a.yaml text")], "a.yaml").is_plain());
        assert!(!form(&[("app/.gitattributes", "/a.yaml text")], "app/a.yaml").is_plain());
    }

    #[test]
    fn encodings_become_utf_8_and_unknown_ones_are_errors() {
        let form_16 = form(&[(".gitattributes", "*.yaml working-tree-encoding=UTF-16LE text")], "a.yaml");
        let bytes: Vec<u8> = "ä\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(converted(form_16, &bytes, None), "ä\n".as_bytes());
        let mut attributes = Attributes::new(false);
        attributes.add(".gitattributes", b"* working-tree-encoding=KLINGON").expect("added");
        let error = attributes.form_of("a.yaml").map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("`a.yaml`: the working-tree-encoding `KLINGON` of .gitattributes is not known".to_owned())
        );
    }

    #[test]
    fn git_lfs_keeps_what_is_marked_where_it_is_wanted() {
        let files = [
            (
                ".gitattributes",
                "[attr]big filter=lfs diff=lfs merge=lfs -text\n*.bin big\n*.txt filter=other\n/x/** filter=lfs\n",
            ),
            ("app/.gitattributes", "own.bin -filter\nunset.bin !filter\n*.tar filter=lfs\n"),
        ];
        let attributes = |has_large| {
            let mut attributes = Attributes::new(has_large);
            for (path, text) in files {
                attributes.add(path, text.as_bytes()).expect("added");
            }
            attributes
        };
        let wanted = attributes(true);
        for path in ["a.bin", "deep/down/a.bin", "app/a.bin", "app/a.tar", "x/y/z.txt"] {
            assert!(wanted.is_large(path), "{path}");
            assert!(!attributes(false).is_large(path), "{path}");
        }
        for path in ["a.txt", "a.tar", "app/own.bin", "app/unset.bin", "a.binary", "app/x/y"] {
            assert!(!wanted.is_large(path), "{path}");
        }
        assert_ne!(wanted.digest(), attributes(false).digest());
        assert!(!Attributes::new(true).is_large("a.bin"));
    }
}
