//! The application and its history: a clone of the bundle.
//!
//! In: where the corpus is. Out: clones, their commits, and the manifests of a commit as files, read by Git alone.

use std::path::{Path, PathBuf};

use gitops_testdata::repository::RepositoryBuilder;

/// The folder of its manifests.
pub(crate) const FOLDER: &str = "kubernetes-manifests";

/// What a folder has for kustomize: no manifest.
const KUSTOMIZATION: &str = "kustomization.yaml";

/// A clone.
pub(crate) struct Clone(pub(crate) RepositoryBuilder);

/// Where the bundle is; says so where it is nowhere.
pub(crate) fn bundle() -> Option<PathBuf> {
    super::support::corpus::part("git/microservices-demo.bundle")
}

impl Clone {
    /// Clones the bundle to a path that is not there yet.
    pub(crate) fn new(bundle: &Path, to: &Path) -> Self {
        let elsewhere = RepositoryBuilder::new().expect("a repository");
        let (bundle, path) = (bundle.display().to_string(), to.display().to_string());
        elsewhere.git(&["clone", "--quiet", &bundle, &path]).expect("cloned");
        Self(RepositoryBuilder::at(to).expect("a repository"))
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.0.git(arguments).expect("Git answers")
    }

    /// All commits, oldest first.
    pub(crate) fn commits(&self) -> Vec<String> {
        self.git(&["rev-list", "--reverse", "HEAD"]).lines().map(str::to_owned).collect()
    }

    /// The commits at which the folder changed, newest first.
    pub(crate) fn changes(&self) -> Vec<String> {
        self.git(&["rev-list", "HEAD", "--", FOLDER]).lines().map(str::to_owned).collect()
    }

    /// The folder of each of these commits, as Git's object id.
    pub(crate) fn folders(&self, commits: &[String]) -> Vec<String> {
        let names: Vec<String> = commits.iter().map(|commit| format!("{commit}:{FOLDER}")).collect();
        let arguments = ["rev-parse"].into_iter().chain(names.iter().map(String::as_str));
        self.git(&arguments.collect::<Vec<_>>()).lines().map(str::to_owned).collect()
    }

    /// Whether a manifest of the commit has this text.
    pub(crate) fn has(&self, commit: &str, text: &str) -> bool {
        self.0.git(&["grep", "--quiet", "--fixed-strings", text, commit, "--", FOLDER]).is_ok()
    }

    /// Writes the manifests of a commit below `to`, as Git has them.
    pub(crate) fn manifests(&self, commit: &str, to: &Path) -> Vec<PathBuf> {
        std::fs::create_dir_all(to).expect("a folder");
        let listed = self.git(&["ls-tree", "-r", "--name-only", commit, FOLDER]);
        let paths = listed.lines().filter(|path| path.ends_with(".yaml") && !path.ends_with(KUSTOMIZATION));
        paths
            .map(|path| {
                let file = to.join(path.rsplit('/').next().unwrap_or(path));
                std::fs::write(&file, self.git(&["show", &format!("{commit}:{path}")])).expect("written");
                file
            })
            .collect()
    }
}
