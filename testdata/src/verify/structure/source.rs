//! A file of Rust or Go, read; and what of it is code that ships.

use std::path::Path;

/// Whether `path` is that of a Rust file.
pub(super) fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// A file and its text.
#[derive(Debug)]
pub(super) struct Source {
    /// From the root of the repository.
    pub(super) path: String,
    pub(super) text: String,
}

impl Source {
    /// Whether there is a source at `path`, by its name.
    pub(super) fn is_one(path: &str) -> bool {
        is_rust(path) || Path::new(path).extension().is_some_and(|extension| extension == "go")
    }

    /// Whether the whole file is for tests.
    pub(super) fn is_test(&self) -> bool {
        self.path.split(['/', '.']).any(|part| part == "tests")
    }

    /// The lines of code with their numbers: without comments, and without modules for tests.
    pub(super) fn code(&self) -> Vec<(usize, &str)> {
        let mut code = Vec::new();
        let mut lines = self.text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if line == "#[cfg(test)]" {
                // As rustfmt has it, what begins at the margin also ends there.
                let ends = |line: &str| line.starts_with('}') || (!line.starts_with([' ', '#']) && line.ends_with(';'));
                lines.by_ref().find(|(_, line)| ends(line));
                continue;
            }
            let line = line.split("//").next().unwrap_or(line);
            if !line.trim().is_empty() {
                code.push((index + 1, line));
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_without_comments_and_tests() {
        let text = "//! Head.\nuse a; // why\n\n#[cfg(test)]\nmod tests {\n    use b;\n}\n#[cfg(test)]\nmod more;\nfn c() {}\n";
        let source = Source { path: "x/src/a.rs".into(), text: text.into() };
        assert_eq!(source.code(), [(2, "use a; "), (10, "fn c() {}")]);
    }

    #[test]
    fn files_for_tests_are_known_by_their_path() {
        let is_test = |path: &str| Source { path: path.into(), text: String::new() }.is_test();
        assert!(is_test("a/tests/b.rs") && is_test("a/src/graph/tests.rs") && is_test("a/src/b/tests/mod.rs"));
        assert!(!is_test("a/src/contests.rs"));
    }
}
