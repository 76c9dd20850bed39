//! What a terminal shows of what a program writes to it.
//!
//! In: bytes. Out: lines, those that have scrolled away too. It knows what our table needs and refuses all else, so that a
//! program which changes a mode of its terminal fails its test. Like most terminals it breaks lines again when it gets
//! narrower.

/// A terminal. All characters are one column wide.
pub(crate) struct Screen {
    rows: usize,
    columns: usize,
    lines: Vec<Line>,
    /// Line and column of the cursor.
    at: (usize, usize),
    /// Bytes that are not a whole character or sequence yet.
    pending: Vec<u8>,
}

#[derive(Clone, Default)]
struct Line {
    text: Vec<char>,
    /// Whether it goes on in the next, having been too long.
    goes_on: bool,
}

impl Screen {
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        Self { rows, columns, lines: vec![Line::default()], at: (0, 0), pending: Vec::new() }
    }

    /// Takes what a program has written.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.pending.extend(bytes);
        let pending = std::mem::take(&mut self.pending);
        let whole = match std::str::from_utf8(&pending) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&pending[..error.valid_up_to()]).unwrap_or_default(),
        };
        let mut rest = whole;
        while let Some(character) = rest.chars().next() {
            let Some(length) = self.step(character, rest) else { break };
            rest = &rest[length..];
        }
        let taken = whole.len() - rest.len();
        self.pending = pending[taken..].to_vec();
    }

    /// One character or sequence; none where it is not whole.
    fn step(&mut self, character: char, rest: &str) -> Option<usize> {
        match character {
            '\r' => self.at.1 = 0,
            '\n' => self.go_down(),
            '\u{1b}' => {
                let end = rest.find(|character: char| character.is_ascii_alphabetic())?;
                self.obey(&rest[1..=end]);
                return Some(end + 1);
            }
            character => self.put(character),
        }
        Some(character.len_utf8())
    }

    fn obey(&mut self, sequence: &str) {
        let (numbers, what) = sequence.split_at(sequence.len() - 1);
        match (numbers.strip_prefix('[').expect(sequence), what) {
            (_, "m") => {}
            (count, "A") => {
                let top = self.lines.len().saturating_sub(self.rows);
                self.at.0 = self.at.0.saturating_sub(count.parse().expect(sequence)).max(top);
            }
            ("", "J") => {
                let (line, column) = self.at;
                self.lines[line].text.truncate(column);
                self.lines[line].goes_on = false;
                self.lines[line + 1..].fill(Line::default());
            }
            _ => panic!("{sequence:?} is nothing that a table needs"),
        }
    }

    fn put(&mut self, character: char) {
        if self.at.1 == self.columns {
            self.lines[self.at.0].goes_on = true;
            self.go_down();
            self.at.1 = 0;
        }
        let text = &mut self.lines[self.at.0].text;
        text.resize(text.len().max(self.at.1 + 1), ' ');
        text[self.at.1] = character;
        self.at.1 += 1;
    }

    fn go_down(&mut self) {
        self.at.0 += 1;
        if self.at.0 == self.lines.len() {
            self.lines.push(Line::default());
        }
    }

    /// Another size. The cursor is on the last line that has anything, or below.
    pub(crate) fn resize(&mut self, rows: usize, columns: usize) {
        let below: Vec<Line> = self.lines.split_off(self.at.0);
        let mut whole: Vec<Vec<char>> = vec![Vec::new()];
        for line in std::mem::take(&mut self.lines) {
            whole.last_mut().expect("one").extend(&line.text);
            if !line.goes_on {
                whole.push(Vec::new());
            }
        }
        whole.pop();
        for line in whole {
            let parts = line.len().div_ceil(columns).max(1);
            for part in 0..parts {
                let text = line.iter().skip(part * columns).take(columns).copied().collect();
                self.lines.push(Line { text, goes_on: part + 1 < parts });
            }
        }
        self.at.0 = self.lines.len();
        self.lines.extend(below);
        (self.rows, self.columns) = (rows, columns);
    }

    /// All lines as they were written, without those below the last that has anything.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = vec![String::new()];
        for line in &self.lines {
            lines.last_mut().expect("one").extend(&line.text);
            if !line.goes_on {
                lines.push(String::new());
            }
        }
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Whether nothing is on the cursor's line and below.
    pub(crate) fn is_at_start_of_empty_line(&self) -> bool {
        self.at.1 == 0 && self.lines[self.at.0..].iter().all(|line| line.text.is_empty())
    }
}

#[test]
fn a_screen_shows_what_a_terminal_would() {
    let mut screen = Screen::new(3, 4);
    screen.write("one\r\ntwo\r\nthree\r\n".as_bytes());
    assert_eq!(screen.lines(), ["one", "two", "three"]);
    assert_eq!(screen.lines.len(), 5, "`three` is broken");
    screen.write(b"\r\x1b[9A\x1b[");
    screen.write("J✓\r\n".as_bytes());
    assert_eq!(screen.lines(), ["one", "two", "✓"], "what has scrolled away stays");
    screen.resize(3, 2);
    assert_eq!((screen.lines(), screen.at), (vec!["one".to_owned(), "two".to_owned(), "✓".to_owned()], (5, 0)));
    assert!(screen.is_at_start_of_empty_line());
}
