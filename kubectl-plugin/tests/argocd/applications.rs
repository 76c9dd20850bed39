//! Argo CD's test applications with hooks, waves and needs, one after another on the real cluster: the order that the server
//! saw, against Argo CD's rules.
//!
//! Each is applied, synced again with its hooks, emptied, applied again and deleted. Where Argo CD's own tests change the files
//! of an application before they apply it, so does this.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use gitops_testdata::repository::RepositoryBuilder;

use super::application::{Application, End};
use super::observed::Verdict;
use super::rules::ASKED;
use super::support::corpus::{is_long, part, say};

const HOOK: &str = "argocd.argoproj.io/hook";
const WAVE: &str = "argocd.argoproj.io/sync-wave";
const OPTIONS: &str = "argocd.argoproj.io/sync-options";

const LIVE: Application =
    Application { path: "", title: "", annotations: &[], health: None, left_out: &[], blocked: None, end: End::Live };

/// In the order of the table; the first few are the short run.
const APPLICATIONS: [Application; 21] = [
    Application { path: "sync-waves", ..LIVE },
    Application {
        path: "hook-resource-deleted-externally",
        title: "PreSync",
        annotations: &[("hook.yaml", HOOK, "PreSync")],
        ..LIVE
    },
    Application {
        path: "failure-during-sync",
        title: "an invalid label",
        end: End::Fails { code: 3, says: "a valid label must be", absent: &["failure-during-sync"] },
        ..LIVE
    },
    Application { path: "hook-resource-deleted-externally", title: "Sync", ..LIVE },
    Application {
        path: "hook-resource-deleted-externally",
        title: "PostSync",
        annotations: &[("hook.yaml", HOOK, "PostSync")],
        ..LIVE
    },
    Application { path: "cluster-role-hook", ..LIVE },
    Application { path: "hook-and-deployment", ..LIVE },
    Application { path: "hook-custom-health", ..LIVE },
    Application {
        path: "hook-custom-health",
        title: "a hook that never ends",
        health: Some("return { status = obj.annotations and obj.annotations['health'] or 'Progressing' }"),
        end: End::Fails { code: 3, says: "not ready after 6 s: it does not say why", absent: &["guestbook-ui"] },
        ..LIVE
    },
    Application { path: "multi-namespace-hook", ..LIVE },
    Application {
        path: "sync-waves",
        title: "a wave that is degraded",
        health: Some(
            "return { status = obj.metadata.annotations and obj.metadata.annotations['health'] or 'Degraded' }",
        ),
        end: End::Fails { code: 3, says: "not tried", absent: &["cm-2"] },
        ..LIVE
    },
    Application {
        path: "sync-waves",
        title: "that is mended",
        annotations: &[("cm-1.yaml", "health", "Healthy"), ("cm-2.yaml", "health", "Healthy")],
        health: Some(
            "return { status = obj.metadata.annotations and obj.metadata.annotations['health'] or 'Healthy' }",
        ),
        ..LIVE
    },
    Application {
        path: "two-nice-pods",
        title: "waves; a finalizer holds the last",
        annotations: &[("pod-1.yaml", WAVE, "1"), ("pod-2.yaml", WAVE, "2")],
        blocked: Some("pod-2"),
        ..LIVE
    },
    Application {
        path: "two-nice-pods",
        title: "Prune=false",
        annotations: &[("pod-1.yaml", OPTIONS, "Prune=false")],
        ..LIVE
    },
    Application { path: "crashing-guestbook", ..LIVE },
    Application { path: "guestbook-with-namespace-manifest", ..LIVE },
    Application { path: "multi-sync", ..LIVE },
    Application { path: "crd-subresource", ..LIVE },
    Application {
        path: "duplicated-resources",
        title: "each once",
        left_out: &["namespace: default", "namespace: kube-system"],
        ..LIVE
    },
    Application {
        path: "duplicated-resources",
        title: "one object by three names",
        end: End::Fails {
            code: 2,
            says: "are the same object in this target",
            absent: &["cluster-dummy-crd-instance"],
        },
        ..LIVE
    },
    Application {
        path: "global-with-no-namespace",
        title: "a kind that is not served",
        end: End::Fails { code: 2, says: "the server does not serve Console", absent: &[] },
        ..LIVE
    },
];

/// How many the short run takes.
const SHORT: usize = 3;

/// Those of its examples: Helm's hooks, names that are generated, waves among hooks and content.
const EXAMPLES: [Application; 3] = [
    Application { path: "sync-waves", ..LIVE },
    Application { path: "helm-hooks", ..LIVE },
    Application { path: "pre-post-sync", ..LIVE },
];

#[test]
fn argo_cds_applications_come_and_go_in_its_order() {
    let Some(folder) = part("argocd/apps") else { return };
    run_all(&folder, &APPLICATIONS[..if is_long() { APPLICATIONS.len() } else { SHORT }]);
}

#[test]
fn argo_cds_examples_come_and_go_in_its_order() {
    if !is_long() {
        return say("SKIPPED: GITOPS_LONG=1 takes Argo CD's examples, too");
    }
    let Some(bundle) = part("git/argocd-example-apps.bundle") else { return };
    let (home, elsewhere) = (tempfile::tempdir().expect("a folder"), RepositoryBuilder::new().expect("a repository"));
    let (bundle, path) = (bundle.display().to_string(), home.path().join("examples"));
    elsewhere.git(&["clone", "--quiet", &bundle, &path.display().to_string()]).expect("cloned");
    run_all(&path, &EXAMPLES);
}

/// One table at a time: what is outside of namespaces has the same name in both.
static TABLE: Mutex<()> = Mutex::new(());

fn run_all(folder: &Path, applications: &[Application]) {
    let _table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let head: Vec<String> = ASKED.iter().map(|(_, word)| format!("{word:>6}")).collect();
    say(&format!("{:58} constraints {} violated  kinds in its order", "application", head.join(" ")));
    let (mut all, mut wrong) = (Verdict::default(), Vec::new());
    for application in applications {
        let (verdict, refused) = application.run(folder);
        let title = if application.title.is_empty() { String::new() } else { format!(", {}", application.title) };
        let name = format!("{}{title}", application.path);
        say(&row(&name, &verdict, refused.as_deref()));
        wrong.extend(verdict.violated.iter().map(|violated| format!("{name}: {violated}")));
        all.add(verdict);
    }
    say(&row("all", &all, None));
    assert!(all.checked.values().sum::<usize>() > applications.len(), "rules were checked");
    assert_eq!(wrong, Vec::<String>::new());
}

fn row(name: &str, verdict: &Verdict, refused: Option<&str>) -> String {
    let counts: Vec<usize> =
        ASKED.iter().map(|(rule, _)| verdict.checked.get(rule).copied().unwrap_or_default()).collect();
    let each: Vec<String> = counts.iter().map(|count| format!("{count:6}")).collect();
    let total: usize = counts.iter().sum();
    let (kept, kinds) = verdict.kinds;
    let kinds = if kinds == 0 { String::new() } else { format!("{kept} of {kinds}") };
    let refused = refused.map(|why| format!("  {why}")).unwrap_or_default();
    format!("{name:58} {total:11} {} {:8}  {kinds}{refused}", each.join(" "), verdict.violated.len())
}
