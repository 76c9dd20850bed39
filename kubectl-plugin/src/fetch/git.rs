//! Repositories of others, by the `git` program.
//!
//! In: the address of a repository, and a revision or a commit. Out: what the revision names now, or a mirror on this machine
//! that has the commit. There is one bare mirror for each repository, for all applications and processes; it gets single
//! commits without their history, where the server gives such.
//!
//! Guarantees: the program finds an environment of ours: no configuration but that of credentials and connections, no
//! prompts, no hooks, no transport but https and ssh, no redirects; objects are checked as they come in; whatever hangs is
//! ended. What was fetched is believed by its oid only: it is hashed again when it is read. gix, which reads the mirrors,
//! fetches without limits of time and without Git's settings for proxies and certificates, so it does not fetch here.
//! A fetch writes no file larger than [`LARGEST_FILE`](super::git_program::LARGEST_FILE).

use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_compiler::lock::Oid;
use gitops_compiler::name::VersionRange;
use gitops_compiler::tree::is_reference_name;

use super::access::Access;
use super::address::{Scheme, shown_text};
use super::error::{FailureKind, FetchError, Part};
use super::git_program::{GitProgram, Ran};
use super::mirrors::Mirrors;

/// The most that a server may say of its refs: 64 MiB.
const MOST_REFS: usize = 64 << 20;

/// The repositories that may be asked.
pub struct Git {
    pub(super) access: Access,
    mirrors: Mirrors,
    pub(super) program: GitProgram,
}

impl Git {
    /// With the mirrors of a folder. Commands of the program end after `time`.
    #[must_use]
    pub fn new(access: Access, mirrors: Mirrors, known_hosts: Option<PathBuf>, time: Duration) -> Self {
        Self { access, mirrors, program: GitProgram { known_hosts, time } }
    }

    /// The commit that a revision names now: a whole oid, `HEAD`, a branch or a tag.
    ///
    /// # Errors
    /// Where the repository may not be asked, does not answer, or knows no such revision, or two.
    pub fn resolve(&self, repository: &str, revision: &str) -> Result<Oid, FetchError> {
        if let Ok(oid) = revision.to_ascii_lowercase().parse() {
            return Ok(oid);
        }
        if revision != "HEAD" && !is_reference_name(revision) {
            return Err(not_found(repository, format!("no branch or tag can be called `{revision}`")));
        }
        let names: Vec<String> = match revision {
            "HEAD" => vec!["HEAD".to_owned()],
            full if full.starts_with("refs/") => vec![full.to_owned(), format!("{full}^{{}}")],
            name => ["refs/heads/", "refs/tags/"].map(|kind| format!("{kind}{name}")).to_vec(),
        };
        let refs = self.refs(repository, &names)?;
        let oid = |name: &str| {
            // An annotated tag is an object of its own, and what it names is told behind it.
            let peeled = format!("{name}^{{}}");
            let find = |wanted: &str| refs.iter().find(|(_, found)| found == wanted).map(|(oid, _)| oid.clone());
            find(&peeled).or_else(|| find(name))
        };
        let found: Vec<Oid> = names.iter().filter_map(|name| oid(name)).collect();
        match &found[..] {
            [] => Err(not_found(repository, format!("it has no branch or tag `{revision}`"))),
            [_, _] if !revision.starts_with("refs/") => {
                let why = format!("`{revision}` is both a branch and a tag");
                Err(not_found(repository, why).hint(format!("write refs/heads/{revision} or refs/tags/{revision}")))
            }
            [first, ..] => Ok(first.clone()),
        }
    }

