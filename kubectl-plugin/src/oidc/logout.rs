//! Where a browser signs out at the issuer (OpenID Connect RP-Initiated Logout 1.0). Pure.
//!
//! In: settings, what the issuer says. Out: an address with our name and where to come back to, and without the token that the
//! protocol recommends: it opens the API server, and addresses are written down everywhere.

use url::Url;

use super::OidcSettings;
use super::discovered;
use super::provider::encoded;

/// The address; nothing where there is none.
pub(super) fn location(settings: &OidcSettings, end_session: Option<Url>) -> Option<String> {
    let own = settings.at("/");
    let mut location = if let Some(logout) = &settings.logout {
        without_token(&logout.replace("{{logoutRedirectURL}}", &encoded(&own)))?
    } else {
        let mut location = end_session?;
        location.query_pairs_mut().append_pair("post_logout_redirect_uri", &own);
        location
    };
    if !location.query_pairs().any(|(name, _)| name == "client_id") {
        location.query_pairs_mut().append_pair("client_id", &settings.client);
    }
    Some(location.into())
}

/// An address that was set, without what should be the token.
fn without_token(address: &str) -> Option<Url> {
    let mut address = discovered::address(address).ok()?;
    let kept: Vec<(String, String)> = address
        .query_pairs()
        .filter(|(_, value)| !value.contains("{{token}}"))
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    address.set_query(None);
    if !kept.is_empty() {
        address.query_pairs_mut().extend_pairs(kept);
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_in_an_address() {
        let address = "https://id.example.com/out?id_token_hint={{token}}&post_logout_redirect_uri=https%3A%2F%2Fa%2F";
        let without = without_token(address).expect("an address");
        assert_eq!(without.as_str(), "https://id.example.com/out?post_logout_redirect_uri=https%3A%2F%2Fa%2F");
        assert!(without_token("http://id.example.com/out").is_none());
        assert_eq!(without_token("https://a/o?x={{token}}").map(String::from).as_deref(), Some("https://a/o"));
    }

    #[test]
    fn the_issuer_is_told_who_we_are_and_where_to_come_back_to() {
        let mut settings =
            OidcSettings::new("https://id.example.com", "us", "https://gitops.example.com").expect("settings");
        let end = Url::parse("https://id.example.com/end").ok();
        let expected =
            "https://id.example.com/end?post_logout_redirect_uri=https%3A%2F%2Fgitops.example.com%2F&client_id=us";
        assert_eq!(location(&settings, end).as_deref(), Some(expected));
        assert_eq!(location(&settings, None), None);
        settings.logout = Some("https://id.example.com/out?t={{token}}&to={{logoutRedirectURL}}".to_owned());
        let expected = "https://id.example.com/out?to=https%3A%2F%2Fgitops.example.com%2F&client_id=us";
        assert_eq!(location(&settings, None).as_deref(), Some(expected));
    }
}
