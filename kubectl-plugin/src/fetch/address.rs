//! Addresses of remote inputs: parsed once, shown without what is secret in them.
//!
//! In: text from Applications, indexes and servers. Out: an [`Address`], or why the text is none. Guarantees: nothing
//! begins with `-`, so that no program takes it for a flag; there is no white space, control character or backslash,
//! which the readers of addresses do not agree about; the host is in its canonical form.

use url::{Host, Url};

use super::secret::Secret;

/// How registries are written, where they are not written without a scheme.
const OCI: &str = "oci://";

/// How an address is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Https,
    Http,
    /// A registry, by HTTP; also what has no scheme, as Argo CD writes registries.
    Oci,
    /// Git by SSH; also `git@host:path`.
    Ssh,
}

/// An address that is sound in form; whether it may be asked is another question.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Scheme,
    /// With `https` for every scheme but plain HTTP: only of those does the library check the host. Without userinfo.
    pub(super) url: Url,
    /// Who asks, if the address says so; empty where it does not.
    pub(super) user: String,
    /// The password in the address.
    pub(super) password: Secret,
}

impl Address {
    /// Reads an address.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with('-') {
            return Err("an address does not begin with `-`".to_owned());
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("an address has no spaces, control characters or backslashes".to_owned());
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme_of(scheme)?, rest.to_owned()),
            None => without_scheme(text),
        };
        let standing = if scheme == Scheme::Http { "http" } else { "https" };
        // An authority of nothing would be skipped, and the path taken for it.
        if rest.starts_with('/') {
            return Err("the address has no host".to_owned());
        }
        let url = Url::parse(&format!("{standing}://{rest}"));
        let url = url.map_err(|error| format!("it is no address: {error}"))?;
        // Another name for the same host, which no pattern would have.
        if url.host_str().is_some_and(|host| host.ends_with('.')) {
            return Err("a host does not end with a dot".to_owned());
        }
        let begins_as_flag = |text: &str| text.starts_with('-');
        if url.host_str().is_none_or(begins_as_flag) || begins_as_flag(url.username()) {
            return Err("neither host nor user begins with `-`".to_owned());
        }
        let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or_default())?);
        Ok(Self { scheme, url: without_user(&url), user, password: Secret::new(password) })
    }

    /// As it may be shown.
    pub(super) fn shown(&self) -> String {
        let shown = shown(&self.url);
        match self.scheme {
            Scheme::Https | Scheme::Http => shown,
            Scheme::Oci => shown.replacen("https://", "oci://", 1),
            Scheme::Ssh => shown.replacen("https://", "ssh://", 1),
        }
    }
}

fn scheme_of(text: &str) -> Result<Scheme, String> {
    match text.to_ascii_lowercase().as_str() {
        "https" => Ok(Scheme::Https),
        "http" => Ok(Scheme::Http),
        "oci" => Ok(Scheme::Oci),
        "ssh" => Ok(Scheme::Ssh),
        _ => Err("only https, oci and ssh are spoken".to_owned()),
    }
}

/// `git@host:path` is SSH, and `host/path` a registry.
fn without_scheme(text: &str) -> (Scheme, String) {
    let host = text.split('/').next().unwrap_or_default();
    match host.split_once(':') {
        Some((user_and_host, _)) if user_and_host.contains('@') => (Scheme::Ssh, text.replacen(':', "/", 1)),
        _ => (Scheme::Oci, text.to_owned()),
    }
}

fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Both fail only where there is no host, and then there is no user either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// `%41` as the letter that it stands for.
pub(super) fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let decoded = match byte {
            b'%' => {
                digit(rest.next()).zip(digit(rest.next())).and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
            }
            other => Some(other),
        };
        bytes.push(decoded.ok_or("the userinfo of the address is damaged")?);
    }
    String::from_utf8(bytes).map_err(|_| "the userinfo of the address is not UTF-8".to_owned())
}

