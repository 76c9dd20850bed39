//! Files of several repositories in one layout.
//!
//! In: what each part brings, and which names of its kustomizations lead to other parts. Out: one [`Layout`], in which those
//! names are paths. The repository at hand is laid out as it is; others lie in folders of their own beside it, so that
//! nothing of theirs leads into it. A kustomization with such a name is written anew, as JSON, which every reader of YAML
//! reads alike.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use crate::lock::Request;
use crate::render::Error;
use crate::render::layout::Layout;
use crate::tree::{Tree, parent};

use super::closure::Folder;
use super::edit;

/// Where files from elsewhere lie: a folder of the layout, and one of a kustomization.
const ELSEWHERE: &str = ".gitops-elsewhere";

/// A repository, and what of it takes part.
pub(super) struct Part<'t> {
    pub(super) files: Files<'t>,
    /// What asked for it; none for the repository at hand.
    pub(super) request: Option<Request>,
    pub(super) layout: Layout,
    pub(super) rewrites: Vec<Rewrite>,
    /// The parts that it names by their addresses.
    pub(super) leads_to: BTreeSet<usize>,
    /// Whether all of it takes part.
    pub(super) is_whole: bool,
}

/// The files of a part.
pub(super) enum Files<'t> {
    Here(&'t Tree),
    Elsewhere(Arc<Tree>),
}

/// A name in a kustomization that leads elsewhere.
pub(super) struct Rewrite {
    /// The path of the kustomization.
    pub(super) kustomization: String,
    /// Where in it the name stands.
    pub(super) pointer: String,
    pub(super) name: String,
    pub(super) to: Target,
}

/// Where such a name leads.
pub(super) enum Target {
    /// A folder of another part.
    Folder(Folder),
    /// A file, as a path from the kustomization's folder.
    File(String),
}

impl Deref for Files<'_> {
    type Target = Tree;

    fn deref(&self) -> &Tree {
        match self {
            Self::Here(tree) => tree,
            Self::Elsewhere(tree) => tree,
        }
    }
}

impl<'t> Part<'t> {
    pub(super) fn new(files: Files<'t>, request: Option<Request>) -> Self {
        let (layout, rewrites) = (Layout::default(), Vec::new());
        Self { files, request, layout, rewrites, leads_to: BTreeSet::new(), is_whole: false }
    }

    /// A path as people read it.
    pub(super) fn shown(&self, path: &str) -> String {
        match &self.request {
            None => path.to_owned(),
            Some(request) => format!("{path} ({request})"),
        }
    }
}

/// Where the file of a request lies below the kustomization that names it. Its name is kept: generators make keys of it.
pub(super) fn place_of_file(request: &Request) -> String {
    let digest = blake3::hash(request.address().as_bytes()).to_hex();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let name: String = request.name().chars().filter(|character| is_plain(*character)).collect();
    let name = if name.trim_matches('.').is_empty() { "file" } else { &name };
    format!("{ELSEWHERE}/{}/{name}", &digest[..16])
}

/// One layout of all parts; and the path of `folder`, one of the repository at hand, in it.
pub(super) fn arrange(mut parts: Vec<Part<'_>>, folder: &str) -> Result<(Layout, String), Error> {
    // A tree that was moved as a whole has the same recipe.
    let root = parts[0].layout.common_folder(folder);
    let at_root = |path: &str| path.strip_prefix(root.as_str()).unwrap_or(path).trim_start_matches('/').to_owned();
    // Nothing of the repository at hand is in the way of the others.
    let mut top = ELSEWHERE.to_owned();
    while parts[0].layout.paths().any(|path| at_root(path).starts_with(&format!("{top}/"))) {
        top.push('_');
    }
    let place = |part: usize, path: &str| match (part, path.is_empty()) {
        (0, _) => at_root(path),
        (_, true) => format!("{top}/{part}"),
        (_, false) => format!("{top}/{part}/{path}"),
    };
    for (number, part) in parts.iter_mut().enumerate() {
        rewrite(number, part, &place)?;
    }
    let mut layouts = parts.into_iter().map(|part| part.layout);
    let mut layout = layouts.next().unwrap_or_default();
    layout.strip(&root);
    for (index, other) in layouts.enumerate() {
        layout.take(&place(index + 1, ""), other);
    }
    Ok((layout, at_root(folder)))
}

/// Writes the kustomizations of a part anew that have names which lead elsewhere.
fn rewrite(number: usize, part: &mut Part<'_>, place: &impl Fn(usize, &str) -> String) -> Result<(), Error> {
    let mut rest = &part.rewrites[..];
    while let Some(first) = rest.first() {
        let path = &first.kustomization;
        let (of_this, others) = rest.split_at(rest.iter().take_while(|rewrite| rewrite.kustomization == *path).count());
        rest = others;
        let unread = |reason: String| Error::Kustomization { path: part_path(part.request.as_ref(), path), reason };
        let bytes = part.layout.read(path).transpose()?.unwrap_or_default();
        let mut kustomization = edit::read(&bytes).map_err(unread)?;
        let from = place(number, parent(path));
        for Rewrite { pointer, name, to, .. } in of_this {
            let to = match to {
                Target::Folder(folder) => relative(&from, &place(folder.part, &folder.path)),
                Target::File(below) => below.clone(),
            };
            match kustomization.pointer_mut(pointer) {
                // `key=name` in a generator.
                Some(Value::String(text)) if text.ends_with(name.as_str()) => {
                    text.truncate(text.len() - name.len());
                    text.push_str(&to);
                }
                _ => return Err(unread(format!("what stands at {pointer} is not the same to two readers of YAML"))),
            }
        }
        let bytes = serde_json::to_vec(&kustomization).map_err(|error| unread(error.to_string()))?;
        part.layout.put(path, bytes);
    }
    Ok(())
}

fn part_path(request: Option<&Request>, path: &str) -> String {
    request.map_or_else(|| path.to_owned(), |request| format!("{path} ({request})"))
}

/// The way from one folder to another, both from the root of the layout.
fn relative(from: &str, to: &str) -> String {
    let up = from.split('/').filter(|part| !part.is_empty()).count();
    format!("{}{to}", "../".repeat(up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_is_kept_and_leads_nowhere() {
        let place = |address: &str| place_of_file(&Request::File { address: address.to_owned() });
        assert!(place("https://example.com/x/crds.yaml?a=b").ends_with("/crds.yaml"));
        assert!(place("https://example.com/x/..").ends_with("/file"));
        assert!(place("https://example.com/x/a b%2f.yaml").ends_with("/ab2f.yaml"));
        assert_ne!(place("https://example.com/1/a.yaml"), place("https://example.com/2/a.yaml"));
    }

    #[test]
    fn ways_lead_up_and_down() {
        assert_eq!(relative("", ".e/1"), ".e/1");
        assert_eq!(relative("a/b", ".e/1/x"), "../../.e/1/x");
    }
}
