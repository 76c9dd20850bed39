//! Requests signed as object storage wants them: AWS Signature Version 4.
//!
//! In: a key, a region, the time, a method, an address, the hash of what is sent. Out: headers. Pure. Addresses have no query,
//! and paths nothing that needs to be encoded: whoever calls sees to that.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::address::host_and_port;
use super::secret::Secret;
use super::web::sensitive;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "s3";

/// Who asks.
#[derive(Debug, Clone)]
pub struct AwsKey {
    /// Which key it is.
    pub id: String,
    /// The key.
    pub secret: Secret,
    /// What goes with a key that does not last.
    pub session: Option<Secret>,
}

/// What is signed of a request.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) url: &'a Url,
    /// What is sent; nothing where there is nothing.
    pub(super) body: &'a [u8],
    pub(super) at: Timestamp,
}

/// The headers of a request; none where the key cannot be in one.
pub(super) fn headers(key: &AwsKey, region: &str, request: &Signed<'_>) -> Option<HeaderMap> {
    let (time, body) = (request.at.strftime("%Y%m%dT%H%M%SZ").to_string(), hex(&Sha256::digest(request.body)));
    // Sorted by name, as they are signed.
    let mut told = vec![("x-amz-content-sha256", body.as_str()), ("x-amz-date", time.as_str())];
    if let Some(session) = &key.session {
        told.push(("x-amz-security-token", session.reveal()));
    }
    let host = host_and_port(request.url);
    let mut signed = vec![("host", host.as_str())];
    signed.extend(&told);
    let authorization = authorization(key, region, request, &signed, &body, &time)?;
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, sensitive(&authorization)?)]);
    for (name, value) in told {
        headers.insert(HeaderName::from_static(name), sensitive(value)?);
    }
    Some(headers)
}

fn authorization(
    key: &AwsKey,
    region: &str,
    Signed { method, url, .. }: &Signed<'_>,
    signed: &[(&str, &str)],
    body: &str,
    time: &str,
) -> Option<String> {
    let lines = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect::<Vec<_>>().concat();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical = format!("{method}\n{}\n\n{lines}\n{names}\n{body}", url.path());
    let day = time.get(..8)?;
    let scope = format!("{day}/{region}/{SERVICE}/aws4_request");
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
    let mut derived = format!("AWS4{}", key.secret.reveal()).into_bytes();
    for part in [day, region, SERVICE, "aws4_request", &text] {
        derived = keyed(&derived, part)?;
    }
    Some(format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={}", key.id, hex(&derived)))
}

fn keyed(key: &[u8], text: &str) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac.finalize().into_bytes().to_vec())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of Amazon's own examples.
    fn key(session: Option<&str>) -> AwsKey {
        AwsKey {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session: session.map(Secret::new),
        }
    }

    fn request(url: &Url) -> Signed<'_> {
        Signed { method: "GET", url, body: b"", at: "2013-05-24T00:00:00Z".parse().expect("a time") }
    }

    /// "GET Object" of "Signature Calculations for the Authorization Header", in Amazon's reference of S3.
    #[test]
    fn an_example_of_amazon_is_signed_as_they_do() {
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").expect("an address");
        let (body, time) = (hex(&Sha256::digest(b"")), "20130524T000000Z");
        let signed = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", &body),
            ("x-amz-date", time),
        ];
        let header = authorization(&key(None), "us-east-1", &request(&url), &signed, &body, time).expect("signed");
        assert_eq!(
            header,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn all_that_is_told_is_signed_and_nothing_of_it_is_shown() {
        let url = Url::parse("http://127.0.0.1:7070/bucket/v1/memo/00").expect("an address");
        let headers = headers(&key(Some("s3ssion")), "eu-central-1", &request(&url)).expect("headers");
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names.len(), 4, "{names:?}");
        assert_eq!(headers["x-amz-date"].to_str().ok(), Some("20130524T000000Z"));
        let authorization = headers[AUTHORIZATION].to_str().expect("text");
        let wanted = "/20130524/eu-central-1/s3/aws4_request, \
                      SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token, Signature=";
        assert!(authorization.contains(wanted), "{authorization}");
        let shown = format!("{headers:?} {:?}", key(Some("s3ssion")));
        assert!(!shown.contains("s3ssion") && !shown.contains("EXAMPLEKEY"), "{shown}");
    }
}
