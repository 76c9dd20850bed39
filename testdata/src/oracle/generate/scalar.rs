//! Single values: words, numbers and texts that readers of YAML differ on, in every way to write them.
//!
//! In: decisions, and where the value stands. Out: its text in YAML.

use super::random::Random;

/// Words that are more than text to some reader, and texts that are next to them.
const WORDS: &str = "\
    yes Yes YES yEs no No NO on On ON off Off OFF y Y n N true True TRUE tRUE false False FALSE null Null \
    NULL nULL ~ ~~ none nil = << .inf .Inf -.INF +.inf .nan .NaN .NAN -.nan inf Infinity nan 0 -0 +0 00 07 08 \
    0777 0o17 0O17 0o8 0x1F 0XfF 0xG -0x10 +0x1 0b101 0B11 0b2 0b-1 1_000 1_ 1__0 _1 -_1 0_7 0x_1 1.0 1. .5 \
    -.5 +.5 .5_0 ._5 .5_ 1.5 1.50 1e3 1E3 1e+3 1e-3 1e 1e+ 1_0e1_0 1e21 1e-7 1e400 -1e400 1e-400 0e0 -0.0 0.1 \
    0.30000000000000004 123456789.123456789 9007199254740993 9223372036854775807 9223372036854775808 \
    -9223372036854775808 -9223372036854775809 18446744073709551615 18446744073709551616 \
    123456789012345678901234567890 0x7fffffffffffffff 0xffffffffffffffff 0x1p4 12:30:45 1:30 190:20:30 \
    2001-01-01 2001-1-1 2001-12-14t21:59:43.10-05:00 2006-01-02T15:04:05Z 1.2.3 1.2.3.4 10.0.0.0/8 ::1 a:b \
    http://a/b a#b - -- ? : ?a -a :a a? a: a,b [a a] {a a} ! !a &a *a * @a `a` %a | > ' '' --- ... 100m 1Gi \
    500Mi 0.5 80% nginx:1.25 a/b@sha256:0123 $(A) ${A}";

/// Texts with blanks, line ends and other characters that matter.
const TEXTS: &[&str] = &[
    "2001-12-14 21:59:43",
    "a: b",
    "a #b",
    "- a",
    "? a",
    ": a",
    "\"",
    "\\",
    "a\\nb",
    "--- a",
    "",
    " ",
    "  a",
    "a  ",
    "a\tb",
    "\ta",
    "{{ .Values.a }}",
    "\u{e9}",
    "\u{1F680}",
    "\u{85}",
    "a\u{2028}b",
    "a\u{2029}b",
    "a\u{a0}b",
    "\u{feff}",
    "a\u{feff}b",
    "a\nb",
    "a\n\nb",
    "a\n  b\nc\n",
    "\na",
    "a\n",
    "a\n\n\n",
    "#!/bin/sh\nset -e\n\techo a\n",
    "\r",
    "a\rb",
    "\u{7f}",
    "\u{0}",
    "\u{1b}[0m",
    "x\u{d7ff}y",
    "\u{fffd}",
    "\u{ffff}",
    "\u{10ffff}",
];

/// Tags that mean something, and some that do not.
const TAGS: &[&str] = &[
    "!!str",
    "!!int",
    "!!float",
    "!!bool",
    "!!null",
    "!!timestamp",
    "!!binary",
    "!!set",
    "!!omap",
    "!",
    "!Ref",
    "!!merge",
];

/// Tags that are none, or next to it.
const ODD_TAGS: &[&str] =
    &["!a!b", "!<tag:yaml.org,2002:str>", "!<!x>", "!!", "!!python/none", "!!str%21", "!e!x", "!!map", "!!seq", "!a,"];

/// Where a value stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the block style, in a container of so many spaces.
    Block(usize),
    /// Between brackets.
    Flow,
    /// A key.
    Key,
}

/// The text that a value is to have, before it is written in some style.
pub(super) fn text(random: &mut Random) -> String {
    match random.below(8) {
        0..=2 => word(random).to_owned(),
        3..=4 => random.pick(TEXTS).to_owned(),
        5 => number(random),
        6 => format!("{}{}", word(random), random.pick(TEXTS)),
        _ => soup(random, "abz019 .,:;-_#'\"\\/!&*%@`[]{}|<>=?~^$+()\t\n\u{e9}\u{85}\u{2028}\u{1F680}", 12),
    }
}

