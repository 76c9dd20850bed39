//! The sources of an application, laid out: what is rendered, and under which key it is remembered.
//!
//! In: an application and the trees of its sources. Out: [`LaidOut`]: a render for each source, the recipe of all of them,
//! and what there is to say already. Laying out runs nothing; `run` does, or takes from the store what was run before.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::app::{AppSpec, SourceType};
use crate::canon::{Encoder, Id, Place, Recipe};
use crate::depend::EdgeRules;
use crate::diagnostic::{Diagnostic, Level};
use crate::manifest::Manifest;
use crate::render::{self, DirectoryRender, Input, NoTools, Render, Rendered, ToolRender, Tools, Written};
use crate::sandbox::Strength;
use crate::store::Store;
use crate::tree::{Found, Snapshot, join};

use super::{Error, baseline, without};

/// An application with the files of its sources.
pub struct Sources<'a> {
    /// In order. Those that only lend their files are not among them.
    pub inputs: Vec<Input<'a>>,
    /// What renders them.
    pub tools: &'a dyn Tools,
    /// Whether the last of two objects with one key counts; otherwise they are an error.
    pub last_wins: bool,
}

impl<'a> Sources<'a> {
    /// A folder of plain manifests, whatever else lies there, and no programs.
    #[must_use]
    pub fn folder(folder: &'a Snapshot, app: &AppSpec) -> Self {
        let source = app.sources.first().cloned().unwrap_or_default();
        let input = Input::new(app, source, Some(SourceType::Directory), folder, None, BTreeMap::new());
        Self { inputs: vec![input], tools: &NoTools, last_wins: app.last_wins }
    }
}

/// What is rendered.
pub(super) struct LaidOut<'a> {
    pub(super) sources: &'a Sources<'a>,
    /// Each with the number of its source.
    renders: Vec<(usize, Render<'a>)>,
    /// The recipe of the only source, or of all of them.
    pub(super) recipe: Id<Recipe>,
    /// What there is to say of the choice of files. It is said each time.
    pub(super) findings: Vec<Diagnostic>,
    /// Paths and bytes of the rules about edges that the sources have.
    rules: Vec<(String, Vec<u8>)>,
    /// What programs have given already. They are not run again for it.
    pub(super) given: Given,
}

/// What programs gave, or said of their input, by the recipe of the render.
pub(super) type Given = BTreeMap<Id<Recipe>, Arc<Result<Written, Diagnostic>>>;

/// Where a source has rules of its own about edges, below its folder.
const RULES: &str = ".gitops/edges.yaml";

impl<'a> LaidOut<'a> {
    /// Chooses renderers and files. An error among the findings is final.
    pub(super) fn new(sources: &'a Sources<'a>) -> Result<Self, Error> {
        let mut findings = Vec::new();
        let mut renders = Vec::with_capacity(sources.inputs.len());
        let mut rules = Vec::new();
        for (number, input) in sources.inputs.iter().enumerate() {
            let of_source = render::lay_out(input, sources.tools, &mut findings)?;
            renders.extend(of_source.into_iter().map(|render| (number, render)));
            let path = join(input.folder.folder(), RULES).unwrap_or_default();
            if let Found::Entry(entry) = input.folder.find(&path) {
                let bytes = input.folder.reader().read(&entry).map_err(render::Error::from)?;
                rules.push((entry.path, bytes));
            }
        }
        if findings.iter().any(|finding| finding.level == Level::Error) {
            let files = renders.iter().map(|(_, render)| render.file_count()).sum();
            findings.sort();
            // A kustomization that is given parameters is read twice.
            findings.dedup();
            return Err(Error::Manifests { findings, files });
        }
        let recipe = match &renders[..] {
            [(_, Render::Directory(only))] if rules.is_empty() => only.recipe,
            _ => together(&renders, sources, &rules),
        };
        Ok(Self { sources, renders, recipe, findings, rules, given: Given::new() })
    }

    /// The renders that programs or workers make.
    pub(super) fn by_tools(&self) -> impl Iterator<Item = &ToolRender> {
        self.renders.iter().filter_map(|(_, render)| match render {
            Render::Tool(render) => Some(&**render),
            Render::Directory(_) => None,
        })
    }

    /// The rules about edges that the application itself has.
    pub(super) fn rules(&self) -> Result<EdgeRules, Diagnostic> {
        self.rules
            .iter()
            .try_fold(EdgeRules::default(), |all, (path, bytes)| Ok(all.and(EdgeRules::read(path, bytes)?)))
    }

    /// How many files take part.
    pub(super) fn files(&self) -> usize {
        self.renders.iter().map(|(_, render)| render.file_count()).sum()
    }

