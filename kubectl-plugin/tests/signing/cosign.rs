//! cosign itself, of version 3: what it signs is taken here, and what is signed here is taken by it; by way of a registry, and of
//! the folder of a bundle. Nothing but the registry is asked: no transparency log, no authority.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::LazyLock;

use gitops_compiler::bundle::{Bundle, Files, INDEX_FILE, MANIFEST, blob_path, digest};
use gitops_testdata::cosign;
use gitops_testdata::servers::{Access, Certificates, Registry};
use kubectl_gitops::bundle;
use serde_json::{Value as Json, json};

use crate::shop::{Shop, write};

static COSIGN: LazyLock<PathBuf> = LazyLock::new(|| cosign::build().expect("cosign builds"));

const NAME: &str = "team/shop";
const PASSWORD: &str = "correct horse";

/// A registry that has bundles, and cosign beside it.
struct Beside {
    registry: Registry,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Beside {
    fn new() -> Self {
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

    fn reference(&self, digest: &str) -> String {
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
    fn push(&self, files: &Files) -> String {
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
    fn pull_referrers(&self, files: &Files, bundle: &str) -> Files {
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

    fn cosign(&self, shop: &Shop, arguments: &[&str]) -> Output {
        let mut command = Command::new(&*COSIGN);
        command.args(arguments).current_dir(shop.home.path()).env_clear().env("HOME", shop.home.path());
        command.env("COSIGN_PASSWORD", PASSWORD).env("SSL_CERT_FILE", self.registry.certificate());
        command.output().expect("it runs")
    }

    fn good(&self, shop: &Shop, arguments: &[&str]) -> String {
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

fn files(shop: &Shop, name: &str) -> Files {
    bundle::read(&shop.path(name)).expect("read")
}

const VERIFY: [&str; 4] = ["--insecure-ignore-tlog", "--offline", "--private-infrastructure", "--key"];

#[test]
fn what_is_signed_here_cosign_verifies_in_a_registry_and_in_a_folder() {
    let (shop, beside) = (Shop::new(), Beside::new());
    shop.ed25519("anna");
    shop.p256("bob");
    shop.ed25519("mallory");
    shop.bundle("folder", &["--provenance"]);
    for key in ["anna", "bob"] {
        let key = format!("@{key}.key");
        shop.run(&["bundle", "sign", "@folder", "--key", &key]).good();
        shop.run(&["bundle", "sign", "@folder", "--key", &key, "--provenance"]).good();
    }
    let reference = beside.reference(&beside.push(&files(&shop, "folder")));
    for key in ["anna.pub", "bob.pub"] {
        let verified = beside.good(&shop, &[&["verify"], VERIFY.as_slice(), &[key, &reference]].concat());
        assert!(verified.contains("https://sigstore.dev/cosign/sign/v1"), "{verified}");
        beside.good(&shop, &[&["verify"], VERIFY.as_slice(), &[key, "--local-image", "folder"]].concat());
        let of_type = ["verify-attestation", "--type", "slsaprovenance1"];
        beside.good(&shop, &[of_type.as_slice(), &VERIFY, &[key, &reference]].concat());
        beside.good(&shop, &[of_type.as_slice(), &VERIFY, &[key, "--local-image", "folder"]].concat());
    }
    let refused = beside.cosign(&shop, &[&["verify"], VERIFY.as_slice(), &["mallory.pub", &reference]].concat());
    assert!(!refused.status.success(), "cosign refuses another key");
}

#[test]
fn what_cosign_signs_is_verified_here() {
    let (shop, beside) = (Shop::new(), Beside::new());
    shop.ed25519("anna");
    shop.bundle("shop.tar", &[]);
    let pushed = beside.push(&files(&shop, "shop.tar"));
    let reference = beside.reference(&pushed);
    beside.good(&shop, &["generate-key-pair"]);
    beside.good(&shop, &["import-key-pair", "--key", "anna.key", "--output-key-prefix", "imported"]);
    // No log and no authority.
    beside.good(&shop, &["signing-config", "create", "--out", "nobody.json"]);
    write(&shop.path("predicate.json"), json!({"buildDefinition": {}, "runDetails": {}}).to_string());
    for key in ["cosign.key", "imported.key"] {
        let sign = ["--yes", "--signing-config", "nobody.json", "--key", key];
        beside.good(&shop, &[&["sign"], sign.as_slice(), &[&reference]].concat());
        let of_type = ["--type", "slsaprovenance1", "--predicate", "predicate.json"];
        beside.good(&shop, &[&["attest"], of_type.as_slice(), &sign, &[&reference]].concat());
    }
    let pulled = beside.pull_referrers(&files(&shop, "shop.tar"), &pushed);
    assert_eq!(Bundle::read(&pulled).expect("it is whole").referrers.len(), 4);
    bundle::write(&shop.path("pulled.tar"), &pulled).expect("written");
    let told = shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@cosign.pub", "--key", "@anna.pub"]);
    let told = told.good();
    assert_eq!((told.matches("✓ signature by").count(), told.matches("✓ provenance by").count()), (2, 2), "{told}");
    // With an Ed25519 key cosign signs a hash (Ed25519ph).
    shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@anna.pub"]).good();
    shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@cosign.pub", "--key", "@anna.pub", "--sigs-needed", "2"])
        .good();
    shop.p256("mallory");
    shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@mallory.pub"]).refused();
}

/// cosign's own keys are encrypted; with the right password they sign here, too.
#[test]
fn keys_that_cosign_made_sign_here() {
    let (shop, beside) = (Shop::new(), Beside::new());
    beside.good(&shop, &["generate-key-pair"]);
    shop.bundle("shop.tar", &[]);
    let sign = ["bundle", "sign", "@shop.tar", "--key", "@cosign.key"];
    assert!(shop.run(&sign).stderr.contains("it is encrypted, and COSIGN_PASSWORD is not set"));
    let told = shop.run_with(&sign, &[("COSIGN_PASSWORD", "wrong horse")]);
    assert!(told.code == 2 && told.stderr.contains("the password is not that of the key"), "{}", told.stderr);
    shop.run_with(&sign, &[("COSIGN_PASSWORD", PASSWORD)]).good();
    shop.run(&["bundle", "verify", "@shop.tar", "--key", "@cosign.pub"]).good();
}
