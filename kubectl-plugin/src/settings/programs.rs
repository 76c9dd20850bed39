//! The programs that render: which ones, what they are, where they run.
//!
//! In: flags and PATH. Out: programs for the compiler. A program is looked for when a source needs it, and hashed: what a
//! render gives depends on its bytes. What is known of a program is remembered as long as its file stays the same.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gitops_compiler::canon::{Decoder, Encoder, Id, Place};
use gitops_compiler::lock::ProgramName;
use gitops_compiler::render::{Kustomize, Program};
use gitops_compiler::sandbox::{Budget, Limits, Sandbox, Strength};
use gitops_compiler::store::Store;

use crate::worker::own_sandbox;

use super::versions::{Asked, version};

/// Which programs render, and how they are confined.
#[derive(Debug, Clone, Args)]
pub struct ProgramArgs {
    /// The program `kustomize`, or `kubectl`, which has it inside [default: the first of both on PATH]
    #[arg(long, value_name = "PROGRAM", env = "KUBECTL_GITOPS_KUSTOMIZE", hide_env_values = true)]
    kustomize: Option<PathBuf>,
    /// The program `helm`, version 4 [default: the one on PATH]
    #[arg(long, value_name = "PROGRAM", env = "KUBECTL_GITOPS_HELM", hide_env_values = true)]
    helm: Option<PathBuf>,
    /// How much of the sandbox that they run in must be there: less than `full` is told
    #[arg(long, value_enum, value_name = "STRENGTH", default_value_t = Confinement::Weak)]
    sandbox: Confinement,
    /// How long one render may take, in seconds, and how long its processors may compute
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    render_timeout: u64,
    /// How long all renders of one application may take together, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    application_timeout: u64,
}

impl ProgramArgs {
    /// Asks for all of the sandbox, unless the user says otherwise on purpose: what is rendered is a stranger's.
    pub(super) fn demand_whole_sandbox(&mut self) {
        if self.sandbox == Confinement::Weak {
            self.sandbox = Confinement::Full;
        }
    }
}

/// How much of the sandbox must be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Confinement {
    /// All of it
    Full,
    /// A part of it
    #[default]
    Weak,
    /// Nothing but limits
    None,
}

/// The programs of this machine.
pub(super) struct Programs {
    args: ProgramArgs,
    store: Option<Store>,
    sandbox: Result<Sandbox, String>,
    kustomize: OnceLock<Result<Kustomize, String>>,
    helm: OnceLock<Result<Program, String>>,
    kustomize_version: OnceLock<Result<String, String>>,
    helm_version: OnceLock<Result<String, String>>,
}

impl Programs {
    pub(super) fn new(args: &ProgramArgs, store: Option<&Store>) -> Self {
        Self {
            args: args.clone(),
            store: store.cloned(),
            sandbox: own_sandbox(),
            kustomize: OnceLock::new(),
            helm: OnceLock::new(),
            kustomize_version: OnceLock::new(),
            helm_version: OnceLock::new(),
        }
    }

    fn find_kustomize(&self) -> Result<Kustomize, String> {
        let path = match &self.args.kustomize {
            Some(named) => find(named)?,
            None => find(Path::new("kustomize")).or_else(|_| find(Path::new("kubectl"))).map_err(|_| {
                "neither kustomize nor kubectl is on PATH: install one, or name it with --kustomize".to_owned()
            })?,
        };
        let in_kubectl = path.file_name().is_some_and(|name| name.to_string_lossy().contains("kubectl"));
        Ok(Kustomize { program: self.program(path)?, in_kubectl })
    }

    fn find_helm(&self) -> Result<Program, String> {
        let named = self.args.helm.as_deref().unwrap_or(Path::new("helm"));
        let found = find(named);
        let path = found.map_err(|missing| format!("{missing}: install Helm 4, or name it with --helm"))?;
        self.program(path)
    }

