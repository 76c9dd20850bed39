//! The cases of a corpus of health checks, and where it is.
//!
//! In: a folder with one folder for each group and kind, as Argo CD keeps them. Out: objects, and what is said of them.

use std::path::{Path, PathBuf};

use gitops_compiler::manifest::yaml::{Limits, read};
use serde_json::Value as Json;

/// One object and its health.
pub(crate) struct Case {
    /// `group/Kind`, as the folder is called.
    pub(crate) kind: String,
    /// The file of the object, without folder and ending.
    pub(crate) input: String,
    pub(crate) object: Json,
    pub(crate) status: String,
    pub(crate) message: String,
}

/// All cases, by kind and in the order of their files.
pub(crate) fn all(root: &Path) -> Vec<Case> {
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let kinds = folders(root).into_iter().flat_map(|group| folders(&group));
    let tested = kinds.filter(|kind| kind.join("health_test.yaml").exists());
    tested
        .flat_map(|kind| {
            let group = kind.parent().expect("a group");
            of_kind(&kind, &format!("{}/{}", name(group), name(&kind)))
        })
        .collect()
}

fn of_kind(folder: &Path, title: &str) -> Vec<Case> {
    let test = document(&folder.join("health_test.yaml"));
    let tests = test["tests"].as_array().unwrap_or_else(|| panic!("{title} has no tests"));
    let case = |test: &Json| {
        // Argo CD spells it in both ways.
        let path = test["inputPath"].as_str().or_else(|| test["inputpath"].as_str()).expect("a path");
        let said = |field: &str| test["healthStatus"][field].as_str().unwrap_or_default().to_owned();
        Case {
            kind: title.to_owned(),
            input: path.trim_start_matches("testdata/").trim_end_matches(".yaml").to_owned(),
            object: document(&folder.join(path)),
            status: said("status"),
            message: said("message"),
        }
    };
    tests.iter().map(case).collect()
}

/// The first document of a file, as kubectl reads it.
pub(crate) fn document(path: &Path) -> Json {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let documents = read(&bytes, Limits::default()).into_documents();
    let documents = documents.unwrap_or_else(|problems| panic!("{}: {problems:?}", path.display()));
    documents.first().map_or(Json::Null, |document| (&document.value).into())
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    found.sort();
    found
}
