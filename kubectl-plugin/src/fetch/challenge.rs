//! What a registry wants before it answers: the header `WWW-Authenticate`.
//!
//! In: values of the header. Out: challenges, in their order. Guarantees: what cannot be read is left out, with whatever
//! follows it in the same value; nothing is guessed.

use std::collections::BTreeMap;

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case: `basic`, `bearer`.
    pub(super) scheme: String,
    /// By name in lower case; the first of equals.
    pub(super) parameters: BTreeMap<String, String>,
}

/// Reads one value of the header, which may hold several challenges.
pub(super) fn read(value: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return challenges;
        }
        let after_word = after.trim_start_matches([' ', '\t']);
        let Some(value) = after_word.strip_prefix('=') else {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
            rest = after;
            continue;
        };
        // A parameter of the challenge before it.
        let read = parameter(value.trim_start_matches([' ', '\t'])).zip(challenges.last_mut());
        let Some(((text, after), challenge)) = read else { return challenges };
        challenge.parameters.entry(word.to_ascii_lowercase()).or_insert(text);
        rest = after;
    }
}

/// A word of the header, and what follows.
fn token(text: &str) -> (&str, &str) {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_of_token(c)).unwrap_or(text.len()))
}

/// The value of a parameter, with or without quotes, and what follows.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        return (!word.is_empty()).then(|| (word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &str) -> Vec<String> {
        let show = |challenge: &Challenge| format!("{} {:?}", challenge.scheme, challenge.parameters);
        read(value).iter().map(show).collect()
    }

    #[test]
    fn challenges_are_read() {
        assert_eq!(
            shown(
                r#"Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull,push""#
            ),
            [
                r#"bearer {"realm": "https://auth.example.com/token", "scope": "repository:a/b:pull,push", "service": "registry"}"#
            ]
        );
        assert_eq!(
            shown(r#"Basic realm="a \"b\", c", BEARER Realm = x , realm=y"#),
            [r#"basic {"realm": "a \"b\", c"}"#, r#"bearer {"realm": "x"}"#]
        );
        assert_eq!(shown("Negotiate, Basic"), ["negotiate {}", "basic {}"]);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        assert_eq!(shown(r#"Bearer realm="https://a"#), ["bearer {}"]);
        assert_eq!(shown(r#"realm="x", Basic"#), [""; 0]);
        assert_eq!(shown(r#"Basic realm=, Bearer realm="x""#), ["basic {}"]);
        assert_eq!(shown("\"\\"), [""; 0]);
        assert_eq!(shown(""), [""; 0]);
    }
}
