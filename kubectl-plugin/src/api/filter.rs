//! Which Applications a list has, and which page of it. Pure.
//!
//! In: a query, rows in order, where somebody may look. Out: rows, and where the next page begins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::answer::Refusal;
use super::asked::Query;
use super::selector::Selector;
use crate::access::Namespaces;
use crate::application::AppId;
use crate::controller::catalog::Row;

/// No page is longer.
pub(super) const LONGEST_PAGE: usize = 1000;

/// Which Applications are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    name: Option<String>,
    namespace: Option<String>,
    projects: BTreeSet<String>,
    sync: BTreeSet<String>,
    health: BTreeSet<String>,
    repository: Option<String>,
    cluster: Option<String>,
    text: Option<String>,
    selector: Selector,
}

/// Which page.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    limit: Option<usize>,
    after: Option<AppId>,
}

/// A page of a list.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its rows.
    pub(super) rows: Vec<Arc<Row>>,
    /// How many there are on all pages.
    pub(super) total: usize,
    /// How many come after this page.
    pub(super) left: usize,
    /// How many of each sync word, and of each health word, there are on all pages.
    pub(super) counts: [BTreeMap<String, usize>; 2],
}

impl Filter {
    /// As the query says.
    pub(super) fn read(query: &Query) -> Result<Self, Refusal> {
        let one = |name: &str| query.one(name).map(str::to_owned);
        let all = |names: &[&str]| -> BTreeSet<String> {
            names.iter().flat_map(|name| query.all(name)).map(str::to_owned).collect()
        };
        let selector = Selector::read(query.one("selector").unwrap_or_default()).map_err(Refusal::invalid)?;
        Ok(Self {
            name: one("name"),
            namespace: one("appNamespace"),
            projects: all(&["project", "projects"]),
            sync: all(&["sync"]),
            health: all(&["health"]),
            repository: query.one("repo").map(gitops_compiler::app::without_user),
            cluster: one("cluster"),
            text: query.one("search").map(str::to_lowercase),
            selector,
        })
    }

    /// Whether an Application is wanted.
    pub(super) fn takes(&self, row: &Row) -> bool {
        let is_or_any = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        let is_among = |wanted: &BTreeSet<String>, is: &str| wanted.is_empty() || wanted.contains(is);
        let contains =
            |text: &String| row.id.name.to_lowercase().contains(text) || row.project.to_lowercase().contains(text);
        is_or_any(&self.name, &row.id.name)
            && is_or_any(&self.namespace, &row.id.namespace)
            && is_or_any(&self.cluster, &row.cluster)
            && is_among(&self.projects, &row.project)
            && is_among(&self.sync, &row.sync)
            && is_among(&self.health, &row.health)
            && self.repository.as_ref().is_none_or(|wanted| row.repositories.iter().any(|known| known == wanted))
            && self.text.as_ref().is_none_or(contains)
            && self.selector.matches(&row.labels)
    }
}

impl Page {
    /// As the query says.
    pub(super) fn read(query: &Query) -> Result<Self, Refusal> {
        let limit = query.number("limit")?.filter(|limit| *limit > 0);
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE));
        let wrong = || Refusal::invalid("continue is what the last page said");
        let read = |text: &str| -> Result<AppId, Refusal> {
            let (namespace, name) = text.split_once('/').ok_or_else(wrong)?;
            Ok(AppId { namespace: namespace.to_owned(), name: name.to_owned() })
        };
        Ok(Self { limit, after: query.one("continue").map(read).transpose()? })
    }

    /// The same, of at most so many.
    pub(super) fn at_most(self, most: usize) -> Self {
        Self { limit: Some(self.limit.unwrap_or(most)), ..self }
    }
}

impl Found {
    /// The page of what is wanted and may be seen.
    pub(super) fn of(rows: &[Arc<Row>], filter: &Filter, seen: &Namespaces, page: &Page) -> Self {
        let mut found = Self::default();
        for row in rows.iter().filter(|row| seen.contains(&row.id.namespace) && filter.takes(row)) {
            found.total += 1;
            for (counts, word) in found.counts.iter_mut().zip([&row.sync, &row.health]) {
                match counts.get_mut(word) {
                    Some(count) => *count += 1,
                    None => drop(counts.insert(word.clone(), 1)),
                }
            }
            if page.after.as_ref().is_some_and(|after| row.id <= *after) {
                continue;
            }
            if page.limit.is_none_or(|limit| found.rows.len() < limit) {
                found.rows.push(Arc::clone(row));
            } else {
                found.left += 1;
            }
        }
        found
    }

    /// Where the next page begins; empty on the last.
    pub(super) fn next(&self) -> String {
        self.rows.last().filter(|_| self.left > 0).map(|row| row.id.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::application::Packed;
    use crate::controller::catalog::Catalog;

    fn rows(count: usize) -> Vec<Arc<Row>> {
        let catalog = Catalog::default();
        for number in 0..count {
            let object = json!({
                "metadata": {
                    "name": format!("app-{number:05}"), "namespace": format!("n{}", number % 2),
                    "labels": {"team": format!("t{}", number % 10)}, "resourceVersion": number.to_string(),
                },
                "spec": {"project": format!("p{}", number % 5), "source": {"repoURL": "https://u@h/r"}},
                "status": {"sync": {"status": if number % 3 == 0 { "Synced" } else { "OutOfSync" }}},
            });
            catalog.put(&object, &Packed::of(&object));
        }
        catalog.rows().0
    }

    fn found(rows: &[Arc<Row>], query: &str, seen: &Namespaces) -> Found {
        let query = Query::read(query);
        let (filter, page) = (Filter::read(&query).expect("a filter"), Page::read(&query).expect("a page"));
        Found::of(rows, &filter, seen, &page)
    }

    #[test]
    fn pages_have_everything_once() {
        let rows = rows(25);
        let (mut all, mut next) = (Vec::new(), String::new());
        loop {
            let page = found(&rows, &format!("limit=10&continue={next}"), &Namespaces::All);
            assert_eq!(page.total, 25);
            all.extend(page.rows.iter().map(|row| row.id.clone()));
            next = page.next();
            if next.is_empty() {
                break;
            }
        }
        assert_eq!(all, rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_asked_for_is_found_and_nothing_that_may_not_be_seen() {
        let rows = rows(100);
        let count = |query: &str| found(&rows, query, &Namespaces::All).total;
        assert_eq!(count("project=p1&project=p2"), 40);
        assert_eq!(count("projects=p1"), 20);
        assert_eq!(count("selector=team=t3"), 10);
        assert_eq!(count("repo=https://h/r&sync=Synced"), 34);
        assert_eq!(count("search=APP-0004"), 10);
        assert_eq!(count("name=app-00001&appNamespace=n0"), 0);
        let one = Namespaces::These(["n1".to_owned()].into());
        let seen = found(&rows, "limit=5", &one);
        assert!(seen.total == 50 && seen.rows.iter().all(|row| row.id.namespace == "n1"));
        assert_eq!(seen.counts[0].values().sum::<usize>(), 50, "counts tell nothing of the others");
        assert_eq!(found(&rows, "", &Namespaces::These(BTreeSet::new())).total, 0);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for wrong in ["limit=x", "limit=-1", "continue=a"] {
            assert!(Page::read(&Query::read(wrong)).is_err(), "{wrong}");
        }
        assert!(Filter::read(&Query::read("selector=a+b")).is_err());
    }
}