    /// The commit of the newest tag in a range of versions, of those that begin with `tag_prefix`.
    ///
    /// # Errors
    /// As of [`Git::resolve`].
    pub fn newest(&self, repository: &str, range: &str, tag_prefix: &str) -> Result<Oid, FetchError> {
        let parsed = VersionRange::parse(range).map_err(|why| not_found(repository, why))?;
        let refs = self.refs(repository, &["refs/tags/*".to_owned()])?;
        let version = |name: &'_ str| {
            Some(name.strip_prefix("refs/tags/")?.trim_end_matches("^{}").strip_prefix(tag_prefix)?.to_owned())
        };
        let versions: Vec<String> = refs.iter().filter_map(|(_, name)| version(name)).collect();
        let best = parsed.best(versions.iter().map(String::as_str));
        let found = best.and_then(|best| {
            let of_best = refs.iter().filter(|(_, name)| version(name).as_deref() == Some(best));
            of_best.max_by_key(|(_, name)| name.ends_with("^{}"))
        });
        let missing = || not_found(repository, format!("it has no tag in the range {tag_prefix}{range}"));
        found.map(|(oid, _)| oid.clone()).ok_or_else(missing)
    }

    /// Names and oids of refs. Peeled tags have `^{}` at their ends.
    fn refs(&self, repository: &str, names: &[String]) -> Result<Vec<(Oid, String)>, FetchError> {
        let asked = self.asked(repository)?;
        let mut arguments = vec!["ls-remote".to_owned(), "--quiet".to_owned(), "--".to_owned(), asked];
        arguments.extend(names.iter().flat_map(|name| {
            let peeled = (!name.ends_with("^{}") && name.starts_with("refs/tags/")).then(|| format!("{name}^{{}}"));
            std::iter::once(name.clone()).chain(peeled)
        }));
        let said = self.run(repository, None, &arguments)?;
        let lines = said.lines().filter_map(|line| {
            let (oid, name) = line.split_once('\t')?;
            Some((oid.parse().ok()?, name.to_owned()))
        });
        Ok(lines.collect())
    }

    /// A bare repository that has a commit, which is fetched where it is not there yet. It stays as long as this does.
    ///
    /// # Errors
    /// Where the repository may not be asked, does not answer, or does not have it.
    pub fn commit(&self, repository: &str, commit: &Oid, may_fetch: bool) -> Result<PathBuf, FetchError> {
        // What one project may read others do not find here.
        let mirror = self.mirrors.place(repository, object_format(commit), self.access.project_for(repository));
        let pinned = mirror.join("refs/pins").join(commit.as_str());
        if mirror.is_dir() {
            // Whoever cannot is about to fail, or is where nobody else can take it away, either.
            let _ = self.mirrors.hold(&mirror);
        }
        if pinned.is_file() {
            return Ok(mirror);
        }
        if !may_fetch {
            let why = format!("the commit {commit} was never fetched");
            return Err(not_found(repository, why).hint("leave out --offline"));
        }
        self.access.check(repository).map_err(|refused| FetchError::refused(&refused))?;
        let _lock = self.mirrors.lock(&mirror).map_err(|error| on_disk(repository, &mirror, &error))?;
        if pinned.is_file() {
            return Ok(mirror);
        }
        if !mirror.join("HEAD").is_file() {
            self.create(repository, &mirror, commit)?;
        }
        remove_leftovers(&mirror);
        self.fetch(repository, &mirror, commit)?;
        self.mirrors.note_growth();
        Ok(mirror)
    }

    /// Made beside its place and renamed: a mirror that is there is whole.
    fn create(&self, repository: &str, mirror: &Path, commit: &Oid) -> Result<(), FetchError> {
        let failed = |error: std::io::Error| on_disk(repository, mirror, &error);
        let format = object_format(commit);
        let making = self.mirrors.new_folder().map_err(failed)?;
        let template = "--template=".to_owned();
        let arguments = ["init", "--quiet", "--bare", &template, &format!("--object-format={format}"), "--"];
        let mut arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        arguments.push(making.path().display().to_string());
        self.run(repository, None, &arguments)?;
        let _ = std::fs::remove_dir_all(mirror);
        std::fs::rename(making.keep(), mirror).map_err(failed)
    }

    /// The commit alone, where the server gives single commits; otherwise all branches and tags.
    fn fetch(&self, repository: &str, mirror: &Path, commit: &Oid) -> Result<(), FetchError> {
        let pin = format!("refs/pins/{commit}");
        let asked = self.asked(repository)?;
        let fetch = |depth: &[&str], refs: &[&str]| {
            let fixed = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
            let mut arguments: Vec<String> = fixed.iter().chain(depth).map(|part| (*part).to_owned()).collect();
            arguments.extend(["--".to_owned(), asked.clone()]);
            arguments.extend(refs.iter().map(|part| (*part).to_owned()));
            self.run(repository, Some(mirror), &arguments)
        };
        let alone = fetch(&["--depth=1"], &[&format!("{commit}:{pin}")]);
        let Err(first) = alone else { return Ok(()) };
        if first.kind != FailureKind::NotFound {
            return Err(first);
        }
        // A branch that is gone may be in the way of one that came.
        fetch(&["--prune"], &["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"])?;
        let arguments = ["update-ref", pin.as_str(), commit.as_str()].map(str::to_owned);
        self.run(repository, Some(mirror), &arguments).map(drop).map_err(|_| {
            not_found(repository, format!("it has no commit {commit}, neither on a branch nor under a tag"))
        })
    }

    /// The address as the program gets it: without a password, which everybody on this machine could read there, and for
    /// https without a user.
    fn asked(&self, repository: &str) -> Result<String, FetchError> {
        let address = self.access.repository(repository).map_err(|refused| FetchError::refused(&refused))?;
        match address.scheme {
            Scheme::Https | Scheme::Http => Ok(address.url.to_string()),
            Scheme::Ssh if address.password.is_empty() => Ok(repository.trim().to_owned()),
            Scheme::Ssh => {
                let why = "SSH takes no password from an address".to_owned();
                Err(failure(FailureKind::Refused, repository, why).hint("give a key with --credentials"))
            }
            Scheme::Oci => {
                let why = "this is a registry, not a Git repository".to_owned();
                Err(failure(FailureKind::Refused, repository, why))
            }
        }
    }

    fn run(&self, repository: &str, mirror: Option<&Path>, arguments: &[String]) -> Result<String, FetchError> {
        let address = self.access.repository(repository).map_err(|refused| FetchError::refused(&refused))?;
        let unusable = |why| failure(FailureKind::Unauthorized, repository, why);
        let credential = self.access.credential(repository).map_err(unusable)?;
        let ran = self.program.run(&self.access, &address, credential.as_deref(), mirror, arguments, MOST_REFS);
        match ran.map_err(|why| failure(FailureKind::Unreachable, repository, why))? {
            Ran::Done(said) => Ok(said),
            Ran::TooLong(time) => {
                let why = format!("it did not answer within {} s", time.as_secs());
                Err(failure(FailureKind::Unreachable, repository, why).hint("--fetch-timeout allows more"))
            }
            Ran::TooMuch => Err(failure(FailureKind::TooLarge, repository, "it says too much of its refs".to_owned())),
            Ran::Failed(said) => {
                let error = told(repository, &said);
                if error.kind == FailureKind::Unauthorized {
                    self.access.forget(repository);
                }
                Err(error)
            }
        }
    }
}

