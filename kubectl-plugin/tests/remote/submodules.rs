//! Submodules over https: pinned by the commits that name them, fetched when something below them is needed.

use gitops_testdata::repository::RepositoryBuilder;

use crate::elsewhere::{Elsewhere, application};
use crate::world::objects;

fn config(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
}

/// A repository with a plain manifest and a kustomization, both of this name.
fn library(name: &str) -> RepositoryBuilder {
    let repository = RepositoryBuilder::new().expect("a repository");
    repository.write("plain/config.yaml", config(name)).expect("written");
    repository.write("base/config.yaml", config(name)).expect("written");
    repository.write("base/kustomization.yaml", "resources: [config.yaml]\n").expect("written");
    repository.commit("Library").expect("a commit");
    repository
}

/// Commits that the last commit of one repository belongs at a path of another.
fn name(repository: &RepositoryBuilder, path: &str, module: &RepositoryBuilder, url: &str) {
    let commit = module.git(&["rev-parse", "HEAD"]).expect("a commit");
    let modules = std::fs::read_to_string(repository.path().join(".gitmodules")).unwrap_or_default();
    let modules = format!("{modules}[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n");
    repository.write(".gitmodules", modules).expect("written");
    std::fs::create_dir_all(repository.path().join(path)).expect("made");
    repository.git(&["add", "--all"]).expect("added");
    let entry = format!("160000,{},{path}", commit.trim());
    repository.git(&["update-index", "--add", "--cacheinfo", &entry]).expect("added");
    repository.git(&["commit", "--quiet", "--message", "A submodule"]).expect("committed");
}

fn names(compiled: &str) -> Vec<String> {
    objects(compiled.as_bytes()).into_keys().collect()
}

/// How often the server was asked for a repository.
fn asked(elsewhere: &Elsewhere, name: &str) -> usize {
    elsewhere.web.requests().iter().filter(|request| request.contains(&format!("/{name}.git/"))).count()
}

#[test]
fn a_fetched_repository_brings_its_submodules_where_they_are_needed() {
    let elsewhere = Elsewhere::new();
    let (inner, library, base) = (library("inner"), library("library"), library("base"));
    elsewhere.publish(&inner, "inner");
    name(&library, "plain/inner", &inner, "../inner.git");
    elsewhere.publish(&library, "library");
    name(&base, "lib", &library, "./../library.git");
    name(&base, "unused", &inner, "../nowhere.git");
    let address = elsewhere.publish(&base, "base");
    let lock = |path: &str, more: &str| {
        let sources = format!("[{{repoURL: '{address}', targetRevision: main, path: '{path}'{more}}}]");
        elsewhere.world.write("app.yaml", &application(&sources));
        elsewhere.done(&["lock", "-f", "app.yaml"]);
    };
    let compile = ["compile", "-f", "app.yaml", "-o", "yaml", "--offline"];
    lock("base", "");
    assert_eq!(
        (names(&elsewhere.done(&compile)), asked(&elsewhere, "library")),
        (vec!["ConfigMap base".to_owned()], 0)
    );

    // A folder inside of a submodule; recursive, one in that; a kustomization.
    lock("lib/base", "");
    assert_eq!(names(&elsewhere.done(&compile)), ["ConfigMap library"]);
    lock("lib/plain", "");
    assert_eq!(
        (names(&elsewhere.done(&compile)), asked(&elsewhere, "inner")),
        (vec!["ConfigMap library".to_owned()], 0)
    );
    lock("lib/plain/inner/plain", ", directory: {recurse: true}");
    assert_eq!(names(&elsewhere.done(&compile)), ["ConfigMap inner"]);
    let recursive = format!(
        "[{{repoURL: '{address}', targetRevision: main, path: lib, directory: {{recurse: true, include: '*/config.yaml', \
         exclude: 'base/*'}}}}]"
    );
    elsewhere.world.write("app.yaml", &application(&recursive));
    assert_eq!(names(&elsewhere.done(&compile)), ["ConfigMap inner", "ConfigMap library"]);
    assert_eq!((asked(&elsewhere, "library") > 0, asked(&elsewhere, "nowhere")), (true, 0));
    assert_eq!(elsewhere.lock().matches("- kind: git").count(), 1, "the commit pins them: {}", elsewhere.lock());

    lock(".", ", directory: {recurse: true, exclude: '{unused,*kustomization.yaml}'}");
    let all = ["ConfigMap base", "ConfigMap inner", "ConfigMap library"];
    assert_eq!(names(&elsewhere.done(&compile)), all);
    let everything = format!(
        "[{{repoURL: '{address}', targetRevision: main, path: '.', directory: {{recurse: true, exclude: 'lib/base/*'}}}}]"
    );
    elsewhere.world.write("app.yaml", &application(&everything));
    let said = elsewhere.refused(&["compile", "-f", "app.yaml"]);
    assert!(said.contains("`unused`: this submodule cannot be read") && said.contains("/git/nowhere.git"), "{said}");
}

