//! Transcripts of every command that needs no cluster: exit code, stdout and stderr, as a user gets them.
//!
//! To accept what changed: `INSTA_UPDATE=always cargo test -p gitops-snapshots --test offline`, then read the
//! difference as a new user would.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use gitops_testdata::repository::RepositoryBuilder;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
const CONFIG: &str = "# What the web server shows.\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: shop\ndata:\n  greeting: hello\n";
const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: database\n  namespace: shop\nstringData:\n  password: hunter2\n";
const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1.4.0
        envFrom:
        - configMapRef: {name: web}
        - secretRef: {name: database}
---
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  selector: {app: web}
  ports:
  - port: 80
";

/// A repository, and a home in which nothing was ever configured.
struct Example {
    repository: RepositoryBuilder,
    home: tempfile::TempDir,
}

/// A shop of five objects in two commits: the second greets differently, runs more, and has a new password.
fn example() -> Example {
    let example = empty();
    example.write("shop/namespace.yaml", NAMESPACE).write("shop/config.yaml", CONFIG);
    example.write("shop/database.yaml", SECRET).write("shop/web.yaml", WEB);
    example.repository.commit("The shop").expect("committed");
    example.write("shop/config.yaml", &CONFIG.replace("hello", "welcome"));
    example.write("shop/database.yaml", &SECRET.replace("hunter2", "correct horse"));
    example.write("shop/web.yaml", &WEB.replace("replicas: 2", "replicas: 3"));
    example.repository.commit("Greet, and grow").expect("committed");
    example
}

fn empty() -> Example {
    let home = tempfile::Builder::new().prefix("gitops-home-").tempdir().expect("a home");
    Example { repository: RepositoryBuilder::new().expect("a repository"), home }
}

impl Example {
    fn write(&self, path: &str, text: &str) -> &Self {
        self.repository.write(path, text).expect("written");
        self
    }

    /// What happens in the root of the repository.
    fn run(&self, arguments: &[&str]) -> String {
        self.run_in(self.repository.path(), arguments)
    }

    fn run_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let program = gitops_testdata::binary::path("kubectl-gitops").expect("it is built");
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .output()
            .expect("it runs");
        let transcript = transcript(arguments, &output);
        let transcript = transcript.replace(self.repository.path().to_str().expect("text"), "[repository]");
        transcript.replace(self.home.path().to_str().expect("text"), "[home]")
    }
}

fn transcript(arguments: &[&str], output: &Output) -> String {
    let quote = |argument: &&str| if argument.contains(' ') { format!("'{argument}'") } else { (*argument).to_owned() };
    let command = arguments.iter().map(quote).collect::<Vec<_>>().join(" ");
    let code = output.status.code().expect("it was not killed");
    let mut text = format!("$ kubectl gitops {command}\nexit code {code}\n");
    for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        if !bytes.is_empty() {
            let _ = write!(text, "── {name}\n{}", String::from_utf8_lossy(bytes));
        }
    }
    text + "\n"
}

#[test]
fn parse_shows_what_kubectl_would_read() {
    let example = example();
    example.write("twice.yaml", &format!("{CONFIG}  greeting: twice\n  answer: 0o17\n  on: yes\n"));
    example.write("broken.yaml", &format!("{CONFIG}---\nkind: [ConfigMap\nmetadata: {{}}\n"));
    let files = ["shop/web.yaml", "twice.yaml", "broken.yaml", "nowhere.yaml"];
    insta::assert_snapshot!("parse", files.map(|file| example.run(&["parse", "-f", file])).concat());
}

#[test]
fn compile_prints_an_id_a_table_manifests_or_data() {
    let example = example();
    let outputs = ["id", "table", "yaml", "json"];
    let all = outputs.map(|output| example.run(&["compile", "shop", "--path", "shop", "-o", output]));
    insta::assert_snapshot!("compile", all.concat());
}

