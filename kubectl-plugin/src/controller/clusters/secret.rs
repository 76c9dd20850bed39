//! What a Secret says of a cluster, as Argo CD's users write it. Pure.
//!
//! In: a Secret with the label `argocd.argoproj.io/secret-type: cluster`. Out: [`ClusterSecret`]. What cannot be used is said
//! with its field, and never with a value. Programs that a Secret names (`execProviderConfig`, `awsAuthConfig`) are not run.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::cluster::{Access, Identity};

/// The cluster that a controller runs in, as destinations name it.
pub const HERE: &str = "https://kubernetes.default.svc";

/// Its name, where no Secret gives it another.
pub const HERE_NAME: &str = "in-cluster";

/// Where the records of all Applications of a cluster live: an annotation of its Secret.
pub const RECORD_NAMESPACE: &str = "kubectl-gitops/record-namespace";

/// Largest `config` that is read.
const MOST_BYTES: usize = 1 << 20;

/// A cluster, as its Secret describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSecret {
    /// The Secret's own name, for messages; empty where there is no Secret.
    pub secret: String,
    /// Its address, without a slash at the end.
    pub server: String,
    /// Its name.
    pub name: String,
    /// The only project that it serves; all where there is none.
    pub project: Option<String>,
    /// The only namespaces that may be written to; all where there are none.
    pub namespaces: Vec<String>,
    /// Whether objects without a namespace may be written although namespaces are named.
    pub has_cluster_resources: bool,
    /// Where records live, where it says so.
    pub record_namespace: Option<String>,
    /// How it is reached; nothing for the one that the controller runs in. Or what is wrong.
    pub access: Result<Option<Access>, String>,
}

/// `config`, as Argo CD has it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    username: String,
    password: String,
    bearer_token: String,
    tls_client_config: Tls,
    proxy_url: String,
    disable_compression: bool,
    aws_auth_config: Json,
    exec_provider_config: Json,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Tls {
    insecure: bool,
    server_name: String,
    cert_data: Option<String>,
    key_data: Option<String>,
    ca_data: Option<String>,
}

impl ClusterSecret {
    /// The cluster that the controller runs in, where no Secret says anything of it.
    #[must_use]
    pub fn here() -> Self {
        Self {
            secret: String::new(),
            server: HERE.to_owned(),
            name: HERE_NAME.to_owned(),
            project: None,
            namespaces: Vec::new(),
            has_cluster_resources: false,
            record_namespace: None,
            access: Ok(None),
        }
    }

    /// Reads a Secret; nothing where it names no server: then no destination can mean it.
    #[must_use]
    pub fn read(object: &Json) -> Option<Self> {
        let data: BTreeMap<&str, String> = object["data"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| {
                let bytes = BASE64_STANDARD.decode(value.as_str()?).ok()?;
                Some((name.as_str(), String::from_utf8(bytes).ok()?))
            })
            .collect();
        let text = |name: &str| data.get(name).map(|text| text.trim()).unwrap_or_default();
        let server = text("server").trim_end_matches('/').to_owned();
        if server.is_empty() {
            return None;
        }
        let listed = text("namespaces").split(',').map(str::trim).filter(|name| !name.is_empty());
        let namespaces: Vec<String> = listed.map(str::to_owned).collect();
        let record = object["metadata"]["annotations"][RECORD_NAMESPACE].as_str();
        let record_namespace = record.filter(|name| !name.is_empty()).map(str::to_owned);
        let named = namespaces.iter().chain(&record_namespace);
        let access = match named.clone().find(|name| !is_namespace(name)) {
            Some(name) => Err(format!("`{name}` cannot be the name of a namespace")),
            None => access(&server, text("config")),
        };
        Some(Self {
            secret: object["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            name: Some(text("name")).filter(|name| !name.is_empty()).unwrap_or(&server).to_owned(),
            project: Some(text("project")).filter(|project| !project.is_empty()).map(str::to_owned),
            has_cluster_resources: text("clusterResources") == "true",
            access,
            server,
            namespaces,
            record_namespace,
        })
    }

    /// Whether it is the cluster that the controller runs in.
    #[must_use]
    pub fn is_here(&self) -> bool {
        self.server == HERE
    }

    /// Whether nothing but the credentials differs.
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        let place = |it: &Self| {
            (it.server.clone(), it.namespaces.clone(), it.has_cluster_resources, it.record_namespace.clone())
        };
        place(self) == place(other)
    }

    /// Whether a Secret permits an object, in Argo CD's words where not.
    ///
    /// # Errors
    /// Why not.
    pub fn permits(&self, kind: &str, namespace: Option<&str>, name: &str) -> Result<(), String> {
        match namespace {
            _ if self.namespaces.is_empty() => Ok(()),
            Some(namespace) if self.namespaces.iter().any(|known| known == namespace) => Ok(()),
            Some(namespace) => Err(format!("namespace {namespace:?} for {kind} {name:?} is not managed")),
            None if self.has_cluster_resources => Ok(()),
            None => Err(format!("cluster level {kind} {name:?} can not be managed when in namespaced mode")),
        }
    }

