//! Docker's `config.json`, read as credentials for registries: what `docker login`, `helm registry login` and `oras login`
//! write.
//!
//! In: the bytes of such a file. Out: credentials, each for one registry, or for what is below a path of it where the key
//! has one, as Podman writes keys. Keys are as Docker reads them: a host with or without a scheme, `/v1/` and `/v2/` are no
//! part of it, and `https://index.docker.io/v1/` is Docker Hub by all of its names.
//!
//! Programs that keep credentials (`credsStore`, `credHelpers`) are not run here. A registry whose credential one of them has is
//! refused with its name once it is asked, unless whoever asks runs the program first (`credential_helper`): those of
//! `credHelpers`, and, where there is a `credsStore`, those that have an entry without content, which is what a login leaves
//! behind. Registries that the file does not name are asked as anybody.
//!
//! # Guarantees
//!
//! Errors have the file, and a key where it is about one; they never show a value.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde::Deserialize;

use super::credential_helper::Helper;
use super::credentials::Credential;
use super::secret::Secret;

/// The names of Docker Hub. The first is the one that logins are kept under.
const DOCKER_HUB: [&str; 3] = ["index.docker.io", "docker.io", "registry-1.docker.io"];

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Login>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    auth: String,
    username: String,
    password: String,
    #[serde(rename = "identitytoken")]
    identity_token: String,
    #[serde(rename = "registrytoken")]
    registry_token: String,
}

/// Reads a file.
pub(super) fn read(shown_path: &str, bytes: &[u8]) -> Result<Vec<Credential>, String> {
    // What the reader says may quote what stands there.
    let config: Config = serde_json::from_slice(bytes).map_err(|error| {
        format!(
            "{shown_path}:{}:{}: this is no configuration of registries as Docker has it",
            error.line(),
            error.column()
        )
    })?;
    let mut credentials = Vec::new();
    for (key, program) in &config.cred_helpers {
        let of_program = |registry: String| Credential { url: format!("oci://{registry}"), ..kept_by(program, key) };
        credentials.extend(registries(key).into_iter().map(of_program));
    }
    for (key, login) in &config.auths {
        // A helper of a registry counts more than an entry, and the store only where there is nothing else.
        if config.cred_helpers.keys().any(|helped| registries(helped) == registries(key)) {
            continue;
        }
        let credential = match login.credential().map_err(|why| format!("{shown_path}: the entry of {key} {why}"))? {
            Some(credential) => credential,
            None if config.creds_store.is_empty() => continue,
            None => kept_by(&config.creds_store, key),
        };
        let of_key = |registry: String| Credential { url: format!("oci://{registry}"), ..credential.clone() };
        credentials.extend(registries(key).into_iter().map(of_key));
    }
    Ok(credentials)
}

/// A credential that a program has.
fn kept_by(program: &str, registry: &str) -> Credential {
    let shown: String = program.chars().filter(char::is_ascii_graphic).take(60).collect();
    let why = format!("is kept by the program docker-credential-{shown}, which is not run");
    let helper = Helper { name: program.to_owned(), registry: registry.to_owned() };
    Credential { unsupported: Some(why), helper: Some(helper), ..Credential::default() }
}

/// What a key stands for: a host, perhaps with a path; of Docker Hub all hosts.
fn registries(key: &str) -> Vec<String> {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest).trim_end_matches('/');
    let rest = rest.strip_suffix("/v1").or_else(|| rest.strip_suffix("/v2")).unwrap_or(rest);
    let (host, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    if DOCKER_HUB.contains(&host.to_ascii_lowercase().as_str()) {
        return DOCKER_HUB.iter().map(|host| format!("{host}{path}")).collect();
    }
    vec![rest.to_owned()]
}