    /// The only source, where that is a plain folder, and where its last compilation is kept.
    pub(super) fn directory(&self) -> Option<(&DirectoryRender<'a>, Id<Place>)> {
        let ([(_, Render::Directory(render))], [input]) = (&self.renders[..], &self.sources.inputs[..]) else {
            return None;
        };
        let directory = input.source.directory.clone().unwrap_or_default();
        Some((render, baseline::place(input.folder, &digest(&self.rules), &directory, self.sources.last_wins)))
    }

    /// The folder that remembered paths are relative to: a folder that was moved is known at its new place.
    pub(super) fn base(&self) -> &str {
        self.only_folder().map_or("", Snapshot::folder)
    }

    /// A path as it is remembered.
    pub(super) fn below<'p>(&self, path: &'p str) -> &'p str {
        self.only_folder().map_or(path, |folder| folder.below(path))
    }

    fn only_folder(&self) -> Option<&Snapshot> {
        match (&self.renders[..], &self.sources.inputs[..]) {
            ([(_, Render::Directory(_))], [input]) => Some(input.folder),
            _ => None,
        }
    }

    /// The bytes of a file that took part, for messages.
    pub(super) fn source(&self, path: &str) -> Option<Vec<u8>> {
        self.renders.iter().find_map(|(_, render)| render.source(path))
    }

    /// Runs all renders. Outputs are taken from the store where it has them. Says, too, whether what comes of it may be
    /// remembered: not what ran in a sandbox that is less than full.
    pub(super) fn run(
        &self,
        store: Option<&Store>,
        warn: &mut dyn FnMut(String),
    ) -> Result<(Vec<Rendered>, bool), Error> {
        let run = |(_, render): &(usize, Render<'_>)| match render {
            Render::Directory(render) => Ok(Ran { files: render.run()?, open: None, unkept: None }),
            Render::Tool(render) => run_or_recall(render, self.sources.tools, store, self.given.get(&render.recipe)),
        };
        let ran: Vec<Result<Ran, render::Error>> = self.renders.par_iter().map(run).collect();
        let (mut rendered, mut is_confined) = (Vec::new(), true);
        for ran in ran {
            let Ran { files, open, unkept } = ran?;
            is_confined &= open.is_none();
            open.into_iter().chain(unkept).for_each(&mut *warn);
            rendered.extend(files);
        }
        Ok((rendered, is_confined))
    }
}

/// What came of a render.
struct Ran {
    files: Vec<Rendered>,
    /// What it was not kept from, if anything.
    open: Option<String>,
    /// Why the store could not keep it.
    unkept: Option<String>,
}

/// What a program gives, now or when it was run last.
fn run_or_recall(
    render: &ToolRender,
    tools: &dyn Tools,
    store: Option<&Store>,
    given: Option<&Arc<Result<Written, Diagnostic>>>,
) -> Result<Ran, render::Error> {
    if let Some(output) = store.and_then(|store| store.output(render.recipe)) {
        return Ok(Ran { files: vec![render::read_output(render, &output)], open: None, unkept: None });
    }
    let written = match given {
        Some(given) => Arc::clone(given),
        None => Arc::new(render.run(tools)?),
    };
    let Written { output, enforced } = match &*written {
        Ok(written) => written,
        Err(finding) => {
            // Another render of the same recipe may have said it.
            let finding = Diagnostic { origin: render.origin().clone(), ..finding.clone() };
            let files = vec![Rendered { manifests: Vec::new(), findings: vec![finding] }];
            return Ok(Ran { files, open: None, unkept: None });
        }
    };
    let files = vec![render::read_output(render, output)];
    let (strength, command) = (enforced.strength(), render.command());
    if strength < Strength::Full {
        let open = format!("`{command}` ran in a sandbox that is {strength}: {}", enforced.reasons());
        return Ok(Ran { files, open: Some(open), unkept: None });
    }
    let kept = store.map(|store| {
        let is_secret = |manifest: &Manifest| manifest.key.is("", "Secret");
        store.share_output(render.recipe, output, files.iter().flat_map(|file| &file.manifests).any(is_secret));
        store.put_output(render.recipe, strength, output)
    });
    Ok(Ran { files, open: None, unkept: kept.and_then(Result::err).map(|error| without(&error)) })
}

/// Nothing where there are no rules.
fn digest(rules: &[(String, Vec<u8>)]) -> Vec<u8> {
    rules.iter().flat_map(|(_, bytes)| *blake3::hash(bytes).as_bytes()).collect()
}

/// One recipe for all sources. What is remembered under it names the folders, so they are in it.
fn together(renders: &[(usize, Render<'_>)], sources: &Sources<'_>, rules: &[(String, Vec<u8>)]) -> Id<Recipe> {
    let mut encoder = Encoder::new();
    encoder.list(3);
    encoder.text("sources");
    encoder.raw(&digest(rules));
    encoder.list(2 * renders.len());
    for (number, render) in renders {
        encoder.raw(render.recipe().digest());
        encoder.text(sources.inputs[*number].folder.folder());
    }
    Id::of(&encoder.finish())
}
