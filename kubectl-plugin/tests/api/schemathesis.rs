//! The document and the server agree: schemathesis asks everything that the document lets one ask, with all of its checks.
//!
//! With `GITOPS_LONG=1`: it takes minutes. Every day a test beside this one holds each body against the document.

#![expect(clippy::print_stdout, reason = "the tables are what this shows")]

use std::env;
use std::process::Command;

use gitops_testdata::servers::schemathesis;

use crate::people::People;

/// What of the streams is asked elsewhere: they do not end, so that whoever reads an answer to its end waits for ever.
const STREAMS: &str = "^(Watch|WatchRows|WatchTree|WatchRun|Logs|LogsOfPod)$";
/// All that is asked about is an Application that is there, but for what deletes it. And where a request that the document permits is
/// refused all the same, with which status: what runs, or does not, is known to nobody who reads it, and is 400 (9,
/// `FailedPrecondition`) at Argo CD's gateway, too; and a patch is JSON in a text.
const SETTINGS: &str = r#"
[[operations]]
exclude-operation-id = "Delete"
parameters = { "path.name" = "APPLICATION" }

[[operations]]
include-operation-id-regex = "^(Sync|Rollback|Hold|Release|Terminate|Patch|Plan|Diff)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 400, 401, 403, 404, 409, 429, "5xx"]
"#;
/// All checks but one, as fast as one token may ask; and that one, which sends bad tokens, as fast as those are answered by 401.
const RUNS: [&[&str]; 2] = [
    &["--checks", "all", "--exclude-checks", "ignored_auth", "--rate-limit", "40/s", "--max-examples", "60"],
    &["--checks", "ignored_auth", "--rate-limit", "1/s", "--max-examples", "2", "--phases", "fuzzing"],
];

#[test]
fn the_document_and_the_server_agree() {
    if env::var_os("GITOPS_LONG").is_none() {
        println!("SKIPPED: schemathesis asks for minutes; set GITOPS_LONG=1");
        return;
    }
    let python = schemathesis().unwrap_or_else(|error| panic!("{error}"));
    let people = People::new("api-document");
    let more = serde_json::json!({"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "watch"]});
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let token = people.token("schemathesis", people.own(), &all, &[more]);
    let folder = people.ground.world.home.path().join("document");
    std::fs::create_dir(&folder).expect("a folder");
    let written = [
        ("openapi.json", kubectl_gitops::api::document().to_string()),
        ("schemathesis.toml", SETTINGS.replace("APPLICATION", people.own())),
    ];
    for (name, text) in written {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let (header, address) = (format!("Authorization: Bearer {token}"), format!("http://{}", people.address));
    let always =
        ["-m", "schemathesis.cli", "--no-color", "run", "openapi.json", "--url", &address, "--header", &header];
    let also = ["--exclude-operation-id-regex", STREAMS, "--seed", "1", "--generation-database", "none"];
    let bounds = ["--continue-on-failure", "--request-timeout", "40"];
    for run in RUNS {
        let output = Command::new(&python)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", &folder)
            .current_dir(&folder)
            .args([&always[..], run, &also, &bounds].concat())
            .output()
            .expect("it starts");
        let told = String::from_utf8_lossy(&output.stdout);
        println!("{told}");
        let summary = told.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        println!("schemathesis {}: {summary}", run.join(" "));
        assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}