fn object_format(commit: &Oid) -> &'static str {
    if commit.as_str().len() == 64 { "sha256" } else { "sha1" }
}

/// Removes what a fetch that was killed left behind, which would be in the way of every later one. The mirror's lock is
/// held. What cannot be removed is told by the fetch.
fn remove_leftovers(mirror: &Path) {
    let is_left = |folder: &str, name: &str| match folder {
        "objects/pack" => name.starts_with("tmp_"),
        _ => name.ends_with(".lock"),
    };
    for folder in ["", "refs/pins", "objects/pack"] {
        for entry in std::fs::read_dir(mirror.join(folder)).into_iter().flatten().flatten() {
            if is_left(folder, &entry.file_name().to_string_lossy()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// Words of the program and of ssh, what kind of failure they tell of, and what to do about it.
const WORDS: [(&[&str], FailureKind, Option<&str>); 5] = [
    (&["The requested URL returned error: 30"], FailureKind::Refused, Some("it has moved: write its new address")),
    (
        &["Authentication failed", "could not read Username", "Permission denied (", "error: 401", "error: 403"],
        FailureKind::Unauthorized,
        Some("give the credentials of this repository with --credentials, or to a helper of Git's"),
    ),
    (
        &["Host key verification failed"],
        FailureKind::Refused,
        Some("put its key into ~/.ssh/known_hosts, or name a file of known hosts with --known-hosts"),
    ),
    (
        &["not our ref", "couldn't find remote ref", "unadvertised object", "not found", "error: 404"],
        FailureKind::NotFound,
        None,
    ),
    (&["certificate", "SSL"], FailureKind::Refused, Some("name the certificate of its authority with --ca-file")),
];

/// What the program says of a failure, in a kind and one line.
pub(super) fn told(repository: &str, said: &str) -> FetchError {
    let line_with = |words: &[&str]| said.lines().find(|line| words.iter().any(|word| line.contains(word)));
    let known = WORDS.iter().find_map(|(words, kind, hint)| Some((line_with(words)?, *kind, *hint)));
    let (line, kind, hint) = known.unwrap_or_else(|| {
        let line = line_with(&["fatal:", "ERROR"]).or_else(|| said.lines().find(|line| !line.trim().is_empty()));
        (line.unwrap_or("it does not say why"), FailureKind::Unreachable, None)
    });
    let why = line.trim_start_matches("fatal: ").trim().replace(repository, &shown_text(repository));
    let error = failure(kind, repository, why);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn not_found(repository: &str, why: String) -> FetchError {
    failure(FailureKind::NotFound, repository, why).part(Part::Version)
}

fn on_disk(repository: &str, mirror: &Path, error: &std::io::Error) -> FetchError {
    failure(FailureKind::Unreachable, repository, format!("its mirror {} cannot be written: {error}", mirror.display()))
}

pub(super) fn failure(kind: FailureKind, repository: &str, why: String) -> FetchError {
    FetchError::new(kind, shown_text(repository), why)
}
