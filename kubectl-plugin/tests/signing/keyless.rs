//! Signatures without keys: cosign signs with certificates of a real Fulcio, real logs and a real authority of times, all on the
//! loopback interface; they count here by the trusted root that the caller gives, and by nothing else. What cosign itself says
//! of each case is asked, too.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gitops_compiler::bundle::{Bundle, Claim, Files, SIGSTORE_BUNDLE, Vouched, with_claims};
use gitops_testdata::servers::{Sigstore, faketime};
use kubectl_gitops::bundle::{self, Signed, Signers};
use serde_json::{Value as Json, json};

use crate::beside::{Beside, files};
use crate::shop::{Shop, write};

static SIGSTORE: LazyLock<Sigstore> = LazyLock::new(|| Sigstore::start().unwrap_or_else(|error| panic!("{error}")));

const ANNA: &str = "anna@example.com";
const WORKFLOW: &str = "acme/shop/.github/workflows/release.yml@refs/tags/v1";

/// A bundle in a registry, signed by cosign.
struct Released {
    shop: Shop,
    beside: Beside,
    reference: String,
    layout: Files,
    pushed: String,
}

impl Released {
    fn new(more: &[&str]) -> Self {
        let (shop, beside) = (Shop::new(), Beside::new());
        shop.bundle("shop.tar", more);
        let layout = files(&shop, "shop.tar");
        let pushed = beside.push(&layout);
        for (name, path) in [("signing.json", SIGSTORE.signing_config()), ("root.json", SIGSTORE.trusted_root())] {
            std::fs::copy(path, shop.path(name)).expect("copied");
        }
        Self { reference: beside.reference(&pushed), shop, beside, layout, pushed }
    }

    /// Signs the bundle in the registry as whoever has the token.
    fn sign(&self, token: &str) {
        self.cosign(&["sign", &self.reference], token);
    }

    fn cosign(&self, command: &[&str], token: &str) {
        write(&self.shop.path("token"), token.to_owned());
        let who =
            ["--yes", "--signing-config", "signing.json", "--trusted-root", "root.json", "--identity-token", "token"];
        self.beside.good(&self.shop, &[command, &who].concat());
    }

    /// What the registry has now, in `pulled.tar`, and its signatures.
    fn pull(&self) -> Vec<Vec<u8>> {
        let pulled = self.beside.pull_referrers(&self.layout, &self.pushed);
        bundle::write(&self.shop.path("pulled.tar"), &pulled).expect("written");
        let read = Bundle::read(&pulled).expect("it is whole");
        read.referrers.iter().map(|referrer| referrer.layers[0].bytes.clone()).collect()
    }

    /// Whether cosign takes it.
    fn is_taken_by_cosign(&self, who: &str, issuer: &str, root: &str) -> bool {
        let flags = ["--certificate-identity", who, "--certificate-oidc-issuer", issuer, "--trusted-root", root];
        self.beside.cosign(&self.shop, &[&["verify"], &flags[..], &[&self.reference]].concat()).status.success()
    }

    /// What a signature comes to.
    fn judge(&self, signature: &[u8], signers: &Signers) -> Result<Vouched, String> {
        let claim =
            Claim { artifact_type: SIGSTORE_BUNDLE.to_owned(), content: signature.to_vec(), annotations: [].into() };
        let files = with_claims(&self.layout, &[claim]).expect("files");
        let read = Bundle::read(&files).expect("the bundle itself is whole");
        let mut judged = Signed::of_bundle(&read).judge(signers);
        assert_eq!(judged.len(), 1);
        judged.remove(0).judged
    }

    /// Anna, by a trusted root.
    fn anna(&self, root: &str) -> Signers {
        self.shop
            .signers(&policy(&[("anna", &SIGSTORE.people(), ANNA, root)], "{applications: ['*'], signers: [anna]}"))
    }
}

