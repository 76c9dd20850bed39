//! Which repository an address means, in a form in which addresses can be compared.
//!
//! In: an address as a payload or an Application has it, in any of the ways in which Git and registries write them. Out: host
//! and path. What is left out is what Argo CD leaves out: scheme, user, port, `.git`, case, a subdomain `ssh` or `altssh`.
//! Addresses of registries keep their port: it is part of what one is called.
//!
//! Guarantees: this is for comparing only, and no request is ever made to what comes out. Whatever text comes in, there is an
//! address or none, and none is longer than what came in.

use std::fmt;

/// The longest text that is read as an address.
const LONGEST: usize = 2048;

/// A repository of Git, or of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

impl Address {
    /// What an address of a Git repository may mean: nothing, one repository, or two. `git@host:22/a/b` is the path `a/b` on
    /// port 22 to some, and the path `22/a/b` to others.
    #[must_use]
    pub fn of_git(text: &str) -> Vec<Self> {
        let text = text_of(text).filter(|text| without_scheme(text, "oci").is_none());
        let Some((authority, path)) = text.and_then(|text| apart(without_query(text))) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (host, path) in readings(authority, path) {
            found.extend(Self::from_parts(&host, &path));
        }
        found
    }

    /// A repository of a registry: `oci://host:port/path`, or the same without a scheme.
    #[must_use]
    pub fn of_registry(text: &str) -> Option<Self> {
        let text = text_of(text)?;
        let text = without_scheme(text, "oci").unwrap_or(text);
        let (host, path) = text.split_once('/')?;
        let path = path.trim_matches('/');
        let is_sound = !host.is_empty() && !path.is_empty() && !text.contains("://");
        is_sound.then(|| Self(format!("oci://{}/{}", host.to_lowercase(), path.to_lowercase())))
    }

