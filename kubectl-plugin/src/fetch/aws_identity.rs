//! Keys for object storage, as the environment hands them out: at once, for the token of a Pod, or from the platform.
//!
//! In: which of these, and the time. Out: a key, asked for where it does not last any longer. Guarantees: a token goes to the one
//! service that was named, encrypted or, where platforms have it, without; no error shows a token or a key.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::address::Address;
use super::aws_signature::AwsKey;
use super::error::FetchError;
use super::reach::Reach;
use super::secret::Secret;
use super::transfer::{Identity, Request};
use super::web::{Web, refusal, sensitive};

/// A key is asked for again before it ends: so long, or half of its time where that is less.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// After a failure nothing is asked for so long.
const AFTER: SignedDuration = SignedDuration::from_secs(5);
/// No answer with a key, and no token, is longer.
const LARGEST: u64 = 1 << 20;
const WHAT: &str = "a key for object storage";

/// Where platforms hand out keys without encryption: Amazon's ECS, and EKS for its Pods.
pub const PLATFORM_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// As whom object storage is asked.
#[derive(Debug, Clone)]
pub enum AwsIdentity {
    /// As nobody in particular.
    Nobody,
    /// With this key.
    Key(AwsKey),
    /// With a key for a role, for the token in a file.
    WebIdentity {
        /// The file, which changes now and then.
        token_file: PathBuf,
        /// The role.
        role: String,
        /// How the session is called, in logs and in conditions of the role.
        session: String,
        /// The service that gives keys: `https://sts.eu-central-1.amazonaws.com`.
        service: String,
    },
    /// With a key that the platform gives.
    Platform {
        /// Where.
        address: String,
        /// The file of a token that is shown there; none is where absent.
        token_file: Option<PathBuf>,
    },
}

/// Keys, as long as they last.
pub(super) struct AwsKeys {
    identity: AwsIdentity,
    known: Mutex<Option<Known>>,
}

/// What is known of keys.
enum Known {
    Key {
        key: AwsKey,
        until: Timestamp,
    },
    /// There was none, and those who waited for the same are not to wait again, one after another.
    None {
        why: FetchError,
        until: Timestamp,
    },
}

/// A key as platforms write it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: String,
    #[serde(default, alias = "SessionToken")]
    token: String,
    expiration: Timestamp,
}

impl AwsKeys {
    pub(super) fn new(identity: AwsIdentity) -> Self {
        Self { identity, known: Mutex::default() }
    }

    /// The key of now; none for nobody.
    pub(super) fn get(&self, web: &Web, now: Timestamp) -> Result<Option<AwsKey>, FetchError> {
        let ask: &dyn Fn() -> Result<Given, FetchError> = match &self.identity {
            AwsIdentity::Nobody => return Ok(None),
            AwsIdentity::Key(key) => return Ok(Some(key.clone())),
            AwsIdentity::WebIdentity { token_file, role, session, service } => {
                &|| of_web_identity(web, token_file, (role, session), service)
            }
            AwsIdentity::Platform { address, token_file } => &|| of_platform(web, address, token_file.as_deref()),
        };
        // Whoever comes meanwhile waits for the same.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref() {
            Some(Known::Key { key, until }) if now < *until => return Ok(Some(key.clone())),
            Some(Known::None { why, until }) if now < *until => return Err(why.clone()),
            _ => {}
        }
        let Given { access_key_id: id, secret_access_key, token, expiration } = match ask() {
            Ok(given) => given,
            Err(why) => {
                let until = Timestamp::now().checked_add(AFTER).unwrap_or(now);
                *known = Some(Known::None { why: why.clone(), until });
                return Err(why);
            }
        };
        let session = (!token.is_empty()).then(|| Secret::new(token));
        let key = AwsKey { id, secret: Secret::new(secret_access_key), session };
        let lasts = expiration.duration_since(now);
        let until = now.checked_add(lasts - BEFORE.min(lasts / 2)).unwrap_or(now);
        *known = Some(Known::Key { key: key.clone(), until });
        Ok(Some(key))
    }
}

