//! `kubectl gitops ui`: on one's own machine, for oneself, with nothing installed in the cluster.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::browser;
use crate::world::Ground;

#[test]
fn whoever_runs_it_sees_what_they_may_see() {
    let mut ground = Ground::new("ui-local");
    let name = ground.world.name.clone();
    ground.start();
    ground.automated();
    ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let mut command = ground.world.command(&["ui", "--no-open"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut page = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut page).expect("an address");
    let page = page.trim().to_owned();
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
    assert_eq!(done.len(), 2, "{done:?}");
    // The namespace of the kubeconfig's context.
    let secrets =
        ground.world.kubectl(&["get", "secrets", "-n", "default", "-l", "kubectl-gitops/session", "-o", "name"]);
    assert_eq!(secrets, "", "nothing is kept in the cluster");
    child.kill().expect("it ends");
    child.wait().expect("it has ended");
}
