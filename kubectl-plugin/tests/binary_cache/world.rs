//! What the tests have in common: a repository, machines with stores of their own, keys, a folder for entries.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use gitops_testdata::repository::RepositoryBuilder;
use pem::Pem;
use serde_json::Value as Json;

const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What is compiled everywhere.
pub(crate) const COMPILE: [&str; 6] = ["compile", "shop", "--path", "deploy", "-o", "yaml"];

/// How the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, where it succeeded and said nothing.
    pub(crate) fn quiet(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (0, ""), "{}", self.stdout);
        self.stdout
    }
}

/// A repository with an application that has something to render, keys and a folder of entries.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    repository: RepositoryBuilder,
}

/// A machine with a store of its own.
pub(crate) struct Machine<'a> {
    world: &'a World,
    home: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

impl World {
    /// With the keys `ci` and `stranger`.
    pub(crate) fn new() -> Self {
        let repository = RepositoryBuilder::new().expect("a repository");
        repository.write("README", "Nothing").expect("written");
        repository.commit("Nothing").expect("a commit");
        let world = Self { folder: tempfile::tempdir().expect("a folder"), repository };
        world.write(1);
        world.key("ci");
        world.key("stranger");
        world
    }

    /// The application in this version: an object that is there, and one that is rendered.
    pub(crate) fn write(&self, version: u32) {
        let plain =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{version: 'v{version}'}}\n");
        let rendered = format!(
            "{{ apiVersion: 'v1', kind: 'ConfigMap', metadata: {{ name: 'b' }}, data: {{ version: 'v' + {version} }} }}\n"
        );
        self.repository.write("deploy/a.yaml", &plain).expect("written");
        self.repository.write("deploy/b.jsonnet", &rendered).expect("written");
    }

    /// Any file of the repository.
    pub(crate) fn write_file(&self, path: &str, text: &str) {
        self.repository.write(path, text).expect("written");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The folder of entries.
    pub(crate) fn address(&self) -> String {
        format!("file://{}", self.text("cache"))
    }

    /// A pair of keys, in `NAME.key` and `NAME.pub`.
    fn key(&self, name: &str) {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let public = [ED25519_INFO.as_slice(), pair.public_key().as_ref()].concat();
        let write = |name: String, tag: &str, bytes: &[u8]| {
            std::fs::write(self.path(&name), pem::encode(&Pem::new(tag, bytes))).expect("written");
        };
        write(format!("{name}.key"), "PRIVATE KEY", pair.to_pkcs8v1().expect("DER").as_ref());
        write(format!("{name}.pub"), "PUBLIC KEY", &public);
    }

    /// A machine that knows no cache.
    pub(crate) fn machine(&self) -> Machine<'_> {
        Machine { world: self, home: tempfile::tempdir().expect("a folder"), variables: Vec::new() }
    }

    /// One that writes to the cache at an address, as `ci` or `stranger`.
    pub(crate) fn writer(&self, address: &str, name: &str) -> Machine<'_> {
        let key = self.text(&format!("{name}.key"));
        let variables = vec![("KUBECTL_GITOPS_CACHE", address.to_owned()), ("KUBECTL_GITOPS_CACHE_SIGN_KEY", key)];
        Machine { variables, ..self.machine() }
    }

    /// One that reads from it, and believes `ci`.
    pub(crate) fn reader(&self, address: &str) -> Machine<'_> {
        let key = self.text("ci.pub");
        let variables = vec![("KUBECTL_GITOPS_CACHE", address.to_owned()), ("KUBECTL_GITOPS_CACHE_KEY", key)];
        Machine { variables, ..self.machine() }
    }

    /// What comes of the application without any cache.
    pub(crate) fn reference(&self) -> String {
        self.machine().run(&COMPILE).quiet()
    }

    /// The files of entries, by their paths below the folder.
    pub(crate) fn entries(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() { walk(&path, found) } else { found.push(path) }
            }
        }
        let mut found = Vec::new();
        walk(&self.path("cache"), &mut found);
        found.sort();
        found
    }
}

impl Machine<'_> {
    pub(crate) fn with(mut self, variable: &'static str, value: &str) -> Self {
        self.variables.push((variable, value.to_owned()));
        self
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.envs(self.variables.iter().map(|(name, value)| (*name, value))).args(arguments);
        let output = command.current_dir(self.world.repository.path()).stdin(Stdio::null()).output().expect("it runs");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// How many of these its store has: `memo`, `outputs`. What programs wrote is there where one was run.
    pub(crate) fn has(&self, what: &str) -> u64 {
        let counted: Json = serde_json::from_str(&self.run(&["store", "info", "-o", "json"]).quiet()).expect("JSON");
        counted[what]["files"].as_u64().expect("a number")
    }
}
