//! What is signed here is verified here, and whose signatures suffice the user says.

use crate::shop::{Shop, write};

#[test]
fn a_bundle_is_signed_and_verified_with_either_algorithm() {
    let shop = Shop::new();
    shop.ed25519("anna");
    shop.p256("bob");
    for name in ["shop.tar", "folder"] {
        shop.bundle(name, &[]);
        let bundle = format!("@{name}");
        let before = shop.run(&["bundle", "verify", &bundle, "-o", "json"]).good();
        for key in ["@anna.key", "@bob.key"] {
            let told = shop.run(&["bundle", "sign", &bundle, "--key", key]);
            assert!(told.good().contains("signature signed by the key "));
        }
        let verify = ["bundle", "verify", &bundle, "--key", "@anna.pub", "--key", "@bob.pub", "--sigs-needed", "2"];
        let told = shop.run(&verify).good();
        assert_eq!(told.matches("✓ signature by ").count(), 2, "{told}");
        assert!(told.contains("every byte is what the graph gives"), "{told}");
        let after = shop.run(&["bundle", "verify", &bundle, "-o", "json"]).good();
        let manifest = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON")["manifest"].clone();
        assert_eq!(manifest(&before), manifest(&after), "the bundle itself is what it was");
    }
}

#[test]
fn too_few_signatures_and_those_of_others_are_refused() {
    let shop = Shop::new();
    shop.ed25519("anna");
    shop.p256("bob");
    shop.ed25519("mallory");
    shop.bundle("shop.tar", &[]);
    let verify = |more: &[&str]| shop.run(&[&["bundle", "verify", "@shop.tar"], more].concat());
    assert!(verify(&["--key", "@anna.pub"]).refused().contains("there is none"));
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@mallory.key"]).good();
    let told = verify(&["--key", "@anna.pub"]).refused();
    assert!(told.contains("it is by a key that is not known here"), "{told}");
    for _ in 0..2 {
        shop.run(&["bundle", "sign", "@shop.tar", "--key", "@bob.key"]).good();
    }
    verify(&["--key", "@anna.pub", "--key", "@bob.pub"]).good();
    let told = verify(&["--key", "@anna.pub", "--key", "@bob.pub", "--sigs-needed", "2"]).refused();
    assert!(told.contains("there is one by") && told.contains("bob.pub"), "two by one key are one: {told}");
    std::fs::copy(shop.path("bob.pub"), shop.path("again.pub")).expect("copied");
    let told = verify(&["--key", "@again.pub", "--key", "@bob.pub", "--sigs-needed", "2"]);
    assert!(told.code == 2 && told.stderr.contains("it is the same as"), "one key has one name: {}", told.stderr);
}

#[test]
fn a_policy_says_who_must_have_signed_what() {
    let shop = Shop::new();
    shop.ed25519("anna");
    shop.p256("ci");
    shop.bundle("shop.tar", &["--provenance", "--builder", "https://ci.example.com"]);
    let policy = shop.keys(&["anna", "ci"])
        + "rules:\n- {applications: [shop], signers: [anna]}\n\
           - {applications: ['*'], clusters: [prod], statement: provenance, signers: [ci], builders: [https://ci.example.com]}\n";
    write(&shop.path("trust.yaml"), policy);
    let verify =
        |cluster: &[&str]| shop.run(&[&["bundle", "verify", "@shop.tar", "--trust", "@trust.yaml"], cluster].concat());
    assert!(verify(&[]).refused().contains("rule 1 wants a signature or provenance by 1 of anna"));
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@anna.key"]).good();
    verify(&["--cluster", "test"]).good();
    assert!(verify(&[]).refused().contains("rule 2 wants a provenance by 1 of ci"));
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@ci.key"]).good();
    assert!(verify(&["--cluster", "prod"]).refused().contains("rule 2"), "a signature is no provenance");
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@ci.key", "--provenance"]).good();
    let told = verify(&["--cluster", "prod"]).good();
    assert!(told.contains("✓ provenance by ci") && told.contains("✓ signature by anna"), "{told}");
    verify(&[]).good();
}

#[test]
fn keys_are_never_shown_and_what_is_no_key_is_told() {
    let shop = Shop::new();
    shop.ed25519("anna");
    shop.bundle("shop.tar", &[]);
    let secret = shop.text("anna.key").lines().nth(1).expect("a line").to_owned();
    let told = shop.run(&["bundle", "verify", "@shop.tar", "--key", "@anna.key"]);
    assert!(told.code == 2 && told.stderr.contains("it is a private key"), "{}", told.stderr);
    assert!(!told.stderr.contains(&secret));
    let told = shop.run(&["bundle", "sign", "@shop.tar", "--key", "@anna.pub"]);
    assert!(told.code == 2 && told.stderr.contains("it is a public key"), "{}", told.stderr);
    let told = shop.run(&["bundle", "sign", "@shop.tar", "--key", "@anna.key"]);
    assert!(!told.stdout.contains(&secret) && !told.stderr.contains(&secret));
    let told = shop.run(&["bundle", "sign", "@shop.tar", "--key", "@nowhere.key"]);
    assert!(told.code == 2 && told.stderr.contains("cannot read"), "{}", told.stderr);
}
