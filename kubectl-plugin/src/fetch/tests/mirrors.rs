//! Mirrors on a disk: who may take one away, what a process that died leaves, what is counted.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use gitops_compiler::store::{Count, IN_USE, Mirror, Mirrors as _, TakenAway};

use super::super::mirrors::{Mirrors, USE_IS_NOTED_EVERY, is_at, locked};

const ADDRESS: &str = "https://git.example.com/x.git";

/// What every mirror here has: two files of 7 bytes together.
const FILES: [(&str, &str); 2] = [("HEAD", "abc"), ("objects/pack/x", "defg")];

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    /// As another process would have them.
    fn mirrors(&self) -> Mirrors {
        Mirrors::in_folder(self.folder.path().join("mirrors"))
    }

    fn place(&self) -> PathBuf {
        self.mirrors().place(ADDRESS, "sha1", "")
    }

    /// A mirror that nobody uses.
    fn make(&self) -> PathBuf {
        let mirrors = self.mirrors();
        let _lock = mirrors.lock(&self.place()).expect("a lock");
        write_files(&self.place());
        self.place()
    }

    fn set_used(&self, ago: Duration) {
        set_modified(&self.place(), ago);
    }

    fn only(&self) -> Mirror {
        let [only] = &self.mirrors().list().expect("listed")[..] else { panic!("one mirror") };
        only.clone()
    }

    fn take_away(&self, mirror: &Mirror) -> TakenAway {
        self.mirrors().take_away(mirror).expect("tried")
    }

    fn sweep(&self) -> Count {
        self.mirrors().sweep().expect("swept")
    }

    fn names(&self) -> Vec<String> {
        let entries = self.mirrors().entries().expect("listed");
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        entries.iter().map(name).collect()
    }
}

fn write_files(folder: &Path) {
    for (path, text) in FILES {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
}

fn set_modified(folder: &Path, ago: Duration) {
    let then = SystemTime::now().checked_sub(ago).expect("a time");
    File::open(folder).and_then(|folder| folder.set_modified(then)).expect("set");
}

#[test]
fn a_mirror_is_counted_and_taken_away_whole() {
    let world = World::new();
    assert!(world.mirrors().list().expect("nothing is there").is_empty());
    let place = world.make();
    let (only, whole) = (world.only(), Count { files: 2, bytes: 7 });
    assert_eq!((only.count, Some(only.name.as_os_str())), (whole, place.file_name()));
    assert_eq!(world.take_away(&only), TakenAway::Gone);
    assert!(!place.exists() && world.mirrors().list().expect("listed").is_empty());
    // It takes up what it did until it is swept.
    assert_eq!(world.mirrors().left_behind().expect("counted"), whole);
    assert_eq!((world.sweep(), world.sweep()), (whole, Count::default()));
    assert_eq!(world.names(), [""; 0], "no lock and nothing else is left");
    assert_eq!(world.take_away(&only), TakenAway::UsedSince, "it is not there to be taken away again");
    world.make();
    assert_eq!(world.only().count, whole, "it is made anew");
}

#[test]
fn one_that_is_used_stays_until_whoever_uses_it_ends() {
    let world = World::new();
    let place = world.make();
    let only = world.only();
    let (one, other) = (world.mirrors(), world.mirrors());
    one.hold(&place).expect("held");
    one.hold(&place).expect("held");
    let lock = other.lock(&place).expect("a lock for fetching");
    assert_eq!(world.take_away(&only), TakenAway::InUse);
    drop(one);
    assert_eq!(world.take_away(&only), TakenAway::InUse);
    drop(lock);
    assert_eq!(world.take_away(&only), TakenAway::InUse);
    world.sweep();
    assert!(place.is_dir() && place.with_extension("used").is_file(), "what is held is not swept");
    drop(other);
    assert_eq!(world.take_away(&only), TakenAway::Gone);
}

#[test]
fn a_use_is_noted_once_an_hour_and_saves_it() {
    let world = World::new();
    let place = world.make();
    world.set_used(USE_IS_NOTED_EVERY / 2);
    let before = world.only();
    world.mirrors().hold(&place).expect("held");
    assert_eq!(world.only(), before);
    world.set_used(2 * USE_IS_NOTED_EVERY);
    let old = world.only();
    let long = world.mirrors();
    long.hold(&place).expect("held");
    assert!(world.only().used > old.used);
    // Also by a process that has had it for long.
    world.set_used(2 * USE_IS_NOTED_EVERY);
    let old = world.only();
    long.hold(&place).expect("held");
    assert!(world.only().used > old.used);
    drop(long);
    assert_eq!(world.take_away(&old), TakenAway::UsedSince);
    assert!(place.is_dir());
}

/// As on a disk that this process cannot write and another can.
#[test]
fn whoever_may_only_read_holds_a_mirror_all_the_same() {
    let world = World::new();
    let used = world.make().with_extension("used");
    std::fs::remove_file(&used).expect("removed");
    // Nobody can open a folder for writing, not even root.
    std::fs::create_dir(&used).expect("made");
    let held = locked(&used, File::lock_shared).expect("held");
    assert!(File::open(&used).expect("opened").try_lock().is_err(), "{held:?}");
}

/// Whoever waits for a lock that is taken away does not believe that it has it.
#[test]
fn a_lock_that_was_taken_away_is_none() {
    let world = World::new();
    let used = world.make().with_extension("used");
    let taken = File::open(&used).expect("opened");
    taken.try_lock().expect("nobody has it");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| locked(&used, File::lock_shared).expect("a lock"));
        // It waits, or comes later: it must not have the lock of what is removed here.
        std::fs::remove_file(&used).expect("removed");
        drop(taken);
        let file = waiting.join().expect("it ends");
        assert!(is_at(&file, &used));
    });
}