fn policy(identities: &[(&str, &str, &str, &str)], rule: &str) -> String {
    let identity = |(name, issuer, subject, root): &(&str, &str, &str, &str)| {
        format!("  {name}: {{issuer: '{issuer}', subject: '{subject}', trustedRoot: {root}}}\n")
    };
    format!("identities:\n{}rules:\n- {rule}\n", identities.iter().map(identity).collect::<String>())
}

fn why(judged: Result<Vouched, String>) -> String {
    judged.expect_err("it does not count")
}

#[test]
fn what_cosign_signs_without_a_key_is_verified_here_for_whom_cosign_verifies_it() {
    let released = Released::new(&[]);
    released.sign(&SIGSTORE.person(ANNA).expect("a token"));
    assert_eq!(released.pull().len(), 1);
    let (people, workflows) = (SIGSTORE.people(), SIGSTORE.workflows());
    let verify = |who: &str, issuer: &str| {
        let flags =
            ["--certificate-identity", who, "--certificate-oidc-issuer", issuer, "--trusted-root", "@root.json"];
        released.shop.run(&[&["bundle", "verify", "@pulled.tar"], flags.as_slice()].concat())
    };
    let told = verify(ANNA, &people).good();
    assert!(told.contains(&format!("✓ signature by {ANNA} ({ANNA}, {people})")), "{told}");
    assert!(released.is_taken_by_cosign(ANNA, &people, "root.json"));
    for (who, issuer) in [("bob@example.com", &people), (ANNA, &workflows), ("anna@example.co", &people)] {
        let told = verify(who, issuer).refused();
        assert!(told.contains(&format!("it is by {ANNA}, as {people} says, who is not known here")), "{told}");
        assert!(!released.is_taken_by_cosign(who, issuer, "root.json"), "{who}, {issuer}");
    }
    let told = released.shop.run(&["bundle", "verify", "@pulled.tar", "--certificate-identity", ANNA]);
    assert_eq!(told.code, 2, "{}", told.stderr);
    // Nobody is asked, and the certificate has ended long since: it was good when it was used.
    let mut later = std::process::Command::new(faketime().unwrap_or_else(|error| panic!("{error}")));
    let program = env!("CARGO_BIN_EXE_kubectl-gitops");
    later.args(["2040-01-01 00:00:00", program, "bundle", "verify", "pulled.tar", "--trusted-root", "root.json"]);
    later.args(["--certificate-identity", ANNA, "--certificate-oidc-issuer", &people]);
    let later = later.current_dir(released.shop.home.path()).env_clear().output().expect("it runs");
    assert!(later.status.success(), "{}", String::from_utf8_lossy(&later.stderr));
}

