//! What is said to a server of Git LFS, and what it says: the batch API, and `git-lfs-authenticate` by SSH.
//!
//! In: pointers; what came. Out: a request; for each pointer an [`Action`], which is where a content is and what to send there; or why there
//! is none. Guarantees: nothing that a server wrote is shown; headers that frame a request are not the server's to choose;
//! whether the address may be asked is judged elsewhere.

use std::collections::BTreeMap;

use gitops_compiler::tree::Pointer;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::error::{FailureKind, FetchError};

/// What requests and answers are.
pub(super) const KIND: &str = "application/vnd.git-lfs+json";

/// Headers that say how a request is sent, and not what is asked for.
const OURS: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "range",
    "accept-encoding",
    "proxy-authorization",
    "proxy-connection",
];

/// What programs written in Go say of a time that they do not know.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// Where something is, and what is sent there.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) url: Url,
    /// Sensitive, all of them.
    pub(super) headers: HeaderMap,
    /// Whether these and the address are all that it takes to be let in.
    pub(super) is_authenticated: bool,
    /// When it ends to be so.
    pub(super) until: Option<Timestamp>,
}

/// An answer of the batch API.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    transfer: Option<String>,
    objects: Option<Vec<Object>>,
}

#[derive(Debug, Deserialize)]
struct Object {
    oid: String,
    size: Option<u64>,
    authenticated: Option<bool>,
    actions: Option<Actions>,
    error: Option<ObjectError>,
}

#[derive(Debug, Deserialize)]
struct Actions {
    download: Option<Link>,
}

