//! A repository, the program, and the renderers that it is compared with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use gitops_compiler::canon::Value;
use gitops_compiler::manifest;
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::{cluster, helm as helm_program};

static KUBECTL: LazyLock<PathBuf> = LazyLock::new(|| cluster::build().expect("kubectl").kubectl());
static HELM: LazyLock<PathBuf> = LazyLock::new(|| helm_program::build().expect("Helm"));

/// kubectl, which has Kustomize inside.
pub(crate) fn kubectl() -> &'static Path {
    &KUBECTL
}

/// Helm 4.
pub(crate) fn helm() -> &'static Path {
    &HELM
}

/// One repository with a home and a store of its own.
pub(crate) struct World {
    pub(crate) repository: RepositoryBuilder,
    /// The home of who runs the program.
    pub(crate) home: tempfile::TempDir,
}

/// How the program ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        Self { repository: RepositoryBuilder::new().expect("a repository"), home }
    }

    pub(crate) fn write(&self, path: &str, contents: &str) -> &Self {
        self.repository.write(path, contents).expect("written");
        self
    }

    /// The program, in the repository.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        run_in(self.repository.path(), self.home.path(), arguments)
    }

    /// The id that these flags give.
    pub(crate) fn id(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[&["compile", "-o", "id"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout
    }

    /// The objects that these flags give.
    pub(crate) fn objects(&self, arguments: &[&str]) -> Objects {
        let ended = self.run(&[&["compile", "-o", "yaml"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        objects(ended.stdout.as_bytes())
    }
}

/// The program in a folder, with a cleared environment.
pub(crate) fn run_in(folder: &Path, home: &Path, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    command.env("KUBECTL_GITOPS_KUSTOMIZE", kubectl()).env("KUBECTL_GITOPS_HELM", helm());
    let output = command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().expect("the program starts");
    Ended {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A renderer as its users run it.
pub(crate) fn peer(program: &Path, folder: &Path, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().expect("the renderer starts")
}

/// What a renderer gives, which must succeed.
pub(crate) fn peer_objects(program: &Path, folder: &Path, arguments: &[&str]) -> Objects {
    let output = peer(program, folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    objects(&output.stdout)
}

/// Objects by their keys.
pub(crate) type Objects = BTreeMap<String, Value>;

/// The objects of a stream of YAML; the last of one key counts.
pub(crate) fn objects(bytes: &[u8]) -> Objects {
    let (manifests, _) = manifest::read("stream", bytes);
    manifests.into_iter().map(|manifest| (manifest.key.to_string(), manifest.body)).collect()
}
