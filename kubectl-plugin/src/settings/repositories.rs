//! Which repository on this machine stands for which address.
//!
//! In: the repository at hand, clones that the user names, addresses as Applications write them. Out: trees of them, each
//! repository opened once and each revision looked up once. What is neither is an input from elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use gitops_compiler::app::Source;
use gitops_compiler::lock::Request;
use gitops_compiler::name::{VersionRange, is_range};
use gitops_compiler::store::Store;
use gitops_compiler::tree::{Repository, Tree};

use crate::error::CommandError;

use super::fault::Fault;
use super::inputs::Inputs;
use super::signers::SignaturePolicy;

/// A clone that stands for a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clone {
    url: String,
    path: PathBuf,
}

impl FromStr for Clone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Addresses have `=` in their queries; folders seldom do.
        let (url, path) =
            text.rsplit_once('=').filter(|(url, path)| !url.is_empty() && !path.is_empty()).ok_or_else(|| {
                format!("`{text}` is not of the form URL=PATH, as in https://git.example.com/shop.git=../shop")
            })?;
        Ok(Self { url: url.to_owned(), path: PathBuf::from(path) })
    }
}

/// Opens clones: each repository by its normalised address.
pub(super) fn open_clones(clones: &[Clone]) -> Result<BTreeMap<String, Arc<Repository>>, CommandError> {
    let open = |Clone { url, path }: &Clone| Ok((normalised(url), Arc::new(Repository::discover(path)?)));
    clones.iter().map(open).collect()
}

/// The repositories on this machine.
pub(super) struct Repositories {
    /// The repository at hand, where there is one.
    here: Option<Arc<Repository>>,
    /// What commit the repository at hand is read at; its working tree where absent.
    revision: Option<String>,
    remotes: Vec<String>,
    clones: BTreeMap<String, Arc<Repository>>,
    store: Option<Store>,
    signers: Option<SignaturePolicy>,
    trees: BTreeMap<Key, Arc<Tree>>,
}

/// A repository, a revision, and the address by which its large files are asked for.
type Key = (String, String, Option<String>);

impl Repositories {
    /// Of the repository at hand and the clones.
    pub(super) fn new(
        here: Option<Arc<Repository>>,
        revision: Option<&str>,
        clones: BTreeMap<String, Arc<Repository>>,
        store: Option<&Store>,
        signers: Option<SignaturePolicy>,
    ) -> Self {
        let remotes = here.iter().flat_map(|here| here.remotes()).map(|url| normalised(&url)).collect();
        let revision = revision.map(str::to_owned);
        Self { here, revision, remotes, clones, store: store.cloned(), signers, trees: BTreeMap::new() }
    }

    /// The tree of a source, and the input that it is, where it is from elsewhere. A branch of the repository at hand is what lies there, or what `--revision` names; tags and
    /// commits are what they are.
    pub(super) fn tree(&mut self, source: &Source, inputs: &Inputs) -> Result<(Arc<Tree>, Option<Request>), Fault> {
        let (tree, elsewhere) = self.opened(source, inputs)?;
        if let Some(signers) = &self.signers {
            signers.check(&tree).map_err(no_revision)?;
        }
        Ok((tree, elsewhere))
    }

