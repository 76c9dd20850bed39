//! Text from a branch, made harmless for where it goes.
//!
//! In: any text. Out: text without line breaks that is shown as it is: no control of a terminal, no reordering of letters, no
//! link, mention, reference or markup of markdown, HTML or SARIF.

use std::fmt::Write as _;

/// For a terminal, and for all that follows: control characters and those that nobody sees are written out, and so is the
/// letter that would make a line a command of a CI system that reads what is printed: `::name::` at its start for GitHub,
/// `##name[` anywhere for GitHub, Azure and `TeamCity`.
#[must_use]
pub fn line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let start = text.len() - text.trim_start().len();
    for (at, letter) in text.char_indices() {
        let rest = &text[at..];
        match letter {
            ':' if at == start && rest.starts_with("::") => shown.extend(letter.escape_unicode()),
            '#' if is_command(rest) => shown.extend(letter.escape_unicode()),
            '"' | '\'' | '\\' => shown.push(letter),
            letter => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

/// Whether a text begins as commands of CI systems do: `##[`, `##vso[`, `##teamcity[`.
fn is_command(text: &str) -> bool {
    let name = text.strip_prefix("##").unwrap_or_default();
    name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic()).starts_with('[')
}

/// For markdown: a span of code, in which nothing is a mention, a reference, a link or markup.
#[must_use]
pub fn code(text: &str) -> String {
    let text = line(text);
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    // One space at both ends is taken away by the reader, and keeps backticks apart from the fence.
    let space =
        if text.is_empty() || text.contains('`') || text.starts_with(' ') || text.ends_with(' ') { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// For markdown: lines as a block of code.
#[must_use]
pub fn block(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|text| line(text)).collect();
    let longest = lines.iter().map(|line| longest_run(line, '`')).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

/// For HTML, as text and in quoted attributes.
#[must_use]
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in line(text).chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// For messages of SARIF, in which brackets make links.
#[must_use]
pub fn message(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in line(text).chars() {
        if matches!(letter, '[' | ']' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// For a path in a URI of SARIF: all that is not plain is percent-encoded.
#[must_use]
pub fn uri(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|letter| letter != of).map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_controls_a_terminal() {
        assert_eq!(line("a\u{1b}[2Jb\r\n\u{7}c\u{9b}d"), "a\\u{1b}[2Jb\\r\\n\\u{7}c\\u{9b}d");
        assert_eq!(line("\u{202e}txt\u{200b}\u{2066}\u{feff}"), "\\u{202e}txt\\u{200b}\\u{2066}\\u{feff}");
        assert_eq!(line("it's \"é\" → \\ 漢"), "it's \"é\" → \\ 漢");
    }

    #[test]
    fn nobody_commands_a_ci_system() {
        for (text, shown) in [
            ("::set-env name=A::b", "\\u{3a}:set-env name=A::b"),
            ("  ::error file=a::b", "  \\u{3a}:error file=a::b"),
            ("##[group]a", "\\u{23}#[group]a"),
            ("a ##vso[task.setvariable variable=a]b", "a \\u{23}#vso[task.setvariable variable=a]b"),
            ("###VSO[a]", "#\\u{23}#VSO[a]"),
            ("##teamcity[a]", "\\u{23}#teamcity[a]"),
            // What nobody reads as one.
            ("## title [a](b)", "## title [a](b)"),
            ("a::b", "a::b"),
            (": b", ": b"),
            ("#[a]", "#[a]"),
        ] {
            assert_eq!(line(text), shown);
        }
        assert!(block("", &["::stop-commands::a".to_owned()]).contains("\n\\u{3a}:stop-commands::a\n"));
    }

    #[test]
    fn nobody_gets_out_of_a_span_of_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("@team #1 <b>"), "`@team #1 <b>`");
        assert_eq!(code("a``b`"), "``` a``b` ```");
        assert_eq!(code(" a"), "`  a `");
        assert_eq!(code(""), "`  `");
        assert!(!code("a\n\n# title\n").contains('\n'));
    }

    #[test]
    fn nobody_gets_out_of_a_block_of_code() {
        let lines = ["```".to_owned(), "a\n````\n@team".to_owned()];
        assert_eq!(block("diff", &lines), "`````diff\n```\na\\n````\\n@team\n`````\n");
        assert_eq!(block("", &["a".to_owned()]), "```\na\n```\n");
    }

    #[test]
    fn markup_and_links_are_text() {
        assert_eq!(html("<a href='x'>\"&\n"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\\n");
        assert_eq!(message("[a](https://x) \\"), "\\[a\\](https://x) \\\\");
        assert_eq!(uri("a b/ü?#%"), "a%20b/%C3%BC%3F%23%25");
    }
}
