//! Who signs people in: flags, or what Argo CD's users have in `argocd-cm`. Pure.
//!
//! In: `oidc.config` and `url`, or flags. Out: [`OidcSettings`], and which Secret has the client's own.

use serde::Deserialize;
use serde_json::Value as Json;
use url::Url;
use zeroize::Zeroizing;

use super::discovered::address;
use crate::webhook::SecretReference;

/// What is asked for where nothing is said, as in Argo CD.
const SCOPES: [&str; 4] = ["openid", "profile", "email", "groups"];
/// The Secret of values that begin with `$`, as Argo CD calls it.
const SECRET: &str = "argocd-secret";

/// Who signs people in.
#[derive(Clone)]
pub struct OidcSettings {
    /// What people call it.
    pub name: String,
    /// Its address, exactly as its tokens have it.
    pub issuer: String,
    /// Who we are to it.
    pub client: String,
    /// How we prove that; nothing of a public client.
    pub secret: Option<Zeroizing<String>>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Claims that are asked for.
    pub claims: Option<Json>,
    /// Certificates that may vouch for it, in PEM, instead of those of the system.
    pub authorities: Option<String>,
    /// Where codes are sent, where that is not the issuer's own host.
    pub token_address: Option<Url>,
    /// Where browsers are sent to sign out, instead of where the issuer says.
    pub logout: Option<String>,
    /// Where we are, for browsers.
    pub own: Url,
}

/// `oidc.config`. What else is in it is of Argo CD's own programs.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    name: String,
    issuer: String,
    #[serde(rename = "clientID")]
    client_id: String,
    #[serde(default, rename = "clientSecret")]
    client_secret: String,
    #[serde(default, rename = "requestedScopes")]
    requested_scopes: Vec<String>,
    #[serde(default, rename = "requestedIDTokenClaims")]
    requested_claims: Option<Json>,
    #[serde(default, rename = "rootCA")]
    root_ca: String,
    #[serde(default, rename = "logoutURL")]
    logout: String,
}

/// Where the secret of a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SecretPlace {
    /// There is none.
    None,
    /// It was written there.
    Written,
    /// In a Secret: one that says that it is Argo CD's, but for its own.
    Elsewhere(SecretReference, bool),
}

impl OidcSettings {
    /// Of `argocd-cm`.
    ///
    /// # Errors
    /// What is wrong there; nothing of what is secret.
    pub(super) fn of_config(config: &str, own: &str) -> Result<(Self, SecretPlace), String> {
        // What it says of a wrong document might quote a secret.
        let config: Config = serde_yaml::from_str(config)
            .map_err(|_| "oidc.config of argocd-cm has no issuer or no clientID, or is no such document".to_owned())?;
        let place = place(&config.client_secret)?;
        let secret = (place == SecretPlace::Written).then(|| Zeroizing::new(config.client_secret.clone()));
        let filled = |text: String| Some(text).filter(|text| !text.is_empty());
        let claims = config.requested_claims.map(|claims| serde_json::json!({"id_token": claims}));
        let mut settings = Self::new(&config.issuer, &config.client_id, own)?;
        settings.secret = secret;
        settings.claims = claims;
        settings.authorities = filled(config.root_ca);
        settings.logout = filled(config.logout);
        if !config.name.is_empty() {
            settings.name = config.name;
        }
        if !config.requested_scopes.is_empty() {
            settings.scopes = config.requested_scopes;
        }
        Ok((settings, place))
    }

    /// An issuer, who we are to it, where we are.
    ///
    /// # Errors
    /// Where an address is none.
    pub fn new(issuer: &str, client: &str, own: &str) -> Result<Self, String> {
        let address_of_issuer = address(issuer).map_err(|error| format!("the issuer: {error}"))?;
        if address_of_issuer.query().is_some() || client.is_empty() {
            return Err("the issuer's address has a query, or the client has no name".to_owned());
        }
        let own = address(own).map_err(|error| format!("the address of this server (url): {error}"))?;
        Ok(Self {
            name: "OIDC".to_owned(),
            issuer: issuer.to_owned(),
            client: client.to_owned(),
            secret: None,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            claims: None,
            authorities: None,
            token_address: None,
            logout: None,
            own,
        })
    }

    /// An address of ours.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.own.as_str().trim_end_matches('/'))
    }
}

/// `$key` of Argo CD's own Secret, `$name:key` of another, or the value itself.
fn place(value: &str) -> Result<SecretPlace, String> {
    let Some(reference) = value.trim().strip_prefix('$') else {
        return Ok(if value.is_empty() { SecretPlace::None } else { SecretPlace::Written });
    };
    let wrong = || "clientSecret of oidc.config leads to no Secret: it is $KEY, or $NAME:KEY".to_owned();
    let is_other = reference.contains(':');
    let whole = if is_other { reference.to_owned() } else { format!("{SECRET}:{reference}") };
    SecretReference::parse(&whole).map(|reference| SecretPlace::Elsewhere(reference, is_other)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_of_argo_cd_have_is_read() {
        let text = "name: Okta\nissuer: https://dev-1.okta.example.com\nclientID: abc\nclientSecret: $oidc.okta.clientSecret\n\
                    requestedScopes: [\"openid\", \"groups\"]\nrequestedIDTokenClaims: {\"groups\": {\"essential\": true}}\n\
                    enablePKCEAuthentication: true\ncliClientID: x\n";
        let (settings, place) = OidcSettings::of_config(text, "https://gitops.example.com/").expect("good");
        assert_eq!((settings.name.as_str(), settings.client.as_str()), ("Okta", "abc"));
        assert_eq!(settings.scopes, ["openid", "groups"]);
        assert_eq!(settings.claims, Some(serde_json::json!({"id_token": {"groups": {"essential": true}}})));
        assert_eq!(settings.at("/auth/callback"), "https://gitops.example.com/auth/callback");
        let reference = SecretReference::parse("argocd-secret:oidc.okta.clientSecret").expect("a reference");
        assert!(settings.secret.is_none() && place == SecretPlace::Elsewhere(reference, false));
    }

    #[test]
    fn a_secret_is_where_it_says() {
        let of = |value: &str| {
            let text = format!("issuer: https://id.example.com\nclientID: abc\nclientSecret: \"{value}\"\n");
            OidcSettings::of_config(&text, "https://gitops.example.com").map(|(_, place)| place)
        };
        let other = SecretReference::parse("others:a.b").expect("a reference");
        assert_eq!(of("$others:a.b"), Ok(SecretPlace::Elsewhere(other, true)));
        assert_eq!((of(""), of("abc")), (Ok(SecretPlace::None), Ok(SecretPlace::Written)));
        for wrong in ["$", "$a/b:c", "$../x:y", "$a:b:c/d"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_what_is_secret() {
        let good = "https://gitops.example.com";
        for (text, own) in [
            ("clientSecret: s3cret\nissuer: [", good),
            ("clientSecret: s3cret", good),
            ("issuer: http://id.example.com\nclientID: a\nclientSecret: s3cret", good),
            ("issuer: https://id.example.com?a=b\nclientID: a\nclientSecret: s3cret", good),
            ("issuer: https://id.example.com\nclientID: \"\"\nclientSecret: s3cret", good),
            ("issuer: https://id.example.com\nclientID: a\nclientSecret: s3cret", ""),
            ("issuer: https://id.example.com\nclientID: a\nclientSecret: s3cret", "http://gitops.example.com"),
        ] {
            let error = OidcSettings::of_config(text, own).err().expect("wrong");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
