//! Text from the cluster, made fit to print.
//!
//! In: messages that controllers, webhooks and registries wrote, possibly to deceive. Out: one line without characters
//! that steer a terminal or turn the reading direction, of bounded length.

/// The longest message, in characters. Kubelets quote whole answers of registries.
const LIMIT: usize = 300;

/// The text on one line, without control and formatting characters, cut after [`LIMIT`] characters.
pub(crate) fn printable(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for character in text.chars() {
        let character = if character.is_whitespace() { ' ' } else { character };
        let repeats_space = character == ' ' && (line.is_empty() || line.ends_with(' '));
        if repeats_space || is_invisible(character) {
            continue;
        }
        if length == LIMIT {
            line.pop();
            line.push('…');
            return line;
        }
        line.push(character);
        length += 1;
    }
    line.truncate(line.trim_end().len());
    line
}

/// Controls, and Unicode's characters that format other text: direction, joining, tags.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_dropped() {
        assert_eq!(printable("\u{1b}[31mred\u{7}\u{9b}2J"), "[31mred2J");
        assert_eq!(printable("safe\u{202e}gpj.exe\u{200b}"), "safegpj.exe", "nothing turns the reading direction");
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(printable("\n one\r\n\ttwo\u{2028}three \n"), "one two three");
    }

    #[test]
    fn a_message_has_a_longest_length() {
        assert_eq!(printable(&"ß".repeat(300)).chars().count(), 300);
        let cut = printable(&"ß".repeat(100_000));
        assert_eq!(cut.chars().count(), 300);
        assert!(cut.ends_with("ß…"), "the cut shows");
    }
}
