//! What is encrypted for age: applied, changed, rolled back, and found nowhere.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;

use crate::keys::{Age, VALUES, run_with, secret};
use crate::nowhere::{files_with, objects_with};
use crate::support::{Ended, World, config_map};

/// A value of a Secret of the cluster.
fn value(world: &World, name: &str, key: &str) -> String {
    let found = world.get("secret", name);
    let text = found["data"][key].as_str().unwrap_or_else(|| panic!("{found}"));
    String::from_utf8(BASE64.decode(text).expect("base64")).expect("text")
}

#[test]
fn a_secret_is_opened_for_the_cluster_alone() {
    let (world, age) = (World::new("sops-age"), Age::new());
    let passwords = ["correct-horse-1", "battery-staple-2"];
    let encrypted = passwords.map(|password| age.encrypt(&secret("db", password), &[VALUES]));
    let mac = |text: &str| text.lines().find(|line| line.contains("mac: ENC")).expect("a MAC")[14..60].to_owned();
    let mut told: Vec<Ended> = Vec::new();

    world.write("db.yaml", &encrypted[0]);
    world.repository.commit("One").expect("a commit");
    told.push(world.run(&["compile", "-o", "yaml"]));
    told.push(world.apply(&["--dry-run=client"]));
    told.push(age.apply(&world, &["--dry-run=server"]));
    told.push(age.apply(&world, &["-o", "json"]));
    assert!(told.iter().all(|ended| ended.code == 0), "{told:?}");
    assert_eq!(value(&world, "db", "password"), passwords[0]);
    assert_eq!((value(&world, "db", "user"), value(&world, "db", "empty")), ("admin".into(), String::new()));
    assert_eq!(value(&world, "db", "token"), "token-of-the-test");
    let sent = world.get("secret", "db");
    assert!(sent["sops"].is_null() && sent["stringData"].is_null(), "{sent}");
    assert!(!sent["metadata"]["managedFields"].to_string().contains("stringData"), "{sent}");

    // Nothing changed: nobody is asked for a key.
    let nothing = world.apply(&[]);
    assert!(nothing.code == 0 && nothing.stdout.contains("nothing to do"), "{}", nothing.told());
    assert_eq!(nothing.requests(), 1 + 1);
    told.push(nothing);

    world.write("db.yaml", &encrypted[1]);
    told.push(world.run(&["plan", &world.name, "-n", &world.name]));
    let plan = told.last().expect("a plan");
    assert!(plan.stdout.contains("stringData.password  (secret) changed"), "{}", plan.told());
    assert!(!plan.stdout.contains("ENC["), "{}", plan.told());
    let (name, text) = (world.name.as_str(), age.text());
    told.push(run_with(&world, &[("SOPS_AGE_KEY", &text)], &["apply", name, "-n", name, "--yes", "--allow=all"]));
    assert_eq!(told.last().map(|ended| ended.code), Some(0), "{told:?}");
    assert_eq!(value(&world, "db", "password"), passwords[1]);

    // The default file, and the record instead of Git.
    let folder = world.home.path().join(".config/sops/age");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::copy(age.file(), folder.join("keys.txt")).expect("copied");
    world.remove("db.yaml");
    told.push(world.run(&["rollback", name, "--yes", "--store", &world.home.path().join("empty").to_string_lossy()]));
    assert_eq!(told.last().map(|ended| ended.code), Some(0), "{told:?}");
    assert_eq!(value(&world, "db", "password"), passwords[0]);
    for arguments in [["status", name], ["history", name], ["show", name]] {
        told.push(world.run(&arguments));
    }
    told.push(world.run(&["show", name, "-o", "yaml"]));
    told.push(world.run(&["show", name, "-o", "yaml", "--show-secrets"]));
    assert!(told.last().is_some_and(|ended| ended.stdout.contains("password: ENC[AES256_GCM,")), "{told:?}");

    for text in [passwords[0], passwords[1], "token-of-the-test"] {
        assert!(told.iter().all(|ended| !crate::nowhere::holds(ended.told().as_bytes(), text)), "{told:?}");
        assert_eq!(files_with(world.home.path(), text), [""; 0]);
        assert_eq!(objects_with(&world, text, "db"), [""; 0]);
    }
    // The search would have found it: ciphertext is where it should be.
    for text in encrypted.iter().map(|text| mac(text)) {
        assert!(!files_with(world.home.path(), &text).is_empty(), "{text} is in the store");
        assert!(!objects_with(&world, &text, "db").is_empty(), "{text} is in the record");
    }
}

#[test]
fn other_kinds_json_and_macs_of_encrypted_values_are_opened_too() {
    let (world, age) = (World::new("sops-kinds"), Age::new());
    let config = config_map("settings", "open-sesame-3");
    world.write("config.yaml", &age.encrypt(&config, &["--encrypted-regex=^value$", "--mac-only-encrypted"]));
    let json = r#"{"kind": "Secret", "metadata": {"name": "json"}, "apiVersion": "v1",
        "stringData": {"z": "last-4", "a": "first-4"}}"#;
    world.write("secret.json", &age.encrypt(json, &[VALUES]));
    let suffix =
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: suffix\ndata:\n  z_secret: hidden-5\n  a: open-5\n";
    world.write("suffix.yaml", &age.encrypt(suffix, &["--encrypted-suffix=_secret"]));
    let applied = age.apply(&world, &["--deny=all"]);
    assert_eq!(applied.code, 0, "{}", applied.told());
    assert_eq!(world.get("configmap", "settings")["data"]["value"], "open-sesame-3");
    assert_eq!((value(&world, "json", "z"), value(&world, "json", "a")), ("last-4".into(), "first-4".into()));
    assert_eq!(world.get("configmap", "suffix")["data"]["z_secret"], "hidden-5");
}

#[test]
fn a_drifted_secret_is_put_back() {
    let (world, age) = (World::new("sops-drift"), Age::new());
    world.write("db.yaml", &age.encrypt(&secret("db", "correct-horse-6"), &[VALUES]));
    assert_eq!(age.apply(&world, &[]).code, 0);
    world.kubectl(&["delete", "secret", "db", "-n", &world.name]);
    let keyless = world.apply(&[]);
    assert_eq!(keyless.code, 2, "{}", keyless.told());
    assert_eq!(age.apply(&world, &[]).code, 0);
    assert_eq!(value(&world, "db", "password"), "correct-horse-6");
    let deleted = world.run(&["delete", &world.name, "--yes"]);
    assert_eq!(deleted.code, 0, "deleting takes no key: {}", deleted.told());
}
