//! The definitions of Applications and AppProjects, asked of a real API server: what people write is taken with strict
//! validation and kept whole, what nobody knows is refused.

use std::collections::BTreeSet;

use gitops_compiler::app;
use gitops_compiler::manifest::yaml;
use kubectl_gitops::project::AppProject;
use serde_json::{Value as Json, json};

use crate::support::{World, corpus};
use crate::whole::{APPLICATION, PROJECT, REFUSED};
use crate::{cluster, create, define, published};

/// The samples that people start from.
const SAMPLE: &str = "
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: first
spec:
  project: default
  source:
    repoURL: 'https://git.example.com/shop/deploy.git'
    path: manifests
    targetRevision: HEAD
  destination:
    server: 'https://kubernetes.default.svc'
    namespace: shop
  syncPolicy:
    automated:
      prune: true
      selfHeal: true
  webhook:
    gitlab:
      - url: https://gitops.example.com/api/webhook
        secret: a-secret
";

/// A document, as kubectl reads it.
fn read(text: &str) -> Json {
    let reading = yaml::read(text.as_bytes(), yaml::Limits::default());
    Json::from(&reading.documents.first().expect("a document").value)
}

/// Fails where something of `asked` is not in `kept`.
fn assert_kept(asked: &Json, kept: &Json, place: &str) {
    match asked {
        Json::Object(map) => {
            for (key, value) in map {
                assert_kept(value, &kept[key], &format!("{place}/{key}"));
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                assert_kept(value, &kept[index], &format!("{place}/{index}"));
            }
        }
        other => assert_eq!(other, kept, "{place}"),
    }
}

#[test]
fn what_people_write_is_taken_and_kept_whole() {
    let (_cluster, world) = cluster("definitions");
    define(&world);
    for kind in ["applications", "appprojects"] {
        let definition: Json =
            serde_json::from_str(&world.kubectl(&["get", "crd", &format!("{kind}.argoproj.io"), "-o", "json"]))
                .expect("JSON");
        let structural = |condition: &&Json| condition["type"] == "NonStructuralSchema";
        let conditions = definition["status"]["conditions"].as_array().expect("conditions");
        assert_eq!(conditions.iter().find(structural), None, "{kind}");
    }
    for object in [SAMPLE, APPLICATION, REFUSED, PROJECT] {
        let kept = create(&world, object).unwrap_or_else(|told| panic!("{told}\n{object}"));
        assert_kept(&read(object), &kept, "");
    }
    let columns = world.kubectl(&["get", "apps", "whole", "-n", &world.name, "-o", "wide"]);
    let words = |line: usize| columns.lines().nth(line).unwrap_or_default().split_whitespace().collect::<Vec<_>>();
    assert_eq!(words(0), ["NAME", "SYNC", "STATUS", "HEALTH", "STATUS", "REVISION", "PROJECT"]);
    assert_eq!(words(1), ["whole", "Synced", "Healthy", "8f3c2a1", "shop"]);
    world.kubectl(&["get", "appproj", "whole", "-n", &world.name]);
    // There is no status subresource: who writes an Application writes its status.
    let patch = json!({"status": {"sync": {"status": "OutOfSync"}}}).to_string();
    world.kubectl(&["patch", "app", "whole", "-n", &world.name, "--type=merge", "-p", &patch]);
    assert_eq!(world.get("app", "whole")["status"]["sync"]["status"], "OutOfSync");
    what_nobody_knows_is_refused(&world);
    real_ones_are_taken(&world);
}