#[test]
fn a_policy_names_people_workflows_and_keys() {
    let released = Released::new(&["--provenance", "--builder", "https://ci.example.com"]);
    let shop = &released.shop;
    shop.ed25519("bob");
    let statement = shop.run(&["bundle", "sign", "@shop.tar", "--provenance", "--print-statement"]).good();
    write(&shop.path("statement.json"), statement);
    let attest = ["attest-blob", "--bundle", "signature.json", "--statement", "statement.json"];
    released.cosign(&attest, &SIGSTORE.workflow(WORKFLOW).expect("a token"));
    shop.run(&["bundle", "sign", "@shop.tar", "--attach", "@signature.json"]).good();
    shop.run(&["bundle", "sign", "@shop.tar", "--key", "@bob.key"]).good();
    let (workflows, tags) =
        (SIGSTORE.workflows(), "https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/*");
    let verify = |rule: &str| {
        let identities = [
            ("release", workflows.as_str(), tags, "root.json"),
            ("acme", &workflows, "https://github.com/acme/*", "root.json"),
        ];
        write(&shop.path("trust.yaml"), shop.keys(&["bob"]) + &policy(&identities, rule));
        shop.run(&["bundle", "verify", "@shop.tar", "--trust", "@trust.yaml", "--cluster", "prod"])
    };
    let told = verify("{applications: [shop], signers: [bob, release], threshold: 2}").good();
    assert!(told.contains("✓ signature by bob  "), "{told}");
    let certified = format!("✓ provenance by acme, release (https://github.com/{WORKFLOW}, {workflows})");
    assert!(told.contains(&certified), "{told}");
    let origin = "statement: provenance, builders: [https://ci.example.com]";
    verify(&format!("{{applications: [shop], signers: [release], {origin}}}")).good();
    // Both globs fit the one that signed: it is one.
    let told = verify("{applications: [shop], signers: [release, acme], threshold: 2}").refused();
    assert!(
        told.contains("rule 1 wants a signature or provenance by 2 of release, acme; there is one by release"),
        "{told}"
    );
    // It names the graph, too: a release keeps it, and a rollback asks for it.
    let read = Bundle::read(&files(shop, "shop.tar")).expect("it is whole");
    let texts: Vec<String> = read
        .referrers
        .iter()
        .filter(|it| it.artifact_type == SIGSTORE_BUNDLE)
        .filter_map(|it| String::from_utf8(it.layers[0].bytes.clone()).ok())
        .collect();
    let signers = shop
        .signers(&policy(&[("release", &workflows, tags, "root.json")], "{applications: ['*'], signers: [release]}"));
    let good = |graph| {
        let judged = Signed::of_release(1, &read.manifest, graph, &texts).judge(&signers);
        judged.iter().filter(|signature| signature.judged.is_ok()).count()
    };
    assert_eq!(good(read.bundle.graph.id()), 1);
    assert_eq!(good(gitops_compiler::canon::Id::of(b"another")), 0);
}

#[test]
fn the_trusted_root_says_what_must_be_there() {
    let released = Released::new(&[]);
    released.sign(&SIGSTORE.person(ANNA).expect("a token"));
    let signature = released.pull().remove(0);
    let root: Json = serde_json::from_str(&released.shop.text("root.json")).expect("JSON");
    let read: Json = serde_json::from_slice(&signature).expect("JSON");
    let rooted = |change: &dyn Fn(&mut Json)| {
        let mut other = root.clone();
        change(&mut other);
        write(&released.shop.path("other.json"), other.to_string());
        released.anna("other.json")
    };
    let without = |field: &str| {
        let mut other = read.clone();
        other["verificationMaterial"].as_object_mut().expect("an object").remove(field);
        other.to_string().into_bytes()
    };
    let taken = |signature: &[u8], signers: &Signers| released.judge(signature, signers).is_ok();
    let all = rooted(&|_| ());
    assert!(taken(&signature, &all));
    assert!(!taken(&without("tlogEntries"), &all), "the root names a log");
    assert!(!taken(&without("timestampVerificationData"), &all), "nobody says when it was signed");
    let no_log = rooted(&|root| root["tlogs"] = json!([]));
    assert!(taken(&without("tlogEntries"), &no_log), "no log is named");
    assert!(taken(&signature, &rooted(&|root| root["ctlogs"] = json!([]))), "no log of certificates is named");
    // Of another authority, other logs, another authority of times: cosign says the same.
    let other = Sigstore::start().unwrap_or_else(|error| panic!("{error}"));
    let other: Json = serde_json::from_slice(&std::fs::read(other.trusted_root()).expect("read")).expect("JSON");
    for field in ["certificateAuthorities", "ctlogs", "tlogs", "timestampAuthorities"] {
        let signers = rooted(&|root| root[field] = other[field].clone());
        assert!(!taken(&signature, &signers), "{field}");
        assert!(!released.is_taken_by_cosign(ANNA, &SIGSTORE.people(), "other.json"), "{field}");
    }
    // An authority that was not trusted any more when it gave the certificate.
    for field in ["certificateAuthorities", "timestampAuthorities"] {
        let ended = json!({"start": "2020-01-01T00:00:00Z", "end": "2021-01-01T00:00:00Z"});
        assert!(!taken(&signature, &rooted(&|root| root[field][0]["validFor"] = ended.clone())), "{field}");
    }
    let told = why(released.judge(&signature, &rooted(&|root| root["ctlogs"] = other["ctlogs"].clone())));
    assert!(told.contains("certificate timestamp"), "{told}");
    released.shop.ed25519("bob");
    let nobody =
        released.shop.signers(&(released.shop.keys(&["bob"]) + "rules: [{applications: ['*'], signers: [bob]}]\n"));
    assert!(why(released.judge(&signature, &nobody)).contains("no identities are known here"));
}

