//! Who a controller is to repositories, as Argo CD keeps it in its own namespace.
//!
//! In: Secrets with the label `argocd.argoproj.io/secret-type`, `repository` or `repo-creds`; the ConfigMaps
//! `argocd-ssh-known-hosts-cm` and `argocd-tls-certs-cm`. Out: [`Given`]: credentials, keys of SSH servers, certificates of
//! hosts, as the one type that fetches know them by. What is wrong with any of it is told without a value. Pure.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::fetch::Credentials;

/// What a controller was given.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Who it is.
    pub credentials: Credentials,
    /// Keys of SSH servers, as in a file of known hosts; the user's own count where there are none.
    pub known_hosts: Option<String>,
    /// Certificates to trust, in PEM, by host.
    pub certificates: BTreeMap<String, Vec<u8>>,
}

impl Given {
    /// Reads it. Gives what is wrong with it, too.
    #[must_use]
    pub fn read(secrets: &[Json], known_hosts: Option<&Json>, certificates: Option<&Json>) -> (Self, Vec<String>) {
        let (credentials, problems) = Credentials::of_secrets(secrets);
        let texts = |object: Option<&Json>| -> Vec<(String, String)> {
            let data = object.and_then(|object| object["data"].as_object()).into_iter().flatten();
            data.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
        };
        let known_hosts = texts(known_hosts).into_iter().find(|(name, _)| name == "ssh_known_hosts");
        let known_hosts = known_hosts.map(|(_, text)| text).filter(|text| !text.trim().is_empty());
        let certificates = texts(certificates).into_iter().map(|(host, pem)| (host, pem.into_bytes())).collect();
        (Self { credentials, known_hosts, certificates }, problems)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_argo_cd_keeps_is_read() {
        let hosts = json!({"data": {"ssh_known_hosts": "git.example.com ssh-ed25519 AAAA\n"}});
        let certificates = json!({"data": {"git.example.com": "PEM"}});
        let (given, problems) = Given::read(&[], Some(&hosts), Some(&certificates));
        assert_eq!(given.known_hosts.as_deref(), Some("git.example.com ssh-ed25519 AAAA\n"));
        assert_eq!(given.certificates, BTreeMap::from([("git.example.com".to_owned(), b"PEM".to_vec())]));
        assert!(problems.is_empty());
        let nothing = json!({"data": {"ssh_known_hosts": " "}});
        assert_eq!(Given::read(&[], Some(&nothing), None).0.known_hosts, None, "the user's own count");
    }
}