#[test]
fn check_has_an_outcome_for_each_application() {
    let example = example();
    example.write("broken/a.yaml", &format!("{CONFIG}  on: yes\n---\nkind: ConfigMap\n"));
    example.write("words/main.jsonnet", "{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'words' } }\n");
    let application = |name: &str| {
        let source = format!("source: {{repoURL: 'https://git.example.com/shop', path: {name}}}");
        let destination = "destination: {namespace: shop}";
        let kind = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n";
        format!("---\n{kind}metadata: {{name: {name}}}\nspec:\n  {destination}\n  {source}\n")
    };
    example.write("applications.yaml", &["shop", "broken", "words", "nowhere"].map(application).concat());
    example.repository.git(&["config", "remote.origin.url", "https://git.example.com/shop"]).expect("configured");
    let one = example.run(&["check", "shop", "--path", "shop"]);
    let all = ["text", "json"].map(|output| example.run(&["check", "-f", "applications.yaml", "-o", output]));
    insta::assert_snapshot!("check", without_recipes(&[one, all.concat()].concat()));
}

/// A recipe of ours is another with each change of our code.
fn without_recipes(transcript: &str) -> String {
    let line = |line: &str| match line.split_once("\"recipe\": ") {
        Some((before, _)) => format!("{before}\"recipe\": \"d1-…\",\n"),
        None => format!("{line}\n"),
    };
    transcript.lines().map(line).collect()
}

#[test]
fn compile_reads_the_folder_one_stands_in_at_any_revision() {
    let example = example();
    let shop = example.repository.path().join("shop");
    let here = example.run_in(&shop, &["compile"]);
    let before = example.run_in(&shop, &["compile", "--revision", "HEAD~1"]);
    insta::assert_snapshot!("compile_here", [here, before].concat());
}

#[test]
fn compile_tells_the_errors_of_all_files_at_once() {
    let example = example();
    example.write("shop/config.yaml", &format!("{CONFIG}  greeting: twice\n"));
    example.write("shop/broken.yaml", "apiVersion: v1\nkind: ConfigMap\n  metadata:\n");
    example.write("shop/nameless.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n");
    example.write("shop/kindless.yaml", "apiVersion: v1\nmetadata:\n  name: x\n");
    example.write("shop/again.yaml", SECRET);
    insta::assert_snapshot!("compile_errors", example.run(&["compile", "--path", "shop"]));
}

#[test]
fn compile_hints_at_folders_below() {
    let example = example();
    let root = example.run(&["compile"]);
    let recursive = example.run(&["compile", "-R", "-o", "id"]);
    let nowhere = example.run(&["compile", "--path", "nowhere"]);
    let outside = example.run(&["compile", "--path", "../other"]);
    let excluded = example.run(&["compile", "-R", "--exclude", "*.yaml"]);
    insta::assert_snapshot!("compile_folders", [root, recursive, nowhere, outside, excluded].concat());
}

#[test]
fn a_circle_is_an_error_that_shows_the_way_around() {
    let example = empty();
    let config = |name: &str, after: &str| {
        let annotation = format!("config.kubernetes.io/depends-on: /namespaces/shop/ConfigMap/{after}");
        let metadata = format!("  name: {name}\n  namespace: shop\n  annotations:\n    {annotation}\n");
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n{metadata}")
    };
    example.write("a.yaml", &config("a", "b")).write("b.yaml", &config("b", "a"));
    insta::assert_snapshot!("compile_circle", example.run(&["compile"]));
}

#[test]
fn what_the_scanner_of_yaml_gives_up_on_is_an_error_of_the_document() {
    let example = empty();
    example.write("a.yaml", "[!a, \"\\'x\"]\n");
    insta::assert_snapshot!("scanner_panic", example.run(&["parse", "-f", "a.yaml"]));
}