fn word(random: &mut Random) -> &'static str {
    let words: Vec<&str> = WORDS.split(' ').collect();
    random.pick(&words)
}

/// Some of these characters.
pub(super) fn soup(random: &mut Random, of: &str, most: usize) -> String {
    let of: Vec<char> = of.chars().collect();
    (0..random.below(most + 1)).map(|_| random.pick(&of)).collect()
}

/// A number in some base, or nearly one.
pub(super) fn number(random: &mut Random) -> String {
    let sign = random.pick(&["", "", "", "-", "+"]);
    let prefix = random.pick(&["", "", "", "0", "0x", "0o", "0b", "0X", "."]);
    let digits = soup(random, random_digits(prefix), 20);
    let rest = match random.below(6) {
        0 => format!(".{}", soup(random, "0123456789", 17)),
        1 => format!("e{}{}", random.pick(&["", "+", "-"]), soup(random, "0123456789", 3)),
        2 => format!(".{}E{}", soup(random, "0123456789_", 9), soup(random, "0123456789", 2)),
        _ => String::new(),
    };
    format!("{sign}{prefix}{digits}{rest}")
}

fn random_digits(prefix: &str) -> &'static str {
    match prefix {
        "0x" | "0X" => "0123456789abcdefABCDEF_",
        "0o" => "01234567_",
        "0b" => "01_",
        "0" => "0123456789",
        _ => "0123456789012345678901234567890123456789_",
    }
}

/// A value as it is written, without what may stand before it.
pub(super) fn value(random: &mut Random, place: Place) -> String {
    let text = text(random);
    match random.below(12) {
        0..=4 => plain(random, &text, place),
        5..=6 => single_quoted(random, &text, place),
        7..=8 => double_quoted(random, &text, place),
        9 => match place {
            Place::Block(indent) => block(random, &text, indent),
            _ => plain(random, &text, place),
        },
        10 => tagged(random),
        _ if random.wildly(2) => format!("{} {}", random.pick(ODD_TAGS), plain(random, &text, place)),
        _ => plain(random, &text, place),
    }
}

/// A tag and what it is for.
fn tagged(random: &mut Random) -> String {
    let tag = random.pick(TAGS);
    let value = match tag {
        "!!int" => random.pick(&["1", "\"0x1F\"", "'-1'", "0777", "1_000"]),
        "!!float" => random.pick(&["1", "1.5", "\"1e3\"", ".5", "'010'"]),
        "!!bool" => random.pick(&["yes", "\"off\"", "true"]),
        "!!null" => random.pick(&["", "~", "\"\"", "'null'"]),
        "!!timestamp" => random.pick(&["2001-01-01", "2001-1-1", "\"2001-12-14 21:59:43\"", "2001-12-14t21:59:43.1Z"]),
        "!!binary" => random.pick(&["aGk=", "/w==", "4oI=", "\"Zm9v\\nYg==\"", "4oLigg=="]),
        _ => random.pick(&["yes", "1", "\"1\"", "a", "''", "b c"]),
    };
    format!("{tag} {value}")
}

/// Mostly what can be written without quotes; sometimes what cannot.
fn plain(random: &mut Random, text: &str, place: Place) -> String {
    let first_is_safe = text.starts_with(|c: char| c.is_alphanumeric() || "._~/$^(".contains(c));
    let rest_is_safe = text.chars().all(|c| c.is_alphanumeric() || "._-~/$^()+=%@ <>&*!|\\".contains(c));
    let is_signed = text.starts_with(['-', '+']) && text[1..].starts_with(|c: char| c.is_alphanumeric() || c == '.');
    // No JSON has these, so a file with one of them says nothing about the rest of it.
    let is_number = !["nan", "inf"].contains(&text.trim_start_matches(['.', '+', '-']).to_lowercase().as_str());
    let is_sound = (first_is_safe || is_signed) && rest_is_safe && text.trim() == text && is_number;
    if text.is_empty() || is_sound || random.wildly(12) {
        return text.to_owned();
    }
    // Plain text may go on in the next line.
    let lines_are_safe = first_is_safe && text.chars().all(|c| c.is_alphanumeric() || " \n_".contains(c));
    match continuation(place) {
        Some(indent) if lines_are_safe => text.trim_end().replace('\n', &format!("\n{indent}")),
        _ => double_quoted(random, text, place),
    }
}

