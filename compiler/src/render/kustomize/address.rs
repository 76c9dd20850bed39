//! Names in a kustomization that lead elsewhere.
//!
//! In: a name, as a kustomization has it. Out: what it is to Kustomize: a folder of a repository at a revision, a file at an
//! address, or neither. The rules are those of Kustomize 5.8 (`api/internal/git/repospec.go`), which would clone and fetch
//! by itself; where it tries one after the other, whether a file is there, the form decides here: what ends like a
//! manifest is a file, everything else a repository.

use crate::lock::Request;
use crate::tree::join;

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A folder of a repository.
    Folder {
        /// The repository at its revision.
        request: Request,
        /// The folder, from its root.
        path: String,
    },
    /// A file.
    File(Request),
}

/// Before the path of a repository on this machine.
const FILE: &str = "file://";

/// Repositories of these are two names long where nothing says where their path ends.
const SEGMENTS: usize = 2;

impl Address {
    /// `None` where the name is no address.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (address, query) = name.split_once('?').unwrap_or((name, ""));
        let is_web = address.starts_with("https://") || address.starts_with("http://");
        let ends_as_file = [".yaml", ".yml", ".json"].iter().any(|end| address.ends_with(end));
        let revision = revision(query);
        if is_web && ends_as_file && !address.contains(".git/") && revision.is_empty() {
            return Some(Self::File(Request::File { address: name.to_owned() }));
        }
        let (host, rest) = host(address)?;
        let (repository, path) = split(&rest, host == FILE)?;
        let request = Request::git(&format!("{host}{repository}"), &revision);
        Some(Self::Folder { request, path: join("", path.trim_matches('/'))? })
    }
}

/// `ref`, or `version`, decoded.
fn revision(query: &str) -> String {
    let value = |wanted: &str| {
        let parts = query.split('&').filter_map(|part| part.split_once('='));
        parts.filter(|(name, _)| *name == wanted).map(|(_, value)| decoded(value)).find(|value| !value.is_empty())
    };
    value("ref").or_else(|| value("version")).unwrap_or_default()
}

/// `%2F` and `+` of a query as what they stand for; what stands for nothing stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Everything up to the path of the repository, and the rest.
fn host(address: &str) -> Option<(String, String)> {
    let address = strip_prefix_of_any_case(address, "git::").unwrap_or(address);
    let (scheme, rest) = ["https://", "http://", "ssh://", FILE]
        .iter()
        .find_map(|scheme| Some((*scheme, strip_prefix_of_any_case(address, scheme)?)))
        .unwrap_or(("", address));
    if scheme == FILE {
        return Some((scheme.to_owned(), rest.to_owned()));
    }
    let user_end = rest.find('@').filter(|at| rest.find('/').is_none_or(|slash| *at < slash));
    let (user, rest) = user_end.map_or(("", rest), |at| rest.split_at(at + 1));
    let is_short = ["github.com/", "github.com:"].iter().find_map(|short| strip_prefix_of_any_case(rest, short));
    if let Some(rest) = is_short {
        // Kustomize has one spelling for each of the two ways; who names a user means SSH.
        let host = match (scheme, user) {
            ("ssh://", "") => "git@github.com:".to_owned(),
            (_, "") => "https://github.com/".to_owned(),
            (_, user) => format!("{user}github.com:"),
        };
        return Some((host, rest.to_owned()));
    }
    let has_colon = scheme.is_empty() || scheme == "ssh://";
    if scheme.is_empty() && user.is_empty() {
        return None;
    }
    let slash = rest.find('/');
    let colon = rest.find(':').filter(|colon| has_colon && slash.is_none_or(|slash| *colon < slash));
    // `ssh://host:22/path` has a port; `git@host:path` has none.
    let end = if scheme.is_empty() { colon.or(slash) } else { slash }?;
    let (host, path) = rest.split_at(end + 1);
    (host.len() > 1).then(|| (format!("{scheme}{user}{host}"), path.to_owned()))
}