#[test]
fn lints_have_names_and_levels() {
    let example = empty();
    let text = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  a: \"YQ==\"\n---\n\
                apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata:\n  name: b\nspec:\n  paused: yes\n  \
                template:\n    spec:\n      containers:\n        - {name: main, image: nginx}\n";
    example.write("a.yaml", text);
    let compile = |more: &[&str]| example.run(&[&["compile", "-o", "id"], more].concat());
    let outputs = [
        compile(&[]),
        // A second time it is known, and the lints are the same.
        compile(&[]),
        compile(&["--allow", "removed-api,mutable-image"]),
        compile(&["--deny", "all", "--allow", "yaml-1.1-boolean"]),
        compile(&["--deny", "plaintext-secret", "--allow", "all"]),
        compile(&["--deny", "nonsense"]),
    ];
    insta::assert_snapshot!("lints", outputs.concat());
}

#[test]
fn manifests_are_for_a_version_of_kubernetes() {
    let example = empty();
    let text = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata:\n  name: a\n";
    example.write("a.yaml", text);
    let compile = |more: &[&str]| example.run(&[&["compile", "-o", "id"], more].concat());
    let outputs = [
        compile(&[]),
        compile(&["--kubernetes-version", "v1.37.2"]),
        compile(&["--kubernetes-version", "1.30"]),
        compile(&["--kubernetes-version", "1.30", "--allow", "schemas-not-shipped"]),
        compile(&["--kubernetes-version", "1.28", "--allow", "schemas-not-shipped"]),
        compile(&["--kubernetes-version", "latest"]),
    ];
    insta::assert_snapshot!("kubernetes_version", outputs.concat());
}

#[test]
fn graph_shows_who_waits_for_whom() {
    let example = example();
    let outputs = ["text", "dot", "mermaid"];
    let all = outputs.map(|output| example.run(&["graph", "shop", "--path", "shop", "-o", output]));
    insta::assert_snapshot!("graph", all.concat());
    insta::assert_snapshot!("graph_svg", example.run(&["graph", "shop", "--path", "shop", "-o", "svg"]));
}

#[test]
fn graph_explains_why() {
    let example = example();
    let explain = |from, to| example.run(&["graph", "--path", "shop", "--explain", from, to]);
    let found = explain("Deployment/web", "ConfigMap/web");
    let chain = explain("deployment/shop/web", "Namespace/shop");
    let other_way = explain("ConfigMap/web", "Deployment/web");
    let itself = explain("ConfigMap/web", "ConfigMap/web");
    let unknown = explain("Deployment/wbe", "ConfigMap/web");
    let data =
        example.run(&["graph", "--path", "shop", "--explain", "Deployment/web", "Secret/database", "-o", "json"]);
    let picture =
        example.run(&["graph", "--path", "shop", "--explain", "Deployment/web", "Secret/database", "-o", "dot"]);
    let all = [found, chain, other_way, itself, unknown, data, picture];
    insta::assert_snapshot!("graph_explain", all.concat());
}

/// A controller and its custom resource, waves, and a ConfigMap that waits for the pod that reads it.
const OPERATOR: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: operator}
rules:
- {apiGroups: [acme.io], resources: [offers/finalizers], verbs: [update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: operator}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: operator}
subjects:
- {kind: ServiceAccount, name: operator, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: shop}
spec:
  selector: {matchLabels: {app: operator}}
  template:
    metadata: {labels: {app: operator}}
    spec:
      serviceAccountName: operator
      containers:
      - {name: operator, image: 'registry.example.com/operator:1.0.0', envFrom: [{configMapRef: {name: operator}}]}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: operator
  namespace: shop
  annotations: {config.kubernetes.io/depends-on: apps/namespaces/shop/Deployment/operator}
---
apiVersion: acme.io/v1
kind: Offer
metadata:
  name: spring
  namespace: shop
  annotations: {argocd.argoproj.io/sync-wave: '1'}
spec: {shelf: {name: window}}
---
apiVersion: acme.io/v1
kind: Shelf
metadata: {name: window, namespace: shop}
";

