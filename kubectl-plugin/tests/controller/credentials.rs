//! Credentials of repositories, as Argo CD keeps them in the controller's namespace: seen when they are written, used for the
//! address and the project that they are for, and never shown.

use std::time::Duration;

use gitops_testdata::servers::{Access, Registry, SshServer};
use serde_json::{Value as Json, json};

use crate::github::{self, Github};
use crate::spoke::condition_of;
use crate::support::config_map;
use crate::world::Ground;

/// Who has the password.
const READER: &str = "reader";

/// A Secret of Argo CD.
fn secret(ground: &Ground, name: &str, label: &str, data: &Json) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": name, "namespace": ground.world.name, "labels": {"argocd.argoproj.io/secret-type": label},
        },
        "stringData": data,
    })
}

fn config_map_of(ground: &Ground, name: &str, data: &Json) -> Json {
    let metadata = json!({"name": name, "namespace": ground.world.name});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
}

fn set_password(ground: &Ground, secret: &str, password: &str) {
    let patch = json!({"stringData": {"password": password}}).to_string();
    let name = ground.world.name.clone();
    ground.world.kubectl(&["patch", "secret", secret, "-n", &name, "--type=merge", "-p", &patch]);
}

/// The repository, for whoever has the password.
fn private(ground: &Ground) -> String {
    format!("{}/private-git/shop.git", ground.web.address())
}

fn says(ground: &Ground, name: &str, word: &str) -> bool {
    condition_of(ground, name, "ComparisonError").is_some_and(|message| message.contains(word))
}

#[test]
fn a_private_repository_is_read_as_its_secret_says_and_no_longer_than_that() {
    let mut ground = Ground::new("ctl-cred");
    let (name, password) = (ground.world.name.clone(), ground.web.password().to_owned());
    ground.start_bare(&name, &["--polling", "1"]);
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["source"]["repoURL"] = private(&ground).into();
    ground.create(&application);
    ground.until("the server is not trusted", |ground| says(ground, &name, "certificate"));
    let authority = std::fs::read_to_string(ground.certificates.authority()).expect("an authority");
    ground.create(&config_map_of(&ground, "argocd-tls-certs-cm", &json!({"127.0.0.1": authority})));
    ground.until("it lets nobody in", |ground| says(ground, &name, "Authentication failed"));

    let prefix = format!("{}/private-git", ground.web.address());
    let data = json!({"url": prefix, "username": READER, "password": "s3cret-and-wrong"});
    ground.create(&secret(&ground, "git", "repo-creds", &data));
    let stays_out = |ground: &Ground| says(ground, &name, "Authentication failed");
    ground.stays("the password is wrong", Duration::from_secs(3), stays_out);
    set_password(&ground, "git", &password);
    ground.until("it is let in", |ground| ground.status()["sync"]["status"] == "Synced");
    assert_eq!(ground.value("a").as_deref(), Some("1"));

    set_password(&ground, "git", "s3cret-and-old");
    ground.until("it is asked with the new one", |ground| says(ground, &name, "Authentication failed"));
    assert_eq!(ground.status()["sync"]["status"], "Synced", "what was known stays");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    set_password(&ground, "git", &password);
    ground.until_synced(&commit);
    ground.until("nothing is wrong", |ground| condition_of(ground, &name, "ComparisonError").is_none());
    let shown = format!("{} {}", ground.app(), ground.said());
    assert!(!shown.contains("s3cret") && !shown.contains(&password), "{shown}");
}

/// Also not by the commit itself, once the project that may has read it.
#[test]
fn what_a_project_alone_may_read_no_other_does() {
    let mut ground = Ground::new("ctl-own");
    let commit = ground.push();
    let password = ground.web.password().to_owned();
    let data = json!({"url": private(&ground), "username": READER, "password": password, "project": "shop"});
    ground.create(&secret(&ground, "git", "repository", &data));
    let everything = json!({"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]});
    ground.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": ground.world.name}, "spec": everything,
    }));
    ground.start();
    let of = |name: &str, project: &str, revision: &str| {
        let mut application = ground.another(name);
        application["spec"]["project"] = project.into();
        application["spec"]["source"] =
            json!({"repoURL": private(&ground), "path": "deploy", "targetRevision": revision});
        application
    };
    ground.create(&of("mine", "shop", "HEAD"));
    ground.until("the project's own", |ground| ground.status_of("mine")["sync"]["status"] == "Synced");
    for (name, revision) in [("by-branch", "HEAD"), ("by-commit", commit.as_str())] {
        ground.create(&of(name, "default", revision));
        ground.until(name, |ground| says(ground, name, "Authentication failed"));
        assert_eq!(ground.status_of(name)["sync"]["status"], "Unknown");
    }
}

#[test]
fn a_repository_by_ssh_is_read_with_its_key_from_a_server_that_is_known() {
    let mut ground = Ground::new("ctl-ssh");
    let (server, name) = (SshServer::start().expect("sshd"), ground.world.name.clone());
    let address = server.address(&ground.web.repositories().join("shop.git"));
    let key = |path: &std::path::Path| std::fs::read_to_string(path).expect("a key");
    let data = json!({"url": address, "sshPrivateKey": key(server.key())});
    ground.create(&secret(&ground, "git", "repository", &data));
    ground.start();
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["source"]["repoURL"] = address.as_str().into();
    ground.create(&application);
    ground.until("it is not known", |ground| says(ground, &name, "Host key verification failed"));
    let known = std::fs::read_to_string(server.known_hosts()).expect("known hosts");
    ground.create(&config_map_of(&ground, "argocd-ssh-known-hosts-cm", &json!({"ssh_known_hosts": known})));
    ground.until("it is let in", |ground| ground.status()["sync"]["status"] == "Synced");
}

