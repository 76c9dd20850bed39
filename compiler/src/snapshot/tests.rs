//! Snapshots: written and read back, merged, and never with a value of a Secret.

use super::*;
use crate::manifest;

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";

fn graph(text: &str) -> ResourceGraph {
    let (manifests, findings) = manifest::read("a.yaml", text.as_bytes());
    assert!(!manifests.is_empty(), "{findings:?}");
    ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph").graph
}

fn map(name: &str, value: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{k: '{value}'}}\n"
    )
}

fn snapshot(mut empty: Snapshot, text: &str) -> Snapshot {
    empty.insert("shop", &graph(text));
    empty
}

fn told(pending: &[Pending]) -> Vec<String> {
    pending.iter().map(|one| format!("{} {} {}", one.change.sign(), one.application, one.resource)).collect()
}

#[test]
fn what_is_written_is_read_back() {
    let text = format!(
        "{}{}---\n{SECRET}",
        map("a", "--- # not a head"),
        map("b", "z").replace("'z'", "\"x\\n--- # y z w\\n\"")
    );
    for empty in [Snapshot::default(), Snapshot::with_bodies()] {
        let taken = snapshot(empty, &text);
        let read = Snapshot::read(taken.text().as_bytes()).expect("a snapshot");
        assert_eq!(read, taken);
        let windows = taken.text().replace('\n', "\r\n");
        assert_eq!(Snapshot::read(windows.as_bytes()).map(|read| read.pending(&taken)), Ok(Vec::new()));
    }
    let kept = snapshot(Snapshot::with_bodies(), &text).text();
    assert!(
        kept.contains("\n--- # shop /ConfigMap/shop/a r1-") && kept.contains("\n  k: '--- # not a head'\n"),
        "{kept}"
    );
    let manifests = manifest::read("gitops.snap", kept.as_bytes());
    assert_eq!(manifests.0.len(), 3, "kubectl reads it: {manifests:?}");
}

#[test]
fn one_change_is_one_line() {
    let (one, two) = (snapshot(Snapshot::default(), &map("a", "1")), format!("{}{}", map("a", "2"), map("b", "1")));
    let two = snapshot(Snapshot::default(), &two);
    assert_eq!(told(&one.pending(&two)), ["~ shop /ConfigMap/shop/a", "+ shop /ConfigMap/shop/b"]);
    assert_eq!(told(&two.pending(&one)), ["~ shop /ConfigMap/shop/a", "- shop /ConfigMap/shop/b"]);
    let lines = |snapshot: &Snapshot| -> BTreeSet<String> { snapshot.text().lines().map(str::to_owned).collect() };
    assert_eq!(lines(&two).difference(&lines(&one)).count(), 2);
    let mut accepted = one.clone();
    for pending in one.pending(&two) {
        accepted.accept(&pending, &two);
    }
    assert_eq!(accepted, two);
    for pending in two.pending(&one) {
        accepted.accept(&pending, &one);
    }
    assert_eq!(accepted, one);
}

#[test]
fn values_of_secrets_are_neither_written_nor_hashed() {
    for empty in [Snapshot::default(), Snapshot::with_bodies()] {
        let taken = snapshot(empty.clone(), SECRET);
        let text = taken.text();
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
        assert!(text.contains(" secret:r1-"), "{text}");
        let id = graph(SECRET).resources()[0].id.to_string();
        assert!(!text.contains(&id), "the id could be searched by guessing");
        let other = snapshot(empty.clone(), &SECRET.replace("hunter2", "other"));
        assert_eq!(taken.pending(&other), []);
        let renamed = snapshot(empty, &SECRET.replace("password", "word"));
        assert_eq!(told(&taken.pending(&renamed)), ["~ shop /Secret/./s"]);
    }
}

#[test]
fn one_application_is_a_part() {
    let mut both = snapshot(Snapshot::default(), &map("a", "1"));
    both.insert("other", &graph(&map("b", "1")));
    let shop = both.of_application("shop");
    assert_eq!(shop, snapshot(Snapshot::default(), &map("a", "1")));
    assert_eq!(told(&both.pending(&shop)), ["- other /ConfigMap/shop/b"]);
}

#[test]
fn kept_manifests_are_a_graph_where_they_are_those_of_their_ids() {
    let text = format!("{}{}---\n{SECRET}", map("a", "1"), map("b", "2"));
    let kept = snapshot(Snapshot::with_bodies(), &text);
    let found = kept.graph("shop").expect("a graph");
    let ids = |graph: &ResourceGraph| graph.resources().iter().map(GraphResource::shown_id).collect::<Vec<_>>();
    assert_eq!(ids(&found), ids(&graph(&text)));
    let forged = kept.text().replace("  k: \"1\"", "  k: \"3\"");
    let forged = Snapshot::read(forged.as_bytes()).expect("a snapshot");
    assert_eq!((forged.graph("shop"), forged.pending(&kept)), (None, Vec::new()), "an id is of another manifest");
    assert_eq!(snapshot(Snapshot::default(), &text).graph("shop"), None, "there are ids alone");
    // What SOPS has encrypted is kept as it lies in Git, so that its id is the one of what is kept.
    let sops = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: e}\ndata: {a: 'ENC[AES256_GCM,data:x'}\n\
                sops: {mac: 'ENC[AES256_GCM,data:m', lastmodified: z}\n";
    let encrypted = snapshot(Snapshot::with_bodies(), &format!("{}{sops}", map("a", "1")));
    assert!(encrypted.graph("shop").is_some() && !encrypted.has_plain_secrets(), "{}", encrypted.text());
    assert!(kept.has_plain_secrets() && !snapshot(Snapshot::default(), &map("a", "1")).has_plain_secrets());
}

#[test]
fn a_written_key_is_read_back() {
    for key in [
        ResourceKey::new("", "ConfigMap", "shop", "a"),
        ResourceKey::new("rbac.authorization.k8s.io", "ClusterRole", "", "system:a b%2F"),
        ResourceKey::new("apps", "Deployment", ".", "é\n"),
    ] {
        assert_eq!(key_of(&written(&key)), Some(key));
    }
    for text in ["", "a", "a/b/c", "a/b/c/d/e", "a/b/c/%", "a/b/c/%ZZ", "a/b/c/%FF"] {
        assert_eq!(key_of(text), None, "{text}");
    }
}

#[test]
fn what_is_no_snapshot_is_refused() {
    for (text, wanted) in [
        ("", "first line"),
        ("# kubectl gitops snapshot 2\n", "first line"),
        ("# kubectl gitops snapshot 1\n<<<<<<< HEAD\n", "line 2"),
        ("# kubectl gitops snapshot 1\na b c\na b d\n", "twice"),
        ("# kubectl gitops snapshot 1\na b\n", "accept again"),
    ] {
        let error = Snapshot::read(text.as_bytes()).expect_err(text);
        assert!(error.contains(wanted), "{error}");
    }
    assert!(Snapshot::read(b"\xff").is_err());
}

#[test]
fn a_word_has_no_end_inside() {
    assert_eq!(word("a b%\n\u{1b}é\u{a0}"), "a%20b%25%0A%1Bé%C2%A0");
}
