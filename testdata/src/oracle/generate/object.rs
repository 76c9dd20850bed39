//! Objects as they stand in manifests, and lists of objects, with metadata of every right and wrong kind.
//!
//! In: decisions. Out: a document in YAML, without separators.

use super::random::Random;
use super::scalar::{self, Place};
use super::tree::{self, Anchors};

const TYPES: &[(&str, &str)] = &[
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("batch/v1", "Job"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("example.com/v1alpha1", "Widget"),
    ("\"v1\"", "'Namespace'"),
    ("v1", "Pod # of one container"),
];

/// What stands where `apiVersion` and `kind` should, sometimes.
const ODD_TYPES: &[&str] =
    &["a/b/c", "/", "apps/", "/v1", "\"\"", "1", "true", "null", "~", "[v1]", "{}", "", "yes", "2001-01-01", "' '"];

/// A document: one object, or a list.
pub(super) fn document(random: &mut Random) -> String {
    if random.once_in(7) { list(random) } else { object(random, &mut Anchors::default(), 0) }
}

/// An object whose lines begin with so many spaces.
fn object(random: &mut Random, anchors: &mut Anchors, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let (version, kind) = random.pick(TYPES);
    let version = if random.wildly(10) { random.pick(ODD_TYPES) } else { version };
    let kind = if random.wildly(10) { random.pick(ODD_TYPES) } else { kind };
    let mut parts = vec![
        format!("{pad}apiVersion: {version}{}", tree::line_end(random)),
        format!("{pad}kind: {kind}\n"),
        metadata(random, anchors, indent),
    ];
    for _ in 0..=random.below(2) {
        let key = random.pick(&["spec", "data", "stringData", "rules", "status", "x", "binaryData"]);
        let depth = random.below(5);
        parts.push(format!("{pad}{key}:{}", tree::value(random, anchors, depth, indent)));
    }
    if random.wildly(20) {
        parts.push(format!("{pad}items:{}", tree::value(random, anchors, 1, indent)));
    }
    if random.wildly(5) {
        // Missing, twice, or at another place.
        let at = random.below(parts.len());
        match random.below(3) {
            0 => drop(parts.remove(at)),
            1 => parts.push(parts[at].clone()),
            _ => parts.reverse(),
        }
    }
    parts.concat()
}

fn metadata(random: &mut Random, anchors: &mut Anchors, indent: usize) -> String {
    let pad = " ".repeat(indent);
    if random.wildly(12) {
        let odd = random.pick(&["", " ~", " {}", " []", " a", " {name: a}", " &m {name: b}", " !!map {name: c}", " 1"]);
        return format!("{pad}metadata:{odd}\n");
    }
    let mut text = format!("{pad}metadata:{}", tree::line_end(random));
    let pad = " ".repeat(indent + 2);
    if !random.once_in(20) {
        let name = random.pick(&["a", "b", "shop", "\"1\"", "'yes'", "a.b", "0x", "a1"]);
        text.extend([&pad, "name: ", name, "\n"]);
    }
    for _ in 0..random.below(3) {
        // What is wrong in most of its forms is for files that are wrong anyway, or for once.
        let kinds = if random.wildly(2) || random.once_in(8) { 14 } else { 7 };
        let field = match random.below(kinds) {
            0..=3 => format!("labels:{}", strings(random, anchors, indent + 2)),
            4..=6 => format!("annotations:{}", strings(random, anchors, indent + 2)),
            7 => format!(
                "namespace: {}\n",
                random.pick(&["shop", "\"\"", "", "~", "default", "1", "a/b", "{}", "!!str 1"])
            ),
            8 => format!("generateName: {}\n", random.pick(&["a-", "", "1", "\"1-\"", "[]"])),
            9 => format!("{}: {}\n", random.pick(&["creationTimestamp", "deletionTimestamp"]), time(random)),
            10 => format!("ownerReferences: {}\n", owners(random)),
            11 => format!("managedFields: {}\n", managed(random)),
            12 => format!("finalizers: {}\n", random.pick(&["[a/b]", "[]", "", "a", "[1]", "[~]", "[[a]]", "{a: b}"])),
            _ => format!(
                "{}: {}\n",
                random.pick(&[
                    "generation",
                    "deletionGracePeriodSeconds",
                    "uid",
                    "resourceVersion",
                    "selfLink",
                    "name",
                    "other"
                ]),
                number_or_text(random)
            ),
        };
        text.extend([pad.as_str(), &field]);
    }
    text
}

/// A map of strings, mostly.
fn strings(random: &mut Random, anchors: &mut Anchors, indent: usize) -> String {
    if random.wildly(6) {
        return random
            .pick(&["\n", " ~\n", " {}\n", " []\n", " a\n", " {a: }\n", " {a: b, a: c}\n", " *a\n"])
            .to_owned();
    }
    if random.wildly(6) {
        return tree::value(random, anchors, 1, indent);
    }
    let mut text = String::from("\n");
    for _ in 0..=random.below(3) {
        let value = match random.below(20) {
            0 if random.wildly(1) => scalar::value(random, Place::Block(indent + 2)),
            1 if random.wildly(1) => {
                random.pick(&["", "~", "yes", "1", "0x1", "1.0", "2001-01-01", "[a]", "{}"]).to_owned()
            }
            _ => random
                .pick(&["a", "\"yes\"", "'1'", "a b", "\"\"", "v1.2.3", "\"true\"", "| # text\n        a: b"])
                .to_owned(),
        };
        let key = random.pick(&[
            "app",
            "app.kubernetes.io/name",
            "\"a\"",
            "on",
            "1",
            "note",
            "config.kubernetes.io/local-config",
        ]);
        text.extend([&" ".repeat(indent + 2), key, ": ", &value, "\n"]);
    }
    text
}

fn time(random: &mut Random) -> &'static str {
    random.pick(&[
        "null",
        "",
        "~",
        "2006-01-02T15:04:05Z",
        "\"2006-01-02T15:04:05Z\"",
        "2006-01-02",
        "1",
        "yes",
        "\"\"",
        "{}",
        "2006-01-02T15:04:05.5+01:00",
        "2006-01-02T1:04:05Z",
        "2006-01-02T15:04:05,5Z",
        "2006-02-29T15:04:05Z",
        "2006-01-02T15:04:05-24:60",
        "2006-01-02T15:04:05",
        "2006-01-02t15:04:05z",
        "2006-01-02 15:04:05Z",
    ])
}

