//! An issuer whose tokens the API server takes, a cluster, and a controller that sends browsers there; and a browser at the issuer's.

use std::collections::BTreeMap;

use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::servers::Certificates;
use gitops_testdata::servers::oidc::{OWN_ADDRESS, OidcProvider};
use reqwest::Url;
use serde_json::json;

use crate::world::Ground;

/// A provider, a cluster that takes its tokens, and a controller that sends browsers there.
pub(crate) struct Scene {
    pub(crate) provider: OidcProvider,
    pub(crate) cluster: LocalCluster,
    pub(crate) ground: Ground,
    #[allow(dead_code, reason = "the tests of the UI serve over TLS with them")]
    pub(crate) certificates: Certificates,
}

/// What somebody at the provider's is: a browser that follows redirects there, and no further.
pub(crate) struct Browser {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    cookies: BTreeMap<String, String>,
}

impl Scene {
    /// Nobody is sent there yet.
    pub(crate) fn new(name: &str) -> Self {
        let certificates = Certificates::make().expect("certificates");
        let provider = OidcProvider::start(&certificates).expect("a provider");
        let authentication = Some(provider.authentication().to_string());
        let cluster = LocalCluster::start(&Options { authentication, ..Options::default() }).expect("a cluster");
        let ground = Ground::on(&cluster, name);
        Self { provider, cluster, ground, certificates }
    }

    /// Starts a controller that sends browsers to an issuer as this client; gives its address.
    pub(crate) fn start(&mut self, client: &str, issuer: &str) -> String {
        self.start_with(client, issuer, &[])
    }

    /// The same with more flags.
    pub(crate) fn start_with(&mut self, client: &str, issuer: &str, more: &[&str]) -> String {
        let home = self.ground.world.home.path();
        let (secret, authority) = (home.join("client-secret"), home.join("authority.pem"));
        std::fs::write(&secret, self.provider.secret()).expect("written");
        std::fs::write(&authority, self.provider.authority()).expect("written");
        let (secret, authority) = (secret.display().to_string(), authority.display().to_string());
        let before = self.ground.said().len();
        let flags = ["--listen", "127.0.0.1:0", "--api", "--polling", "0", "--url", OWN_ADDRESS];
        let oidc = ["--oidc-issuer", issuer, "--oidc-client-id", client, "--oidc-scopes", "openid,email,groups"];
        let files = ["--oidc-client-secret-file", &secret, "--oidc-ca-file", &authority];
        self.ground.start_with(&[&flags[..], &oidc[..], &files[..], more].concat());
        self.ground.until("it listens", |ground| ground.said()[before..].contains("metrics on "));
        let said = self.ground.said()[before..].to_owned();
        let line = said.lines().find_map(|line| line.split_once("metrics on ")).expect("an address").1;
        line.split(',').next().expect("an address").trim().to_owned()
    }

    /// Whoever the issuer knows in its groups may do everything.
    pub(crate) fn let_people_in(&self) {
        self.ground.create(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "people"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "oidc:people"}],
        }));
    }

    /// Somebody with a browser.
    pub(crate) fn browser(&self) -> Browser {
        let authority = reqwest::Certificate::from_pem(self.provider.authority().as_bytes()).expect("a certificate");
        let client = reqwest::Client::builder().tls_certs_only([authority]);
        let client = client.redirect(reqwest::redirect::Policy::none()).build().expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Browser { client, runtime, cookies: BTreeMap::new() }
    }
}

impl Browser {
    /// What the provider answers at an address that is the test's own.
    pub(crate) fn read(&self, address: &str) -> String {
        let reply = async { self.client.get(address).send().await.expect("the provider answers").text().await };
        self.runtime.block_on(reply).expect("text")
    }

    /// Follows redirects at the provider's until one leads back; gives its path and query.
    pub(crate) fn follow(&mut self, address: &str) -> String {
        let mut next = Url::parse(address).expect("an address");
        for _ in 0..10 {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let request = self.client.get(next.clone()).header("cookie", cookies.join("; "));
            let reply = self.runtime.block_on(async { request.send().await }).expect("the provider answers");
            for cookie in reply.headers().get_all("set-cookie") {
                let cookie = cookie.to_str().expect("text").split(';').next().expect("a cookie");
                let (name, value) = cookie.split_once('=').expect("a name");
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let location = reply.headers().get("location").expect("a redirect").to_str().expect("text");
            next = next.join(location).expect("an address");
            if let Some(path) = next.as_str().strip_prefix(OWN_ADDRESS) {
                return path.to_owned();
            }
        }
        panic!("there is no end of {address}");
    }
}
