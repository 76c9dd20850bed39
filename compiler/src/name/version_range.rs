//! A range of versions: which chart or tag `targetRevision: ">=1.2 <2"` means.
//!
//! In: a range as Helm and Argo CD write it, and the versions that there are. Out: whether a version is in it, and the
//! newest that is.
//!
//! # Guarantees
//!
//! The grammar and the meaning are those of Masterminds/semver 3.5, the library of Helm 4 and Argo CD, oddities
//! included: the four expressions below are its own, and so are the cases of [`Comparison`]. A table of its answers
//! (`version_range.txt`) is compared in the tests.
//!
//! | written | means |
//! |---|---|
//! | `>=1.2 <2`, `>=1.2, <2` | both |
//! | `1.x \|\| 3.x` | one of them |
//! | `^1.2.3` | the first part that is not 0 stays |
//! | `~1.2.3` | the minor version stays |
//! | `1`, `1.2`, `1.x`, `*` | what is missing or a wildcard may be anything |
//! | `1.2 - 1.4` | from the one to the other |
//!
//! Prereleases are in a range only where one of the comparisons joined with `and` has a prerelease itself: `>=1.0.0-0`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::version::{Version, compare_prereleases};

/// The longest text that is read as a range.
const LONGEST: usize = 512;
/// How many alternatives a range may have.
const MOST_ALTERNATIVES: usize = 32;

/// What is a version in a range, wildcards included. Nine groups.
const VERSION: &str = concat!(
    r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?",
    r"(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?",
    r"(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?"
);
const OPERATOR: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
/// What Go calls `\s`.
const SPACE: &str = r"[\t\n\f\r ]";

/// The expressions of the grammar.
struct Grammar {
    /// `1.2 - 1.4`.
    hyphen: Regex,
    /// One comparison, wherever it stands.
    comparison: Regex,
    /// One comparison and nothing else.
    whole_comparison: Regex,
    /// Comparisons that are joined with `and`.
    all: Regex,
}

static GRAMMAR: LazyLock<Result<Grammar, regex::Error>> = LazyLock::new(|| {
    let (v, o, s) = (VERSION, OPERATOR, SPACE);
    Ok(Grammar {
        hyphen: Regex::new(&format!("{s}*({v}){s}+-{s}+({v}){s}*"))?,
        comparison: Regex::new(&format!("({o}){s}*({v})"))?,
        whole_comparison: Regex::new(&format!("^{s}*({o}){s}*({v}){s}*$"))?,
        all: Regex::new(&format!("^({s}*({o}){s}*({v}){s}*)((?:{s}+|,{s}*)({o}){s}*({v}){s}*)*$"))?,
    })
});

/// A range of versions.
#[derive(Debug, Clone)]
pub struct VersionRange {
    alternatives: Vec<Alternative>,
}

/// Comparisons that must all be true.
#[derive(Debug, Clone)]
struct Alternative {
    comparisons: Vec<Comparison>,
    /// Whether prereleases count.
    has_prerelease: bool,
}

/// Whether a text is a range and not an exact version, as Argo CD decides it: `1.2` is a version, `1.x` is a range, and
/// `main` is neither.
#[must_use]
pub fn is_range(text: &str) -> bool {
    Version::parse(text).is_err() && VersionRange::parse(text).is_ok()
}

impl VersionRange {
    /// Reads a range.
    ///
    /// # Errors
    /// Where the text is none; the message shows the part that is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a range of versions has at most {LONGEST} bytes, this one has {}", text.len()));
        }
        let grammar = GRAMMAR.as_ref().map_err(ToString::to_string)?;
        let text = without_hyphens(grammar, text);
        let parts: Vec<&str> = text.split("||").collect();
        if parts.len() > MOST_ALTERNATIVES {
            return Err(format!("a range of versions has at most {MOST_ALTERNATIVES} alternatives"));
        }
        let alternatives = parts.into_iter().map(|part| alternative(grammar, part)).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }

    /// Whether a version is in the range.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            // Each comparison alone would refuse a prerelease too.
            (alternative.has_prerelease || !version.is_prerelease())
                && alternative.comparisons.iter().all(|comparison| comparison.matches(version))
        })
    }

    /// The newest of the texts that are versions in the range; the first of those that are equal.
    pub fn best<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let mut best: Option<(Version, &str)> = None;
        for text in texts {
            let Ok(version) = Version::parse(text) else { continue };
            if self.matches(&version) && best.as_ref().is_none_or(|(best, _)| version > *best) {
                best = Some((version, text));
            }
        }
        best.map(|(_, text)| text)
    }
}

