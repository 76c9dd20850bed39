//! Applications as their users write them.

use super::*;
use crate::diagnostic::Level;

fn read_text(text: &str) -> (Vec<Application>, Vec<String>) {
    let (applications, findings) = read("app.yaml", text.as_bytes());
    (applications, findings.iter().map(ToString::to_string).collect())
}

fn one(spec: &str) -> String {
    format!("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: shop\nspec:\n{spec}")
}

#[test]
fn an_application_is_read_with_all_of_its_source() {
    let text = one("  project: web
  destination: {server: https://kubernetes.default.svc, namespace: shop}
  syncPolicy: {automated: {prune: true}}
  source:
    repoURL: https://git.example.com/shop.git
    path: chart
    targetRevision: v1.2
    directory: null
    helm:
      valueFiles: [a.yaml, $values/b.yaml]
      valuesObject: {image: {tag: null}}
      parameters: [{name: x, value: '1', forceString: true}]
");
    let (applications, findings) = read_text(&text);
    assert_eq!(findings, [""; 0]);
    let application = &applications[0];
    let helm = application.sources()[0].helm.as_ref().expect("a helm block");
    assert_eq!(helm.value_files, ["a.yaml", "$values/b.yaml"]);
    assert_eq!(helm.values_object, Some(serde_json::json!({"image": {"tag": null}})));
    assert!(helm.parameters[0].force_string && application.sources()[0].directory.is_none());
    let spec = AppSpec::from(application);
    assert_eq!((spec.project.as_str(), spec.namespace.as_str(), spec.last_wins), ("web", "shop", true));
}

#[test]
fn passwords_of_addresses_are_not_told() {
    assert_eq!(without_user("https://anna:secret@example.com/a@b"), "https://example.com/a@b");
    assert_eq!(without_user("git@example.com:a"), "git@example.com:a");
}

#[test]
fn sources_count_more_than_a_source() {
    let text = one("  source: {repoURL: a, path: x}
  sources:
  - {repoURL: b, path: z}
  - {repoURL: c, ref: values}
");
    let (applications, findings) = read_text(&text);
    assert_eq!(findings, [""; 0]);
    let sources = applications[0].sources();
    assert_eq!((sources.len(), sources[1].only_lends()), (2, true));
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_all_at_once() {
    let text = one("  source: {repoURL: a, path: ../x, chart: z, nonsense: 1}
  destination: {server: a, name: b}
  wrong: {}
");
    let (applications, findings) = read_text(&text);
    assert!(applications.is_empty());
    assert_eq!(
        findings,
        [
            "app.yaml:6:3: error: a source has a `path` or a `chart`, not both",
            "app.yaml:6:24: error: the path `../x` leads out of the repository",
            "app.yaml:6:46: warning[unknown-application-field]: `spec.source.nonsense` is no field that is known here: \
             it has no effect",
            "app.yaml:7:3: error: a destination has a `server` or a `name`, not both",
            "app.yaml:8:3: warning[unknown-application-field]: `spec.wrong` is no field that is known here: it has no \
             effect",
        ]
    );
}

#[test]
fn a_value_of_another_type_is_told_with_its_place() {
    let text =
        one("  source:\n    repoURL: a\n    path: x\n    helm:\n      parameters:\n      - {name: a, value: 1}\n");
    let (_, findings) = read_text(&text);
    assert_eq!(findings, ["app.yaml:11:19: error: invalid type: integer `1`, expected a string"]);
}

#[test]
fn what_is_no_application_is_refused_by_name() {
    let (_, findings) = read_text("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\n---\nkind: Pod\n");
    assert_eq!(findings.len(), 2);
    assert!(findings[0].contains("an ApplicationSet is not read"), "{findings:?}");
    let (_, findings) = read_text("# nothing\n");
    assert_eq!(findings, ["app.yaml: error: there is no Application in this file"]);
    let hydrator = one("  sourceHydrator: {drySource: {}}\n");
    assert!(read_text(&hydrator).1[0].contains("a source hydrator is not run"));
}

#[test]
fn parameter_files_change_how_a_source_is_rendered_and_nothing_else() {
    let source = Source {
        repo_url: "https://git.example.com/shop.git".to_owned(),
        path: "shop".to_owned(),
        kustomize: Some(Kustomize { name_prefix: "a-".to_owned(), ..Kustomize::default() }),
        ..Source::default()
    };
    let mut lints = Vec::new();
    let text = b"repoURL: https://evil.example.com\npath: /etc\nkustomize:\n  images: [web:2]\n  color: red\n";
    let merged = source.with_overrides("x/.argocd-source.yaml", text, &mut lints).expect("a sound file");
    let kustomize = merged.kustomize.as_ref().expect("a block");
    assert_eq!((kustomize.name_prefix.as_str(), &kustomize.images[..]), ("a-", &["web:2".to_owned()][..]));
    assert_eq!((merged.repo_url, merged.path), (source.repo_url.clone(), source.path.clone()));
    assert_eq!(
        lints[0].to_string(),
        "x/.argocd-source.yaml:5:10: warning[unknown-application-field]: `kustomize/color` is no field that is known here: it has no effect"
    );

    let passed = source.with_overrides("f", b"helm: {passCredentials: true, releaseName: a}\n", &mut lints);
    let helm = passed.expect("a sound file").helm.expect("a block");
    assert_eq!((helm.pass_credentials, helm.release_name.as_str()), (false, "a"));
    assert_eq!(
        lints[1].to_string(),
        "f:1:25: warning[unknown-application-field]: `helm/passCredentials` has no effect here: only the Application says who \
         learns credentials"
    );

    let gone = source.with_overrides("f", b"kustomize: null\n", &mut lints).expect("a sound file");
    assert_eq!(gone.kustomize, None);
    for (wrong, place) in [("a: [", "f:2:1"), ("- a\n", "f:1"), ("kustomize:\n  images: {}\n", "f:2:11")] {
        let error = source.with_overrides("f", wrong.as_bytes(), &mut lints).expect_err("a fault");
        assert_eq!((error.level, error.origin.to_string().as_str()), (Level::Error, place), "{error}");
    }
}
