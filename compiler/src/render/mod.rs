//! From an application's sources to manifests, each by a closed recipe.
//!
//! In: an [`Input`]: a source, the trees it is in, what it may name; [`Tools`] for sources that are no plain folders. Out:
//! a [`Render`]: the files that take part (the layout), the recipe's id, and on demand the manifests. What a render may
//! read is inside its recipe by construction, so that an equal recipe gives an equal output and need not run again.

mod directory;
mod helm;
mod jsonnet;
mod kustomize;
mod layout;
mod surroundings;
#[cfg(test)]
mod tests;
mod tool;

use std::collections::BTreeMap;

use crate::app::{self, AppSpec, BuildEnvironment, Facts, Source, SourceType};
use crate::canon::{Id, Recipe};
use crate::diagnostic::{Diagnostic, Origin};
use crate::lock::Request;
use crate::manifest::{self, Manifest};
use crate::sandbox;
use crate::tree::{self, File, Snapshot, Tree};

pub use directory::DirectoryRender;
pub use helm::impure_templates;
pub use jsonnet::JSONNET;
pub use layout::{Layout, WriteError};
pub use surroundings::Surroundings;
pub use tool::{Asker, Capabilities, Command, Kustomize, NoTools, Places, Program, ToolRender, Tools, Written};

/// A source with all that it is rendered from.
pub struct Input<'a> {
    /// The source, parameter files merged.
    pub source: Source,
    /// How it is rendered; where absent, its parameters and its folder say so.
    pub source_type: Option<SourceType>,
    /// The folder that it names.
    pub folder: &'a Snapshot,
    /// The repository around the folder; none where the folder is all there is.
    pub tree: Option<&'a Tree>,
    /// The repositories that other sources lend, by their names.
    pub lent: BTreeMap<String, &'a Tree>,
    /// The application's name.
    pub app: String,
    /// The namespace of its destination; empty where nobody says.
    pub namespace: String,
    /// What parameters may name.
    pub environment: BuildEnvironment,
    /// Where the fields of the source are, for messages.
    pub places: app::Places,
    /// The input that the source is, where it is from elsewhere.
    pub elsewhere: Option<Request>,
}

/// Why a source could not be rendered, though nothing may be wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its files cannot be read.
    #[error(transparent)]
    Tree(#[from] tree::Error),
    /// Its files cannot be laid out.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A kustomization cannot be written anew.
    #[error("`{path}` cannot be rewritten: {reason}")]
    Kustomization {
        /// The kustomization.
        path: String,
        /// Why.
        reason: String,
    },
    /// There is no room for it.
    #[error("there is no place to render in")]
    Room(#[source] std::io::Error),
    /// Its renderer could not be run, or was cut off.
    #[error("`{command}` could not be run to its end")]
    Run {
        /// What was run.
        command: String,
        /// Why.
        #[source]
        source: sandbox::Error,
    },
}

/// A render that is ready to run.
pub enum Render<'a> {
    /// Of plain files.
    Directory(DirectoryRender<'a>),
    /// In the sandbox.
    Tool(Box<ToolRender>),
}

/// What a file holds, and everything there is to say about it alone.
pub struct Rendered {
    /// In the order of documents.
    pub manifests: Vec<Manifest>,
    /// Errors and lints.
    pub findings: Vec<Diagnostic>,
}

/// Chooses the renderer and the files, and hashes them. Nothing where something is wrong, which is among the findings; more
/// than one render where a folder has Jsonnet beside manifests.
pub fn lay_out<'a>(
    input: &Input<'a>,
    tools: &dyn Tools,
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<Render<'a>>, Error> {
    let folder = input.folder;
    match input.source_type.map_or_else(|| SourceType::of(&input.source, folder.names()), Ok) {
        Ok(SourceType::Directory) => {
            let directory = input.source.directory.clone().unwrap_or_default();
            let (render, jsonnets) = directory::lay_out(folder, input.tree, &directory, findings)?;
            let mut renders = vec![Render::Directory(render)];
            for path in jsonnets {
                let render = jsonnet::lay_out(input, &path, &directory.jsonnet, findings)?;
                renders.extend(render.map(Box::new).map(Render::Tool));
            }
            Ok(renders)
        }
        Ok(SourceType::Kustomize) => Ok(tool(kustomize::lay_out(input, tools, findings)?)),
        Ok(SourceType::Helm) => Ok(tool(helm::lay_out(input, tools, findings)?)),
        Ok(SourceType::Plugin) => {
            let message = "a config management plugin is not run: it is a program of the repository's; commit what it \
                           gives, or use Kustomize, Helm or Jsonnet";
            findings.push(Diagnostic::error(input.place("/plugin"), message));
            Ok(Vec::new())
        }
        Err(types) => {
            let message = format!("the source is said to be {}: keep one of these blocks", types.join(" and "));
            findings.push(Diagnostic::error(input.place(""), message));
            Ok(Vec::new())
        }
    }
}