/// `1.2 - 1.4` as two comparisons.
fn without_hyphens(grammar: &Grammar, text: &str) -> String {
    let mut rewritten = text.to_owned();
    for range in grammar.hyphen.captures_iter(text) {
        let comparisons = format!(">= {}, <= {} ", &range[1], &range[11]);
        rewritten = rewritten.replacen(&range[0], &comparisons, 1);
    }
    rewritten
}

fn alternative(grammar: &Grammar, text: &str) -> Result<Alternative, String> {
    let wrong = || format!("`{}` is no range of versions: write >=1.2 <2, for example", text.trim());
    if !grammar.all.is_match(text) {
        return Err(wrong());
    }
    let mut comparisons = Vec::new();
    for found in grammar.comparison.find_iter(text) {
        let parts = grammar.whole_comparison.captures(found.as_str());
        comparisons.push(parts.and_then(|parts| Comparison::read(&parts)).ok_or_else(wrong)?);
    }
    let has_prerelease = comparisons.iter().any(|comparison| comparison.version.is_prerelease());
    Ok(Alternative { comparisons, has_prerelease })
}

/// One comparison with one version.
#[derive(Debug, Clone)]
struct Comparison {
    operator: Operator,
    version: Version,
    open: Open,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// The first part of a version that is missing or a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

impl Comparison {
    /// From the groups of `whole_comparison`: the operator, the version, its three parts, the prerelease with its hyphen.
    fn read(parts: &Captures<'_>) -> Option<Self> {
        let part = |group: usize| parts.get(group).map_or("", |part| part.as_str());
        let is_open = |group: usize| matches!(part(group).trim_start_matches('.'), "" | "x" | "X" | "*");
        let operator = match part(1) {
            "" | "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<=" | "=<" => Operator::LessOrEqual,
            "~" | "~>" => Operator::Tilde,
            "^" => Operator::Caret,
            _ => return None,
        };
        let prerelease = part(6);
        let (text, open) = if is_open(3) {
            (format!("0.0.0{prerelease}"), Open::Major)
        } else if is_open(4) {
            (format!("{}.0.0{prerelease}", part(3)), Open::Minor)
        } else if is_open(5) {
            (format!("{}{}.0{prerelease}", part(3), part(4)), Open::Patch)
        } else {
            (part(2).to_owned(), Open::Nothing)
        };
        Some(Self { operator, version: Version::parse(&text).ok()?, open })
    }

    fn matches(&self, version: &Version) -> bool {
        match self.operator {
            Operator::Equal if self.open == Open::Nothing => *version == self.version,
            Operator::Equal | Operator::Tilde => self.is_tilde(version),
            Operator::NotEqual => self.is_other(version),
            Operator::Greater => self.is_after(version),
            Operator::Less => *version < self.version,
            Operator::GreaterOrEqual => *version >= self.version,
            Operator::LessOrEqual if self.open == Open::Nothing => *version <= self.version,
            // A lone wildcard is 0.0 here.
            Operator::LessOrEqual => {
                let is_minor = version.minor <= self.version.minor || self.open == Open::Minor;
                version.major < self.version.major || version.major == self.version.major && is_minor
            }
            Operator::Caret => self.is_caret(version),
        }
    }

