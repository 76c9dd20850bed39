//! Which applications an event concerns, found without looking at all of them.
//!
//! In: the sources of each application, and the secrets of its own. Out: the applications that an event concerns, those whose
//! secrets could be shown with an event of a repository.
//!
//! Guarantees: finding takes time in the number of applications of one repository, whatever else there is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::application::AppId;

use super::address::Address;
use super::event::{Event, Source};
use super::received::Trust;
use super::secret::Secret;

/// An application as events know it.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Where it comes from: all sources.
    pub sources: Vec<Source>,
    /// The secrets of its own, one of which an event must carry; `None` where it asks for none. An empty list is a secret that
    /// nobody can show, since it is not where the application says.
    pub secrets: Option<Vec<Secret>>,
}

/// An application, and the sources that its files name: bases and charts elsewhere.
#[derive(Debug, Default)]
struct Indexed {
    entry: Entry,
    implied: Vec<Source>,
}

impl Indexed {
    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.entry.sources.iter().chain(&self.implied)
    }
}

/// All applications, by their repositories.
#[derive(Debug, Default)]
pub struct Index {
    applications: HashMap<AppId, Indexed>,
    by_address: HashMap<Address, BTreeSet<AppId>>,
    /// How many have secrets of their own.
    with_secrets: usize,
}

impl Index {
    /// Puts an application in, or in the place of what it was. What its files name stays.
    pub fn set(&mut self, application: AppId, entry: Entry) {
        let implied = self.take(&application).map(|before| before.implied).unwrap_or_default();
        self.put(application, Indexed { entry, implied });
    }

    /// Says which sources the files of an application name, instead of those that were said before.
    pub fn set_implied(&mut self, application: &AppId, implied: Vec<Source>) {
        if let Some(before) = self.take(application) {
            self.put(application.clone(), Indexed { implied, ..before });
        }
    }

    /// Takes an application out.
    pub fn remove(&mut self, application: &AppId) {
        self.take(application);
    }

    fn put(&mut self, application: AppId, indexed: Indexed) {
        for address in indexed.sources().flat_map(Source::addresses) {
            self.by_address.entry(address.clone()).or_default().insert(application.clone());
        }
        self.with_secrets += usize::from(indexed.entry.secrets.is_some());
        self.applications.insert(application, indexed);
    }

    fn take(&mut self, application: &AppId) -> Option<Indexed> {
        let indexed = self.applications.remove(application)?;
        self.with_secrets -= usize::from(indexed.entry.secrets.is_some());
        for address in indexed.sources().flat_map(Source::addresses) {
            if let Some(applications) = self.by_address.get_mut(address) {
                applications.remove(application);
                if applications.is_empty() {
                    self.by_address.remove(address);
                }
            }
        }
        Some(indexed)
    }

    /// The applications that an event concerns, and that whoever sent it may speak to.
    #[must_use]
    pub fn concerned(&self, event: &Event, trust: &Trust) -> BTreeSet<AppId> {
        self.all_concerned(event, trust).cloned().collect()
    }

    /// Whether there is any.
    #[must_use]
    pub fn concerns_anyone(&self, event: &Event, trust: &Trust) -> bool {
        self.all_concerned(event, trust).next().is_some()
    }

