//! Rules in CEL of definitions: what they find, and that one which computes for ever costs a warning and no more.

use std::collections::BTreeMap;
use std::path::Path;

use gitops_compiler::app::{AppSpec, Directory, Source};
use gitops_compiler::compile::{Compilation, Sources, compile};
use gitops_compiler::lint::Levels;
use gitops_compiler::render::Tools;
use gitops_compiler::sandbox::{Sandbox, Strength};
use gitops_compiler::store::Store;
use gitops_compiler::tree::Snapshot;

use crate::fixture::Fixture;
use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    let world = Fixture::new(programs);
    Suite::part("rules of definitions");
    suite.test("a broken rule", broken(&world));
    suite.test("rules that do not end", endless(&world));
    suite.test("nothing is started for definitions alone", alone());
}

/// A kind with one rule.
fn definition(kind: &str, rule: &str) -> String {
    let plural = format!("{}s", kind.to_lowercase());
    format!(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.example.com}}
spec:
  group: example.com
  names: {{kind: {kind}, plural: {plural}}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            x-kubernetes-validations:
            - {{rule: \"{rule}\", message: the rule of {kind}}}
            properties:
              size: {{type: integer}}
---
"
    )
}

fn object(kind: &str) -> String {
    format!("apiVersion: example.com/v1\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  size: 3\n---\n")
}

/// A sandbox, and no programs to run in it.
struct Alone<'a>(&'a Sandbox);

impl Tools for Alone<'_> {
    fn sandbox(&self) -> Result<(&Sandbox, Strength), String> {
        Ok((self.0, Strength::Full))
    }
}

fn app() -> AppSpec {
    AppSpec::folder("app".parse().expect("a name"), Source::directory(Directory::default()))
}

/// Compiles one file, with a store.
fn compiled(sandbox: &Sandbox, text: &str, store: &Store) -> Result<Compilation, String> {
    let files = BTreeMap::from([("all.yaml".to_owned(), text.as_bytes().to_vec())]);
    let snapshot = Snapshot::from_memory(files);
    let tools = Alone(sandbox);
    let sources = Sources { tools: &tools, ..Sources::folder(&snapshot, &app()) };
    compile(&sources, &Levels::default(), Some(store), &mut |_| ()).map_err(|error| format!("{error:?}"))
}

fn told(compilation: &Compilation) -> Vec<String> {
    compilation.lints.iter().map(ToString::to_string).collect()
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("a store");
    (folder, store)
}

/// It is found, once by the worker and once from the store.
fn broken(world: &Fixture) -> Result<String, String> {
    let (_folder, store) = store();
    let text = format!("{}{}", definition("Small", "self.size < 3"), object("Small"));
    let first = compiled(&world.sandbox, &text, &store)?;
    let again = compiled(&world.sandbox, &text, &store)?;
    let expected = ["all.yaml:27:3: warning[failed-rule]: Small.example.com a: spec: the rule of Small"];
    if told(&first) == expected && told(&again) == expected && !first.memoised && again.memoised {
        Ok(expected[0].to_owned())
    } else {
        Err(format!("{:?} {:?} {}", told(&first), told(&again), again.memoised))
    }
}

/// One computes for ever and one takes all memory; a third has its say, and nothing is remembered.
fn endless(world: &Fixture) -> Result<String, String> {
    let ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let nested = |call: &str, innermost: &str| {
        (0..12).fold(innermost.to_owned(), |inner, number| format!("{ten}.{call}(x{number}, {inner})"))
    };
    let busy = nested("all", "true");
    let large = format!("size({}) > 0", nested("map", "'0123456789'"));
    let mut text = String::new();
    for (kind, rule) in [("Busy", busy.as_str()), ("Large", large.as_str()), ("Small", "self.size < 3")] {
        text += &definition(kind, rule);
        text += &object(kind);
    }
    let (_folder, store) = store();
    let compilation = compiled(&world.sandbox, &text, &store)?;
    let told = told(&compilation);
    let of = |kind: &str| told.iter().find(|lint| lint.contains(kind)).map_or("", String::as_str);
    let is_right = told.len() == 3
        && of("busys.example.com").contains("rule-not-evaluated")
        && of("larges.example.com").contains("rule-not-evaluated")
        && of("Small").contains("failed-rule");
    let again = Snapshot::from_memory(BTreeMap::from([("all.yaml".to_owned(), text.into_bytes())]));
    // Without a sandbox, so that only what was remembered could give lints.
    let remembered = compile(&Sources::folder(&again, &app()), &Levels::default(), Some(&store), &mut |_| ());
    let is_remembered = remembered.is_ok_and(|compilation| compilation.memoised || !compilation.lints.is_empty());
    if is_right && !is_remembered { Ok(told.join("; ")) } else { Err(format!("{told:#?} {is_remembered}")) }
}

/// A sandbox that cannot start anything is not missed.
fn alone() -> Result<String, String> {
    let (_folder, store) = store();
    let text = definition("Small", "self.size < 3") + "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let nothing = Sandbox::new("/nonexistent", "/nonexistent");
    let first = compiled(&nothing, &text, &store)?;
    let again = compiled(&nothing, &text, &store)?;
    if told(&first).is_empty() && again.memoised {
        Ok("it is remembered".to_owned())
    } else {
        Err(format!("{:?}", told(&first)))
    }
}
