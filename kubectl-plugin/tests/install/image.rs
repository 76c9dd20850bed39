//! The image, built and started once. It takes minutes and a mirror of Debian: only where all of it is asked for.

use std::path::Path;
use std::process::Command;

use crate::support::corpus::{is_long, say};

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_image_has_all_that_the_controller_needs() {
    if !is_long() {
        return say("SKIPPED: the image is built with GITOPS_LONG=1");
    }
    // Unpacking it with its owners, and going into it, is for root.
    let is_root = run("id", &["-u"]).trim() == "0";
    if let Some(missing) = ["mmdebstrap", "umoci", "chroot"].into_iter().find(|program| !is_there(program)) {
        return say(&format!("SKIPPED: there is no {missing}"));
    }
    if !is_root {
        return say("SKIPPED: unpacking an image is for root");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("image/build.sh");
    let (image, bundle) = (path("layout") + ":test", path("bundle"));
    run(&script.to_string_lossy(), &[&image, env!("CARGO_BIN_EXE_kubectl-gitops")]);
    run("umoci", &["unpack", "--image", &image, &bundle]);
    let root = bundle.clone() + "/rootfs";
    let inside = |arguments: &[&str]| {
        run(
            "chroot",
            &[&["--userspec=65532:65532", &root, "/usr/bin/env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin"], arguments]
                .concat(),
        )
    };
    assert!(inside(&["kubectl-gitops", "--version"]).contains(env!("CARGO_PKG_VERSION")));
    assert!(inside(&["kubectl-gitops", "install", "-o", "yaml"]).contains("kind: Deployment"));
    for program in ["git", "gpg", "ssh"] {
        assert!(!inside(&["sh", "-c", &format!("command -v {program}")]).is_empty(), "{program}");
    }
    let runtime = std::fs::read_to_string(Path::new(&bundle).join("config.json")).expect("a configuration");
    let runtime: serde_json::Value = serde_json::from_str(&runtime).expect("JSON");
    assert_eq!(runtime["process"]["args"][0], "/usr/local/bin/kubectl-gitops");
    assert_eq!(runtime["process"]["user"]["uid"], 65532);
}
