//! Servers that hang, lie and send us elsewhere; addresses that are none.

use std::time::{Duration, Instant};

use gitops_testdata::servers::{Hung, Lie, Lying};

use crate::elsewhere::{Elsewhere, write};

fn lock_base(elsewhere: &Elsewhere, base: &str, more: &[&str]) -> String {
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{base}']\n"));
    elsewhere.refused(&[&["lock", "--path", "deploy"], more].concat())
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let elsewhere = Elsewhere::new();
    let hung = Hung::start().expect("a server");
    let host = format!("127.0.0.1:{}", hung.port());
    let begun = Instant::now();
    for base in [format!("http://{host}/base.git//overlay?ref=v1"), format!("http://{host}/install.yaml")] {
        let said = lock_base(&elsewhere, &base, &["--plain-http", &host, "--fetch-timeout", "1"]);
        assert!(said.contains(&host), "{said}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "it was given up");
}

#[test]
fn a_server_that_lies_is_given_up() {
    let elsewhere = Elsewhere::new();
    for lie in [Lie::EndlessBody, Lie::EndlessHeaders, Lie::EndlessRefs, Lie::Nonsense] {
        let lying = Lying::start(lie).expect("a server");
        let host = lying.address().trim_start_matches("http://").to_owned();
        // Of a file nonsense is as good as anything; what it is is pinned.
        let is_told = !matches!(lie, Lie::Nonsense);
        let file = is_told.then(|| format!("http://{host}/install.yaml"));
        for base in file.into_iter().chain([format!("http://{host}/base.git//overlay?ref=v1")]) {
            let said = lock_base(&elsewhere, &base, &["--plain-http", &host, "--fetch-timeout", "5"]);
            assert!(said.contains(&format!("cannot fetch http://{host}/")), "{said}");
        }
    }
    assert_eq!(elsewhere.lock(), "");
}

#[test]
fn redirects_lead_nowhere_they_may_not() {
    let elsewhere = Elsewhere::new();
    elsewhere.base("base");
    write(elsewhere.web.files(), "install.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n");
    let address = elsewhere.web.address();
    // Git follows none: the program cannot be asked where to.
    let said = lock_base(&elsewhere, &format!("{address}/redirect-git/base.git//overlay?ref=v1.0.0"), &[]);
    assert!(said.contains("it has moved"), "{said}");
    let said = lock_base(&elsewhere, &format!("{address}/inward/install.yaml"), &[]);
    assert!(said.contains("169.254.169.254"), "{said}");
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}/redirect/install.yaml']\n"));
    elsewhere.done(&["lock", "--path", "deploy"]);
}

#[test]
fn passwords_do_not_follow_to_another_host() {
    let elsewhere = Elsewhere::new();
    write(elsewhere.web.files(), "install.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n");
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = folder.path().join("credentials.yaml");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
         repo-creds}}\nstringData: {{url: '{}', username: {}, password: '{}'}}\n",
        elsewhere.web.address(),
        elsewhere.web.user(),
        elsewhere.web.password()
    );
    std::fs::write(&credentials, secret).expect("written");
    let more = ["--credentials", &credentials.display().to_string()];
    let said = lock_base(&elsewhere, &format!("{}/elsewhere/install.yaml", elsewhere.web.address()), &more);
    assert!(!said.contains(elsewhere.web.password()), "{said}");
    let requests = elsewhere.web.requests();
    let there: Vec<_> = requests.iter().filter(|request| request.contains("localhost")).collect();
    assert!(there.iter().all(|request| request.ends_with("anonymous")), "{requests:?}");
}

#[test]
fn what_is_no_address_is_never_asked() {
    let elsewhere = Elsewhere::new();
    for base in [
        "file:///etc//x?ref=v1",
        "http://git.example.com/base.git//x?ref=v1",
        "ssh://-oProxyCommand=touch/x.git//y?ref=v1",
        "https://anna:geheim@git.example.com/x.git//y?ref=v1",
    ] {
        let said = lock_base(&elsewhere, base, &[]);
        assert!(!said.contains("geheim"), "{said}");
        assert_eq!(elsewhere.lock(), "", "{base}");
    }
}

