//! What is asked for, as it is written.

use std::fmt;

use crate::app::without_user;

/// An input that is somewhere else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// A chart of a chart repository or a registry.
    Chart {
        /// The address of the repository.
        repository: String,
        /// What the chart is called there.
        chart: String,
        /// A version, or a range of versions.
        version: String,
    },
    /// A Git repository at a revision.
    Git {
        /// The address of the repository.
        repository: String,
        /// A branch, a tag, an oid or `HEAD`; or a range of versions.
        revision: String,
        /// Whether it is a range of versions, of which the newest tag counts: what looks like one may be a branch.
        is_range: bool,
        /// What tags begin with that a range is looked for in; empty for all tags.
        tag_prefix: String,
    },
    /// A file.
    File {
        /// Its address.
        address: String,
    },
    /// An artifact of a registry, whatever is in it.
    Oci {
        /// The address of its repository: `oci://host/path`.
        repository: String,
        /// A tag, the digest of a manifest, or a range of versions.
        revision: String,
    },
}

impl Request {
    /// A repository at a revision; where that is empty, at its `HEAD`.
    #[must_use]
    pub fn git(repository: &str, revision: &str) -> Self {
        let revision = if revision.is_empty() { "HEAD" } else { revision };
        let (repository, revision) = (repository.to_owned(), revision.to_owned());
        Self::Git { repository, revision, is_range: false, tag_prefix: String::new() }
    }

    /// A repository at the newest tag in a range of versions.
    #[must_use]
    pub fn range(repository: &str, range: &str, tag_prefix: &str) -> Self {
        let [repository, revision, tag_prefix] = [repository, range, tag_prefix].map(str::to_owned);
        Self::Git { repository, revision, is_range: true, tag_prefix }
    }

    /// The address that is asked.
    #[must_use]
    pub fn address(&self) -> &str {
        match self {
            Self::Chart { repository, .. } | Self::Git { repository, .. } | Self::Oci { repository, .. } => repository,
            Self::File { address } => address,
        }
    }

    /// The short name that people call it by: that of the chart, the repository, the file, the artifact.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Chart { chart, .. } => chart.rsplit('/').next().unwrap_or(chart),
            Self::Git { .. } | Self::File { .. } | Self::Oci { .. } => {
                let path = self.address().trim_end_matches('/');
                let path = path.split(['?', '#']).next().unwrap_or(path);
                let last = path.rsplit(['/', ':']).next().unwrap_or(path);
                last.strip_suffix(".git").unwrap_or(last)
            }
        }
    }

    /// Why the request cannot stand in a file: what is written there is one line each, and holds no password.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let fields: &[&str] = match self {
            Self::Chart { repository, chart, version } => &[repository, chart, version],
            Self::Git { repository, revision, tag_prefix, .. } => &[repository, revision, tag_prefix],
            Self::File { address } => &[address],
            Self::Oci { repository, revision } => &[repository, revision],
        };
        if fields.iter().any(|field| field.chars().any(char::is_control)) {
            return Some("a request has a character that cannot be printed".to_owned());
        }
        if fields.iter().any(|field| field.len() > 2048) {
            return Some("a request is longer than 2,048 characters".to_owned());
        }
        let address = self.address();
        let user = address.split_once("://").and_then(|(_, rest)| rest.split('/').next()?.rsplit_once('@'));
        // Queries may have tokens.
        let shown = without_user(address.split('?').next().unwrap_or_default());
        user.filter(|(user, _)| user.contains(':'))
            .map(|_| format!("the address {shown} has a password in it: give it as a credential"))
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chart { repository, chart, version } => {
                let version = if version.is_empty() { "in its newest version" } else { version };
                write!(f, "the chart {chart} {version} of {}", without_user(repository))
            }
            Self::Git { repository, revision, tag_prefix, .. } => {
                write!(f, "{} at {tag_prefix}{revision}", without_user(repository))
            }
            Self::Oci { repository, revision } => write!(f, "{} at {revision}", without_user(repository)),
            // Queries may have tokens.
            Self::File { address } => f.write_str(&without_user(address.split('?').next().unwrap_or_default())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_call_inputs_by_short_names() {
        let name = |request: &Request| request.name().to_owned();
        assert_eq!(name(&Request::git("https://example.com/org/base.git", "v1")), "base");
        assert_eq!(name(&Request::git("git@example.com:base", "")), "base");
        assert_eq!(
            name(&Request::File { address: "https://example.com/a/install.yaml?x=1".to_owned() }),
            "install.yaml"
        );
        let chart = |chart: &str| Request::Chart {
            repository: "https://example.com".to_owned(),
            chart: chart.to_owned(),
            version: "^1".to_owned(),
        };
        assert_eq!([name(&chart("redis")), name(&chart("team/redis"))], ["redis", "redis"]);
        let repository = "oci://registry.example.com:5000/team/deploy".to_owned();
        assert_eq!(name(&Request::Oci { repository, revision: "v1".to_owned() }), "deploy");
    }

    #[test]
    fn passwords_and_lines_are_not_written_down() {
        let fault = |address: &str| Request::git(address, "v1").fault();
        assert_eq!(fault("https://example.com/x.git"), None);
        assert_eq!(fault("ssh://git@example.com/x.git"), None);
        let said = fault("https://anna:secret@example.com/x.git").expect("a fault");
        assert!(said.contains("https://example.com/x.git") && !said.contains("secret"), "{said}");
        assert!(fault("https://example.com/x\n- kind: git").is_some());
    }
}
