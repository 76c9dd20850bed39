//! Fetching from real sockets, from servers that help and servers that do not.

mod archive;
mod aws_identity;
mod chart_repository;
mod github_app;
mod lfs;
mod mirrors;
mod registry;
mod server;
mod web;

use super::credentials::Credentials;
use super::error::FetchError;

/// A Secret with a user and a password for an address.
fn login(url: &str) -> Credentials {
    credential(url, &[("username", "anna"), ("password", "s3cret")])
}

/// A Secret for an address.
fn credential(url: &str, fields: &[(&str, &str)]) -> Credentials {
    let head = "kind: Secret\nmetadata: {labels: {argocd.argoproj.io/secret-type: repository}}\n";
    let lines = fields.iter().map(|(key, value)| format!("  {key}: {value:?}\n"));
    let text = format!("{head}stringData:\n  url: '{url}'\n{}", lines.collect::<String>());
    Credentials::read("repositories.yaml", text.as_bytes()).expect("a credential")
}

/// What `login` sends: `anna:s3cret`.
const LOGIN: &str = "Basic YW5uYTpzM2NyZXQ=";

/// No output of an error shows what nobody must see.
fn check_hidden(error: &FetchError) {
    let shown = format!("{error} {error:?}");
    for secret in ["s3cret", "YW5uYTpzM2NyZXQ", "t0ken"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
