//! One issuer, as it is set.
//!
//! In: settings, codes. Out: what the issuer says of itself, asked once for all and again after an hour; tokens.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::form_urlencoded::Serializer;
use zeroize::Zeroizing;

use super::ask::Issuer;
use super::discovered::{self, Discovered};
use super::login::Login;
use super::{CALLBACK, NotSignedIn, OidcSettings};

/// For how long what an issuer says of itself holds, and that it says nothing.
const HOLDS: Duration = Duration::from_hours(1);
const FAILURE_HOLDS: Duration = Duration::from_secs(5);

/// An issuer that is set.
pub(super) struct Provider {
    pub(super) settings: OidcSettings,
    issuer: Issuer,
    discovered: Mutex<Option<(Instant, Result<Discovered, NotSignedIn>)>>,
}

/// What a code becomes.
#[derive(Deserialize)]
struct Granted {
    id_token: Option<String>,
    error: Option<String>,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings) -> Result<Arc<Self>, NotSignedIn> {
        let issuer = Issuer::new(settings.authorities.as_deref()).map_err(NotSignedIn::Wrong)?;
        Ok(Arc::new(Self { settings, issuer, discovered: Mutex::default() }))
    }

    /// What the issuer says of itself, asked once for all.
    pub(super) async fn discovered(&self) -> Result<Discovered, NotSignedIn> {
        let mut known = self.discovered.lock().await;
        if let Some((read, discovered)) = known.as_ref() {
            let holds = if discovered.is_ok() { HOLDS } else { FAILURE_HOLDS };
            if read.elapsed() < holds {
                return discovered.clone();
            }
        }
        let discovered = self.ask_what_it_is().await;
        *known = Some((Instant::now(), discovered.clone()));
        discovered
    }

    async fn ask_what_it_is(&self) -> Result<Discovered, NotSignedIn> {
        let address = format!("{}{}", self.settings.issuer.trim_end_matches('/'), discovered::PATH);
        let document = self.issuer.get(&address).await.map_err(NotSignedIn::Away)?;
        let read = Discovered::read(&self.settings.issuer, self.settings.token_address.as_ref(), &document);
        read.map_err(NotSignedIn::Wrong)
    }

    /// Makes a code a token.
    pub(super) async fn token(
        &self,
        discovered: &Discovered,
        code: &str,
        login: &Login,
    ) -> Result<Zeroizing<String>, NotSignedIn> {
        let (form, authorization) = self.form(discovered, code, login);
        let (status, body) =
            self.issuer.send(&discovered.token, form, authorization).await.map_err(NotSignedIn::Away)?;
        let refused = |why: &str| NotSignedIn::Refused(why.to_owned());
        let granted: Granted =
            serde_json::from_slice(&body).map_err(|_| NotSignedIn::Away(format!("it answered {status} to a code")))?;
        match granted.id_token {
            Some(token) if status == 200 => Ok(Zeroizing::new(token)),
            Some(_) | None => Err(refused(granted.error.as_deref().map_or("there is no ID token", word))),
        }
    }

    /// What is sent for a token, and as whom.
    fn form(
        &self,
        discovered: &Discovered,
        code: &str,
        login: &Login,
    ) -> (Zeroizing<String>, Option<Zeroizing<String>>) {
        let settings = &self.settings;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &settings.at(CALLBACK))
            .append_pair("code_verifier", &login.verifier());
        let mut authorization = None;
        match &settings.secret {
            Some(secret) if !discovered.secret_in_body => {
                // Both are encoded as in a form first (RFC 6749, 2.3.1).
                let pair = Zeroizing::new(format!("{}:{}", encoded(&settings.client), encoded(secret)));
                authorization = Some(Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(pair.as_bytes()))));
            }
            secret => {
                form.append_pair("client_id", &settings.client);
                if let Some(secret) = secret {
                    form.append_pair("client_secret", secret);
                }
            }
        }
        (Zeroizing::new(form.finish()), authorization)
    }
}

/// A word of the protocol, as it may be shown to whoever asks; what else somebody sends is not repeated.
pub(super) fn word(text: &str) -> &str {
    let is_word = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_word { text } else { "it does not say why" }
}

/// A text, as it is written in a form.
pub(super) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_repeated() {
        assert_eq!(word("access_denied"), "access_denied");
        for other in ["", "<script>", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(word(other), "it does not say why");
        }
    }
}
