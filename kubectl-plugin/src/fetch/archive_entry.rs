//! One entry of an archive: a file, a link, or nothing that counts.
//!
//! In: an entry, how its archive is read. Out: its path and what is there, or why that must not be. Paths stay below the
//! folder that everything is in; so do the places that links lead to, by what is written in them.

use std::io::{self, Read};

use gitops_compiler::tree::{join, parent};
use tar::{Entry, EntryType};

use super::archive::{Form, damaged};

/// What an entry is.
pub(super) enum Found {
    File(String, Vec<u8>),
    Link(String, Vec<u8>),
}

/// The file or the link that an entry is; none for a folder.
pub(super) fn found(mut entry: Entry<'_, impl Read>, form: Form) -> Result<Option<Found>, String> {
    let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| "a name in the archive is not UTF-8")?;
    let (kind, what) = (entry.header().entry_type(), form.what);
    let wrong = |why: &str| Err(format!("`{}` is {why}", name.escape_debug()));
    match kind {
        // They are about the archive, not in it.
        EntryType::XGlobalHeader => return Ok(None),
        EntryType::Directory => return inside(name.trim_end_matches(['/', '\\']), form.has_top).map(|_| None),
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Symlink if form.may_link => return link(&entry, &name).map(Some),
        EntryType::Symlink | EntryType::Link => return wrong(&format!("a link, which {what} must not have")),
        _ => return wrong("no regular file"),
    }
    if is_sparse(&mut entry).map_err(damaged)? {
        return wrong(&format!("a sparse file, which {what} must not have"));
    }
    // As old archives write folders.
    if name.ends_with('/') && entry.size() == 0 {
        return Ok(None);
    }
    let Some(path) = inside(&name, form.has_top)? else { return wrong(&format!("not in the folder of {what}")) };
    // The header's size is a claim; only what comes takes memory.
    let mut content = Vec::new();
    entry.read_to_end(&mut content).map_err(damaged)?;
    if content.len() as u64 != entry.size() {
        return Err("the archive ends too early".to_owned());
    }
    Ok(Some(Found::File(path, content)))
}

/// A symbolic link that stays inside, by what is written in it.
fn link(entry: &Entry<'_, impl Read>, name: &str) -> Result<Found, String> {
    let wrong = |why: &str| format!("the link `{}` {why}", name.escape_debug());
    let path = inside(name, false)?.ok_or_else(|| wrong("has no name"))?;
    let target = entry.link_name_bytes().ok_or_else(|| wrong("leads nowhere"))?.into_owned();
    let text = std::str::from_utf8(&target).map_err(|_| wrong("leads to what is not UTF-8"))?;
    if text.is_empty() || text.contains('\\') || text.chars().any(char::is_control) {
        return Err(wrong("leads to what is no path"));
    }
    if join(parent(&path), text).is_none() {
        return Err(wrong("leads out of the archive"));
    }
    Ok(Found::Link(path, target))
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

/// A path below the folder that everything is in; none for the folder itself. That is the top of the archive, or the first
/// folder in it, whatever it is called.
fn inside(name: &str, has_top: bool) -> Result<Option<String>, String> {
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
    let parts: Vec<&str> = name.split(separator).collect();
    let (top, rest) = parts.split_first().map_or(("", &[][..]), |(top, rest)| (*top, rest));
    let is_drive = |part: &&str| part.len() == 2 && part.ends_with(':');
    if top.is_empty() || has_top && rest.first().is_some_and(|first| first.is_empty() && rest.len() > 1) {
        return wrong("is an absolute path");
    }
    if parts.contains(&"..") {
        return wrong("leads out of the archive");
    }
    if parts.iter().any(is_drive) {
        return wrong("names a drive");
    }
    let below = if has_top { rest } else { &parts[..] };
    let below: Vec<&str> = below.iter().copied().filter(|part| !matches!(*part, "" | ".")).collect();
    Ok((!below.is_empty()).then(|| below.join("/")))
}