/// The path of the repository, and the folder in it.
fn split(path: &str, is_file: bool) -> Option<(String, String)> {
    if let Some(at) = path.find("_git/") {
        let (before, after) = path.split_at(at + "_git/".len());
        let (name, folder) = after.split_once('/').unwrap_or((after, ""));
        return Some((format!("{before}{name}"), folder.to_owned()));
    }
    if let Some((repository, folder)) = path.split_once("//") {
        return Some((repository.to_owned(), folder.to_owned()));
    }
    if let Some(at) = path.find(".git") {
        let (repository, folder) = path.split_at(at + ".git".len());
        return Some((repository.to_owned(), folder.trim_start_matches('/').to_owned()));
    }
    if is_file {
        return Some((path.to_owned(), String::new()));
    }
    let mut parts = path.splitn(SEGMENTS + 1, '/');
    let (owner, name) = (parts.next()?, parts.next().filter(|name| !name.is_empty())?);
    Some((format!("{owner}/{name}"), parts.next().unwrap_or_default().to_owned()))
}

fn strip_prefix_of_any_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> (String, String, String) {
        match Address::parse(name) {
            Some(Address::Folder { request: Request::Git { repository, revision, .. }, path }) => {
                (repository, revision, path)
            }
            other => panic!("{name}: {other:?}"),
        }
    }

    /// As the table of Kustomize's own tests has them.
    #[test]
    fn addresses_of_repositories_are_taken_apart() {
        for (name, repository, revision, path) in [
            ("github.com/org/repo", "https://github.com/org/repo", "HEAD", ""),
            ("github.com/org/repo/a/b?ref=v1", "https://github.com/org/repo", "v1", "a/b"),
            ("https://github.com/org/repo//a/b?ref=v1", "https://github.com/org/repo", "v1", "a/b"),
            ("GitHub.com/org/repo.git/a?version=2", "https://github.com/org/repo.git", "2", "a"),
            ("git@github.com:org/repo//a?ref=x&timeout=9", "git@github.com:org/repo", "x", "a"),
            ("ssh://git@github.com/org/repo.git", "git@github.com:org/repo.git", "HEAD", ""),
            ("git::https://example.com/org/repo//a", "https://example.com/org/repo", "HEAD", "a"),
            ("git@example.com:org/repo.git/a", "git@example.com:org/repo.git", "HEAD", "a"),
            ("ssh://git@example.com:7999/p/repo.git//a?ref=b", "ssh://git@example.com:7999/p/repo.git", "b", "a"),
            ("https://a@dev.example.com/o/p/_git/r/x/y?ref=c", "https://a@dev.example.com/o/p/_git/r", "c", "x/y"),
            ("https://example.com/org/repo.git/a.yaml?ref=v1", "https://example.com/org/repo.git", "v1", "a.yaml"),
            ("https://127.0.0.1:8443/git/base.git", "https://127.0.0.1:8443/git/base.git", "HEAD", ""),
            ("file:///srv/git/base.git//a", "file:///srv/git/base.git", "HEAD", "a"),
            ("file:///srv/git/base", "file:///srv/git/base", "HEAD", ""),
            ("https://git@github.com/org/repo", "git@github.com:org/repo", "HEAD", ""),
            ("org-123@github.com:org/repo//a", "org-123@github.com:org/repo", "HEAD", "a"),
            (
                "https://example.com/org/repo//./a/../b?ref=release%2F1",
                "https://example.com/org/repo",
                "release/1",
                "b",
            ),
        ] {
            let expected = (repository.to_owned(), revision.to_owned(), path.to_owned());
            assert_eq!(folder(name), expected, "{name}");
        }
    }

    #[test]
    fn files_are_told_from_repositories() {
        for file in ["https://example.com/x/install.yaml", "http://example.com/releases/v1/a.yml?download=1"] {
            let request = Request::File { address: file.to_owned() };
            assert_eq!(Address::parse(file), Some(Address::File(request)), "{file}");
        }
    }

    #[test]
    fn paths_are_no_addresses() {
        for path in
            ["../base", "base.yaml", "./x/y", "a/b.c/d", "base", "gitlab.com/org/repo", "", "?ref=x", "https://x"]
        {
            assert_eq!(Address::parse(path), None, "{path}");
        }
    }
}