    /// `!=`: other than everything that the open version stands for.
    fn is_other(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => version != wanted,
            _ if version.major != wanted.major => true,
            Open::Minor => false,
            _ if version.minor != wanted.minor => true,
            Open::Patch => compare_prereleases(&version.prerelease, &wanted.prerelease).is_ne(),
            Open::Major => version != wanted,
        }
    }

    /// `>`: after everything that the open version stands for.
    fn is_after(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.open {
            Open::Nothing => version > wanted,
            _ if version.major != wanted.major => version.major > wanted.major,
            Open::Minor => false,
            Open::Patch => version.minor > wanted.minor,
            Open::Major => version > wanted,
        }
    }

    fn is_tilde(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let is_anything = wanted.major == 0 && wanted.minor == 0 && wanted.patch == 0;
        if version < wanted {
            return false;
        }
        if is_anything && !matches!(self.open, Open::Minor | Open::Patch) {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.open == Open::Minor)
    }

    fn is_caret(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version < wanted {
            return false;
        }
        if wanted.major > 0 || self.open == Open::Minor || version.major > 0 {
            return version.major == wanted.major;
        }
        if wanted.minor > 0 || self.open == Open::Patch || version.minor > 0 {
            return version.minor == wanted.minor;
        }
        version.patch == wanted.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Masterminds/semver 3.5 says: a line of versions, then ranges as JSON with `1` for each version that is in
    /// them, `0` for each that is not, `!` for each that is no version, and `error` for what is no range.
    const TABLE: &str = include_str!("version_range.txt");

    /// How many answers there are, and the ones where ours is another.
    fn disagreements(table: &str) -> (usize, Vec<String>) {
        let mut lines = table.lines();
        let versions: Vec<&str> = lines.next().expect("versions").split(' ').collect();
        let (mut count, mut wrong) = (0, Vec::new());
        for line in lines {
            let (range, theirs) = line.split_once('\t').expect("a range and its answers");
            let range: String = serde_json::from_str(&range.replace("\\v", "\\u000b")).expect("JSON");
            let answers = |range: &VersionRange| -> String {
                let answer = |text: &&str| match Version::parse(text) {
                    Ok(version) if range.matches(&version) => '1',
                    Ok(_) => '0',
                    Err(_) => '!',
                };
                versions.iter().map(answer).collect()
            };
            let ours = VersionRange::parse(&range).map_or_else(|_| "error".to_owned(), |range| answers(&range));
            count += if theirs == "error" { 1 } else { theirs.len() };
            if ours != theirs {
                wrong.push(format!("{range:?}: {ours}, not {theirs}"));
            }
        }
        (count, wrong)
    }

    #[test]
    fn ranges_mean_what_they_mean_to_helm_and_argo_cd() {
        let (count, wrong) = disagreements(TABLE);
        assert!(count > 5_000, "{count}");
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn the_newest_version_is_found() {
        let versions = ["nightly", "1.2.0", "v1.10.0", "1.9.9", "1.10.0", "2.0.0", "1.11.0-rc.1"];
        let best = |range: &str| VersionRange::parse(range).expect("a range").best(versions.into_iter());
        assert_eq!(best("^1"), Some("v1.10.0"), "the first of equals");
        assert_eq!(best(">=1.0.0-0 <2"), Some("1.11.0-rc.1"));
        assert_eq!((best("*"), best(">2")), (Some("2.0.0"), None));
    }

    #[test]
    fn ranges_are_told_from_versions_and_names() {
        for range in ["*", "1.x", ">=1", "^1.2", "1 - 2", "=1.2.3", "1 || 2"] {
            assert!(is_range(range), "{range}");
        }
        for other in ["1", "v1.2", "1.2.3-rc.1", "main", "HEAD", "", "release/1.x", &"1".repeat(600)] {
            assert!(!is_range(other), "{other}");
        }
        let error = VersionRange::parse("1.2 || latest").expect_err("no range");
        assert_eq!(error, "`latest` is no range of versions: write >=1.2 <2, for example");
    }
}
