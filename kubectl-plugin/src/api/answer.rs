//! What is answered: a whole body, or a stream of parts; and refusals, in the shape of gRPC's gateway.
//!
//! In: values, or why there are none. Out: [`Answer`].

use std::io;

use axum::body::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::access::Denied;
use crate::cluster::Failure;

/// Bodies.
pub(super) const JSON: &str = "application/json";
/// When to come again, in seconds.
const LATER: &str = "5";

/// An answer.
#[derive(Debug)]
pub enum Answer {
    /// All of it is there.
    Whole(Whole),
    /// It comes in parts, for as long as somebody reads them.
    Parts(Parts),
}

/// A whole answer.
#[derive(Debug)]
pub struct Whole {
    /// How it went.
    pub status: StatusCode,
    /// What goes before it.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its bytes.
    pub body: Bytes,
}

/// An answer in parts.
#[derive(Debug)]
pub struct Parts {
    /// What the parts are.
    pub content_type: &'static str,
    /// The parts; its end is the end of the answer.
    pub parts: mpsc::Receiver<Bytes>,
    /// Comes where the reader is too slow, and is to be cut.
    pub is_slow: oneshot::Receiver<()>,
}

/// Why something is not answered, by gRPC's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It makes no sense.
    Invalid = 3,
    /// It is not there, or not for whoever asks.
    NotFound = 5,
    /// It is there already.
    Exists = 6,
    /// It is not permitted.
    Forbidden = 7,
    /// It is too much, or too often.
    TooMuch = 8,
    /// It is not the time for it.
    NotNow = 9,
    /// Somebody else was faster.
    Changed = 10,
    /// We do not do that.
    Unserved = 12,
    /// A fault of ours.
    Broken = 13,
    /// Somebody who is needed does not answer.
    Away = 14,
    /// Nobody is known.
    Unknown = 16,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// In words.
    pub message: String,
}

/// Its shape: `error` and `message` are the same text, as the gateway has it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ErrorJson {
    /// In words.
    pub error: String,
    /// gRPC's number: 3 it makes no sense, 5 not there, 6 there already, 7 not permitted, 8 too much, 9 not now, 10 changed
    /// meanwhile, 12 not served, 13 a fault, 14 somebody does not answer, 16 nobody is signed in.
    pub code: u32,
    /// In words.
    pub message: String,
}

impl Answer {
    /// A JSON object.
    pub(super) fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::whole(StatusCode::OK, body),
            Err(_) => Refusal::broken().into(),
        }
    }

    /// The same of what may be large: no more than so many bytes are written of it.
    pub(super) fn json_within(most: usize, value: &impl Serialize) -> Result<Self, Refusal> {
        let mut bounded = Bounded { most, written: Vec::new(), is_full: false };
        match serde_json::to_writer(&mut bounded, value) {
            Ok(()) => Ok(Self::whole(StatusCode::OK, bounded.written)),
            Err(_) if bounded.is_full => Err(Refusal::too_large(most)),
            Err(_) => Err(Refusal::broken()),
        }
    }

    /// That a path has these methods only.
    pub(super) fn other_method(allowed: &[&str]) -> Self {
        let refusal = Refusal::new(Code::Unserved, "this path has other methods");
        let body = serde_json::to_vec(&refusal.json()).unwrap_or_default();
        let mut answer = Self::whole(StatusCode::METHOD_NOT_ALLOWED, body);
        if let (Self::Whole(whole), Ok(allowed)) = (&mut answer, HeaderValue::from_str(&allowed.join(", "))) {
            whole.headers.push((ALLOW, allowed));
        }
        answer
    }

    fn whole(status: StatusCode, body: Vec<u8>) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(JSON))];
        Self::Whole(Whole { status, headers, body: body.into() })
    }

    /// How it went.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Whole(whole) => whole.status,
            Self::Parts(_) => StatusCode::OK,
        }
    }
}

