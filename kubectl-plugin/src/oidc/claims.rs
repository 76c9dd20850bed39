//! What an ID token says, before the API server is asked whether it is good. Pure.
//!
//! In: a token, whom it is for; or one that it takes the place of. Out: when it ends. The signature is the API server's to judge, by TokenReview, and nothing here
//! is believed before that: what is refused here is what it cannot know of, a token of another sign-in.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// Whom a token must be for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    /// Who made it.
    pub(super) issuer: &'a str,
    /// For which client.
    pub(super) client: &'a str,
    /// In which sign-in.
    pub(super) nonce: &'a str,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    azp: Option<String>,
    nonce: Option<String>,
    #[serde(default)]
    sub: String,
    exp: f64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// When a token ends that is of this sign-in.
///
/// # Errors
/// What is wrong with it.
pub(super) fn end(token: &str, expected: Expected<'_>, now: Timestamp) -> Result<Timestamp, &'static str> {
    let claims = claims(token).ok_or("the token is no ID token")?;
    claims.is_for(expected.issuer, expected.client)?;
    let is_of_this = |nonce: &String| is_same(nonce, expected.nonce);
    if !claims.nonce.as_ref().is_some_and(is_of_this) {
        return Err("the token is of another sign-in");
    }
    claims.end(now)
}

/// When a token ends that takes the place of another: of the same person, and for us (OpenID Connect Core 1.0, 12.2).
///
/// # Errors
/// What is wrong with it.
pub(super) fn renewed_end(
    token: &str,
    before: &str,
    issuer: &str,
    client: &str,
    now: Timestamp,
) -> Result<Timestamp, &'static str> {
    let none = "the token is no ID token";
    let (claims, before) = (claims(token).ok_or(none)?, claims(before).ok_or(none)?);
    claims.is_for(issuer, client)?;
    if claims.iss != before.iss || claims.sub.is_empty() || claims.sub != before.sub {
        return Err("the token is of somebody else");
    }
    // It need not be there; where it is, it is that of the sign-in.
    let is_other = |nonce: &String| !before.nonce.as_ref().is_some_and(|before| is_same(nonce, before));
    if claims.nonce.as_ref().is_some_and(is_other) {
        return Err("the token is of another sign-in");
    }
    claims.end(now)
}

/// When a token ends that the API server knows; nothing where it does not say.
pub(super) fn says_end(token: &str) -> Option<Timestamp> {
    seconds(claims(token)?.exp)
}

impl Claims {
    fn is_for(&self, issuer: &str, client: &str) -> Result<(), &'static str> {
        if self.iss != issuer {
            return Err("the token is of another issuer");
        }
        let (is_for_us, others) = match &self.aud {
            Audience::One(one) => (one == client, false),
            Audience::Many(all) => (all.iter().any(|one| one == client), all.len() > 1),
        };
        if !is_for_us || self.azp.as_ref().map_or(others, |azp| azp != client) {
            return Err("the token is for another client");
        }
        Ok(())
    }

    fn end(&self, now: Timestamp) -> Result<Timestamp, &'static str> {
        seconds(self.exp).filter(|end| *end > now).ok_or("the token is over")
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Whether a token was made by this issuer. It is one that the API server knows.
pub(super) fn is_of(token: &str, issuer: &str) -> bool {
    claims(token).is_some_and(|claims| claims.iss == issuer)
}

fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()
}

/// A NumericDate, which may have a fraction.
#[allow(
    clippy::cast_possible_truncation,
    reason = "what is out of range is no time, and the cast stays within its own"
)]
fn seconds(value: f64) -> Option<Timestamp> {
    Timestamp::from_second(value.floor() as i64).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const EXPECTED: Expected<'_> = Expected { issuer: "https://id.example.com", client: "us", nonce: "n" };

    fn token(change: &Json) -> String {
        let mut claims =
            json!({"iss": "https://id.example.com", "aud": "us", "nonce": "n", "exp": 2000, "sub": "anna"});
        for (name, value) in change.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        format!("e30.{}.c2ln", BASE64.encode(claims.to_string()))
    }

    #[test]
    fn a_token_is_of_this_sign_in_and_for_us() {
        let now = Timestamp::from_second(1000).expect("a time");
        let judge = |change: &Json| end(&token(change), EXPECTED, now).map(Timestamp::as_second);
        assert_eq!(judge(&json!({})), Ok(2000));
        assert_eq!(judge(&json!({"aud": ["us"]})), Ok(2000));
        assert_eq!(judge(&json!({"aud": ["us", "them"], "azp": "us", "exp": 1500.9})), Ok(1500));
        for wrong in [
            json!({"iss": "https://id.example.com/"}),
            json!({"aud": "them"}),
            json!({"aud": []}),
            json!({"aud": ["us", "them"]}),
            json!({"aud": ["us", "them"], "azp": "them"}),
            json!({"azp": "them"}),
            json!({"nonce": "m"}),
            json!({"nonce": null}),
            json!({"nonce": ""}),
            json!({"exp": 1000}),
            json!({"exp": "2000"}),
            json!({"exp": 1e300}),
            json!({"exp": -1e300}),
        ] {
            assert!(judge(&wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "a.b", "a.b.c.d", "e30.e30.", "e30.!.x", "e30.bnVsbA.x"] {
            assert!(end(wrong, EXPECTED, now).is_err(), "{wrong}");
        }
        assert!(is_of(&token(&json!({})), EXPECTED.issuer) && !is_of(&token(&json!({})), "https://other.example.com"));
    }

    #[test]
    fn a_token_takes_the_place_of_one_of_the_same_person() {
        let now = Timestamp::from_second(1000).expect("a time");
        let judge = |change: &Json| {
            let (issuer, client) = (EXPECTED.issuer, EXPECTED.client);
            renewed_end(&token(change), &token(&json!({"exp": 1001})), issuer, client, now).map(Timestamp::as_second)
        };
        assert_eq!(judge(&json!({})), Ok(2000));
        assert_eq!(judge(&json!({"nonce": null})), Ok(2000), "it need not have one");
        for wrong in [
            json!({"sub": "mallory"}),
            json!({"sub": ""}),
            json!({"nonce": "m"}),
            json!({"iss": "https://other.example.com"}),
            json!({"aud": "them"}),
            json!({"exp": 1000}),
        ] {
            assert!(judge(&wrong).is_err(), "{wrong}");
        }
        assert_eq!(says_end(&token(&json!({}))).map(Timestamp::as_second), Some(2000));
        assert!(says_end("opaque").is_none());
    }
}
