//! Who may connect to the cluster, and how each side proves what it is.
//!
//! In: the users and the port. Out, in the data directory: a certificate authority and the API server's certificate
//! (rustls takes no server whose certificate is its own authority, as the one that kube-apiserver makes itself is), the
//! key that service account tokens are signed with, the token file, and a kubeconfig for each user.
//!
//! # Guarantees
//! Keys and tokens are new for each cluster; the data directory is readable by its user only.

use std::path::Path;

use rcgen::KeyPair;

use super::components::Component;
use super::directory::{self as file, DataDirectory, User};
use super::error::Error;
use crate::certificates;

/// The names by which the API server may be called.
const NAMES: [&str; 7] = [
    "127.0.0.1",
    "localhost",
    "10.96.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];
/// The group that may do everything.
const MASTERS: &str = "system:masters";

/// A user with the token that proves it.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) user: User,
    pub(super) token: String,
}

/// The accounts of a cluster: `admin` first, then `nobody` and `viewer`, those asked for, and the components.
pub(super) fn accounts(more: &[User]) -> Result<Vec<Account>, Error> {
    let components = [Component::Scheduler, Component::Kwok, Component::Metrics, Component::ControllerManager];
    let users = [User::new("admin", &[MASTERS]), User::new("nobody", &[]), User::new("viewer", &[])]
        .into_iter()
        .chain(more.iter().cloned())
        .chain(components.map(|component| User::new(component.name(), &[MASTERS])));
    users.map(|user| Ok(Account { user, token: token()? })).collect()
}

/// 128 random bits in hexadecimal.
fn token() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Writes all of it to the data directory; returns the certificate authority, as PEM.
pub(super) fn write(directory: &DataDirectory, accounts: &[Account], server: &str) -> Result<String, Error> {
    let authority = write_certificates(directory)?;
    let signing = KeyPair::generate()?;
    directory.write(file::SERVICE_ACCOUNT_KEY, &signing.serialize_pem())?;
    directory.write(file::SERVICE_ACCOUNT_PUBLIC_KEY, &signing.public_key_pem())?;
    directory.write(file::TOKENS, &accounts.iter().map(token_line).collect::<String>())?;
    let authority_path = directory.path().join(file::CERTIFICATE_AUTHORITY);
    for account in accounts {
        let text = kubeconfig(account, server, &authority_path);
        directory.write(&file::kubeconfig(&account.user.name), &text)?;
    }
    Ok(authority)
}

fn write_certificates(directory: &DataDirectory) -> Result<String, Error> {
    let certificates = certificates::issue("local cluster", "kube-apiserver", &NAMES)?;
    directory.write(file::CERTIFICATE_AUTHORITY, &certificates.authority)?;
    directory.write(file::SERVING_CERTIFICATE, &certificates.certificate)?;
    directory.write(file::SERVING_KEY, &certificates.key)?;
    Ok(certificates.authority)
}

/// A line of the API server's token file: token, name, uid, groups.
fn token_line(account: &Account) -> String {
    let Account { user: User { name, groups }, token } = account;
    format!("{token},{name},{name},\"{}\"\n", groups.join(","))
}

fn kubeconfig(account: &Account, server: &str, authority: &Path) -> String {
    let Account { user: User { name, .. }, token } = account;
    let authority = authority.display().to_string();
    format!(
        "apiVersion: v1
kind: Config
current-context: local
contexts:
  - name: local
    context:
      cluster: local
      user: {name}
clusters:
  - name: local
    cluster:
      server: {server}
      certificate-authority: {authority:?}
users:
  - name: {name}
    user:
      token: {token}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_account_has_a_token_of_its_own() {
        let more = [User::new("deployer", &["deployers", "people"])];
        let accounts = accounts(&more).expect("random numbers");
        let names: Vec<_> = accounts.iter().map(|account| account.user.name.as_str()).collect();
        let components = ["kube-scheduler", "kwok", "metrics-server", "kube-controller-manager"];
        assert_eq!(names[..4], ["admin", "nobody", "viewer", "deployer"]);
        assert_eq!(names[4..], components);
        let mut tokens: Vec<_> = accounts.iter().map(|account| &account.token).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), accounts.len());
        let line = token_line(&accounts[3]);
        assert_eq!(line[32..], *",deployer,deployer,\"deployers,people\"\n");
    }
}
