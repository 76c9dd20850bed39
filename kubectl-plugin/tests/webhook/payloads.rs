//! Argo CD's own payloads, where they are, and what is made of them.

use std::collections::BTreeMap;

use gitops_testdata::fuzz::turn;
use http::{HeaderMap, HeaderName, HeaderValue};
use kubectl_gitops::webhook::{Change, Known, Source, receive};
use serde::Deserialize;

use crate::corpus::{part, say};

#[derive(Deserialize)]
struct Expected {
    headers: BTreeMap<String, String>,
    repository: String,
    web_url: String,
    #[serde(rename = "ref")]
    reference: String,
    revision: String,
    #[serde(rename = "touchedHead")]
    touched_head: bool,
}

pub(crate) fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let pair = |(name, value): (&str, &str)| {
        (HeaderName::from_bytes(name.as_bytes()).expect("a name"), HeaderValue::from_str(value).expect("a value"))
    };
    pairs.into_iter().map(pair).collect()
}

#[test]
fn payloads_of_argo_cd_say_what_it_takes_from_them() {
    let _turn = turn();
    let Some(folder) = part("argocd/webhook") else { return };
    let expected = std::fs::read(folder.join("expected.json")).expect("it is there");
    let expected: BTreeMap<String, Expected> = serde_json::from_slice(&expected).expect("it is JSON");
    assert!(!expected.is_empty());
    for (name, wanted) in &expected {
        let body = std::fs::read(folder.join(name)).expect("it is there");
        let headers = headers(wanted.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let received = receive(&headers, &body, &Known::default()).expect("it is taken");
        let [event] = received.events.as_slice() else { panic!("{name}: {received:?}") };
        let Change::Push(push) = event.change() else { panic!("{name}: {received:?}") };
        let reference = push.reference.as_ref().expect("a ref");
        assert_eq!(
            (reference.full(), reference.name()),
            (Some(wanted.reference.as_str()), wanted.revision.as_str()),
            "{name}"
        );
        assert_eq!(push.touches_default, wanted.touched_head, "{name}");
        assert!(push.before.is_some() && push.after.is_some(), "{name}");
        for address in [&wanted.repository, &wanted.web_url] {
            for (revision, is_concerned) in [("", wanted.touched_head), (&wanted.revision, true), ("other", false)] {
                assert_eq!(
                    event.concerns(&Source::new(address, revision)),
                    is_concerned,
                    "{name}: {address} {revision}"
                );
            }
        }
        assert!(!event.concerns(&Source::new("https://github.com/other/repository", "")), "{name}");
    }
    say(&format!("{} payloads of Argo CD", expected.len()));
}
