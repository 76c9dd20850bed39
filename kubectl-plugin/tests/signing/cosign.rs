//! cosign itself, of version 3: what it signs is taken here, and what is signed here is taken by it; by way of a registry, and of
//! the folder of a bundle. Nothing but the registry is asked: no transparency log, no authority.

use gitops_compiler::bundle::Bundle;
use kubectl_gitops::bundle;
use serde_json::json;

use crate::beside::{Beside, PASSWORD, files};
use crate::shop::{Shop, write};

const VERIFY: [&str; 4] = ["--insecure-ignore-tlog", "--offline", "--private-infrastructure", "--key"];

#[test]
fn what_is_signed_here_cosign_verifies_in_a_registry_and_in_a_folder() {
    let (shop, beside) = (Shop::new(), Beside::new());
    shop.ed25519("anna");
    shop.p256("bob");
    shop.ed25519("mallory");
    shop.bundle("folder", &["--provenance"]);
    for key in ["anna", "bob"] {
        let key = format!("@{key}.key");
        shop.run(&["bundle", "sign", "@folder", "--key", &key]).good();
        shop.run(&["bundle", "sign", "@folder", "--key", &key, "--provenance"]).good();
    }
    let reference = beside.reference(&beside.push(&files(&shop, "folder")));
    for key in ["anna.pub", "bob.pub"] {
        let verified = beside.good(&shop, &[&["verify"], VERIFY.as_slice(), &[key, &reference]].concat());
        assert!(verified.contains("https://sigstore.dev/cosign/sign/v1"), "{verified}");
        beside.good(&shop, &[&["verify"], VERIFY.as_slice(), &[key, "--local-image", "folder"]].concat());
        let of_type = ["verify-attestation", "--type", "slsaprovenance1"];
        beside.good(&shop, &[of_type.as_slice(), &VERIFY, &[key, &reference]].concat());
        beside.good(&shop, &[of_type.as_slice(), &VERIFY, &[key, "--local-image", "folder"]].concat());
    }
    let refused = beside.cosign(&shop, &[&["verify"], VERIFY.as_slice(), &["mallory.pub", &reference]].concat());
    assert!(!refused.status.success(), "cosign refuses another key");
}

#[test]
fn what_cosign_signs_is_verified_here() {
    let (shop, beside) = (Shop::new(), Beside::new());
    shop.ed25519("anna");
    shop.bundle("shop.tar", &[]);
    let pushed = beside.push(&files(&shop, "shop.tar"));
    let reference = beside.reference(&pushed);
    beside.good(&shop, &["generate-key-pair"]);
    beside.good(&shop, &["import-key-pair", "--key", "anna.key", "--output-key-prefix", "imported"]);
    // No log and no authority.
    beside.good(&shop, &["signing-config", "create", "--out", "nobody.json"]);
    write(&shop.path("predicate.json"), json!({"buildDefinition": {}, "runDetails": {}}).to_string());
    for key in ["cosign.key", "imported.key"] {
        let sign = ["--yes", "--signing-config", "nobody.json", "--key", key];
        beside.good(&shop, &[&["sign"], sign.as_slice(), &[&reference]].concat());
        let of_type = ["--type", "slsaprovenance1", "--predicate", "predicate.json"];
        beside.good(&shop, &[&["attest"], of_type.as_slice(), &sign, &[&reference]].concat());
    }
    let pulled = beside.pull_referrers(&files(&shop, "shop.tar"), &pushed);
    assert_eq!(Bundle::read(&pulled).expect("it is whole").referrers.len(), 4);
    bundle::write(&shop.path("pulled.tar"), &pulled).expect("written");
    let told = shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@cosign.pub", "--key", "@anna.pub"]);
    let told = told.good();
    assert_eq!((told.matches("✓ signature by").count(), told.matches("✓ provenance by").count()), (2, 2), "{told}");
    // With an Ed25519 key cosign signs a hash (Ed25519ph).
    shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@anna.pub"]).good();
    shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@cosign.pub", "--key", "@anna.pub", "--sigs-needed", "2"])
        .good();
    shop.p256("mallory");
    shop.run(&["bundle", "verify", "@pulled.tar", "--key", "@mallory.pub"]).refused();
}

/// cosign's own keys are encrypted; with the right password they sign here, too.
#[test]
fn keys_that_cosign_made_sign_here() {
    let (shop, beside) = (Shop::new(), Beside::new());
    beside.good(&shop, &["generate-key-pair"]);
    shop.bundle("shop.tar", &[]);
    let sign = ["bundle", "sign", "@shop.tar", "--key", "@cosign.key"];
    assert!(shop.run(&sign).stderr.contains("it is encrypted, and COSIGN_PASSWORD is not set"));
    let told = shop.run_with(&sign, &[("COSIGN_PASSWORD", "wrong horse")]);
    assert!(told.code == 2 && told.stderr.contains("the password is not that of the key"), "{}", told.stderr);
    shop.run_with(&sign, &[("COSIGN_PASSWORD", PASSWORD)]).good();
    shop.run(&["bundle", "verify", "@shop.tar", "--key", "@cosign.pub"]).good();
}
