//! What renews tokens: asked for when somebody signs in, used before their token ends, taken back when they sign out.
//!
//! In: settings, a token of a session and what renews it. Out: the next one, which is of the same person and for us; or that there is
//! none. Only an issuer that says no says anything of whoever is signed in: one that is away, or does not know us, does not.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::discovered::{Discovered, OFFLINE};
use super::provider::Tokens;
use super::{NotSignedIn, Oidc, OidcSettings, Token, claims};

impl Oidc {
    /// Has a token renewed that the API server knew, by what the issuer gave beside it.
    ///
    /// # Errors
    /// [`NotSignedIn::Refused`] where that is over; anything else says nothing of whoever is signed in.
    pub async fn renew(&self, token: &str, refresh: &str) -> Result<Token, NotSignedIn> {
        let provider = self.provider().await?;
        let settings = &provider.settings;
        if !claims::is_of(token, &settings.issuer) {
            return Err(NotSignedIn::Refused("another issuer signs people in now".to_owned()));
        }
        let discovered = provider.discovered().await?;
        let _turn = self.turns.acquire().await.map_err(|_| NotSignedIn::TooMany)?;
        let Tokens { id, refresh: next } = provider.renewed(&discovered, refresh).await?;
        let end = claims::renewed_end(&id, token, &settings.issuer, &settings.client, self.now());
        let end = end.map_err(|why| NotSignedIn::Refused(why.to_owned()))?;
        // An issuer that gives no other one means that this one goes on.
        let refresh = next.unwrap_or_else(|| Zeroizing::new(refresh.to_owned()));
        Ok(Token { token: id, end, refresh: Some(refresh), back: String::new() })
    }

    /// Has what renews tokens taken back, where the issuer does that. What became of it is nobody's to wait for: the session is over.
    pub async fn revoke(&self, refresh: &str) {
        let Ok(provider) = self.provider().await else { return };
        let Ok(discovered) = provider.discovered().await else { return };
        let _ = provider.revoke(&discovered, refresh).await;
    }

    /// When a token of a session ends; nothing where it does not say.
    #[must_use]
    pub fn end_of(token: &str) -> Option<Timestamp> {
        claims::says_end(token)
    }
}

/// What is asked for, and what has to be said beside that. A token that renews others takes the consent of whoever signs in, by the
/// protocol; an issuer that does not know the scope takes another word for it.
pub(super) fn scopes(settings: &OidcSettings, discovered: &Discovered) -> (String, Vec<(&'static str, &'static str)>) {
    let asks = settings.scopes.iter().any(|scope| scope == OFFLINE);
    let is_sent = |scope: &&String| discovered.has_offline_scope || *scope != OFFLINE;
    let scopes: Vec<&str> = settings.scopes.iter().filter(is_sent).map(String::as_str).collect();
    let more = match (asks, discovered.has_offline_scope) {
        (false, _) => vec![],
        (true, true) => vec![("prompt", "consent")],
        (true, false) => vec![("prompt", "consent"), ("access_type", "offline")],
    };
    (scopes.join(" "), more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_renews_tokens_is_asked_for_as_the_issuer_has_it() {
        let mut settings =
            OidcSettings::new("https://id.example.com", "us", "https://gitops.example.com").expect("good");
        let discovered = |scopes: &str| {
            let document = format!(
                r#"{{"issuer": "https://id.example.com", "authorization_endpoint": "https://id.example.com/a",
                "token_endpoint": "https://id.example.com/t", "scopes_supported": {scopes}}}"#
            );
            Discovered::read("https://id.example.com", None, document.as_bytes()).expect("good")
        };
        let (knows, does_not) = (discovered(r#"["openid", "offline_access"]"#), discovered(r#"["openid"]"#));
        settings.scopes = vec!["openid".to_owned()];
        assert_eq!(scopes(&settings, &knows), ("openid".to_owned(), vec![]), "nobody asked for it");
        settings.scopes.push(OFFLINE.to_owned());
        assert_eq!(scopes(&settings, &knows), ("openid offline_access".to_owned(), vec![("prompt", "consent")]));
        let (sent, more) = scopes(&settings, &does_not);
        assert!(sent == "openid" && more.contains(&("access_type", "offline")), "{sent} {more:?}");
    }
}