fn tool<'a>(render: Option<ToolRender>) -> Vec<Render<'a>> {
    render.map(Box::new).map(Render::Tool).into_iter().collect()
}

impl<'a> Input<'a> {
    /// A source of an application, in a folder of a repository, at its commit.
    #[must_use]
    pub fn new(
        app: &AppSpec,
        source: Source,
        source_type: Option<SourceType>,
        folder: &'a Snapshot,
        tree: Option<&'a Tree>,
        lent: BTreeMap<String, &'a Tree>,
    ) -> Self {
        let commit = folder.commit.as_ref().map(|commit| commit.oid.as_str()).unwrap_or_default();
        let environment = environment(app, &source, commit);
        let (app, namespace) = (app.name.to_string(), app.namespace.clone());
        let places = app::Places::default();
        Self { source, source_type, folder, tree, lent, app, namespace, environment, places, elsewhere: None }
    }

    /// The same of a source whose fields have places.
    #[must_use]
    pub fn placed(self, places: app::Places) -> Self {
        Self { places, ..self }
    }

    /// The same of what is not in Git: the revision of a chart is its version, that of an artifact its digest.
    #[must_use]
    pub fn at_revision(self, app: &AppSpec, revision: &str) -> Self {
        Self { environment: environment(app, &self.source, revision), ..self }
    }

    /// The same of an input from elsewhere: what it asks for in turn may be less than what the repository at hand may.
    #[must_use]
    pub fn taken_from(self, elsewhere: Request) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }

    /// Where a field of the source is, by its JSON pointer; the folder where nobody wrote the source down.
    fn place(&self, pointer: &str) -> Origin {
        self.places.find(pointer).unwrap_or_else(|| Origin::of_file(or_dot(self.folder.folder())))
    }

    /// The file at a path of the repository, links followed.
    fn file(&self, path: &str) -> Result<Option<File>, tree::Error> {
        self.tree.map_or(Ok(None), |tree| tree.file(path))
    }
}

impl Render<'_> {
    /// The id of everything that the render reads and of how it reads it.
    #[must_use]
    pub fn recipe(&self) -> Id<Recipe> {
        match self {
            Self::Directory(render) => render.recipe,
            Self::Tool(render) => render.recipe,
        }
    }

    /// How many files take part.
    #[must_use]
    pub fn file_count(&self) -> usize {
        match self {
            Self::Directory(render) => render.file_count(),
            Self::Tool(render) => render.file_count(),
        }
    }

    /// The bytes of one of the files again, for messages. What a program wrote has no places worth showing.
    #[must_use]
    pub fn source(&self, path: &str) -> Option<Vec<u8>> {
        match self {
            Self::Directory(render) => render.source(path),
            Self::Tool(_) => None,
        }
    }
}

/// The manifests in what a program wrote.
#[must_use]
pub fn read_output(render: &ToolRender, output: &[u8]) -> Rendered {
    let (mut manifests, mut findings) = manifest::read(&render.origin().path, output);
    let written = match render.places() {
        Places::Unknown => None,
        Places::HelmComments(chart) => Some(helm::Written::new(output, chart)),
    };
    let place = |line: usize| {
        written.as_ref().and_then(|written| written.place(line)).unwrap_or_else(|| render.origin().clone())
    };
    for manifest in &mut manifests {
        manifest.origin = place(manifest.origin.line);
    }
    for finding in &mut findings {
        finding.origin = place(finding.origin.line);
    }
    Rendered { manifests, findings }
}

/// Puts together what the files hold, in their order.
pub fn together(files: Vec<Rendered>, findings: &mut Vec<Diagnostic>) -> Vec<Manifest> {
    let mut manifests = Vec::with_capacity(files.iter().map(|file| file.manifests.len()).sum());
    for file in files {
        manifests.extend(file.manifests);
        findings.extend(file.findings);
    }
    manifest::number_generated(&mut manifests);
    manifests
}

/// What parameters may name.
fn environment(app: &AppSpec, source: &Source, revision: &str) -> BuildEnvironment {
    BuildEnvironment::new(&Facts {
        name: app.name.as_str(),
        namespace: &app.namespace,
        project: &app.project,
        repo_url: &source.repo_url,
        path: &source.path,
        target_revision: &source.target_revision,
        revision,
    })
}

/// A folder as people read it.
fn or_dot(folder: &str) -> String {
    if folder.is_empty() { ".".to_owned() } else { folder.to_owned() }
}
