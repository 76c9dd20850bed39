//! A repository of a registry, in which artifacts are put and from which they are taken, manifest and blobs by themselves.
//!
//! In: an address, what may be asked and as whom; digests, bytes. Out: what is there, its digest checked; or that it is
//! there now. Guarantees:
//!
//! - What is taken has the digest and the size that it was asked for with, and no more than that is kept of it.
//! - What is put is there afterwards: the registry says the same digest of it.
//! - A blob that is there is not sent again. Whatever may be done twice is tried again where the registry was busy or could not
//!   be reached, and never where it answered with something else, or was waited for already.
//!
//! Who learns our credentials is said in `registry_login`. Where a registry wants what is put sent to another place, that
//! place is judged as a redirect is, and is not told who we are.

use std::thread;
use std::time::{Duration, Instant};

use gitops_compiler::lock::Digest;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, LOCATION};
use reqwest::{Method, StatusCode};
use url::Url;

use super::access::Access;
use super::address::{Address, Scheme, shown};
use super::archive::digest;
use super::artifact_address::Reference;
use super::credentials::Credential;
use super::error::{FailureKind, FetchError};
use super::registry::{Answered, Asked, LARGEST_MANIFEST, Repository};
use super::registry_login::Logins;
use super::transfer::{Answer, Body};
use super::web::{Web, refusal};

/// What is waited before it is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
/// What took longer than this was waited for, and is not tried again.
const PATIENCE: Duration = Duration::from_secs(10);

/// No answer to what is put needs more.
const LARGEST_ANSWER: u64 = 1 << 20;

const BYTES: &str = "application/octet-stream";
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

/// What a registry says of a blob or a manifest that it has.
const DIGEST: &str = "docker-content-digest";
/// What a registry says that knows what a manifest is about.
const SUBJECT: &str = "oci-subject";

/// A repository of a registry.
pub struct ArtifactRepository {
    web: Web,
    logins: Logins,
    address: Address,
    credential: Option<Credential>,
    actions: &'static str,
    is_patient: bool,
}

