//! In what two bundles differ, wherever they are.

use gitops_compiler::bundle::{Bundle, blob_path, digest};

use crate::world::{World, config, host, manifest};

#[test]
fn bundles_are_compared_wherever_they_are() {
    let world = World::new();
    let registry = world.registry();
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let (one, two) = (world.bundle("one", "1"), world.bundle("two.tar", "2"));
    world.done(&["bundle", "push", &one, &address]);
    assert_eq!(world.done(&["bundle", "diff", &one, &address]), "No differences.\n");
    let ended = world.run(&["bundle", "diff", &address, &two]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains("~ ConfigMap a\n    data.value  1 → 2\n1 resource differs.\n"), "{}", ended.stdout);
    let delivered = world.bundle_of("delivered", &[&config("a", "1"), &config("b", "1")], &["-n", "shop"]);
    let ended = world.run(&["bundle", "diff", &one, &delivered]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, "~ delivery  namespace  \"\" → shop\n"));
    let stored = world.bundle_of("stored", &[&config("a", "1"), &config("b", "1")], &["--compress", "store"]);
    let ended = world.run(&["bundle", "diff", &one, &stored]);
    assert!(ended.code == 1 && ended.stdout.starts_with("~ compression  "), "{}", ended.stdout);
    let json = world.run(&["bundle", "diff", &one, &two, "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["from"]["manifest"], manifest(&World::files(&one)).as_str());
    assert_eq!(json["changes"][0]["fields"][0]["path"], "data.value");
}

/// A side of a review and of a diff may lie in a registry, too.
#[test]
fn a_side_lies_in_a_registry() {
    let world = World::new();
    let registry = world.registry();
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let (one, two) = (world.bundle("one", "1"), world.bundle("two.tar", "2"));
    world.done(&["bundle", "push", &one, &address]);
    let pinned = format!("oci://{}/shop@{}", host(registry.address()), manifest(&World::files(&one)));
    for old in [&address, &pinned] {
        let told = world.done(&["review", &format!("bundle:{old}..bundle:{two}")]);
        assert!(told.contains("~ ConfigMap a") && told.contains("data.value  1 → 2"), "{told}");
    }
    let same = world.run(&["diff", &format!("bundle:{address}"), &format!("bundle:{one}")]);
    assert_eq!(same.code, 0, "{}", same.stderr);
    let none = world.run(&["review", &format!("bundle:{}..bundle:{two}", address.replace("v1", "v2"))]);
    assert_eq!(none.code, 2, "{}", none.stderr);
}

/// One that was made by something else, say: it is told where the bytes part ways.
#[test]
fn one_that_is_not_taken_is_compared_as_far_as_it_can_be_read() {
    let world = World::new();
    let one = world.bundle("one", "1");
    let mut files = World::files(&one);
    let own = files[&blob_path(&manifest(&files).parse().expect("a digest"))].clone();
    let other = String::from_utf8(own.clone()).expect("text").replace("1970-01-01", "2026-01-01").into_bytes();
    files.remove(&blob_path(&digest(&own)));
    files.insert(blob_path(&digest(&other)), other.clone());
    let index = String::from_utf8(files["index.json"].clone()).expect("text");
    let index = index.replace(digest(&own).as_str(), digest(&other).as_str());
    files.insert("index.json".to_owned(), index.into_bytes());
    let changed = world.path("other").display().to_string();
    World::write(&changed, &files);
    assert!(Bundle::read(&files).is_err());
    let ended = world.run(&["bundle", "diff", &one, &changed]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("~ soundness  verify  sound → "), "{}", ended.stdout);
    let wanted =
        "~ manifest  annotations.org.opencontainers.image.created  1970-01-01T00:00:00Z → 2026-01-01T00:00:00Z";
    assert!(
        lines[1].replace(['[', ']'], ".").contains("org.opencontainers.image.created"),
        "{wanted}: {}",
        ended.stdout
    );
}