#[test]
fn a_repository_is_read_with_tokens_of_a_github_app() {
    let mut ground = Ground::new("ctl-app");
    let (github, name) = (Github::start(&ground), ground.world.name.clone());
    ground.start();
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["source"]["repoURL"] = private(&ground).into();
    ground.create(&application);
    ground.until("it lets nobody in", |ground| says(ground, &name, "Authentication failed"));
    let data = json!({
        "url": format!("{}/private-git", ground.web.address()), "githubAppID": "12", "githubAppInstallationID": "34",
        "githubAppPrivateKey": github::key(), "githubAppEnterpriseBaseUrl": github.address(),
    });
    ground.create(&secret(&ground, "git", "repo-creds", &data));
    ground.until("it is let in", |ground| ground.status()["sync"]["status"] == "Synced");
    let commit = ground.commit("deploy/a.yaml", &config_map("a", "2"));
    ground.until_synced(&commit);
    assert_eq!(github.asked(), 1, "a token is kept until before its end");
    let shown = format!("{} {}", ground.app(), ground.said());
    assert!(!shown.contains(ground.web.password()) && !shown.contains("eyJ"), "{shown}");
}

/// A chart whose one ConfigMap is called as its release, as an archive.
fn chart() -> Vec<u8> {
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\ndata: {value: '{{ .Chart.Version }}'}\n";
    let files = [("Chart.yaml", "apiVersion: v2\nname: one\nversion: 1.0.0\n"), ("templates/config.yaml", template)];
    let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append_data(&mut header, format!("one/{path}"), text.as_bytes()).expect("packed");
    }
    archive.into_inner().expect("packed").finish().expect("packed")
}

#[test]
fn a_chart_is_read_from_a_registry_and_from_a_chart_repository_as_secrets_say() {
    let mut ground = Ground::new("ctl-charts");
    let helm = gitops_testdata::helm::build().expect("Helm").display().to_string();
    let registry = Registry::start(&ground.certificates, Access::Token).expect("a registry");
    let chart = chart();
    for place in ["charts", "other"] {
        registry.push_chart(place, "one", "1.0.0", &chart).expect("pushed");
    }
    let folder = ground.web.files().join("charts");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("one-1.0.0.tgz"), &chart).expect("written");
    let index = "apiVersion: v1\nentries:\n  one:\n    - {name: one, version: 1.0.0, urls: [one-1.0.0.tgz]}\n";
    std::fs::write(folder.join("index.yaml"), index).expect("written");
    let of_registry = format!("{}/charts", registry.address().replacen("https://", "oci://", 1));
    // As Argo CD's users write a registry of charts.
    let plain = of_registry.replacen("oci://", "", 1);
    let of_repository = format!("{}/private/charts", ground.web.address());
    let oci = |password: &str| json!({"url": plain, "type": "helm", "enableOCI": "true", "username": READER, "password": password});
    ground.create(&secret(&ground, "registry", "repository", &oci("s3cret-and-wrong")));
    ground.start_with(&["--polling", "1", "--helm", &helm]);
    let all = [("by-registry", &of_registry), ("by-plain", &plain), ("by-index", &of_repository)];
    let elsewhere = plain.replace("/charts", "/other");
    for (name, address) in all.into_iter().chain([("beside", &elsewhere)]) {
        let mut application = ground.another(name);
        application["spec"]["source"] = json!({"repoURL": address, "chart": "one", "targetRevision": "1.0.0"});
        ground.create(&application);
        ground.until(name, |ground| says(ground, name, "credentials"));
    }
    set_password(&ground, "registry", registry.password());
    let data = json!({"url": of_repository, "type": "helm", "username": READER, "password": ground.web.password()});
    ground.create(&secret(&ground, "index", "repository", &data));
    for (name, _) in all {
        ground.until(name, |ground| ground.status_of(name)["sync"]["status"] == "Synced");
        assert_eq!(ground.value(name).as_deref(), Some("1.0.0"));
    }
    assert!(
        says(&ground, "beside", "credentials"),
        "the Secret is for its own address: {:#}",
        ground.status_of("beside")
    );
    let shown = format!("{} {} {}", ground.status_of("by-registry"), ground.status_of("by-index"), ground.said());
    for secret in [registry.password(), ground.web.password(), "s3cret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn what_git_lfs_keeps_is_read_with_the_secret_of_its_repository() {
    let mut ground = Ground::new("ctl-lfs");
    let name = ground.world.name.clone();
    for arguments in [&["lfs", "install", "--local", "--skip-repo"][..], &["lfs", "track", "*.big.yaml"]] {
        ground.world.repository.git(arguments).expect("git-lfs is there");
    }
    ground.commit("deploy/b.big.yaml", &config_map("b", "large"));
    ground.web.keep(&ground.world.repository.path().join(".git/lfs/objects")).expect("kept");
    let password = "s3cret-and-wrong";
    let data = json!({"url": private(&ground), "username": READER, "password": password, "enableLfs": "true"});
    ground.create(&secret(&ground, "git", "repository", &data));
    ground.start();
    let mut application = ground.application(&json!({"automated": {}}));
    application["spec"]["source"]["repoURL"] = private(&ground).into();
    ground.create(&application);
    ground.until("it lets nobody in", |ground| says(ground, &name, "Authentication failed"));
    set_password(&ground, "git", ground.web.password());
    ground.until("it is let in", |ground| ground.value("b").as_deref() == Some("large"));
    let shown = format!("{} {}", ground.app(), ground.said());
    assert!(!shown.contains(ground.web.password()) && !shown.contains("s3cret"), "{shown}");
}