#[derive(Debug, Deserialize)]
struct ObjectError {
    code: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Link {
    href: Option<String>,
    header: Option<BTreeMap<String, String>>,
    expires_in: Option<i64>,
    expires_at: Option<String>,
}

/// Asks where the contents of pointers are.
pub(super) fn request(pointers: &[Pointer]) -> Vec<u8> {
    let object = |pointer: &Pointer| json!({ "oid": pointer.oid(), "size": pointer.size() });
    let objects: Vec<_> = pointers.iter().map(object).collect();
    json!({ "operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects })
        .to_string()
        .into_bytes()
}

/// Reads an answer of the server at an address.
pub(super) fn read(asked: &str, answer: &[u8]) -> Result<Batch, FetchError> {
    let batch: Batch = serde_json::from_slice(answer).map_err(|_| {
        FetchError::wrong(asked, "what came is no answer of Git LFS").hint("see whether the address is one of Git LFS")
    })?;
    match batch.transfer.as_deref() {
        None | Some("basic") => Ok(batch),
        Some(_) => Err(FetchError::wrong(asked, "the server wants contents fetched in a way that nobody asked for")),
    }
}

impl Batch {
    /// Where the content of a pointer is.
    pub(super) fn download(&self, asked: &str, pointer: &Pointer, now: Timestamp) -> Result<Action, FetchError> {
        let asked = format!("sha256:{} from {asked}", pointer.oid());
        let oid = pointer.oid();
        let of_oid = self.objects.iter().flatten().filter(|object| object.oid == oid);
        // Another pointer may have said another size of it in the same request.
        let found = of_oid.clone().find(|object| object.size == Some(pointer.size())).or_else(|| of_oid.clone().next());
        let object = found.ok_or_else(|| FetchError::wrong(&asked, "the server says nothing of it"))?;
        if let Some(error) = &object.error {
            return Err(told(asked, error.code));
        }
        if let Some(size) = object.size.filter(|size| *size != pointer.size()) {
            let why = format!("the server says that it has {size} bytes, and its pointer says {}", pointer.size());
            return Err(FetchError::wrong(asked, why));
        }
        let link = object.actions.as_ref().and_then(|actions| actions.download.as_ref());
        let link = link.ok_or_else(|| FetchError::not_found(&asked, "the server does not say where it is"))?;
        let action = link.action(&asked, None, now)?;
        Ok(Action { is_authenticated: object.authenticated == Some(true) || action.is_authenticated, ..action })
    }
}

/// Reads what `git-lfs-authenticate` says. Where that names no server it is the one at `default`.
pub(super) fn authenticated(asked: &str, said: &[u8], default: Url, now: Timestamp) -> Result<Action, FetchError> {
    let link: Link = serde_json::from_slice(said)
        .map_err(|_| FetchError::wrong(asked, "what it says of its Git LFS is not what git-lfs-authenticate says"))?;
    link.action(asked, Some(default), now)
}

impl Link {
    fn action(&self, asked: &str, default: Option<Url>, now: Timestamp) -> Result<Action, FetchError> {
        let wrong = |why: &str| FetchError::wrong(asked, why);
        let url = match (self.href.as_deref().unwrap_or_default(), default) {
            ("", Some(default)) => default,
            (href, _) => Url::parse(href).map_err(|_| wrong("the server names no address that is one"))?,
        };
        let until = self.until(now).map_err(|()| wrong("the server does not say how long its answer is good"))?;
        if until.is_some_and(|until| until <= now) {
            return Err(
                wrong("the server gives an address that is no longer good").hint("see whether the clocks are right")
            );
        }
        let mut headers = HeaderMap::new();
        for (name, value) in self.header.iter().flatten() {
            let (name, value) = header(name, value)
                .ok_or_else(|| wrong("the server wants a header sent that is none, or is not its to choose"))?;
            headers.insert(name, value);
        }
        let is_authenticated = headers.contains_key(AUTHORIZATION);
        Ok(Action { url, headers, is_authenticated, until })
    }

    /// When it ends to be good, if ever. An error is what cannot be understood.
    fn until(&self, now: Timestamp) -> Result<Option<Timestamp>, ()> {
        if let Some(seconds) = self.expires_in.filter(|seconds| *seconds != 0) {
            return now.checked_add(SignedDuration::from_secs(seconds)).map(Some).map_err(drop);
        }
        match self.expires_at.as_deref() {
            None | Some("" | NO_TIME) => Ok(None),
            Some(text) => text.parse().map(Some).map_err(drop),
        }
    }
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !OURS.contains(&name.as_str()))?;
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}

/// What the code of an object's error means: that of HTTP.
fn told(asked: String, code: Option<i64>) -> FetchError {
    match code {
        Some(404 | 410) => {
            FetchError::not_found(asked, "the server does not have it").hint("push it there: git lfs push --all")
        }
        Some(401 | 403) => FetchError::new(FailureKind::Unauthorized, asked, "the server does not give it to us")
            .hint("see whether the credentials for this address are right"),
        Some(code) => FetchError::new(FailureKind::Unreachable, asked, format!("the server says error {code} of it")),
        None => FetchError::new(FailureKind::Unreachable, asked, "the server says that there is an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: &str = "https://git.example.com/x.git/info/lfs/objects/batch";

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().expect("a time")
    }

    fn pointer() -> Pointer {
        Pointer::of(b"hello\n")
    }

    /// An answer about one object, which has these fields.
    fn answer(fields: &str) -> Result<Action, FetchError> {
        let object = format!("{{\"oid\": \"{}\", \"size\": 6{fields}}}", pointer().oid());
        let text = format!("{{\"transfer\": \"basic\", \"objects\": [{{\"oid\": \"00\"}}, {object}]}}");
        read(ASKED, text.as_bytes())?.download(ASKED, &pointer(), now())
    }

    fn link(fields: &str) -> Result<Action, FetchError> {
        answer(&format!(
            ", \"actions\": {{\"download\": {{\"href\": \"https://files.example.net/x?s3cret\"{fields}}}}}"
        ))
    }

    #[test]
    fn a_request_asks_for_objects_by_the_basic_way() {
        let other = Pointer::of(b"");
        let request: serde_json::Value = serde_json::from_slice(&request(&[pointer(), other])).expect("JSON");
        let oid = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        assert_eq!(request["objects"], json!([{ "oid": oid, "size": 6 }, { "oid": other.oid(), "size": 0 }]));
        assert_eq!((&request["operation"], &request["transfers"]), (&json!("download"), &json!(["basic"])));
    }

    /// As a server says it that was asked for one content by two pointers, one of which lies.
    #[test]
    fn of_one_oid_with_two_sizes_each_gets_its_own() {
        let object = |size: u64| {
            let href = format!("https://files.example.net/{size}");
            json!({ "oid": pointer().oid(), "size": size, "actions": { "download": { "href": href } } })
        };
        let answer = json!({ "objects": [object(7), object(6)] }).to_string();
        let batch = read(ASKED, answer.as_bytes()).expect("an answer");
        let action = batch.download(ASKED, &pointer(), now()).expect("an action");
        assert_eq!(action.url.as_str(), "https://files.example.net/6");
    }

    #[test]
    fn an_answer_says_where_a_content_is_and_what_to_send_there() {
        let action =
            link(", \"header\": {\"Authorization\": \"RemoteAuth s3cret\", \"X-Key\": \"s3cret\"}, \"expires_in\": 60")
                .expect("an action");
        assert_eq!(action.url.as_str(), "https://files.example.net/x?s3cret");
        assert_eq!(action.headers.get("x-key").map(HeaderValue::as_bytes), Some(&b"s3cret"[..]));
        assert!(action.is_authenticated);
        assert!(!format!("{:?}", action.headers).contains("s3cret"), "{action:?}");
        assert!(!link("").expect("an action").is_authenticated);
        let field =
            ", \"authenticated\": true, \"actions\": {\"download\": {\"href\": \"https://x/\", \"header\": null}}";
        assert!(answer(field).expect("an action").is_authenticated);
    }

    #[test]
    fn what_has_expired_is_refused() {
        for fresh in [
            "",
            ", \"expires_in\": 1",
            ", \"expires_in\": 0",
            ", \"expires_at\": \"\"",
            ", \"expires_at\": \"0001-01-01T00:00:00Z\"",
            ", \"expires_at\": \"2026-01-02T03:04:06Z\"",
            ", \"expires_at\": \"2026-01-02T04:04:05+00:30\"",
            // The first one counts.
            ", \"expires_in\": 60, \"expires_at\": \"2020-01-01T00:00:00Z\"",
        ] {
            assert!(link(fresh).is_ok(), "{fresh}");
        }
        for stale in [
            ", \"expires_in\": -1",
            ", \"expires_at\": \"2026-01-02T03:04:05Z\"",
            ", \"expires_at\": \"2026-01-02T03:34:06+01:00\"",
            ", \"expires_at\": \"yesterday\"",
            ", \"expires_in\": 9223372036854775807",
        ] {
            assert_eq!(link(stale).expect_err(stale).kind, FailureKind::Wrong, "{stale}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_object_is_told_without_the_servers_words() {
        for (fields, kind) in [
            (", \"error\": {\"code\": 404, \"message\": \"s3cret\"}", FailureKind::NotFound),
            (", \"error\": {\"code\": 410}", FailureKind::NotFound),
            (", \"error\": {\"code\": 403}", FailureKind::Unauthorized),
            (", \"error\": {\"code\": 422}", FailureKind::Unreachable),
            (", \"error\": {}", FailureKind::Unreachable),
            (", \"size\": 7", FailureKind::Wrong),
            ("", FailureKind::NotFound),
            (", \"actions\": {}", FailureKind::NotFound),
            (", \"actions\": {\"download\": {}}", FailureKind::Wrong),
            (", \"actions\": {\"download\": {\"href\": \"s3cret\"}}", FailureKind::Wrong),
            (", \"actions\": {\"upload\": {\"href\": \"https://x/\"}}", FailureKind::NotFound),
        ] {
            let error = answer(fields).expect_err(fields);
            // A name that is there twice is no answer at all.
            let kind = if fields.contains("size") { FailureKind::Wrong } else { kind };
            assert_eq!(error.kind, kind, "{fields}: {error}");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
        let batch = read(ASKED, b"{\"objects\": [{\"oid\": \"00\", \"actions\": {}}]}").expect("an answer");
        assert!(batch.download(ASKED, &pointer(), now()).expect_err("another").why.contains("says nothing of it"));
        let sized = format!("{{\"objects\": [{{\"oid\": \"{}\", \"size\": 7}}]}}", pointer().oid());
        let error =
            read(ASKED, sized.as_bytes()).expect("an answer").download(ASKED, &pointer(), now()).expect_err("size");
        assert!(error.why.contains("7 bytes, and its pointer says 6"), "{error}");
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "",
            "<html>s3cret</html>",
            "[]",
            "{\"objects\": 1}",
            "{\"objects\": [{\"size\": 1}]}",
            "{\"objects\": [{\"oid\": \"00\", \"size\": -1}]}",
            "{\"objects\": [{\"oid\": \"00\", \"actions\": {\"download\": {\"href\": 1}}}]}",
            "{\"transfer\": \"tus\", \"objects\": []}",
            &"[".repeat(100_000),
        ] {
            let error = read(ASKED, text.as_bytes()).expect_err("no answer");
            assert!(error.kind == FailureKind::Wrong && !format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn headers_that_frame_a_request_are_ours() {
        for name in OURS.iter().copied().chain(["Host", "Content-Length", "a b", "", "x\\r\\ny"]) {
            assert_eq!(link(&format!(", \"header\": {{\"{name}\": \"1\"}}")).expect_err(name).kind, FailureKind::Wrong);
        }
        assert!(link(", \"header\": {\"x\": \"a\\r\\nHost: b\"}").is_err());
        assert!(link(", \"header\": {\"x\": 1}").is_err());
    }

    #[test]
    fn ssh_names_a_server_or_means_the_usual_one() {
        let default = || Url::parse("https://git.example.com/x.git/info/lfs").expect("an address");
        let of = |text: &str| authenticated("ssh://git.example.com/x.git", text.as_bytes(), default(), now());
        let named =
            of("{\"href\": \"https://lfs.example.com/x\", \"header\": {\"Authorization\": \"RemoteAuth s3cret\"}}");
        let named = named.expect("an action");
        assert_eq!((named.url.as_str(), named.headers.len()), ("https://lfs.example.com/x", 1));
        assert_eq!(of("{\"header\": {}}").expect("an action").url, default());
        assert_eq!(
            of("{\"href\": \"\", \"expires_in\": 5}").expect("an action").until,
            "2026-01-02T03:04:10Z".parse().ok()
        );
        for wrong in ["", "Welcome!\n{}", "{\"href\": \"x\"}", "{\"expires_in\": -5}"] {
            assert_eq!(of(wrong).expect_err(wrong).kind, FailureKind::Wrong, "{wrong}");
        }
    }
}
