//! The services of Sigstore on the loopback interface: Fulcio, `TesseraCT` and Rekor (of version 2; both on files), and the
//! timestamp authority themselves, and an issuer of OpenID Connect that gives tokens to whoever is named.
//!
//! In: names of people and workflows. Out: tokens, and the two files by which `cosign` knows the services: where to sign
//! (a signing config), and who is trusted (a trusted root).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value as Json, json};

use super::error::{Error, last_lines};
use super::keeper::Keeper;
use super::listener::Listener;
use super::requests::get;
use crate::cosign::{self, CERTIFICATE_LOG, FULCIO, REKOR, TIMESTAMP};
use crate::port::Port;

/// Whom tokens are for.
const AUDIENCE: &str = "sigstore";
/// What comes behind the address of the issuer that knows workflows, and no people.
const WORKFLOWS: &str = "/workflows";
/// All keys are good from then on.
const BEGIN: &str = "2024-01-01T00:00:00Z";
/// What a key on P-256 begins with as PKCS #8 has it (RFC 5208 around RFC 5915); its number follows.
const PKCS8: [u8; 36] = [
    0x30, 0x81, 0x87, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 3, 1, 7, 4, 0x6d, 0x30, 0x6b, 2, 1, 1, 4, 0x20,
];
/// What comes before its number, and what behind, as RFC 5915 alone has it: the curve.
const SEC1: ([u8; 7], [u8; 12]) =
    ([0x30, 0x31, 2, 1, 1, 4, 0x20], [0xa0, 0xa, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);

/// The services, while they run.
#[derive(Debug)]
pub struct Sigstore {
    issuer: Listener,
    key: KeyPair,
    signing_config: PathBuf,
    trusted_root: PathBuf,
    _ports: Vec<Port>,
    _keeper: Keeper,
}

impl Sigstore {
    /// Starts them, built first where the cache does not have them.
    ///
    /// # Errors
    /// Where Go is missing, the build fails, or one does not start.
    pub fn start() -> Result<Self, Error> {
        let programs = cosign::programs()?;
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.der_bytes());
        let issuer = Listener::start(move |stream| answer(stream, &public))?;
        let mut services = Services { programs, keeper: Keeper::start()?, ports: Vec::new() };
        let people = address(issuer.port());
        let log = services.port()?;
        let fulcio = services.fulcio(&people, log)?;
        services.certificate_log(log)?;
        let timestamp = services.timestamp()?;
        let rekor = services.rekor()?;
        let addresses = Addresses { people, fulcio, certificate_log: address(log), timestamp, rekor };
        let signing_config = services.signing_config(&addresses)?;
        let trusted_root = services.trusted_root(&addresses)?;
        let Services { keeper, ports, .. } = services;
        Ok(Self { issuer, key, signing_config, trusted_root, _ports: ports, _keeper: keeper })
    }

    /// Who knows people.
    #[must_use]
    pub fn people(&self) -> String {
        address(self.issuer.port())
    }

    /// Who knows workflows, as GitHub's issuer does.
    #[must_use]
    pub fn workflows(&self) -> String {
        self.people() + WORKFLOWS
    }

    /// Where to sign.
    #[must_use]
    pub fn signing_config(&self) -> &Path {
        &self.signing_config
    }

    /// Who is trusted.
    #[must_use]
    pub fn trusted_root(&self) -> &Path {
        &self.trusted_root
    }

    /// A token of somebody with this e-mail address.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn person(&self, email: &str) -> Result<String, Error> {
        self.token(json!({"iss": self.people(), "sub": email, "email": email, "email_verified": true}))
    }

    /// A token of a run of a workflow of GitHub, for example `acme/shop/.github/workflows/release.yml@refs/tags/v1`.
    ///
    /// # Errors
    /// Where it cannot be signed.
    pub fn workflow(&self, workflow: &str) -> Result<String, Error> {
        let repository = workflow.split('/').take(2).collect::<Vec<_>>().join("/");
        let (_, reference) = workflow.split_once('@').unwrap_or((workflow, ""));
        self.token(json!({
            "iss": self.workflows(), "sub": format!("repo:{repository}:ref:{reference}"),
            "job_workflow_ref": workflow, "job_workflow_sha": "0".repeat(40), "workflow_ref": workflow,
            "workflow_sha": "0".repeat(40), "sha": "0".repeat(40), "event_name": "push", "ref": reference,
            "repository": repository, "workflow": "release", "runner_environment": "github-hosted",
            "repository_id": "1", "repository_owner": repository.split('/').next(), "repository_owner_id": "2",
            "repository_visibility": "private", "run_id": "3", "run_attempt": "1",
        }))
    }

    /// A JSON Web Token, for an hour.
    fn token(&self, mut claims: Json) -> Result<String, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        claims["aud"] = json!(AUDIENCE);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + 3600);
        let part = |value: &Json| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": "EdDSA", "kid": "1", "typ": "JWT"})), part(&claims));
        let signature = self.key.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// Where the services are.
