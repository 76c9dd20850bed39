//! Git LFS: repositories that `git lfs` itself made, whose contents are on a server, in a clone, or nowhere.

use std::path::Path;

use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::servers::SshServer;

use crate::elsewhere::{Elsewhere, application};
use crate::world::{Objects, objects, run_in};

/// What is stored by Git LFS.
const TRACKED: [&str; 3] = ["*.big.yaml", "*.big.libsonnet", "*.bin"];

fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n")
}

/// Lets `git lfs` store files in a repository. Its hooks are not installed: nothing is pushed to servers by them.
fn track(repository: &RepositoryBuilder) {
    repository.git(&["lfs", "install", "--local", "--skip-repo"]).expect("git-lfs is there");
    let all: Vec<&str> = ["lfs", "track"].into_iter().chain(TRACKED).collect();
    repository.git(&all).expect("tracked");
}

fn write(repository: &RepositoryBuilder, files: &[(&str, &str)]) {
    for (path, text) in files {
        repository.write(path, text).expect("written");
    }
}

/// A repository in which each renderer reads files of Git LFS.
fn library() -> RepositoryBuilder {
    let repository = RepositoryBuilder::new().expect("a repository");
    track(&repository);
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\ndata: {value: {{ .Values.value }}, file: {{ .Files.Get \
                    \"file.bin\" | quote }}}\n";
    let jsonnet = "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'jsonnet'}, data: {value: (import \
                   'lib.big.libsonnet').value, file: importstr 'text.bin'}}\n";
    let kustomization = "resources: [made.big.yaml]\nconfigMapGenerator:\n- {name: kustomize, files: [file.bin], options: \
                         {disableNameSuffixHash: true}}\n";
    write(
        &repository,
        &[
            ("plain/a.big.yaml", &config("plain", "plain")),
            ("kustomize/kustomization.yaml", kustomization),
            ("kustomize/made.big.yaml", &config("made", "made")),
            ("kustomize/file.bin", "kustomize's"),
            ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
            ("chart/templates/config.yaml", template),
            ("chart/file.bin", "helm's"),
            ("values/chart.big.yaml", "value: helm\n"),
            ("jsonnet/config.jsonnet", jsonnet),
            ("jsonnet/lib.big.libsonnet", "{value: 'jsonnet'}\n"),
            ("jsonnet/text.bin", "jsonnet's"),
            ("unused/large.bin", &"x".repeat(17 << 20)),
            ("unused/b.big.yaml", &config("unused", "unused")),
        ],
    );
    repository.commit("Large files").expect("a commit");
    let stored = repository.git(&["cat-file", "blob", "HEAD:plain/a.big.yaml"]).expect("a file");
    assert!(stored.starts_with("version https://git-lfs.github.com/spec/v1\noid sha256:"), "{stored}");
    repository
}

/// The same with its contents on the server: the address.
fn publish(elsewhere: &Elsewhere, repository: &RepositoryBuilder, name: &str) -> String {
    elsewhere.web.keep(&repository.path().join(".git/lfs/objects")).expect("kept");
    elsewhere.publish(repository, name)
}

/// An Application of one source of a repository.
fn write_source(elsewhere: &Elsewhere, address: &str, source: &str) {
    let sources = format!("[{{repoURL: '{address}', targetRevision: main, {source}}}]");
    elsewhere.world.write("app.yaml", &application(&sources));
}

fn data(objects: &Objects, name: &str, key: &str) -> String {
    let body = objects.get(&format!("ConfigMap {name}")).unwrap_or_else(|| panic!("{name} among {objects:?}"));
    body.at(&["data", key]).and_then(|value| value.as_str()).unwrap_or_else(|| panic!("{key} of {name}")).to_owned()
}

/// How often a path was asked for.
fn asked(elsewhere: &Elsewhere, part: &str) -> usize {
    elsewhere.web.requests().iter().filter(|request| request.contains(part)).count()
}

/// The oid of the content at a path of the last commit.
fn oid(repository: &RepositoryBuilder, path: &str) -> String {
    let pointer = repository.git(&["cat-file", "blob", &format!("HEAD:{path}")]).expect("a pointer");
    pointer.split("sha256:").nth(1).and_then(|rest| rest.lines().next()).expect("an oid").to_owned()
}

#[test]
fn every_renderer_reads_contents_and_each_is_fetched_once_and_only_where_it_is_needed() {
    let elsewhere = Elsewhere::new();
    let library = library();
    let address = publish(&elsewhere, &library, "library");
    let compile = ["compile", "-f", "app.yaml", "-o", "yaml"];
    for (source, name, value, file) in [
        ("path: plain", "plain", "plain", None),
        ("path: kustomize", "made", "made", Some(("kustomize", "file.bin", "kustomize's"))),
        (
            "path: chart, helm: {valueFiles: [/values/chart.big.yaml]}",
            "chart",
            "helm",
            Some(("chart", "file", "helm's")),
        ),
        ("path: jsonnet", "jsonnet", "jsonnet", Some(("jsonnet", "file", "jsonnet's"))),
    ] {
        write_source(&elsewhere, &address, source);
        elsewhere.done(&["lock", "-f", "app.yaml"]);
        let first = elsewhere.done(&[&compile[..], &["--lfs"]].concat());
        assert_eq!(data(&objects(first.as_bytes()), name, "value"), value);
        if let Some((name, key, value)) = file {
            assert_eq!(data(&objects(first.as_bytes()), name, key), value);
        }
        // What was fetched is here from now on.
        let before = elsewhere.web.requests().len();
        assert_eq!(elsewhere.done(&[&compile[..], &["--lfs", "--offline"]].concat()), first);
        assert_eq!(elsewhere.web.requests().len(), before, "nobody was asked");
    }
    for path in
        ["plain/a.big.yaml", "kustomize/made.big.yaml", "kustomize/file.bin", "chart/file.bin", "values/chart.big.yaml"]
    {
        assert_eq!(asked(&elsewhere, &oid(&library, path)), 1, "{path}");
    }
    for path in ["jsonnet/lib.big.libsonnet", "jsonnet/text.bin"] {
        assert_eq!(asked(&elsewhere, &oid(&library, path)), 1, "{path}");
    }
    for path in ["unused/large.bin", "unused/b.big.yaml"] {
        assert_eq!(asked(&elsewhere, &oid(&library, path)), 0, "{path}");
    }
}

/// How often the batch API was asked.
fn batches(elsewhere: &Elsewhere) -> usize {
    let requests = elsewhere.web.requests();
    requests.iter().filter(|request| request.starts_with("POST") && request.contains("/objects/batch")).count()
}

/// A repository in which each renderer reads more than a hundred files of Git LFS, each with a content of its own.
fn many() -> RepositoryBuilder {
    let repository = RepositoryBuilder::new().expect("a repository");
    track(&repository);
    for number in 0..120 {
        let object = |renderer: &str| config(&format!("{renderer}-{number}"), renderer);
        write(
            &repository,
            &[
                (&format!("plain/{number}.big.yaml"), &object("plain")),
                (&format!("kustomize/{number}.big.yaml"), &object("kustomize")),
                (&format!("chart/templates/{number}.big.yaml"), &object("chart")),
                (&format!("jsonnet/{number}.big.libsonnet"), &format!("{{value: {number}}}\n")),
            ],
        );
    }
    let resources: Vec<String> = (0..120).map(|number| format!("{number}.big.yaml")).collect();
    let resources = format!("resources: [{}]\n", resources.join(", "));
    let imports: Vec<String> = (0..120).map(|number| format!("(import '{number}.big.libsonnet').value")).collect();
    let imports = imports.join(" + ");
    let jsonnet = format!(
        "{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: 'jsonnet'}}, data: {{value: std.toString({imports})}}}}\n"
    );
    write(
        &repository,
        &[
            ("kustomize/kustomization.yaml", &resources),
            ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
            ("jsonnet/config.jsonnet", &jsonnet),
        ],
    );
    repository.commit("Many").expect("a commit");
    repository
}

#[test]
fn the_contents_of_a_layout_are_asked_for_a_hundred_at_a_time() {
    let elsewhere = Elsewhere::new();
    let many = many();
    let address = publish(&elsewhere, &many, "many");
    for (path, objects_there) in [("plain", 120), ("kustomize", 120), ("chart", 120), ("jsonnet", 1)] {
        write_source(&elsewhere, &address, &format!("path: {path}"));
        let before = batches(&elsewhere);
        let compile = ["compile", "-f", "app.yaml", "-o", "yaml", "--lfs", "--inputs", "resolve"];
        let compiled = objects(elsewhere.done(&compile).as_bytes());
        assert_eq!(compiled.len(), objects_there, "{path}");
        assert_eq!(batches(&elsewhere) - before, 2, "{path}: 120 contents");
    }
    assert_eq!(asked(&elsewhere, "/files/lfs/"), 480, "each content once");
}

#[test]
fn a_lock_that_is_updated_or_verified_with_lfs_has_all_contents() {
    let elsewhere = Elsewhere::new();
    let library = library();
    let address = publish(&elsewhere, &library, "library");
    write_source(&elsewhere, &address, "path: plain");
    elsewhere.done(&["lock", "-f", "app.yaml"]);
    // Without it no content is asked for.
    elsewhere.done(&["lock", "update"]);
    elsewhere.done(&["lock", "verify"]);
    assert_eq!(asked(&elsewhere, "lfs"), 0);
    // With it all of them are, but for one that is too large for everybody, in one request.
    elsewhere.done(&["lock", "verify", "--lfs"]);
    assert_eq!((batches(&elsewhere), asked(&elsewhere, "/files/lfs/")), (1, 8));
    assert_eq!(asked(&elsewhere, &oid(&library, "unused/large.bin")), 0);
    let said = elsewhere.refused(&["compile", "-f", "app.yaml", "--lfs", "--offline"]);
    assert!(said.contains("was never fetched"), "verifying keeps nothing: {said}");
    elsewhere.done(&["lock", "update", "--lfs"]);
    let before = elsewhere.web.requests().len();
    for path in ["plain", "kustomize", "jsonnet"] {
        write_source(&elsewhere, &address, &format!("path: {path}"));
        elsewhere.done(&["compile", "-f", "app.yaml", "--lfs", "--offline"]);
    }
    assert_eq!(elsewhere.web.requests().len(), before, "all of them are here");

    // One that is gone and one that is another are told.
    let of = |path: &str| elsewhere.web.content(&oid(&library, path));
    std::fs::remove_file(of("jsonnet/text.bin")).expect("removed");
    std::fs::write(of("chart/file.bin"), "HELM'S").expect("written");
    let ended = elsewhere.run(&["lock", "verify", "--lfs", "-o", "json"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let said = &ended.stderr;
    assert!(said.contains("chart/file.bin") && said.contains("SHA-256") && said.contains("and 1 more"), "{said}");
    elsewhere.done(&["lock", "verify"]);
    let store = tempfile::tempdir().expect("a folder");
    let before = elsewhere.lock();
    let said = elsewhere.refused(&["lock", "update", "--lfs", "--store", &store.path().display().to_string()]);
    assert!(said.contains("nothing was written") && said.contains("chart/file.bin"), "{said}");
    assert_eq!(elsewhere.lock(), before);
    // What was fetched before needs no server.
    elsewhere.done(&["lock", "update", "--lfs"]);
}

#[test]
fn without_leave_a_pointer_is_an_error_that_says_how() {
    let elsewhere = Elsewhere::new();
    let address = publish(&elsewhere, &library(), "library");
    write_source(&elsewhere, &address, "path: plain");
    elsewhere.done(&["lock", "-f", "app.yaml"]);
    let said = elsewhere.refused(&["compile", "-f", "app.yaml"]);
    assert!(said.contains("plain/a.big.yaml:1") && said.contains("--lfs") && said.contains("enableLfs"), "{said}");
    assert_eq!(asked(&elsewhere, "/info/lfs"), 0);
    let said = elsewhere.refused(&["compile", "-f", "app.yaml", "--lfs", "--offline"]);
    assert!(said.contains("was never fetched") && said.contains("--offline"), "{said}");
    assert_eq!(asked(&elsewhere, "/info/lfs"), 0);
}

/// A Secret for a repository, in a file.
fn secret(folder: &Path, url: &str, fields: &str) -> String {
    let path = folder.join("credentials.yaml");
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
         repository}}\nstringData: {{url: '{url}'{fields}}}\n"
    );
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn the_secret_of_a_private_repository_asks_for_contents_and_is_let_in() {
    let elsewhere = Elsewhere::new();
    publish(&elsewhere, &library(), "library");
    let private = format!("{}/private-git/library.git", elsewhere.web.address());
    write_source(&elsewhere, &private, "path: plain");
    let folder = tempfile::tempdir().expect("a folder");
    let login = |password: &str, more: &str| {
        let fields = format!(", username: {}, password: '{password}'{more}", elsewhere.web.user());
        secret(folder.path(), &private, &fields)
    };
    let right = elsewhere.web.password();
    let compile = |credentials: &str| {
        let all = ["compile", "-f", "app.yaml", "-o", "yaml", "--credentials", credentials, "--inputs", "resolve"];
        elsewhere.run(&all)
    };
    let ended = compile(&login(right, ""));
    assert!(ended.code == 2 && ended.stderr.contains("enableLfs"), "{}", ended.stderr);
    let ended = compile(&login(right, ", enableLfs: 'true'"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(data(&objects(ended.stdout.as_bytes()), "plain", "value"), "plain");
    let requests = elsewhere.web.requests();
    let of_lfs: Vec<&String> = requests.iter().filter(|request| request.contains("lfs")).collect();
    assert_eq!(of_lfs.len(), 2, "{requests:?}");
    assert!(of_lfs.iter().all(|request| request.ends_with("200 basic")), "{requests:?}");
    // Without a store that has it, the server is asked again, and has it no more.
    let store = tempfile::tempdir().expect("a folder");
    std::fs::remove_file(elsewhere.web.content(&oid_of(&of_lfs))).expect("removed");
    let there = store.path().display().to_string();
    let anew = ["compile", "-f", "app.yaml", "--lfs", "--inputs", "resolve", "--store", there.as_str()];
    let said = elsewhere.refused(&[&anew[..], &["--credentials", &login(right, "")]].concat());
    assert!(said.contains("the server does not have it") && !said.contains(right), "{said}");
    assert!(said.contains("plain/a.big.yaml"), "{said}");
}

/// The oid in the address of a content that was asked for.
fn oid_of(requests: &[&String]) -> String {
    let content = requests.iter().find(|request| request.contains("/lfs/") && request.starts_with("GET"));
    let path = content.and_then(|request| request.split(' ').nth(2)).expect("a content was asked for");
    path.rsplit('/').next().expect("an oid").to_owned()
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let elsewhere = Elsewhere::new();
    let library = library();
    publish(&elsewhere, &library, "library");
    let private = format!("{}/private-git/library.git", elsewhere.web.address());
    // The repository is at hand, and only its contents are elsewhere.
    library.git(&["config", "remote.origin.url", &private]).expect("configured");
    std::fs::remove_dir_all(library.path().join(".git/lfs")).expect("removed");
    let folder = tempfile::tempdir().expect("a folder");
    let authority = elsewhere.certificates.authority().display().to_string();
    let compile = |more: &[&str]| {
        let all = [
            "compile",
            "--path",
            "plain",
            "--revision",
            "HEAD",
            "-o",
            "yaml",
            "--lfs",
            "--ca-file",
            authority.as_str(),
        ];
        run_in(library.path(), folder.path(), &[&all[..], more].concat())
    };
    let ended = compile(&[]);
    assert!(ended.code == 2 && ended.stderr.contains("the server wants credentials"), "{}", ended.stderr);
    let user = elsewhere.web.user();
    let login =
        |password: &str| secret(folder.path(), &private, &format!(", username: {user}, password: '{password}'"));
    let ended = compile(&["--credentials", &login("geheim")]);
    assert!(ended.code == 2 && ended.stderr.contains("does not take our credentials"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("geheim"), "{}", ended.stderr);
    let ended = compile(&["--credentials", &login(elsewhere.web.password())]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_clean_working_tree_and_its_commit_are_one_whatever_lies_there() {
    let elsewhere = Elsewhere::new();
    let library = library();
    let home = tempfile::tempdir().expect("a folder");
    let id = |more: &[&str]| {
        let ended = run_in(library.path(), home.path(), &[&["compile", "--lfs", "-o", "json"], more].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let graph: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
        [graph["id"].to_string(), graph["recipe"].to_string()]
    };
    for path in ["plain", "kustomize", "chart", "jsonnet"] {
        let at = ["--path", path, "--offline"];
        assert_eq!(id(&[&at[..], &["--revision", "HEAD"]].concat()), id(&at), "{path}");
    }
    let lying = id(&["--path", "plain"]);
    // As a clone without git-lfs has it.
    library.git(&["lfs", "uninstall", "--local", "--skip-repo"]).expect("uninstalled");
    library.remove("plain").expect("removed").git(&["checkout", "--quiet", "--", "plain"]).expect("checked out");
    let text = std::fs::read_to_string(library.path().join("plain/a.big.yaml")).expect("a file");
    assert!(text.starts_with("version https://git-lfs"), "{text}");
    assert_eq!(id(&["--path", "plain", "--offline"]), lying);
    // And without contents: they are on the server of its remote.
    let address = publish(&elsewhere, &library, "library");
    std::fs::remove_dir_all(library.path().join(".git/lfs")).expect("removed");
    let empty = tempfile::tempdir().expect("a folder");
    let authority = elsewhere.certificates.authority().display().to_string();
    let compile = |more: &[&str]| {
        let all = ["compile", "--path", "plain", "--lfs", "-o", "yaml", "--ca-file", authority.as_str()];
        run_in(library.path(), empty.path(), &[&all[..], more].concat())
    };
    let ended = compile(&[]);
    assert!(ended.code == 2 && ended.stderr.contains("no remote"), "{}", ended.stderr);
    library.git(&["config", "remote.origin.url", &address]).expect("configured");
    let ended = compile(&[]);
    assert_eq!((ended.code, data(&objects(ended.stdout.as_bytes()), "plain", "value").as_str()), (0, "plain"));
}

#[test]
fn clones_and_submodules_have_contents_of_their_own() {
    let elsewhere = Elsewhere::new();
    let (library, here) = (library(), &elsewhere.world.repository);
    // A clone that the user names has its contents beside its objects; nobody is asked.
    let address = elsewhere.publish(&library, "library");
    write_source(&elsewhere, &address, "path: plain");
    let clone = format!("{address}={}", library.path().display());
    let compile = ["compile", "-f", "app.yaml", "-o", "yaml", "--lfs"];
    let compiled = elsewhere.done(&[&compile[..], &["--offline", "--repository", &clone]].concat());
    assert_eq!(data(&objects(compiled.as_bytes()), "plain", "value"), "plain");
    assert_eq!(asked(&elsewhere, "lfs"), 0);

    // A submodule, fetched, whose own Secret asks for its contents.
    elsewhere.web.keep(&library.path().join(".git/lfs/objects")).expect("kept");
    let commit = library.git(&["rev-parse", "HEAD"]).expect("a commit");
    let modules = "[submodule \"lib\"]\n\tpath = lib\n\turl = ../library.git\n";
    here.write(".gitmodules", modules).expect("written").git(&["add", ".gitmodules"]).expect("added");
    here.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{},lib", commit.trim())]).expect("added");
    here.git(&["commit", "--quiet", "--message", "A submodule"]).expect("committed");
    let origin = format!("{}/git/deploy.git", elsewhere.web.address());
    here.git(&["config", "remote.origin.url", &origin]).expect("configured");
    let folder = tempfile::tempdir().expect("a folder");
    let said = elsewhere.refused(&["compile", "--path", "lib/plain", "--revision", "HEAD"]);
    assert!(said.contains("lib/plain/a.big.yaml") && said.contains("enableLfs"), "{said}");
    let secret = secret(folder.path(), &address, ", enableLfs: 'true'");
    let at = ["compile", "--path", "lib/plain", "--revision", "HEAD", "-o", "yaml", "--credentials", secret.as_str()];
    let compiled = elsewhere.done(&at);
    assert_eq!(data(&objects(compiled.as_bytes()), "plain", "value"), "plain");
    assert_eq!(elsewhere.done(&[&at[..], &["--offline"]].concat()), compiled);
}

#[test]
fn a_server_that_gives_something_else_is_not_believed() {
    let elsewhere = Elsewhere::new();
    let library = library();
    let address = publish(&elsewhere, &library, "library");
    let oid = oid(&library, "plain/a.big.yaml");
    let right = std::fs::read(elsewhere.web.content(&oid)).expect("a content");
    write_source(&elsewhere, &address, "path: plain");
    elsewhere.done(&["lock", "-f", "app.yaml"]);
    let compile = ["compile", "-f", "app.yaml", "--lfs"];
    let mut other = right.clone();
    other.reverse();
    for (lie, why) in [
        (other, "SHA-256"),
        (right[1..].to_vec(), "bytes, not"),
        ([right.as_slice(), b"x"].concat(), "is larger than"),
        (vec![b'x'; 32 << 20], "is larger than"),
    ] {
        std::fs::write(elsewhere.web.content(&oid), lie).expect("written");
        let said = elsewhere.refused(&compile);
        assert!(said.contains(why) && said.contains("plain/a.big.yaml"), "{said}");
    }
    // Nothing of that was kept.
    let said = elsewhere.refused(&[&compile[..], &["--offline"]].concat());
    assert!(said.contains("was never fetched"), "{said}");
    std::fs::write(elsewhere.web.content(&oid), right).expect("written");
    elsewhere.done(&compile);
}

#[test]
fn the_server_that_lfsconfig_names_is_asked_where_it_may_be() {
    let elsewhere = Elsewhere::new();
    let (library, other) = (library(), RepositoryBuilder::new().expect("a repository"));
    other.commit("Nothing").expect("a commit");
    publish(&elsewhere, &library, "library");
    elsewhere.publish(&other, "other");
    let traces = tempfile::tempdir().expect("a folder");
    let trace = traces.path().join("run");
    let compile = |url: &str| {
        let more = format!(
            "[lfs]\n\turl = {url}\n\tstandalonetransferagent = x\n[lfs \"customtransfer.x\"]\n\tpath = touch\n\targs = {}\n[lfs \
             \"extension.x\"]\n\tsmudge = touch {}\n",
            trace.display(),
            trace.display()
        );
        library.write(".lfsconfig", more).expect("written").commit("A server").expect("a commit");
        let address = elsewhere.publish(&library, "library");
        write_source(&elsewhere, &address, "path: plain");
        elsewhere.run(&["compile", "-f", "app.yaml", "-o", "yaml", "--lfs", "--inputs", "resolve"])
    };
    for (url, why) in [
        ("http://lfs.example.com/x", "it is not encrypted"),
        ("https://anna:geheim@lfs.example.com/x", "names it, and may not"),
        ("file:///etc", "only https, oci and ssh are spoken"),
        ("ext::sh -c x", "has no spaces"),
        ("../x", "a host does not end with a dot"),
        ("lfs.example.com/x", "Git LFS is spoken with https"),
    ] {
        let ended = compile(url);
        assert!(ended.code == 2 && ended.stderr.contains(why), "{url}: {}", ended.stderr);
        assert!(!ended.stderr.contains("geheim"), "{url}: {}", ended.stderr);
        assert!(ended.stderr.contains(".lfsconfig") || url.starts_with("lfs"), "{url}: {}", ended.stderr);
    }
    assert_eq!(asked(&elsewhere, "/info/lfs"), 0);
    let named = format!("{}/git/other.git/info/lfs", elsewhere.web.address().replace("127.0.0.1", "localhost"));
    let ended = compile(&named);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(data(&objects(ended.stdout.as_bytes()), "plain", "value"), "plain");
    assert_eq!((asked(&elsewhere, "/git/other.git/info/lfs"), asked(&elsewhere, "/git/library.git/info/lfs")), (1, 0));
    assert!(!trace.exists(), "a program of the repository's was run");
}

#[test]
fn ssh_says_which_server_it_is_and_what_to_tell_it() {
    let elsewhere = Elsewhere::new();
    let ssh = SshServer::start().expect("sshd");
    publish(&elsewhere, &library(), "library");
    let bare = elsewhere.web.repositories().join("library.git");
    let address = ssh.address(&bare);
    write_source(&elsewhere, &address, "path: plain");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("credentials.yaml");
    let key = std::fs::read_to_string(ssh.key()).expect("a key");
    let key = format!("    {}\n", key.trim_end().replace('\n', "\n    "));
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
         repository}}\nstringData:\n  url: {address}\n  enableLfs: 'true'\n  sshPrivateKey: |\n{key}"
    );
    std::fs::write(&path, secret).expect("written");
    let (credentials, hosts) = (path.display().to_string(), ssh.known_hosts().display().to_string());
    let compile = |more: &[&str]| {
        let all =
            ["compile", "-f", "app.yaml", "-o", "yaml", "--credentials", credentials.as_str(), "--inputs", "resolve"];
        elsewhere.run(&[&all[..], &["--known-hosts", hosts.as_str()], more].concat())
    };
    let said = |json: &str| {
        ssh.answer_lfs(json).expect("written");
        let ended = compile(&[]);
        assert_eq!(ended.code, 2, "{}", ended.stdout);
        ended.stderr
    };
    let ended = compile(&[]);
    assert!(ended.code == 2 && ended.stderr.contains("git-lfs-authenticate"), "{}", ended.stderr);
    assert!(said("Welcome!").contains("is not what git-lfs-authenticate says"));
    assert!(said("{\"href\": \"http://127.0.0.1:1/x\"}").contains("it is not encrypted"));
    assert!(said("{\"href\": \"https://anna:geheim@localhost:1/x\"}").contains("may not"));
    assert!(said("{\"href\": \"https://localhost:1/x\", \"expires_in\": -1}").contains("no longer good"));
    assert_eq!(asked(&elsewhere, "lfs"), 0);

    let basic = format!("{}:{}", elsewhere.web.user(), elsewhere.web.password());
    let basic = base64(&basic);
    let href = format!("{}/private-git/library.git/info/lfs", elsewhere.web.address());
    let answer =
        format!("{{\"href\": \"{href}\", \"header\": {{\"Authorization\": \"Basic {basic}\"}}, \"expires_in\": 600}}");
    ssh.answer_lfs(&answer).expect("written");
    let ended = compile(&[]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(data(&objects(ended.stdout.as_bytes()), "plain", "value"), "plain");
    let commands = ssh.lfs_commands();
    assert_eq!(commands.last(), Some(&format!("git-lfs-authenticate {} download", bare.display())));
    let requests = elsewhere.web.requests();
    assert!(
        requests.iter().filter(|line| line.contains("lfs")).all(|line| line.ends_with("200 basic")),
        "{requests:?}"
    );
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
