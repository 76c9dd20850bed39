//! Folders that lie in a registry, as ORAS, Argo CD's users and Flux put them there.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use gitops_testdata::servers::{Access, Registry};
use tar::{Builder, EntryType, Header};

use crate::elsewhere::{Elsewhere, application};
use crate::world::objects;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const PACKED: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const FLUX: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

fn config(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: '{value}'}}\n")
}

/// One folder for each renderer.
fn files(value: &str) -> Vec<(String, String)> {
    let file = |path: &str, text: String| (path.to_owned(), text);
    vec![
        file("./plain/x.yaml", config("plain", value)),
        file("over/kustomization.yaml", "resources: [../base]\nnamePrefix: over-\n".to_owned()),
        file("base/kustomization.yaml", "resources: [x.yaml]\n".to_owned()),
        file("base/x.yaml", config("base", value)),
        file("linked/sub/z.yaml", config("linked", value)),
        file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned()),
        file("chart/templates/x.yaml", config("{{ .Release.Name }}", "{{ .Values.revision }}")),
        file(
            "code/x.jsonnet",
            format!("{{apiVersion: 'v1', kind: 'ConfigMap', metadata: {{name: 'code'}}, data: {{key: '{value}'}}}}"),
        ),
    ]
}

fn tar(files: &[(String, String)], links: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (path, text) in files {
        let mut header = Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, text.as_bytes()).expect("memory takes all");
    }
    for (path, target) in links {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, path, target).expect("memory takes all");
    }
    builder.into_inner().expect("memory takes all")
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// The sources of an Application, one for each folder of an artifact.
fn sources(host: &str, revision: &str) -> String {
    let source = |path: &str, more: &str| {
        format!("{{repoURL: 'oci://{host}/team/deploy', targetRevision: '{revision}', path: {path}{more}}}")
    };
    let helm = ", helm: {parameters: [{name: revision, value: $ARGOCD_APP_REVISION}]}";
    let all =
        [source("plain", ""), source("over", ""), source("chart", helm), source("code", ""), source("linked", "")];
    format!("[{}]", all.join(", "))
}

