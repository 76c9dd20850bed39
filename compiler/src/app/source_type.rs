//! Which renderer a source needs.
//!
//! In: the source as written, and the names of the files in its folder. Out: a [`SourceType`], by Argo CD's rules: what
//! the source says explicitly, else what its folder holds.

use super::{Helm, Kustomize, Source};

/// How a source becomes manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceType {
    /// Files of manifests and Jsonnet.
    Directory,
    /// Kustomize.
    Kustomize,
    /// Helm.
    Helm,
    /// A config management plugin, which is never run: it is somebody's program with our rights.
    Plugin,
}

/// The names of a kustomization, in the order in which Kustomize looks for them.
pub const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The file that makes a folder a chart.
pub const CHART: &str = "Chart.yaml";

impl SourceType {
    /// What Argo CD calls it in an Application's status.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Directory => "Directory",
            Self::Kustomize => "Kustomize",
            Self::Helm => "Helm",
            Self::Plugin => "Plugin",
        }
    }

    /// The type of a source whose folder has these files.
    ///
    /// # Errors
    ///
    /// The names of the types, where the source says more than one.
    pub fn of<'a>(source: &Source, files: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<&'static str>> {
        let said: Vec<Self> = explicit(source).collect();
        match said[..] {
            [] if !source.chart.is_empty() => Ok(Self::Helm),
            [] => Ok(discovered(files)),
            [one] => Ok(one),
            _ => Err(said.into_iter().map(Self::name).collect()),
        }
    }
}

/// An empty block says nothing.
fn explicit(source: &Source) -> impl Iterator<Item = SourceType> {
    let said = [
        (source.kustomize.as_ref().is_some_and(|said| *said != Kustomize::default()), SourceType::Kustomize),
        (source.helm.as_ref().is_some_and(|said| *said != Helm::default()), SourceType::Helm),
        (source.directory.as_ref().is_some_and(|said| *said != super::Directory::default()), SourceType::Directory),
        (source.plugin.is_some(), SourceType::Plugin),
    ];
    said.into_iter().filter(|(said, _)| *said).map(|(_, kind)| kind)
}

/// In Argo CD's walk over a folder `Chart.yaml` comes first, and what comes last counts.
fn discovered<'a>(files: impl IntoIterator<Item = &'a str>) -> SourceType {
    let mut found = SourceType::Directory;
    for file in files {
        if KUSTOMIZATIONS.contains(&file) {
            return SourceType::Kustomize;
        }
        if file == CHART {
            found = SourceType::Helm;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Directory;

    #[test]
    fn a_folder_says_what_it_is() {
        let of = |files: &[&str]| SourceType::of(&Source::default(), files.iter().copied());
        assert_eq!(of(&["a.yaml"]), Ok(SourceType::Directory));
        assert_eq!(of(&["a.yaml", "kustomization.yml"]), Ok(SourceType::Kustomize));
        assert_eq!(of(&["Chart.yaml", "values.yaml"]), Ok(SourceType::Helm));
        assert_eq!(of(&["Chart.yaml", "Kustomization"]), Ok(SourceType::Kustomize));
        assert_eq!(of(&["kustomization.json", "chart.yaml"]), Ok(SourceType::Directory));
    }

    #[test]
    fn what_the_source_says_counts_more() {
        let recurse = Directory { recurse: true, ..Directory::default() };
        let said = Source { directory: Some(recurse), ..Source::default() };
        assert_eq!(SourceType::of(&said, ["Chart.yaml"]), Ok(SourceType::Directory));
        let nothing = Source { directory: Some(Directory::default()), ..Source::default() };
        assert_eq!(SourceType::of(&nothing, ["Chart.yaml"]), Ok(SourceType::Helm));
        let helm = Helm { release_name: "x".to_owned(), ..Helm::default() };
        let both = Source { helm: Some(helm), ..said };
        assert_eq!(SourceType::of(&both, []), Err(vec!["Helm", "Directory"]));
        let chart = Source { chart: "redis".to_owned(), ..Source::default() };
        assert_eq!(SourceType::of(&chart, []), Ok(SourceType::Helm));
    }
}