    fn from_parts(host: &str, path: &str) -> Option<Self> {
        let host = host.trim_end_matches('.').to_lowercase();
        let host = host.strip_prefix("altssh.").or_else(|| host.strip_prefix("ssh.")).unwrap_or(&host);
        let path = percent_decoded(path.trim_matches('/')).to_lowercase();
        let path = path.strip_suffix(".git").unwrap_or(&path).trim_end_matches('/');
        if host.is_empty() || path.is_empty() {
            return None;
        }
        Some(azure(host, path).unwrap_or_else(|| Self(format!("{host}/{path}"))))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text, where it is one that an address can be.
fn text_of(text: &str) -> Option<&str> {
    let text = text.trim();
    let is_sound = !text.is_empty() && text.len() <= LONGEST && !text.contains(|c: char| c.is_control());
    is_sound.then_some(text)
}

/// What follows `scheme://`, however that is spelled.
fn without_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (before, after) = text.split_once("://")?;
    before.eq_ignore_ascii_case(scheme).then_some(after)
}

fn without_query(text: &str) -> &str {
    text.find(['?', '#']).map_or(text, |at| &text[..at])
}

/// Authority and path, the latter with what stands before it.
fn apart(text: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = text.split_once("://") {
        let at = rest.find('/')?;
        return Some(rest.split_at(at));
    }
    // `user@host:path`, `host/path`: a user ends before the first of both signs.
    let start = text.find('@').filter(|at| !text[..*at].contains(['/', ':'])).map_or(0, |at| at + 1);
    let end = start + end_of_host(&text[start..])?;
    let (host, path) = text.split_at(end);
    Some((host, path))
}

/// Where a host ends that a path follows.
fn end_of_host(text: &str) -> Option<usize> {
    let inside = if text.starts_with('[') { text.find(']')? } else { 0 };
    text[inside..].find([':', '/']).map(|at| inside + at)
}

/// Hosts and paths that authority and path may stand for.
fn readings(authority: &str, path: &str) -> Vec<(String, String)> {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match end_of_host(host) {
        Some(at) => &host[..at],
        None => host,
    };
    let whole = path.trim_start_matches(':');
    let mut readings = vec![(host.to_owned(), whole.to_owned())];
    // `host:22/a/b`
    if let Some((port, rest)) = path.strip_prefix(':').and_then(|path| path.split_once(['/', ':']))
        && !port.is_empty()
        && port.bytes().all(|byte| byte.is_ascii_digit())
    {
        readings.push((host.to_owned(), rest.to_owned()));
    }
    readings
}

/// The text with `%20` and the like replaced, or as it is where that is no text.
fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

/// Azure DevOps has three addresses for one repository; this is the newest. Host and path are in lower case.
fn azure(host: &str, path: &str) -> Option<Address> {
    let parts: Vec<&str> = path.split('/').collect();
    let (organisation, project, repository) = match (host, parts.as_slice()) {
        ("dev.azure.com" | "vs-ssh.visualstudio.com", ["v3", organisation, project, repository]) => {
            (*organisation, *project, *repository)
        }
        ("dev.azure.com", [organisation, "_git", repository]) => (*organisation, *repository, *repository),
        _ => {
            let organisation = host.strip_suffix(".visualstudio.com")?;
            match parts.strip_prefix(&["defaultcollection"]).unwrap_or(&parts) {
                [project, "_git", repository] => (organisation, *project, *repository),
                // The project's name, where the repository's is the same.
                ["_git", repository] => (organisation, *repository, *repository),
                _ => return None,
            }
        }
    };
    Some(Address(format!("dev.azure.com/{organisation}/{project}/_git/{repository}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(text: &str) -> Vec<String> {
        Address::of_git(text).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_ways_to_write_an_address_are_one() {
        for text in [
            "https://git.example.com/Shop/Deploy",
            "http://git.example.com:8080/shop/deploy.git",
            "https://maria:word@GIT.example.com/shop/deploy/",
            "ssh://git@git.example.com:2222/shop/deploy.git",
            "ssh://git@altssh.git.example.com:443/shop/deploy.git",
            "git@git.example.com:shop/deploy.git",
            "git@ssh.git.example.com:shop/deploy",
            "git.example.com:/shop/deploy",
            "git.example.com/shop/deploy",
            "git@git.example.com/shop/deploy",
            " https://git.example.com./shop/deploy.git?ref=main#top ",
            "https://git.example.com/shop/%64eploy",
        ] {
            assert_eq!(git(text), ["git.example.com/shop/deploy"], "{text}");
        }
    }

    #[test]
    fn other_repositories_are_others() {
        for text in [
            "https://git.example.com/shop/deploy2",
            "https://git.example.com/other/shop/deploy",
            "https://git.example.com.evil.example/shop/deploy",
            "https://git.example.com/shop/deploy.git.git",
            "https://gitXexample.com/shop/deploy",
        ] {
            let found = git(text);
            assert!(found.len() == 1 && found[0] != "git.example.com/shop/deploy", "{text}: {found:?}");
        }
    }

    #[test]
    fn digits_behind_a_host_are_a_port_or_a_folder() {
        assert_eq!(git("git@git.example.com:22/a/b"), ["git.example.com/22/a/b", "git.example.com/a/b"]);
        assert_eq!(git("https://git.example.com/22/a"), ["git.example.com/22/a"]);
        assert_eq!(git("ssh://git@[::1]:22/a/b.git"), ["[::1]/a/b"]);
        assert_eq!(git("git@[::1]:a/b.git"), ["[::1]/a/b"]);
    }

    #[test]
    fn what_is_no_address_is_none() {
        let long = format!("https://git.example.com/{}", "a".repeat(LONGEST));
        for text in
            ["", " ", "main", "https://", "https:///a", "https://git.example.com", "https://git.example.com/.git"]
        {
            assert_eq!(git(text), [""; 0], "{text}");
        }
        for text in ["https://git.example.com/a\u{1b}[31m", "a\0b:c", &long, "[::1", ":", "/", "@", "a:", "%"] {
            assert_eq!(git(text), [""; 0], "{text:?}");
        }
    }

    #[test]
    fn the_addresses_of_azure_are_one() {
        for text in [
            "https://fabrikam@dev.azure.com/fabrikam/My%20Shop/_git/deploy",
            "git@ssh.dev.azure.com:v3/fabrikam/My%20Shop/deploy",
            "https://fabrikam.visualstudio.com/DefaultCollection/My%20Shop/_git/deploy",
            "https://fabrikam.visualstudio.com/my shop/_git/deploy",
            "fabrikam@vs-ssh.visualstudio.com:v3/fabrikam/My%20Shop/deploy",
        ] {
            assert_eq!(git(text), ["dev.azure.com/fabrikam/my shop/_git/deploy"], "{text}");
        }
        for text in ["https://dev.azure.com/fabrikam/_git/deploy", "https://fabrikam.visualstudio.com/_git/deploy"] {
            assert_eq!(git(text), ["dev.azure.com/fabrikam/deploy/_git/deploy"], "{text}");
        }
    }

    #[test]
    fn registries_keep_their_port() {
        let registry = |text: &str| Address::of_registry(text).map(|address| address.to_string());
        for text in ["oci://Registry.example.com:5000/Charts/shop/", "registry.example.com:5000/charts/shop"] {
            assert_eq!(registry(text).as_deref(), Some("oci://registry.example.com:5000/charts/shop"), "{text}");
        }
        for text in ["", "registry.example.com", "oci://", "oci:///a", "https://registry.example.com/charts/shop"] {
            assert_eq!(registry(text), None, "{text}");
        }
        let web = git("https://registry.example.com/charts/shop");
        assert_ne!(registry("oci://registry.example.com/charts/shop"), web.first().cloned());
    }
}