    fn opened(&mut self, source: &Source, inputs: &Inputs) -> Result<(Arc<Tree>, Option<Request>), Fault> {
        let url = normalised(&source.repo_url);
        let wanted = Some(source.target_revision.as_str()).filter(|revision| !matches!(*revision, "" | "HEAD"));
        let target = |repository: &Repository, revision: &str| {
            target(repository, revision, is_range(revision).then_some(source.tag_prefix.as_str())).map_err(no_revision)
        };
        let is_here = url.is_empty() || self.remotes.contains(&url);
        let (key, repository, revision) = match (self.clones.get(&url), &self.here) {
            (Some(clone), _) => (url, clone, Some(target(clone, wanted.unwrap_or("HEAD"))?.0)),
            (None, Some(here)) if is_here => {
                let pinned = wanted.map(|revision| target(here, revision)).transpose()?;
                let pinned = pinned.filter(|(_, is_branch)| !is_branch).map(|(oid, _)| oid);
                (String::new(), here, pinned.or_else(|| self.revision.clone()))
            }
            (None, _) => {
                let request = request(source);
                let tree = inputs.tree(&request).map_err(|error| {
                    let hint =
                        "or name a clone of it with --repository URL=PATH, or the repository at hand with --source";
                    Fault::of_input(source, error).hint(hint)
                })?;
                return Ok((tree, Some(request)));
            }
        };
        let origin = if key.is_empty() { repository.origin() } else { None };
        let repo_url = Some(source.repo_url.as_str()).filter(|url| !url.is_empty());
        let addresses: Vec<&str> = repo_url.into_iter().chain(origin.as_deref()).collect();
        let large_files = inputs.large_files(&addresses);
        // Whether they are wanted, and who is asked, is a matter of the address.
        let asked = large_files.as_ref().map(|_| source.repo_url.clone());
        let key = (key, revision.clone().unwrap_or_default(), asked);
        if let Some(tree) = self.trees.get(&key) {
            return Ok((Arc::clone(tree), None));
        }
        let tree = match revision {
            Some(revision) => Tree::of_commit(Arc::clone(repository), &revision).map_err(no_revision)?,
            None => Tree::of_working_tree(Arc::clone(repository), self.store.clone().map(|store| Arc::new(store) as _)),
        };
        let address = if key.0.is_empty() { origin } else { Some(source.repo_url.clone()) };
        let tree = Arc::new(inputs.with_submodules(tree.with_large_files(large_files), address));
        self.trees.insert(key, Arc::clone(&tree));
        Ok((tree, None))
    }
}

fn no_revision(error: impl Into<CommandError>) -> Fault {
    Fault::new("/targetRevision", error)
}

/// The repository of a source, as an input from elsewhere.
pub(super) fn request(source: &Source) -> Request {
    if is_range(&source.target_revision) {
        Request::range(&source.repo_url, &source.target_revision, &source.tag_prefix)
    } else {
        Request::git(&source.repo_url, &source.target_revision)
    }
}

/// What a revision names, and whether that is a branch; a range of versions, where there is a prefix of tags, the newest tag
/// in it.
pub(super) fn target(
    repository: &Repository,
    revision: &str,
    range: Option<&str>,
) -> Result<(String, bool), CommandError> {
    let Some(tag_prefix) = range else { return Ok(repository.target(revision)?) };
    let range = VersionRange::parse(revision).map_err(CommandError::user)?;
    let tags = repository.tags();
    let best = range.best(tags.iter().filter_map(|tag| tag.strip_prefix(tag_prefix)));
    let best = best.ok_or_else(|| CommandError::user(format!("no tag is in the range {tag_prefix}{revision}")))?;
    Ok(repository.target(&format!("refs/tags/{tag_prefix}{best}"))?)
}

/// An address without what does not tell repositories apart: how it is spoken to, who asks, `.git`, upper case.
pub(super) fn normalised(url: &str) -> String {
    let url = url.trim().to_lowercase();
    let (scheme, rest) = url.split_once("://").map_or((None, url.as_str()), |(scheme, rest)| (Some(scheme), rest));
    let rest = match rest.split_once('/') {
        Some((host, path)) => format!("{}/{path}", host.rsplit('@').next().unwrap_or(host)),
        None => rest.to_owned(),
    };
    // `git@host:path`, as scp has it.
    let rest = match rest.split_once(':') {
        Some((host, path)) if scheme.is_none() && !host.contains('/') => {
            format!("{}/{path}", host.rsplit('@').next().unwrap_or(host))
        }
        _ => rest,
    };
    let rest = rest.trim_end_matches('/');
    rest.strip_suffix(".git").unwrap_or(rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_many_addresses() {
        let same = [
            "https://git.example.com/shop/deploy.git",
            "https://git.example.com/shop/deploy",
            "https://anna:secret@git.example.com/Shop/Deploy/",
            "git@git.example.com:shop/deploy.git",
            "ssh://git@git.example.com/shop/deploy.git",
        ];
        for url in same {
            assert_eq!(normalised(url), "git.example.com/shop/deploy", "{url}");
        }
        assert_ne!(normalised("https://git.example.com:8443/shop"), normalised("https://git.example.com/shop"));
        assert_eq!(normalised("/srv/git/shop.git"), "/srv/git/shop");
    }

    #[test]
    fn a_clone_is_named_with_its_address() {
        let clone: Clone = "https://example.com/?a=b=../x".parse().expect("a clone");
        assert_eq!((clone.url.as_str(), clone.path.to_str()), ("https://example.com/?a=b", Some("../x")));
        assert!("nothing".parse::<Clone>().is_err() && "=x".parse::<Clone>().is_err());
    }
}
