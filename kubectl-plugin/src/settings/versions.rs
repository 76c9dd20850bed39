//! What a program says of its version.
//!
//! In: a program. Out: its version, as the lock file has it: `v4.3.1`. It is asked in the sandbox, once for each program: what
//! it said is remembered under its hash.

use std::ffi::OsString;

use gitops_compiler::canon::{Encoder, Id, Place};
use gitops_compiler::render::Program;
use gitops_compiler::sandbox::{Job, Sandbox, Strength, Task};
use gitops_compiler::store::Store;

/// How a program is asked, and how its answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Helm,
    Kustomize,
    /// For the Kustomize that it has inside.
    Kubectl,
}

impl Asked {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Helm => &["version", "--short"],
            Self::Kustomize => &["version"],
            Self::Kubectl => &["version", "--client", "--output=json"],
        }
    }

    /// `v` and numbers; what a program says beside it does not count.
    fn read(self, said: &str) -> Option<String> {
        let text = match self {
            Self::Kubectl => {
                let json: serde_json::Value = serde_json::from_str(said).ok()?;
                json["kustomizeVersion"].as_str()?.to_owned()
            }
            // `v4.3.1+g…`, and `v5.8.1` or `(devel)`.
            Self::Helm | Self::Kustomize => said.split(['+', ' ', '\n']).next()?.trim().to_owned(),
        };
        let numbers = text.strip_prefix('v').unwrap_or(&text);
        numbers.starts_with(|first: char| first.is_ascii_digit()).then(|| format!("v{numbers}"))
    }
}

/// The version of a program.
pub(super) fn version(
    program: &Program,
    asked: Asked,
    (sandbox, least): (&Sandbox, Strength),
    store: Option<&Store>,
) -> Result<String, String> {
    let mut encoder = Encoder::new();
    encoder.list(3);
    encoder.text("version");
    encoder.text(asked.arguments()[0]);
    encoder.raw(&program.digest);
    let place = Id::<Place>::of(&encoder.finish());
    let remembered = store.and_then(|store| store.compiled(place)).and_then(|bytes| String::from_utf8(bytes).ok());
    if let Some(version) = remembered {
        return Ok(version);
    }
    let shown = program.path.display();
    let scratch = sandbox.scratch().map_err(|error| format!("there is no place to ask {shown} in: {error}"))?;
    let mut job = Job::new(Task::Program { path: program.path.clone(), libraries: Vec::new() });
    job.arguments = asked.arguments().iter().map(OsString::from).collect();
    job.environment = vec![(OsString::from("HOME"), scratch.path().as_os_str().to_owned())];
    job.scratch = Some(scratch);
    job.least = least;
    let output = sandbox.run(job).map_err(|error| format!("{shown} cannot be asked for its version: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = asked.read(&said).ok_or_else(|| format!("{shown} does not say its version"))?;
    // Failing to remember costs asking again.
    let _ = store.map(|store| store.put_compiled(place, version.as_bytes()));
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_say_them() {
        let read = |asked: Asked, said: &str| asked.read(said);
        assert_eq!(read(Asked::Helm, "v4.3.1+g8766e71\n").as_deref(), Some("v4.3.1"));
        assert_eq!(read(Asked::Helm, "v4.3.1\n").as_deref(), Some("v4.3.1"));
        assert_eq!(read(Asked::Kustomize, "v5.8.1\n").as_deref(), Some("v5.8.1"));
        assert_eq!(read(Asked::Kubectl, r#"{"kustomizeVersion": "v5.8.1"}"#).as_deref(), Some("v5.8.1"));
        assert_eq!(
            [read(Asked::Kustomize, "(devel)\n"), read(Asked::Kubectl, "{}"), read(Asked::Helm, "")],
            [None, None, None]
        );
    }
}