/// A manifest as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl ArtifactRepository {
    /// That at an address, to take something from it. Nothing is asked yet.
    ///
    /// # Errors
    /// Where it is no repository of a registry, may not be asked, or its credential cannot be used.
    pub fn reading(access: Access, address: &str) -> Result<Self, FetchError> {
        Self::open(access, address, "pull")
    }

    /// The same, to put something in it.
    ///
    /// # Errors
    /// As of [`ArtifactRepository::reading`].
    pub fn writing(access: Access, address: &str) -> Result<Self, FetchError> {
        Self::open(access, address, "pull,push")
    }

    fn open(access: Access, address: &str, actions: &'static str) -> Result<Self, FetchError> {
        let web = Web::new(access);
        let parsed = web.access().repository(address).map_err(|refused| FetchError::refused(&refused))?;
        if parsed.scheme != Scheme::Oci {
            return Err(FetchError::not_found(parsed.shown(), "artifacts are in registries: oci://host/path"));
        }
        let credential = web.credential(address)?;
        let logins = Logins::default();
        let opened = Self { web, logins, address: parsed, credential, actions, is_patient: true };
        opened.repository()?;
        Ok(opened)
    }

    /// The same, where nothing is tried again: for what one can do without.
    #[must_use]
    pub fn impatient(self) -> Self {
        Self { is_patient: false, ..self }
    }

    pub(super) fn repository(&self) -> Result<Repository<'_>, FetchError> {
        let repository = Repository::new(&self.web, &self.logins, &self.address, self.credential.clone(), "")?;
        Ok(Repository { actions: self.actions, is_patient: self.is_patient, ..repository })
    }

    /// As it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        self.address.shown()
    }

    /// The manifest with this name, if there is one.
    ///
    /// # Errors
    /// Where the registry cannot be asked, or what comes is not what was asked for.
    pub fn manifest(&self, reference: &Reference) -> Result<Option<RawManifest>, FetchError> {
        let repository = self.repository()?;
        let asked = || format!("{}:{}", self.shown(), reference.as_str());
        let url = repository.url(&format!("manifests/{}", reference.as_str()));
        let Some(answer) = found(Self::get(&repository, url, MANIFESTS, LARGEST_MANIFEST, "the manifest"))? else {
            return Ok(None);
        };
        let came = digest(&answer.body);
        let expected = match reference {
            Reference::Digest(digest) => Some(digest.as_str().to_owned()),
            Reference::Tag(_) => claimed(&answer.headers),
        };
        if expected.is_some_and(|expected| expected != came) {
            return Err(FetchError::wrong(asked(), format!("the manifest that came has the digest {came}")));
        }
        let digest = came.parse().map_err(|why: String| FetchError::wrong(asked(), why))?;
        Ok(Some(RawManifest { digest, bytes: answer.body }))
    }

    /// What a tag stands for, if the registry has it and says so.
    ///
    /// # Errors
    /// Where the registry cannot be asked.
    pub fn tagged(&self, tag: &str) -> Result<Option<Digest>, FetchError> {
        let repository = self.repository()?;
        let url = repository.url(&format!("manifests/{tag}"));
        let answer = found(Self::head(&repository, url, Some(MANIFESTS), "the manifest"))?;
        Ok(answer.and_then(|answer| claimed(&answer.headers)?.parse().ok()))
    }

    /// Puts a manifest under this name. Gives whether the registry knows what it is about.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn put_manifest(
        &self,
        reference: &Reference,
        media_type: &'static str,
        bytes: &[u8],
    ) -> Result<bool, FetchError> {
        let repository = self.repository()?;
        let url = repository.url(&format!("manifests/{}", reference.as_str()));
        let answer = again(self.is_patient, || self.put(&repository, &url, media_type, bytes, "the manifest"))?;
        Ok(answer.headers.contains_key(SUBJECT))
    }

    /// A blob of this size.
    ///
    /// # Errors
    /// Where it is not there, or another comes.
    pub fn blob(&self, wanted: &Digest, size: u64, what: &str) -> Result<Vec<u8>, FetchError> {
        let repository = self.repository()?;
        let url = repository.url(&format!("blobs/{wanted}"));
        let answer = Self::get(&repository, url, "*/*", size, what)?;
        let (came, length) = (digest(&answer.body), answer.body.len() as u64);
        if came != wanted.as_str() || length != size {
            let why = format!("what came has the digest {came} and {length} bytes; asked for were {size}");
            return Err(FetchError::wrong(format!("{}@{wanted}", self.shown()), why));
        }
        Ok(answer.body)
    }

    /// Puts a blob, where the registry has none of its digest. Gives whether it was sent.
    ///
    /// # Errors
    /// Where the registry does not take it.
    pub fn put_blob(&self, wanted: &Digest, bytes: &[u8], what: &str) -> Result<bool, FetchError> {
        let repository = self.repository()?;
        // A whole upload each time: what became of one that broke off is not known.
        again(self.is_patient, || self.upload(&repository, wanted, bytes, what))
    }

    fn upload(
        &self,
        repository: &Repository<'_>,
        wanted: &Digest,
        bytes: &[u8],
        what: &str,
    ) -> Result<bool, FetchError> {
        let url = repository.url(&format!("blobs/{wanted}"));
        if let Some(there) = found(Self::head(repository, url, None, what))? {
            return same_size(&there, bytes.len()).map(|()| false);
        }
        let (url, body) = (repository.url("blobs/uploads/"), Some(Body { kind: BYTES, bytes: Vec::new() }));
        let asked = Asked { method: Method::POST, url, accept: None, body, limit: LARGEST_ANSWER, what };
        let answer = taken(repository.answer(&asked)?)?;
        let mut place = place(&answer)?;
        place.query_pairs_mut().append_pair("digest", wanted.as_str());
        self.put(repository, &place, BYTES, bytes, what)?;
        Ok(true)
    }

    /// Puts bytes, and demands that the registry says what they are.
    fn put(
        &self,
        repository: &Repository<'_>,
        url: &Url,
        kind: &'static str,
        bytes: &[u8],
        what: &str,
    ) -> Result<Answer, FetchError> {
        let body = Some(Body { kind, bytes: bytes.to_vec() });
        let asked = Asked { method: Method::PUT, url: url.clone(), accept: None, body, limit: LARGEST_ANSWER, what };
        let answer = taken(repository.answer(&asked)?)?;
        let sent = digest(bytes);
        match claimed(&answer.headers) {
            Some(other) if other != sent => {
                let why = format!("the registry says that {what}, which has the digest {sent}, has another");
                Err(FetchError::wrong(self.shown(), why))
            }
            _ => Ok(answer),
        }
    }

    pub(super) fn get(
        repository: &Repository<'_>,
        url: Url,
        accept: &'static str,
        limit: u64,
        what: &str,
    ) -> Result<Answer, FetchError> {
        let asked = Asked { method: Method::GET, url, accept: Some(accept), body: None, limit, what };
        again(repository.is_patient, || taken(repository.answer(&asked)?))
    }

    fn head(
        repository: &Repository<'_>,
        url: Url,
        accept: Option<&'static str>,
        what: &str,
    ) -> Result<Answer, FetchError> {
        // Its answer tells the length of what it has not.
        let asked = Asked { method: Method::HEAD, url, accept, body: None, limit: u64::MAX, what };
        again(repository.is_patient, || taken(repository.answer(&asked)?))
    }
}

