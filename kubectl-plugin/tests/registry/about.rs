//! What is said about a bundle goes with it: by the referrers API, and by a tag where a registry has none.

use gitops_compiler::bundle::{Files, INDEX};
use gitops_testdata::servers::{Distribution, Registry};
use kubectl_gitops::fetch::{Access, ArtifactRepository, Reference};

use crate::world::{World, host, manifest, with_said};

const KIND: &str = "application/vnd.example.said.v1+json";

/// Pushes, pulls from elsewhere, and compares.
fn there_and_back(world: &World, registry: &Registry) -> (String, String) {
    let (path, address) = (world.bundle("made", "1"), format!("oci://{}/shop:v1", host(registry.address())));
    let said = with_said(&path, KIND, "{\"one\":1}");
    World::write(&path, &said);
    world.done(&["bundle", "verify", &path]);
    let pushed = world.done(&["bundle", "push", &path, &address]);
    assert!(pushed.contains("with 1 manifest about it"), "{pushed}");
    let out = world.path("back.tar").display().to_string();
    let pulled = world.done(&["bundle", "pull", &address, "--out", &out]);
    assert!(pulled.contains("with 1 manifest about it"), "{pulled}");
    assert_eq!(World::files(&out), said);
    (path, address)
}

#[test]
fn what_is_said_about_a_bundle_goes_with_it() {
    let world = World::new();
    let registry = world.registry();
    let (path, _) = there_and_back(&world, &registry);
    let tag = manifest(&World::files(path)).replace(':', "-");
    let requests = registry.requests();
    assert!(!requests.iter().any(|request| request.contains(&tag)), "the API lists it: {requests:#?}");
}

#[test]
fn without_the_api_a_tag_lists_it_beside_what_others_wrote() {
    let world = World::new();
    let registry = world.registry_with(false, None);
    let (path, address) = there_and_back(&world, &registry);
    // Another has something to say, too, and has another bundle of the same.
    World::write(&path, &with_said(&path, "application/vnd.example.other.v1", "two"));
    world.done(&["bundle", "push", &path, &address]);
    world.done(&["bundle", "push", &path, &address]);
    let out = world.path("both").display().to_string();
    let pulled = world.done(&["bundle", "pull", &address, "--out", &out]);
    assert!(pulled.contains("with 2 manifests about it"), "{pulled}");
    let diff = world.run(&["bundle", "diff", &path, &address]);
    assert!(diff.code == 1 && diff.stdout.matches("~ referrer").count() == 1, "{}{}", diff.stdout, diff.stderr);
    assert!(diff.stdout.contains(&format!("+ {KIND}")), "{}", diff.stdout);
}

/// docker-registry knows of no referrers, and demands that what a list names is there.
#[test]
fn a_registry_of_many_takes_all_of_it_with_a_password() {
    let world = World::new();
    let registry = Distribution::start(&world.certificates).expect("a registry");
    let host = host(&registry.address());
    let path = world.bundle("made", "1");
    let said = with_said(&path, KIND, "{}");
    World::write(&path, &said);
    let address = format!("oci://{host}/team/shop:v1");
    let refused = world.refused(2, &["bundle", "push", &path, &address]);
    assert!(refused.contains("the server wants credentials (401)"), "{refused}");
    let login = format!(
        r#"{{"auths": {{"{host}": {{"username": "{}", "password": "{}"}}}}}}"#,
        registry.user(),
        registry.password()
    );
    std::fs::create_dir(world.path(".docker")).expect("a folder");
    std::fs::write(world.path(".docker/config.json"), login).expect("written");
    world.done(&["bundle", "push", &path, &address]);
    let again = world.done(&["bundle", "push", &path, &address]);
    assert!(again.contains("0 of 4 blobs sent"), "{again}");
    let out = world.path("back").display().to_string();
    world.done(&["bundle", "pull", &address, "--out", &out]);
    assert_eq!(World::files(&out), said);
}

/// Whoever may write there may list what is none.
#[test]
fn what_is_listed_and_is_nothing_of_the_kind_is_left_out_with_a_word() {
    let world = World::new();
    let registry = world.registry_with(false, None);
    let (path, address) = (world.bundle("made", "1"), format!("oci://{}/shop:v1", host(registry.address())));
    let (other, bare) = (world.bundle("other", "2"), World::files(&path));
    let said = with_said(&other, KIND, "{}");
    World::write(&other, &said);
    world.done(&["bundle", "push", &path, &address]);
    world.done(&["bundle", "push", &other, &address.replace(":v1", ":other")]);
    // The list of the other under the tag of the first.
    let pem = std::fs::read(world.certificates.authority()).expect("read");
    let access = Access::new().certificates("authority.pem", &pem).expect("certificates");
    let repository = format!("oci://{}/shop", host(registry.address()));
    let repository = ArtifactRepository::writing(access, &repository).expect("a repository");
    let tag = |files: &Files| Reference::Tag(manifest(files).replace(':', "-"));
    let list = repository.manifest(&tag(&said)).expect("asked").expect("a list");
    repository.put_manifest(&tag(&bare), INDEX, &list.bytes).expect("put");
    let out = world.path("back.tar").display().to_string();
    let ended = world.run(&["bundle", "pull", &address, "--out", &out]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("is left out: it says that it is about something else"), "{}", ended.stderr);
    assert_eq!(World::files(&out), bare);
}
