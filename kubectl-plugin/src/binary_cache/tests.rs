//! The cache with a place in memory: what is believed, what a place that fails costs, and what is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_compiler::store::{Part, Shared as _};
use zeroize::Zeroizing;

use crate::bundle::{KeyError, PrivateKey, PublicKey};

use super::{BinaryCache, BinaryCacheCounts, EntryName, Found, Parts, Place};

/// A private key, and the public one of it.
pub(super) fn keys() -> (PrivateKey, PublicKey) {
    use aws_lc_rs::signature::Ed25519KeyPair;

    let pair = Ed25519KeyPair::generate().expect("a key");
    let text = pem::encode(&pem::Pem::new("PRIVATE KEY", pair.to_pkcs8v1().expect("DER").as_ref()));
    let no_password = || -> Result<Zeroizing<Vec<u8>>, KeyError> { panic!("it is not encrypted") };
    let private = PrivateKey::read(&text, no_password).expect("a key");
    let public = private.public();
    (private, public)
}

/// A place in memory, which may be dead.
#[derive(Default)]
struct Table {
    entries: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: AtomicUsize,
    is_dead: AtomicBool,
}

impl Table {
    fn answer(&self) -> Result<(), String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_dead.load(Ordering::SeqCst) { Err("it is dead".to_owned()) } else { Ok(()) }
    }
}

struct InTable(Arc<Table>);

impl Place for InTable {
    fn get(&self, name: &EntryName, most_bytes: u64) -> Result<Found, String> {
        self.0.answer()?;
        let entries = self.0.entries.lock().expect("unpoisoned");
        Ok(match entries.get(&name.tag()) {
            None => Found::Nothing,
            Some(bytes) if bytes.len() as u64 > most_bytes => Found::Foreign,
            Some(bytes) => Found::Bytes(bytes.clone()),
        })
    }

    fn put(&self, name: &EntryName, entry: &[u8]) -> Result<(), String> {
        self.0.answer()?;
        self.0.entries.lock().expect("unpoisoned").insert(name.tag(), entry.to_owned());
        Ok(())
    }
}

/// A cache, and what it warned of.
struct Cached {
    cache: BinaryCache,
    told: Arc<Mutex<Vec<String>>>,
}

impl Cached {
    fn new(table: &Arc<Table>, trusted: &[&PublicKey], signer: Option<PrivateKey>, pause: Option<Duration>) -> Self {
        let told = Arc::<Mutex<Vec<String>>>::default();
        let telling = Arc::clone(&told);
        let cache = BinaryCache::new(Parts {
            place: Box::new(InTable(Arc::clone(table))),
            shown: "table".to_owned(),
            trusted: trusted.iter().map(|key| (*key).clone()).collect(),
            signer,
            pause,
            warn: Box::new(move |message| telling.lock().expect("unpoisoned").push(message.to_owned())),
        });
        Self { cache, told }
    }

    fn reader(table: &Arc<Table>, trusted: &[&PublicKey]) -> Self {
        Self::new(table, trusted, None, None)
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().expect("unpoisoned").clone()
    }
}

/// A table with some entries of a signer.
fn filled(entries: &[(Part, &str, &[u8])]) -> (Arc<Table>, PublicKey) {
    let (table, (private, public)) = (Arc::<Table>::default(), keys());
    let writer = Cached::new(&table, &[], Some(private), None);
    for (part, name, bytes) in entries {
        writer.cache.put(*part, name, bytes);
    }
    writer.cache.finish();
    assert_eq!(writer.cache.counts().written, entries.len() as u64);
    assert_eq!((writer.told(), table.entries.lock().expect("unpoisoned").len()), (Vec::new(), entries.len()));
    (table, public)
}

fn tag(part: Part, name: &str) -> String {
    EntryName::new(part.name(), name).tag()
}