#[test]
fn graph_explains_chains_and_what_was_left_out_and_what_orders_deletion() {
    let example = empty();
    example.write("shop/operator.yaml", OPERATOR).write("shop/namespace.yaml", NAMESPACE);
    let explain = |from, to| example.run(&["graph", "--path", "shop", "--explain", from, to]);
    let mut all = vec![
        explain("Offer/spring", "ClusterRole/operator"),
        explain("Offer/spring", "wave 0"),
        explain("Deployment/operator", "ConfigMap/operator"),
        explain("Deployment/operator", "Offer/spring"),
        explain("Shelf/window", "ConfigMap/operator"),
    ];
    let data = ["graph", "--path", "shop", "--explain", "Deployment/operator", "ConfigMap/operator", "-o", "json"];
    all.push(example.run(&data));
    insta::assert_snapshot!("graph_explain_more", all.concat());
}

#[test]
fn rules_of_the_application_make_edges() {
    let example = empty();
    example.write("shop/operator.yaml", OPERATOR).write("shop/namespace.yaml", NAMESPACE);
    let rules = "references:\n- from: {group: acme.io, kinds: [Offer]}\n  field: spec.shelf\n  to: {group: acme.io, kind: Shelf}\n";
    let explain = || example.run(&["graph", "--path", "shop", "--explain", "Offer/spring", "Shelf/window"]);
    example.write("shop/.gitops/edges.yaml", rules);
    let found = explain();
    example.write("shop/.gitops/edges.yaml", &rules.replace("field:", "path:"));
    let wrong = explain();
    insta::assert_snapshot!("edge_rules", [found, wrong].concat());
}