fn owners(random: &mut Random) -> &'static str {
    random.pick(&[
        "",
        "[]",
        "{}",
        "a",
        "[a]",
        "[{}]",
        "[~]",
        "[{apiVersion: v1, kind: Pod, name: a, uid: b}]",
        "[{controller: yes}]",
        "[{controller: \"yes\"}]",
        "[{controller: }]",
        "[{name: 1}]",
        "[{uid: x, blockOwnerDeletion: 0, other: [1]}]",
        "[[]]",
    ])
}

fn managed(random: &mut Random) -> &'static str {
    random.pick(&[
        "",
        "[]",
        "[{}]",
        "[~]",
        "{}",
        "[{manager: a, fieldsV1: {\"f:a\": {}}}]",
        "[{fieldsV1: 1}]",
        "[{fieldsV1: }]",
        "[{time: 2006-01-02T15:04:05Z}]",
        "[{time: yes}]",
        "[{manager: 1}]",
        "[{subresource: [status]}]",
    ])
}

fn number_or_text(random: &mut Random) -> &'static str {
    random.pick(&[
        "1",
        "-1",
        "0",
        "1.0",
        "1.5",
        "1e3",
        "-0.0",
        "\"1\"",
        "a",
        "",
        "~",
        "yes",
        "9223372036854775807",
        "9223372036854775808",
        "9.2e18",
        "1e19",
        "1e21",
        "18446744073709551616",
        "0x10",
        "0777",
        "[]",
        "{}",
        "!!float 1",
    ])
}

/// A list of objects, which may lack their types, or be lists.
fn list(random: &mut Random) -> String {
    let mut anchors = Anchors::default();
    let kind =
        random.pick(&["List", "List", "ConfigMapList", "WidgetList", "Widget", "list", "ListList", "\"\"", "A List"]);
    let version = if random.wildly(4) { random.pick(ODD_TYPES) } else { "v1" };
    let mut text = format!("apiVersion: {version}\nkind: {kind}\n");
    if random.once_in(3) {
        text.push_str(random.pick(&[
            "metadata: {}\n",
            "metadata:\n  resourceVersion: \"1\"\n",
            "metadata: {labels: {a: 1}}\n",
            "metadata: []\n",
            "metadata: {name: a, continue: \"\", remainingItemCount: 1}\n",
            "metadata: {resourceVersion: 1}\n",
        ]));
    }
    if random.once_in(8) {
        let items = random.pick(&[
            "",
            " []",
            " ~",
            " {}",
            " a",
            " [a]",
            " [~]",
            " [[]]",
            " [{}]",
            " [{kind: A}]",
            " {a: {kind: A}}",
        ]);
        return format!("{text}items:{items}\n");
    }
    text.push_str("items:\n");
    for _ in 0..=random.below(3) {
        let odd = if random.wildly(2) { 6 } else { 0 };
        let item = match random.below(6 + odd) {
            6 => random
                .pick(&["  {}\n", "  metadata: {name: a}\n", "  kind: A\n", "  apiVersion: v1\n", "  ~\n", "  a\n"])
                .to_owned(),
            7 => "  data: {a: b}\n  kind: \"\"\n  apiVersion: \"\"\n".to_owned(),
            8 => "  apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: A, metadata: {name: a}}\n"
                .to_owned(),
            9 => "  kind: 5\n  apiVersion: [v1]\n  metadata: {name: a, namespace: 5}\n".to_owned(),
            10 => "  apiVersion: v1\n  kind: A\n  items: {a: b}\n".to_owned(),
            _ => object(random, &mut anchors, 2),
        };
        text.extend(["-", item.get(1..).unwrap_or("\n")]);
    }
    text
}
