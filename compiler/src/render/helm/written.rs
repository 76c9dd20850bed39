//! Where the documents that Helm writes come from.
//!
//! In: the output of `helm template`, which says it in comments: `# Source: chart/templates/web.yaml`. Out: for each line
//! the file of the chart whose template gave it.

use crate::diagnostic::Origin;

/// An output with its comments read.
pub(in crate::render) struct Written {
    /// Lines with a comment, ascending, and the path that each names.
    sources: Vec<(usize, String)>,
}

impl Written {
    /// `chart` is the folder of the chart, which takes the place of its name.
    pub(in crate::render) fn new(output: &[u8], chart: &str) -> Self {
        let lines = output.split(|byte| *byte == b'\n').enumerate();
        let sources = lines.filter_map(|(index, line)| {
            let named = std::str::from_utf8(line.strip_prefix(b"# Source: ")?).ok()?;
            let (_, path) = named.trim_end().split_once('/')?;
            let path = if chart.is_empty() { path.to_owned() } else { format!("{chart}/{path}") };
            Some((index + 1, path))
        });
        Self { sources: sources.collect() }
    }

    /// The template that gave a line.
    pub(in crate::render) fn place(&self, line: usize) -> Option<Origin> {
        let after = self.sources.partition_point(|(comment, _)| *comment <= line);
        let (_, path) = self.sources.get(after.checked_sub(1)?)?;
        Some(Origin::of_file(path.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_document_is_of_the_template_that_is_named_before_it() {
        let output =
            b"---\n# Source: web/templates/a.yaml\nkind: A\n---\n# Source: web/charts/db/templates/b.yaml\nkind: B\n";
        let written = Written::new(output, "deploy/web");
        let path = |line| written.place(line).map(|origin| origin.path);
        assert_eq!(path(3).as_deref(), Some("deploy/web/templates/a.yaml"));
        assert_eq!(path(6).as_deref(), Some("deploy/web/charts/db/templates/b.yaml"));
        assert_eq!(path(1), None);
    }
}
