//! Spans on their way to a collector: OTLP over HTTP, in JSON.
//!
//! In: spans that have ended. Out: requests to one address, some hundred spans each. Nobody waits for them: where the collector is slow
//! or away, spans are dropped, and that is told once.

use std::time::Duration;

use reqwest::{Certificate, Client};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use url::Url;

use super::context::{Context, hex};

/// So many spans wait, and go together at most.
pub(super) const WAITING: usize = 8192;
const TOGETHER: usize = 512;
/// How long the first of them waits for others.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a request may take.
const ANSWER: Duration = Duration::from_secs(5);

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) name: &'static str,
    pub(super) context: Context,
    pub(super) parent: Option<Context>,
    /// In nanoseconds since 1970.
    pub(super) began: i128,
    pub(super) ended: i128,
    pub(super) attributes: Vec<(&'static str, String)>,
    pub(super) failed: bool,
}

/// Where spans go.
pub struct Collector {
    pub(super) client: Client,
    pub(super) address: Url,
}

impl Collector {
    /// At an address: that of OTLP over HTTP, to which `/v1/traces` is added where it has no path. These certificates vouch for it, in PEM; those of the
    /// system where there are none.
    ///
    /// # Errors
    /// Where the address is none, or a certificate is damaged.
    pub fn new(address: &str, authorities: Option<&[u8]>) -> Result<Self, String> {
        let mut address = Url::parse(address).map_err(|_| "it is no address".to_owned())?;
        if !matches!(address.scheme(), "http" | "https") || !address.has_host() {
            return Err("it is no address that begins with http:// or https://".to_owned());
        }
        if matches!(address.path(), "" | "/") {
            address.set_path("/v1/traces");
        }
        // Fails only where it was done before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("kubectl-gitops/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .timeout(ANSWER);
        if let Some(pem) = authorities {
            let certificates = Certificate::from_pem_bundle(pem).map_err(|_| "a certificate is damaged".to_owned())?;
            builder = builder.tls_certs_only(certificates);
        }
        let client = builder.build().map_err(|_| "no client can be made".to_owned())?;
        Ok(Self { client, address })
    }
}

/// Sends what comes, until nobody can send any more.
pub(super) async fn run(collector: Collector, mut spans: mpsc::Receiver<Ended>, tell: impl Fn(&str)) {
    let mut is_away = false;
    while let Some(first) = spans.recv().await {
        tokio::time::sleep(PAUSE).await;
        let mut batch = vec![first];
        while batch.len() < TOGETHER {
            let Ok(span) = spans.try_recv() else { break };
            batch.push(span);
        }
        let body = body(&batch).to_string();
        let request = collector.client.post(collector.address.clone());
        let sent = request.header("content-type", "application/json").body(body).send().await;
        let why = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Some("it does not answer in time".to_owned()),
            Err(_) => Some("it cannot be asked".to_owned()),
        };
        // Told once, whatever becomes of the rest.
        match &why {
            Some(why) if !is_away => tell(&format!("traces are lost: the collector does not take them: {why}")),
            None if is_away => tell("the collector takes traces again"),
            _ => {}
        }
        is_away = why.is_some();
    }
}

/// `ExportTraceServiceRequest`, as JSON.
fn body(spans: &[Ended]) -> Json {
    let text = |value: &str| json!({"stringValue": value});
    let spans: Vec<Json> = spans.iter().map(span).collect();
    json!({
        "resourceSpans": [{
            "resource": {"attributes": [
                {"key": "service.name", "value": text("kubectl-gitops")},
                {"key": "service.version", "value": text(env!("CARGO_PKG_VERSION"))},
            ]},
            "scopeSpans": [{"scope": {"name": "kubectl-gitops"}, "spans": spans}],
        }],
    })
}

fn span(span: &Ended) -> Json {
    let attributes = span.attributes.iter();
    let attributes = attributes.map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
    let mut json = json!({
        "traceId": hex(&span.context.trace),
        "spanId": hex(&span.context.span),
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": span.began.to_string(),
        "endTimeUnixNano": span.ended.to_string(),
        "attributes": attributes.collect::<Vec<_>>(),
        "status": {"code": if span.failed { 2 } else { 0 }},
    });
    if let Some(parent) = &span.parent {
        json["parentSpanId"] = hex(&parent.span).into();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_collectors_read_it() {
        let parent = Context { trace: [1; 16], span: [2; 8] };
        let context = Context { trace: [1; 16], span: [3; 8] };
        let ended = Ended {
            name: "compile",
            context,
            parent: Some(parent),
            began: 1_700_000_000_000_000_001,
            ended: 1_700_000_000_000_000_002,
            attributes: vec![("application", "argocd/shop".to_owned())],
            failed: true,
        };
        let written = &body(&[ended])["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(
            *written,
            json!({
                "traceId": "01010101010101010101010101010101", "spanId": "0303030303030303",
                "parentSpanId": "0202020202020202", "name": "compile", "kind": 1,
                "startTimeUnixNano": "1700000000000000001", "endTimeUnixNano": "1700000000000000002",
                "attributes": [{"key": "application", "value": {"stringValue": "argocd/shop"}}],
                "status": {"code": 2},
            })
        );
    }

    #[test]
    fn an_address_is_that_of_a_collector() {
        let at = |text: &str| Collector::new(text, None).map(|collector| collector.address.to_string());
        assert_eq!(at("http://otel:4318").as_deref(), Ok("http://otel:4318/v1/traces"));
        assert_eq!(at("https://otel.example.com/x/traces").as_deref(), Ok("https://otel.example.com/x/traces"));
        for wrong in ["otel:4317", "grpc://otel:4317", "", "http://"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
