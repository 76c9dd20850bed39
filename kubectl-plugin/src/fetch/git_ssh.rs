//! What a Git server says by SSH, beside Git itself.
//!
//! In: the address of a repository. Out: what `git-lfs-authenticate` says there, in its own words. Guarantees: ssh is run as
//! for Git, with the same key and the same hosts; no part of an address becomes a flag, or a word of the other shell.

use url::Url;

use super::address::{Address, Scheme};
use super::credentials::Credential;
use super::error::{FailureKind, FetchError};
use super::git::{Git, failure, told};
use super::git_program::Ran;

/// The most that a server may say: 1 MiB.
const MOST: usize = 1 << 20;

/// Where ssh leads, and to what.
#[derive(Debug, PartialEq, Eq)]
struct Destination {
    /// Flags and `user@host`.
    arguments: Vec<String>,
    /// The path of the repository there.
    path: String,
}

impl Git {
    /// Asks which server of Git LFS a repository has, and what to tell it to be let in.
    ///
    /// # Errors
    /// Where the server may not be asked, does not let us in, or knows no Git LFS.
    pub(super) fn lfs_authenticate(&self, repository: &str) -> Result<String, FetchError> {
        let address = self.access.repository(repository).map_err(|refused| FetchError::refused(&refused))?;
        let failed = |kind, why: &str| failure(kind, repository, why.to_owned());
        if !address.password.is_empty() {
            let error = failed(FailureKind::Refused, "SSH takes no password from an address");
            return Err(error.hint("give a key with --credentials"));
        }
        let credential = self.access.credentials.for_address(repository);
        if let Some(Err(why)) = credential.map(Credential::check) {
            return Err(failed(FailureKind::Unauthorized, &why));
        }
        let destination = destination(repository, &address);
        let destination = destination.ok_or_else(|| failed(FailureKind::Refused, "it is no repository by SSH"))?;
        let mut arguments = destination.arguments;
        arguments.push(format!("git-lfs-authenticate {} download", word(&destination.path)));
        let ran = self.program.ssh(credential, &arguments, MOST);
        match ran.map_err(|why| failed(FailureKind::Unreachable, &why))? {
            Ran::Done(said) => Ok(said),
            Ran::TooLong(time) => {
                let error = failed(FailureKind::Unreachable, &format!("it did not answer within {} s", time.as_secs()));
                Err(error.hint("--fetch-timeout allows more"))
            }
            Ran::TooMuch => Err(failed(FailureKind::TooLarge, "it says too much of its Git LFS")),
            Ran::Failed(said) => Err(told(repository, &said).or_hint(
                "it was asked for git-lfs-authenticate: where its Git LFS is elsewhere, `.lfsconfig` names that (lfs.url)",
            )),
        }
    }
}

/// Read of what is written: to the parsed address the port of https is none.
fn destination(text: &str, address: &Address) -> Option<Destination> {
    if address.scheme != Scheme::Ssh {
        return None;
    }
    let text = text.trim();
    let (port, path) = if text.contains("://") {
        let url = Url::parse(text).ok()?;
        (url.port(), super::address::decoded(url.path()).ok()?)
    } else {
        (None, text.split_once(':')?.1.to_owned())
    };
    if path.is_empty() || path.chars().any(char::is_control) {
        return None;
    }
    let host = address.url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let whole = if address.user.is_empty() { host.to_owned() } else { format!("{}@{host}", address.user) };
    let mut arguments: Vec<String> =
        port.map(|port| ["-p".to_owned(), port.to_string()]).into_iter().flatten().collect();
    arguments.extend(["--".to_owned(), whole]);
    Some(Destination { arguments, path })
}

/// A word for the shell of the other side. Plain ones are left as Git LFS has them.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    if text.chars().all(is_plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(String, String)> {
        let found = destination(text, &Address::parse(text).expect("an address"))?;
        Some((found.arguments.join(" "), found.path))
    }

    #[test]
    fn ssh_leads_where_git_lfs_would() {
        for (text, arguments, path) in [
            ("git@git.example.com:shop/deploy.git", "-- git@git.example.com", "shop/deploy.git"),
            ("git@git.example.com:/srv/x.git", "-- git@git.example.com", "/srv/x.git"),
            ("ssh://git@git.example.com/shop/x.git", "-- git@git.example.com", "/shop/x.git"),
            ("ssh://git.example.com:2222/x", "-p 2222 -- git.example.com", "/x"),
            ("ssh://git@ssh.example.com:443/x.git", "-p 443 -- git@ssh.example.com", "/x.git"),
            ("ssh://git@[::1]:22/x", "-p 22 -- git@::1", "/x"),
            ("ssh://git@h/a%20b", "-- git@h", "/a b"),
        ] {
            assert_eq!(of(text), Some((arguments.to_owned(), path.to_owned())), "{text}");
        }
        for none in ["https://git.example.com/x.git", "git.example.com/x", "ssh://git@h/a%0ab", "git@h:"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_path_is_one_word_over_there() {
        assert_eq!(word("/shop/deploy-1.0_x.git"), "/shop/deploy-1.0_x.git");
        for (path, quoted) in [
            ("a b", "'a b'"),
            ("x;touch y", "'x;touch y'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("-x", "'-x'"),
            ("~/x", "'~/x'"),
            ("a\\b", "'a\\b'"),
        ] {
            assert_eq!(word(path), quoted);
        }
    }
}