#[test]
fn the_repository_at_hand_has_submodules_too() {
    let elsewhere = Elsewhere::new();
    let library = library("library");
    elsewhere.publish(&library, "library");
    let here = &elsewhere.world.repository;
    let kustomization = "resources: [../lib/base]\nnameSuffix: -here\n";
    elsewhere.world.write("deploy/kustomization.yaml", kustomization).write("plain/a.yaml", &config("a"));
    name(here, "lib", &library, "../library.git");
    let said = elsewhere.refused(&["compile", "--path", "deploy"]);
    assert!(said.contains("`lib`: this submodule") && said.contains("has no remote"), "{said}");
    let origin = format!("{}/git/deploy.git", elsewhere.web.address());
    here.git(&["config", "remote.origin.url", &origin]).expect("configured");

    // Another folder does not need it; nor is anything fetched where that is forbidden.
    elsewhere.done(&["compile", "--path", "plain", "--offline"]);
    let said = elsewhere.refused(&["compile", "--path", "deploy", "--offline"]);
    assert!(said.contains("was never fetched") && said.contains("--offline"), "{said}");
    assert_eq!(asked(&elsewhere, "library"), 0);
    let at = |more: &[&str]| names(&elsewhere.done(&[&["compile", "--path", "deploy", "-o", "yaml"], more].concat()));
    let is = ["ConfigMap library-here"];
    assert_eq!(at(&["--revision", "HEAD"]), is);
    assert_eq!(at(&["--offline"]), is);
    assert_eq!(
        names(&elsewhere.done(&["compile", "--path", "lib/base", "-o", "yaml", "--offline"])),
        ["ConfigMap library"]
    );

    // A commit and its clean working tree are one thing; where the submodule is checked out it is read as it lies.
    let id =
        |more: &[&str]| elsewhere.done(&[&["compile", "--path", "deploy", "-o", "id", "--offline"], more].concat());
    assert_eq!(id(&[]), id(&["--revision", "HEAD"]));
    let clone = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"];
    let from = format!("submodule.lib.url={}", library.path().display());
    here.git(&[&["-c", from.as_str()], &clone[..]].concat()).expect("checked out");
    assert_eq!(id(&[]), id(&["--revision", "HEAD"]));
    elsewhere.world.write("lib/base/config.yaml", &config("changed"));
    assert_eq!(at(&["--offline"]), ["ConfigMap changed-here"]);
    assert_eq!(at(&["--offline", "--revision", "HEAD"]), is);
}

#[test]
fn a_private_submodule_takes_the_right_credentials() {
    let elsewhere = Elsewhere::new();
    let (library, base) = (library("library"), library("base"));
    elsewhere.publish(&library, "library");
    let private = format!("{}/private-git/library.git", elsewhere.web.address());
    name(&base, "lib", &library, &private);
    let address = elsewhere.publish(&base, "base");
    let sources = format!("[{{repoURL: '{address}', targetRevision: main, path: lib/base}}]");
    elsewhere.world.write("app.yaml", &application(&sources));
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = |password: &str| {
        let path = folder.path().join("credentials.yaml");
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
             repository}}\nstringData: {{url: '{private}', username: {}, password: '{password}'}}\n",
            elsewhere.web.user()
        );
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let lock = ["lock", "-f", "app.yaml"];
    let said = elsewhere.refused(&lock);
    assert!(said.contains("`lib`: this submodule") && said.contains("--credentials"), "{said}");
    let said = elsewhere.refused(&[&lock[..], &["--credentials", &credentials("geheim")]].concat());
    assert!(said.contains(&private) && !said.contains("geheim"), "{said}");
    elsewhere.done(&[&lock[..], &["--credentials", &credentials(elsewhere.web.password())]].concat());
    let requests = elsewhere.web.requests();
    let open = requests.iter().filter(|request| request.contains("/git/base.git"));
    assert!(open.clone().count() > 0 && open.clone().all(|request| request.ends_with("anonymous")), "{requests:?}");
    assert_eq!(
        names(&elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml", "--offline"])),
        ["ConfigMap library"]
    );
}