struct Addresses {
    people: String,
    fulcio: String,
    certificate_log: String,
    timestamp: String,
    rekor: String,
}

/// What starts the services, one behind the other.
struct Services {
    programs: PathBuf,
    keeper: Keeper,
    ports: Vec<Port>,
}

impl Services {
    /// The file that says where to sign.
    fn signing_config(&self, at: &Addresses) -> Result<PathBuf, Error> {
        let service = |flag: &str, url: &str, version: u8| {
            format!("--{flag}=url={url},api-version={version},start-time={BEGIN},operator=tests")
        };
        let services = [
            service("fulcio", &at.fulcio, 1),
            service("oidc-provider", &at.people, 1),
            service("rekor", &at.rekor, 2),
            "--rekor-config=ANY".to_owned(),
            service("tsa", &at.timestamp, 1),
            "--tsa-config=ANY".to_owned(),
        ];
        self.create("signing-config", &services)
    }

    /// The file that says who is trusted.
    fn trusted_root(&self, at: &Addresses) -> Result<PathBuf, Error> {
        let origin = Ipv4Addr::LOCALHOST;
        let services = [
            format!("--fulcio=url={},certificate-chain=fulcio.pem", at.fulcio),
            format!("--ctfe=url={},public-key=certificates.pub,start-time={BEGIN}", at.certificate_log),
            format!("--rekor=url={},public-key=rekor.pub,start-time={BEGIN},origin={origin}", at.rekor),
            format!("--tsa=url={},certificate-chain=timestamp.pem", at.timestamp),
        ];
        self.create("trusted-root", &services)
    }

    /// Has cosign write a file about services.
    fn create(&self, what: &str, services: &[String]) -> Result<PathBuf, Error> {
        let program = self.programs.join("cosign");
        let path = self.keeper.path().join(format!("{what}.json"));
        let mut command = self.keeper.command(&program);
        command.args([what, "create"]).args(services).arg("--out").arg(&path);
        let output = command.output().map_err(Error::spawn(&program))?;
        if output.status.success() {
            return Ok(path);
        }
        let command = format!("cosign {what} create {}", services.join(" "));
        Err(Error::Failed { command, status: output.status, output: last_lines(&output.stderr) })
    }

    fn port(&mut self) -> Result<u16, Error> {
        let port = Port::reserve_for_any().map_err(Error::Port)?;
        let number = port.number();
        self.ports.push(port);
        Ok(number)
    }

    /// The authority of certificates, with a new one of its own in `fulcio.pem`, whose certificates are in the log at a port.
    fn fulcio(&mut self, people: &str, log: u16) -> Result<String, Error> {
        let port = self.port()?;
        let [http, grpc, metrics] = [port, self.port()?, self.port()?].map(|port| port.to_string());
        let workflows = format!("{people}{WORKFLOWS}");
        let issuer = |url: &str, kind: &str| {
            format!("  {url}:\n    issuer-url: {url}\n    client-id: {AUDIENCE}\n    type: {kind}\n")
        };
        let issuers = issuer(people, "email") + &issuer(&workflows, "github-workflow");
        // In JSON its fields are called otherwise.
        self.keeper.write("fulcio.yaml", &format!("oidc-issuers:\n{issuers}"))?;
        let socket = self.keeper.path().join("fulcio.sock").display().to_string();
        let local = Ipv4Addr::LOCALHOST.to_string();
        let places = ["--host", &local, "--port", &http, "--grpc-host", &local, "--grpc-port", &grpc];
        let others = ["--metrics-port", &metrics, "--legacy-unix-domain-socket", &socket];
        let log = address(log);
        let settings = ["serve", "--ca", "ephemeralca", "--ct-log-url", &log, "--config-path", "fulcio.yaml"];
        self.keeper.run(&self.programs.join(FULCIO), &[&settings[..], &places, &others].concat())?;
        let answer = self.keeper.wait_for(|| get(port, "/api/v2/trustBundle"))?;
        let answer: Json = serde_json::from_str(&answer).unwrap_or_default();
        let certificates = answer["chains"][0]["certificates"].as_array().into_iter().flatten();
        let chain: String = certificates.filter_map(Json::as_str).collect();
        self.keeper.write("fulcio.pem", &chain)?;
        Ok(address(port))
    }

