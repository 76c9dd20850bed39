//! A repository with an application, and the program.

use std::path::Path;
use std::process::{Command, Output};

use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::schema::Schema;
use serde_json::Value as Json;

/// A repository, and a home with nothing in it.
pub(crate) struct World {
    pub(crate) repository: RepositoryBuilder,
    pub(crate) home: tempfile::TempDir,
}

/// How a command ended.
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

    pub(crate) fn write(&self, path: &str, text: &str) -> &Self {
        self.repository.write(path, text).expect("written");
        self
    }

    pub(crate) fn commit(&self, message: &str) -> String {
        self.repository.commit(message).expect("committed")
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.repository.git(arguments).expect("Git answers").trim().to_owned()
    }

    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.repository.path()).env_clear().env("HOME", self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.command(env!("CARGO_BIN_EXE_kubectl-gitops")).args(arguments).output();
        Ended::of(&output.expect("the program starts"))
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Json {
        let ended = self.run(arguments);
        serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?}: {}{}", ended.stdout, ended.stderr))
    }

    /// Fails where a document is not what its published schema says.
    pub(crate) fn check(name: &str, document: &Json) {
        let found = kubectl_gitops::json::schemas().into_iter().find(|(known, _)| *known == name);
        Schema::new(&Json::from(found.expect("a schema").1)).check(name, document);
    }

    pub(crate) fn path(&self) -> &Path {
        self.repository.path()
    }
}

impl Ended {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("it was not killed");
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    pub(crate) fn told(&self) -> String {
        format!("exit {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

pub(crate) fn map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{k: '{value}'}}\n")
}

pub(crate) fn claim(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  accessModes: \
         [ReadWriteOnce]\n  resources: {{requests: {{storage: 1Gi}}}}\n"
    )
}

pub(crate) fn application(name: &str, path: &str) -> String {
    format!(
        "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n  destination: \
         {{namespace: shop}}\n  source: {{repoURL: 'https://git.example.com/shop', path: {path}}}\n"
    )
}
