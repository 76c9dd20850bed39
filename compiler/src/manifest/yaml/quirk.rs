//! The places where libyaml-safer and yaml.v2's port of libyaml part, found by comparing their scanners.
//!
//! In: the text of a chunk. Out: an error where they would read different things, or a text that both read alike.
//! Guarantees: of the texts that both read alike, only some are refused that have a byte order mark at the start of a
//! line, or where yaml.v2 fills its buffer again.

use libyaml_safer::{Encoding, Scanner, TokenData};

use super::event::Fault;

const MARK: char = '\u{FEFF}';

/// Refuses what must not reach the parser.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    // libyaml skips a mark at the start of any line, yaml.v2 takes it for text.
    let at_line_start = |at: usize| at == 0 || text[..at].ends_with(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let trips = |at: usize| at_line_start(at) || at_buffer_start(text, at);
    if let Some((at, _)) = text.match_indices(MARK).find(|(at, _)| trips(*at)) {
        return Err(Fault::new(at, "a byte order mark stands inside the document: remove the invisible character"));
    }
    match tag_before_comma(text) {
        Some(at) => Err(Fault::new(at, "a tag needs a space between itself and `,`")),
        None => Ok(()),
    }
}

/// Whether a mark may come to stand first in yaml.v2's buffer. There it is looked for instead of at the start of the
/// line, and while it stays, every line loses its first character.
fn at_buffer_start(text: &str, mark: usize) -> bool {
    /// How much is read at once.
    const BLOCK: usize = 512;
    /// How many characters may be left when more are read: one less than the digits of the longest escape.
    const LEFT: usize = 7;
    // The first block may have held a mark of its own, of which nothing is here.
    [BLOCK, BLOCK - MARK.len_utf8()].into_iter().any(|first| {
        let mut end = text.floor_char_boundary(first);
        while end < mark {
            end = text.floor_char_boundary(end + BLOCK);
        }
        end < text.len() && text[mark..end].chars().take(LEFT + 1).count() <= LEFT
    })
}

/// Finds a tag that ends at a comma. libyaml-safer panics there inside `[]` and `{}`; yaml.v2 makes the comma part of
/// the tag. Most exclamation marks before commas stand in texts, so the scanner has to say what they are, with the
/// commas taken away that it must not see.
fn tag_before_comma(text: &str) -> Option<usize> {
    let suspects: Vec<usize> =
        text.match_indices(',').map(|(at, _)| at).filter(|at| may_end_with_tag(&text[..*at])).collect();
    if suspects.is_empty() {
        return None;
    }
    let mut bytes = text.as_bytes().to_vec();
    for at in &suspects {
        bytes[*at] = b' ';
    }
    let mut scanner = Scanner::new();
    scanner.set_encoding(Encoding::Utf8);
    scanner.set_input(bytes.as_slice());
    scanner
        .map_while(Result::ok)
        .filter(|token| matches!(token.data, TokenData::Tag { .. }))
        .filter_map(|token| usize::try_from(token.end_mark.index).ok())
        .find(|end| suspects.binary_search(end).is_ok())
}

/// Whether a tag could end here, going by the characters alone.
fn may_end_with_tag(before: &str) -> bool {
    let in_tag = |c: char| c.is_ascii_alphanumeric() || "_-;/?:@&=+$.%!~*'()".contains(c);
    if let Some(inner) = before.strip_suffix('>') {
        return inner.trim_end_matches(|c| in_tag(c) || ",[]".contains(c)).ends_with("!<");
    }
    let start = before.trim_end_matches(in_tag).len();
    // A tag is a token, so what is before it ends one: white space, an indicator, or a quote.
    let starts_token = |at: usize| before[..at].ends_with(|c: char| c.is_whitespace() || ",[]{}:?\"'".contains(c));
    before[start..].match_indices('!').any(|(at, _)| start + at == 0 || starts_token(start + at))
}

/// yaml.v2 knows the escape `\'`, libyaml does not: returns the text without those backslashes in the scalar where
/// libyaml stopped, if that is why. Spaces behind the scalar keep every offset behind it.
pub(super) fn without_escaped_apostrophes(text: &str, fault: &Fault) -> Option<String> {
    let (before, rest) = text.split_at_checked(fault.at)?;
    if !fault.message.starts_with("found unknown escape character") || !rest.starts_with("\\'") {
        return None;
    }
    let mut mended = String::with_capacity(text.len());
    mended.push_str(before);
    let mut removed = 0;
    let mut left = rest.chars();
    while let Some(c) = left.next() {
        match c {
            '\\' => match left.next() {
                Some('\'') => {
                    removed += 1;
                    mended.push('\'');
                }
                other => mended.extend(std::iter::once('\\').chain(other)),
            },
            '"' => {
                mended.push('"');
                break;
            }
            _ => mended.push(c),
        }
    }
    mended.extend(std::iter::repeat_n(' ', removed));
    mended.push_str(left.as_str());
    Some(mended)
}

