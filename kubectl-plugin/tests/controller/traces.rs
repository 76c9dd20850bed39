//! Traces: from a webhook, and from a request, to the last PATCH.

use std::collections::BTreeSet;

use gitops_testdata::servers::{Collector, Span};
use serde_json::json;

use crate::support::config_map;
use crate::webhooks::{address, send};
use crate::world::Ground;

/// The spans of a trace that has all of these.
fn trace_with(spans: &[Span], names: &[&str]) -> Option<Vec<Span>> {
    let traces: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    let of = |trace: &str| spans.iter().filter(|span| span.trace == trace).cloned().collect::<Vec<_>>();
    let has_all = |trace: &Vec<Span>| names.iter().all(|name| trace.iter().any(|span| span.name == *name));
    traces.into_iter().map(of).find(has_all)
}

#[test]
fn a_trace_goes_from_a_webhook_to_the_last_patch() {
    let (mut ground, collector) = (Ground::new("ctl-trace"), Collector::start().expect("a collector"));
    ground.start_with(&["--polling", "0", "--listen", "127.0.0.1:0", "--otlp-address", &collector.address()]);
    let listens = address(&ground);
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "s3cret-value"));
    let repository = ground.address().trim_end_matches(".git").to_owned();
    let body = json!({
        "object_kind": "push", "ref": "refs/heads/main", "commits": [],
        "project": {"web_url": repository, "default_branch": "main"},
    })
    .to_string();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let head = format!(
        "POST /api/webhook HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nX-Gitlab-Event: Push \
         Hook\r\ntraceparent: {parent}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    assert_eq!(send(&listens, &format!("{head}{body}")).0, 200);
    ground.until_synced(&commit);
    let names =
        ["webhook", "poll", "resolve", "look", "desired", "compile", "compare", "sync", "plan", "step", "kubernetes"];
    ground.until("it is told", |_| trace_with(&collector.spans(), &names).is_some());
    let trace = trace_with(&collector.spans(), &names).expect("a trace");
    assert_eq!(trace[0].trace, "4bf92f3577b34da6a3ce929d0e0e4736", "that of whoever sent the webhook");
    let parent_of = |span: &Span| trace.iter().find(|other| other.id == span.parent).map(|parent| parent.name.clone());
    let is_below = |name: &str, below: &str| {
        trace.iter().any(|span| span.name == name && parent_of(span).as_deref() == Some(below))
    };
    for (name, below) in [
        ("poll", "webhook"),
        ("look", "poll"),
        ("desired", "look"),
        ("compile", "desired"),
        ("compare", "look"),
        ("sync", "look"),
        ("plan", "sync"),
        ("step", "sync"),
        ("kubernetes", "step"),
    ] {
        assert!(is_below(name, below), "{name} is not below {below}: {trace:#?}");
    }
    let patches = trace.iter().filter(|span| span.whole.to_string().contains("\"PATCH\"")).count();
    assert!(patches > 1, "that of the object, and that of the status: {trace:#?}");
    let shown = format!("{:?}", collector.spans());
    assert!(!shown.contains("s3cret") && !shown.contains("fieldManager"), "{shown}");
}
