//! Repositories of OCI registries: charts and other artifacts.
//!
//! In: `oci://host/path` (or `host/path`, as Argo CD writes it), the name of a chart, a version or a range, a tag or a
//! digest. Out: the digests of the manifest and of the one layer with files, and that layer, which is an archive. Guarantees:
//!
//! - An artifact has one layer that is an archive, of a type that is known; other layers (signatures, provenance) are not
//!   looked at, as in Argo CD. A chart has one layer of a chart.
//! - A manifest is at most 4 MiB, a list of tags at most 50 pages of 4 MiB, a layer at most 256 MiB.
//! - What is asked for by digest has that digest; a manifest that comes by tag has the digest that the registry claims.
//!
//! # Who learns our credentials
//!
//! `registry_login` says how the registry's own host comes to know who we are, and who else may.

use std::sync::Arc;

use gitops_compiler::name::is_range;
use reqwest::header::{HeaderMap, LINK};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::address::{Address, Scheme, is_same_origin, shown};
use super::archive::digest;
use super::chart_repository::{LARGEST_ARCHIVE, choose, newest, sha256};
use super::credentials::Credential;
use super::error::{FailureKind, FetchError, Part};
use super::manifest::{Manifest, Wanted};
use super::reach::Reach;
use super::registry_login::Logins;
use super::transfer::{Answer, Body, Identity, Request};
use super::web::{Web, refusal};

pub(super) const LARGEST_MANIFEST: u64 = 4 << 20;
const LARGEST_PAGE: u64 = 4 << 20;
pub(super) const MOST_PAGES: usize = 50;
const MANIFESTS: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";
/// A repository of a registry: that of a chart or of another artifact.
pub(super) struct Repository<'a> {
    pub(super) web: &'a Web,
    pub(super) logins: &'a Logins,
    /// Where the registry is, with how it is spoken to.
    pub(super) registry: Address,
    pub(super) credential: Option<Credential>,
    /// The repository in it: `charts/shop`.
    pub(super) name: String,
    /// What we want to do there, as scopes of tokens have it.
    pub(super) actions: &'static str,
    /// How far inward it may lead us, who did not choose it.
    pub(super) within: Reach,
    /// Whether what may pass is waited for.
    pub(super) is_patient: bool,
}

/// What a registry is asked.
#[derive(Clone)]
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    pub(super) body: Option<Body>,
    /// How many bytes of content at most.
    pub(super) limit: u64,
    /// What it is, for messages.
    pub(super) what: &'a str,
}

/// What a registry answers.
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// Whether it was told who we are.
    pub(super) has_identity: bool,
}

impl Answered {
    /// The answer, where it is a success.
    pub(super) fn success(self) -> Result<Answer, FetchError> {
        if self.answer.status.is_success() { Ok(self.answer) } else { Err(refusal(&self.answer, self.has_identity)) }
    }
}