/// Refuses `\/` in the double-quoted scalar between two offsets: an escape of libyaml (and JSON) that yaml.v2 lacks.
pub(super) fn check_slashes(text: &str, at: usize, end: usize) -> Result<(), Fault> {
    // An anchor or a tag may stand before the quote; neither can hold a backslash.
    let scalar = text.get(at..end).unwrap_or_default();
    let mut escaped = false;
    for (offset, byte) in scalar.bytes().enumerate() {
        if escaped && byte == b'/' {
            return Err(Fault::new(
                at + offset - 1,
                "found unknown escape character `\\/`: kubectl knows it in JSON only",
            ));
        }
        escaped = byte == b'\\' && !escaped;
    }
    Ok(())
}

/// Where the first character stands that YAML does not allow; the start if there is none.
pub(super) fn control_character(text: &str) -> usize {
    let forbidden =
        |c: char| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{A0}'..='\u{FFFD}' | '\u{10000}'..);
    text.find(forbidden).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_before_commas_are_found_and_prose_is_not() {
        for (text, end) in [
            ("[!,a]\n", 2),
            ("a: [x, !foo,b]\n", 11),
            ("{a: !<x,y>,b: 1}\n", 10),
            ("[!!str,a]\n", 6),
            ("- {a: [1, !b!c, 2]}\n", 14),
            ("[a!, 'x'!b,c]\n", 10),
            ("!a,\n", 2),
        ] {
            assert_eq!(tag_before_comma(text), Some(end), "{text}");
        }
        for text in ["a: wow !, b\n", "# !x,\n[a]\n", "a: |\n  [!x,y]\n", "a: \"[!x,y]\"\n", "[a!, b]\n", "[! a, b]\n"]
        {
            assert_eq!(tag_before_comma(text), None, "{text}");
        }
    }

    #[test]
    fn escaped_apostrophes_lose_their_backslash_up_to_the_quote() {
        let text = r#"a: "x\\ \' \"\'" \'"#;
        let fault = Fault::new(text.find("\\'").expect("it is there"), "found unknown escape character, while");
        assert_eq!(without_escaped_apostrophes(text, &fault).as_deref(), Some(r#"a: "x\\ ' \"'"   \'"#));
        assert_eq!(without_escaped_apostrophes(text, &Fault::new(0, "found unknown escape character")), None);
        assert_eq!(without_escaped_apostrophes(text, &Fault::new(999, "found unknown escape character")), None);
    }

    #[test]
    fn escaped_slashes_are_found_behind_pairs_of_backslashes() {
        let check = |text: &str| check_slashes(text, 0, text.len());
        assert_eq!(check(r#""a\/""#).map_err(|fault| fault.at), Err(2));
        assert_eq!(check(r#""\\\/""#).map_err(|fault| fault.at), Err(3));
        assert_eq!(check(r#""a\\/b""#), Ok(()));
    }

    #[test]
    fn byte_order_marks_at_the_start_of_lines_are_refused() {
        assert!(check("\u{FEFF}a: 1\n").is_err());
        assert!(check("a: 1\n\u{FEFF}b: 1\n").is_err());
        assert_eq!(check("a: x\u{FEFF}\n"), Ok(()));
    }

    #[test]
    fn byte_order_marks_at_the_start_of_a_buffer_are_refused() {
        let text = |before: usize| format!("a: {}\u{FEFF}{}\n", "x".repeat(before), "x".repeat(2_000));
        let refused: Vec<usize> = (0..1_030).filter(|before| check(&text(*before)).is_err()).collect();
        // Behind the first three characters, up to where the block ends, from seven characters before that, which are
        // nine bytes; or three sooner, if there was a mark before the text.
        let blocks = [512, 1_024].map(|end| (end - 9 - 3 - 3..=end - 3).collect::<Vec<_>>());
        assert_eq!(refused, blocks.concat());
        assert!(check(&format!("a: {}\u{FEFF}{}\n", "\u{e9}".repeat(254), "x".repeat(20))).is_err());
    }
}
