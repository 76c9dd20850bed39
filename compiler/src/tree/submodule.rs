//! Submodules: which commit of which other repository belongs at a path.
//!
//! In: `.gitmodules` of a commit, the address of the repository that has it. Out: a [`Submodule`], whose commit is the one
//! that the tree names: it is pinned by that, and needs no lock. What it holds comes from [`Submodules`], since nothing is
//! fetched here.
//!
//! All of `.gitmodules` is somebody else's: names and addresses that are no plain ones are refused, not repaired. A relative
//! address is resolved as Git does, and never leads to another host.

use std::sync::Arc;

use super::{LargeFiles, Tree};

/// Git reads no larger `.gitmodules` by itself either: 1 MiB.
const MAX_GITMODULES_BYTES: usize = 1 << 20;

/// A commit of another repository that belongs at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submodule {
    /// From the root of the repository that has it.
    pub path: String,
    /// The address of its repository; may hold userinfo, so it is not shown as it is.
    pub address: String,
    /// The whole oid of the commit.
    pub commit: String,
}

/// Gets the files of submodules that are not on this machine.
pub trait Submodules: Send + Sync {
    /// The tree of a submodule, or why there is none and what to do.
    ///
    /// # Errors
    /// Where its repository may not be asked, does not answer, or does not have the commit.
    fn tree(&self, submodule: &Submodule) -> Result<Tree, String>;

    /// Who gets the large files of a submodule with this address, which may be on this machine; none where they are not
    /// wanted.
    fn large_files(&self, _address: Option<&str>) -> Option<Arc<dyn LargeFiles>> {
        None
    }
}

/// What `.gitmodules` says of one submodule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) url: String,
}

/// What `.gitmodules` says of the submodule at a path. The first section with that path counts, as for Git.
pub(super) fn named(gitmodules: &[u8], path: &str) -> Result<Named, String> {
    if gitmodules.len() > MAX_GITMODULES_BYTES {
        return Err("the file .gitmodules is larger than 1 MiB".to_owned());
    }
    let metadata = gix::config::file::Metadata::api();
    let options = gix::config::file::init::Options::default();
    let file = gix::config::File::from_bytes_no_includes(gitmodules, metadata, options)
        .map_err(|error| format!("the file .gitmodules is not understood: {error}"))?;
    let sections = file.sections_by_name("submodule").into_iter().flatten();
    let mut of_path = sections
        .filter(|section| section.value("path").is_some_and(|found| found.to_string().trim_end_matches('/') == path));
    let section = of_path
        .next()
        .ok_or("the file .gitmodules does not say where it comes from: commit what `git submodule add` writes there")?;
    let name = section.header().subsection_name().map(ToString::to_string).unwrap_or_default();
    if !is_sound_name(&name) {
        return Err("in the file .gitmodules it has a name that leads elsewhere".to_owned());
    }
    let url = section.value("url").map(|url| url.to_string()).unwrap_or_default();
    Ok(Named { name, url })
}

/// Git makes a folder of the name: one that led out of its place was a way to run code (CVE-2018-11235).
fn is_sound_name(name: &str) -> bool {
    let is_sound_part = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    name.split(['/', '\\']).all(is_sound_part) && !name.contains(['\0', ':'])
}

