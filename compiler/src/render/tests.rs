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
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let tree = Tree::of_folder(Snapshot::from_memory(files));
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
