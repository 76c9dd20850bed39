//! Entries in a folder: who writes, who reads, and what the program says.

use crate::world::{COMPILE, World};

#[test]
fn what_one_machine_compiled_another_does_not_render() {
    let world = World::new();
    let (first, second) = (world.writer(&world.address(), "ci"), world.reader(&world.address()));
    let made = first.run(&COMPILE).quiet();
    assert_eq!((first.has("memo"), first.has("outputs")), (1, 1), "it was rendered");
    assert_eq!(world.entries().len(), 3, "a graph, a memo, an output: {:?}", world.entries());
    assert_eq!(second.run(&COMPILE).quiet(), made);
    assert_eq!((second.has("memo"), second.has("outputs")), (1, 0), "nothing was rendered");
    assert_eq!(made, world.reference());
    // What a store has is not asked for again.
    std::fs::remove_dir_all(world.path("cache")).expect("removed");
    assert_eq!(second.run(&COMPILE).quiet(), made);
}

#[test]
fn what_changed_is_compiled_and_the_rest_is_taken() {
    let world = World::new();
    world.writer(&world.address(), "ci").run(&COMPILE).quiet();
    // Another file: the render is that of before.
    world.write_file("deploy/c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    let second = world.reader(&world.address());
    assert_eq!(second.run(&COMPILE).quiet(), world.reference());
    assert_eq!((second.has("memo"), second.has("outputs")), (1, 1));
    let third = world.writer(&world.address(), "ci");
    third.run(&COMPILE).quiet();
    assert_eq!(world.entries().len(), 5, "a graph and a memo more: {:?}", world.entries());
}

#[test]
fn who_has_no_key_to_sign_writes_nothing() {
    let world = World::new();
    std::fs::create_dir(world.path("cache")).expect("made");
    assert_eq!(world.reader(&world.address()).run(&COMPILE).quiet(), world.reference());
    assert_eq!(world.entries().len(), 0);
}

#[test]
fn flags_say_the_same_as_variables() {
    let world = World::new();
    let (address, private, public) = (world.address(), world.text("ci.key"), world.text("ci.pub"));
    let machine = world.machine();
    machine.run(&[&COMPILE[..], &["--cache", &address, "--cache-sign-key", &private]].concat()).quiet();
    assert_eq!(world.entries().len(), 3);
    let other = world.machine();
    // One of several keys.
    let keys = ["--cache-key", &world.text("stranger.pub"), "--cache-key", &public];
    other.run(&[&COMPILE[..], &["--cache", &address], &keys].concat()).quiet();
    assert_eq!(other.has("outputs"), 0);
    // Several in one file.
    let both = ["stranger.pub", "ci.pub"].map(|name| std::fs::read_to_string(world.path(name)).expect("a key"));
    std::fs::write(world.path("both.pub"), both.concat()).expect("written");
    let third = world.reader(&address).with("KUBECTL_GITOPS_CACHE_KEY", &world.text("both.pub"));
    third.run(&COMPILE).quiet();
    assert_eq!(third.has("outputs"), 0);
}

#[test]
fn other_commands_use_it_too_and_a_rebuild_does_not() {
    let world = World::new();
    world.writer(&world.address(), "ci").run(&["graph", "shop", "--path", "deploy"]).quiet();
    assert_eq!(world.entries().len(), 3);
    let reader = world.reader(&world.address());
    let out = world.text("bundle");
    let built = reader.run(&["bundle", "build", "shop", "--path", "deploy", "--out", &out]);
    assert_eq!((built.code, reader.has("outputs")), (0, 0), "{}", built.stderr);
    // Whoever builds it again believes nobody: neither the cache nor a store, which may have taken from there, has a part in it.
    let verifier = world.reader(&world.address());
    let rebuilt = verifier.run(&["bundle", "verify", &out, "--rebuild", "--path", "deploy"]);
    let of_store = (verifier.has("memo"), verifier.has("outputs"));
    assert_eq!((rebuilt.code, of_store), (0, (0, 0)), "{}{}", rebuilt.stdout, rebuilt.stderr);
}

#[test]
fn secrets_in_plaintext_do_not_get_there() {
    let world = World::new();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";
    world.write_file("deploy/s.yaml", secret);
    let writer = world.writer(&world.address(), "ci");
    let ended = writer.run(&[&COMPILE[..], &["--allow", "all"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // What was rendered has none.
    let entries = world.entries();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert!(entries[0].to_string_lossy().contains("/v1/output/"), "{entries:?}");
}

#[test]
fn what_cannot_be_meant_is_an_error_and_shows_no_secret() {
    let world = World::new();
    let (address, public, private) = (world.address(), world.text("ci.pub"), world.text("ci.key"));
    let secret = std::fs::read_to_string(&private).expect("a key");
    let secret = secret.lines().nth(1).expect("a line");
    let cases: [(&[&str], &str); 7] = [
        (&["--cache", &address], "nothing in the binary cache file://"),
        (&["--cache", "var/cache", "--cache-key", &public], "--cache cannot be used: a cache is at file:///FOLDER, "),
        (&["--cache", "file://var/cache", "--cache-key", &public], "named from the root"),
        (
            &["--cache", "https://anna:hunter2@x.example.com/y", "--cache-key", &public],
            "not at `https://x.example.com/y`",
        ),
        (&["--cache", "oci://x.example.com/y:v1", "--cache-key", &public], "without a tag"),
        (&["--cache", &address, "--cache-key", &private], "it is a private key"),
        (&["--cache", &address, "--cache-sign-key", &public], "it is a public key"),
    ];
    for (flags, wanted) in cases {
        let ended = world.machine().run(&[&COMPILE[..], flags].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{flags:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{flags:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains(secret), "{}", ended.stderr);
    }
    // Keys alone are for a cache that is not named.
    world.machine().run(&[&COMPILE[..], &["--cache-key", &public]].concat()).quiet();
}

#[test]
fn a_folder_that_is_not_there_or_cannot_be_written_is_told_of_once() {
    let world = World::new();
    let ended = world.reader(&world.address()).run(&COMPILE);
    assert_eq!((ended.code, ended.stdout), (0, world.reference()));
    let (address, place) = (world.address(), world.text("cache"));
    let wanted = format!("warning: {address}: the folder {place} is not there; going on without the binary cache\n");
    assert_eq!(ended.stderr, wanted);
    // A file in the place of a folder.
    std::fs::write(world.path("cache"), "x").expect("written");
    let ended = world.writer(&world.address(), "ci").run(&COMPILE);
    assert_eq!((ended.code, ended.stdout), (0, world.reference()));
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stderr);
    assert!(lines[0].ends_with("; going on without the binary cache"), "{}", ended.stderr);
    assert!(lines[1].ends_with("3 of 3 entries were not written to the binary cache"), "{}", ended.stderr);
}

#[test]
fn a_review_and_a_snapshot_read_and_write_nothing() {
    let world = World::new();
    std::fs::create_dir(world.path("cache")).expect("made");
    let writer = world.writer(&world.address(), "ci");
    writer.run(&["review", "HEAD..", "--path", "deploy"]);
    writer.run(&["snapshot", "pending", "--path", "deploy"]);
    assert_eq!((world.entries().len(), writer.has("memo")), (0, 1), "compiled, and not written");
    world.writer(&world.address(), "ci").run(&COMPILE).quiet();
    let reviewer = world.writer(&world.address(), "ci");
    let ended = reviewer.run(&["review", "HEAD..", "--path", "deploy"]);
    assert_eq!((ended.code, reviewer.has("memo"), reviewer.has("outputs")), (0, 1, 0), "taken: {}", ended.stderr);
}
