//! Each page in each state, with no server: what the API says is made up, hostile, and large.

use kubectl_gitops::ui;
use serde_json::Value as Json;

use crate::browser;

#[test]
fn every_page_is_for_everybody_and_every_text_is_text() {
    browser::node(&["build.mjs", "dist"]);
    let (folder, _) = browser::ground();
    let dist = folder.join("dist").display().to_string();
    let values = [("UI_ADDRESS", "http://127.0.0.1:9"), ("UI_DIST", dist.as_str()), ("UI_POLICY", ui::POLICY)];
    let done = browser::steps("pages.mjs", &values, |_| Json::Null);
    assert_eq!(done.len(), 5, "{done:?}");
    let done = browser::steps("large.mjs", &values, |_| Json::Null);
    assert_eq!(done.len(), 2, "{done:?}");
}
