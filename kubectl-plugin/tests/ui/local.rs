//! `kubectl gitops ui`: on one's own machine, for oneself, with nothing installed in the cluster.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::browser;
use crate::support::{World, config_map};
use crate::world::Ground;

/// An Application that was synced once, and nobody follows Git for it any more.
fn synced(name: &str) -> Ground {
    let mut ground = Ground::new(name);
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    ground.stop();
    ground
}

/// Starts it, without a browser. Gives the process and the address that signs in.
fn started(ground: &Ground, more: &[&str]) -> (Child, String) {
    let authority = ground.certificates.authority().display().to_string();
    opened(&mut ground.world.command(&[&["ui", "--no-open", "--ca-file", &authority], more].concat()))
}

/// Starts a command that serves it.
fn opened(command: &mut Command) -> (Child, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut page = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut page).expect("an address");
    (child, page.trim().to_owned())
}

/// Somebody who is signed in there.
fn signed_in(page: &str) -> Asker {
    let (address, word) = page.split_once("/#once=").expect("a word");
    let asker = Asker::new(address.trim_start_matches("http://"), "");
    let token = asker.send("POST", "/api/v1/session", &json!({"token": word})).json()["token"].clone();
    Asker::new(&asker.address, token.as_str().expect("a token"))
}

/// Who may write an Application chooses what it names; what is asked with the keys of whoever looks, its project chooses.
#[test]
fn nothing_is_asked_for_unless_the_project_permits_it() {
    let ground = synced("ui-project");
    let name = ground.world.name.clone();
    let plan = format!("/api/gitops/v1/applications/{name}/plan?appNamespace={name}");
    let told = |more: &[&str], status: u16, told: &str| {
        let (mut child, page) = started(&ground, more);
        let asker = signed_in(&page);
        let is_told = || {
            let reply = asker.get(&plan);
            reply.status == status && reply.body.contains(told)
        };
        ground.until(told, |_| is_told());
        child.kill().expect("it ends");
        child.wait().expect("it has ended");
    };
    let home = ["--controller-namespace", name.as_str()];
    told(&home, 200, "\"steps\":[]");
    // Its own words do not count: they could name a namespace where there is a project of its author's.
    told(&[], 400, &format!("its controller is in {name}"));
    ground.create(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default", "namespace": name},
        "spec": {"sourceRepos": ["https://other.example"], "destinations": [{"server": "*", "namespace": "*"}]},
    }));
    told(&home, 400, "does not permit");
    ground.patch(&json!({"spec": {"project": "nowhere"}}));
    told(&home, 400, "there is no project nowhere");
}

#[test]
fn whoever_runs_it_sees_what_they_may_see() {
    let ground = synced("ui-local");
    let name = ground.world.name.clone();
    // Only who asks here knows of it.
    ground.commit("deploy/a.yaml", &config_map("a", "2"));
    let (mut child, page) = started(&ground, &["--controller-namespace", &name]);
    let (address, word) = page.split_once("/#once=").expect("a word");
    let asker = Asker::new(address.trim_start_matches("http://"), "");
    let app = format!("/api/v1/applications/{name}?appNamespace={name}");
    assert_eq!(asker.get(&app).status, 401, "nobody else asks");
    for (method, path) in [("GET", "/metrics"), ("POST", "/api/webhook")] {
        assert_eq!(
            asker.ask(method, path, None).status,
            404,
            "what a controller serves to machines is not here: {path}"
        );
    }
    let bearing = Asker::new(&asker.address, word);
    assert_eq!(bearing.get(&app).status, 401, "the word is no token");
    assert_eq!(asker.send("POST", "/api/v1/session", &json!({"token": "guessed"})).status, 401);
    let values = [("UI_ADDRESS", address), ("UI_PAGE", page.as_str()), ("UI_NAMESPACE", name.as_str())];
    let done = browser::steps("local.mjs", &values, |_| Json::Null);
    assert_eq!(done.len(), 4, "{done:?}");
    // The namespace of the kubeconfig's context.
    let secrets =
        ground.world.kubectl(&["get", "secrets", "-n", "default", "-l", "kubectl-gitops/session", "-o", "name"]);
    assert_eq!(secrets, "", "nothing is kept in the cluster");
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
}

#[test]
fn nobody_else_on_the_machine_learns_the_word() {
    let ground = Ground::new("ui-word");
    let bin = ground.world.home.path().join("bin");
    let seen = ground.world.home.path().join("seen");
    std::fs::create_dir(&bin).expect("made");
    // What opens a browser notes its arguments, as everybody may read them, and what they lead to.
    let opener = format!(
        "#!/bin/sh\n{{ echo \"$@\"; stat -c %a \"$1\" \"$(dirname \"$1\")\"; cat \"$1\"; }} > {0}.new; mv {0}.new {0}\n",
        seen.display()
    );
    std::fs::write(bin.join("xdg-open"), opener).expect("written");
    std::fs::set_permissions(bin.join("xdg-open"), std::fs::Permissions::from_mode(0o755)).expect("set");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
    let (mut child, page) = opened(ground.world.command(&["ui"]).env("PATH", path));
    let (address, word) = page.split_once("/#once=").expect("a word");
    assert!(World::waits_until(|| seen.exists()), "it opens a browser");
    let told = std::fs::read_to_string(&seen).expect("what was seen");
    let mut lines = told.lines();
    let file = PathBuf::from(lines.next().expect("arguments"));
    let arguments = std::fs::read(format!("/proc/{}/cmdline", child.id())).expect("arguments");
    assert!(file.is_absolute() && !file.to_string_lossy().contains(word));
    assert!(!String::from_utf8_lossy(&arguments).contains(word));
    assert_eq!((lines.next(), lines.next()), (Some("600"), Some("700")));
    assert!(told.contains(&format!("url={page}")), "{told}");
    // The answer to the word is for the page alone: no cookie, which a browser would send to every port.
    let asker = Asker::new(address.trim_start_matches("http://"), "");
    let reply = asker.send("POST", "/api/v1/session", &json!({"token": word}));
    let token = reply.json()["token"].as_str().map(str::to_owned).expect("a token");
    assert!(reply.status == 200 && reply.cookies().is_empty(), "{reply:?}");
    assert_eq!(asker.send("POST", "/api/v1/session", &json!({"token": word})).status, 401, "it is used up");
    let app = "/api/v1/clusters";
    let shows = |line: &str| asker.with(line).get(app).status;
    assert_eq!(shows(&format!("Cookie: __Host-kubectl-gitops={token}")), 401, "a cookie says nothing here");
    assert_ne!(shows(&format!("Authorization: Bearer {token}")), 401);
    assert_eq!(Asker::new(&asker.address, &token).delete("/api/v1/session").status, 200);
    assert_eq!(shows(&format!("Authorization: Bearer {token}")), 401, "out is out");
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(ended.expect("kill starts").success());
    child.wait().expect("it ends");
    assert!(!file.exists() && !file.parent().is_some_and(std::path::Path::exists), "nothing is left");
}
