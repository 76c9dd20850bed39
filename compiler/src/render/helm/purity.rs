//! Templates of charts that can give something else each time.
//!
//! In: a render; what unpacks charts. Out: a lint for each function in a template that asks a clock, chance, a cluster or
//! the machine. It finds what a render with the values at hand may never run; what a render depends on is judged by running
//! it twice. What a value or a file holds that a template evaluates with `tpl` is not looked at.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Origin};
use crate::render::{Error, Places, ToolRender, Tools};

use super::CHART_FOLDER;
use super::actions::names;

/// The name of the lint.
const LINT: &str = "impure-template";

/// How deep packed charts may lie in packed charts.
const DEEPEST: usize = 4;

/// How many packed charts are looked into: each may be a hundred MiB.
const MOST_PACKED: usize = 200;

/// What is wrong with a function, and what to do instead.
struct Impure {
    functions: &'static [&'static str],
    /// A clause that follows the function's name.
    does: &'static str,
    instead: &'static str,
}

const IMPURE: [Impure; 7] = [
    Impure {
        functions: &["now", "ago"],
        does: "asks the clock, and so gives something else each time",
        instead: "give the time as a value, or leave it out",
    },
    Impure {
        functions: &[
            "randAlphaNum",
            "randAlpha",
            "randNumeric",
            "randAscii",
            "randBytes",
            "randInt",
            "shuffle",
            "uuidv4",
        ],
        does: "gives something else each time",
        instead: "make it once outside of the chart, and give it as a value or in a Secret that the chart only names",
    },
    Impure {
        functions: &[
            "genCA",
            "genCAWithKey",
            "genPrivateKey",
            "genSelfSignedCert",
            "genSelfSignedCertWithKey",
            "genSignedCert",
            "genSignedCertWithKey",
        ],
        does: "makes another key or certificate each time",
        instead: "leave certificates to cert-manager, or make them once and name their Secret",
    },
    Impure {
        functions: &["htpasswd", "bcrypt", "encryptAES"],
        does: "takes a salt by chance, and so gives something else each time",
        instead: "make it once outside of the chart, and give the result as a value",
    },
    Impure {
        functions: &["lookup"],
        does: "asks a cluster, and there is none here: it finds nothing",
        instead: "give what it looks for as a value",
    },
    Impure {
        functions: &["getHostByName"],
        does: "asks the network, and there is none here: it gives nothing",
        instead: "give the address as a value",
    },
    Impure {
        functions: &["env", "expandenv"],
        does: "asks the environment, and Helm has no such function",
        instead: "give it as a value",
    },
];

/// Looks at all templates of a chart and of the charts that it depends on, packed ones too. Nothing where the render is not
/// of a chart.
pub fn impure_templates(render: &ToolRender, tools: &dyn Tools) -> Result<Vec<Diagnostic>, Error> {
    let Places::HelmComments(chart) = render.places() else { return Ok(Vec::new()) };
    let mut search = Search { tools, packed: 0, found: Vec::new() };
    render.layout().prepare();
    for path in render.layout().paths() {
        let Some(below) = path.strip_prefix(CHART_FOLDER).and_then(|path| path.strip_prefix('/')) else { continue };
        let shown = if chart.is_empty() { below.to_owned() } else { format!("{chart}/{below}") };
        if (is_template(below) || is_packed(below))
            && let Some(bytes) = render.layout().read(path)
        {
            search.look_at(&shown, below, &bytes?, 0);
        }
    }
    search.found.sort();
    Ok(search.found)
}

struct Search<'t> {
    tools: &'t dyn Tools,
    /// How many charts were unpacked.
    packed: usize,
    found: Vec<Diagnostic>,
}

impl Search<'_> {
    fn look_at(&mut self, shown: &str, path: &str, bytes: &[u8], depth: usize) {
        if is_template(path) {
            self.found.extend(impure(shown, &String::from_utf8_lossy(bytes)));
        } else if is_packed(path) && depth < DEEPEST && self.packed < MOST_PACKED {
            self.packed += 1;
            // What cannot be unpacked Helm will not render, and say so.
            let files: BTreeMap<String, Vec<u8>> = self.tools.unpack(bytes).unwrap_or_default();
            for (below, bytes) in &files {
                self.look_at(&format!("{shown}/{below}"), below, bytes, depth + 1);
            }
        }
    }
}

/// The functions in one template.
fn impure(path: &str, template: &str) -> Vec<Diagnostic> {
    let lint = |name: &super::actions::Name<'_>| {
        let Impure { does, instead, .. } = IMPURE.iter().find(|impure| impure.functions.contains(&name.text))?;
        let origin = Origin { path: path.to_owned(), line: name.line, column: name.column };
        Some(Diagnostic::lint(origin, LINT, format!("`{}` {does}: {instead}", name.text)))
    };
    names(template).iter().filter_map(lint).collect()
}

/// Whether Helm evaluates a file, by its path below a chart, and gives what comes of it to the cluster.
fn is_template(path: &str) -> bool {
    let mut parts = path;
    // Of a chart in a chart.
    while let Some((_, below)) = parts.strip_prefix("charts/").and_then(|charts| charts.split_once('/')) {
        parts = below;
    }
    parts.strip_prefix("templates/").is_some_and(|below| below != "NOTES.txt")
}

/// Whether a file is a chart that another depends on, as an archive.
fn is_packed(path: &str) -> bool {
    path.ends_with(".tgz") && path.rsplit('/').nth(1) == Some("charts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_is_told_with_its_place_and_what_to_do() {
        let template =
            "a: {{ .Values.now }}\nb: {{ now | date \"2006\" }}\n# {{/* uuidv4 */}}\nc: {{ derivePassword 1 }}\n";
        let found: Vec<String> = impure("web/templates/a.yaml", template).iter().map(ToString::to_string).collect();
        let wanted = "web/templates/a.yaml:2:7: warning[impure-template]: `now` asks the clock, and so gives something else \
                      each time: give the time as a value, or leave it out";
        assert_eq!(found, [wanted]);
        assert_eq!(impure("a", "{{ if lookup \"v1\" \"Secret\" }}{{ randAlphaNum 8 | bcrypt }}").len(), 3);
    }

    #[test]
    fn only_what_helm_evaluates_is_a_template() {
        for path in
            ["templates/a.yaml", "templates/a/_b.tpl", "charts/db/templates/a.yaml", "charts/a/charts/b/templates/c"]
        {
            assert!(is_template(path), "{path}");
        }
        for path in
            ["values.yaml", "files/templates/a.yaml", "templates/NOTES.txt", "charts/templates/a.yaml", "crds/a.yaml"]
        {
            assert!(!is_template(path), "{path}");
        }
        assert!(is_packed("charts/db-1.tgz") && is_packed("charts/a/charts/db-1.tgz") && !is_packed("files/db.tgz"));
    }

    #[test]
    fn no_function_is_listed_twice() {
        let mut all: Vec<&str> = IMPURE.iter().flat_map(|impure| impure.functions).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