#[test]
fn diff_shows_fields_and_hides_secrets() {
    let example = example();
    let diff = |arguments: &[&str]| example.run(&[&["diff", "--path", "shop"], arguments].concat());
    let differs = diff(&["HEAD~1", "HEAD"]);
    let data = diff(&["HEAD~1", "HEAD", "-o", "json"]);
    let none = diff(&["HEAD", "HEAD"]);
    let clean = diff(&["HEAD"]);
    let missing = diff(&["g1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]);
    for shown in ["hunter2", "correct horse", "aHVudGVyMg", "Y29ycmVjdCBob3JzZQ"] {
        assert!(!differs.contains(shown) && !data.contains(shown), "a password is shown");
    }
    example.write("shop/extra.yaml", &NAMESPACE.replace("shop", "extra"));
    example.repository.remove("shop/config.yaml").expect("removed");
    let dirty = diff(&["HEAD"]);
    insta::assert_snapshot!("diff", [differs, data, none, clean, missing, dirty].concat());
}

#[test]
fn the_store_is_counted_checked_and_emptied() {
    let example = example();
    let fresh = example.run(&["store", "info"]);
    example.run(&["compile", "-R"]);
    let info = example.run(&["store", "info", "--store-max-size", "1Gi"]);
    let graphs = example.home.path().join(".local/state/kubectl-gitops/store/v1/graphs");
    let graph = std::fs::read_dir(graphs).expect("a store").next().expect("a graph").expect("readable").path();
    let id = graph.file_name().expect("a name").to_str().expect("text").to_owned();
    let pinned = ["pin", "info"].map(|action| match action {
        "pin" => example.run(&["store", "pin", &id]),
        other => example.run(&["store", other, "-o", "json"]),
    });
    let kept = example.run(&["store", "gc", "--keep-days", "0"]);
    let unpinned = example.run(&["store", "unpin", &id]) + &example.run(&["store", "unpin", &id]);
    let whole = example.run(&["store", "verify"]);
    std::fs::write(&graph, "damage").expect("written");
    let damaged = ["text", "json"].map(|output| match output {
        "json" => example.run(&["store", "verify", "-o", "json"]),
        _ => example.run(&["store", "verify"]),
    });
    let repaired = example.run(&["store", "verify", "--repair"]);
    let absent = example.run(&["store", "pin", &id]);
    example.run(&["compile", "-R"]);
    let young = example.run(&["store", "gc"]);
    let full = example.run(&["store", "gc", "--store-max-size", "1", "-o", "json"]);
    let size = example.run(&["store", "gc", "--store-max-size", "1.5G"]);
    let parts = [[fresh, info].concat(), pinned.concat(), kept, unpinned, whole, damaged.concat(), repaired, absent];
    let all = [parts.concat(), young, full, size].concat();
    // Sizes are zstd's, and change with it.
    let sizes = vec![
        (r#"("[a-zA-Z]*[bB]ytes": )[1-9]\d*"#, "$1[size]"),
        (r" +[1-9][\d.]* (B|KiB)\b", " [size]"),
        (r"\([1-9][\d.]* (B|KiB)", "([size]"),
    ];
    insta::with_settings!({filters => sizes}, {
        insta::assert_snapshot!("store", all);
    });
}

#[test]
fn a_store_with_a_size_makes_room_after_a_compile() {
    let example = example();
    let files = || -> usize {
        let store = example.home.path().join(".local/state/kubectl-gitops/store/v1");
        let count = |folder: &str| std::fs::read_dir(store.join(folder)).expect("a folder").count();
        count("graphs") + count("memo")
    };
    example.run(&["compile", "-R"]);
    example.run(&["compile", "-R", "--revision", "HEAD~1"]);
    assert_eq!(files(), 4);
    example.write("shop/extra.yaml", &NAMESPACE.replace("shop", "extra"));
    example.run(&["compile", "-R", "--store-max-size", "0"]);
    assert_eq!(files(), 0);
}

/// Real processes: compilations that must succeed without a word while others collect everything.
#[test]
fn store_gc_runs_beside_compilations() {
    let example = example();
    let expected = example.run(&["compile", "-R", "-o", "id"]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..8 {
                    assert_eq!(example.run(&["compile", "-R", "-o", "id"]), expected);
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..12 {
                let collected = example.run(&["store", "gc", "--keep-days", "0"]);
                assert!(collected.contains("exit code 0"), "{collected}");
            }
        });
    });
    assert!(example.run(&["store", "verify"]).contains(", 0 damaged"));
}

/// The first test key of RFC 8032: everybody knows it.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
const TRUST: &str = "keys:\n  release: |\n    -----BEGIN PUBLIC KEY-----\n    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n    -----END PUBLIC KEY-----\nrules:\n- applications: [web]\n  signers: [release]\n- applications: [web]\n  statement: review\n  signers: [release]\n";

#[test]
fn a_bundle_is_signed_and_trusted() {
    let example = example();
    example.write("web/config.yaml", CONFIG).write("release.key", KEY).write("release.pub", PUBLIC_KEY);
    example.write("trust.yaml", TRUST).write("bad.yaml", &TRUST.replace("[release]", "[relaese]"));
    let build = ["bundle", "build", "web", "--path", "web", "--out", "web.tar"];
    let provenance = [build.as_slice(), &["--provenance"]].concat();
    let mut steps = vec![example.run(&provenance)];
    example.run(&build);
    let sign = ["bundle", "sign", "web.tar", "--key", "release.key"];
    steps.push(example.run(&["bundle", "verify", "web.tar", "--key", "release.pub"]));
    steps.push(example.run(&sign));
    steps.push(example.run(&["bundle", "verify", "web.tar"]));
    steps.push(example.run(&["bundle", "verify", "web.tar", "--key", "release.pub"]));
    steps.push(example.run(&["bundle", "verify", "web.tar", "--key", "release.pub", "--sigs-needed", "2"]));
    steps.push(example.run(&["bundle", "verify", "web.tar", "--key", "release.pub", "-o", "json"]));
    steps.push(example.run(&["bundle", "verify", "web.tar", "--trust", "trust.yaml"]));
    steps.push(example.run(&["bundle", "verify", "web.tar", "--trust", "bad.yaml"]));
    steps.push(example.run(&[sign.as_slice(), &["--provenance"]].concat()));
    steps.push(example.run(&["bundle", "sign", "web.tar", "--key", "release.pub"]));
    insta::assert_snapshot!("bundle_signed", steps.concat());
}

#[test]
fn a_bundle_is_made_checked_and_made_again() {
    let example = example();
    example.write("web/config.yaml", CONFIG).write("web/web.yaml", &WEB.replace("- secretRef: {name: database}", ""));
    let mut steps = vec![
        example.run(&["bundle", "build", "shop", "--path", "shop", "--out", "shop.tar"]),
        example.run(&["bundle", "build", "web", "--path", "web", "-n", "shop", "--out", "web.tar"]),
        example.run(&["bundle", "build", "web", "--path", "web", "--out", "made", "-o", "json"]),
        example.run(&["bundle", "verify", "web.tar"]),
        example.run(&["bundle", "verify", "made", "--rebuild", "--path", "web", "-o", "json"]),
        example.run(&["bundle", "build", "web", "--path", "web", "--out", "shop"]),
    ];
    example.write("web/config.yaml", &CONFIG.replace("hello", "welcome")).write("web/more.yaml", NAMESPACE);
    steps.push(example.run(&["bundle", "verify", "web.tar", "--rebuild", "--path", "web"]));
    let other = format!("g1-{}", "a".repeat(52));
    steps.push(example.run(&["bundle", "verify", "web.tar", "--graph", &other]));
    example.write("made/oci-layout", "{}");
    steps.push(example.run(&["bundle", "verify", "made"]));
    steps.push(example.run(&["bundle", "verify", "nowhere.tar"]));
    steps.push(example.run(&["bundle", "verify", "web/config.yaml"]));
    steps.push(example.run(&["bundle", "build", "web", "--path", "web", "-n", "prod", "--out", "new.tar"]));
    steps.push(example.run(&["bundle", "diff", "web.tar", "web.tar"]));
    steps.push(example.run(&["bundle", "diff", "web.tar", "new.tar"]));
    steps.push(example.run(&["bundle", "diff", "web.tar", "new.tar", "-o", "json"]));
    steps.push(example.run(&["bundle", "diff", "web.tar", "made"]));
    steps.push(example.run(&["bundle", "push", "web.tar", "registry.example.com/web"]));
    steps.push(example.run(&["bundle", "push", "made", "oci://registry.example.com/web"]));
    steps.push(example.run(&["bundle", "pull", "oci://registry.example.com/web", "--out", "back.tar"]));
    steps.push(example.run(&["bundle", "apply", "web", "made", "--yes"]));
    insta::assert_snapshot!("bundle", steps.concat());
}

#[test]
fn a_store_that_cannot_be_used_is_a_warning_for_compile_and_an_error_for_itself() {
    let example = example();
    example.write("file", "");
    let compile = example.run(&["compile", "-R", "-o", "id", "--store", "file"]);
    let info = example.run(&["store", "info", "--store", "file"]);
    insta::assert_snapshot!("store_unusable", [compile, info].concat());
}

#[test]
fn a_review_has_the_important_first_in_every_format() {
    let example = example();
    example.write("shop/config.yaml", &CONFIG.replace("hello", "welcome").replace("greeting", "text"));
    example
        .write("shop/web.yaml", &WEB.replace("1.4.0", "2.0.0").replace("port: 80", "port: 80\n  type: LoadBalancer"));
    example.repository.remove("shop/database.yaml").expect("removed");
    example.repository.commit("Another web").expect("committed");
    let outputs = ["text", "markdown", "html", "json", "sarif"];
    let review = |output: &&str| {
        let range = ["review", "HEAD~1..HEAD", "shop", "--path", "shop", "--date", "2026-01-01", "-o", output];
        without_commits(&example.run(&range))
    };
    for output in outputs {
        insta::assert_snapshot!(format!("review_{output}"), review(&output));
    }
    let part = ["--only", "* shop/web", "--ignore", "ConfigMap *", "--ignore-field", "spec.replicas"];
    let part = [&["review", "HEAD~1..HEAD", "shop", "--path", "shop", "--date", "2026-01-01"][..], &part].concat();
    insta::assert_snapshot!("review_part", without_commits(&example.run(&part)));
    example.write("shop/web.yaml", "kind: Deployment\n");
    let broken = ["review", "HEAD", "shop", "--path", "shop", "--fail-on", "block", "--date", "2026-01-01"];
    insta::assert_snapshot!("review_broken", without_commits(&example.run(&broken)));
}

/// Commits have other ids each time: they carry the time.
fn without_commits(transcript: &str) -> String {
    let is_hex = |word: &str| matches!(word.len(), 7 | 40) && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let line = |line: &str| {
        let words = line.split_inclusive(|letter: char| !letter.is_ascii_alphanumeric());
        let word = |word: &str| {
            let (text, end) =
                word.split_at(word.trim_end_matches(|letter: char| !letter.is_ascii_alphanumeric()).len());
            if is_hex(text) { format!("…{end}") } else { word.to_owned() }
        };
        words.map(word).collect::<String>()
    };
    transcript.lines().map(|text| line(text) + "\n").collect()
}

#[test]
fn a_snapshot_is_accepted_checked_and_listed() {
    let example = example();
    let run = |action: &[&str]| example.run(&[&["snapshot"], action, &["shop", "--path", "shop"]].concat());
    let (none, accepted) = (run(&["check"]), run(&["accept", "--all"]));
    example.repository.commit("Accepted").expect("committed");
    let same = run(&["check"]);
    example.write("shop/config.yaml", &CONFIG.replace("hello", "good evening"));
    let (pending, checked, asked) = (run(&["pending"]), run(&["check", "--date", "2026-01-01"]), run(&["accept"]));
    let all = [none, accepted, same, pending, without_commits(&checked), asked].concat();
    let file = std::fs::read_to_string(example.repository.path().join("gitops.snap")).expect("a snapshot");
    insta::assert_snapshot!("snapshot", format!("{all}── gitops.snap\n{file}"));
}

#[test]
fn wrong_revisions_and_places_are_told() {
    let example = example();
    let unknown = example.run(&["compile", "--path", "shop", "--revision", "v9"]);
    example.repository.tag("both").expect("tagged").branch("both").expect("a branch");
    let ambiguous = example.run(&["compile", "--path", "shop", "--revision", "both"]);
    let outside = example.run_in(example.home.path(), &["compile"]);
    let missing = example.run(&["compile", "--source", "../missing"]);
    insta::assert_snapshot!("wrong_places", [unknown, ambiguous, outside, missing].concat());
}

#[test]
fn wrong_usage_is_told() {
    let example = empty();
    let nothing = example.run(&[]);
    let command = example.run(&["aply"]);
    let flag = example.run(&["compile", "--revison", "HEAD"]);
    let value = example.run(&["compile", "-o", "xml"]);
    let name = example.run(&["compile", "Not A Name"]);
    let argument = example.run(&["diff"]);
    let version = example.run(&["--version"]);
    insta::assert_snapshot!("wrong_usage", [nothing, command, flag, value, name, argument, version].concat());
}

#[test]
fn commands_for_a_cluster_say_that_there_is_none() {
    let example = example();
    let apply = example.run(&["apply", "shop", "--path", "shop"]);
    let status = example.run(&["status", "shop"]);
    let named = example.run(&["status", "shop", "--kubeconfig", "nowhere.yaml"]);
    let release = example.run(&["diff", "shop@1", "HEAD", "--path", "shop"]);
    insta::assert_snapshot!("no_cluster", [apply, status, named, release].concat());
}