#[test]
fn folders_of_an_artifact_are_pinned_and_rendered() {
    for (media, access) in [(TAR, Access::Open), (PACKED, Access::Token), (FLUX, Access::Basic)] {
        let elsewhere = Elsewhere::new();
        let registry = Registry::start(&elsewhere.certificates, access).expect("a registry");
        let host = registry.address().trim_start_matches("https://").to_owned();
        let push = |tag: &str, value: &str| {
            let bytes = tar(&files(value), &[("linked/x.yaml", "sub/y.yaml"), ("linked/sub/y.yaml", "./z.yaml")]);
            let bytes = if media == TAR { bytes } else { packed(&bytes) };
            registry.push_artifact("team/deploy", tag, media, &bytes).expect("pushed")
        };
        push("1.0.0", "old");
        let manifest = push("1.2.0", "one");
        push("2.0.0", "new");
        elsewhere.world.write("app.yaml", &application(&sources(&host, "^1")));
        let config = elsewhere.world.home.path().join("config.json");
        let (user, password) = (registry.user(), registry.password());
        let config_text = format!(r#"{{"auths": {{"{host}": {{"username": "{user}", "password": "{password}"}}}}}}"#);
        std::fs::write(&config, config_text).expect("written");
        let shown = config.display().to_string();
        let login = ["--registry-config", shown.as_str()];

        let said = elsewhere.refused(&["compile", "-f", "app.yaml"]);
        assert!(said.contains("/team/deploy at ^1 is not in gitops.lock"), "{said}");
        elsewhere.done(&[&["lock", "-f", "app.yaml"][..], &login].concat());
        let lock = elsewhere.lock();
        for line in [
            "- kind: oci",
            "  revision: ^1",
            "  resolved: 1.2.0",
            &format!("  manifest: {manifest}"),
            &format!("  media: {media}"),
        ] {
            assert!(lock.lines().any(|there| there == line), "{line}: {lock}");
        }
        let compile = ["compile", "-f", "app.yaml", "-o", "yaml"];
        let ours = elsewhere.done(&[&compile[..], &["--offline"]].concat());
        let objects = objects(ours.as_bytes());
        let value = |name: &str| {
            let key = format!("ConfigMap {name}");
            objects.get(&key).and_then(|object| object.at(&["data", "key"])?.as_str().map(str::to_owned)).unwrap_or(key)
        };
        // That of a link, which leads to a link.
        assert_eq!(["plain", "over-base", "code", "linked"].map(value), ["one"; 4]);
        assert_eq!(value("shop"), manifest, "Argo CD, too, tells the digest of the manifest");

        // The tag moves: what is pinned stays, also on a machine that has nothing yet.
        push("1.2.0", "moved");
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().display().to_string();
        assert_eq!(elsewhere.done(&[&compile[..], &["--store", &store], &login].concat()), ours);
        let verified = elsewhere.done(&[&["lock", "verify"][..], &login].concat());
        assert!(verified.contains('✓') && verified.contains("it would be 1.2.0 (sha256:"), "{verified}");
        let updated = elsewhere.done(&[&["lock", "update", "deploy"][..], &login].concat());
        assert!(updated.contains("1.2.0 (sha256:"), "{updated}");
        assert!(elsewhere.done(&compile).contains("moved"));

        // Exactly what is written may be a digest.
        elsewhere.world.write("app.yaml", &application(&sources(&host, &manifest)));
        elsewhere.done(&[&["lock", "-f", "app.yaml"][..], &login].concat());
        assert_eq!(elsewhere.done(&[&compile[..], &["--offline"]].concat()), ours);
    }
}

#[test]
fn what_is_no_folder_is_refused_at_the_field_that_asks_for_it() {
    let elsewhere = Elsewhere::new();
    let registry = Registry::start(&elsewhere.certificates, Access::Open).expect("a registry");
    let host = registry.address().trim_start_matches("https://").to_owned();
    let push = |tag: &str, media: &str, bytes: &[u8]| {
        registry.push_artifact("team/deploy", tag, media, bytes).expect("pushed");
    };
    let sound = tar(&files("one"), &[]);
    push("sound", TAR, &sound);
    push("link", TAR, &tar(&files("one"), &[("plain/z.yaml", "../../z.yaml")]));
    push("other", "application/vnd.example.content.v1.tar+gzip", &packed(&sound));
    push("image", "application/vnd.oci.image.config.v1+json", b"{}");
    push("lying", PACKED, &sound);
    let source = |revision: &str, path: &str| {
        let source =
            format!("\n  - repoURL: oci://{host}/team/deploy\n    targetRevision: {revision}\n    path: {path}\n");
        elsewhere.world.write("app.yaml", &application(&source));
    };
    for (revision, line, wanted) in [
        ("link", 8, "the link `plain/z.yaml` leads out of the archive"),
        ("other", 8, "its layer has the type application/vnd.example.content.v1.tar+gzip, and what is read is"),
        ("image", 8, "no layer of it has a type of archives"),
        ("lying", 8, "the archive is damaged"),
        ("missing", 9, "the registry has no such version or tag"),
        ("^9", 9, "the registry has no such version or tag"),
    ] {
        source(revision, "plain");
        let said = elsewhere.refused(&["lock", "-f", "app.yaml"]);
        assert!(said.contains(&format!("app.yaml:{line}:5: error: ")) && said.contains(wanted), "{wanted}: {said}");
    }
    source("sound", "nothing");
    let said = elsewhere.refused(&["lock", "-f", "app.yaml"]);
    assert!(said.contains("app.yaml:10:5: error: there is no folder `nothing` in what was unpacked"), "{said}");
    source("\"\"", "plain");
    let said = elsewhere.refused(&["lock", "-f", "app.yaml"]);
    assert!(said.contains("app.yaml:9:5: error: an artifact of a registry needs its tag"), "{said}");

    // A lock that says something else than the manifest does.
    source("sound", "plain");
    elsewhere.done(&["lock", "-f", "app.yaml"]);
    let lock = elsewhere.lock();
    let manifest = lock.lines().find(|line| line.contains("manifest:")).expect("a manifest");
    let other = registry.push_artifact("team/deploy", "x", TAR, &tar(&files("two"), &[])).expect("pushed");
    elsewhere.world.write("gitops.lock", &lock.replace(manifest, &format!("  manifest: {other}")));
    let ended = elsewhere.run(&["lock", "verify"]);
    assert!(ended.code == 2 && ended.stderr.contains("names another archive"), "{}{}", ended.stdout, ended.stderr);
}
