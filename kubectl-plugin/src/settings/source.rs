//! The flags that say what to compile.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gitops_compiler::app::{Directory, Pattern, Source, SourceType};
use gitops_compiler::lint::{DefaultLevel, LINTS, Levels, SCHEMAS_NOT_SHIPPED};
use gitops_compiler::name::KubernetesVersion;
use gitops_compiler::render::Capabilities;
use gitops_compiler::schema;
use gitops_compiler::store::Store;

use crate::error::CommandError;

use super::programs::ProgramArgs;
use super::remote::RemoteArgs;
use super::repositories::Clone;
use super::{BinaryCacheArgs, Session};

/// Where manifests come from.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// A path in the Git repository to read
    #[arg(long, value_name = "REPO", default_value = ".")]
    pub source: PathBuf,
    /// The folder of manifests, from the root of the repository; where absent, the folder that --source names
    #[arg(long, value_name = "DIR")]
    pub path: Option<String>,
    /// A commit, branch or tag; the working tree as it lies where absent
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
    /// A file of keys, one of which must have signed every commit that a source is read at: of OpenSSH's allowed signers, or
    /// an armored keyring of OpenPGP. A working tree is signed by nobody
    #[arg(long, value_name = "FILE")]
    pub(super) signers: Vec<PathBuf>,
    /// A file with Application objects, instead of a folder. The repository of --source stands for the sources that name
    /// one of its remotes
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["path", "include", "exclude", "renderer"])]
    pub filename: Option<PathBuf>,
    /// A clone that stands for another repository that an Application names
    #[arg(long, value_name = "URL=PATH")]
    pub repository: Vec<Clone>,
    /// Read submodules; with `false` each is an empty folder, as in a clone that nobody updated them in
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(super) submodules: bool,
    /// What renders the folder [default: Kustomize where there is a kustomization, Helm where there is a Chart.yaml, plain
    /// manifests otherwise]
    #[arg(long, value_enum)]
    pub renderer: Option<RendererName>,
    /// Read the folders below, too; with --filename, compile the Applications that are rendered, too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Only files that match this glob (paths below the folder; {a,b} for alternatives)
    #[arg(long, value_name = "GLOB")]
    pub include: Option<Pattern>,
    /// No files that match this glob
    #[arg(long, value_name = "GLOB")]
    pub exclude: Option<Pattern>,
    /// Lints to leave out; `all` for all that are not denied by name
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub allow: Vec<String>,
    /// Lints that are errors; `all` for all that are not allowed by name
    #[arg(long, value_name = "LINT", value_delimiter = ',')]
    pub deny: Vec<String>,
    /// The version of Kubernetes that manifests are for: which API versions are deprecated or removed there. Its schemas
    /// must be part of the program, unless --allow schemas-not-shipped leaves Kubernetes' own kinds unlooked at
    /// [default: the version whose schemas are]
    #[arg(long, value_name = "VERSION")]
    pub kubernetes_version: Option<KubernetesVersion>,
    /// The version of Kubernetes that charts are told, where they ask and their source does not say it: v1.37.2, for example
    /// [default: that of the cluster in plan and apply; elsewhere --kubernetes-version, or the version whose schemas are part
    /// of the program]
    #[arg(long, value_name = "VERSION", value_parser = told_version)]
    pub(super) kube_version: Option<String>,
    /// The versions of APIs and kinds that charts are told are served, where they ask and their source does not say it:
    /// apps/v1, apps/v1/Deployment [default: those of the cluster in plan and apply; elsewhere those that Helm knows]
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub(super) api_versions: Vec<String>,
    #[command(flatten)]
    pub(super) programs: ProgramArgs,
    #[command(flatten)]
    pub(super) remote: RemoteArgs,
    #[command(flatten)]
    cache: BinaryCacheArgs,
}

/// A renderer, as the command line calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RendererName {
    /// Plain manifests and Jsonnet
    Directory,
    /// Kustomize
    Kustomize,
    /// Helm
    Helm,
}

impl SourceArgs {
    /// The store, with the binary cache behind it that the flags name.
    pub fn store(&self, session: &Session) -> Result<Option<Store>, CommandError> {
        self.cache.store(session, &self.remote)
    }

    /// The same for whoever compiles what nobody has agreed to yet: nothing of it is written to a binary cache.
    pub fn store_to_read(&self, session: &Session) -> Result<Option<Store>, CommandError> {
        self.cache.to_read().store(session, &self.remote)
    }

    /// What the flags say of lints.
    pub fn levels(&self) -> Result<Levels, CommandError> {
        let set = |names: &[String]| names.iter().cloned().collect();
        let kubernetes = self.kubernetes_version.filter(|version| *version != schema::version());
        let levels = Levels { allow: set(&self.allow), deny: set(&self.deny), kubernetes };
        match levels.unknown()[..] {
            [] => refuse_not_shipped(&levels).map(|()| levels),
            [name] => Err(CommandError::user(format!("no lint is called `{name}`")).hint(lint_names())),
            ref names => {
                Err(CommandError::user(format!("no lints are called {}", names.join(", "))).hint(lint_names()))
            }
        }
    }

    /// What charts are told of Kubernetes, as far as the flags say it.
    pub(super) fn capabilities(&self) -> Capabilities {
        let minor = self.kubernetes_version.map(|version| version.to_string());
        Capabilities { kube_version: self.kube_version.clone().or(minor), api_versions: self.api_versions.clone() }
    }

    /// Whether the Applications of a file are meant with all that they render.
    #[must_use]
    pub fn is_for_set(&self) -> bool {
        self.filename.is_some() && self.recursive
    }

    /// The source that the flags describe, a folder of the repository at hand, and its type where they say it.
    pub(super) fn folder(&self, path: String) -> (Source, Option<SourceType>) {
        let (include, exclude) = (self.include.clone(), self.exclude.clone());
        let directory = Directory { recurse: self.recursive, include, exclude, ..Directory::default() };
        let said = self.renderer.map(|renderer| match renderer {
            RendererName::Directory => SourceType::Directory,
            RendererName::Kustomize => SourceType::Kustomize,
            RendererName::Helm => SourceType::Helm,
        });
        (Source { path, directory: Some(directory), ..Source::default() }, said)
    }
}

/// A version as Helm takes it.
fn told_version(text: &str) -> Result<String, String> {
    text.parse::<KubernetesVersion>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Refuses a version of Kubernetes of which nothing is known but its API versions, unless the user knows.
fn refuse_not_shipped(levels: &Levels) -> Result<(), CommandError> {
    let Some(version) = levels.kubernetes.filter(|_| levels.level(SCHEMAS_NOT_SHIPPED) != DefaultLevel::Allow) else {
        return Ok(());
    };
    let message =
        format!("the schemas of Kubernetes {version} are not part of this program, which has {}", schema::version());
    let hint = format!("--allow {SCHEMAS_NOT_SHIPPED} looks at API versions and custom kinds only");
    Err(CommandError::user(message).hint(hint))
}

/// One line for each lint, for messages.
fn lint_names() -> String {
    let names: Vec<&str> = LINTS.iter().map(|lint| lint.name).collect();
    format!("there are {}", names.join(", "))
}

/// A path in a repository without `.` and doubled slashes; never one that leads out of it.
pub(super) fn clean(path: &str) -> Result<String, CommandError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if path.starts_with('/') || parts.contains(&"..") {
        let message = format!("the path {path} leads out of the repository: give a folder below its root");
        return Err(CommandError::user(message));
    }
    Ok(parts.join("/"))
}
