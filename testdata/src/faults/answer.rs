//! What is answered in the place of the API server, in its own form.

use serde_json::json;

use super::fault::Refusal;
use super::message::Head;

impl Refusal {
    /// Its head and body.
    pub(super) fn answer(self) -> (Head, Vec<u8>) {
        let Self { status, retry_after } = self;
        let mut head = Head { first: format!("HTTP/1.1 {status} Refused"), fields: Vec::new() };
        head.set("retry-after", retry_after.map(|seconds| seconds.to_string()));
        // The API server does not know a path that nothing is served at, and says so in prose.
        if status == 404 {
            head.set("content-type", Some("text/plain".to_owned()));
            return (head, b"404 page not found\n".to_vec());
        }
        head.set("content-type", Some("application/json".to_owned()));
        (head, status_object(status, "the way to the API server is out of order").to_string().into_bytes())
    }
}

/// The event by which a watch says that it cannot go on from where it was.
pub(super) fn expired() -> Vec<u8> {
    let event = json!({"type": "ERROR", "object": status_object(410, "too old resource version")});
    format!("{event}\n").into_bytes()
}

fn status_object(code: u16, message: &str) -> serde_json::Value {
    let reason = match code {
        401 => "Unauthorized",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_status_and_says_when_to_come_again() {
        let (head, body) = Refusal { status: 429, retry_after: Some(3) }.answer();
        assert_eq!((head.word(1), head.field("retry-after")), ("429", Some("3")));
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!((body["reason"].as_str(), body["code"].as_u64()), (Some("TooManyRequests"), Some(429)));
        let (head, body) = Refusal { status: 404, retry_after: None }.answer();
        assert_eq!((head.field("content-type"), body.as_slice()), (Some("text/plain"), &b"404 page not found\n"[..]));
    }
}
