//! cosign itself, beside a registry that has bundles.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use gitops_compiler::bundle::{Files, INDEX_FILE, MANIFEST, blob_path, digest};
use gitops_testdata::cosign;
use gitops_testdata::servers::{Access, Certificates, Registry};
use kubectl_gitops::bundle;
use serde_json::Value as Json;

use crate::shop::Shop;

static COSIGN: LazyLock<PathBuf> = LazyLock::new(|| cosign::build().expect("cosign builds"));

const NAME: &str = "team/shop";
pub(crate) const PASSWORD: &str = "correct horse";

/// A registry that has bundles, and cosign beside it.
pub(crate) struct Beside {
    registry: Registry,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Beside {
    pub(crate) fn new() -> Self {
        let registry = Registry::start(&Certificates::make().expect("certificates"), Access::Open).expect("a registry");
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let authority = std::fs::read(registry.certificate()).expect("read");
        let authority = reqwest::Certificate::from_pem(&authority).expect("a certificate");
        let client = reqwest::Client::builder().tls_certs_only([authority]).build().expect("a client");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { registry, client, runtime }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v2/{NAME}/{path}", self.registry.address())
    }

    pub(crate) fn reference(&self, digest: &str) -> String {
        format!("{}/{NAME}@{digest}", self.registry.address().trim_start_matches("https://"))
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (u16, reqwest::header::HeaderMap, Vec<u8>) {
        self.runtime.block_on(async {
            let answer = request.send().await.expect("an answer");
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            (status, headers, answer.bytes().await.expect("bytes").to_vec())
        })
    }

    /// Puts a layout there; gives the digest of the bundle.
    pub(crate) fn push(&self, files: &Files) -> String {
        let index: Json = serde_json::from_slice(&files[INDEX_FILE]).expect("JSON");
        let manifests: Vec<String> =
            index["manifests"].as_array().expect("manifests").iter().map(|one| text(one, "digest")).collect();
        for (path, bytes) in files.iter().filter(|(path, _)| path.contains('/')) {
            let name = digest(bytes).to_string();
            if manifests.contains(&name) {
                continue;
            }
            let (status, headers, _) = self.send(self.client.post(self.url("blobs/uploads/")));
            assert_eq!(status, 202, "{path}");
            let location = headers["location"].to_str().expect("text").to_owned();
            let location =
                if location.starts_with('/') { format!("{}{location}", self.registry.address()) } else { location };
            let put = self.client.put(location).query_digest(&name).body(bytes.clone());
            assert_eq!(self.send(put).0, 201, "{path}");
        }
        for name in &manifests {
            let bytes = files[&blob_path(&name.parse().expect("a digest"))].clone();
            let put =
                self.client.put(self.url(&format!("manifests/{name}"))).header("content-type", MANIFEST).body(bytes);
            let (status, _, answer) = self.send(put);
            assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        }
        manifests[0].clone()
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let (status, _, bytes) = self.send(self.client.get(self.url(path)).header("accept", MANIFEST));
        assert_eq!(status, 200, "{path}");
        bytes
    }

    /// The layout with everything that the registry says about its bundle.
    pub(crate) fn pull_referrers(&self, files: &Files, bundle: &str) -> Files {
        let listed: Json = serde_json::from_slice(&self.get(&format!("referrers/{bundle}"))).expect("JSON");
        let mut names: Vec<String> =
            listed["manifests"].as_array().expect("manifests").iter().map(|one| text(one, "digest")).collect();
        names.sort();
        let mut files = files.clone();
        let mut index = String::from_utf8(files[INDEX_FILE].clone()).expect("text").trim_end_matches("]}").to_owned();
        for name in names {
            let bytes = self.get(&format!("manifests/{name}"));
            let manifest: Json = serde_json::from_slice(&bytes).expect("JSON");
            let _ = write!(
                index,
                r#",{{"mediaType":"{MANIFEST}","digest":"{name}","size":{},"artifactType":{}}}"#,
                bytes.len(),
                manifest["artifactType"]
            );
            let parts = manifest["layers"].as_array().expect("layers").iter().chain([&manifest["config"]]);
            for part in parts.map(|part| text(part, "digest")) {
                files.insert(blob_path(&part.parse().expect("a digest")), self.get(&format!("blobs/{part}")));
            }
            files.insert(blob_path(&digest(&bytes)), bytes);
        }
        files.insert(INDEX_FILE.to_owned(), (index + "]}").into_bytes());
        files
    }

    pub(crate) fn cosign(&self, shop: &Shop, arguments: &[&str]) -> Output {
        let mut command = Command::new(&*COSIGN);
        command.args(arguments).current_dir(shop.home.path()).env_clear().env("HOME", shop.home.path());
        command.env("COSIGN_PASSWORD", PASSWORD).env("SSL_CERT_FILE", self.registry.certificate());
        command.output().expect("it runs")
    }

    pub(crate) fn good(&self, shop: &Shop, arguments: &[&str]) -> String {
        let output = self.cosign(shop, arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cosign {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

trait QueryDigest {
    fn query_digest(self, digest: &str) -> Self;
}

impl QueryDigest for reqwest::RequestBuilder {
    fn query_digest(self, digest: &str) -> Self {
        let (client, request) = self.build_split();
        let mut request = request.expect("a request");
        request.url_mut().query_pairs_mut().append_pair("digest", digest);
        Self::from_parts(client, request)
    }
}

fn text(value: &Json, field: &str) -> String {
    value[field].as_str().expect("text").to_owned()
}

pub(crate) fn files(shop: &Shop, name: &str) -> Files {
    bundle::read(&shop.path(name)).expect("read")
}
