//! What is remembered of files: an unchanged file is not read again, and no change is missed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use gitops_compiler::tree::{Entry, FileMemo};
use gitops_testdata::repository::RepositoryBuilder;

use super::{FIRST, OTHER, SECOND, example, open};

/// A memo in memory.
#[derive(Default)]
struct Memory(RefCell<HashMap<PathBuf, Vec<u8>>>);

impl FileMemo for Memory {
    fn load(&self, folder: &Path) -> Option<Vec<u8>> {
        self.0.borrow().get(folder).cloned()
    }

    fn save(&self, folder: &Path, bytes: &[u8]) {
        self.0.borrow_mut().insert(folder.to_owned(), bytes.to_vec());
    }
}

fn entries(repository: &RepositoryBuilder, memo: Option<&dyn FileMemo>) -> Vec<Entry> {
    open(repository.path()).working_tree("app", memo).expect("a working tree").entries().to_vec()
}

/// With and without a memory there is the same to see.
fn assert_same(repository: &RepositoryBuilder, memo: &Memory, told: &str) {
    assert_eq!(entries(repository, Some(memo)), entries(repository, None), "{told}");
}

/// Long enough for a file to be remembered.
fn rest() {
    std::thread::sleep(Duration::from_millis(3100));
}

#[test]
fn every_change_is_seen_also_within_one_tick_of_the_clock() {
    let (repository, _) = example();
    let memo = Memory::default();
    let path = repository.path().join("app/a.yaml");
    assert_same(&repository, &memo, "at first");
    // Many versions of one length, each right after the other: their times may be equal.
    for round in 0..200 {
        let text = FIRST.replace("first", if round % 2 == 0 { "fir5t" } else { "f1rst" });
        std::fs::write(&path, text).expect("written");
        assert_same(&repository, &memo, &format!("round {round}"));
    }
}

#[test]
fn a_rested_file_is_known_and_everything_that_can_happen_to_it_is_seen() {
    let (repository, _) = example();
    repository.write("app/b.yaml", OTHER).expect("written");
    let memo = Memory::default();
    rest();
    let path = repository.path().join("app/a.yaml");
    let before = entries(&repository, Some(&memo));
    // It is believed, indeed: another oid in the memory comes back.
    let (place, mut bytes) =
        memo.0.borrow().iter().next().map(|(place, bytes)| (place.clone(), bytes.clone())).expect("saved");
    let oid = before[0].oid.expect("an oid");
    let start = bytes.windows(oid.as_slice().len()).position(|window| window == oid.as_slice()).expect("it is there");
    bytes[start] ^= 1;
    memo.save(&place, &bytes);
    assert_ne!(entries(&repository, Some(&memo))[0].oid, before[0].oid);
    bytes[start] ^= 1;
    memo.save(&place, &bytes);
    assert_eq!(entries(&repository, Some(&memo)), before);

    // The time of the last change is put back, the length is the same: the inode's own time tells.
    let modified = path.metadata().expect("there").modified().expect("a time");
    std::fs::write(&path, FIRST.replace("first", "fir5t")).expect("written");
    File::options()
        .write(true)
        .open(&path)
        .expect("opened")
        .set_times(FileTimes::new().set_modified(modified))
        .expect("set");
    assert_same(&repository, &memo, "an old time");
    // Another file takes the name.
    std::fs::write(repository.path().join("new"), SECOND).expect("written");
    std::fs::rename(repository.path().join("new"), &path).expect("renamed");
    assert_same(&repository, &memo, "a rename over it");
    // Two files swap their names.
    let other = repository.path().join("app/b.yaml");
    std::fs::rename(&path, repository.path().join("swap")).expect("renamed");
    std::fs::rename(&other, &path).expect("renamed");
    std::fs::rename(repository.path().join("swap"), &other).expect("renamed");
    assert_same(&repository, &memo, "two that swapped");
    std::fs::remove_file(&other).expect("removed");
    std::os::unix::fs::symlink("a.yaml", &other).expect("linked");
    assert_same(&repository, &memo, "a link in its place");
    std::fs::remove_file(&path).expect("removed");
    assert_same(&repository, &memo, "a file that is gone");
    repository.write(".gitattributes", "* text\n").expect("written");
    repository.write("app/a.yaml", FIRST.replace('\n', "\r\n")).expect("written");
    assert_same(&repository, &memo, "attributes above the folder");
}

#[test]
fn attributes_count_for_files_that_did_not_change() {
    let (repository, _) = example();
    repository.write("app/a.yaml", FIRST.replace('\n', "\r\n")).expect("written");
    let memo = Memory::default();
    rest();
    let before = entries(&repository, Some(&memo));
    repository.write(".gitattributes", "* text\n").expect("written");
    assert_ne!(entries(&repository, Some(&memo))[0].oid, before[0].oid);
    assert_same(&repository, &memo, "attributes that are new");
    std::fs::remove_file(repository.path().join(".gitattributes")).expect("removed");
    assert_eq!(entries(&repository, Some(&memo)), before);
}

#[test]
fn files_of_the_future_are_read_each_time() {
    let (repository, _) = example();
    let memo = Memory::default();
    let path = repository.path().join("app/a.yaml");
    let future = SystemTime::now() + Duration::from_hours(1);
    File::options()
        .write(true)
        .open(&path)
        .expect("opened")
        .set_times(FileTimes::new().set_modified(future))
        .expect("set");
    rest();
    entries(&repository, Some(&memo));
    assert!(memo.0.borrow().values().all(|bytes| !bytes.windows(6).any(|window| window == b"a.yaml")));
}
