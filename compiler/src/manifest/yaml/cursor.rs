//! From byte offsets, which the parsers count, to lines and columns, which people count.
//!
//! In: a text and rising offsets. Out: lines and columns, both from 1, columns in characters.
//! Guarantees: the text is walked over once, however many offsets are asked for.

/// Turns rising byte offsets into lines and columns, both from 1.
#[derive(Clone)]
pub(super) struct Cursor<'t> {
    left: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str, line: usize) -> Self {
        Self { left: text, at: 0, line, column: 1 }
    }

    /// The line and the column of an offset, which is not below the last one asked for.
    pub(super) fn position(&mut self, at: usize) -> (usize, usize) {
        for c in self.left.chars() {
            if self.at >= at {
                break;
            }
            self.at += c.len_utf8();
            self.left = &self.left[c.len_utf8()..];
            if c == '\n' {
                self.line += 1;
                self.column = 1;
            } else {
                self.column += 1;
            }
        }
        (self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn positions_are_counted_in_characters() {
        let mut cursor = Cursor::new("a: é\u{1F680}x\n\nb", 5);
        for (at, expected) in
            [(0, (5, 1)), (3, (5, 4)), (5, (5, 5)), (9, (5, 6)), (10, (5, 7)), (11, (6, 1)), (12, (7, 1))]
        {
            assert_eq!(cursor.position(at), expected, "{at}");
        }
        assert_eq!(cursor.position(99), (7, 2));
    }
}
