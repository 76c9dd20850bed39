//! All Applications as readers want them: found by what they are asked for, and told one after another as they change.
//!
//! In: objects, as the watch tells them. Out: [`Row`]s in order, and numbered [`Change`]s. What is searched for is taken out
//! of an object once, when it comes, so that a list of thousands is a matter of comparisons. The newest changes are kept, so
//! that whoever was away for a moment goes on where they were; whoever was away for longer is told so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use serde_json::Value as Json;
use tokio::sync::watch;

use crate::application::{AppId, Packed, Status};

/// So many changes are kept.
const MOST_CHANGES: usize = 8192;

/// An Application, and what it is searched by.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which.
    pub id: AppId,
    /// Its object, as text.
    pub packed: Packed,
    /// Which one of its name.
    pub uid: String,
    /// Its version, as a number.
    pub version: u64,
    /// Its project.
    pub project: String,
    /// Whether it is as Git says, in Argo CD's word.
    pub sync: String,
    /// How it does, in Argo CD's word.
    pub health: String,
    /// Where it comes from, without users and passwords.
    pub repositories: Vec<String>,
    /// The cluster that it goes to, by address or name.
    pub cluster: String,
    /// Where it goes, as it says.
    pub destination: Destination,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Where an Application goes; what it does not say is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The address of the cluster.
    pub server: String,
    /// Or its name.
    pub name: String,
    /// The namespace of what names none.
    pub namespace: String,
}

impl Destination {
    /// The namespace, as the API server has it where none is said.
    #[must_use]
    pub fn namespace_or_default(&self) -> &str {
        if self.namespace.is_empty() { "default" } else { &self.namespace }
    }
}

/// What became of an Application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is another than before.
    Modified,
    /// It is gone.
    Deleted,
}

/// A change.
#[derive(Debug, Clone)]
pub struct Change {
    /// Rises with each.
    pub number: u64,
    /// What it is.
    pub kind: ChangeKind,
    /// The Application now; of one that is gone, what it was last, without its status.
    pub row: Arc<Row>,
}

/// A change as it is kept: what an Application is now is known anyway.
#[derive(Debug)]
struct Note {
    number: u64,
    kind: ChangeKind,
    id: AppId,
    gone: Option<Arc<Row>>,
}

/// Some changes are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten;

/// All of them.
#[derive(Debug)]
pub struct Catalog {
    all: RwLock<All>,
    /// The number of the newest change.
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct All {
    rows: BTreeMap<AppId, Arc<Row>>,
    changes: VecDeque<Note>,
    newest: u64,
}

impl Default for Catalog {
    fn default() -> Self {
        Self { all: RwLock::default(), newest: watch::Sender::new(0) }
    }
}

impl Catalog {
    /// Takes an object as it is now.
    pub fn put(&self, object: &Json, packed: &Packed) {
        let row = Arc::new(Row::of(object, packed.clone()));
        let id = row.id.clone();
        self.change(&id, |all| {
            // Whoever wrote it may have been faster than the watch.
            let is_older = |known: &&Arc<Row>| known.uid == row.uid && known.version > row.version;
            if all.rows.get(&row.id).as_ref().is_some_and(is_older) {
                return None;
            }
            let kind = match all.rows.insert(row.id.clone(), Arc::clone(&row)) {
                None => ChangeKind::Added,
                Some(before) if before.version == row.version && before.packed == row.packed => return None,
                Some(_) => ChangeKind::Modified,
            };
            Some((kind, None))
        });
    }

    /// Takes one away.
    pub fn remove(&self, id: &AppId) {
        self.change(id, |all| all.rows.remove(id).map(|row| (ChangeKind::Deleted, Some(row.without_status()))));
    }

    fn change(&self, id: &AppId, change: impl FnOnce(&mut All) -> Option<(ChangeKind, Option<Arc<Row>>)>) {
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        let Some((kind, gone)) = change(&mut all) else { return };
        all.newest += 1;
        let number = all.newest;
        if all.changes.len() == MOST_CHANGES {
            all.changes.pop_front();
        }
        all.changes.push_back(Note { number, kind, id: id.clone(), gone });
        drop(all);
        self.newest.send_if_modified(|newest| {
            let is_newer = *newest < number;
            *newest = number.max(*newest);
            is_newer
        });
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &AppId) -> Option<Arc<Row>> {
        self.read().rows.get(id).cloned()
    }

    /// All of them in order, and the number of the newest change that they have.
    #[must_use]
    pub fn rows(&self) -> (Vec<Arc<Row>>, u64) {
        let all = self.read();
        (all.rows.values().cloned().collect(), all.newest)
    }

    /// The namespaces that they are in.
    #[must_use]
    pub fn namespaces(&self) -> BTreeSet<String> {
        self.read().rows.keys().map(|id| id.namespace.clone()).collect()
    }