/// Tries what may be done twice.
fn again<T>(is_patient: bool, attempt: impl Fn() -> Result<T, FetchError>) -> Result<T, FetchError> {
    let begun = Instant::now();
    let may_pass =
        |error: &FetchError| is_patient && error.kind == FailureKind::Unreachable && begun.elapsed() < PATIENCE;
    for pause in PAUSES {
        match attempt() {
            Err(error) if may_pass(&error) => thread::sleep(pause),
            ended => return ended,
        }
    }
    attempt()
}

/// An answer that is a success. What the registry will not do is told from what it cannot do now.
fn taken(answered: Answered) -> Result<Answer, FetchError> {
    let status = answered.answer.status;
    if status.is_success() {
        return Ok(answered.answer);
    }
    let error = refusal(&answered.answer, answered.has_identity);
    let is_busy =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let kind = if error.kind == FailureKind::Unreachable && !is_busy { FailureKind::Wrong } else { error.kind };
    Err(FetchError { kind, ..error })
}

/// What may not be there.
pub(super) fn found<T>(answer: Result<T, FetchError>) -> Result<Option<T>, FetchError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == FailureKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The digest that a registry claims.
fn claimed(headers: &HeaderMap) -> Option<String> {
    let claimed = headers.get(DIGEST)?.to_str().ok()?;
    claimed.starts_with("sha256:").then(|| claimed.to_owned())
}

/// A registry that has a blob of this digest and another size has another blob.
fn same_size(there: &Answer, size: usize) -> Result<(), FetchError> {
    let told = there.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    match told.filter(|told| *told != size) {
        None => Ok(()),
        Some(told) => {
            let why = format!("the registry says that it has {told} bytes, and it has {size}");
            Err(FetchError::wrong(shown(&there.url), why))
        }
    }
}

/// Where an upload goes.
fn place(answer: &Answer) -> Result<Url, FetchError> {
    let wrong = || FetchError::wrong(shown(&answer.url), "the registry does not say where the upload goes");
    let place = answer.headers.get(LOCATION).and_then(|place| place.to_str().ok()).ok_or_else(wrong)?;
    let mut place = answer.url.join(place).map_err(|_| wrong())?;
    // Behind a proxy that has TLS registries know nothing of it.
    if answer.url.scheme() == "https" && place.scheme() == "http" && place.host() == answer.url.host() {
        // Fails for no scheme that is known.
        let _ = place.set_scheme("https");
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn answer(location: Option<&str>) -> Answer {
        let url = Url::parse("https://registry.example.com/v2/shop/blobs/uploads/").expect("an address");
        let headers = location.map(|place| (LOCATION, place.parse().expect("a header")));
        Answer { url, status: StatusCode::ACCEPTED, headers: headers.into_iter().collect(), body: Vec::new() }
    }

    #[test]
    fn an_upload_goes_where_the_registry_says() {
        let of = |location| place(&answer(location)).map(|place| place.to_string());
        let here = "https://registry.example.com/v2/shop/blobs/uploads/1?state=a";
        assert_eq!(of(Some("/v2/shop/blobs/uploads/1?state=a")).as_deref(), Ok(here));
        assert_eq!(of(Some("http://registry.example.com/v2/shop/blobs/uploads/1?state=a")).as_deref(), Ok(here));
        assert_eq!(of(Some("http://other.example.com/1")).as_deref(), Ok("http://other.example.com/1"));
        assert!(of(None).is_err());
    }

    #[test]
    fn what_is_refused_is_not_tried_again_and_what_is_busy_is() {
        let tries_of = |is_patient, kind: FailureKind| {
            let count = Cell::new(0);
            let ended: Result<(), _> = again(is_patient, || {
                count.set(count.get() + 1);
                Err(FetchError::new(kind, "x", "y"))
            });
            assert!(ended.is_err());
            count.get()
        };
        let tries = |kind| tries_of(true, kind);
        assert_eq!((tries(FailureKind::Unreachable), tries_of(false, FailureKind::Unreachable)), (3, 1));
        for kind in [FailureKind::Wrong, FailureKind::Unauthorized, FailureKind::NotFound, FailureKind::TooLarge] {
            assert_eq!(tries(kind), 1, "{kind:?}");
        }
    }
}
