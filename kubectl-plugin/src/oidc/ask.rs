//! The issuer, asked.
//!
//! In: addresses of it. Out: bodies, within limits. No redirect is followed, no proxy but the environment's is used, and
//! nothing of what was sent or answered is in an error.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Certificate, Client, RequestBuilder};
use url::Url;
use zeroize::Zeroizing;

/// No answer is larger.
const LARGEST: usize = 256 << 10;
/// How long a connection, and all of an answer, may take.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);

/// Asks one issuer.
pub(super) struct Issuer {
    client: Client,
}

impl Issuer {
    /// One that these certificates vouch for; those of the system where there are none.
    pub(super) fn new(authorities: Option<&str>) -> Result<Self, String> {
        // Fails only where it was done before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("kubectl-gitops/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .https_only(true)
            .http1_only()
            .connect_timeout(CONNECT)
            .timeout(ANSWER);
        if let Some(pem) = authorities {
            let damaged = |_| "the certificates that vouch for the issuer are damaged".to_owned();
            let certificates = Certificate::from_pem_bundle(pem.as_bytes()).map_err(damaged)?;
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|_| "no client for the issuer can be made".to_owned())?;
        Ok(Self { client })
    }

    /// A document.
    pub(super) async fn get(&self, address: &str) -> Result<Vec<u8>, String> {
        let (status, body) = answer(self.client.get(address).header(ACCEPT, "application/json")).await?;
        if status == 200 { Ok(body.to_vec()) } else { Err(format!("it answered {status}")) }
    }

    /// Sends a form, with a name and a password where there are some.
    pub(super) async fn send(
        &self,
        address: &Url,
        form: Zeroizing<String>,
        authorization: Option<Zeroizing<String>>,
    ) -> Result<(u16, Zeroizing<Vec<u8>>), String> {
        let mut request = self
            .client
            .post(address.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(value) = authorization {
            let mut value = http::HeaderValue::from_str(&value).map_err(|_| "the client cannot be named".to_owned())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        answer(request.body(form.to_string())).await
    }
}

async fn answer(request: RequestBuilder) -> Result<(u16, Zeroizing<Vec<u8>>), String> {
    let mut response = request.send().await.map_err(|error| told(&error))?;
    let status = response.status().as_u16();
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await.map_err(|error| told(&error))? {
        if body.len() + chunk.len() > LARGEST {
            return Err("its answer is too large".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}

/// Why there is no answer: the last cause says most, and none of them names what was sent.
fn told(error: &reqwest::Error) -> String {
    let mut last = std::error::Error::source(error);
    while let Some(next) = last.and_then(std::error::Error::source) {
        last = Some(next);
    }
    match last {
        _ if error.is_timeout() => "it does not answer in time".to_owned(),
        Some(cause) => format!("it cannot be asked: {cause}"),
        None => "it cannot be asked".to_owned(),
    }
}
