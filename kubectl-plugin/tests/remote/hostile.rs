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
