//! Opening a repository so that it can do nothing but be read.
//!
//! In: a path and names of revisions. Out: commits. Guarantees: configuration of the system, the user and the
//! repository does not count (trust is reduced, the environment is not read), replacement refs are off, and what is
//! read under an oid has that oid.

use std::path::Path;

use gix::objs::Kind;
use gix::{ObjectId, ThreadSafeRepository};

use super::{CommitInfo, Error, FileMemo, Snapshot, commit, working};

/// A repository on this machine.
pub struct Repository {
    pub(super) inner: ThreadSafeRepository,
}

impl Repository {
    /// Opens the repository that `path` lies in, looking upwards.
    pub fn discover(path: &Path) -> Result<Self, Error> {
        let not_found = || Error::NotARepository { path: path.to_owned() };
        let absolute = std::path::absolute(path).map_err(|_| not_found())?;
        let (found, _trust) = gix::discover::upwards(&absolute).map_err(|_| not_found())?;
        let (git_dir, _work_dir) = found.into_repository_and_work_tree_directories();
        Self::in_git_directory(&git_dir, path)
    }

    fn in_git_directory(git_dir: &Path, path: &Path) -> Result<Self, Error> {
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Reduced)
            .config_overrides(["core.useReplaceRefs=false"]);
        match ThreadSafeRepository::open_opts(git_dir, options) {
            Ok(inner) => Ok(Self { inner }),
            Err(error) => Err(Error::Open { path: path.to_owned(), source: error.into() }),
        }
    }

    /// The tree of the commit that `revision` names: a whole oid, `HEAD`, a ref, or on the command line anything
    /// that `git rev-parse` takes.
    pub fn commit(&self, revision: &str, folder: &str) -> Result<Snapshot, Error> {
        let repository = self.inner.to_thread_local();
        let id = resolve(&repository, revision)?;
        commit::snapshot(&repository, id, folder, None)
    }

    /// The whole oid of what `revision` names now.
    pub fn oid(&self, revision: &str) -> Result<String, Error> {
        Ok(resolve(&self.inner.to_thread_local(), revision)?.to_string())
    }

    /// The whole oid of what an Application's `targetRevision` names: a whole oid, `HEAD`, a branch (here, or as a remote had
    /// it last) or a tag. Nothing else of what `git rev-parse` takes. Says, too, whether it is a branch.
    pub fn target(&self, revision: &str) -> Result<(String, bool), Error> {
        let unknown = || Error::UnknownRevision { revision: revision.to_owned() };
        if is_oid(revision) || revision == "HEAD" {
            return Ok((self.oid(revision)?, false));
        }
        if !is_reference_name(revision) {
            return Err(unknown());
        }
        let repository = self.inner.to_thread_local();
        let find = |full: String| repository.try_find_reference(full.as_str()).ok().flatten();
        let oid = |mut reference: gix::Reference<'_>| reference.peel_to_id().map(|id| id.to_string());
        let configuration = repository.config_snapshot();
        let sections = configuration.plumbing().sections_by_name("remote").into_iter().flatten();
        let mut remotes = sections.filter_map(|section| section.header().subsection_name().map(ToString::to_string));
        let branch = find(format!("refs/heads/{revision}"))
            .or_else(|| remotes.find_map(|remote| find(format!("refs/remotes/{remote}/{revision}"))));
        // A part of a name would be found as well: only a whole one counts.
        let whole = || Some(revision).filter(|name| name.starts_with("refs/")).and_then(|name| find(name.to_owned()));
        let found = match (branch, find(format!("refs/tags/{revision}")).or_else(whole)) {
            (Some(_), Some(_)) => return Err(Error::AmbiguousRevision { revision: revision.to_owned() }),
            (Some(branch), None) => (oid(branch), true),
            (None, Some(tag)) => (oid(tag), false),
            (None, None) => return Err(unknown()),
        };
        Ok((found.0.map_err(|_| unknown())?, found.1))
    }

    /// The names of all tags, sorted.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let repository = self.inner.to_thread_local();
        let Ok(references) = repository.references() else { return Vec::new() };
        let Ok(tags) = references.tags() else { return Vec::new() };
        let name =
            |tag: gix::Reference<'_>| tag.name().as_bstr().to_string().strip_prefix("refs/tags/").map(str::to_owned);
        let mut names: Vec<String> = tags.filter_map(Result::ok).filter_map(name).collect();
        names.sort();
        names
    }

    /// The working tree as it lies: tracked files as they are now, and untracked ones that are not ignored.
    /// With `memo`, only files are read that changed since they were listed last.
    pub fn working_tree(&self, folder: &str, memo: Option<&dyn FileMemo>) -> Result<Snapshot, Error> {
        working::snapshot(&self.inner.to_thread_local(), folder, memo, None)
    }

    /// The addresses of its remotes, as its configuration has them. They are names here, and nobody is called.
    #[must_use]
    pub fn remotes(&self) -> Vec<String> {
        let repository = self.inner.to_thread_local();
        let configuration = repository.config_snapshot();
        let sections = configuration.plumbing().sections_by_name("remote").into_iter().flatten();
        sections.filter_map(|section| Some(section.value("url")?.to_string())).collect()
    }

    /// The commit under the working tree; none before the first.
    pub(super) fn head(&self) -> Result<Option<CommitInfo>, Error> {
        self.oid("HEAD").ok().map(|oid| self.commit_info(&oid)).transpose()
    }

    /// What a commit says of itself.
    pub(super) fn commit_info(&self, oid: &str) -> Result<CommitInfo, Error> {
        Ok(commit::read_commit(&self.inner.to_thread_local(), parsed_oid(oid)?)?.0)
    }

    /// The oid of the commit that an oid stands for (an annotated tag is followed), and its bytes.
    pub(super) fn commit_object(&self, oid: &str) -> Result<(String, Vec<u8>), Error> {
        let repository = self.inner.to_thread_local();
        let commit = commit::read_commit(&repository, parsed_oid(oid)?)?.0.oid;
        let bytes = read_object(&repository, parsed_oid(&commit)?, Kind::Commit, "the commit")?;
        Ok((commit, bytes))
    }

    /// The address of the remote `origin`, or of the only remote: what `git clone` was given. It is a name here.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let repository = self.inner.to_thread_local();
        let configuration = repository.config_snapshot();
        let sections = configuration.plumbing().sections_by_name("remote").into_iter().flatten();
        let remotes: Vec<(String, String)> = sections
            .filter_map(|section| {
                let name = section.header().subsection_name()?.to_string();
                Some((name, section.value("url")?.to_string()))
            })
            .collect();
        let origin = remotes.iter().find(|(name, _)| name == "origin").or_else(|| match &remotes[..] {
            [only] => Some(only),
            _ => None,
        });
        origin.map(|(_, url)| url.clone())
    }

    /// Where Git keeps what all working trees of the repository share.
    pub(super) fn common_directory(&self) -> std::path::PathBuf {
        self.inner.to_thread_local().common_dir().to_owned()
    }

    /// Opens the repository in exactly this folder: a mirror of ours.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Self::in_git_directory(folder, folder)
    }

    /// The bytes of the regular file with this name at the root: of the commit that `revision` names, or as it lies in the
    /// working tree. `None` where there is none. Nothing else is listed for it.
    pub fn file_at_root(&self, name: &str, revision: Option<&str>) -> Result<Option<Vec<u8>>, Error> {
        let repository = self.inner.to_thread_local();
        if let Some(revision) = revision {
            let id = resolve(&repository, revision)?;
            return commit::file_at_root(&repository, id, name);
        }
        let Some(root) = repository.workdir() else { return Ok(None) };
        let path = root.join(name);
        let failed = |source| Error::File { path: name.to_owned(), source };
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() && metadata.len() <= super::MAX_BLOB_BYTES => {
                std::fs::read(&path).map(Some).map_err(failed)
            }
            Ok(_) => Err(super::snapshot::path_error(name, "it must be a regular file of at most 16 MiB")),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// The root of the working tree; none of a bare repository.
    #[must_use]
    pub fn root(&self) -> Option<std::path::PathBuf> {
        self.inner.to_thread_local().workdir().map(Path::to_owned)
    }

    /// `path` as a folder of this repository, with `/` and without `.`, where it lies inside the working tree.
    #[must_use]
    pub fn folder_of(&self, path: &Path) -> Option<String> {
        let repository = self.inner.to_thread_local();
        let root = std::fs::canonicalize(repository.workdir()?).ok()?;
        let path = std::fs::canonicalize(path).ok()?;
        Some(path.strip_prefix(root).ok()?.to_str()?.replace(std::path::MAIN_SEPARATOR, "/"))
    }
}

