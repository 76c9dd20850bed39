//! What we refuse on purpose and kubectl takes: each class under a name, known by what we say of it.
//!
//! In: everything that we complain about in a file that kubectl has no complaint about. Out: the name of the class,
//! where each complaint is of one. The reasons stand where the complaints are made.

use gitops_compiler::manifest::yaml::{self, lint};
use gitops_testdata::oracle::Answer;

use crate::compare::{Outcome, judge};
use crate::ours::Ours;

/// A class, and how its complaints begin; those with a name are looked at more closely.
const CLASSES: [(&str, &str); 14] = [
    // manifest::sent
    ("metadata of a list's item that a server would refuse", ITEM),
    // yaml::quirk, yaml::event
    ("a byte order mark where kubectl may trip over it", "a byte order mark stands inside the document"),
    ("text behind the end of a document, in its last line", "text follows the end of the document"),
    ("a tag that goes on with `,`, `[` or `]`", "a tag needs a space between itself and `,`"),
    ("a tag that goes on with `,`, `[` or `]`", TAG_END),
    ("a tag that goes on with `,`, `[` or `]`", TAG_TEXT),
    // libyaml: to kubectl, `{a:}` has the key `a:`.
    ("plain text between brackets that ends in `:`", "found unexpected ':', while scanning a plain scalar"),
    // yaml::Limits
    ("lists and maps in one another, over 1,000", "the document nests deeper than 1000 lists and maps"),
    ("aliases of more than 64 MiB", "the document is larger than 67108864 bytes with its aliases written out"),
    // yaml::load: we say it, though kubectl never looks at what it has lost.
    (REPLACED, "a key cannot be null"),
    (REPLACED, "a key cannot be a number above"),
    (REPLACED, NO_JSON),
    // libyaml, which reads ahead; yaml::read.
    ("a control character in text that kubectl drops", CONTROL),
    ("bytes that are no UTF-8 in text that kubectl drops", NO_UTF_8),
];

const ITEM: &str = "an item of this ";
const NO_JSON: &str = "` is no number for JSON";
const CONTROL: &str = "control characters are not allowed";
const NO_UTF_8: &str = "the text is not the UTF-8 that its byte order mark promises";
const TAG_END: &str = "did not find expected whitespace or line break, while scanning a tag";
const TAG_TEXT: &str = "did not find expected tag URI, while parsing a tag";
const REPLACED: &str = "what cannot be JSON, in a value that a later one of the same key replaces";

/// The class of a file, if all that we say of it is of one.
pub(crate) fn class(refusals: &[String], file: &[u8], answer: &Answer) -> Option<&'static str> {
    let classes: Option<Vec<_>> = refusals.iter().map(|refusal| class_of(refusal, file, answer)).collect();
    classes?.first().copied()
}

fn class_of(refusal: &str, file: &[u8], answer: &Answer) -> Option<&'static str> {
    let is_of = |(class, words): &(&str, &str)| match *words {
        ITEM => refusal.starts_with(ITEM) && refusal.contains(": metadata"),
        NO_JSON => refusal.contains(NO_JSON) && is_replaced(file),
        CONTROL | NO_UTF_8 => refusal == *words && is_dropped(file, answer),
        TAG_END | TAG_TEXT => refusal.starts_with(words) && has_long_tag(file),
        _ => refusal.starts_with(words) && (*class != REPLACED || is_replaced(file)),
    };
    CLASSES.iter().find(|class| is_of(class)).map(|(class, _)| *class)
}

/// Whether, for each problem, a key is set again behind it in the same document.
fn is_replaced(file: &[u8]) -> bool {
    let reading = yaml::read(file, yaml::Limits::default());
    let again = |problem: &yaml::Problem| {
        let replaces = |lint: &&yaml::Lint| [lint::DUPLICATE_KEY, lint::MERGE_AFTER_KEY].contains(&lint.rule);
        let mut lints = reading.lints.iter().filter(replaces);
        lints.any(|lint| (lint.document, problem.line) == (problem.document, problem.line.min(lint.line)))
    };
    reading.problems.iter().all(again)
}

/// Whether kubectl reads what we would without what no text may hold: then it never came to see it.
fn is_dropped(file: &[u8], answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(file);
    let may_stand =
        |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{FFFD}' | '\u{10000}'..);
    let without: String = text.chars().map(|c| if may_stand(c) { c } else { '.' }).collect();
    let outcome = judge(answer, &Ours::of(without.as_bytes()), without.as_bytes());
    matches!(outcome, Outcome::Read(_) | Outcome::Known(_))
}

/// Whether a tag runs into what ends it for libyaml and belongs to it for yaml.v2.
fn has_long_tag(file: &[u8]) -> bool {
    let text = String::from_utf8_lossy(file);
    let tags = text.match_indices('!').map(|(at, _)| text[at..].split_whitespace().next().unwrap_or_default());
    tags.into_iter().any(|tag| tag.contains([',', '[', ']']))
}
