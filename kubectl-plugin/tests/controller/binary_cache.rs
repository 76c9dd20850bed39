//! The binary cache of a controller: what CI compiled and signed it does not compile, and what is not believed it does.

use std::path::{Path, PathBuf};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use pem::Pem;
use serde_json::json;

use crate::support::config_map;
use crate::webhooks::{address, get};
use crate::world::Ground;

const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A private key and its public one, as files.
fn keys(folder: &Path, name: &str) -> [String; 2] {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let public = [ED25519_INFO.as_slice(), pair.public_key().as_ref()].concat();
    let write = |end: &str, tag: &str, bytes: &[u8]| {
        let path = folder.join(format!("{name}.{end}"));
        std::fs::write(&path, pem::encode(&Pem::new(tag, bytes))).expect("written");
        path.display().to_string()
    };
    [write("key", "PRIVATE KEY", pair.to_pkcs8v1().expect("DER").as_ref()), write("pub", "PUBLIC KEY", &public)]
}

/// A counter of the controller.
fn counted(address: &str, result: &str) -> u64 {
    let (_, text) = get(address, "/metrics");
    let line = format!("kubectl_gitops_binary_cache_request_total{{result=\"{result}\"}} ");
    let count = text.lines().find_map(|it| it.strip_prefix(&line)).and_then(|count| count.trim().parse().ok());
    count.unwrap_or_else(|| panic!("no {result}: {text}"))
}

/// An application that CI compiled with the key `ci`, in the eyes of a controller that believes `trusted`: how often it was
/// served, and how often it did not believe.
fn delivered(name: &str, trusted: &str) -> (u64, u64) {
    let mut ground = Ground::new(name);
    let home = ground.world.home.path().to_owned();
    let ([private, of_ci], [_, of_stranger]) = (keys(&home, "ci"), keys(&home, "stranger"));
    let public = if trusted == "ci" { of_ci } else { of_stranger };
    let cache = format!("file://{}", home.join("cache").display());
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    let application = ground.application(&json!({"automated": {}}));
    let file = home.join("application.json").display().to_string();
    std::fs::write(&file, application.to_string()).expect("written");
    let clone = format!("{}={}", ground.address(), ground.world.repository.path().display());
    let ci =
        ["compile", "-f", &file, "--repository", &clone, "-o", "id", "--cache", &cache, "--cache-sign-key", &private];
    let compiled = ground.world.run(&ci);
    assert_eq!(compiled.code, 0, "{}", compiled.told());
    assert!(home.join("cache/v1/memo").is_dir(), "nothing was written: {}", compiled.told());

    // A machine that knows nothing of it.
    let elsewhere: PathBuf = home.join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a folder");
    let flags = ["--polling", "1", "--listen", "127.0.0.1:0", "--cache", &cache, "--cache-key", &public];
    let own = ground.world.name.clone();
    ground.launch(&own, &flags, |command| {
        command.env("HOME", &elsewhere);
    });
    let listens = address(&ground);
    ground.create(&application);
    ground.until_synced(&commit);
    assert_eq!(ground.value("a").as_deref(), Some("2"));
    assert_eq!((counted(&listens, "written"), counted(&listens, "failed")), (0, 0));
    let told = ground.said().matches("an entry of the binary cache does not count").count();
    assert_eq!(told, usize::from(trusted != "ci"), "{}", ground.said());
    (counted(&listens, "hit"), counted(&listens, "refused"))
}

#[test]
fn what_ci_compiled_the_controller_takes() {
    let (hits, refused) = delivered("ctl-binary-cache", "ci");
    assert!(hits >= 2 && refused == 0, "a memo and a graph: {hits} {refused}");
}

#[test]
fn what_a_stranger_compiled_the_controller_compiles_itself() {
    let (hits, refused) = delivered("ctl-binary-stranger", "stranger");
    assert!(hits == 0 && refused >= 1, "{hits} {refused}");
}
