//! Sign-in by an issuer, in a browser: a real provider, whose tokens the real API server takes, and a controller over TLS.

use gitops_testdata::servers::oidc::{CLIENT, OWN_ADDRESS, REFUSED};
use serde_json::Value as Json;

use crate::browser;
use crate::issuer::Scene;

#[test]
fn people_sign_in_by_their_issuer_and_come_back_to_where_they_were() {
    let mut scene = Scene::new("ui-oidc");
    let issuer = scene.provider.issuer();
    let [certificate, key] =
        [scene.certificates.certificate(), scene.certificates.key()].map(|file| file.display().to_string());
    let host = scene.start_with(CLIENT, &issuer, &["--tls-cert", &certificate, "--tls-key", &key]);
    scene.let_people_in();
    scene.ground.automated();
    scene.ground.until("the first sync", |ground| ground.status()["sync"]["status"] == "Synced");
    let name = scene.ground.world.name.clone();
    let hosts = format!("MAP gitops.example.com:443 {host}");
    let values = [
        ("UI_ADDRESS", OWN_ADDRESS),
        ("UI_ALSO", issuer.as_str()),
        ("UI_HOSTS", hosts.as_str()),
        ("UI_NAMESPACE", name.as_str()),
        ("UI_REFUSED", REFUSED),
    ];
    let done = browser::steps("oidc.mjs", &values, |asked| {
        assert_eq!(asked["what"], "end sessions");
        scene.ground.world.kubectl(&["delete", "secrets", "-n", &name, "-l", "kubectl-gitops/session"]);
        Json::Null
    });
    assert_eq!(done.len(), 4, "{done:?}");
    assert!(!scene.ground.said().contains("eyJ"), "no token is told");
}
