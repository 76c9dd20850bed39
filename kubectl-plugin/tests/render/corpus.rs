//! Real repositories: every kustomization and every chart in them gives what its renderer gives, or is refused by us with
//! a reason, or by the renderer, too. Skipped with a word where the corpus is absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::material::{part, say};
use crate::world::{Ended, helm, kubectl, objects, peer, run_in};

/// What became of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The same objects.
    Equal,
    /// The folder has parameters for us, which the renderer does not read.
    Parameters,
    /// The renderer alone gives other objects each time.
    Random,
    /// The renderer wants its dependencies to be put beside it first, which we do.
    Dependencies,
    BothRefuse,
    WeRefuse,
    Different,
    TheyRefuse,
}

#[derive(Default)]
struct Table {
    counts: BTreeMap<Outcome, usize>,
    notable: Vec<String>,
}

impl Table {
    fn add(&mut self, name: &str, outcome: Outcome, why: &str) {
        *self.counts.entry(outcome).or_default() += 1;
        if outcome != Outcome::Equal {
            self.notable.push(format!("{outcome:?} {name}: {why}"));
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    let output = command.args(arguments).current_dir(folder).output().expect("git starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The folders below `root` that hold one of these files.
fn folders_with(root: &Path, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(root.join(&folder)).expect("readable").flatten() {
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), folder.join(entry.file_name()));
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) && name != ".git" {
                waiting.push(path);
            } else if names.contains(&name.as_str()) {
                found.push(folder.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn ours(root: &Path, home: &Path, path: &str) -> Ended {
    let path = if path.is_empty() { "." } else { path };
    run_in(root, home, &["compile", "web", "--path", path, "-o", "yaml", "--allow", "all"])
}

fn compare(table: &mut Table, root: &Path, name: &str, ours: &Ended, run: impl Fn() -> Output) {
    let theirs = run();
    let reason = ours.stderr.lines().find(|line| line.contains("error")).unwrap_or_default();
    let said = String::from_utf8_lossy(&theirs.stderr).lines().next().unwrap_or_default().to_owned();
    let outcome = match (ours.code, theirs.status.success()) {
        (0, true) if objects(ours.stdout.as_bytes()) == objects(&theirs.stdout) => Outcome::Equal,
        (0, true) if root.join(name).join(".argocd-source.yaml").exists() => Outcome::Parameters,
        (0, true) if objects(&run().stdout) != objects(&theirs.stdout) => Outcome::Random,
        (0, true) => Outcome::Different,
        (0, false) if said.contains("missing in charts/ directory") => Outcome::Dependencies,
        (0, false) => Outcome::TheyRefuse,
        (2, true) => Outcome::WeRefuse,
        (2, false) => Outcome::BothRefuse,
        (code, _) => panic!("{name}: exit {code}: {}", ours.stderr),
    };
    table.add(name, outcome, if outcome == Outcome::TheyRefuse { &said } else { reason });
}

/// Compares every kustomization and every chart below a checkout.
fn compare_all(root: &Path) -> (Table, Table) {
    let home = tempfile::tempdir().expect("a folder");
    let (mut kustomizations, mut charts) = (Table::default(), Table::default());
    let every = if std::env::var_os("GITOPS_LONG").is_some() { 1 } else { 8 };
    let names = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
    for folder in folders_with(root, &names).into_iter().step_by(every) {
        let theirs = || peer(kubectl(), root, &["kustomize", if folder.is_empty() { "." } else { &folder }]);
        compare(&mut kustomizations, root, &folder, &ours(root, home.path(), &folder), theirs);
    }
    for folder in folders_with(root, &["Chart.yaml"]) {
        let arguments = ["template", "web", &folder, "--include-crds", "--kube-version", "1.37"];
        let theirs = || peer(helm(), root, &arguments);
        compare(&mut charts, root, &folder, &ours(root, home.path(), &folder), theirs);
    }
    (kustomizations, charts)
}

fn checkout(bundle: &str) -> Option<tempfile::TempDir> {
    let bundle = part(&format!("git/{bundle}"))?;
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["clone", "--quiet", &bundle.to_string_lossy(), "."]);
    Some(folder)
}

/// Prints what became of all, and fails where what we give is not what the renderer gives.
fn judge(name: &str, (kustomizations, charts): (Table, Table)) {
    for (kind, table) in [("kustomizations", kustomizations), ("charts", charts)] {
        say(&format!("{name}: {kind}: {:?}", table.counts));
        for line in &table.notable {
            say(&format!("  {line}"));
        }
        let wrong = [Outcome::Different, Outcome::TheyRefuse];
        assert!(wrong.iter().all(|outcome| !table.counts.contains_key(outcome)), "{:#?}", table.notable);
    }
}

#[test]
fn the_example_applications_of_argo_cd() {
    if let Some(checkout) = checkout("argocd-example-apps.bundle") {
        judge("argocd-example-apps", compare_all(checkout.path()));
    }
}

#[test]
fn the_kustomizations_of_kubeflow() {
    if let Some(checkout) = checkout("kubeflow-manifests.bundle") {
        judge("kubeflow-manifests", compare_all(checkout.path()));
    }
}

#[test]
fn the_test_applications_of_argo_cd() {
    for name in ["apps", "sources"] {
        let Some(from) = part(&format!("argocd/{name}")) else { continue };
        let folder = tempfile::tempdir().expect("a folder");
        let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(folder.path()).status().expect("cp starts");
        assert!(copied.success());
        git(folder.path(), &["init", "--quiet"]);
        judge(name, compare_all(folder.path()));
    }
}