impl Login {
    /// `None` where there is nothing in it.
    fn credential(&self) -> Result<Option<Credential>, String> {
        let (mut username, mut password) = (self.username.clone(), self.password.clone());
        if !self.auth.is_empty() {
            (username, password) = decoded(&self.auth).ok_or("has an `auth` that is no `user:password` in base64")?;
        }
        let credential = Credential {
            username,
            password: Secret::new(password),
            identity_token: Secret::new(self.identity_token.clone()),
            bearer_token: Secret::new(self.registry_token.clone()),
            ..Credential::default()
        };
        Ok(credential.has_identity().then_some(credential))
    }
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let auth = auth.trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(auth).or_else(|_| STANDARD.decode(auth)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.trim_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::credentials::Credentials;
    use super::*;

    fn credentials(text: &str) -> Credentials {
        Credentials::read_registries("config.json", text.as_bytes()).expect("credentials")
    }

    fn user(all: &Credentials, address: &str) -> Option<String> {
        all.for_address(address).map(|one| one.username.clone())
    }

    #[test]
    fn a_login_is_for_its_registry_and_no_other() {
        let all = credentials(
            r#"{"auths": {"registry.example.com": {"auth": "YW5uYTpzM2NyZXQ="},
                "https://other.example.com:5000/v2/": {"username": "ben", "password": "s3cret"},
                "shared.example.com/team": {"auth": "Y2xhcmE6YTpi"},
                "https://index.docker.io/v1/": {"auth": "ZG9jazpzM2NyZXQ"}}, "currentContext": "x"}"#,
        );
        for (address, wanted) in [
            ("oci://registry.example.com/charts", Some("anna")),
            ("Registry.example.com/charts/shop", Some("anna")),
            ("oci://registry.example.com:5000/charts", None),
            ("oci://registry.example.com.elsewhere.org/x", None),
            ("https://registry.example.com/charts", None),
            ("oci://other.example.com:5000/x", Some("ben")),
            ("oci://other.example.com/x", None),
            ("oci://shared.example.com/team/shop", Some("clara")),
            ("oci://shared.example.com/teams/shop", None),
            ("oci://registry-1.docker.io/bitnamicharts/nginx", Some("dock")),
            ("oci://docker.io/x", Some("dock")),
        ] {
            assert_eq!(user(&all, address).as_deref(), wanted, "{address}");
        }
        let clara = all.for_address("oci://shared.example.com/team").expect("a credential");
        assert_eq!(clara.password.reveal(), "a:b");
    }

    #[test]
    fn tokens_are_kept_apart_from_passwords() {
        let all = credentials(
            r#"{"auths": {"a.example.com": {"auth": "PHRva2VuPjo=", "identitytoken": "s3cret"},
                "b.example.com": {"registrytoken": "s3cret"}}}"#,
        );
        let of = |address| all.for_address(address).expect("a credential");
        let (a, b) = (of("oci://a.example.com/x"), of("oci://b.example.com/x"));
        assert_eq!((a.identity_token.reveal(), a.bearer_token.is_empty()), ("s3cret", true));
        assert_eq!(b.bearer_token.reveal(), "s3cret");
        assert!(!format!("{all:?}").contains("s3cret"));
    }

    #[test]
    fn programs_are_refused_by_name_for_what_they_keep() {
        let all = credentials(
            r#"{"auths": {"a.example.com": {}, "b.example.com": {"auth": "YW5uYTpzM2NyZXQ="}, "c.example.com": {}},
                "credsStore": "desktop", "credHelpers": {"c.example.com": "ecr-login"}}"#,
        );
        let said = |address| all.for_address(address).map(|one| one.check().err().unwrap_or_default());
        let a = said("oci://a.example.com/x").expect("a credential");
        assert!(a.contains("docker-credential-desktop, which is not run"), "{a}");
        assert_eq!(said("oci://b.example.com/x").as_deref(), Some(""));
        assert!(said("oci://c.example.com/x").is_some_and(|said| said.contains("docker-credential-ecr-login")));
        assert_eq!(said("oci://d.example.com/x"), None, "anybody");
        // Without a store an entry without content says nothing.
        assert!(credentials(r#"{"auths": {"a.example.com": {}}}"#).for_address("oci://a.example.com/x").is_none());
    }

    #[test]
    fn errors_show_no_value() {
        for (text, wanted) in [
            (
                r#"{"auths": {"a.example.com": {"auth": "s3cret!"}}}"#,
                "config.json: the entry of a.example.com has an `auth`",
            ),
            (r#"{"auths": {"a.example.com": "s3cret"}}"#, "config.json:1:36: this is no configuration"),
            ("s3cret", "config.json:1:1: this is no configuration"),
        ] {
            let error = read("config.json", text.as_bytes()).expect_err(text);
            assert!(error.starts_with(wanted) && !error.contains("s3cret"), "{error}");
        }
    }
}
