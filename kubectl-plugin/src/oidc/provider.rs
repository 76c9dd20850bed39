//! One issuer, as it is set.
//!
//! In: settings, codes, tokens that renew others. Out: what the issuer says of itself, asked once for all and again after an hour;
//! tokens.

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

/// No token that renews others is longer: it is kept in a Secret.
const LONGEST_REFRESH: usize = 16 << 10;

/// What a code becomes.
pub(super) struct Tokens {
    /// The ID token.
    pub(super) id: Zeroizing<String>,
    /// What renews it, where the issuer gave it.
    pub(super) refresh: Option<Zeroizing<String>>,
}

/// The same, as it is answered.
#[derive(Deserialize)]
struct Granted {
    id_token: Option<String>,
    refresh_token: Option<String>,
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

    /// Makes a code tokens.
    pub(super) async fn tokens(
        &self,
        discovered: &Discovered,
        code: &str,
        login: &Login,
    ) -> Result<Tokens, NotSignedIn> {
        let (back, verifier) = (self.settings.at(CALLBACK), login.verifier());
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back.as_str()),
            ("code_verifier", verifier.as_str()),
        ];
        let (status, granted) = self.ask_for_tokens(discovered, &fields).await?;
        let why = granted.why();
        granted.tokens(status).ok_or(NotSignedIn::Refused(why))
    }

    /// Has tokens renewed. An issuer that refuses us, or has a fault, says nothing of whoever is signed in.
    pub(super) async fn renewed(&self, discovered: &Discovered, refresh: &str) -> Result<Tokens, NotSignedIn> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        let (status, granted) = self.ask_for_tokens(discovered, &fields).await?;
        let error = granted.error.clone().unwrap_or_default();
        let is_of_us = ["invalid_client", "server_error", "temporarily_unavailable"].contains(&error.as_str());
        let why = granted.why();
        match granted.tokens(status) {
            Some(tokens) => Ok(tokens),
            None if status == 200 || status == 400 && !is_of_us => Err(NotSignedIn::Refused(why)),
            None => Err(NotSignedIn::Away(format!("it answered {status} to a renewal: {why}"))),
        }
    }

    /// Has a token that renews others taken back.
    pub(super) async fn revoke(&self, discovered: &Discovered, refresh: &str) -> Result<(), NotSignedIn> {
        let Some(address) = &discovered.revocation else { return Ok(()) };
        let fields = [("token", refresh), ("token_type_hint", "refresh_token")];
        let (form, authorization) = self.form(discovered, &fields);
        let (status, _) = self.issuer.send(address, form, authorization).await.map_err(NotSignedIn::Away)?;
        if status == 200 { Ok(()) } else { Err(NotSignedIn::Away(format!("it answered {status} to a revocation"))) }
    }

    async fn ask_for_tokens(
        &self,
        discovered: &Discovered,
        fields: &[(&str, &str)],
    ) -> Result<(u16, Granted), NotSignedIn> {
        let (form, authorization) = self.form(discovered, fields);
        let (status, body) =
            self.issuer.send(&discovered.token, form, authorization).await.map_err(NotSignedIn::Away)?;
        let unread = |_| NotSignedIn::Away(format!("it answered {status}, and nothing that it should"));
        Ok((status, serde_json::from_slice(&body).map_err(unread)?))
    }

    /// What is sent, and as whom.
    fn form(&self, discovered: &Discovered, fields: &[(&str, &str)]) -> (Zeroizing<String>, Option<Zeroizing<String>>) {
        let settings = &self.settings;
        let mut form = Serializer::new(String::new());
        form.extend_pairs(fields);
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

impl Granted {
    /// Why there are no tokens.
    fn why(&self) -> String {
        self.error.as_deref().map_or("there is no ID token", word).to_owned()
    }

    fn tokens(self, status: u16) -> Option<Tokens> {
        let refresh = self.refresh_token.filter(|token| (1..=LONGEST_REFRESH).contains(&token.len()));
        let id = self.id_token.filter(|_| status == 200)?;
        Some(Tokens { id: Zeroizing::new(id), refresh: refresh.map(Zeroizing::new) })
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
