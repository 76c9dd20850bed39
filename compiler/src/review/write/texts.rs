//! Changes of texts with several lines, such as scripts and files of configuration: told line by line.
//!
//! In: a field that differs. Out: one line where its values fit on it; else the field, and below it the lines that differ, with
//! those around them. What is told is bounded, whatever the texts are, or else as long as it is.

use similar::{ChangeTag, TextDiff};

use crate::canon::Value;
use crate::diff::FieldChange;

use super::Detail;

/// So many lines of one field that differ are shown.
const MOST: usize = 40;
/// So much of a line is shown.
const WIDTH: usize = 160;
/// Of texts with more lines only the beginning is shown.
const LONGEST: usize = 5_000;

/// How much is told of what is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// The beginning, with a mark where there is more.
    Bounded,
    /// All of it.
    Whole,
}

/// What stands where lines are left out.
const GAP: &str = "  …";

/// The lines of a change, the first of which names the field.
pub(super) fn told(field: &FieldChange, detail: Detail) -> Vec<String> {
    let of_texts = lines(field, detail);
    let lines = of_texts.or_else(|| if detail.length == Length::Whole { whole(field) } else { None });
    lines.map_or_else(|| vec![field.to_string()], |lines| [vec![format!("{}:", field.path)], lines].concat())
}

/// Both values as they are, where one line has no room for them.
fn whole(field: &FieldChange) -> Option<Vec<String>> {
    if field.is_masked() || !field.to_string().contains('…') {
        return None;
    }
    let signed = |sign: char, value: &Option<Value>| -> Vec<String> {
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(other) => serde_json::Value::from(other).to_string(),
            None => return Vec::new(),
        };
        text.split('\n').map(|line| format!("  {sign} {line}")).collect()
    };
    Some([signed('-', &field.old), signed('+', &field.new)].concat())
}

/// Those that differ; nothing where the values are no texts, or differ in how lines end alone.
fn lines(field: &FieldChange, detail: Detail) -> Option<Vec<String>> {
    if field.is_masked() {
        return None;
    }
    let (old, new) = (field.old.as_ref()?.as_str()?, field.new.as_ref()?.as_str()?);
    let [old, new] = [old, new].map(|text| text.lines().take(LONGEST + 1).collect::<Vec<_>>());
    let longest = old.len().max(new.len());
    if !(2..=LONGEST).contains(&longest) || old == new {
        return None;
    }
    let difference = TextDiff::from_slices(&old, &new);
    let (mut told, mut differing, mut shown) = (Vec::new(), 0, 0);
    let mut end = 0;
    for group in difference.grouped_ops(detail.around) {
        let first = group.first()?.old_range();
        if first.start > end {
            told.push(GAP.to_owned());
        }
        end = group.last()?.old_range().end;
        for change in group.iter().flat_map(|operation| difference.iter_changes(operation)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            told.push(format!("  {sign} {}", cut(change.value(), detail.length)));
            differing += usize::from(sign != ' ');
            if differing <= MOST {
                shown = told.len();
            }
        }
    }
    if end < old.len() {
        told.push(GAP.to_owned());
    }
    let more = told.len() - shown;
    if detail.length == Length::Bounded && differing > MOST {
        told.truncate(shown);
        told.push(format!("{GAP} {more} more lines"));
    }
    Some(told)
}

/// A line, or the beginning of one.
pub(super) fn cut(line: &str, length: Length) -> String {
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) if length == Length::Bounded => format!("{}…", &line[..end]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(old: &str, new: &str) -> Vec<String> {
        told(
            &FieldChange { path: "data.a".to_owned(), old: Some(old.into()), new: Some(new.into()) },
            Detail::default(),
        )
    }

    #[test]
    fn lines_that_differ_stand_between_their_neighbours() {
        let found = told_of("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\nfour\n5\n6\n7\n8\n9\n");
        assert_eq!(found, ["data.a:", "  …", "    3", "  - 4", "  + four", "    5", "  …", "    8", "  + 9"]);
        assert_eq!(told_of("one", "1\n2\n"), ["data.a:", "  - one", "  + 1", "  + 2"]);
        assert_eq!(told_of("1\n2", "1\n3"), ["data.a:", "    1", "  - 2", "  + 3"]);
    }

    #[test]
    fn as_many_neighbours_are_shown_as_are_asked_for() {
        let field =
            FieldChange { path: "a".to_owned(), old: Some("1\n2\n3\n4".into()), new: Some("1\n2\n3\nx".into()) };
        let of = |around| told(&field, Detail { around, ..Detail::default() });
        assert_eq!(of(0), ["a:", "  …", "  - 4", "  + x"]);
        assert_eq!(of(2), ["a:", "  …", "    2", "    3", "  - 4", "  + x"]);
        assert_eq!(of(100), ["a:", "    1", "    2", "    3", "  - 4", "  + x"]);
    }

    #[test]
    fn what_fits_on_a_line_stands_on_one() {
        assert_eq!(told_of("1", "2"), ["data.a  1 → 2"]);
        assert_eq!(told_of("1\n2", "1\n2\n"), ["data.a  1\\n2 → 1\\n2\\n"], "another end");
        let added = FieldChange { path: "data.a".to_owned(), old: None, new: Some("1\n2\n".into()) };
        assert_eq!(told(&added, Detail::default()), ["data.a  + 1\\n2\\n"]);
    }

    #[test]
    fn what_is_told_has_an_end() {
        let many = |word: &str, count: usize| {
            let lines: Vec<String> = (0..count).map(|at| format!("{word} {at}")).collect();
            lines.join("\n")
        };
        let found = told_of(&many("old", 100), &many("new", 100));
        assert_eq!((found.len(), found[MOST + 1].as_str()), (MOST + 2, "  … 160 more lines"));
        let wide = told_of(&format!("1\n{}", "é".repeat(WIDTH + 1)), "1\n2\n");
        assert_eq!(wide[2], format!("  - {}…", "é".repeat(WIDTH)));
        assert_eq!(told_of(&many("old", LONGEST + 1), "1\n").len(), 1);
    }

    #[test]
    fn all_of_it_is_told_where_that_is_asked_for() {
        let of = |old: &str, new: &str| {
            told(
                &FieldChange { path: "data.a".to_owned(), old: Some(old.into()), new: Some(new.into()) },
                Detail { length: Length::Whole, ..Detail::default() },
            )
        };
        let many = |word: &str| (0..100).map(|at| format!("{word} {at}")).collect::<Vec<_>>().join("\n");
        assert_eq!(of(&many("old"), &many("new")).len(), 201);
        let long = |at: usize, word: &str| format!("{}{word}{}", "x".repeat(at), "y".repeat(500));
        assert_eq!(
            of(&long(3, "a"), &long(3, "b")),
            ["data.a:", &format!("  - {}", long(3, "a")), &format!("  + {}", long(3, "b"))]
        );
        let huge = |last: &str| format!("{}{last}", "line\n".repeat(LONGEST + 1));
        assert_eq!(of(&huge("a"), &huge("b")).last().map(String::as_str), Some("  + b"));
        assert_eq!(of("1", "2"), ["data.a  1 → 2"]);
    }

    #[test]
    fn what_is_secret_stays_so() {
        let mut field = FieldChange { path: "data.a".to_owned(), old: Some("1\n2".into()), new: Some("1\n3".into()) };
        field.mask();
        for length in [Length::Bounded, Length::Whole] {
            assert_eq!(told(&field, Detail { length, ..Detail::default() }), ["data.a  (secret) changed"]);
        }
    }
}
