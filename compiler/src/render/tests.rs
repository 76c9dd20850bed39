//! What renderers ask for from elsewhere, and as whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::sandbox::{Sandbox, Strength};

/// Gives nothing, and notes who asked for what.
#[derive(Default)]
struct Asked(Mutex<Vec<(String, Option<String>, bool)>>);

impl Tools for Asked {
    fn remote(&self, request: &Request, asker: Asker<'_>) -> Result<Arc<Tree>, String> {
        let input = asker.input.map(ToString::to_string);
        self.0.lock().expect("no test panics here").push((request.to_string(), input, asker.pass_credentials));
        Err("nothing is there".to_owned())
    }

    fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        Err("nothing is run".to_owned())
    }
}

/// What laying out a source with these files asks for.
fn asked(files: &[(&str, &str)], source: Source, elsewhere: Option<&Request>) -> Vec<(String, Option<String>, bool)> {
    let tree = tree(files);
    let folder = tree.folder("").expect("the folder");
    let app = AppSpec::folder("app".parse().expect("a name"), source.clone());
    let input = Input::new(&app, source, None, &folder, Some(&tree), BTreeMap::new());
    let input = match elsewhere {
        Some(request) => input.taken_from(request.clone()),
        None => input,
    };
    let tools = Asked::default();
    let mut findings = Vec::new();
    assert!(lay_out(&input, &tools, &mut findings).expect("it is laid out").is_empty());
    assert!(findings.iter().any(|finding| finding.message == "nothing is there"), "{findings:?}");
    tools.0.into_inner().expect("no test panics here")
}

#[test]
fn what_a_source_from_elsewhere_asks_for_it_asks_for_itself() {
    let base = "https://git.example.com/org/base.git at v1".to_owned();
    let kustomization = [("kustomization.yaml", "resources: ['https://git.example.com/org/base.git?ref=v1']\n")];
    let chart = "dependencies: [{name: db, version: 1.0.0, repository: 'https://charts.example.com'}]\n";
    let chart = format!("apiVersion: v2\nname: web\nversion: 1.0.0\n{chart}");
    let chart = [("Chart.yaml", chart.as_str())];
    let database = "the chart db 1.0.0 of https://charts.example.com".to_owned();
    let artifact =
        Request::Oci { repository: "oci://registry.example.com/deploy".to_owned(), revision: "v1".to_owned() };
    let by = Some(artifact.to_string());
    assert_eq!(asked(&kustomization, Source::default(), None), [(base.clone(), None, false)]);
    assert_eq!(asked(&kustomization, Source::default(), Some(&artifact)), [(base, by.clone(), false)]);
    assert_eq!(asked(&chart, Source::default(), None), [(database.clone(), None, false)]);
    assert_eq!(asked(&chart, Source::default(), Some(&artifact)), [(database.clone(), by, false)]);
    let helm = app::Helm { pass_credentials: true, ..app::Helm::default() };
    let passing = Source { helm: Some(helm), ..Source::default() };
    assert_eq!(asked(&chart, passing, None), [(database, None, true)]);
}

/// Bases, all of one repository.
struct Base(Arc<Tree>);

impl Tools for Base {
    fn kustomize(&self) -> Result<Kustomize, String> {
        let program = Program { path: "kustomize".into(), digest: [0; 32] };
        Ok(Kustomize { program, in_kubectl: false })
    }

    fn remote(&self, _: &Request, _: Asker<'_>) -> Result<Arc<Tree>, String> {
        Ok(Arc::clone(&self.0))
    }

    fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        Err("nothing is run".to_owned())
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    Tree::of_folder(Snapshot::from_memory(files))
}

/// The paths of the layout of a kustomization that names bases, or what is wrong.
fn laid_out(bases: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
    let here = tree(&[("kustomization.yaml", "resources: ['https://git.example.com/org/base.git//over?ref=v1']\n")]);
    let folder = here.folder("").expect("the folder");
    let app = AppSpec::folder("app".parse().expect("a name"), Source::default());
    let input = Input::new(&app, Source::default(), None, &folder, Some(&here), BTreeMap::new());
    let mut findings = Vec::new();
    let renders = lay_out(&input, &Base(Arc::new(tree(bases))), &mut findings).expect("it is laid out");
    match &renders[..] {
        [Render::Tool(render)] => Ok(render.layout().paths().map(str::to_owned).collect()),
        _ => Err(findings.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn a_base_that_names_its_own_repository_by_its_address_is_beside_itself() {
    let by_address = "resources: ['https://git.example.com/org/base.git?ref=v1']\n";
    let paths = laid_out(&[
        ("over/kustomization.yaml", by_address),
        ("kustomization.yaml", "resources: [x.yaml]\n"),
        ("x.yaml", ""),
    ]);
    let paths = paths.expect("a layout");
    let [over, base, file, here] = &paths[..] else { panic!("{paths:?}") };
    assert_eq!(here, "kustomization.yaml");
    let top = |path: &String| path.rsplit_once("/kustomization.yaml").map(|(top, _)| top.to_owned()).expect("a folder");
    assert!(top(over).ends_with("/1/over") || top(over).ends_with("/2/over"), "{paths:?}");
    assert!(!top(over).starts_with(&top(base)) && file.starts_with(&top(base)), "{paths:?}");
}

#[test]
fn bases_that_go_in_a_circle_by_their_addresses_are_told() {
    let over = "resources: ['https://git.example.com/org/base.git//back?ref=v1']\n";
    let back = "# Back.\nresources:\n- https://git.example.com/org/base.git//over?ref=v1\n";
    let told = laid_out(&[("over/kustomization.yaml", over), ("back/kustomization.yaml", back)]);
    let told = told.expect_err("a circle");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("https://git.example.com/org/base.git at v1 leads back to itself"), "{told:?}");
    assert!(
        told[0].starts_with("back/kustomization.yaml") || told[0].starts_with("over/kustomization.yaml"),
        "{told:?}"
    );
}
