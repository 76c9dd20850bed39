//! A render in the sandbox: by a program of others (Kustomize, Helm), or by a worker of ours (Jsonnet).
//!
//! In: a program with its arguments or a worker with its request, a [`Layout`]. Out: the recipe of exactly that, and on
//! demand what it writes, which is read as manifests. It runs in the [`sandbox`](crate::sandbox), with the layout and nothing else.
//! Guarantees: what decides about the output is in the recipe: renderer, program (by hash), arguments, every file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::canon::{Encoder, Id, Recipe};
use crate::diagnostic::{Diagnostic, Origin};
use crate::lock::Request;
use crate::sandbox::{Budget, Enforced, Job, Limits, Sandbox, Strength, Task};
use crate::tree::Tree;

use super::Error;
use super::layout::Layout;
use super::surroundings::Surroundings;

/// A program that renders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its absolute path.
    pub path: PathBuf,
    /// BLAKE3 of its bytes.
    pub digest: [u8; 32],
}

/// Who asks for an input from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asker<'a> {
    /// The input that asks, where that is from elsewhere itself: it may know less than the repository at hand.
    pub input: Option<&'a Request>,
    /// Whether hosts that the index of a chart repository names learn the credentials for the repository: where the
    /// Application says so.
    pub pass_credentials: bool,
}

/// What charts are told of Kubernetes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The version: `v1.37.2`. That of our schemas where nobody says.
    pub kube_version: Option<String>,
    /// The versions of APIs and of kinds: `apps/v1`, `apps/v1/Deployment`. Those that Helm knows where there are none.
    pub api_versions: Vec<String>,
}

/// What renders need beside their sources: programs, a place where they and our own workers run, inputs from elsewhere.
pub trait Tools: Sync {
    /// Kustomize, or why there is none.
    fn kustomize(&self) -> Result<Kustomize, String> {
        Err("there is no Kustomize here".to_owned())
    }

    /// Helm 4, or why there is none.
    fn helm(&self) -> Result<Program, String> {
        Err("there is no Helm here".to_owned())
    }

    /// The files that a request stands for, or why there are none and what to do. Of a chart the root is the chart; a file
    /// is alone at the root.
    fn remote(&self, request: &Request, asker: Asker<'_>) -> Result<Arc<Tree>, String> {
        let _ = asker;
        Err(format!("{request} is elsewhere, and nothing is taken from there here"))
    }

    /// The files of a packed chart, by their paths below the chart's folder, or why they cannot be had.
    fn unpack(&self, _: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
        Err("nothing is unpacked here".to_owned())
    }

    /// Where jobs run, and how much of it must be enforced; or why there is no such place.
    fn sandbox(&self) -> Result<(&Sandbox, Strength), String>;
    /// What charts are told of Kubernetes where they ask, and their source does not say it.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// How much a render may use.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// How long all renders together may take; as long as each may, where there is none.
    fn budget(&self) -> Option<Arc<Budget>> {
        None
    }
}

/// Neither programs nor a sandbox, and nothing from elsewhere: for folders of plain manifests. Rules in CEL are then not evaluated.
pub struct NoTools;

impl Tools for NoTools {
    fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        Err("nothing is run here".to_owned())
    }
}

/// Kustomize: a program of its own, or a part of kubectl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kustomize {
    /// The program.
    pub program: Program,
    /// Whether it is kubectl.
    pub in_kubectl: bool,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A program of others, with its arguments. Paths in them are relative to the root of the layout.
    Program(Program, Vec<String>),
    /// A worker of ours, with what it reads.
    Worker(&'static str, Vec<u8>),
}

/// What a program wrote.
pub struct Written {
    /// To stdout.
    pub output: Vec<u8>,
    /// What it was kept from.
    pub enforced: Enforced,
}

/// A render by a program that is ready to run.
pub struct ToolRender {
    /// What the renderer is called in a recipe, and a number that rises when equal inputs could give other manifests.
    renderer: (&'static str, u64),
    command: Command,
    layout: Layout,
    /// The file that manifests are said to come from.
    origin: Origin,
    /// How the place of a manifest is found in the output.
    places: Places,
    /// The id of everything that the render reads and of how it reads it.
    pub recipe: Id<Recipe>,
}

/// How an output says where its documents come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Places {
    /// It does not.
    Unknown,
    /// Helm: `# Source: chart/templates/web.yaml` in front of a document. The chart's folder, which takes the place of the
    /// chart's name.
    HelmComments(String),
}

impl ToolRender {
    /// Hashes the layout, and all else that decides about the output.
    pub fn new(
        renderer: (&'static str, u64),
        command: Command,
        layout: Layout,
        origin: Origin,
        places: Places,
    ) -> Result<Self, Error> {
        let mut encoder = Encoder::new();
        encoder.list(6);
        encoder.text(renderer.0);
        encoder.unsigned(renderer.1);
        match &command {
            Command::Program(program, arguments) => {
                encoder.raw(&program.digest);
                // Some programs are another by each of their names.
                encoder.raw(program.path.file_name().unwrap_or_default().as_encoded_bytes());
                encoder.list(arguments.len());
                for argument in arguments {
                    encoder.text(argument);
                }
            }
            Command::Worker(name, request) => {
                encoder.text(name);
                // What a worker gives depends on all of its code.
                encoder.text(env!("GITOPS_COMPILER_SOURCES"));
                encoder.raw(request);
            }
        }
        encoder.raw(layout.id()?.digest());
        let recipe = Id::of(&encoder.finish());
        Ok(Self { renderer, command, layout, origin, places, recipe })
    }

    /// How many files take part.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.layout.len()
    }

