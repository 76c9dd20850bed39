//! An everyday way through the UI.

use serde_json::{Value as Json, json};

use crate::browser;
use crate::people::People;
use crate::support::{config_map, deployment};

/// What would be more than text, if it were not taken as text.
const HOSTILE: &str = "<img src=x onerror=alert(1)>";

#[test]
fn a_person_finds_looks_syncs_and_goes_back() {
    let people = People::new("ui-everyday");
    let own = people.own().to_owned();
    let everything = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]});
    let writing = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let token = people.token("writer", &own, &writing, std::slice::from_ref(&everything));
    let reader = people.token("reader", &own, &["get", "list", "watch"], &[everything]);
    // By hand from now on.
    people
        .ground
        .patch(&json!({"spec": {"syncPolicy": {"automated": null}}, "metadata": {"annotations": {"note": HOSTILE}}}));
    let web = deployment("web", "registry.invalid/web:1", "a", "");
    let web = web.replace(
        "metadata:\n  name: web\n",
        &format!("metadata:\n  name: web\n  annotations: {{note: {HOSTILE:?}}}\n"),
    );
    let commit = people.ground.commit("deploy/web.yaml", &web);
    let all = crate::asker::Asker::new(&people.address, &token);
    assert_eq!(all.get(&people.path("?refresh=normal")).status, 200);
    assert_eq!(all.send("POST", &people.path("/sync"), &json!({})).status, 200);
    people.ground.until_synced(&commit);
    let address = format!("http://{}", people.address);
    let values = [
        ("UI_ADDRESS", address.as_str()),
        ("UI_NAMESPACE", own.as_str()),
        ("UI_TOKEN", token.as_str()),
        ("UI_READER", reader.as_str()),
    ];
    let done = browser::steps("everyday.mjs", &values, |asked| {
        let value = asked["value"].as_str().unwrap_or_default();
        match asked["what"].as_str() {
            Some("commit") => drop(people.ground.commit("deploy/a.yaml", &config_map("a", value))),
            Some("until") => people.ground.until(value, |ground| ground.value("a").as_deref() == Some(value)),
            _ => panic!("{asked}"),
        }
        Json::Null
    });
    assert_eq!(done.len(), 9, "{done:?}");
}
