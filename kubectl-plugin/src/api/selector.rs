//! Label selectors, as Kubernetes has them: `a=b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, with commas between. Pure.
//!
//! In: the text. Out: a [`Selector`], or what is wrong with it.

use std::collections::BTreeMap;

/// What labels must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selector(Vec<Term>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    label: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    There,
    Absent,
}

/// So many terms it may have.
const MOST_TERMS: usize = 50;

/// The same as a pattern, for the document of the API.
pub(super) fn pattern() -> String {
    let (label, value) = ("[A-Za-z0-9._/-]+", "[A-Za-z0-9._-]{0,63}");
    let term = format!("(!?{label}|{label}(=|==|!=){value}|{label} (in|notin) \\({value}(,{value})*\\))");
    format!("^({term}(,{term}){{0,{}}})?$", MOST_TERMS - 1)
}

impl Selector {
    /// Of its text.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut terms = Vec::new();
        let parts = if text.is_empty() { Vec::new() } else { split(text) };
        for part in parts.into_iter().map(str::trim) {
            terms.push(Term::read(part).ok_or_else(|| format!("the selector is not understood at {part:?}"))?);
            if terms.len() > MOST_TERMS {
                return Err("the selector has too many terms".to_owned());
            }
        }
        Ok(Self(terms))
    }

    /// Whether labels are such.
    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let label = |name: &str| labels.get(name).map(String::as_str);
        self.0.iter().all(|term| match (&term.test, label(&term.label)) {
            (Test::In(values), Some(value)) => values.iter().any(|known| known == value),
            (Test::NotIn(values), Some(value)) => !values.iter().any(|known| known == value),
            (Test::There, value) => value.is_some(),
            (Test::Absent, value) => value.is_none(),
            (Test::In(_), None) => false,
            (Test::NotIn(_), None) => true,
        })
    }
}

/// At commas that are in no list.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

impl Term {
    fn read(text: &str) -> Option<Self> {
        let term = |label: &str, test| {
            let label = label.trim();
            let is_label =
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
            let are_values = match &test {
                Test::In(values) | Test::NotIn(values) => values.iter().all(|value| is_value(value)),
                Test::There | Test::Absent => true,
            };
            (is_label && are_values).then(|| Self { label: label.to_owned(), test })
        };
        if let Some(label) = text.strip_prefix('!') {
            return term(label, Test::Absent);
        }
        if let Some((label, rest)) = text.split_once([' ', '\t']).filter(|(_, rest)| rest.trim_end().ends_with(')')) {
            let (word, list) = rest.split_once('(')?;
            let values = list.trim_end().strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
            return match word.trim() {
                "in" => term(label, Test::In(values)),
                "notin" => term(label, Test::NotIn(values)),
                _ => None,
            };
        }
        for (sign, is_equal) in [("!=", false), ("==", true), ("=", true)] {
            if let Some((label, value)) = text.split_once(sign) {
                let values = vec![value.trim().to_owned()];
                return term(label, if is_equal { Test::In(values) } else { Test::NotIn(values) });
            }
        }
        term(text, Test::There)
    }
}

/// A value that a label may have.
fn is_value(text: &str) -> bool {
    text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_read_as_kubernetes_reads_them() {
        let labels = [("team", "a"), ("tier", "web")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let labels = BTreeMap::from(labels);
        for (text, is) in [
            ("", true),
            ("team=a", true),
            ("team == a , tier=web", true),
            ("team=a,tier!=web", false),
            ("other!=a", true),
            ("team in (b, a),tier", true),
            ("team notin (b)", true),
            ("team notin (a)", false),
            ("other notin (a)", true),
            ("!other", true),
            ("!team", false),
            ("other", false),
        ] {
            assert_eq!(Selector::read(text).map(|selector| selector.matches(&labels)), Ok(is), "{text}");
        }
        for wrong in ["team within (a)", "=a", "te am=a", "a b"] {
            assert!(Selector::read(wrong).is_err(), "{wrong}");
        }
    }
}