    /// The log of certificates that the authority in `fulcio.pem` gives, with its key in `certificates.pub`.
    fn certificate_log(&mut self, port: u16) -> Result<(), Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let pkcs8 = key.serialize_der();
        let number = pkcs8.strip_prefix(&PKCS8).and_then(|rest| rest.get(..32)).unwrap_or_default();
        let sec1 = BASE64_STANDARD.encode([&SEC1.0, number, &SEC1.1].concat());
        let pem = format!("-----BEGIN EC PRIVATE KEY-----\n{sec1}\n-----END EC PRIVATE KEY-----\n");
        self.keeper.write("certificates.key", &pem)?;
        self.keeper.write("certificates.pub", &key.public_key_pem())?;
        let storage = self.keeper.folder("certificates")?.display().to_string();
        let endpoint = format!("{}:{port}", Ipv4Addr::LOCALHOST);
        let settings = ["--http_endpoint", &endpoint, "--origin", "localhost", "--storage_dir", &storage];
        let files = ["--private_key", "certificates.key", "--roots_pem_file", "fulcio.pem"];
        let pace = ["--checkpoint_interval", "200ms", "--batch_max_age", "20ms"];
        self.keeper.run(&self.programs.join(CERTIFICATE_LOG), &[&settings[..], &files, &pace].concat())?;
        self.keeper.wait_for(|| get(port, "/ct/v1/get-roots"))?;
        Ok(())
    }

    /// The authority of times, with its certificates in `timestamp.pem`.
    fn timestamp(&mut self) -> Result<String, Error> {
        let port = self.port()?;
        self.keeper.run(&self.programs.join(TIMESTAMP), &[&port.to_string()])?;
        let chain = self.keeper.wait_for(|| get(port, "/api/v1/timestamp/certchain"))?;
        self.keeper.write("timestamp.pem", &chain)?;
        Ok(address(port) + "/api/v1/timestamp")
    }

    /// The log of signatures, with its key in `rekor.pub`.
    fn rekor(&mut self) -> Result<String, Error> {
        let key = KeyPair::generate_for(&PKCS_ED25519)?;
        self.keeper.write("rekor.key", &key.serialize_pem())?;
        self.keeper.write("rekor.pub", &key.public_key_pem())?;
        let entries = self.keeper.folder("entries")?.display().to_string();
        let port = self.port()?;
        let [http, grpc, metrics] = [port, self.port()?, self.port()?].map(|port| port.to_string());
        // Clients want the log to be called as its host is.
        let local = Ipv4Addr::LOCALHOST.to_string();
        let settings = ["serve", "--hostname", &local, "--storage-dir", &entries, "--signer-filepath", "rekor.key"];
        let places = ["--http-port", &http, "--grpc-port", &grpc, "--http-metrics-port", &metrics];
        let pace = ["--checkpoint-interval", "200ms", "--batch-max-age", "20ms"];
        self.keeper.run(&self.programs.join(REKOR), &[&settings[..], &places, &pace].concat())?;
        self.keeper.wait_for(|| get(port, "/healthz").filter(|answer| answer.contains("SERVING")))?;
        Ok(address(port))
    }
}

fn address(port: u16) -> String {
    format!("http://{}:{port}", Ipv4Addr::LOCALHOST)
}

/// What the issuers answer: what they are, and the key that signs.
fn answer(mut stream: &TcpStream, key: &str) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let line = lines.next().unwrap_or_default();
    // All of the request is read before it is answered.
    let _ = lines.find(String::is_empty);
    let Ok(local) = stream.local_addr() else { return };
    let path = line.split(' ').nth(1).unwrap_or_default();
    let issuer = path.strip_suffix("/.well-known/openid-configuration");
    let body = if path == "/keys" {
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "alg": "EdDSA", "use": "sig", "x": key}]})
    } else if let Some(issuer) = issuer.filter(|path| ["", WORKFLOWS].contains(path)) {
        let root = address(local.port());
        json!({
            "issuer": format!("{root}{issuer}"), "jwks_uri": format!("{root}/keys"),
            "authorization_endpoint": format!("{root}/authorize"), "token_endpoint": format!("{root}/token"),
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
        })
    } else {
        Json::Null
    };
    let (status, body) = if body.is_null() { ("404 Not Found", String::new()) } else { ("200 OK", body.to_string()) };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}", body.len());
    // Clients go away when they like.
    let _ = write!(stream, "{head}\r\nconnection: close\r\n\r\n{body}");
}