fn what_nobody_knows_is_refused(world: &World) {
    for (pointer, value, why) in [
        ("/spec/sorce", json!({}), "unknown field \"spec.sorce\""),
        ("/spec/webhook/gitlabb", json!([]), "unknown field \"spec.webhook.gitlabb\""),
        ("/spec/source/helm/valuefiles", json!([]), "unknown field"),
        ("/spec/source/path", json!(1), "spec.source.path"),
        ("/spec/project", Json::Null, "spec.project: Required value"),
        ("/spec/destination", Json::Null, "spec.destination: Required value"),
        ("/spec/source/repoURL", Json::Null, "spec.source.repoURL: Required value"),
    ] {
        let mut object = read(SAMPLE);
        object["metadata"]["name"] = json!("wrong");
        object["spec"]["source"]["helm"] = json!({"releaseName": "x"});
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        let parent = object.pointer_mut(parent).and_then(Json::as_object_mut).expect("a map");
        if value.is_null() {
            parent.remove(field);
        } else {
            parent.insert(field.to_owned(), value);
        }
        let told = create(world, &object.to_string()).expect_err(pointer);
        assert!(told.contains(why), "{pointer}: {told}");
    }
}

/// Applications of others, where the corpus is.
fn real_ones_are_taken(world: &World) {
    let mut files = Vec::new();
    for part in ["argocd/apps", "../seed"] {
        let mut folders: Vec<_> = corpus::part(part).into_iter().collect();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "yaml") {
                    files.push(path);
                }
            }
        }
    }
    let mut taken = 0;
    for path in files {
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
        for document in text.split("\n---").filter(|part| part.contains("kind: Application\n")) {
            let mut object = read(document);
            if object["kind"] != "Application" {
                continue;
            }
            object["metadata"] = json!({"name": format!("real-{taken}")});
            create(world, &object.to_string()).unwrap_or_else(|told| panic!("{}: {told}", path.display()));
            taken += 1;
        }
    }
    corpus::say(&format!("{taken} Applications of the corpus are taken"));
}

#[test]
fn the_reader_knows_every_field_of_the_definition() {
    let (applications, findings) = app::read("whole.yaml", APPLICATION.as_bytes());
    assert_eq!((applications.len(), findings.as_slice()), (1, &[][..]));
    let project = AppProject::read(&read(PROJECT)).expect("a project");
    assert_eq!(project.not_enforced(), ["signatureKeys", "sourceIntegrity"]);
}

#[test]
fn the_whole_objects_have_every_field_of_the_definitions() {
    for (file, objects) in [("application.yaml", vec![APPLICATION, REFUSED]), ("appproject.yaml", vec![PROJECT])] {
        let definition = read(&std::fs::read_to_string(published(file)).expect("a definition"));
        let (mut defined, mut written) = (BTreeSet::new(), BTreeSet::new());
        fields_of_schema(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"], "", &mut defined);
        for object in objects {
            fields_of(&read(object), "", &mut written);
        }
        let missing: Vec<_> = defined.difference(&written).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
        assert!(defined.len() > 40, "{file}: {defined:?}");
    }
}

/// Each field with the field that it is in; what is of one shape goes by one name.
fn field(parent: &str, field: &str) -> (String, String) {
    let parent = match parent {
        "sources" | "drySource" => "source",
        "github" | "gitea" | "gogs" | "bitbucket" | "bitbucketserver" | "azuredevops" => "gitlab",
        "clusterResourceBlacklist" => "clusterResourceWhitelist",
        "namespaceResourceWhitelist" => "namespaceResourceBlacklist",
        "tlas" => "extVars",
        "hook" => "apply",
        other => other,
    };
    (parent.to_owned(), field.to_owned())
}

fn fields_of_schema(schema: &Json, parent: &str, found: &mut BTreeSet<(String, String)>) {
    if schema["type"] == "array" {
        return fields_of_schema(&schema["items"], parent, found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(field(parent, name));
        fields_of_schema(inner, name, found);
    }
}

fn fields_of(value: &Json, parent: &str, found: &mut BTreeSet<(String, String)>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| fields_of(item, parent, found)),
        Json::Object(map) => {
            for (name, inner) in map {
                found.insert(field(parent, name));
                fields_of(inner, name, found);
            }
        }
        _ => {}
    }
}