    /// Where its objects are watched: everywhere, or in these namespaces, and those without a namespace where `true`.
    #[must_use]
    pub fn watched(&self) -> Option<(Vec<String>, bool)> {
        (!self.is_here() && !self.namespaces.is_empty()).then(|| (self.namespaces.clone(), self.has_cluster_resources))
    }

    /// The one namespace in which all of its records are; nothing where each may be in another.
    #[must_use]
    pub fn records_watched(&self) -> Option<&str> {
        self.record_namespace.as_deref().or(self.namespaces.first().map(String::as_str))
    }

    /// The namespace of the records of Applications of this namespace, in that cluster: the one that the Secret says, else
    /// the first of those that it is restricted to, else the one that is called as that of the Application.
    #[must_use]
    pub fn record_namespace<'a>(&'a self, of_application: &'a str) -> &'a str {
        if self.is_here() {
            return of_application;
        }
        self.records_watched().unwrap_or(of_application)
    }
}

/// Whether something is the address of a proxy that can be spoken to.
fn is_proxy(text: &str) -> bool {
    let Ok(address) = url::Url::parse(text) else { return false };
    let is_bare = matches!(address.path(), "" | "/") && address.query().is_none() && address.fragment().is_none();
    matches!(address.scheme(), "http" | "https" | "socks5") && address.has_host() && is_bare
}

