//! Trust at rollback, on the real cluster: a release that was applied from a signed bundle keeps its signatures, a rollback looks at
//! them again with the policy of today, and whatever somebody altered in the record is refused before anything is changed.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pem::Pem;
use serde_json::{Value as Json, json};
use support::{Ended, World, config_map};

/// What stands before an Ed25519 key in a SubjectPublicKeyInfo.
const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An application whose releases come from bundles, and keys.
struct Shop {
    world: World,
}

impl Shop {
    fn new(name: &str) -> Self {
        let shop = Self { world: World::new(name) };
        for key in ["anna", "bob"] {
            let pair = Ed25519KeyPair::generate().expect("a key");
            let public = [ED25519_INFO.as_slice(), pair.public_key().as_ref()].concat();
            let der = pair.to_pkcs8v1().expect("DER");
            for (end, tag, bytes) in [("key", "PRIVATE KEY", der.as_ref()), ("pub", "PUBLIC KEY", public.as_slice())] {
                std::fs::write(shop.path(&format!("{key}.{end}")), pem::encode(&Pem::new(tag, bytes)))
                    .expect("written");
            }
        }
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.home.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// A bundle of one ConfigMap with this value, built for an application, signed with these keys.
    fn bundle_for(&self, application: &str, value: &str, keys: &[&str]) -> String {
        let (out, namespace) = (self.shown(&format!("{value}.tar")), &self.world.name);
        self.world.write("a.yaml", &config_map("a", value));
        let built = self.world.run(&["bundle", "build", application, "-n", namespace, "--out", &out]);
        assert_eq!(built.code, 0, "{}", built.told());
        for key in keys {
            let signed = self.world.run(&["bundle", "sign", &out, "--key", &self.shown(&format!("{key}.key"))]);
            assert_eq!(signed.code, 0, "{}", signed.told());
        }
        out
    }

    fn bundle(&self, value: &str, keys: &[&str]) -> String {
        self.bundle_for(&self.world.name, value, keys)
    }

    /// A policy by which this key must have signed what these applications are.
    fn policy(&self, key: &str, applications: &str) -> String {
        let text = std::fs::read_to_string(self.path(&format!("{key}.pub"))).expect("a key").replace('\n', "\n    ");
        let policy = format!(
            "keys:\n  {key}: |\n    {}\nrules:\n- {{applications: ['{applications}'], signers: [{key}]}}\n",
            text.trim_end()
        );
        let name = format!("{key}-{}.yaml", applications.replace('*', "all"));
        std::fs::write(self.path(&name), policy).expect("written");
        self.shown(&name)
    }

    /// The program on a machine that has a kubeconfig and nothing else: what it knows, the cluster told it.
    fn bare(&self, arguments: &[&str]) -> Ended {
        let nowhere = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.env_clear().env("PATH", nowhere.path()).env("KUBECONFIG", &self.world.kubeconfig).env("USER", "tester");
        let output =
            command.args(arguments).current_dir(nowhere.path()).stdin(Stdio::null()).output().expect("it runs");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn apply(&self, bundle: &str, more: &[&str]) -> Ended {
        self.bare(&[&["bundle", "apply", &self.world.name, bundle, "--yes"], more].concat())
    }

    fn rollback(&self, to: &str, more: &[&str]) -> Ended {
        self.bare(&[&["rollback", &self.world.name, "--to", to, "--yes"], more].concat())
    }

    /// A rollback that must be refused, for this reason, and leave everything as it was.
    fn refused(&self, to: &str, more: &[&str], why: &str) {
        let (head, value) = (self.world.head(), self.value());
        let ended = self.rollback(to, more);
        assert!(ended.code == 4 && ended.stderr.contains(why), "{why}: {}", ended.told());
        assert_eq!((self.world.head(), self.value()), (head, value), "{}", ended.told());
    }

    fn value(&self) -> Json {
        self.world.get("configmap", "a")["data"]["value"].clone()
    }

    /// A release of the record.
    fn release(&self, number: u64) -> Json {
        let head = self.world.head();
        let releases = head["releases"].as_array().expect("releases");
        releases.iter().find(|release| release["number"] == number).expect("the release").clone()
    }

    /// Writes the head as somebody would who may write Secrets.
    fn forge(&self, change: impl FnOnce(&mut Json)) -> Json {
        let before = self.world.head();
        let mut head = before.clone();
        change(&mut head);
        self.put_head(&head);
        before
    }

    fn put_head(&self, head: &Json) {
        let name = format!("kubectl-gitops.{}", self.world.name);
        // In a file: arguments have an end.
        write(&self.path("head.json"), &json!({"stringData": {"record": head.to_string()}}).to_string());
        let file = ["--patch-file", &self.shown("head.json")];
        self.world.kubectl(&[&["patch", "secret", &name, "-n", "default", "--type=merge"], &file[..]].concat());
    }

    /// Puts other bytes in the place of the first chunk of the signatures of a release.
    fn alter_chunk(&self, number: u64) {
        let (release, head) = (self.release(number), self.world.head());
        let chunk = release["origin"]["signatures"][0].as_str().expect("a chunk");
        let name = format!("kubectl-gitops.{}.{chunk}", head["target"].as_str().expect("a target"));
        let text = self.world.kubectl(&["get", "secret", &name, "-n", "default", "-o", "json"]);
        let mut secret: Json = serde_json::from_str(&text).expect("JSON");
        let mut bytes = BASE64_STANDARD.decode(secret["data"]["chunk"].as_str().expect("bytes")).expect("base64");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        secret["data"]["chunk"] = BASE64_STANDARD.encode(bytes).into();
        let labels = secret["metadata"]["labels"].clone();
        secret["metadata"] = json!({"name": name, "namespace": "default", "labels": labels});
        write(&self.path("chunk.json"), &secret.to_string());
        self.world.kubectl(&["delete", "secret", &name, "-n", "default"]);
        self.world.kubectl(&["create", "-f", &self.shown("chunk.json")]);
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
}

#[test]
fn a_rollback_looks_at_the_signatures_again() {
    let shop = Shop::new("trusted");
    let (anna, bob) = (shop.policy("anna", "*"), shop.policy("bob", "*"));
    let (one, two) = (shop.bundle("one", &["anna"]), shop.bundle("two", &["anna"]));
    let unsigned = shop.bundle("three", &[]);
    assert_eq!(shop.apply(&one, &["--trust", &anna]).code, 0);
    let refused = shop.apply(&unsigned, &["--trust", &anna]);
    assert!(refused.code == 4 && shop.value() == "one", "{}", refused.told());
    assert_eq!(shop.apply(&unsigned, &[]).code, 0, "nobody asked");
    assert_eq!(shop.apply(&two, &[]).code, 0, "kept whether they were asked for or not");
    let signatures = |number: u64| shop.release(number)["origin"]["signatures"].clone();
    assert!(signatures(1).is_array() && signatures(2).is_null() && signatures(3).is_array());

    let needs = format!("release 2 is not signed as {} needs it", shop.world.name);
    shop.refused("2", &["--trust", &anna], &needs);
    shop.refused("1", &["--trust", &bob], "it is by a key that is not known here");
    shop.refused("1", &["--key", &shop.shown("bob.pub")], "it is by a key that is not known here");
    let back = shop.rollback("1", &["--trust", &anna]);
    assert!(back.code == 0 && shop.value() == "one", "{}", back.told());
    assert_eq!(signatures(4), signatures(1), "the new release has what the old one had");
    assert_eq!(shop.release(4)["origin"]["bundle"], shop.release(1)["origin"]["bundle"]);
    let again = shop.rollback("4", &["--trust", &anna]);
    assert!(again.code == 0 && again.stdout.contains("nothing to do"), "{}", again.told());

    // What Git gave nobody has signed.
    shop.world.write("a.yaml", &config_map("a", "of Git"));
    assert_eq!(shop.world.apply(&[]).code, 0);
    shop.refused("5", &["--trust", &anna], "release 5 was not applied from a bundle");

    // Of a bundle that has another name the rules for both names count.
    let elsewhere = shop.bundle_for("elsewhere", "five", &["anna"]);
    assert_eq!(shop.apply(&elsewhere, &[]).code, 0);
    shop.refused("6", &["--trust", &shop.policy("anna", &shop.world.name)], "is not signed as elsewhere needs it");
    assert_eq!(shop.rollback("6", &["--trust", &anna]).code, 0);
}

#[test]
fn what_was_altered_in_the_record_is_refused() {
    let shop = Shop::new("forged");
    let anna = shop.policy("anna", "*");
    let (one, two) = (shop.bundle("one", &["anna"]), shop.bundle("two", &["anna"]));
    assert_eq!(shop.apply(&one, &["--trust", &anna]).code, 0);
    assert_eq!(shop.apply(&two, &["--trust", &anna]).code, 0);
    let trust = ["--trust", anna.as_str()];

    // The signatures of another release; with the name of its bundle, too.
    let first = shop.release(1)["origin"].clone();
    let before = shop.forge(|head| head["releases"][1]["origin"]["signatures"] = first["signatures"].clone());
    shop.refused("2", &trust, "it is about something else than this bundle");
    shop.forge(|head| head["releases"][1]["origin"]["bundle"] = first["bundle"].clone());
    shop.refused("2", &trust, "it is about this manifest and another graph");
    shop.put_head(&before);
    // No bundle, and no signatures.
    shop.forge(|head| drop(head["releases"][1]["origin"].as_object_mut().expect("a map").remove("bundle")));
    shop.refused("2", &trust, "was not applied from a bundle");
    shop.put_head(&before);
    shop.forge(|head| drop(head["releases"][1]["origin"].as_object_mut().expect("a map").remove("signatures")));
    shop.refused("2", &trust, "is not signed as");
    shop.put_head(&before);
    // More than there may be.
    let chunk = shop.release(2)["origin"]["signatures"][0].clone();
    shop.forge(|head| head["releases"][1]["origin"]["signatures"] = vec![chunk; 4].into());
    shop.refused("2", &trust, "the signatures of release 2 cannot be read from the record");
    shop.put_head(&before);
    // The graph of another release in the place of the one that was signed.
    let graph = shop.release(1)["graph"].clone();
    shop.forge(|head| head["releases"][1]["graph"] = graph);
    shop.refused("2", &trust, "it is about this manifest and another graph");
    shop.put_head(&before);
    assert_eq!(shop.rollback("2", &trust).code, 0, "as it was");

    // Other bytes under the name of the signatures.
    assert_eq!(shop.rollback("1", &trust).code, 0);
    shop.alter_chunk(2);
    shop.refused("2", &trust, "the signatures of release 2 cannot be read from the record");
    assert_eq!(shop.bare(&["release", &shop.world.name]).code, 0);
    let unasked = shop.rollback("2", &[]);
    assert!(unasked.code == 0 && shop.value() == "two", "{}", unasked.told());
    assert!(unasked.stderr.contains("cannot be read, and are kept no longer"), "{}", unasked.told());
    assert!(shop.release(4)["origin"]["signatures"].is_null());
}
