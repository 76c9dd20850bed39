//! What a webhook says: a push to a repository, or a package in a registry.
//!
//! In: what the providers' payloads say. Out: an [`Event`], and whether it concerns a [`Source`] of an Application.
//!
//! Guarantees: nothing of an event is used to make a request, and nothing of it decides what is delivered: it says where to
//! look, and Git or the registry is asked there by the address that the Application has.

use std::collections::BTreeSet;
use std::fmt;

use super::address::Address;
use super::target::{Reference, Target};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The repository, by each of its addresses.
    pub(super) addresses: BTreeSet<Address>,
    /// What moved there.
    pub(super) change: Change,
}

/// What moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A ref of a Git repository.
    Push(Push),
    /// A tag of a repository of a registry.
    Package {
        /// The tag.
        tag: String,
    },
}

/// A ref that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Which one; `None` where more moved than one payload may name: any may have.
    pub reference: Option<Reference>,
    /// Whether it was the default branch, or may have been.
    pub touches_default: bool,
    /// Where it was, a hint.
    pub before: Option<Oid>,
    /// Where it is now, a hint.
    pub after: Option<Oid>,
}

/// The id of a commit or tag as a payload has it: 40 or 64 hex digits in lower case, not all of them zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oid(String);

impl Oid {
    /// Reads one.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let is_oid = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_nothing = text.bytes().all(|byte| byte == b'0');
        (is_oid && !is_nothing).then(|| Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A source of an Application, as far as events know it.
#[derive(Debug, Clone)]
pub struct Source {
    addresses: Vec<Address>,
    target: Target,
}

impl Source {
    /// A Git repository or an artifact: `repoURL` and `targetRevision`.
    #[must_use]
    pub fn new(repo_url: &str, target_revision: &str) -> Self {
        Self::with(repo_url, target_revision, "", "")
    }

    /// The same with `chart` and `tagPrefix`, either of which may be empty.
    #[must_use]
    pub fn with(repo_url: &str, target_revision: &str, chart: &str, tag_prefix: &str) -> Self {
        let mut addresses = Address::of_git(repo_url);
        addresses.extend(Address::of_registry(repo_url));
        if !chart.is_empty() {
            // A chart of a registry has its name behind the address of the registry.
            addresses.extend(Address::of_registry(&format!("{}/{chart}", repo_url.trim_end_matches('/'))));
        }
        Self { addresses, target: Target::of(target_revision, tag_prefix) }
    }

    /// What it can be found by.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }
}

impl Event {
    /// The repository's addresses: host and path, for comparing and for showing only.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter()
    }

    /// What moved.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// Whether a source may now mean something else.
    #[must_use]
    pub fn concerns(&self, source: &Source) -> bool {
        source.addresses.iter().any(|address| self.addresses.contains(address))
            && match &self.change {
                Change::Push(push) => source.target.is_moved_by(push.reference.as_ref(), push.touches_default),
                Change::Package { tag } => source.target.is_moved_by_tag(tag),
            }
    }

    /// What makes two events one while they wait: the repository and what moved in it.
    pub(super) fn key(&self) -> EventKey {
        let moved = match &self.change {
            Change::Push(push) => Moved::Ref(push.reference.clone()),
            Change::Package { tag } => Moved::Tag(tag.clone()),
        };
        EventKey { addresses: self.addresses.clone(), moved }
    }

    /// Takes in a later event of the same key: from the first `before` to the last `after`.
    pub(super) fn join(&mut self, later: Self) {
        if let (Change::Push(push), Change::Push(later)) = (&mut self.change, later.change) {
            push.touches_default |= later.touches_default;
            push.after = later.after;
        }
    }
}

/// See [`Event::key`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EventKey {
    addresses: BTreeSet<Address>,
    moved: Moved,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Moved {
    Ref(Option<Reference>),
    Tag(String),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.addresses.first().map(ToString::to_string).unwrap_or_default();
        let what = match &self.change {
            Change::Push(Push { reference: None, .. }) => "any ref",
            Change::Push(Push { reference: Some(reference), .. }) => reference.full().unwrap_or(reference.name()),
            Change::Package { tag } => tag,
        };
        // A stranger may have written it.
        let shown = format!("{what} of {address}");
        shown.chars().try_for_each(|c| if c.is_control() { f.write_str("\u{fffd}") } else { write!(f, "{c}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "1111111111111111111111111111111111111111";
    const AFTER: &str = "2222222222222222222222222222222222222222";

    fn push(address: &str, reference: &str, touches_default: bool) -> Event {
        let (before, after) = (Oid::of(BEFORE), Oid::of(AFTER));
        let push = Push { reference: Some(Reference::of(reference)), touches_default, before, after };
        Event { addresses: Address::of_git(address).into_iter().collect(), change: Change::Push(push) }
    }

    #[test]
    fn a_source_is_concerned_by_its_repository_and_ref() {
        let event = push("https://git.example.com/shop/deploy", "refs/heads/main", true);
        for (repo_url, revision, is_concerned) in [
            ("git@git.example.com:shop/deploy.git", "", true),
            ("git@git.example.com:shop/deploy.git", "main", true),
            ("git@git.example.com:shop/deploy.git", "v1", false),
            ("git@git.example.com:shop/other.git", "", false),
            ("oci://git.example.com/shop/deploy", "", false),
        ] {
            assert_eq!(event.concerns(&Source::new(repo_url, revision)), is_concerned, "{repo_url} {revision}");
        }
    }

    #[test]
    fn a_package_concerns_artifacts_and_charts() {
        let addresses = Address::of_registry("registry.example.com/charts/shop").into_iter().collect();
        let event = Event { addresses, change: Change::Package { tag: "1.4.0".to_owned() } };
        assert!(event.concerns(&Source::new("oci://registry.example.com/charts/shop", "1.4.0")));
        assert!(event.concerns(&Source::with("registry.example.com/charts", "1.x", "shop", "")));
        assert!(event.concerns(&Source::with("oci://registry.example.com/charts/", "", "shop", "")));
        assert!(!event.concerns(&Source::with("registry.example.com/charts", "1.x", "cart", "")));
        assert!(!event.concerns(&Source::new("oci://registry.example.com/charts/shop", "1.3.0")));
        assert!(!event.concerns(&Source::new("https://registry.example.com/charts/shop", "1.4.0")), "that is Git");
    }

    #[test]
    fn ids_are_whole_or_none() {
        assert_eq!(Oid::of(&BEFORE.replace('1', "A")).map(|oid| oid.to_string()), Some("a".repeat(40)));
        for text in ["", "abc", &"0".repeat(40), &"g".repeat(40), &"a".repeat(41)] {
            assert_eq!(Oid::of(text), None, "{text}");
        }
    }

    #[test]
    fn joined_events_go_from_the_first_to_the_last() {
        let mut first = push("https://git.example.com/a/b", "refs/heads/main", false);
        let third = "3333333333333333333333333333333333333333";
        let mut later = push("https://git.example.com/a/b", "refs/heads/main", true);
        assert_eq!(first.key(), later.key());
        let Change::Push(moved) = &mut later.change else { unreachable!() };
        (moved.before, moved.after) = (Oid::of(AFTER), Oid::of(third));
        first.join(later);
        let Change::Push(joined) = first.change() else { unreachable!() };
        assert_eq!((joined.before.clone(), joined.after.clone()), (Oid::of(BEFORE), Oid::of(third)));
        assert!(joined.touches_default);
    }

    #[test]
    fn it_is_shown_in_one_line_that_does_no_harm() {
        let event = push("https://git.example.com/a/b", "refs/heads/x\u{1b}[31m\n", true);
        assert_eq!(event.to_string(), "refs/heads/x\u{fffd}[31m\u{fffd} of git.example.com/a/b");
    }
}
