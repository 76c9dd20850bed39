//! What the tests have in common: a repository, bundles of it, and the program as a user runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitops_compiler::bundle::Files;
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::servers::{Access, Certificates, Registry, RegistryLie, RegistryOptions};

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct World {
    pub(crate) home: tempfile::TempDir,
    pub(crate) certificates: Certificates,
    repository: RepositoryBuilder,
}

impl World {
    pub(crate) fn new() -> Self {
        let repository = RepositoryBuilder::new().expect("a repository");
        repository.write("README", "Nothing").expect("written");
        repository.commit("Nothing").expect("a commit");
        let (home, certificates) =
            (tempfile::tempdir().expect("a folder"), Certificates::make().expect("certificates"));
        Self { home, certificates, repository }
    }

    /// A registry that needs no password.
    pub(crate) fn registry(&self) -> Registry {
        Registry::start(&self.certificates, Access::Open).expect("a registry")
    }

    pub(crate) fn registry_with(&self, referrers: bool, lie: Option<RegistryLie>) -> Registry {
        let options = RegistryOptions { access: Access::Open, referrers, lie };
        Registry::start_with(&self.certificates, options).expect("a registry")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The program with these arguments and variables.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.env_clear().env("HOME", self.home.path()).envs(variables.iter().copied()).args(arguments);
        command.env("KUBECTL_GITOPS_CA_FILE", self.certificates.authority());
        command.current_dir(self.repository.path()).stdin(Stdio::null());
        if !variables.iter().any(|(name, _)| *name == "PATH") {
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }
        let output = command.output().expect("it runs");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    /// The program, which must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        ended.stdout
    }

    /// The program, which must end with this: what it says.
    pub(crate) fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (code, ""), "{arguments:?}: {}", ended.stderr);
        ended.stderr
    }

    /// A bundle of an application of two objects, one of them with this value, as a folder.
    pub(crate) fn bundle(&self, name: &str, value: &str) -> String {
        self.bundle_of(name, &[&config("a", value), &config("b", "1")], &[])
    }

    /// A bundle of these manifests.
    pub(crate) fn bundle_of(&self, name: &str, manifests: &[&str], more: &[&str]) -> String {
        self.repository.write("deploy/all.yaml", manifests.join("---\n")).expect("written");
        let out = self.path(name).display().to_string();
        self.done(&[&["bundle", "build", "shop", "--path", "deploy", "--out", &out][..], more].concat());
        out
    }

    /// The files of a bundle.
    pub(crate) fn files(path: impl AsRef<Path>) -> Files {
        kubectl_gitops::bundle::read(path.as_ref()).unwrap_or_else(|error| panic!("{}", error.message))
    }

    /// Writes other files in the place of a bundle.
    pub(crate) fn write(path: &str, files: &Files) {
        kubectl_gitops::bundle::write(Path::new(path), files).unwrap_or_else(|error| panic!("{}", error.message));
    }
}

/// The host of a registry.
pub(crate) fn host(address: &str) -> String {
    address.trim_start_matches("https://").to_owned()
}

/// A ConfigMap.
pub(crate) fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n")
}

/// The digest of the manifest of a bundle.
pub(crate) fn manifest(files: &Files) -> String {
    let digest = kubectl_gitops::bundle::manifest_digest(files);
    digest.unwrap_or_else(|error| panic!("{}", error.message)).to_string()
}

/// The same bundle, about which something is said.
pub(crate) fn with_said(path: &str, kind: &str, text: &str) -> Files {
    use gitops_compiler::bundle::{About, MANIFEST, Pieces, assemble, blob_path, digest};
    use serde_json::json;

    let files = World::files(path);
    let (own, blob) = (manifest(&files), |digest: &str| files[&blob_path(&digest.parse().expect("a digest"))].clone());
    let own_bytes = blob(&own);
    let parsed: serde_json::Value = serde_json::from_slice(&own_bytes).expect("JSON");
    let named = |at: &serde_json::Value| blob(at["digest"].as_str().expect("a digest"));
    let part =
        |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": digest(bytes).as_str(), "size": bytes.len()});
    let said = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": kind,
        "config": part("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [part(kind, text.as_bytes())],
        "subject": part(MANIFEST, &own_bytes),
    });
    let about = About {
        manifest: said.to_string().into_bytes(),
        artifact_type: kind.to_owned(),
        blobs: vec![b"{}".to_vec(), text.as_bytes().to_vec()],
    };
    let pieces = Pieces {
        config: named(&parsed["config"]),
        layer: named(&parsed["layers"][0]),
        manifest: own_bytes,
        about: vec![about],
    };
    assemble(pieces).expect("a layout")
}

/// How often each method was used, of paths with this in them.
pub(crate) fn methods(requests: &[String], part: &str) -> BTreeMap<String, usize> {
    let mut methods = BTreeMap::new();
    for request in requests.iter().filter(|request| request.contains(part)) {
        let method = request.split(' ').next().unwrap_or_default().to_owned();
        *methods.entry(method).or_default() += 1;
    }
    methods
}