#[test]
fn submodules_lead_nowhere_they_may_not() {
    let library = library("library");
    let elsewhere = Elsewhere::new();
    elsewhere.publish(&library, "library");
    let web = elsewhere.web.address();
    for (number, (url, why)) in [
        ("file:///etc", "only https and ssh"),
        ("/etc", "only https and ssh"),
        ("ext::sh -c touch% x", "only https and ssh"),
        ("-x", "only https and ssh"),
        ("https://-x/y.git", "cannot fetch"),
        ("http://git.example.com/x.git", "--plain-http"),
        ("https://anna:geheim@127.0.0.1:1/x.git", "its address https://127.0.0.1:1/x.git has a password"),
        (&format!("{web}/redirect-git/library.git"), "it has moved"),
        (&format!("{web}/inward/library.git"), "it has moved"),
        (&format!("{web}/git/nothing.git"), "/git/nothing.git"),
    ]
    .into_iter()
    .enumerate()
    {
        let world = crate::world::World::new();
        name(&world.repository, "lib", &library, url);
        let authority = elsewhere.certificates.authority().display().to_string();
        let flags: &[&str] = if number % 2 == 0 { &[] } else { &["--revision", "HEAD"] };
        let compile = ["compile", "--path", "lib/base", "--ca-file", &authority, "--inputs", "locked"];
        let ended = world.run(&[&compile[..], flags].concat());
        assert_eq!(ended.code, 2, "{url}: {}", ended.stderr);
        assert!(
            ended.stderr.contains("`lib`: this submodule") && ended.stderr.contains(why),
            "{url}: {}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("geheim"), "{}", ended.stderr);
    }
}

#[test]
fn submodules_are_left_out_where_nobody_wants_them() {
    let elsewhere = Elsewhere::new();
    let (library, base) = (library("library"), library("base"));
    elsewhere.publish(&library, "library");
    name(&base, "plain/lib", &library, "../library.git");
    let address = elsewhere.publish(&base, "base");
    let sources = |path: &str| {
        let source = format!(
            "{{repoURL: '{address}', targetRevision: main, path: '{path}', directory: {{recurse: true, exclude: 'lib/base/*'}}}}"
        );
        elsewhere.world.write("app.yaml", &application(&format!("[{source}]")));
    };
    let without = ["-f", "app.yaml", "--submodules=false"];
    sources("plain");
    elsewhere.done(&[&["lock"], &without[..]].concat());
    let compiled = elsewhere.done(&[&["compile", "-o", "yaml"], &without[..]].concat());
    assert_eq!(names(&compiled), ["ConfigMap base"]);
    assert_eq!(asked(&elsewhere, "library"), 0, "{:?}", elsewhere.web.requests());
    sources("plain/lib");
    let said = elsewhere.refused(&[&["compile"], &without[..]].concat());
    assert!(said.contains("there is no folder `plain/lib`"), "{said}");
    assert!(said.contains("hint: submodules are left out (--submodules=false)"), "{said}");
    sources("plain/lib/base");
    elsewhere.refused(&[&["compile"], &without[..]].concat());
    sources("plain");
    elsewhere.refused(&["compile", "-f", "app.yaml", "--offline"]);
    let with = elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml"]);
    assert_eq!(names(&with), ["ConfigMap base", "ConfigMap library"]);

    // The same of the working tree, where they lie checked out; what is no submodule is none of theirs.
    let here = &elsewhere.world.repository;
    here.write("deploy/config.yaml", config("here")).expect("written");
    here.write("deploy/kustomization.yaml", "resources: [config.yaml, lib/base]\n").expect("written");
    name(here, "deploy/lib", &library, "https://git.example.com/library.git");
    let from = library.path().display().to_string();
    let into = here.path().join("deploy/lib").display().to_string();
    here.git(&["clone", "--quiet", &from, &into]).expect("cloned");
    let plain = ["compile", "--path", "deploy", "-o", "yaml", "--offline"];
    assert_eq!(names(&elsewhere.done(&plain)), ["ConfigMap here", "ConfigMap library"]);
    let said = elsewhere.refused(&[&plain[..], &["--submodules=false"]].concat());
    assert!(said.contains("deploy/kustomization.yaml:1:26: error: there is no `lib/base`"), "{said}");
}
