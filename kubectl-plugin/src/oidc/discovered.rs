//! What an issuer says of itself (OpenID Connect Discovery 1.0). Pure.
//!
//! In: its document, its address as it was set. Out: where browsers are sent, and where codes become tokens. The latter is an address of
//! the issuer itself, or the one that was set: nothing that is read leads us to another host. Where a browser goes may be another host,
//! over TLS.

use serde::Deserialize;
use url::Url;

/// The document, where it is below the address of an issuer.
pub(super) const PATH: &str = "/.well-known/openid-configuration";

/// The scope of tokens that renew others.
pub(super) const OFFLINE: &str = "offline_access";

/// What is needed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Discovered {
    /// Where browsers are sent to sign in.
    pub(super) authorization: Url,
    /// Where codes become tokens.
    pub(super) token: Url,
    /// Where browsers are sent to sign out.
    pub(super) end_session: Option<Url>,
    /// Where tokens are taken back (RFC 7009): at the host that makes them, since it is told who we are.
    pub(super) revocation: Option<Url>,
    /// Whether a token that renews others is asked for by the scope `offline_access`, and not by `access_type`, as Google has it.
    pub(super) has_offline_scope: bool,
    /// Whether the secret goes in the body, since the issuer does not take it in a header.
    pub(super) secret_in_body: bool,
    /// Whether it says who it is when a browser comes back (RFC 9207).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    end_session_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    scopes_supported: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Discovered {
    /// Reads a document. `token` is where codes are sent, where that was set.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(issuer: &str, token: Option<&Url>, document: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(document).map_err(|_| "what it says of itself is no such document".to_owned())?;
        if document.issuer != issuer {
            return Err("it says that it is another issuer".to_owned());
        }
        if document.code_challenge_methods_supported.is_some_and(|methods| !methods.iter().any(|one| one == "S256")) {
            return Err("it does not know PKCE with S256".to_owned());
        }
        let own = Url::parse(issuer).map_err(|_| "its address is none".to_owned())?;
        let named = address(&document.token_endpoint)?;
        let token = match token {
            Some(token) if *token == named => named,
            Some(_) => return Err("it takes codes at another address than the one that was set".to_owned()),
            None if named.origin() == own.origin() => named,
            None => return Err("it takes codes at another host: set which address that is".to_owned()),
        };
        let methods = document.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        let revocation = document.revocation_endpoint.as_deref().map(address).transpose()?;
        let scopes = document.scopes_supported;
        Ok(Self {
            authorization: address(&document.authorization_endpoint)?,
            revocation: revocation.filter(|revocation| revocation.origin() == token.origin()),
            has_offline_scope: scopes.is_none_or(|scopes| scopes.iter().any(|scope| scope == OFFLINE)),
            token,
            end_session: document.end_session_endpoint.as_deref().map(address).transpose()?,
            secret_in_body: !has("client_secret_basic") && has("client_secret_post"),
            names_itself: document.authorization_response_iss_parameter_supported,
        })
    }
}

/// An address that is asked over TLS.
pub(super) fn address(text: &str) -> Result<Url, String> {
    let wrong = || "an address is none, or not over TLS".to_owned();
    let address = Url::parse(text).map_err(|_| wrong())?;
    let is_good = address.scheme() == "https"
        && address.has_host()
        && address.username().is_empty()
        && address.password().is_none()
        && address.fragment().is_none();
    if is_good { Ok(address) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    const ISSUER: &str = "https://id.example.com/realm";

    fn read(change: &Json) -> Result<Discovered, String> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://sign-in.example.com/auth",
            "token_endpoint": "https://id.example.com/token",
        });
        for (name, value) in change.as_object().expect("an object") {
            document[name] = value.clone();
        }
        Discovered::read(ISSUER, None, document.to_string().as_bytes())
    }

    #[test]
    fn only_the_issuer_itself_learns_a_code() {
        let found = read(&json!({})).expect("good");
        assert_eq!(found.token.as_str(), "https://id.example.com/token");
        assert!(!found.secret_in_body && !found.names_itself && found.end_session.is_none());
        for wrong in [
            json!({"issuer": "https://id.example.com/realm/"}),
            json!({"issuer": "https://evil.example.com"}),
            json!({"token_endpoint": "https://evil.example.com/token"}),
            json!({"token_endpoint": "https://id.example.com:444/token"}),
            json!({"token_endpoint": "http://id.example.com/token"}),
            json!({"token_endpoint": "https://a:b@id.example.com/token"}),
            json!({"authorization_endpoint": "http://id.example.com/auth"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"end_session_endpoint": "http://id.example.com/end"}),
            json!({"revocation_endpoint": "http://id.example.com/revoke"}),
            json!({"code_challenge_methods_supported": ["plain"]}),
            json!({"token_endpoint": 1}),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
        assert!(Discovered::read(ISSUER, None, b"{").is_err());
        let posts = read(&json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]})).expect("good");
        assert!(posts.secret_in_body);
        let revocation = |address: &str| read(&json!({"revocation_endpoint": address})).expect("good").revocation;
        assert!(
            revocation("https://id.example.com/revoke").is_some() && revocation("https://evil.example.com/").is_none()
        );
        let offline = |scopes: &Json| read(&json!({"scopes_supported": scopes})).expect("good").has_offline_scope;
        assert!(offline(&json!(null)) && offline(&json!(["openid", OFFLINE])) && !offline(&json!(["openid"])));
    }

    #[test]
    fn another_host_is_one_that_was_set() {
        let document = json!({
            "issuer": ISSUER, "authorization_endpoint": "https://id.example.com/auth",
            "token_endpoint": "https://tokens.example.com/token",
        });
        let read = |set: &str| {
            let set = Url::parse(set).expect("an address");
            Discovered::read(ISSUER, Some(&set), document.to_string().as_bytes())
        };
        assert!(read("https://tokens.example.com/token").is_ok());
        assert!(read("https://others.example.com/token").is_err());
    }
}