/// What a repository's own configuration says is data, and a helper in it is a program of a stranger's.
#[test]
fn the_configuration_of_the_repository_does_not_count() {
    let elsewhere = Elsewhere::new();
    elsewhere.base("base");
    let traces = tempfile::tempdir().expect("a folder");
    let trace = traces.path().join("run");
    let helper = format!("!touch {}", trace.display());
    let git = |arguments: &[&str]| elsewhere.world.repository.git(arguments).expect("configured");
    git(&["config", "credential.helper", &helper]);
    git(&["config", "core.sshCommand", &format!("touch {}", trace.display())]);
    git(&["config", "url.https://localhost:1/.insteadOf", &format!("{}/", elsewhere.web.address())]);
    let said =
        lock_base(&elsewhere, &format!("{}/private-git/base.git//overlay?ref=main", elsewhere.web.address()), &[]);
    assert!(said.contains("--credentials"), "{said}");
    lock_base(&elsewhere, "ssh://git@localhost:1/base.git//overlay?ref=main", &[]);
    assert!(!trace.exists(), "a program of the repository's was run");
    let open = format!("{}/git/base.git//overlay?ref=main", elsewhere.web.address());
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{open}']\n"));
    elsewhere.done(&["lock", "--path", "deploy"]);
}

#[test]
fn a_password_in_an_address_is_written_nowhere() {
    let elsewhere = Elsewhere::new();
    write(elsewhere.web.files(), "x.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: far}\n");
    let address = elsewhere.web.address().replace("https://", "https://anna:geheim@");
    for base in [format!("{address}/files/x.yaml?token=t0ken"), format!("{address}/git/base.git//overlay?ref=v1")] {
        let said = lock_base(&elsewhere, &base, &[]);
        assert!(said.contains("has a password in it") && !said.contains("geheim") && !said.contains("t0ken"), "{said}");
    }
    assert_eq!(elsewhere.lock(), "");
}

/// As a fetch that was killed leaves it.
#[test]
fn what_a_killed_fetch_left_is_in_nobodys_way() {
    let elsewhere = Elsewhere::new();
    let (base, address) = elsewhere.base("base");
    elsewhere.world.write("deploy/kustomization.yaml", &format!("resources: ['{address}//overlay?ref=main']\n"));
    let store = tempfile::tempdir().expect("a folder");
    let there = ["--store", &store.path().display().to_string()];
    elsewhere.done(&[&["lock", "--path", "deploy"][..], &there].concat());
    let mirrors = store.path().join("store/mirrors");
    let mirror = std::fs::read_dir(&mirrors).expect("mirrors").flatten().map(|entry| entry.path());
    let mirror = mirror.into_iter().find(|path| path.is_dir()).expect("a mirror");
    for left in ["shallow.lock", "packed-refs.lock", "objects/pack/tmp_pack_x"] {
        std::fs::write(mirror.join(left), "").expect("written");
    }
    base.write("new", "x").expect("written");
    let commit = base.commit("Two").expect("a commit");
    std::fs::write(mirror.join(format!("refs/pins/{commit}.lock")), "").expect("written");
    elsewhere.publish(&base, "base");
    elsewhere.done(&[&["lock", "update"][..], &there].concat());
    assert!(!mirror.join("objects/pack/tmp_pack_x").exists());
    // One whose making was cut off.
    std::fs::remove_dir_all(mirror.join("objects")).expect("removed");
    std::fs::remove_dir_all(mirror.join("refs")).expect("removed");
    std::fs::remove_file(mirror.join("HEAD")).expect("removed");
    elsewhere.done(&[&["compile", "--path", "deploy"][..], &there].concat());
}
