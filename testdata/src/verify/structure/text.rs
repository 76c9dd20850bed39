//! Rules for the text of one source: it says what it is for, is not too long, and leaves nothing to do.
//!
//! In: a source. Out: findings. What is forbidden is spelled in two halves here, so that this file may pass.

use super::source::{Source, is_rust};

/// How many lines a file may have.
const LONGEST: usize = 600;

/// What code that is not finished says, and tests that are not run.
const UNFINISHED: [&str; 5] = [
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("#[ig", "nore"),
];

pub(super) fn findings(source: &Source) -> Vec<String> {
    let Source { path, text } = source;
    let mut findings = Vec::new();
    if is_rust(path) && !text.starts_with("//!") {
        findings.push(format!("{path}:1: does not begin with `//!` and its one job"));
    }
    let length = text.lines().count();
    if length > LONGEST {
        findings.push(format!("{path}:{LONGEST}: has {length} lines; a file has at most {LONGEST}"));
    }
    for (index, line) in text.lines().enumerate() {
        for word in UNFINISHED.iter().filter(|word| line.contains(*word)) {
            findings.push(format!("{path}:{}: `{word}`: is not finished, or not run", index + 1));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_in(path: &str, text: &str) -> Vec<String> {
        findings(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_source_says_what_it_is_for() {
        assert_eq!(findings_in("a.rs", "//! A job.\n"), Vec::<String>::new());
        assert_eq!(findings_in("a.rs", "use b;\n").len(), 1);
        assert_eq!(findings_in("a.rs", "").len(), 1);
        assert_eq!(findings_in("a.go", "package main\n"), Vec::<String>::new(), "Go has its own way");
    }

    #[test]
    fn a_source_has_at_most_600_lines() {
        assert_eq!(findings_in("a.rs", &"//! A job.\n".repeat(600)), Vec::<String>::new());
        assert_eq!(findings_in("a.rs", &"//! A job.\n".repeat(601)).len(), 1);
    }

    #[test]
    fn nothing_is_left_to_do() {
        for word in UNFINISHED {
            let text = format!("//! A job.\nfn f() {{ {word} }}\n");
            let findings = findings_in("a.rs", &text);
            assert!(findings.len() == 1 && findings[0].starts_with("a.rs:2: "), "{findings:?}");
        }
    }
}