/// The address that a URL of `.gitmodules` means, in a repository whose own address is `above`.
pub(super) fn address(above: Option<&str>, url: &str) -> Result<String, String> {
    let is_relative = ["./", "../"].iter().any(|start| url.starts_with(start)) || matches!(url, "." | "..");
    if is_relative {
        let above = above.ok_or(
            "its address in .gitmodules is relative to that of this repository, which has no remote: add one, or name a \
             whole address there",
        )?;
        return relative(above, url).ok_or_else(|| format!("its address in .gitmodules leads out of the host: {url}"));
    }
    // Paths of this machine, remote helpers such as `ext::sh -c …`, and what a program would take for a flag.
    let is_whole = ["https://", "http://", "ssh://"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    if url.starts_with('-') || url.contains("::") || !(is_whole || is_scp(url)) {
        return Err("its address in .gitmodules is none that is fetched: only https and ssh are spoken".to_owned());
    }
    Ok(url.to_owned())
}

/// `user@host:path`.
fn is_scp(url: &str) -> bool {
    let before = url.split('/').next().unwrap_or_default();
    !url.contains("://") && before.split_once(':').is_some_and(|(host, _)| host.contains('@'))
}

/// A relative address as Git resolves it: each `../` takes one part off the end. None where that would be the host.
fn relative(above: &str, url: &str) -> Option<String> {
    let above = above.trim_end_matches('/');
    let begin = match above.split_once("://") {
        Some((scheme, rest)) => scheme.len() + 3 + rest.find('/').unwrap_or(rest.len()),
        None if is_scp(above) => above.find(':')? + 1,
        None => return None,
    };
    let (host, path) = above.split_at(begin);
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut rest = url.trim_end_matches('/');
    loop {
        if let Some(after) = rest.strip_prefix("../").or_else(|| (rest == "..").then_some("")) {
            parts.pop()?;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("./").or_else(|| (rest == ".").then_some("")) {
            rest = after;
        } else {
            break;
        }
    }
    // Git keeps a `..` that comes later, and leaves it to the server.
    if rest.split('/').any(|part| matches!(part, "." | "..")) {
        return None;
    }
    parts.extend(rest.split('/').filter(|part| !part.is_empty()));
    let root = if path.starts_with('/') || host.contains("://") { "/" } else { "" };
    Some(format!("{host}{root}{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_submodule_is_found_by_its_path() {
        let file = b"[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = ../lib.git\n[submodule \"a b\"]\n\tpath = \"a b\"\n\turl \
                     = https://example.com/ab.git\n[submodule \"late\"]\n\tpath = vendor/lib\n\turl = elsewhere\n";
        let found = |path: &str| named(file, path).map(|named| (named.name, named.url));
        assert_eq!(found("vendor/lib"), Ok(("lib".to_owned(), "../lib.git".to_owned())));
        assert_eq!(found("a b"), Ok(("a b".to_owned(), "https://example.com/ab.git".to_owned())));
        assert!(found("vendor").expect_err("no submodule").contains("git submodule add"));
        assert!(named(b"[submodule \"x", "x").is_err() && named(&vec![b'\n'; 2 << 20], "x").is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["../../hooks", "a/../b", "..", "a\\\\..\\\\b", "", "/etc", "a//b", ".git", "c:x"] {
            let file = format!("[submodule \"{name}\"]\n\tpath = x\n\turl = https://example.com/x.git\n");
            let error = named(file.as_bytes(), "x").expect_err(name);
            assert!(error.contains("leads elsewhere"), "{name}: {error}");
        }
    }

    #[test]
    fn relative_addresses_are_what_git_makes_of_them() {
        let of = |above: &str, url: &str| address(Some(above), url);
        for (above, url, is) in [
            ("https://example.com/org/deploy.git", "../lib.git", "https://example.com/org/lib.git"),
            ("https://example.com/org/deploy.git/", "../../lib.git/", "https://example.com/lib.git"),
            ("https://example.com/org/deploy.git", "./lib.git", "https://example.com/org/deploy.git/lib.git"),
            ("git@example.com:org/deploy.git", "../lib.git", "git@example.com:org/lib.git"),
            ("git@example.com:deploy.git", "../lib.git", "git@example.com:lib.git"),
            ("ssh://git@example.com:22/srv/a.git", "../b/c.git", "ssh://git@example.com:22/srv/b/c.git"),
        ] {
            assert_eq!(of(above, url).as_deref(), Ok(is), "{above} {url}");
        }
        for url in ["../../../evil.example.com/x.git", "../x/../../../y.git"] {
            assert!(of("https://example.com/org/deploy.git", url).is_err(), "{url}");
        }
        assert!(address(None, "../x.git").expect_err("no remote").contains("no remote"));
        assert!(of("/srv/git/deploy.git", "../x.git").is_err());
    }

    #[test]
    fn addresses_that_are_no_addresses_are_refused() {
        for url in [
            "file:///etc",
            "/etc",
            "etc",
            "-uploadpack=touch",
            "ext::sh -c touch% x",
            "https::x",
            "",
            "git://x/y",
            "--x@y:z",
        ] {
            assert!(address(Some("https://example.com/x.git"), url).is_err(), "{url}");
        }
        for url in ["https://example.com/x.git", "HTTPS://example.com/x", "ssh://git@x/y", "git@example.com:x"] {
            assert_eq!(address(None, url).as_deref(), Ok(url));
        }
    }
}
