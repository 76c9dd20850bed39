//! Repositories and remote bases, over https and ssh.

use gitops_testdata::servers::SshServer;

use crate::elsewhere::{Elsewhere, application, write_base};
use crate::world::{Objects, objects};

fn value(objects: &Objects) -> (String, String) {
    let (key, body) = objects.first_key_value().expect("an object");
    let value = body.at(&["data", "value"]).and_then(|value| value.as_str()).unwrap_or("none");
    (key.clone(), value.to_owned())
}

#[test]
fn a_remote_base_is_pinned_and_compiled_offline() {
    let elsewhere = Elsewhere::new();
    let (base, address) = elsewhere.base("base");
    let kustomization = format!("resources:\n- {address}//overlay?ref=main\nnameSuffix: -here\n");
    elsewhere.world.write("deploy/kustomization.yaml", &kustomization);

    let said = elsewhere.refused(&["compile", "--path", "deploy"]);
    assert!(said.contains("deploy/kustomization.yaml:2:3") && said.contains("is not in gitops.lock"), "{said}");
    assert!(said.contains("kubectl gitops lock"), "{said}");
    let told = elsewhere.done(&["lock", "--path", "deploy"]);
    assert!(told.contains("2 entries, 2 new or changed"), "{told}");

    let compile = ["compile", "--path", "deploy", "-o", "yaml"];
    let first = elsewhere.done(&compile);
    let is = ("ConfigMap over-base-here".to_owned(), "1".to_owned());
    assert_eq!(value(&objects(first.as_bytes())), is);

    // What the branch is now does not matter, and neither does the server.
    write_base(&base, "2");
    base.commit("Two").expect("a commit");
    elsewhere.publish(&base, "base");
    let before = elsewhere.web.requests().len();
    assert_eq!(elsewhere.done(&[&compile[..], &["--offline"]].concat()), first);
    assert_eq!(elsewhere.web.requests().len(), before, "nobody was asked");

    let told = elsewhere.done(&["lock", "update", "base"]);
    assert!(told.contains('~') && told.contains('→'), "{told}");
    let second = elsewhere.done(&compile);
    assert_eq!(value(&objects(second.as_bytes())).1, "2");
}

#[test]
fn a_base_may_name_its_own_repository_by_its_address() {
    let elsewhere = Elsewhere::new();
    let (base, address) = elsewhere.base("base");
    // Around the folder that names it, which is no circle where each is a clone of its own.
    base.write("kustomization.yaml", "resources: [common]\nnamePrefix: root-\n").expect("written");
    let over = format!("resources: ['{address}?ref=v2.0.0']\nnamePrefix: over-\n");
    base.write("deep/over/kustomization.yaml", over).expect("written");
    let circle = |to: &str| format!("resources: ['{address}//{to}?ref=v2.0.0']\n");
    base.write("one/kustomization.yaml", circle("two")).expect("written");
    base.write("two/kustomization.yaml", circle("one")).expect("written");
    base.commit("Two").expect("a commit");
    base.tag("v2.0.0").expect("a tag");
    elsewhere.publish(&base, "base");
    let write = |folder: &str| {
        let text = format!("resources: ['{address}//{folder}?ref=v2.0.0']\n");
        elsewhere.world.write("deploy/kustomization.yaml", &text);
    };
    write("deep/over");
    elsewhere.done(&["lock", "--path", "deploy"]);
    let compiled = elsewhere.done(&["compile", "--path", "deploy", "-o", "yaml", "--offline"]);
    assert_eq!(value(&objects(compiled.as_bytes())), ("ConfigMap over-root-base".to_owned(), "1".to_owned()));
    write("one");
    let said = elsewhere.refused(&["compile", "--path", "deploy", "--offline"]);
    assert!(
        said.contains("base.git at v2.0.0 leads back to itself: bases go in a circle by their addresses"),
        "{said}"
    );
}

#[test]
fn another_repository_is_a_source_and_lends_its_files() {
    let elsewhere = Elsewhere::new();
    let (_, address) = elsewhere.base("base");
    let sources = format!("[{{repoURL: '{address}', targetRevision: '^1.0', path: overlay}}]");
    elsewhere.world.write("app.yaml", &application(&sources));
    elsewhere.done(&["lock", "-f", "app.yaml"]);
    assert!(elsewhere.lock().contains("range: ^1.0"), "{}", elsewhere.lock());
    let compiled = elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml", "--offline"]);
    assert_eq!(value(&objects(compiled.as_bytes())), ("ConfigMap over-base".to_owned(), "1".to_owned()));
}

#[test]
fn ssh_takes_the_right_key_and_the_right_host_only() {
    let elsewhere = Elsewhere::new();
    let ssh = SshServer::start().expect("sshd");
    elsewhere.base("base");
    let address = ssh.address(&elsewhere.web.repositories().join("base.git"));
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=v1.0.0']\n"));
    let secret = |key: &std::path::Path| {
        let key = std::fs::read_to_string(key).expect("a key");
        let key = format!("    {}\n", key.trim_end().replace('\n', "\n    "));
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
             repository}}\nstringData:\n  url: {address}\n  sshPrivateKey: |\n{key}"
        )
    };
    let home = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        std::fs::write(home.path().join(name), text).expect("written");
        home.path().join(name).display().to_string()
    };
    let (right, wrong) = (file("right", secret(ssh.key())), file("wrong", secret(ssh.wrong_key())));
    let (known, unknown) = (ssh.known_hosts().display().to_string(), file("none", String::new()));
    let lock = |credentials: &str, hosts: &str| {
        elsewhere.run(&["lock", "--path", "deploy", "--credentials", credentials, "--known-hosts", hosts])
    };
    let ended = lock(&wrong, &known);
    assert!(ended.code == 2 && ended.stderr.contains("Permission denied"), "{}", ended.stderr);
    let ended = lock(&right, &unknown);
    assert!(ended.code == 2 && ended.stderr.contains("Host key verification failed"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--known-hosts"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("PRIVATE KEY"), "{}", ended.stderr);
    let ended = lock(&right, &known);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let compiled = elsewhere.done(&["compile", "--path", "deploy", "-o", "yaml", "--offline"]);
    assert_eq!(value(&objects(compiled.as_bytes())).1, "1");
}

#[test]
fn https_takes_the_right_password_and_certificate_only() {
    let elsewhere = Elsewhere::new();
    elsewhere.base("base");
    let address = format!("{}/private-git/base.git", elsewhere.web.address());
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=v1.0.0']\n"));
    let home = tempfile::tempdir().expect("a folder");
    let credentials = |password: &str| {
        let path = home.path().join("credentials.yaml");
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
             repo-creds}}\nstringData: {{url: '{}', username: {}, password: '{password}'}}\n",
            elsewhere.web.address(),
            elsewhere.web.user()
        );
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let lock = ["lock", "--path", "deploy"];
    let said = elsewhere.refused(&lock);
    assert!(said.contains("--credentials"), "{said}");
    let said = elsewhere.refused(&[&lock[..], &["--credentials", &credentials("geheim")]].concat());
    assert!(said.contains("--credentials") && !said.contains("geheim"), "{said}");
    let right = credentials(elsewhere.web.password());
    let ended = elsewhere.world.run(&[&lock[..], &["--credentials", &right]].concat());
    assert!(ended.code == 2 && ended.stderr.contains("--ca-file"), "{}", ended.stderr);
    elsewhere.done(&[&lock[..], &["--credentials", &right]].concat());
    assert!(!elsewhere.lock().contains(elsewhere.web.password()));
    elsewhere.done(&["compile", "--path", "deploy", "--offline"]);
}