    /// What came after a change, the last of each Application; and the number of the newest.
    ///
    /// # Errors
    /// Where what came right after it is not kept any more, or it is none of ours.
    pub fn since(&self, number: u64) -> Result<(Vec<Change>, u64), Forgotten> {
        let all = self.read();
        let oldest = all.changes.front().map_or(all.newest + 1, |change| change.number);
        if number + 1 < oldest || number > all.newest {
            return Err(Forgotten);
        }
        let mut last: BTreeMap<&AppId, (u64, ChangeKind, &Note)> = BTreeMap::new();
        let first = usize::try_from(number + 1 - oldest).map_err(|_| Forgotten)?;
        for note in all.changes.iter().skip(first) {
            let kind = match (last.get(&note.id).map(|(_, kind, _)| *kind), note.kind) {
                // Whoever has not heard of it hears of it for the first time.
                (Some(ChangeKind::Added), ChangeKind::Modified) => ChangeKind::Added,
                // Made again: whoever knew the other one has this one now.
                (Some(ChangeKind::Deleted), ChangeKind::Added) => ChangeKind::Modified,
                (_, kind) => kind,
            };
            last.insert(&note.id, (note.number, kind, note));
        }
        let change = |(number, kind, note): (u64, ChangeKind, &Note)| {
            let row = note.gone.as_ref().or_else(|| all.rows.get(&note.id))?;
            Some(Change { number, kind, row: Arc::clone(row) })
        };
        let mut changes: Vec<Change> = last.into_values().filter_map(change).collect();
        changes.sort_by_key(|change| change.number);
        Ok((changes, all.newest))
    }

    /// Tells when there is something new.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn read(&self) -> RwLockReadGuard<'_, All> {
        // Each change is whole before the next begins.
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    /// Its object.
    #[must_use]
    pub fn object(&self) -> Json {
        self.packed.object()
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.packed.status()
    }

    fn without_status(&self) -> Arc<Self> {
        let mut object = self.object();
        if let Some(fields) = object.as_object_mut() {
            fields.retain(|name, _| ["apiVersion", "kind", "metadata", "spec"].contains(&name.as_str()));
        }
        Arc::new(Self { packed: Packed::of(&object), ..self.clone() })
    }

    fn of(object: &Json, packed: Packed) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let spec = &object["spec"];
        let several = spec["sources"].as_array().filter(|sources| !sources.is_empty());
        let sources = several.map_or_else(|| std::slice::from_ref(&spec["source"]), Vec::as_slice);
        let address = |source: &Json| source["repoURL"].as_str().map(gitops_compiler::app::without_user);
        let destination = Destination {
            server: text("/spec/destination/server"),
            name: text("/spec/destination/name"),
            namespace: text("/spec/destination/namespace"),
        };
        let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
        Self {
            id: AppId::of(object),
            packed,
            uid: text("/metadata/uid"),
            version: text("/metadata/resourceVersion").parse().unwrap_or_default(),
            project: or(text("/spec/project"), crate::project::DEFAULT),
            sync: or(text("/status/sync/status"), "Unknown"),
            health: or(text("/status/health/status"), "Unknown"),
            repositories: sources.iter().filter_map(address).collect(),
            cluster: or(destination.server.clone(), &destination.name),
            destination,
            labels: labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(catalog: &Catalog, name: &str, version: u64) {
        let metadata = json!({"name": name, "namespace": "n", "resourceVersion": version.to_string()});
        let object = json!({"metadata": metadata, "spec": {"source": {"repoURL": "https://u:p@h/r"}}});
        catalog.put(&object, &Packed::of(&object));
    }

    fn told(catalog: &Catalog, since: u64) -> Result<Vec<(ChangeKind, String, u64)>, Forgotten> {
        let (changes, _) = catalog.since(since)?;
        Ok(changes.iter().map(|it| (it.kind, it.row.id.name.clone(), it.row.version)).collect())
    }

    #[test]
    fn changes_are_told_once_for_each() {
        let catalog = Catalog::default();
        put(&catalog, "a", 1);
        put(&catalog, "a", 1);
        put(&catalog, "b", 2);
        let (rows, number) = catalog.rows();
        assert_eq!((rows.len(), number), (2, 2), "the same again is no change");
        assert_eq!(rows[0].repositories, ["https://h/r"]);
        assert_eq!(told(&catalog, number), Ok(Vec::new()));
        put(&catalog, "a", 3);
        put(&catalog, "a", 4);
        catalog.remove(&rows[1].id);
        put(&catalog, "c", 5);
        put(&catalog, "c", 6);
        assert_eq!(
            told(&catalog, number),
            Ok(vec![
                (ChangeKind::Modified, "a".to_owned(), 4),
                (ChangeKind::Deleted, "b".to_owned(), 2),
                (ChangeKind::Added, "c".to_owned(), 6),
            ])
        );
        assert_eq!(told(&catalog, 1000), Err(Forgotten), "that number is another process's");
    }

    #[test]
    fn who_was_away_for_too_long_is_told() {
        let catalog = Catalog::default();
        for version in 0..=MOST_CHANGES as u64 {
            put(&catalog, "a", version);
        }
        assert_eq!(told(&catalog, 0), Err(Forgotten));
        assert_eq!(told(&catalog, 1).map(|told| told.len()), Ok(1));
    }

    #[tokio::test]
    async fn who_waits_hears_of_it() {
        let catalog = Catalog::default();
        let mut news = catalog.subscribe();
        put(&catalog, "a", 1);
        assert!(news.changed().await.is_ok() && *news.borrow() == 1);
    }
}