#[test]
fn roots_that_judge_nothing_are_refused() {
    let released = Released::new(&[]);
    let root: Json = serde_json::from_str(&released.shop.text("root.json")).expect("JSON");
    let with = |field: &str, value: Json| {
        let mut other = root.clone();
        other[field] = value;
        other
    };
    let mut none = with("tlogs", json!([]));
    none["timestampAuthorities"] = json!([]);
    let cases = [
        ("{}".to_owned(), "bad.json cannot be used: it is no trusted root"),
        (with("certificateAuthorities", json!([])).to_string(), "it names no authority that gives certificates"),
        (none.to_string(), "it names neither a log nor an authority that says when something was signed"),
        ("not JSON".to_owned(), "it is no trusted root"),
        (with("ctLogs", root["ctlogs"].clone()).to_string(), "no trusted root has a field `ctLogs`"),
        (format!("{root}{}", " ".repeat(1 << 20)), "bad.json is larger than 1048576 bytes"),
    ];
    for (text, expected) in cases {
        write(&released.shop.path("bad.json"), text);
        let flags = ["--certificate-identity", ANNA, "--certificate-oidc-issuer", "x", "--trusted-root", "@bad.json"];
        let told = released.shop.run(&[&["bundle", "verify", "@shop.tar"], flags.as_slice()].concat());
        assert!(told.code == 2 && told.stderr.contains(expected), "{expected}: {}", told.stderr);
    }
}

/// Whoever may write beside a bundle is nobody yet: certificates are decoded before it is known who gave them.
#[test]
fn what_is_larger_than_any_certificate_is_not_looked_at() {
    let released = Released::new(&[]);
    released.sign(&SIGSTORE.person(ANNA).expect("a token"));
    let mut read: Json = serde_json::from_slice(&released.pull().remove(0)).expect("JSON");
    let anna = released.anna("root.json");
    read["verificationMaterial"]["certificate"]["rawBytes"] = BASE64_STANDARD.encode(slow_certificate(100_000)).into();
    let told = why(released.judge(read.to_string().as_bytes(), &anna));
    assert!(told.contains("bytes lie beside its statement, and 32768 are looked at"), "{told}");
    // As many as may be there are no trouble.
    read["verificationMaterial"]["certificate"]["rawBytes"] = BASE64_STANDARD.encode(slow_certificate(1_000)).into();
    let told = why(released.judge(read.to_string().as_bytes(), &anna));
    assert!(told.contains("certificate"), "{told}");
}