    /// Hashes a program, unless its file is as it was when that was done last.
    fn program(&self, path: PathBuf) -> Result<Program, String> {
        let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
        let metadata = path.metadata().map_err(failed)?;
        let mut encoder = Encoder::new();
        encoder.list(4);
        encoder.text("program");
        encoder.raw(path.as_os_str().as_encoded_bytes());
        encoder.unsigned(metadata.ino());
        encoder.text(&format!("{}.{}.{}", metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
        let place = Id::<Place>::of(&encoder.finish());
        let remembered = self.store.as_ref().and_then(|store| store.compiled(place));
        let remembered = remembered.and_then(|bytes| Decoder::new(&bytes).digest().ok());
        if let Some(digest) = remembered {
            return Ok(Program { path, digest });
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(&path).map_err(failed)?).map_err(failed)?;
        let digest = *hasher.finalize().as_bytes();
        let mut encoder = Encoder::new();
        encoder.raw(&digest);
        // Failing to remember costs time the next time.
        let _ = self.store.as_ref().map(|store| store.put_compiled(place, &encoder.finish()));
        Ok(Program { path, digest })
    }
}

impl Programs {
    /// Kustomize, or why there is none.
    pub(super) fn kustomize(&self) -> Result<Kustomize, String> {
        self.kustomize.get_or_init(|| self.find_kustomize()).clone()
    }

    /// Helm, or why there is none.
    pub(super) fn helm(&self) -> Result<Program, String> {
        self.helm.get_or_init(|| self.find_helm()).clone()
    }

    /// The version of Kustomize, as the lock file has it.
    pub(super) fn kustomize_version(&self) -> Result<String, String> {
        let ask = || {
            let Kustomize { program, in_kubectl } = self.kustomize()?;
            let asked = if in_kubectl { Asked::Kubectl } else { Asked::Kustomize };
            version(&program, asked, self.sandbox()?, self.store.as_ref())
        };
        self.kustomize_version.get_or_init(ask).clone()
    }

    /// The version of Helm, as the lock file has it.
    pub(super) fn helm_version(&self) -> Result<String, String> {
        let ask = || version(&self.helm()?, Asked::Helm, self.sandbox()?, self.store.as_ref());
        self.helm_version.get_or_init(ask).clone()
    }

    /// The version of a program by its name in the lock file.
    pub(super) fn version(&self, name: ProgramName) -> Result<String, String> {
        match name {
            ProgramName::Kustomize => self.kustomize_version(),
            ProgramName::Helm => self.helm_version(),
        }
    }

    /// The names of the programs that were needed so far.
    pub(super) fn needed(&self) -> Vec<ProgramName> {
        let kustomize = self.kustomize.get().is_some_and(Result::is_ok).then_some(ProgramName::Kustomize);
        let helm = self.helm.get().is_some_and(Result::is_ok).then_some(ProgramName::Helm);
        kustomize.into_iter().chain(helm).collect()
    }

    /// Where programs run, and how much of it must be there.
    pub(super) fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        let least = match self.args.sandbox {
            Confinement::Full => Strength::Full,
            Confinement::Weak => Strength::Weak,
            Confinement::None => Strength::None,
        };
        self.sandbox.as_ref().map(|sandbox| (sandbox, least)).map_err(Clone::clone)
    }

    /// How long all renders of an application may take, of which nothing is spent yet.
    pub(super) fn budget(&self) -> Budget {
        Budget::new(Duration::from_secs(self.args.application_timeout))
    }

    /// How much a render may use.
    pub(super) fn limits(&self) -> Limits {
        let time = Duration::from_secs(self.args.render_timeout);
        Limits { time, processor_time: time, ..Limits::default() }
    }
}

/// The absolute path of a program: a path as it is, a name as PATH has it. Folders that are not absolute do not count. Links
/// are not followed: some programs are another by each of their names.
fn find(program: &Path) -> Result<PathBuf, String> {
    let missing = || format!("there is no program {}", program.display());
    if program.components().count() > 1 {
        return std::path::absolute(program).ok().filter(|path| path.is_file()).ok_or_else(missing);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{} is not on PATH", program.display()))
}
