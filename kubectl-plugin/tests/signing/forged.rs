//! What somebody else puts beside a bundle, with all hashes right, is not taken for a signature.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_compiler::bundle::{Bundle, Claim, Files, SIGSTORE_BUNDLE, with_claims};
use kubectl_gitops::bundle;

use crate::shop::Shop;

/// The bundle without what is said about it, and its signature.
fn apart(shop: &Shop) -> (Files, Vec<u8>) {
    let read = Bundle::read(&bundle::read(&shop.path("shop.tar")).expect("read")).expect("it is whole");
    (read.bundle.files, read.referrers[0].layers[0].bytes.clone())
}

fn signed(shop: &Shop) {
    shop.ed25519("anna");
    shop.bundle("shop.tar", &[]);
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@anna.key"]).good();
}

fn with_signature(files: &Files, content: &[u8]) -> Files {
    let claim = Claim { artifact_type: SIGSTORE_BUNDLE.to_owned(), content: content.to_vec(), annotations: [].into() };
    with_claims(files, &[claim]).expect("files")
}

fn counts(shop: &Shop, files: &Files) -> bool {
    let anna = shop.signers(&format!("{}rules: [{{applications: ['*'], signers: [anna]}}]\n", shop.keys(&["anna"])));
    let read = Bundle::read(files).expect("the bundle itself is whole");
    bundle::Signed::of_bundle(&read).judge(&anna).iter().any(|signature| signature.judged.is_ok())
}

#[test]
fn one_bit_of_a_signature_is_refused_though_all_hashes_are_right() {
    let shop = Shop::new();
    signed(&shop);
    let (files, signature) = apart(&shop);
    assert!(counts(&shop, &with_signature(&files, &signature)));
    for bit in 0..signature.len() * 8 {
        let mut other = signature.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(!counts(&shop, &with_signature(&files, &other)), "bit {bit}");
    }
    for length in 0..signature.len() {
        assert!(!counts(&shop, &with_signature(&files, &signature[..length])), "cut at {length}");
    }
}

#[test]
fn a_signature_of_another_bundle_says_nothing() {
    let shop = Shop::new();
    signed(&shop);
    let (files, signature) = apart(&shop);
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: two}\n";
    shop.repository.write("deploy/a.yaml", text).expect("written");
    shop.bundle("other.tar", &[]);
    let other = bundle::read(&shop.path("other.tar")).expect("read");
    assert!(counts(&shop, &with_signature(&files, &signature)));
    assert!(!counts(&shop, &with_signature(&other, &signature)));
    std::fs::write(shop.path("moved.tar"), gitops_compiler::bundle::archive(&with_signature(&other, &signature)))
        .expect("written");
    let told = shop.run(&["bundle", "verify", "@moved.tar", "--key", "@anna.pub"]).refused();
    assert!(told.contains("it is about something else than this bundle"), "{told}");
}

#[test]
fn another_payload_and_another_algorithm_are_refused() {
    let shop = Shop::new();
    signed(&shop);
    let (files, signature) = apart(&shop);
    let read: serde_json::Value = serde_json::from_slice(&signature).expect("JSON");
    let changed = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut other = read.clone();
        change(&mut other);
        counts(&shop, &with_signature(&files, other.to_string().as_bytes()))
    };
    assert!(changed(&|_| ()), "the order of fields says nothing");
    let payload = BASE64_STANDARD.decode(read["dsseEnvelope"]["payload"].as_str().expect("text")).expect("base64");
    let payload = String::from_utf8(payload).expect("text").replace("cosign/sign", "cosign/seal");
    assert!(!changed(&|other| other["dsseEnvelope"]["payload"] = BASE64_STANDARD.encode(&payload).into()));
    assert!(!changed(&|other| other["dsseEnvelope"]["payloadType"] = "application/json".into()));
    assert!(!changed(&|other| other["dsseEnvelope"]["signatures"][0]["sig"] = "".into()));
    assert!(!changed(&|other| other["dsseEnvelope"]["signatures"] = serde_json::json!([])));
    assert!(!changed(&|other| other["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into()));
    // The algorithm is that of the key; what says another one is not understood.
    assert!(!changed(&|other| other["dsseEnvelope"]["signatures"][0]["alg"] = "none".into()));
    assert!(!changed(&|other| other["verificationMaterial"]["publicKey"]["rawBytes"] = "AAAA".into()));
    // The key of somebody else, which signed it truly, and the name of ours.
    shop.p256("mallory");
    shop.bundle("shop.tar", &[]);
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@mallory.key"]).good();
    let mut forged: serde_json::Value = serde_json::from_slice(&apart(&shop).1).expect("JSON");
    forged["verificationMaterial"] = read["verificationMaterial"].clone();
    assert!(!counts(&shop, &with_signature(&files, forged.to_string().as_bytes())));
}