/// Exchanges a token.
fn of_web_identity(
    web: &Web,
    token_file: &Path,
    (role, session): (&str, &str),
    service: &str,
) -> Result<Given, FetchError> {
    let service = web.access().service(service).map_err(|refused| FetchError::refused(&refused))?;
    let token = token(token_file, &service)?;
    let form = Serializer::new(String::new())
        .append_pair("Action", "AssumeRoleWithWebIdentity")
        .append_pair("Version", "2011-06-15")
        .append_pair("RoleArn", role)
        .append_pair("RoleSessionName", session)
        .append_pair("WebIdentityToken", token.reveal())
        .finish();
    let body = ask(web, &service, None, Some(Secret::new(form)))?;
    let of = |tag: &str| between(&body, tag).map(str::to_owned);
    let given = || {
        Some(Given {
            access_key_id: of("AccessKeyId")?,
            secret_access_key: of("SecretAccessKey")?,
            token: of("SessionToken")?,
            expiration: of("Expiration")?.parse().ok()?,
        })
    };
    given().ok_or_else(|| not_understood(&service))
}

/// Asks the platform.
fn of_platform(web: &Web, address: &str, token_file: Option<&Path>) -> Result<Given, FetchError> {
    let address = web.access().service(address).map_err(|refused| FetchError::refused(&refused))?;
    let token = token_file.map(|path| token(path, &address)).transpose()?;
    let unable = || FetchError::wrong(address.shown(), "the token cannot be a part of a request");
    let identity = token.map(|token| sensitive(token.reveal()).ok_or_else(unable)).transpose()?;
    let identity = identity.map(|header| Arc::new(Identity::new(address.url.clone(), header)));
    let body = ask(web, &address, identity, None)?;
    serde_json::from_str(&body).map_err(|_| not_understood(&address))
}

fn ask(
    web: &Web,
    address: &Address,
    identity: Option<Arc<Identity>>,
    form: Option<Secret>,
) -> Result<String, FetchError> {
    let answer = web.ask(Request {
        repository: address.url.clone(),
        credential: None,
        told: None,
        url: address.url.clone(),
        method: Method::GET,
        within: Reach::Machine,
        identity,
        accept: None,
        form,
        body: None,
        limit: LARGEST,
        what: WHAT.to_owned(),
    })?;
    if !answer.status.is_success() {
        return Err(refusal(&answer, true));
    }
    String::from_utf8(answer.body).map_err(|_| not_understood(address))
}

fn token(path: &Path, whom: &Address) -> Result<Secret, FetchError> {
    let unread = |error: std::io::Error| {
        FetchError::wrong(whom.shown(), format!("the token for it cannot be read from {}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(unread)?;
    Ok(Secret::new(text.trim()))
}

/// The text of the one element of this name: keys and times have nothing in them that XML would write otherwise.
fn between<'a>(xml: &'a str, tag: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{tag}>"))?;
    let (text, _) = rest.split_once(&format!("</{tag}>"))?;
    let text = text.trim();
    (!text.is_empty() && !text.contains(['<', '&'])).then_some(text)
}

/// What was answered may have a key in it, and is not shown.
fn not_understood(address: &Address) -> FetchError {
    FetchError::wrong(address.shown(), "it answers with something else than a key")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_platforms_write_them() {
        let text = r#"{"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c", "Expiration": "2030-01-01T00:00:00Z", "RoleArn": "x"}"#;
        let given: Given = serde_json::from_str(text).expect("a key");
        assert_eq!(
            (given.access_key_id.as_str(), given.secret_access_key.as_str(), given.token.as_str()),
            ("a", "b", "c")
        );
        let xml =
            "<R><Credentials><AccessKeyId> A </AccessKeyId><SecretAccessKey>b/+=</SecretAccessKey></Credentials></R>";
        assert_eq!((between(xml, "AccessKeyId"), between(xml, "SecretAccessKey")), (Some("A"), Some("b/+=")));
        for (xml, tag) in
            [(xml, "SessionToken"), ("<A></A>", "A"), ("<A>x", "A"), ("<A>&amp;</A>", "A"), ("<A><B/></A>", "A")]
        {
            assert_eq!(between(xml, tag), None, "{xml}");
        }
    }
}