/// The beginning of a certificate whose issuer has so many names, the last first: sorting them takes the square of that.
fn slow_certificate(names: u32) -> Vec<u8> {
    let name = |number: u32| {
        let [_, number @ ..] = number.to_be_bytes();
        der(0x30, &[der(0x06, &[0x55, 0x04, 0x03]), der(0x04, &number)].concat())
    };
    let names: Vec<u8> = (0..names).rev().flat_map(name).collect();
    let algorithm = der(0x30, &der(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
    let head = [der(0xa0, &der(0x02, &[2])), der(0x02, &[1]), algorithm].concat();
    der(0x30, &der(0x30, &[head, der(0x30, &der(0x31, &names))].concat()))
}

/// A value as DER has it.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short").to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let count = u8::try_from(length.len()).expect("it is short");
    let head = if content.len() < 0x80 { vec![tag] } else { vec![tag, 0x80 | count] };
    [head, length, content.to_vec()].concat()
}

#[test]
fn what_others_wrote_steers_no_terminal() {
    let released = Released::new(&[]);
    let anna = released.anna("root.json");
    let hostile = json!({"\u{1b}[2J\n  ✓ signature by anna\u{202e}": 1}).to_string();
    let told = why(released.judge(hostile.as_bytes(), &anna));
    assert!(!told.contains(['\u{1b}', '\n', '\u{202e}']), "{told:?}");
    write(&released.shop.path("hostile.json"), hostile);
    let told = released.shop.run(&["bundle", "sign", "@shop.tar", "--attach", "@hostile.json"]);
    assert!(told.code == 2 && !told.stderr.contains(['\u{1b}', '\u{202e}']), "{:?}", told.stderr);
    assert!(!told.stderr.contains("\n  ✓ signature"), "{:?}", told.stderr);
}

#[test]
fn a_signature_fits_identities_of_every_root_that_it_is_good_by() {
    let released = Released::new(&[]);
    released.sign(&SIGSTORE.person(ANNA).expect("a token"));
    let signature = released.pull().remove(0);
    std::fs::copy(released.shop.path("root.json"), released.shop.path("later.json")).expect("copied");
    let people = SIGSTORE.people();
    let identities = [("old", people.as_str(), ANNA, "root.json"), ("new", &people, ANNA, "later.json")];
    for signer in ["old", "new"] {
        let signers =
            released.shop.signers(&policy(&identities, &format!("{{applications: ['*'], signers: [{signer}]}}")));
        let vouched = released.judge(&signature, &signers).expect("good");
        assert_eq!(vouched.signers, BTreeSet::from(["new".to_owned(), "old".to_owned()]));
    }
}

/// Logs say more than is looked at. What is altered is refused, or says the same as before.
#[test]
fn one_byte_of_a_signature_that_is_altered_never_says_something_else() {
    let released = Released::new(&[]);
    released.sign(&SIGSTORE.person(ANNA).expect("a token"));
    let signature = released.pull().remove(0);
    let anna = released.anna("root.json");
    let good = released.judge(&signature, &anna).expect("good");
    assert_eq!(good.signers, BTreeSet::from(["anna".to_owned()]));
    let mut refused = 0;
    for at in 0..signature.len() {
        let mut other = signature.clone();
        other[at] ^= 1;
        match released.judge(&other, &anna) {
            Ok(vouched) => assert_eq!(vouched, good, "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > signature.len() * 9 / 10, "{refused} of {} are refused", signature.len());
    for length in 0..signature.len() {
        assert!(released.judge(&signature[..length], &anna).is_err(), "cut at {length}");
    }
}

#[test]
fn parts_of_two_signatures_do_not_make_one() {
    let (one, other) = (Released::new(&[]), Released::new(&[]));
    let mut read = Vec::new();
    for (released, who) in [(&one, ANNA), (&other, "mallory@example.com")] {
        released.sign(&SIGSTORE.person(who).expect("a token"));
        let signature = released.pull().remove(0);
        read.push(serde_json::from_slice::<Json>(&signature).expect("JSON"));
    }
    let anna = one.anna("root.json");
    assert!(one.judge(read[0].to_string().as_bytes(), &anna).is_ok());
    assert!(why(one.judge(read[1].to_string().as_bytes(), &anna)).contains("mallory@example.com"));
    for pointer in [
        "/dsseEnvelope",
        "/verificationMaterial",
        "/verificationMaterial/certificate",
        "/verificationMaterial/tlogEntries",
        "/verificationMaterial/timestampVerificationData",
    ] {
        for (whole, part) in [(0, 1), (1, 0)] {
            let mut mixed = read[whole].clone();
            *mixed.pointer_mut(pointer).expect("it is there") =
                read[part].pointer(pointer).expect("it is there").clone();
            assert!(one.judge(mixed.to_string().as_bytes(), &anna).is_err(), "{pointer} of {part}");
        }
    }
}
