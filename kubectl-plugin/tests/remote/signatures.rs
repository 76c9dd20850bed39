//! Commits that must be signed: by whom, with what, and what is refused.

use gitops_testdata::servers::programs;

use crate::elsewhere::{Elsewhere, application, write_base};
use crate::keys::{Keys, tamper};
use crate::world::World;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

/// A repository with something to compile, and keys.
fn start() -> (World, Keys) {
    programs().expect("gpg and ssh-keygen");
    let world = World::new();
    world.write("deploy/a.yaml", CONFIG);
    (world, Keys::new())
}

fn compile(world: &World, signers: &str, revision: &str) -> (i32, String) {
    let ended = world.run(&["compile", "--path", "deploy", "--revision", revision, "--signers", signers]);
    (ended.code, ended.stderr)
}

fn refused(world: &World, signers: &str, revision: &str, why: &str) {
    let (code, said) = compile(world, signers, revision);
    assert_eq!(code, 4, "{why}: {said}");
    assert!(said.contains(revision) && said.contains(why), "{why}: {said}");
}

#[test]
fn a_commit_is_signed_with_openpgp() {
    let (world, keys) = start();
    let anna = keys.openpgp("anna@example.com", &[], "never");
    keys.openpgp("bert@example.com", &[], "never");
    let (of_anna, of_bert) =
        (keys.keyring("anna.asc", &["anna@example.com"]), keys.keyring("bert.asc", &["bert@example.com"]));
    let both = keys.keyring("both.asc", &["anna@example.com", "bert@example.com"]);
    let unsigned = world.repository.commit("Unsigned").expect("a commit");
    refused(&world, &of_anna, &unsigned, "is not signed");

    let signed = keys.commit_openpgp(&world.repository, &anna, "");
    for signers in [&of_anna, &both] {
        assert_eq!(compile(&world, signers, &signed).0, 0, "{}", compile(&world, signers, &signed).1);
    }
    refused(&world, &of_bert, &signed, "none of the signers has");
    let tampered = tamper(&world.repository, keys.path("").as_path());
    refused(&world, &of_anna, &tampered, "changed after it was signed");
    let ssh = keys.ssh("ssh");
    let allowed = keys.write("allowed", &format!("anna@example.com {ssh}\n"));
    refused(&world, &allowed, &signed, "is signed with OpenPGP, and no signer is");
    // Two files together.
    let ended = world.run(&[
        "compile",
        "--path",
        "deploy",
        "--revision",
        &signed,
        "--signers",
        &allowed,
        "--signers",
        &of_anna,
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn keys_of_openpgp_that_have_expired_or_were_revoked_sign_nothing() {
    let (world, keys) = start();
    let then = ["--faked-system-time", "20200101T000000"];
    let old = keys.openpgp("old@example.com", &then, "1d");
    let signed = keys.commit_openpgp(&world.repository, &old, "--faked-system-time 20200101T010000");
    let signers = keys.keyring("old.asc", &["old@example.com"]);
    refused(&world, &signers, &signed, "has expired");

    let revoked = keys.openpgp("revoked@example.com", &[], "never");
    let signed = keys.commit_openpgp(&world.repository, &revoked, "");
    let before = keys.keyring("before.asc", &["revoked@example.com"]);
    assert_eq!(compile(&world, &before, &signed).0, 0);
    let certificate = keys.path("openpgp-revocs.d").join(format!("{revoked}.rev"));
    let certificate = std::fs::read_to_string(certificate).expect("gpg makes one");
    let certificate = keys.write("revocation", &certificate.replace(":-----BEGIN", "-----BEGIN"));
    keys.gpg(&["--import", &certificate]);
    let signers = keys.keyring("revoked.asc", &["revoked@example.com"]);
    refused(&world, &signers, &signed, "was revoked");
}

#[test]
fn a_commit_is_signed_with_openssh() {
    let (world, keys) = start();
    let (anna, bert) = (keys.ssh("anna"), keys.ssh("bert"));
    let of_anna = keys.write("of-anna", &format!("# people\nanna@example.com namespaces=\"git\" {anna}\n"));
    let of_bert = keys.write("of-bert", &format!("bert@example.com {bert}\n"));
    let expired = keys.write("expired", &format!("anna@example.com valid-before=\"20200101\" {anna}\n"));
    let for_files = keys.write("for-files", &format!("anna@example.com namespaces=\"file\" {anna}\n"));
    let unsigned = world.repository.commit("Unsigned").expect("a commit");
    refused(&world, &of_anna, &unsigned, "is not signed");
    let signed = keys.commit_ssh(&world.repository, "anna");
    assert_eq!(compile(&world, &of_anna, &signed).0, 0, "{}", compile(&world, &of_anna, &signed).1);
    refused(&world, &of_bert, &signed, "none of the signers has");
    assert!(compile(&world, &of_bert, &signed).1.contains("SHA256:"));
    refused(&world, &expired, &signed, "has expired");
    assert_eq!(compile(&world, &for_files, &signed).0, 4);
    let tampered = tamper(&world.repository, keys.path("").as_path());
    refused(&world, &of_anna, &tampered, "changed after it was signed");
    let keyring = {
        keys.openpgp("anna@example.com", &[], "never");
        keys.keyring("anna.asc", &["anna@example.com"])
    };
    refused(&world, &keyring, &signed, "is signed with OpenSSH, and no signer is");
}

#[test]
fn what_nobody_signed_is_told() {
    let (world, keys) = start();
    let key = keys.ssh("anna");
    let signers = keys.write("signers", &format!("anna@example.com {key}\n"));
    keys.commit_ssh(&world.repository, "anna");
    let ended = world.run(&["compile", "--path", "deploy", "--signers", &signers]);
    assert!(ended.code == 4 && ended.stderr.contains("--revision"), "{}", ended.stderr);
    let ended = world.run(&["lock", "--path", "deploy", "--signers", &signers]);
    assert!(ended.code == 2 && ended.stderr.contains("leave out --signers"), "{}", ended.stderr);
    let private = std::fs::read_to_string(keys.path("anna")).expect("a key");
    for (name, text) in [("empty", "# nobody\n"), ("words", "anna and bert\n"), ("private", &private)] {
        let file = keys.write(name, text);
        let ended = world.run(&["compile", "--path", "deploy", "--revision", "HEAD", "--signers", &file]);
        assert!(ended.code == 2 && ended.stderr.contains(name), "{}", ended.stderr);
    }
}

#[test]
fn repositories_that_are_fetched_must_be_signed_too() {
    programs().expect("gpg and ssh-keygen");
    let (elsewhere, keys) = (Elsewhere::new(), Keys::new());
    let key = keys.ssh("anna");
    let signers = keys.write("signers", &format!("anna@example.com {key}\n"));
    let (base, address) = elsewhere.base("base");
    let sources = format!("[{{repoURL: '{address}', targetRevision: main, path: overlay}}]");
    elsewhere.world.write("app.yaml", &application(&sources));
    let locked = || {
        elsewhere.done(&["lock", "-f", "app.yaml"]);
        elsewhere.done(&["lock", "update"]);
        keys.commit_ssh(&elsewhere.world.repository, "anna");
        elsewhere.run(&["compile", "-f", "app.yaml", "--revision", "HEAD", "--signers", &signers, "--offline"])
    };
    let ended = locked();
    assert!(ended.code == 4 && ended.stderr.contains("is not signed"), "{}", ended.stderr);
    write_base(&base, "2");
    keys.commit_ssh(&base, "anna");
    elsewhere.publish(&base, "base");
    let ended = locked();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // The lock file is one of the commit at hand, which so must be signed, though nothing else is read from there.
    elsewhere.world.repository.commit("Unsigned").expect("a commit");
    let ended = elsewhere.run(&["compile", "-f", "app.yaml", "--revision", "HEAD", "--signers", &signers, "--offline"]);
    assert!(ended.code == 4 && ended.stderr.contains("is not signed"), "{}", ended.stderr);
}