/// Line ends in quotes need the indentation of what is around them, and a key has none.
fn continuation(place: Place) -> Option<String> {
    match place {
        Place::Block(indent) => Some(" ".repeat(indent + 2)),
        Place::Flow => Some(" ".repeat(40)),
        Place::Key => None,
    }
}

/// Without what may not stand in a file, mostly.
fn printable(random: &mut Random, text: &str) -> String {
    let may_stand =
        |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{FFFD}' | '\u{10000}'..);
    if random.wildly(3) { text.to_owned() } else { text.chars().filter(may_stand).collect() }
}

fn single_quoted(random: &mut Random, text: &str, place: Place) -> String {
    let text = printable(random, text).replace('\'', "''");
    match continuation(place) {
        Some(indent) => format!("'{}'", text.replace('\n', &format!("\n{indent}"))),
        None => format!("'{}'", text.replace('\n', " ")),
    }
}

fn double_quoted(random: &mut Random, text: &str, place: Place) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' if random.once_in(3) => match continuation(place) {
                Some(indent) => quoted
                    .push_str(&random.pick(&["\n", "\\\n", "  \n", "\\n\\\n"]).replace('\n', &format!("\n{indent}"))),
                None => quoted.push_str("\\n"),
            },
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str(random.pick(&["\\t", "\t", "\\\t"])),
            '/' if random.wildly(6) => quoted.push_str("\\/"),
            '\'' if random.once_in(4) => quoted.push_str("\\'"),
            '\u{85}' => quoted.push_str(random.pick(&["\\N", "\u{85}", "\\x85"])),
            '\u{2028}' => quoted.push_str(random.pick(&["\\L", "\u{2028}", "\\u2028"])),
            '\u{2029}' => quoted.push_str(random.pick(&["\\P", "\u{2029}"])),
            '\u{a0}' => quoted.push_str(random.pick(&["\\_", "\u{a0}"])),
            c if c.is_control() && c != '\r' && random.once_in(2) => {
                quoted.extend(["\\x", &format!("{:02x}", u32::from(c))]);
            }
            c if c.is_control() && c != '\r' || c == '\u{ffff}' || random.once_in(40) => {
                quoted.extend(["\\u", &format!("{:04x}", u32::from(c).min(0xFFFF))]);
            }
            c if random.once_in(80) => quoted += format!("\\U{:08X}", u32::from(c)).as_str(),
            c => quoted.push(c),
        }
    }
    if random.wildly(10) {
        quoted.push_str(random.pick(&[
            "\\e",
            "\\0",
            "\\ ",
            "\\a",
            "\\v",
            "\\f",
            "\\b",
            "\\r",
            "\\q",
            "\\ud83d\\ude80",
            "\\ud800",
            "\\x",
            "\\U00110000",
        ]));
    }
    quoted.push('"');
    quoted
}

/// A literal or folded scalar, with every indicator.
fn block(random: &mut Random, text: &str, indent: usize) -> String {
    let extra = random.pick(&[2, 2, 2, 1, 4, 3]);
    let explicit = if random.once_in(3) { extra.to_string() } else { String::new() };
    let chomping = random.pick(&["", "-", "+", "", "-"]);
    let indicators = if random.once_in(2) { format!("{explicit}{chomping}") } else { format!("{chomping}{explicit}") };
    let mut written =
        format!("{}{indicators}{}", random.pick(&["|", ">"]), random.pick(&["", "", "", " # note", " ", "\t"]));
    let pad = " ".repeat(indent + extra);
    for line in printable(random, text).split('\n') {
        let odd = random.pick(&["", "", "", "", "", "", " ", "  ", "\t", "# "]);
        written.push('\n');
        if !line.is_empty() || random.once_in(4) {
            written.extend([&pad, odd]);
        }
        written.push_str(line);
    }
    for _ in 0..random.below(3) {
        written.push_str(random.pick(&["\n", "\n  ", "\n\n"]));
    }
    written
}
