//! Credentials that somebody gives, instead of a kubeconfig.
//!
//! In: the address of an API server, and how to speak to it. Out: a configuration of the client. Nothing of it is ever
//! printed: [`Access`] says its address and nothing else. No program is run for credentials and no file is read, whatever is
//! given: it comes from others.

use std::fmt;

use kube::config::{
    AuthInfo, Cluster, Config, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster,
    NamedContext,
};

/// What the parts of a kubeconfig of one cluster are called.
const NAME: &str = "given";

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Identity {
    /// Whoever the certificate names, or nobody.
    None,
    /// A token.
    Token(String),
    /// A name and a password.
    Password(String, String),
}

/// How to reach an API server.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// Its address.
    pub server: String,
    /// Who asks.
    pub identity: Identity,
    /// A certificate and its key, each PEM in base64.
    pub certificate: Option<(String, String)>,
    /// Which authorities are believed, PEM in base64; those of the system where there are none.
    pub authorities: Option<String>,
    /// Whether any certificate of the server is believed.
    pub is_insecure: bool,
    /// The name that the server's certificate must have; that of the address where there is none.
    pub server_name: Option<String>,
    /// Whether answers come as they are.
    pub is_uncompressed: bool,
    /// Through what it is reached; may hold a name and a password.
    pub proxy: Option<String>,
}

impl fmt::Debug for Access {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Access").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Access {
    /// The client's configuration.
    pub(super) async fn config(&self) -> Result<Config, KubeconfigError> {
        let cluster = Cluster {
            server: Some(self.server.clone()),
            insecure_skip_tls_verify: Some(self.is_insecure),
            certificate_authority_data: self.authorities.clone(),
            tls_server_name: self.server_name.clone(),
            disable_compression: Some(self.is_uncompressed),
            ..Cluster::default()
        };
        let mut user = AuthInfo::default();
        match &self.identity {
            Identity::None => {}
            Identity::Token(token) => user.token = Some(token.clone().into()),
            Identity::Password(name, password) => {
                user.username = Some(name.clone());
                user.password = Some(password.clone().into());
            }
        }
        if let Some((certificate, key)) = &self.certificate {
            user.client_certificate_data = Some(certificate.clone());
            user.client_key_data = Some(key.clone().into());
        }
        let context = Context { cluster: NAME.to_owned(), user: Some(NAME.to_owned()), ..Context::default() };
        let kubeconfig = Kubeconfig {
            clusters: vec![NamedCluster { name: NAME.to_owned(), cluster: Some(cluster), ..NamedCluster::default() }],
            auth_infos: vec![NamedAuthInfo {
                name: NAME.to_owned(),
                auth_info: Some(user),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext { name: NAME.to_owned(), context: Some(context), ..NamedContext::default() }],
            current_context: Some(NAME.to_owned()),
            ..Kubeconfig::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        // The environment of this process says nothing of that cluster.
        config.proxy_url = match &self.proxy {
            Some(proxy) => Some(proxy.parse().map_err(KubeconfigError::ParseProxyUrl)?),
            None => None,
        };
        // Requests have timeouts and repetitions of their own, which know what may be sent twice.
        config.default_retry = false;
        Ok(config)
    }
}
