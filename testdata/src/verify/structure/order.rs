//! The order of modules: a module uses only those before it, so that each can be read without those after it.
//!
//! In: the sources of both crates. Out: a finding for each path that goes up the order, and for each module that has
//! no place in it. Tests may use what they like; comments also.

use super::source::Source;

/// A crate and the order of its modules.
struct Order {
    /// Where its modules are.
    folder: &'static str,
    /// Each uses only those before it.
    modules: &'static [&'static str],
}

const ORDERS: [Order; 2] = [
    Order {
        folder: "compiler/src/",
        modules: &[
            "name",
            "canon",
            "diagnostic",
            "sandbox",
            "tree",
            "manifest",
            "app",
            "lock",
            "schema",
            "render",
            "lint",
            "depend",
            "graph",
            "store",
            "diff",
            "compile",
            "plan",
            "bundle",
            "review",
            "snapshot",
        ],
    },
    Order {
        folder: "kubectl-plugin/src/",
        modules: &[
            "trace",
            "child",
            "worker",
            "cluster",
            "fetch",
            "signature",
            "health",
            "record",
            "sops",
            "apply",
            "application",
            "json",
            "error",
            "output",
            "bundle",
            "cache",
            "binary_cache",
            "settings",
            "project",
            "webhook",
            "shards",
            "controller",
            "access",
            "oidc",
            "api",
            "ui",
            "http",
            "install",
            "commands",
            "cli",
        ],
    },
];

pub(super) fn findings(sources: &[Source]) -> Vec<String> {
    ORDERS.iter().flat_map(|order| findings_of(order, sources)).collect()
}

fn findings_of(order: &Order, sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let Some(path) = source.path.strip_prefix(order.folder).and_then(module_path) else { continue };
        let Some(module) = path.first() else { continue };
        let Some(place) = order.place(module) else {
            findings.push(format!(
                "{}:1: module `{module}` has no place in the order (testdata/src/verify/structure/order.rs)",
                source.path
            ));
            continue;
        };
        for (number, line) in source.code() {
            for used in used_modules(line, path.len()) {
                if order.place(used).is_some_and(|used| used > place) {
                    findings.push(format!("{}:{number}: `{module}` uses `{used}`, which comes after it", source.path));
                }
            }
        }
    }
    findings
}

impl Order {
    fn place(&self, module: &str) -> Option<usize> {
        self.modules.iter().position(|other| *other == module)
    }
}

/// The modules that a file is in, itself the last: `graph/order.rs` is `graph, order`. The crate itself has none.
fn module_path(path: &str) -> Option<Vec<&str>> {
    let mut parts: Vec<&str> = path.strip_suffix(".rs")?.split('/').collect();
    if matches!(parts.last(), Some(&"mod" | &"lib" | &"main")) {
        parts.pop();
    }
    Some(parts)
}

/// The top modules that a line of code names, from a file `depth` modules below the crate.
fn used_modules(line: &str, depth: usize) -> Vec<&str> {
    let to_the_crate = "super::".repeat(depth);
    let mut used = Vec::new();
    for start in ["crate::", to_the_crate.as_str()] {
        for (at, _) in line.match_indices(start) {
            let before = &line[..at];
            // `supercrate::` is another word, and a longer `super::super::` another module.
            if before.ends_with(is_of_name) || before.ends_with("super::") {
                continue;
            }
            used.extend(first_names(&line[at + start.len()..]));
        }
    }
    used
}

/// The names that a path begins with: one, or those of a group `{a::b, c}`.
fn first_names(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![name(path)];
    };
    let mut names = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                names.push(name(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    names
}

fn name(path: &str) -> &str {
    &path[..path.find(|c| !is_of_name(c)).unwrap_or(path.len())]
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: Order = Order { folder: "x/src/", modules: &["name", "graph", "plan"] };

    fn findings_in(path: &str, text: &str) -> Vec<String> {
        findings_of(&ORDER, &[Source { path: path.to_owned(), text: text.to_owned() }])
    }

    #[test]
    fn a_module_may_use_those_before_it_only() {
        assert_eq!(findings_in("x/src/graph/mod.rs", "use crate::name::Name;\nuse crate::graph::a;\n"), [""; 0]);
        let findings = findings_in("x/src/graph/build.rs", "use crate::name::Name;\nuse crate::plan::Plan;\n");
        assert_eq!(findings, ["x/src/graph/build.rs:2: `graph` uses `plan`, which comes after it"]);
    }

    #[test]
    fn every_way_to_name_a_module_is_seen() {
        for (path, line) in [
            ("x/src/graph.rs", "pub(crate) use crate::{name::{Name, Other}, plan};"),
            ("x/src/graph.rs", "fn f() -> crate::plan::Plan {"),
            ("x/src/graph.rs", "use super::plan;"),
            ("x/src/graph/mod.rs", "use super::plan;"),
            ("x/src/graph/build.rs", "use super::super::plan::Step;"),
        ] {
            assert_eq!(findings_in(path, line).len(), 1, "{line} in {path}");
        }
        assert_eq!(findings_in("x/src/graph/build.rs", "use super::plan;"), [""; 0], "that is graph::plan");
    }

    #[test]
    fn tests_comments_and_the_crate_itself_may_use_all() {
        assert_eq!(findings_in("x/src/graph/tests.rs", "use crate::plan;"), [""; 0]);
        assert_eq!(findings_in("x/src/graph.rs", "/// See [`crate::plan`].\n"), [""; 0]);
        assert_eq!(findings_in("x/src/graph.rs", "#[cfg(test)]\nmod tests {\n    use crate::plan;\n}\n"), [""; 0]);
        assert_eq!(findings_in("x/src/lib.rs", "pub use crate::plan::Plan;"), [""; 0]);
    }

    #[test]
    fn a_new_module_needs_a_place() {
        assert_eq!(findings_in("x/src/novel/mod.rs", "").len(), 1);
    }
}
