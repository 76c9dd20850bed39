//! Registries that lie, break and hang: nothing is written of what they give, and nothing is believed.

use gitops_testdata::servers::{Registry, RegistryLie};

use crate::world::{World, host};

/// A registry with this lie, into which a bundle was put past it, where that can be.
fn filled(world: &World, lie: RegistryLie) -> (Registry, String) {
    let registry = world.registry_with(true, Some(lie));
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let bundle = world.bundle("made", "1");
    world.done(&["bundle", "push", &bundle, &address]);
    (registry, address)
}

#[test]
fn what_a_registry_changes_is_not_written() {
    for (lie, wanted) in [
        (RegistryLie::ChangedBlob, "what came has the digest"),
        (RegistryLie::ShortBlob, "what came has the digest"),
        (RegistryLie::EndlessBlob, "is larger than"),
        (RegistryLie::ChangedManifest, "the manifest that came has the digest"),
    ] {
        let world = World::new();
        let (_registry, address) = filled(&world, lie);
        for out in ["back.tar", "back"].map(|name| world.path(name)) {
            let said = world.refused(2, &["bundle", "pull", &address, "--out", &out.display().to_string()]);
            assert!(said.contains("cannot pull") && said.contains(wanted), "{lie:?}: {said}");
            assert!(!out.exists(), "{lie:?}");
        }
    }
}

/// What was there before stays, whatever happens.
#[test]
fn a_bundle_that_is_there_is_not_lost_to_one_that_lies() {
    let world = World::new();
    let (_registry, address) = filled(&world, RegistryLie::ChangedBlob);
    let old = world.bundle("old", "0");
    let files = World::files(&old);
    world.refused(2, &["bundle", "pull", &address, "--out", &old]);
    assert_eq!(World::files(&old), files);
}

#[test]
fn a_registry_that_takes_something_else_is_told() {
    let world = World::new();
    let registry = world.registry_with(true, Some(RegistryLie::OtherDigest));
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let said = world.refused(2, &["bundle", "push", &world.bundle("made", "1"), &address]);
    assert!(said.contains("cannot push to") && said.contains("has another"), "{said}");
}

#[test]
fn an_upload_is_not_sent_inward() {
    let world = World::new();
    let registry = world.registry_with(true, Some(RegistryLie::InwardUpload));
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let said = world.refused(2, &["bundle", "push", &world.bundle("made", "1"), &address]);
    assert!(said.contains("169.254.169.254") && said.contains("sends us there"), "{said}");
}

#[test]
fn a_registry_that_does_not_answer_is_not_waited_for() {
    let world = World::new();
    let registry = world.registry_with(true, Some(RegistryLie::Hang));
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let (bundle, out) = (world.bundle("made", "1"), world.path("back.tar").display().to_string());
    for command in [["push", bundle.as_str(), &address].as_slice(), &["pull", &address, "--out", &out]] {
        let said = world.refused(2, &[&["bundle"][..], command, &["--fetch-timeout", "1"]].concat());
        assert!(said.contains("it took longer than 1 seconds") || said.contains("in time"), "{said}");
    }
}

/// Another artifact, which is sound, and no bundle.
#[test]
fn what_is_no_bundle_is_not_read() {
    let world = World::new();
    let registry = world.registry();
    let kind = "application/vnd.oci.image.layer.v1.tar+gzip";
    registry.push_artifact("shop", "v1", kind, b"whatever").expect("pushed");
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    let out = world.path("back.tar").display().to_string();
    let said = world.refused(2, &["bundle", "pull", &address, "--out", &out]);
    let wanted = format!("{address} is no bundle: its config is of the type application/vnd.oci.empty.v1+json");
    assert!(said.contains(&wanted), "{said}");
    let blobs = registry.requests().iter().filter(|request| request.contains("/blobs/")).count();
    assert_eq!(blobs, 0, "nothing of it was read");
    let said = world.refused(2, &["bundle", "pull", &address.replace(":v1", ":v2"), "--out", &out]);
    assert!(said.contains("is not there"), "{said}");
}