/// An oid as text.
pub(super) fn parsed_oid(oid: &str) -> Result<ObjectId, Error> {
    ObjectId::from_hex(oid.as_bytes()).map_err(|_| Error::UnknownRevision { revision: oid.to_owned() })
}

/// Whether a branch or a tag may have this name; nothing else of what `git rev-parse` takes is one.
#[must_use]
pub fn is_reference_name(name: &str) -> bool {
    gix::validate::reference::name(format!("refs/heads/{name}").as_str().into()).is_ok()
}

/// Whether this can be nothing but a whole oid, of SHA-1 or SHA-256.
fn is_oid(revision: &str) -> bool {
    revision.bytes().all(|byte| byte.is_ascii_hexdigit()) && matches!(revision.len(), 40 | 64)
}

/// Whole oids are oids whatever refs are called; a name that is a tag and a branch is refused.
fn resolve(repository: &gix::Repository, revision: &str) -> Result<ObjectId, Error> {
    let unknown = || Error::UnknownRevision { revision: revision.to_owned() };
    if is_oid(revision) {
        let id = ObjectId::from_hex(revision.as_bytes()).map_err(|_| unknown())?;
        // A repository cannot be asked for an oid of the other length.
        return if id.kind() == repository.object_hash() { Ok(id) } else { Err(unknown()) };
    }
    let exists = |kind: &str| {
        let name = format!("refs/{kind}/{revision}");
        matches!(repository.try_find_reference(name.as_str()), Ok(Some(_)))
    };
    if exists("tags") && exists("heads") {
        return Err(Error::AmbiguousRevision { revision: revision.to_owned() });
    }
    repository.rev_parse_single(revision).map(gix::Id::detach).map_err(|_| unknown())
}

/// The bytes of an object, hashed again: a loose object is believed by its file name otherwise.
pub(super) fn read_object(
    repository: &gix::Repository,
    id: ObjectId,
    kind: Kind,
    path: &str,
) -> Result<Vec<u8>, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Object {
        path: path.to_owned(),
        oid: id.to_string(),
        source,
    };
    let header = repository.find_header(id).map_err(|error| failed(error.into()))?;
    if kind == Kind::Blob && header.size() > super::MAX_BLOB_BYTES {
        let limit = super::MAX_BLOB_BYTES >> 20;
        return Err(failed(format!("{} bytes; at most {limit} MiB are read", header.size()).into()));
    }
    let mut object = repository.find_object(id).map_err(|error| failed(error.into()))?;
    if object.kind != kind {
        return Err(failed(format!("it is a {}, not a {kind}", object.kind).into()));
    }
    let data = std::mem::take(&mut object.data);
    let actual = gix::objs::compute_hash(id.kind(), kind, &data).map_err(|error| failed(error.into()))?;
    if actual != id {
        return Err(failed(format!("its bytes hash to {actual}: the repository is damaged").into()));
    }
    Ok(data)
}
