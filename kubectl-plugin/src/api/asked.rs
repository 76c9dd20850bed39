//! A request, without its body: what it asks for, and who says so.
//!
//! In: the head of a request, and the address of its peer. Out: [`Asked`]. Nothing here is believed: names are checked where
//! they are used, tokens are asked about.

use std::net::IpAddr;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method};
use zeroize::Zeroizing;

use super::answer::Refusal;

/// The cookie of a session. Its prefix makes browsers keep it to one host, and to TLS.
pub const COOKIE_NAME: &str = "__Host-kubectl-gitops";
/// The cookie of a sign-in that goes on at the issuer.
pub(super) const LOGIN_COOKIE: &str = "__Host-kubectl-gitops-login";
/// The header that a request with a cookie needs for whatever is no read.
pub const CSRF_HEADER: &str = "x-csrf-token";
/// So many values a query may have.
const MOST_VALUES: usize = 200;

/// A request, without its body.
pub struct Asked {
    /// How.
    pub method: Method,
    /// What.
    pub path: String,
    /// The rest of what.
    pub query: Query,
    /// Who is at the other end of the connection.
    pub peer: IpAddr,
    /// What it says of who asks.
    pub credentials: Credentials,
    /// Whether events are wanted as browsers read them.
    pub wants_events: bool,
    /// Whether a browser wants a page, and not a program an answer.
    pub wants_page: bool,
    /// The event that was heard last.
    pub last_event: Option<String>,
    /// Whether its body is JSON.
    pub is_json: bool,
    /// Whether a page of another host makes a browser ask.
    pub is_foreign: bool,
}

/// What a request says of who asks.
#[derive(Default)]
pub struct Credentials {
    /// A token.
    pub token: Option<Zeroizing<String>>,
    /// A session.
    pub session: Option<Zeroizing<String>>,
    /// A sign-in that has begun.
    pub login: Option<Zeroizing<String>>,
    /// That the page which asks may read our cookies.
    pub csrf: Option<String>,
}

/// The values of a query.
#[derive(Debug, Default, Clone)]
pub struct Query(Vec<(String, String)>);

impl Asked {
    /// Of the head of a request.
    #[must_use]
    pub fn of(parts: &Parts, peer: IpAddr) -> Self {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let own = |header| text(header).map(str::to_owned);
        Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: Query::read(parts.uri.query().unwrap_or_default()),
            peer,
            credentials: Credentials::of(&parts.headers),
            wants_events: text(ACCEPT).is_some_and(|accept| accept.contains("text/event-stream")),
            wants_page: text(ACCEPT).is_some_and(|accept| accept.contains("text/html")),
            last_event: parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned),
            is_json: text(CONTENT_TYPE).is_some_and(is_json),
            is_foreign: is_foreign(own(ORIGIN).as_deref(), own(HOST).as_deref()),
        }
    }
}

impl Credentials {
    fn of(headers: &HeaderMap) -> Self {
        let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        let token = headers.get(AUTHORIZATION).and_then(text).and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| Zeroizing::new(token.trim().to_owned()))
        });
        let cookies = headers.get_all(COOKIE).iter().filter_map(text);
        let pairs: Vec<String> =
            cookies.flat_map(|line| line.split(';').map(|pair| pair.trim().to_owned()).collect::<Vec<_>>()).collect();
        let cookie = |name: &str| {
            let value = |pair: &String| Some(Zeroizing::new(pair.strip_prefix(name)?.strip_prefix('=')?.to_owned()));
            pairs.iter().find_map(value)
        };
        let (session, login) = (cookie(COOKIE_NAME), cookie(LOGIN_COOKIE));
        Self { token, session, login, csrf: headers.get(CSRF_HEADER).and_then(text) }
    }
}

impl Query {
    /// Of its text.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        Self(pairs.take(MOST_VALUES).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The value of a name; nothing where it is absent or empty.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a name, but for empty ones.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A number, which other programs can write, too: up to the largest that has a sign.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let wrong = || Refusal::invalid(format!("{name} is a number, from 0 to {}", i64::MAX));
        let read = |text: &str| {
            let number = text.parse::<u64>().ok().filter(|number| i64::try_from(*number).is_ok());
            number.ok_or_else(wrong)
        };
        self.first(name).map(read).transpose()
    }

    /// The first value of a name, also an empty one.
    fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.first(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Refusal::invalid(format!("{name} is true or false"))),
        }
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}

/// Whether a page of another host makes a browser ask. Browsers say which page it is with whatever is no plain read.
fn is_foreign(origin: Option<&str>, host: Option<&str>) -> bool {
    let Some(origin) = origin else { return false };
    let of_origin = origin.split_once("://").map(|(_, host)| host);
    of_origin.is_none() || host.is_none_or(|host| !of_origin.is_some_and(|of| of.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&str, &str)]) -> Asked {
        let mut request = http::Request::get("/api/v1/applications?project=a&project=b&limit=x&name=");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        Asked::of(&parts, [127, 0, 0, 1].into())
    }

    #[test]
    fn a_query_may_name_things_twice() {
        let asked = asked(&[]);
        assert_eq!(asked.query.all("project").collect::<Vec<_>>(), ["a", "b"]);
        assert!(asked.query.one("name").is_none() && asked.query.number("limit").is_err());
    }

    #[test]
    fn tokens_and_sessions_are_found() {
        let found = asked(&[("authorization", "bearer abc"), ("cookie", "a=b; __Host-kubectl-gitops=xyz; c=d")]);
        assert_eq!(found.credentials.token.as_deref().map(String::as_str), Some("abc"));
        assert_eq!(found.credentials.session.as_deref().map(String::as_str), Some("xyz"));
        let others = asked(&[("authorization", "Basic abc"), ("cookie", "__Host-kubectl-gitopsx=xyz")]).credentials;
        assert!(others.token.is_none() && others.session.is_none());
    }

    #[test]
    fn only_json_is_json() {
        for (text, is) in
            [("application/json; charset=utf-8", true), ("text/plain", false), ("application/jsonx", false)]
        {
            assert_eq!(asked(&[("content-type", text)]).is_json, is, "{text}");
        }
        assert!(!asked(&[]).is_json);
    }

    #[test]
    fn pages_of_other_hosts_are_foreign() {
        for (origin, host, is) in [
            (None, Some("a"), false),
            (Some("https://a:1"), Some("a:1"), false),
            (Some("https://b"), Some("a"), true),
            (Some("null"), Some("a"), true),
            (Some("https://a"), None, true),
            (Some("https://a.b"), Some("a"), true),
        ] {
            assert_eq!(is_foreign(origin, host), is, "{origin:?} {host:?}");
        }
    }
}