    fn all_concerned<'a>(&'a self, event: &'a Event, trust: &'a Trust) -> impl Iterator<Item = &'a AppId> {
        self.at(event.addresses()).filter(move |application| {
            self.applications.get(*application).is_some_and(|indexed| {
                trust.reaches(application, indexed.entry.secrets.is_some())
                    && indexed.sources().any(|source| event.concerns(source))
            })
        })
    }

    /// Whether any application has secrets of its own.
    pub(super) fn has_secrets(&self) -> bool {
        self.with_secrets > 0
    }

    /// The secrets of applications of a repository, each with those that have it.
    pub(super) fn secrets_at<'a>(
        &'a self,
        addresses: impl IntoIterator<Item = &'a Address>,
    ) -> Vec<(Secret, BTreeSet<AppId>)> {
        let mut found: BTreeMap<Secret, BTreeSet<AppId>> = BTreeMap::new();
        for application in self.at(addresses) {
            let secrets = self.applications.get(application).and_then(|indexed| indexed.entry.secrets.as_ref());
            for secret in secrets.into_iter().flatten() {
                found.entry(secret.clone()).or_default().insert(application.clone());
            }
        }
        found.into_iter().collect()
    }

    fn at<'a>(&'a self, addresses: impl IntoIterator<Item = &'a Address>) -> impl Iterator<Item = &'a AppId> {
        addresses.into_iter().filter_map(|address| self.by_address.get(address)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Change, Push};
    use super::super::target::Reference;
    use super::*;

    fn push(address: &str, reference: &str) -> Event {
        let reference = Some(Reference::of(reference));
        let push = Push { reference, touches_default: true, before: None, after: None };
        Event { addresses: Address::of_git(address).into_iter().collect(), change: Change::Push(push) }
    }

    fn entry(repo_url: &str, revision: &str, secrets: Option<Vec<&str>>) -> Entry {
        let secrets = secrets.map(|texts| texts.iter().filter_map(|text| Secret::of(text.as_bytes())).collect());
        Entry { sources: vec![Source::new(repo_url, revision)], secrets }
    }

    fn names(found: &BTreeSet<AppId>) -> Vec<String> {
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn applications_are_found_by_their_repository() {
        let mut index = Index::default();
        let (shop, cart) = (AppId::new("argocd", "shop"), AppId::new("argocd", "cart"));
        index.set(shop.clone(), entry("https://git.example.com/a/b.git", "", None));
        index.set(cart.clone(), entry("git@git.example.com:a/b", "v1", None));
        let event = push("https://git.example.com/a/b", "refs/heads/main");
        assert_eq!(names(&index.concerned(&event, &Trust::open())), ["argocd/shop"]);
        assert!(index.concerns_anyone(&event, &Trust::open()) && !index.concerns_anyone(&event, &Trust::default()));
        index.set(cart.clone(), entry("git@git.example.com:a/b", "main", None));
        assert_eq!(names(&index.concerned(&event, &Trust::open())), ["argocd/cart", "argocd/shop"]);
        index.set(shop.clone(), entry("https://git.example.com/a/c", "", None));
        assert_eq!(names(&index.concerned(&event, &Trust::open())), ["argocd/cart"]);
        index.remove(&cart);
        index.remove(&cart);
        index.remove(&shop);
        assert!(index.concerned(&event, &Trust::open()).is_empty() && index.by_address.is_empty());
    }

    #[test]
    fn what_the_files_of_an_application_name_concerns_it() {
        let mut index = Index::default();
        let shop = AppId::new("argocd", "shop");
        let base = || vec![Source::new("https://git.example.com/a/base.git", "main")];
        index.set_implied(&shop, base());
        let event = push("https://git.example.com/a/base", "refs/heads/main");
        assert!(!index.concerns_anyone(&event, &Trust::open()), "nobody knows the application");
        index.set(shop.clone(), entry("https://git.example.com/a/b.git", "", None));
        index.set_implied(&shop, base());
        assert_eq!(names(&index.concerned(&event, &Trust::open())), ["argocd/shop"]);
        index.set(shop.clone(), entry("https://git.example.com/a/c.git", "", None));
        assert_eq!(names(&index.concerned(&event, &Trust::open())), ["argocd/shop"]);
        index.set_implied(&shop, Vec::new());
        assert!(!index.concerns_anyone(&event, &Trust::open()));
        index.remove(&shop);
        assert!(index.by_address.is_empty());
    }

    #[test]
    fn own_secrets_are_found_by_the_repository_alone() {
        let mut index = Index::default();
        assert!(!index.has_secrets());
        for (name, secret) in [("shop", "word"), ("cart", "word"), ("blog", "other")] {
            let application = AppId::new("argocd", name);
            index.set(application, entry("https://git.example.com/a/b.git", "v1", Some(vec![secret])));
        }
        index.set(AppId::new("argocd", "open"), entry("https://git.example.com/a/b.git", "", None));
        index.set(AppId::new("argocd", "lost"), entry("https://git.example.com/a/b.git", "", Some(vec![])));
        index.set(AppId::new("argocd", "far"), entry("https://git.example.com/x", "", Some(vec!["word"])));
        let found = index.secrets_at(&Address::of_git("https://git.example.com/a/b"));
        let found: Vec<_> = found.iter().map(|(_, applications)| names(applications)).collect();
        assert_eq!(found, [vec!["argocd/blog".to_owned()], vec!["argocd/cart".to_owned(), "argocd/shop".to_owned()]]);
        assert!(index.has_secrets());
        for name in ["shop", "cart", "blog", "lost", "far"] {
            index.remove(&AppId::new("argocd", name));
        }
        assert!(!index.has_secrets());
    }
}