    /// Where its manifests are said to come from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// How the output says where its documents come from.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The command as a person would type it, from the root of the layout. Values that are set are left out: some are
    /// passwords.
    #[must_use]
    pub fn command(&self) -> String {
        match &self.command {
            Command::Program(program, arguments) => {
                let program = program.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let arguments = arguments.iter().map(|argument| without_value(argument));
                std::iter::once(program).chain(arguments).map(|part| quoted(&part)).collect::<Vec<_>>().join(" ")
            }
            Command::Worker(name, _) => format!("{name} {}", quoted(&self.origin.path)),
        }
    }

    /// Its files.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Runs the program. Gives what it wrote, or what it said of the input.
    ///
    /// # Errors
    ///
    /// The program could not be run, or was cut off: nothing is known of the input then.
    pub fn run(&self, tools: &dyn Tools) -> Result<Result<Written, Diagnostic>, Error> {
        self.run_in(Surroundings::Usual, tools)
    }

    /// The same, in surroundings that should not matter.
    pub fn run_in(&self, surroundings: Surroundings, tools: &dyn Tools) -> Result<Result<Written, Diagnostic>, Error> {
        let (sandbox, least) = match tools.sandbox() {
            Ok(place) => place,
            Err(reason) => return Ok(Err(Diagnostic::error(self.origin.clone(), reason))),
        };
        let scratch = sandbox.scratch().map_err(Error::Room)?;
        let room = sandbox.scratch().map_err(Error::Room)?;
        let folder = tempfile::tempdir_in(room.path()).map_err(Error::Room)?;
        let layout = surroundings.layout(folder.path()).map_err(Error::Room)?;
        if surroundings.is_backwards() {
            self.layout.write_backwards(&layout)?;
        } else {
            self.layout.write(&layout)?;
        }
        open_to_job(room.path(), folder.path()).map_err(Error::Room)?;
        let environment = surroundings.environment(scratch.path()).map_err(Error::Room)?;
        let mut job = match &self.command {
            Command::Program(program, arguments) => {
                let mut job = Job::new(Task::Program { path: program.path.clone(), libraries: Vec::new() });
                job.arguments = arguments.iter().map(OsString::from).collect();
                job
            }
            Command::Worker(name, request) => {
                let mut job = Job::new(Task::Worker(name));
                job.stdin.clone_from(request);
                job
            }
        };
        job.environment = environment;
        job.layout = Some(layout.clone());
        job.scratch = Some(scratch);
        job.least = least;
        job.limits = tools.limits();
        job.budget = tools.budget();
        let output = sandbox.run(job).map_err(|source| Error::Run { command: self.command(), source })?;
        if output.status.success() {
            return Ok(Ok(Written { output: output.stdout, enforced: output.enforced }));
        }
        let said = without_log(output.stderr.trim()).replace(&format!("{}/", layout.display()), "");
        let message =
            format!("{} failed: {}", self.renderer.0, if said.is_empty() { "it said nothing" } else { &said });
        Ok(Err(Diagnostic::error(self.origin.clone(), message)))
    }
}

/// What kubectl says of a failure, without time and process: `E1126 00:27:49.412990   30870 run.go:72] "command failed"
/// err="…"`. The same input is told in the same words each time.
fn without_log(said: &str) -> String {
    let is_header = |line: &str| {
        let (level, rest) = line.split_at_checked(1).unwrap_or_default();
        "EWI".contains(level) && rest.get(..4).is_some_and(|date| date.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let line = |line: &str| match line.split_once("] ").filter(|(header, _)| is_header(header)) {
        Some((_, text)) => {
            let quoted = text.split_once(" err=").map_or(text, |(_, error)| error);
            serde_json::from_str::<String>(quoted).unwrap_or_else(|_| quoted.to_owned())
        }
        None => line.to_owned(),
    };
    said.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The job runs as another user where we are root. Then everybody may read the layout who knows its name, which nobody can
/// guess, and which is in a folder that nobody can list. Otherwise it stays ours alone.
fn open_to_job(room: &Path, layout: &Path) -> std::io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    open_to_all(layout)?;
    std::fs::set_permissions(room, std::fs::Permissions::from_mode(0o711))
}

fn open_to_all(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_to_all(&entry.path())?;
        } else {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o444))?;
        }
    }
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

/// The longest list of versions of APIs that is shown.
const LONGEST_LIST: usize = 200;

/// `--set=name=value` without the value, and without long lists.
fn without_value(argument: &str) -> String {
    if argument.starts_with("--api-versions=") && argument.len() > LONGEST_LIST {
        return "--api-versions=…".to_owned();
    }
    match argument.splitn(3, '=').collect::<Vec<_>>()[..] {
        [flag, name, _] if flag.starts_with("--set") => format!("{flag}={name}=…"),
        _ => argument.to_owned(),
    }
}

fn quoted(part: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,@+".contains(&byte);
    if !part.is_empty() && part.bytes().all(plain) {
        part.to_owned()
    } else {
        format!("'{}'", part.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_process_are_no_part_of_an_error() {
        let said = "E1126 00:27:49.412990   30870 run.go:72] \"command failed\" err=\"no \\\"x\\\" here\"\nand more";
        assert_eq!(without_log(said), "no \"x\" here\nand more");
        assert_eq!(without_log("Error: [x] y"), "Error: [x] y");
    }
}