/// What a tag stands for.
pub(super) struct Tagged {
    pub(super) version: String,
    /// The digest of the manifest.
    pub(super) manifest: String,
    /// Of the layer, which is the archive.
    pub(super) digest: String,
    /// Its media type.
    pub(super) media: String,
    /// The manifest, by digest.
    pub(super) location: String,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl<'a> Repository<'a> {
    /// That of a chart below an address; the address itself where there is no chart.
    pub(super) fn new(
        web: &'a Web,
        logins: &'a Logins,
        repository: &Address,
        credential: Option<Credential>,
        chart: &str,
    ) -> Result<Self, FetchError> {
        let path = repository.url.path().trim_matches('/');
        let parts = [path, chart].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let name = parts.join("/");
        let asked = || match chart {
            "" => repository.shown(),
            chart => format!("chart {chart} of {}", repository.shown()),
        };
        if !name.split('/').all(is_part_of_name) {
            let why = "names in registries have lower-case letters, digits and `._-`";
            return Err(FetchError::not_found(asked(), why).part(Part::Name));
        }
        let mut registry = repository.clone();
        registry.url.set_path("");
        registry.url.set_query(None);
        if repository.scheme == Scheme::Oci && web.access().is_plain(&registry.url) {
            // Fails for no scheme that is known.
            let _ = registry.url.set_scheme("http");
        }
        let within = Reach::Machine;
        Ok(Self { web, logins, registry, credential, name, actions: "pull", within, is_patient: true })
    }

    /// The same, no further inward than this.
    pub(super) fn within(self, within: Reach) -> Self {
        Self { within, ..self }
    }

    /// Which version is meant, and what it is.
    pub(super) fn resolve(&self, version: &str, wanted: Wanted) -> Result<Tagged, FetchError> {
        // A tag that is there needs no list, and lists may be long.
        if !version.is_empty() && !is_range(version) {
            match self.tagged(version, wanted) {
                Err(error) if error.kind == FailureKind::NotFound => {}
                other => return other,
            }
        }
        let tags = self.tags().map_err(|error| match error.kind {
            FailureKind::NotFound => error.part(Part::Name),
            _ => error,
        });
        let versions: Vec<String> = tags?.iter().map(|tag| tag.replace('_', "+")).collect();
        let texts = || versions.iter().map(String::as_str);
        let not_found =
            |why: String| FetchError::not_found(format!("{} {version}", self.shown()), why).part(Part::Version);
        let chosen = match choose(version, texts()) {
            // The name of a tag, which is not there.
            Err(_) if !is_range(version) => None,
            chosen => chosen.map_err(not_found)?,
        };
        if let Some(chosen) = chosen {
            return self.tagged(chosen, wanted);
        }
        let error = not_found("the registry has no such version or tag".to_owned());
        Err(match newest(texts()) {
            Some(newest) => error.hint(format!("the newest version there is {newest}")),
            None => error,
        })
    }

    /// The archive with this digest.
    pub(super) fn layer(&self, wanted: &str) -> Result<Vec<u8>, FetchError> {
        let asked = format!("{}@{wanted}", self.shown());
        let Some(wanted) = sha256(wanted) else {
            return Err(FetchError::wrong(asked, "the digest is none of SHA-256"));
        };
        let answer = self.ask(&format!("blobs/{wanted}"), None, LARGEST_ARCHIVE, "the archive")?;
        let found = digest(&answer.body);
        if found == wanted {
            return Ok(answer.body);
        }
        Err(FetchError::wrong(asked, format!("what came has the digest {found}")))
    }

    /// What a version stands for: its tag, or the digest of a manifest.
    pub(super) fn tagged(&self, version: &str, wanted: Wanted) -> Result<Tagged, FetchError> {
        let is_digest = sha256(version).is_some_and(|digest| digest == version);
        let tag = version.replace('+', "_");
        let asked = format!("{}:{version}", self.shown());
        if !is_digest && !is_tag(&tag) {
            return Err(FetchError::not_found(asked, "this cannot be a tag").part(Part::Version));
        }
        let answer = self.ask(&format!("manifests/{tag}"), Some(MANIFESTS), LARGEST_MANIFEST, "the manifest")?;
        let found = digest(&answer.body);
        let claimed = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
        let expected = if is_digest { Some(version) } else { claimed.filter(|claimed| claimed.starts_with("sha256:")) };
        if expected.is_some_and(|expected| expected != found) {
            return Err(FetchError::wrong(asked, format!("the manifest that came has the digest {found}")));
        }
        let manifest: Manifest = serde_json::from_slice(&answer.body)
            .map_err(|_| FetchError::wrong(&asked, "the registry answers with something else than a manifest"))?;
        let layer = manifest.layer(wanted).map_err(|why| FetchError::wrong(&asked, why))?;
        let digest = sha256(&layer.digest).filter(|digest| *digest == layer.digest);
        let digest = digest.ok_or_else(|| FetchError::wrong(&asked, "the digest of its layer is none of SHA-256"))?;
        let (version, media) = (version.to_owned(), layer.media_type.clone());
        Ok(Tagged { version, digest, media, location: format!("{}@{found}", self.shown()), manifest: found })
    }

    /// All tags, page by page.
    fn tags(&self) -> Result<Vec<String>, FetchError> {
        let mut url = self.url("tags/list");
        url.set_query(Some("n=1000"));
        let mut tags = Vec::new();
        for _ in 0..MOST_PAGES {
            let answer = self.ask_url(url.clone(), None, LARGEST_PAGE, "the list of tags")?;
            let page: Tags = serde_json::from_slice(&answer.body)
                .map_err(|_| FetchError::wrong(shown(&url), "the registry answers with something else than tags"))?;
            tags.extend(page.tags.unwrap_or_default());
            match next_page(&url, &answer.headers) {
                None => return Ok(tags),
                Some(next) if is_same_origin(&url, &next) => url = next,
                Some(_) => return Err(FetchError::wrong(shown(&url), "the next page of tags is on another host")),
            }
        }
        Err(FetchError::new(
            FailureKind::TooLarge,
            shown(&url),
            format!("there are more than {MOST_PAGES} pages of tags"),
        ))
    }

    pub(super) fn url(&self, rest: &str) -> Url {
        let mut url = self.registry.url.clone();
        url.set_path(&format!("/v2/{}/{rest}", self.name));
        url
    }

    /// As it may be shown.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.registry.shown().trim_end_matches('/'), self.name)
    }

