//! Fetching from real sockets, from servers that help and servers that do not.

mod chart_repository;
mod registry;
mod server;
mod web;

use super::credentials::Credentials;
use super::error::FetchError;

/// A Secret with a user and a password for an address.
fn login(url: &str) -> Credentials {
    let text = format!(
        "kind: Secret\nmetadata: {{labels: {{argocd.argoproj.io/secret-type: repository}}}}\n\
         stringData: {{url: '{url}', username: anna, password: s3cret}}\n"
    );
    Credentials::read("repositories.yaml", text.as_bytes()).expect("a credential")
}

/// What `login` sends: `anna:s3cret`.
const LOGIN: &str = "Basic YW5uYTpzM2NyZXQ=";

/// No output of an error shows what nobody must see.
fn check_hidden(error: &FetchError) {
    let shown = format!("{error} {error:?}");
    for secret in ["s3cret", "YW5uYTpzM2NyZXQ"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
