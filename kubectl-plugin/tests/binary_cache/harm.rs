//! Entries that somebody changed, moved, put back, signed with another key or not at all: none of them counts, the result is
//! right, and it is said once. What is written over them is good again.

use std::path::{Path, PathBuf};

use crate::world::{COMPILE, World};

/// A world in whose folder two versions were compiled; the second is that of now.
fn filled() -> World {
    let world = World::new();
    for version in [1, 2] {
        world.write(version);
        world.writer(&world.address(), "ci").run(&COMPILE).quiet();
    }
    assert_eq!(world.entries().len(), 6, "{:?}", world.entries());
    world
}

/// Compiles where entries were harmed: what comes is right, and a warning says that some do not count.
fn told(world: &World, reference: &str, what: &str) -> String {
    let ended = world.reader(&world.address()).run(&COMPILE);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, reference), "{what}: {}", ended.stderr);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines.len() <= 1, "{what}: {}", ended.stderr);
    lines.concat()
}

/// Does something to each entry that the compilation of now reads, alone, and puts it back.
fn harm_each(world: &World, harm: impl Fn(&Path), why: &str) {
    let reference = world.reference();
    let mut believed = 0;
    for path in world.entries() {
        let before = std::fs::read(&path).expect("an entry");
        harm(&path);
        let said = told(world, &reference, &path.display().to_string());
        assert!(said.is_empty() || said.contains("does not count"), "{said}");
        assert!(said.is_empty() || said.contains(why), "{why}: {said}");
        believed += usize::from(said.is_empty());
        // Whatever lies there now.
        let _ = std::fs::remove_dir(&path);
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, before).expect("written");
    }
    // Those of the other version are not read, nor is the output where the memo is good.
    assert_eq!(believed, 4, "{why}");
}

#[test]
fn a_byte_that_changed_and_an_end_that_is_missing() {
    let world = filled();
    let edit = |path: &Path, edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(path).expect("an entry");
        edit(&mut bytes);
        std::fs::write(path, bytes).expect("written");
    };
    let flip = |path: &Path| edit(path, &|bytes| *bytes.last_mut().expect("bytes") ^= 1);
    harm_each(&world, flip, "its signature is not good");
    harm_each(&world, |path| edit(path, &|bytes| bytes.truncate(60)), "it is damaged, or no entry");
    harm_each(&world, |path| edit(path, &|bytes| *bytes = b"not signed".to_vec()), "it is damaged, or no entry");
}

#[test]
fn what_is_huge_or_no_file() {
    let world = filled();
    let huge = |path: &Path| std::fs::File::create(path).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    harm_each(&world, huge, "it is damaged, or no entry");
    let folder = |path: &Path| {
        std::fs::remove_file(path).expect("removed");
        std::fs::create_dir(path).expect("made");
    };
    harm_each(&world, folder, "it is damaged, or no entry");
}

/// Each good entry under each other name: swapped, of another kind, or of the version of before.
#[test]
fn a_good_entry_under_another_name() {
    let world = filled();
    let all: Vec<(PathBuf, Vec<u8>)> =
        world.entries().into_iter().map(|path| (path.clone(), std::fs::read(&path).expect("an entry"))).collect();
    for (from, bytes) in &all {
        let put = |path: &Path| {
            // Its own place has what is of nothing.
            let bytes = if path == from { &b"not signed"[..] } else { bytes };
            std::fs::write(path, bytes).expect("written");
        };
        harm_each(&world, put, "does not count");
    }
}

#[test]
fn entries_of_a_stranger_do_not_count_until_they_are_written_anew() {
    let world = World::new();
    world.writer(&world.address(), "stranger").run(&COMPILE).quiet();
    let reference = world.reference();
    let reader = world.reader(&world.address());
    let ended = reader.run(&COMPILE);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, reference.as_str()), "{}", ended.stderr);
    assert!(ended.stderr.contains("it is by a key that is not trusted"), "{}", ended.stderr);
    assert_eq!(reader.has("outputs"), 1, "it was rendered");
    // CI does not believe them, either, and what it compiles takes their place.
    let ended = world.writer(&world.address(), "ci").run(&COMPILE);
    assert!(ended.code == 0 && ended.stderr.contains("it is by a key that is not trusted"), "{}", ended.stderr);
    assert_eq!(world.reader(&world.address()).run(&COMPILE).quiet(), reference);
}