/// Takes so many bytes.
struct Bounded {
    most: usize,
    written: Vec<u8>,
    /// Whether there were more.
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written.len() + bytes.len() > self.most {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Code {
    /// The HTTP status that the gateway gives it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid | Self::NotNow => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Exists | Self::Changed => StatusCode::CONFLICT,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooMuch => StatusCode::TOO_MANY_REQUESTS,
            Self::Unserved => StatusCode::NOT_IMPLEMENTED,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Away => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown => StatusCode::UNAUTHORIZED,
        }
    }
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// A fault of ours.
    #[must_use]
    pub fn broken() -> Self {
        Self::new(Code::Broken, "this cannot be answered")
    }

    /// It cannot be answered now.
    #[must_use]
    pub fn away(message: &str) -> Self {
        Self::new(Code::Away, message)
    }

    /// It makes no sense.
    #[must_use]
    pub fn senseless(message: &str) -> Self {
        Self::new(Code::Invalid, message)
    }

    /// More than one answer may have: part of it may be asked for.
    pub(super) fn too_large(most: usize) -> Self {
        Self::too_many(&format!("{} MB", most >> 20))
    }

    /// The same in other words.
    pub(super) fn too_many(most: &str) -> Self {
        Self::invalid(format!("there are more than {most}: name a kind, a namespace or a name"))
    }

    /// What is not there, and what is hidden, are the same.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("{what} is not there, or not for you to see"))
    }

    /// Its object.
    #[must_use]
    pub fn json(&self) -> ErrorJson {
        ErrorJson { error: self.message.clone(), code: self.code as u32, message: self.message.clone() }
    }

    /// What the API server said to somebody, told to them. Where what they sent may be secret, its words are left out.
    pub(super) fn of_server(failure: &Failure, what: &str, is_secret: bool) -> Self {
        let code = match failure.code() {
            0 | 429 | 500..=599 => Code::Away,
            401 => Code::Unknown,
            403 => Code::Forbidden,
            404 => return Self::not_found(what),
            409 if failure.is_already_exists() => Code::Exists,
            409 => Code::Changed,
            _ => Code::Invalid,
        };
        Self::new(code, failure.told(is_secret))
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = serde_json::to_vec(&refusal.json()).unwrap_or_default();
        let mut answer = Self::whole(refusal.code.status(), body);
        if let Self::Whole(whole) = &mut answer
            && matches!(refusal.code, Code::TooMuch | Code::Away)
        {
            whole.headers.push((RETRY_AFTER, HeaderValue::from_static(LATER)));
        }
        answer
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Unknown => Code::Unknown,
            Denied::TooMany => Code::TooMuch,
            Denied::Unasked(_) => Code::Away,
        };
        Self::new(code, denied.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_as_the_gateway_has_it() {
        let Answer::Whole(whole) = Refusal::not_found("the Application a/b").into() else { panic!("whole") };
        assert_eq!(whole.status, StatusCode::NOT_FOUND);
        let told: serde_json::Value = serde_json::from_slice(&whole.body).expect("JSON");
        let text = "the Application a/b is not there, or not for you to see";
        assert_eq!(told, serde_json::json!({"error": text, "code": 5, "message": text}));
    }

    #[test]
    fn who_comes_too_often_is_told_when_to_come_again() {
        let Answer::Whole(whole) = Refusal::from(Denied::TooMany).into() else { panic!("whole") };
        assert!(whole.status == StatusCode::TOO_MANY_REQUESTS);
        assert!(whole.headers.iter().any(|(name, _)| name == RETRY_AFTER));
    }

    #[test]
    fn no_more_is_written_than_may_be() {
        let value = serde_json::json!({"a": "x".repeat(1 << 20)});
        let length = value.to_string().len();
        let Ok(Answer::Whole(whole)) = Answer::json_within(length, &value) else { panic!("all of it") };
        assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, length));
        let refusal = Answer::json_within(1 << 20, &value).expect_err("it is more");
        assert_eq!(refusal.message, "there are more than 1 MB: name a kind, a namespace or a name");
        assert_eq!(refusal.code.status(), StatusCode::BAD_REQUEST);
    }
}