/// Both become parts of paths.
fn is_namespace(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn access(server: &str, config: &str) -> Result<Option<Access>, String> {
    if config.len() > MOST_BYTES {
        return Err("config is too large".to_owned());
    }
    // What a parser says of JSON that is none quotes it.
    let config: Config = match config {
        "" => Config::default(),
        text => serde_json::from_str(text).map_err(|_| "config is not JSON as Argo CD has it".to_owned())?,
    };
    for (field, value) in
        [("execProviderConfig", &config.exec_provider_config), ("awsAuthConfig", &config.aws_auth_config)]
    {
        if !value.is_null() {
            return Err(format!(
                "config.{field} names a program, and no program is run for credentials: put a token of a ServiceAccount into \
                 config.bearerToken, and let whatever makes such tokens write them there"
            ));
        }
    }
    let proxy = Some(config.proxy_url).filter(|proxy| !proxy.is_empty());
    if !proxy.as_deref().is_none_or(is_proxy) {
        return Err("config.proxyUrl is no address of a proxy: http://…, https://… or socks5://…".to_owned());
    }
    let identity = match (config.bearer_token.as_str(), config.username.as_str()) {
        ("", "") => Identity::None,
        (token, "") => Identity::Token(token.to_owned()),
        ("", name) => Identity::Password(name.to_owned(), config.password),
        _ => return Err("config has both bearerToken and username: one of them says who asks".to_owned()),
    };
    if server == HERE {
        return match identity {
            Identity::None => Ok(None),
            _ => Err(format!("config has credentials for {HERE}, where the controller is itself: leave them out")),
        };
    }
    let is_harmless = server.starts_with("http://") && identity == Identity::None;
    if !is_harmless && !server.starts_with("https://") {
        return Err("server is no address that begins with https://".to_owned());
    }
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let Tls { insecure, server_name, cert_data, key_data, ca_data } = config.tls_client_config;
    let certificate = match (some(cert_data), some(key_data)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("config.tlsClientConfig has one of certData and keyData without the other".to_owned()),
    };
    let authorities = some(ca_data);
    if insecure && authorities.is_some() {
        return Err("config.tlsClientConfig has caData and insecure: one of them says what is believed".to_owned());
    }
    Ok(Some(Access {
        server: server.to_owned(),
        identity,
        certificate,
        authorities,
        is_insecure: insecure,
        server_name: some(Some(server_name)),
        is_uncompressed: config.disable_compression,
        proxy,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(data: &[(&str, &str)]) -> ClusterSecret {
        let data: BTreeMap<&str, String> =
            data.iter().map(|(name, text)| (*name, BASE64_STANDARD.encode(text))).collect();
        let object = json!({"metadata": {"name": "prod"}, "data": data});
        ClusterSecret::read(&object).expect("it has a server")
    }

    fn of(config: &str) -> Result<Option<Access>, String> {
        secret(&[("server", "https://prod.example"), ("config", config)]).access
    }

    #[test]
    fn a_secret_is_read_as_argo_cd_reads_it() {
        let read = secret(&[
            ("server", "https://prod.example:6443/\n"),
            ("name", "prod"),
            ("namespaces", "a, b,,"),
            ("clusterResources", "true"),
            ("project", "shop"),
            ("config", r#"{"bearerToken": "t0ken", "tlsClientConfig": {"caData": "Q0E=", "serverName": "x"}}"#),
        ]);
        assert_eq!((read.server.as_str(), read.name.as_str()), ("https://prod.example:6443", "prod"));
        assert_eq!(
            (read.namespaces.as_slice(), read.has_cluster_resources),
            (&["a", "b"].map(str::to_owned)[..], true)
        );
        assert_eq!(read.project.as_deref(), Some("shop"));
        let access = read.access.clone().expect("it can be used").expect("it is elsewhere");
        assert!(access.identity == Identity::Token("t0ken".to_owned()));
        assert_eq!((access.authorities.as_deref(), access.server_name.as_deref()), (Some("Q0E="), Some("x")));
        assert!(!format!("{read:?}").contains("t0ken"), "{read:?}");
        let nameless = secret(&[("server", "https://prod.example")]);
        assert_eq!((nameless.name.as_str(), nameless.project), ("https://prod.example", None));
        assert_eq!(ClusterSecret::read(&json!({"data": {"name": "cHJvZA=="}})), None);
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_field_and_without_a_value() {
        for (config, told) in [
            (r#"{"execProviderConfig": {"command": "s3cret"}}"#, "execProviderConfig"),
            (r#"{"awsAuthConfig": {"clusterName": "s3cret"}}"#, "awsAuthConfig"),
            (r#"{"proxyUrl": "ftp://u:s3cret@p"}"#, "proxyUrl"),
            (r#"{"proxyUrl": "http://u:s3cret@p/x"}"#, "proxyUrl"),
            (r#"{"proxyUrl": "s3cret"}"#, "proxyUrl"),
            (r#"{"bearerToken": "s3cret", "username": "u"}"#, "both bearerToken and username"),
            (r#"{"tlsClientConfig": {"certData": "s3cret"}}"#, "certData"),
            (r#"{"tlsClientConfig": {"insecure": true, "caData": "s3cret"}}"#, "insecure"),
            (r#"{"bearerToken": s3cret}"#, "not JSON"),
            (r#"{"bearerToken": ["s3cret"]}"#, "not JSON"),
        ] {
            let why = of(config).expect_err(config);
            assert!(why.contains(told) && !why.contains("s3cret"), "{why}");
        }
        let plain = secret(&[("server", "http://prod.example"), ("config", r#"{"bearerToken": "s3cret"}"#)]);
        assert!(plain.access.is_err(), "a token is not sent where all can read it");
        let escaping = secret(&[("server", "https://prod.example"), ("namespaces", "a/../b")]);
        assert!(escaping.access.is_err());
    }

    #[test]
    fn a_cluster_is_reached_through_what_its_secret_names() {
        for proxy in ["http://u:s3cret@p:3128", "https://p", "socks5://p:1080/"] {
            let access =
                of(&format!(r#"{{"bearerToken": "t", "proxyUrl": "{proxy}"}}"#)).expect(proxy).expect("elsewhere");
            assert_eq!(access.proxy.as_deref(), Some(proxy));
            assert!(!format!("{access:?}").contains("s3cret"));
        }
    }

    #[test]
    fn where_it_runs_itself_it_takes_no_credentials_of_others() {
        let here = |config: &str| secret(&[("server", HERE), ("config", config)]).access;
        assert_eq!(here(r#"{"tlsClientConfig": {"insecure": false}}"#), Ok(None));
        assert!(here(r#"{"bearerToken": "t"}"#).is_err());
    }

    #[test]
    fn records_live_where_it_is_said_else_where_it_may_write_else_beside_the_application_s_name() {
        let mut read = secret(&[("server", "https://prod.example")]);
        assert_eq!(read.record_namespace("argocd"), "argocd");
        read.namespaces = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(read.record_namespace("argocd"), "a");
        read.record_namespace = Some("records".to_owned());
        assert_eq!(read.record_namespace("argocd"), "records");
        let here = ClusterSecret { record_namespace: Some("x".to_owned()), ..ClusterSecret::here() };
        assert_eq!(here.record_namespace("argocd"), "argocd", "there the Application is itself");
    }

    #[test]
    fn a_restricted_secret_permits_its_namespaces_and_no_others() {
        let mut read = secret(&[("server", "https://prod.example"), ("namespaces", "a")]);
        assert_eq!(read.permits("ConfigMap", Some("a"), "x"), Ok(()));
        let told = read.permits("ConfigMap", Some("b"), "x").expect_err("another");
        assert_eq!(told, r#"namespace "b" for ConfigMap "x" is not managed"#);
        let told = read.permits("ClusterRole", None, "x").expect_err("none");
        assert_eq!(told, r#"cluster level ClusterRole "x" can not be managed when in namespaced mode"#);
        read.has_cluster_resources = true;
        assert_eq!(read.permits("ClusterRole", None, "x"), Ok(()));
        read.namespaces.clear();
        assert_eq!(read.permits("ConfigMap", Some("b"), "x"), Ok(()));
    }
}