/// An address as it may be shown: without user, password, query and fragment.
pub(super) fn shown(url: &Url) -> String {
    let mut url = without_user(url);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// A text that should be an address, as it may be shown, whatever it is.
pub(crate) fn shown_text(text: &str) -> String {
    if let Ok(address) = Address::parse(text) {
        return address.shown();
    }
    // Userinfo is before an `@`, and it is not known what else is.
    let rest = text.rsplit('@').next().unwrap_or_default();
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Whether two addresses have scheme, host and port in common: what may see the same credentials.
pub(super) fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// The host of an address, with its port where it has one.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host().map_or_else(String::new, |host: Host<&str>| host.to_string());
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// An address in the one form in which addresses are compared with [`normalised`] ones. It is made of what will be asked,
/// not of what was written: `/a/../b` is `/b`, `%62` is `b`, and queries do not count.
pub(crate) fn canonical(text: &str) -> String {
    let Ok(Address { scheme, url, user, .. }) = Address::parse(text.trim()) else { return normalised(text) };
    let path = decoded(url.path()).unwrap_or_else(|_| url.path().to_owned());
    let place = format!("{}{path}", host_and_port(&url));
    let whole = match scheme {
        Scheme::Https => format!("https://{place}"),
        Scheme::Http => format!("http://{place}"),
        Scheme::Oci if text.contains("://") => format!("oci://{place}"),
        Scheme::Ssh if !user.is_empty() => format!("{user}@{place}"),
        Scheme::Oci | Scheme::Ssh => place,
    };
    let whole = whole.to_lowercase();
    whole.strip_suffix(".git").unwrap_or(&whole).to_owned()
}

/// The other way to write the same registry, in the form of [`canonical`]: with `oci://`, or without; nothing of other addresses.
pub(crate) fn other_spelling(text: &str) -> Option<String> {
    if !is_registry(text) {
        return None;
    }
    let canonical = canonical(text);
    Some(canonical.strip_prefix(OCI).map_or_else(|| format!("{OCI}{canonical}"), str::to_owned))
}

/// Whether an address is that of a registry.
pub(super) fn is_registry(text: &str) -> bool {
    Address::parse(text.trim()).is_ok_and(|address| address.scheme == Scheme::Oci)
}

/// A pattern or prefix in the one form in which Argo CD compares addresses (`NormalizeGitURL`), userinfo of HTTP left out.
pub(crate) fn normalised(text: &str) -> String {
    let text = text.trim().to_lowercase();
    let text = text.strip_suffix(".git").unwrap_or(&text);
    match text.split_once("://") {
        Some(("ssh", rest)) => rest.to_owned(),
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = authority.rsplit('@').next().unwrap_or(authority);
            format!("{scheme}://{host}{path}")
        }
        None if without_scheme(text).0 == Scheme::Ssh => text.replacen(':', "/", 1),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_address_is_understood() {
        for (text, scheme, shown) in [
            (
                "https://anna:s3cret@charts.example.com/stable?token=s3cret#s3cret",
                Scheme::Https,
                "https://charts.example.com/stable",
            ),
            ("HTTP://Charts.Example.com", Scheme::Http, "http://charts.example.com/"),
            ("oci://registry.example.com:5000/charts", Scheme::Oci, "oci://registry.example.com:5000/charts"),
            ("registry.example.com/charts", Scheme::Oci, "oci://registry.example.com/charts"),
            ("registry.example.com:5000/charts", Scheme::Oci, "oci://registry.example.com:5000/charts"),
            ("git@git.example.com:shop/deploy.git", Scheme::Ssh, "ssh://git.example.com/shop/deploy.git"),
            ("ssh://git@git.example.com/shop", Scheme::Ssh, "ssh://git.example.com/shop"),
        ] {
            let address = Address::parse(text).expect("an address");
            assert_eq!((address.scheme, address.shown().as_str()), (scheme, shown), "{text}");
        }
    }

    #[test]
    fn userinfo_is_apart() {
        let address = Address::parse("https://anna:s%C3%A9%40@a.example.com/x").expect("an address");
        assert_eq!((address.user.as_str(), address.password.reveal()), ("anna", "sé@"));
        assert_eq!(address.url.as_str(), "https://a.example.com/x");
    }

    #[test]
    fn what_is_no_address_is_told_without_secrets() {
        for text in [
            "-oProxyCommand=x",
            "ssh://-oProxyCommand=x/path",
            "https://-host/",
            "https://-u@host/",
            "ext::sh -c touch% x",
            "file:///etc/passwd",
            "git://host/path",
            "https://",
            "https:///path",
            "https://a\\@b/",
            "https://a.example.com./",
            "https://a\n.b/",
            "",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        assert_eq!(shown_text("ftp://anna:s3cret@host/x?t=s3cret"), "host/x");
    }

    #[test]
    fn addresses_are_compared_as_argo_cd_does() {
        assert_eq!(normalised("git@Git.example.com:shop/deploy.git"), "git@git.example.com/shop/deploy");
        assert_eq!(normalised("ssh://git@git.example.com/shop/deploy"), "git@git.example.com/shop/deploy");
        assert_eq!(normalised(" https://u:p@Git.example.com/Shop.git "), "https://git.example.com/shop");
        assert_eq!(normalised("registry.example.com:5000/charts"), "registry.example.com:5000/charts");
        for text in [
            "git@Git.example.com:shop/deploy.git",
            "ssh://git@git.example.com:22/shop/deploy",
            "https://git.example.com/shop",
            "registry.example.com:5000/charts",
            "oci://registry.example.com/charts",
        ] {
            assert_eq!(canonical(text), normalised(text), "{text}");
        }
        assert_eq!(canonical("https://u:p@a.example.com:443/x/../%62/./c.git?t=1#f"), "https://a.example.com/b/c");
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let url = |text| Url::parse(text).expect("an address");
        assert!(is_same_origin(&url("https://a.example.com/x"), &url("https://A.example.com:443/y")));
        for other in ["http://a.example.com", "https://a.example.com:8443", "https://b.example.com"] {
            assert!(!is_same_origin(&url("https://a.example.com"), &url(other)), "{other}");
        }
    }

    #[test]
    fn a_registry_is_written_in_two_ways() {
        for (one, other) in [
            ("registry.example.com:5000/Charts", Some("oci://registry.example.com:5000/charts")),
            ("oci://Registry.example.com/charts", Some("registry.example.com/charts")),
            ("https://registry.example.com/charts", None),
            ("ssh://registry.example.com/charts", None),
            ("git@registry.example.com:charts", None),
        ] {
            assert_eq!(other_spelling(one).as_deref(), other, "{one}");
        }
    }
}
