//! A bundle in a registry is verified where it is, and one that a policy refuses is written nowhere.

use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use gitops_testdata::servers::RegistryLie;
use pem::Pem;

use crate::world::{World, host, manifest};

/// What stands before an Ed25519 key in a SubjectPublicKeyInfo.
const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A pair of keys, in `NAME.key` and `NAME.pub`. Gives their paths.
fn keys(world: &World, name: &str) -> [String; 2] {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let public = [ED25519_INFO.as_slice(), pair.public_key().as_ref()].concat();
    let private = pair.to_pkcs8v1().expect("DER");
    [("key", "PRIVATE KEY", private.as_ref()), ("pub", "PUBLIC KEY", public.as_slice())].map(|(end, tag, bytes)| {
        let path = world.path(&format!("{name}.{end}"));
        std::fs::write(&path, pem::encode(&Pem::new(tag, bytes))).expect("written");
        path.display().to_string()
    })
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_bundle_is_verified_where_it_is_and_written_nowhere() {
    let world = World::new();
    let registry = world.registry();
    let ([private, public], bundle) = (keys(&world, "anna"), world.bundle("made", "1"));
    world.done(&["bundle", "sign", &bundle, "--key", &private]);
    let address = format!("oci://{}/shop", host(registry.address()));
    world.done(&["bundle", "push", &bundle, &format!("{address}:v1")]);
    let by_digest = format!("{address}@{}", manifest(&World::files(&bundle)));
    let temporary = tempfile::tempdir().expect("a folder");
    let variables = [("TMPDIR", temporary.path().to_str().expect("text"))];
    let here = world.done(&["bundle", "verify", &bundle, "--key", &public]);
    for from in [format!("{address}:v1"), by_digest] {
        let there = world.run_with(&["bundle", "verify", &from, "--key", &public], &variables);
        assert_eq!((there.code, &there.stdout), (0, &here), "{from}: {}", there.stderr);
        let sources = ["--rebuild", "--path", "deploy"];
        let rebuilt = world.run_with(&[&["bundle", "verify", &from], &sources[..]].concat(), &variables);
        assert!(rebuilt.code == 0 && rebuilt.stdout.contains("its sources give it again"), "{}", rebuilt.stderr);
    }
    assert_eq!(names_in(temporary.path()), [""; 0]);
    let tag = format!("{address}:v1");
    let other = format!("g1-{}", "a".repeat(52));
    world.refused(4, &["bundle", "verify", &tag, "--graph", &other]);
    world.refused(4, &["bundle", "verify", &tag, "--key", &keys(&world, "bob")[1]]);
    assert!(world.refused(2, &["bundle", "verify", &tag, "--offline"]).contains("no registry is asked"));
    assert!(world.refused(2, &["bundle", "verify", &address]).contains("does not say which bundle"));
    assert!(world.refused(2, &["bundle", "verify", &format!("{address}:nowhere")]).contains("is not there"));
}

#[test]
fn what_a_registry_changes_is_not_verified() {
    for lie in [RegistryLie::ChangedBlob, RegistryLie::ChangedManifest, RegistryLie::EndlessBlob] {
        let world = World::new();
        let registry = world.registry_with(true, Some(lie));
        let address = format!("oci://{}/shop:v1", host(registry.address()));
        world.done(&["bundle", "push", &world.bundle("made", "1"), &address]);
        let said = world.refused(2, &["bundle", "verify", &address]);
        assert!(said.contains("cannot pull"), "{lie:?}: {said}");
    }
}

#[test]
fn what_a_policy_refuses_is_written_nowhere() {
    let world = World::new();
    let registry = world.registry();
    let [private, public] = keys(&world, "anna");
    let key = std::fs::read_to_string(&public).expect("a key").replace('\n', "\n    ");
    let policy = world.path("trust.yaml");
    let text = format!(
        "keys:\n  anna: |\n    {}\nrules:\n- {{applications: [shop], clusters: [prod], signers: [anna]}}\n",
        key.trim_end()
    );
    std::fs::write(&policy, text).expect("written");
    let (policy, bundle) = (policy.display().to_string(), world.bundle("made", "1"));
    let address = format!("oci://{}/shop:v1", host(registry.address()));
    world.done(&["bundle", "push", &bundle, &address]);
    let old = world.bundle("old", "0");
    let files = World::files(&old);
    for name in ["back.tar", "back"] {
        let out = world.path(name).display().to_string();
        let said = world.refused(4, &["bundle", "pull", &address, "--out", &out, "--trust", &policy]);
        assert!(said.contains("is not signed as shop needs it"), "{said}");
        assert!(!world.path(name).exists(), "{name}");
        let by_variable = [("KUBECTL_GITOPS_TRUST", policy.as_str())];
        assert_eq!(world.run_with(&["bundle", "pull", &address, "--out", &out], &by_variable).code, 4);
        assert!(!world.path(name).exists(), "{name}");
    }
    world.refused(4, &["bundle", "pull", &address, "--out", &old, "--trust", &policy]);
    assert_eq!(World::files(&old), files, "what was there stays");

    world.done(&["bundle", "sign", &bundle, "--key", &private]);
    world.done(&["bundle", "push", &bundle, &address]);
    let out = world.path("back.tar").display().to_string();
    let pulled = ["bundle", "pull", &address, "--out", &out, "--trust", &policy, "-o", "json"];
    let said = world.done(&[&pulled[..], &["--cluster", "prod"]].concat());
    let json: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert!(json.to_string().contains("\"anna\""), "who signed is told: {json}");
    assert_eq!(World::files(&out), World::files(&bundle));
    world.refused(4, &["bundle", "pull", &address, "--out", &old, "--trust", &policy, "--cluster", "test"]);
}