#[test]
fn what_one_wrote_others_read_who_trust_them() {
    let (table, public) = filled(&[(Part::Memo, "a", b"1"), (Part::Output, "a", b"2")]);
    let reader = Cached::reader(&table, &[&keys().1, &public]);
    assert_eq!(reader.cache.get(Part::Memo, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(reader.cache.get(Part::Output, "a").as_deref(), Some(&b"2"[..]));
    assert_eq!(reader.cache.get(Part::Memo, "b"), None);
    let expected = BinaryCacheCounts { hits: 2, misses: 1, ..BinaryCacheCounts::default() };
    assert_eq!((reader.cache.counts(), reader.told()), (expected, Vec::new()));
}

#[test]
fn without_a_key_nothing_is_written() {
    let (table, (_, public)) = (Arc::<Table>::default(), keys());
    let reader = Cached::reader(&table, &[&public]);
    reader.cache.put(Part::Memo, "a", b"1");
    reader.cache.withheld(Part::Memo);
    reader.cache.finish();
    assert_eq!((reader.cache.counts(), table.asked.load(Ordering::SeqCst)), (BinaryCacheCounts::default(), 0));
}

#[test]
fn whoever_signs_believes_itself() {
    let (table, (private, _)) = (Arc::<Table>::default(), keys());
    let writer = Cached::new(&table, &[], Some(private), None);
    writer.cache.put(Part::Memo, "a", b"1");
    writer.cache.withheld(Part::Graph);
    writer.cache.finish();
    assert_eq!(writer.cache.get(Part::Memo, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(
        writer.cache.counts(),
        BinaryCacheCounts { hits: 1, written: 1, withheld: 1, ..BinaryCacheCounts::default() }
    );
}

#[test]
fn what_is_not_believed_is_absent_and_told_once() {
    let entries: &[(Part, &str, &[u8])] =
        &[(Part::Memo, "a", b"1"), (Part::Memo, "b", b"2"), (Part::Output, "a", b"3")];
    let (_, stranger) = keys();
    let names: Vec<String> = entries.iter().map(|(part, name, _)| tag(*part, name)).collect();
    // Each entry in the place of each other.
    for at in &names {
        for from in names.iter().filter(|from| *from != at) {
            let (table, public) = filled(entries);
            {
                let mut entries = table.entries.lock().expect("unpoisoned");
                let moved = entries[from].clone();
                entries.insert(at.clone(), moved);
            }
            refuses(&table, &public, entries, 1, "its signature is not good for what it stands for");
        }
    }
    let (table, _) = filled(entries);
    refuses(&table, &stranger, entries, 3, "a key that is not trusted");
    let change = |change: &dyn Fn(&mut Vec<u8>), why: &str| {
        let (table, public) = filled(entries);
        table.entries.lock().expect("unpoisoned").values_mut().for_each(change);
        refuses(&table, &public, entries, 3, why);
    };
    change(&|entry| *entry.last_mut().expect("bytes") ^= 1, "its signature is not good");
    change(&|entry| entry.truncate(entry.len() - 1), "its signature is not good");
    change(&|entry| entry.truncate(50), "it is damaged, or no entry");
    change(&Vec::clear, "it is damaged, or no entry");
    change(&|entry| entry.resize((64 << 20) + 1, 0), "it is damaged, or no entry");
    change(&|entry| *entry = b"not signed at all".to_vec(), "it is damaged, or no entry");
}

/// So many of the entries are not believed, and one of them is told of.
fn refuses(table: &Arc<Table>, trusted: &PublicKey, entries: &[(Part, &str, &[u8])], many: u64, why: &str) {
    let reader = Cached::reader(table, &[trusted]);
    for (part, name, bytes) in entries {
        let found = reader.cache.get(*part, name);
        assert!(found.is_none() || found.as_deref() == Some(*bytes), "{part:?} {name}");
    }
    let (counts, told) = (reader.cache.counts(), reader.told());
    assert_eq!((counts.refused, counts.hits), (many, entries.len() as u64 - many), "{counts:?}");
    assert!(told.len() == 1 && told[0].starts_with("table: an entry of the binary cache does not count"), "{told:?}");
    assert!(told[0].contains(why), "{told:?}");
}

#[test]
fn what_the_store_does_not_believe_is_counted() {
    let (table, public) = filled(&[(Part::Graph, "g1-a", b"another")]);
    let reader = Cached::reader(&table, &[&public]);
    assert!(reader.cache.get(Part::Graph, "g1-a").is_some());
    reader.cache.refused(Part::Graph, "g1-a");
    assert_eq!(reader.cache.counts().refused, 1);
    assert!(reader.told()[0].ends_with("it is signed, and not what its name says"), "{:?}", reader.told());
}

#[test]
fn a_place_that_fails_is_asked_once_and_told_of_once() {
    let (table, public) = filled(&[(Part::Memo, "a", b"1")]);
    table.is_dead.store(true, Ordering::SeqCst);
    let before = table.asked.load(Ordering::SeqCst);
    let reader = Cached::reader(&table, &[&public]);
    for _ in 0..100 {
        assert_eq!(reader.cache.get(Part::Memo, "a"), None);
    }
    assert_eq!(table.asked.load(Ordering::SeqCst), before + 1);
    assert_eq!(reader.told(), ["table: it is dead; going on without the binary cache"]);
    assert_eq!(reader.cache.counts(), BinaryCacheCounts { failed: 1, left_alone: 99, ..BinaryCacheCounts::default() });
    // Not in this run any more.
    table.is_dead.store(false, Ordering::SeqCst);
    assert_eq!(reader.cache.get(Part::Memo, "a"), None);
}

#[test]
fn after_a_pause_it_is_asked_again() {
    let (table, public) = filled(&[(Part::Memo, "a", b"1")]);
    table.is_dead.store(true, Ordering::SeqCst);
    let reader = Cached::new(&table, &[&public], None, Some(Duration::ZERO));
    assert_eq!(reader.cache.get(Part::Memo, "a"), None);
    table.is_dead.store(false, Ordering::SeqCst);
    assert_eq!(reader.cache.get(Part::Memo, "a").as_deref(), Some(&b"1"[..]));
}

#[test]
fn what_could_not_be_written_is_told_in_the_end() {
    let (table, (private, _)) = (Arc::<Table>::default(), keys());
    table.is_dead.store(true, Ordering::SeqCst);
    let writer = Cached::new(&table, &[], Some(private), None);
    for name in ["a", "b", "c"] {
        writer.cache.put(Part::Memo, name, b"1");
    }
    writer.cache.finish();
    let told = writer.told();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0], "table: it is dead; going on without the binary cache");
    assert_eq!(told[1], "table: 3 of 3 entries were not written to the binary cache");
    assert_eq!(writer.cache.counts().not_written, 3);
}
