//! Object storage that speaks as S3 does: objects of a bucket, by their keys.
//!
//! In: where it is, who asks; keys, bytes. Out: the bytes of an object. Guarantees: an object is read up to a limit; what is sent
//! is signed with its hash, and who we are is told to the one server that was named. Nothing is tried twice.

use std::sync::Arc;

use jiff::Timestamp;
use reqwest::Method;
use url::Url;

use super::access::Access;
use super::address::Address;
use super::artifact_repository::found;
use super::aws_identity::{AwsIdentity, AwsKeys};
use super::aws_signature::{Signed, headers};
use super::error::{FailureKind, FetchError};
use super::reach::Reach;
use super::transfer::{Body, Identity, Request};
use super::web::{Web, refusal};

const BYTES: &str = "application/octet-stream";
/// No answer to what is put needs more.
const LARGEST_ANSWER: u64 = 1 << 20;

/// Where objects are, and who asks for them.
#[derive(Debug, Clone)]
pub struct ObjectStorageSettings {
    /// The server: `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    /// Its region, as signatures name it.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// As whom it is asked.
    pub identity: AwsIdentity,
}

/// A bucket.
pub struct ObjectStorage {
    web: Web,
    endpoint: Address,
    region: String,
    keys: AwsKeys,
}

impl ObjectStorage {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// Where the server may not be asked.
    pub fn new(access: Access, settings: ObjectStorageSettings) -> Result<Self, FetchError> {
        let ObjectStorageSettings { endpoint, region, bucket, identity } = settings;
        let web = Web::new(access);
        let mut endpoint = web.access().service(&endpoint).map_err(|refused| FetchError::refused(&refused))?;
        endpoint.url.set_query(None);
        endpoint.url.set_path(&format!("{}/{bucket}", endpoint.url.path().trim_end_matches('/')));
        Ok(Self { web, endpoint, region, keys: AwsKeys::new(identity) })
    }

    /// An object, if it is there. Where the bucket is not, it is not, either.
    ///
    /// # Errors
    /// Where the server cannot be asked, or the object is larger than the limit.
    pub fn get(&self, key: &str, limit: u64, what: &str) -> Result<Option<Vec<u8>>, FetchError> {
        found(self.ask(Method::GET, key, None, limit, what))
    }

    /// Puts an object, whatever was there.
    ///
    /// # Errors
    /// Where the server does not take it.
    pub fn put(&self, key: &str, bytes: &[u8], what: &str) -> Result<(), FetchError> {
        self.ask(Method::PUT, key, Some(bytes), LARGEST_ANSWER, what).map(drop)
    }

    fn ask(
        &self,
        method: Method,
        key: &str,
        body: Option<&[u8]>,
        limit: u64,
        what: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let mut url = self.endpoint.url.clone();
        url.set_path(&format!("{}/{key}", url.path()));
        let identity = self.identity(&method, &url, body.unwrap_or_default())?;
        let has_identity = identity.is_some();
        let answer = self.web.ask(Request {
            repository: self.endpoint.url.clone(),
            credential: None,
            told: None,
            url,
            method,
            within: Reach::Machine,
            identity,
            accept: None,
            form: None,
            body: body.map(|bytes| Body { kind: BYTES, bytes: bytes.to_vec() }),
            limit,
            what: what.to_owned(),
        })?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(&answer, has_identity)) }
    }

    fn identity(&self, method: &Method, url: &Url, body: &[u8]) -> Result<Option<Arc<Identity>>, FetchError> {
        let now = Timestamp::now();
        // Who hands out keys, and has none, does not say that an object is missing.
        let lost = |error: FetchError| match error.kind {
            FailureKind::NotFound => FetchError { kind: FailureKind::Unauthorized, ..error },
            _ => error,
        };
        let Some(key) = self.keys.get(&self.web, now).map_err(lost)? else { return Ok(None) };
        let signed = Signed { method: method.as_str(), url, body, at: now };
        let unusable = || {
            FetchError::new(FailureKind::Unauthorized, self.endpoint.shown(), "the key cannot be a part of a request")
        };
        let headers = headers(&key, &self.region, &signed).ok_or_else(unusable)?;
        Ok(Some(Arc::new(Identity { origin: self.endpoint.url.clone(), headers })))
    }
}