#[test]
fn what_the_dead_left_is_swept_and_what_is_made_now_is_not() {
    let world = World::new();
    let place = world.make();
    let mirrors = world.mirrors();
    let making = |files: bool| {
        let folder = mirrors.new_folder().expect("made").keep();
        if files {
            write_files(&folder);
        }
        folder
    };
    let (left, new) = (making(true), making(true));
    set_modified(&left, IN_USE + Duration::from_secs(1));
    // Killed between the rename and the end of the sweep, with locks that nobody holds.
    std::fs::create_dir_all(mirrors.folder.join(".gone-1/objects")).expect("made");
    let other = mirrors.place("https://git.example.com/other.git", "sha1", "");
    for extension in ["lock", "used"] {
        File::create(other.with_extension(extension)).expect("written");
    }
    assert_eq!(mirrors.left_behind().expect("counted"), Count { files: 2, bytes: 7 });
    assert_eq!(world.sweep(), Count { files: 2, bytes: 7 });
    let mut names = world.names();
    names.sort();
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let expected = [new, place.clone(), place.with_extension("lock"), place.with_extension("used")];
    assert_eq!(names, expected.iter().map(|path| name(path)).collect::<Vec<_>>());
}

/// Wherever a collector is killed, whoever comes next has the mirror, whole, or makes it anew.
#[test]
fn a_collector_that_is_killed_half_way_is_in_nobodys_way() {
    for steps in 0..4 {
        let world = World::new();
        let place = world.make();
        let gone = place.with_file_name(".gone-7");
        let done: [&dyn Fn(); 3] = [
            &|| std::fs::rename(&place, &gone).expect("renamed"),
            &|| std::fs::remove_file(place.with_extension("lock")).expect("removed"),
            &|| std::fs::remove_file(place.with_extension("used")).expect("removed"),
        ];
        done.iter().take(steps).for_each(|step| step());
        let mirrors = world.mirrors();
        let lock = mirrors.lock(&place).expect("nobody holds it");
        assert_eq!(place.exists(), steps == 0, "whole or absent");
        if !place.exists() {
            write_files(&place);
        }
        drop(lock);
        world.sweep();
        assert_eq!(world.only().count, Count { files: 2, bytes: 7 });
        assert!(!gone.exists());
        assert_eq!(world.take_away(&world.only()), TakenAway::InUse);
        drop(mirrors);
        assert_eq!(world.take_away(&world.only()), TakenAway::Gone);
    }
}

/// Collectors and users, all at once: nobody ever finds half a mirror, or loses one that is held.
#[test]
fn nobody_loses_a_mirror_while_it_is_held() {
    let world = &World::new();
    let taken = &AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let users: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    // On a busy machine collectors may be late.
                    for _ in (0..20_000).take_while(|round| *round < 200 || taken.load(Ordering::Relaxed) == 0) {
                        let mirrors = world.mirrors();
                        let place = world.place();
                        let lock = mirrors.lock(&place).expect("a lock");
                        if !place.join("HEAD").is_file() {
                            let making = mirrors.new_folder().expect("made");
                            write_files(making.path());
                            std::fs::rename(making.keep(), &place).expect("in its place");
                        }
                        drop(lock);
                        for (path, text) in FILES {
                            assert_eq!(std::fs::read_to_string(place.join(path)).expect("it is held"), text);
                        }
                    }
                })
            })
            .collect();
        let collect = || {
            let listed = world.mirrors().list().expect("listed");
            let gone = listed.iter().filter(|mirror| world.take_away(mirror) == TakenAway::Gone).count();
            world.sweep();
            taken.fetch_add(gone, Ordering::Relaxed);
        };
        scope.spawn(move || (0..200).for_each(|_| collect()));
        while users.iter().any(|user| !user.is_finished()) {
            collect();
        }
    });
    assert!(taken.load(Ordering::Relaxed) > 0, "collectors got none at all: nothing was tried");
    for mirror in world.mirrors().list().expect("listed") {
        assert_eq!(world.take_away(&mirror), TakenAway::Gone);
    }
    world.sweep();
    assert_eq!(world.names(), [""; 0]);
}