    fn ask(&self, rest: &str, accept: Option<&'static str>, limit: u64, what: &str) -> Result<Answer, FetchError> {
        self.ask_url(self.url(rest), accept, limit, what)
    }

    fn ask_url(&self, url: Url, accept: Option<&'static str>, limit: u64, what: &str) -> Result<Answer, FetchError> {
        self.answer(&Asked { method: Method::GET, url, accept, body: None, limit, what })?.success()
    }

    /// Asks as whoever we are known as, and once more where the registry wants to know.
    pub(super) fn answer(&self, asked: &Asked<'_>) -> Result<Answered, FetchError> {
        let request = |identity: Option<Arc<Identity>>| Request {
            repository: self.registry.url.clone(),
            credential: self.credential.clone(),
            told: None,
            url: asked.url.clone(),
            method: asked.method.clone(),
            within: self.within,
            identity,
            accept: asked.accept,
            form: None,
            body: asked.body.clone(),
            limit: asked.limit,
            what: asked.what.to_owned(),
        };
        let known = self.logins.known(self);
        let mut has_identity = known.is_some();
        let mut answer = self.web.ask(request(known))?;
        // Whoever it sent us to may not ask who we are.
        if answer.status == StatusCode::UNAUTHORIZED
            && is_same_origin(&answer.url, &self.registry.url)
            && let Some(identity) = self.logins.log_in(self, &answer.headers)?
        {
            has_identity = true;
            answer = self.web.ask(request(Some(identity)))?;
        }
        Ok(Answered { answer, has_identity })
    }
}

/// `oci://host:5000/charts/shop:1.2.3` or `…@sha256:…` as its repository and its tag or digest.
pub(super) fn split_tag(location: &str) -> (&str, Option<&str>) {
    if let Some((name, digest)) = location.split_once('@') {
        return (name, Some(digest));
    }
    match location.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (location, None),
    }
}

/// The next page of a list, if there is one: `Link: </v2/…>; rel="next"`.
pub(super) fn next_page(url: &Url, headers: &HeaderMap) -> Option<Url> {
    let mut links = headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
    links.find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
        if is_next { url.join(target).ok() } else { None }
    })
}

fn is_part_of_name(part: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let is_edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    is_edge(bytes.first()) && is_edge(bytes.last()) && part.bytes().all(is_of_name)
}

pub(super) fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= 128 && bytes.next().is_some_and(is_word) && bytes.all(|byte| is_word(byte) || b".-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_stay_in_their_place() {
        for name in ["shop", "a1", "my.shop_x-y", "0"] {
            assert!(is_part_of_name(name), "{name}");
        }
        for name in ["", "..", ".a", "a.", "A", "a b", "a?b", "a%2fb", "-a"] {
            assert!(!is_part_of_name(name), "{name}");
        }
        assert!(is_tag("1.2.3_b1") && is_tag("v1") && is_tag("_x"));
        for tag in ["", ".", "..", "-x", "a/b", "a?b", "1.2 ", &"1".repeat(129)] {
            assert!(!is_tag(tag), "{tag}");
        }
    }

    #[test]
    fn tags_are_told_from_ports() {
        assert_eq!(split_tag("oci://a:5000/b/c:1.2"), ("oci://a:5000/b/c", Some("1.2")));
        assert_eq!(split_tag("oci://a:5000/b/c"), ("oci://a:5000/b/c", None));
        assert_eq!(split_tag("oci://a/b@sha256:00"), ("oci://a/b", Some("sha256:00")));
    }

    #[test]
    fn the_next_page_is_what_the_header_says() {
        let url = Url::parse("https://registry.example.com/v2/a/tags/list").expect("an address");
        let next = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LINK, value.parse().expect("a header"));
            next_page(&url, &headers).map(String::from)
        };
        let wanted = Some("https://registry.example.com/v2/a/tags/list?last=b".to_owned());
        assert_eq!(next("</v2/a/tags/list?last=b>; rel=\"next\""), wanted);
        assert_eq!((next("</v2/x>; rel=\"last\""), next("nothing")), (None, None));
    }
}
