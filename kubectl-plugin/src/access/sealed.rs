//! The tokens of a session, as its Secret has them. Pure.
//!
//! In: tokens and an id, or a Secret. Out: what is written; and the tokens again, for whoever shows the id. When the session ends and
//! when its token is renewed stand beside them in plain text, and whoever changes either has no session left.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::seal::SessionId;

/// Annotations of the Secret: when the session ends, and when its token is to be renewed.
const END: &str = "kubectl-gitops/session-ends";
const RENEWS: &str = "kubectl-gitops/session-renews";

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) end: String,
    token: Vec<u8>,
    /// What renews it, and when that is to be done.
    renewal: Option<(Vec<u8>, String)>,
}

/// The tokens of a session.
pub(super) struct Opened {
    /// The token that it stands for.
    pub(super) token: Zeroizing<String>,
    /// How it goes on.
    pub(super) renewal: Option<Renewal>,
}

/// How the token of a session goes on.
pub struct Renewal {
    /// What the issuer gave for that.
    pub refresh: Zeroizing<String>,
    /// When it is to be done.
    pub at: Timestamp,
}

impl Sealed {
    /// Seals; nothing where the machine has no random numbers.
    pub(super) fn new(id: &SessionId, token: &str, renewal: Option<(&str, String)>, end: String) -> Option<Self> {
        let renews = renewal.as_ref().map(|(_, at)| at.as_str());
        let token = id.seal(token, &bound(&end, renews))?;
        let renewal = match renewal {
            Some((refresh, at)) => Some((id.seal(refresh, &bound_of_renewal(&end, &at))?, at)),
            None => None,
        };
        Some(Self { end, token, renewal })
    }

    /// Of a Secret; nothing where it is none.
    pub(super) fn read(secret: &Json) -> Option<Self> {
        let bytes = |entry: &str| BASE64.decode(secret["data"][entry].as_str()?).ok();
        let told = |name: &str| secret["metadata"]["annotations"][name].as_str().map(str::to_owned);
        let renewal = bytes("refresh").zip(told(RENEWS));
        Some(Self { end: told(END)?, token: bytes("token")?, renewal })
    }

    /// Its annotations and its data. In a patch they take the place of others.
    pub(super) fn written(&self) -> (Json, Json) {
        let (mut annotations, mut data) = (json!({END: self.end}), json!({"token": BASE64.encode(&self.token)}));
        if let Some((refresh, at)) = &self.renewal {
            annotations[RENEWS] = at.as_str().into();
            data["refresh"] = BASE64.encode(refresh).into();
        }
        (annotations, data)
    }

    /// Opens; nothing where it is sealed for another id, or something was changed.
    pub(super) fn open(&self, id: &SessionId) -> Option<Opened> {
        let renews = self.renewal.as_ref().map(|(_, at)| at.as_str());
        let token = id.open(&self.token, &bound(&self.end, renews))?;
        let renewal = match &self.renewal {
            Some((refresh, at)) => {
                let refresh = id.open(refresh, &bound_of_renewal(&self.end, at))?;
                Some(Renewal { refresh, at: at.parse().ok()? })
            }
            None => None,
        };
        Some(Opened { token, renewal })
    }
}

/// What a token is bound to.
fn bound(end: &str, renews: Option<&str>) -> String {
    renews.map_or_else(|| end.to_owned(), |at| format!("{end} {at}"))
}

/// The same of what renews it: neither stands for the other.
fn bound_of_renewal(end: &str, at: &str) -> String {
    format!("renewal {end} {at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const END_TEXT: &str = "2026-01-01T12:00:00Z";
    const AT: &str = "2026-01-01T01:00:00Z";

    fn secret(sealed: &Sealed) -> Json {
        let (annotations, data) = sealed.written();
        json!({"metadata": {"annotations": annotations}, "data": data})
    }

    #[test]
    fn tokens_come_back_to_whoever_has_the_id() {
        let (id, other) = (SessionId::new().expect("random"), SessionId::new().expect("random"));
        let renewal = Some(("refresh", AT.to_owned()));
        let sealed = Sealed::new(&id, "token", renewal, END_TEXT.to_owned()).expect("sealed");
        let written = secret(&sealed);
        let is_plain = |text: &str| written.to_string().contains(BASE64.encode(text).trim_end_matches('='));
        assert!(!is_plain("token") && !is_plain("refresh"), "{written}");
        let read = Sealed::read(&written).expect("a session");
        assert!(read == sealed && read.open(&other).is_none());
        let opened = read.open(&id).expect("ours");
        let renewal = opened.renewal.expect("it goes on");
        assert_eq!((opened.token.as_str(), renewal.refresh.as_str()), ("token", "refresh"));
        assert_eq!(renewal.at.to_string(), AT);
        let plain = Sealed::new(&id, "token", None, END_TEXT.to_owned()).expect("sealed");
        let opened = Sealed::read(&secret(&plain)).and_then(|read| read.open(&id)).expect("ours");
        assert!(opened.renewal.is_none() && opened.token.as_str() == "token");
    }

    #[test]
    fn whoever_changes_a_time_or_swaps_tokens_has_no_session() {
        let id = SessionId::new().expect("random");
        let sealed = Sealed::new(&id, "token", Some(("refresh", AT.to_owned())), END_TEXT.to_owned()).expect("sealed");
        let good = secret(&sealed);
        let opens = |changed: &Json| Sealed::read(changed).and_then(|read| read.open(&id)).is_some();
        assert!(opens(&good));
        let later = "2036-01-01T12:00:00Z";
        for (pointer, value) in [
            ("/metadata/annotations/kubectl-gitops~1session-ends", json!(later)),
            ("/metadata/annotations/kubectl-gitops~1session-renews", json!(later)),
            ("/metadata/annotations/kubectl-gitops~1session-renews", Json::Null),
            ("/data/refresh", Json::Null),
            ("/data/refresh", good["data"]["token"].clone()),
            ("/data/token", good["data"]["refresh"].clone()),
        ] {
            let mut changed = good.clone();
            *changed.pointer_mut(pointer).expect("it is there") = value;
            assert!(!opens(&changed), "{pointer}");
        }
    }
}
