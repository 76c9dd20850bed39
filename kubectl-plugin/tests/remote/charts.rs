//! Charts of a chart repository and of a registry, beside Helm.

use std::path::Path;

use gitops_testdata::servers::{Access, Registry};

use crate::elsewhere::{Elsewhere, application, write};
use crate::world::{helm, objects, peer, peer_objects};

const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-{{ .Chart.Name }}'}\ndata: \
                        {version: '{{ .Chart.Version }}', color: '{{ .Values.color }}'}\n";

/// Packs a chart with Helm; gives the archive's path.
fn pack(folder: &Path, name: &str, version: &str, dependencies: &str) -> std::path::PathBuf {
    let sources = tempfile::tempdir().expect("a folder");
    let chart = format!("apiVersion: v2\nname: {name}\nversion: {version}\n{dependencies}");
    write(sources.path(), "Chart.yaml", chart);
    write(sources.path(), "values.yaml", "color: red\n");
    write(sources.path(), "templates/config.yaml", TEMPLATE);
    let chart = sources.path().display().to_string();
    let output = peer(helm(), folder, &["package", &chart, "-d", "."]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    folder.join(format!("{name}-{version}.tgz"))
}

fn index(folder: &Path) {
    let output = peer(helm(), folder, &["repo", "index", "."]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_chart_of_a_repository_is_pinned_and_rendered_as_helm_does() {
    let elsewhere = Elsewhere::new();
    let charts = elsewhere.web.files().join("charts");
    std::fs::create_dir(&charts).expect("made");
    for version in ["1.0.0", "1.2.0", "2.0.0"] {
        pack(&charts, "web", version, "");
    }
    index(&charts);
    let address = format!("{}/files/charts", elsewhere.web.address());
    let sources = format!(
        "[{{repoURL: '{address}', chart: web, targetRevision: ^1, helm: {{valueFiles: [$here/values.yaml], valuesObject: \
         {{color: $ARGOCD_APP_REVISION}}}}}}, {{repoURL: 'https://git.example.com/shop.git', ref: here}}]"
    );
    elsewhere.world.write("app.yaml", &application(&sources)).write("values.yaml", "color: blue\n");
    let remote = ["config", "remote.origin.url", "https://git.example.com/shop.git"];
    elsewhere.world.repository.git(&remote).expect("configured");
    let said = elsewhere.refused(&["compile", "-f", "app.yaml"]);
    assert!(said.contains("the chart web ^1 of") && said.contains("is not in gitops.lock"), "{said}");

    let told = elsewhere.done(&["lock", "-f", "app.yaml"]);
    assert!(told.contains("1.2.0"), "{told}");
    let compile = ["compile", "-f", "app.yaml", "-o", "yaml"];
    let ours = elsewhere.done(&[&compile[..], &["--offline"]].concat());
    let archive = charts.join("web-1.2.0.tgz").display().to_string();
    let template = ["template", "shop", &archive, "--namespace=prod", "--set-string=color=$ARGOCD_APP_REVISION"];
    assert_eq!(objects(ours.as_bytes()), peer_objects(helm(), &charts, &template));

    // A newer version is published, the archive of the pinned one is packed anew: that one is refused where it counts.
    pack(&charts, "web", "1.3.0", "");
    index(&charts);
    assert_eq!(elsewhere.done(&compile), ours);
    let verified = elsewhere.done(&["lock", "verify"]);
    assert!(verified.contains('✓') && verified.contains("it would be 1.3.0 now"), "{verified}");
    let other = pack(&charts, "web", "1.2.0", "description: other\n");
    assert!(other.is_file());
    index(&charts);
    let ended = elsewhere.run(&["lock", "verify", "web"]);
    assert!(ended.code == 2 && ended.stdout.contains('✗'), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(elsewhere.done(&compile), ours, "what was fetched counts");
}

#[test]
fn the_dependencies_of_a_chart_are_pinned_with_it() {
    let elsewhere = Elsewhere::new();
    let charts = elsewhere.web.files().join("charts");
    std::fs::create_dir(&charts).expect("made");
    let address = format!("{}/files/charts", elsewhere.web.address());
    pack(&charts, "leaf", "0.1.0", "");
    pack(&charts, "db", "3.1.0", "");
    index(&charts);
    let chart = format!(
        "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {{name: db, version: 3.x, repository: '{address}'}}\n- \
         {{name: leaf, version: '>=0', repository: '{address}'}}\n"
    );
    elsewhere.world.write("web/Chart.yaml", &chart).write("web/templates/config.yaml", TEMPLATE);
    let said = elsewhere.refused(&["compile", "web", "--path", "web"]);
    for line in ["web/Chart.yaml:5:3", "web/Chart.yaml:6:3"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let told = elsewhere.done(&["lock", "web", "--path", "web"]);
    assert!(told.contains("3 entries, 3 new or changed"), "{told}");
    let ours = elsewhere.done(&["compile", "web", "--path", "web", "-o", "yaml", "--offline"]);
    let root = elsewhere.world.repository.path().join("web");
    std::fs::create_dir(root.join("charts")).expect("made");
    for archive in ["db-3.1.0.tgz", "leaf-0.1.0.tgz"] {
        std::fs::copy(charts.join(archive), root.join("charts").join(archive)).expect("copied");
    }
    assert_eq!(objects(ours.as_bytes()), peer_objects(helm(), &root, &["template", "web", "."]));
}

/// The index of a chart repository whose archives are at `address`.
fn write_index(charts: &Path, address: &str) {
    let output = peer(helm(), charts, &["repo", "index", ".", "--url", address]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Helm's own digest would be enough to pin it.
    let index = std::fs::read_to_string(charts.join("index.yaml")).expect("an index");
    let lines: Vec<&str> = index.lines().filter(|line| !line.trim_start().starts_with("digest:")).collect();
    std::fs::write(charts.join("index.yaml"), lines.join("\n")).expect("written");
}

/// A chart repository whose archives are on another server, which wants the same password.
#[test]
fn credentials_reach_the_host_of_the_archive_where_the_application_says_so() {
    let elsewhere = Elsewhere::new();
    let archives = elsewhere.web.beside(&elsewhere.certificates).expect("nginx");
    let charts = elsewhere.web.files().join("charts");
    std::fs::create_dir(&charts).expect("made");
    let archive = pack(&charts, "web", "1.0.0", "");
    let write_index = |place: &str| write_index(&charts, &format!("{}{place}", archives.address()));
    write_index("/private");
    std::fs::copy(&archive, archives.files().join("web-1.0.0.tgz")).expect("copied");
    let address = format!("{}/private/charts", elsewhere.web.address());
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = folder.path().join("credentials.yaml");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
         repository}}\nstringData: {{url: '{address}', type: helm, username: '{}', password: '{}'}}\n",
        elsewhere.web.user(),
        elsewhere.web.password()
    );
    std::fs::write(&credentials, secret).expect("written");
    let credentials = credentials.display().to_string();
    let source = |more: &str| {
        let sources = format!("[{{repoURL: '{address}', chart: web, targetRevision: 1.0.0{more}}}]");
        elsewhere.world.write("app.yaml", &application(&sources));
    };
    let lock = ["lock", "-f", "app.yaml", "--credentials", &credentials];
    let ended_with = |how: &str| {
        let requests = archives.requests();
        let last = requests.last().unwrap_or_else(|| panic!("nothing was asked, not {how}"));
        assert!(last.ends_with(how), "{last}, not {how}");
    };

    source("");
    let said = elsewhere.refused(&lock);
    assert!(said.contains("the server wants credentials") || said.contains("does not take"), "{said}");
    ended_with("401 anonymous");
    source(", helm: {passCredentials: true}");
    elsewhere.done(&lock);
    ended_with("200 basic");
    let ours = elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml", "--offline"]);
    let archive = archive.display().to_string();
    let theirs = peer_objects(helm(), &charts, &["template", "shop", &archive, "--namespace=prod"]);
    assert_eq!(objects(ours.as_bytes()), theirs);
    // No Application says it here, so the user does.
    let verify = ["lock", "verify", "--credentials", &credentials];
    assert_eq!(elsewhere.run(&verify).code, 2);
    elsewhere.done(&[&verify[..], &["--pass-credentials", &address]].concat());

    // Whom that server sends us to learns nothing.
    write_index("/elsewhere");
    let update = ["lock", "update", "--credentials", &credentials, "--pass-credentials", &address];
    let said = elsewhere.refused(&update);
    assert!(!said.contains(elsewhere.web.password()), "{said}");
    let requests = archives.requests();
    let [.., first, second] = &requests[..] else { panic!("{requests:?}") };
    assert!(first.contains("/elsewhere/") && first.ends_with("302 basic"), "{first}");
    assert!(second.contains("localhost") && second.ends_with("401 anonymous"), "{second}");
}

/// A chart repository whose archives are on another server, which wants the same client certificate; and Helm, as Argo CD
/// calls it for that.
#[test]
fn a_client_certificate_reaches_the_host_of_the_archive_where_the_application_says_so() {
    let elsewhere = Elsewhere::new();
    let archives = elsewhere.web.beside(&elsewhere.certificates).expect("nginx");
    let charts = elsewhere.web.files().join("charts");
    std::fs::create_dir(&charts).expect("made");
    let archive = pack(&charts, "web", "1.0.0", "");
    std::fs::copy(&archive, archives.files().join("web-1.0.0.tgz")).expect("copied");
    let write_index = |place: &str| write_index(&charts, &format!("{}{place}", archives.address()));
    write_index("/certified");
    let address = format!("{}/certified/charts", elsewhere.web.address());
    let folder = tempfile::tempdir().expect("a folder");
    let credentials = folder.path().join("credentials.yaml");
    let pem = |path: &Path| std::fs::read_to_string(path).expect("PEM").trim_end().replace('\n', "\n    ");
    let (certificate, key) = (elsewhere.certificates.client_certificate(), elsewhere.certificates.client_key());
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
         repository}}\nstringData:\n  url: {address}\n  type: helm\n  tlsClientCertData: |\n    {}\n  tlsClientCertKey: |\n    \
         {}\n",
        pem(certificate),
        pem(key)
    );
    std::fs::write(&credentials, secret).expect("written");
    let credentials = credentials.display().to_string();
    let source = |more: &str| {
        let sources = format!("[{{repoURL: '{address}', chart: web, targetRevision: 1.0.0{more}}}]");
        elsewhere.world.write("app.yaml", &application(&sources));
    };
    let ended_with = |how: &str| {
        let requests = archives.requests();
        let last = requests.last().unwrap_or_else(|| panic!("nothing was asked, not {how}"));
        assert!(last.ends_with(how), "{last}, not {how}");
    };

    source("");
    elsewhere.refused(&["lock", "-f", "app.yaml"]);
    let lock = ["lock", "-f", "app.yaml", "--credentials", &credentials];
    let said = elsewhere.refused(&lock);
    assert!(said.contains("the server wants credentials"), "{said}");
    ended_with("403 anonymous");
    source(", helm: {passCredentials: true}");
    elsewhere.done(&lock);
    ended_with("200 anonymous certificate");
    let ours = elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml", "--offline"]);
    let packed = archive.display().to_string();
    let theirs = peer_objects(helm(), &charts, &["template", "shop", &packed, "--namespace=prod"]);
    assert_eq!(objects(ours.as_bytes()), theirs);

    // Helm gets it so, too; and, unlike us, also where nobody says so.
    let [certificate, key, authority] =
        [certificate, key, elsewhere.certificates.authority()].map(|path| path.display().to_string());
    let pull = ["pull", "web", "--version", "1.0.0", "--repo", &address];
    let tls = ["--cert-file", &certificate, "--key-file", &key, "--ca-file", &authority];
    for more in [&["--pass-credentials"][..], &[]] {
        let pulled = tempfile::tempdir().expect("a folder");
        let before = archives.requests().len();
        let output = peer(helm(), pulled.path(), &[&pull[..], &tls, more].concat());
        assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
        let read = |path: &Path| std::fs::read(path).expect("an archive");
        assert_eq!(read(&pulled.path().join("web-1.0.0.tgz")), read(&archive));
        assert!(archives.requests().len() > before, "{more:?}");
        ended_with("200 anonymous certificate");
    }

    // Whom that server sends us to is shown nothing.
    write_index("/elsewhere");
    let update = ["lock", "update", "--credentials", &credentials, "--pass-credentials", &address];
    elsewhere.refused(&update);
    let requests = archives.requests();
    let [.., first, second] = &requests[..] else { panic!("{requests:?}") };
    assert!(first.contains("/elsewhere/") && first.ends_with("302 anonymous certificate"), "{first}");
    assert!(second.contains("localhost") && second.ends_with("401 anonymous"), "{second}");
}

#[test]
fn a_chart_of_a_registry_is_pinned_whoever_must_be_asked() {
    for access in [Access::Open, Access::Basic, Access::Token] {
        let elsewhere = Elsewhere::new();
        let registry = Registry::start(&elsewhere.certificates, access).expect("a registry");
        let folder = tempfile::tempdir().expect("a folder");
        for version in ["1.0.0", "1.1.0+build.5", "2.0.0"] {
            let archive = std::fs::read(pack(folder.path(), "web", version, "")).expect("an archive");
            registry.push_chart("team", "web", version, &archive).expect("pushed");
        }
        let host = registry.address().trim_start_matches("https://").to_owned();
        let sources = format!("[{{repoURL: 'oci://{host}/team', chart: web, targetRevision: 1.x}}]");
        elsewhere.world.write("app.yaml", &application(&sources));
        let credentials = folder.path().join("credentials.yaml");
        let secret = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels: {{argocd.argoproj.io/secret-type: \
             repo-creds}}\nstringData: {{url: 'oci://{host}/team', type: helm, enableOCI: 'true', username: '{}', password: \
             '{}'}}\n",
            registry.user(),
            registry.password()
        );
        std::fs::write(&credentials, secret).expect("written");
        let credentials = credentials.display().to_string();
        if !matches!(access, Access::Open) {
            let said = elsewhere.refused(&["lock", "-f", "app.yaml"]);
            assert!(said.contains("credentials"), "{said}");
        }
        let told = elsewhere.done(&["lock", "-f", "app.yaml", "--credentials", &credentials]);
        assert!(told.contains("1.1.0+build.5"), "{told}");
        let ours = elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml", "--offline"]);
        let archive = folder.path().join("web-1.1.0+build.5.tgz").display().to_string();
        let theirs = peer_objects(helm(), folder.path(), &["template", "shop", &archive, "--namespace=prod"]);
        assert_eq!(objects(ours.as_bytes()), theirs);

        // The other way to write it: as an artifact, which turns out to be a chart.
        let sources = format!("[{{repoURL: 'oci://{host}/team/web', targetRevision: 1.x, path: .}}]");
        elsewhere.world.write("app.yaml", &application(&sources));
        elsewhere.done(&["lock", "-f", "app.yaml", "--credentials", &credentials]);
        assert!(elsewhere.lock().contains("kind: oci"), "{}", elsewhere.lock());
        assert_eq!(elsewhere.done(&["compile", "-f", "app.yaml", "-o", "yaml", "--offline"]), ours);
    }
}

/// Logins as Docker keeps them, for a registry that wants tokens.
#[test]
fn logins_of_docker_are_used_where_they_are_named() {
    let elsewhere = Elsewhere::new();
    let registry = Registry::start(&elsewhere.certificates, Access::Token).expect("a registry");
    let folder = tempfile::tempdir().expect("a folder");
    let archive = std::fs::read(pack(folder.path(), "web", "1.0.0", "")).expect("an archive");
    registry.push_chart("team", "web", "1.0.0", &archive).expect("pushed");
    let host = registry.address().trim_start_matches("https://").to_owned();
    let sources = format!("[{{repoURL: 'oci://{host}/team', chart: web, targetRevision: 1.x}}]");
    elsewhere.world.write("app.yaml", &application(&sources));
    let config = folder.path().join("config.json");
    let shown = config.display().to_string();
    let lock = ["lock", "-f", "app.yaml", "--registry-config", &shown];
    let write = |text: &str| std::fs::write(&config, text).expect("written");

    write(r#"{"auths": {"other.example.com": {"auth": "YTpi"}}}"#);
    let said = elsewhere.refused(&lock);
    assert!(said.contains("the server wants credentials"), "{said}");
    write(&format!(r#"{{"auths": {{"{host}": {{}}}}, "credsStore": "desktop"}}"#));
    let said = elsewhere.refused(&lock);
    assert!(said.contains("kept by the program docker-credential-desktop, which is not run"), "{said}");
    write("{\"auths\": [");
    let said = elsewhere.refused(&lock);
    assert!(said.contains("config.json:1:"), "{said}");

    let (user, password) = (registry.user(), registry.password());
    let identity = format!(r#""auth": "PHRva2VuPjo=", "identitytoken": "{}""#, registry.identity_token());
    for login in [format!(r#""username": "{user}", "password": "{password}""#), identity] {
        write(&format!(r#"{{"auths": {{"https://{host}/v2/": {{{login}}}}}}}"#));
        elsewhere.done(&lock);
        let lock_file = elsewhere.world.repository.path().join("gitops.lock");
        let text = std::fs::read_to_string(&lock_file).expect("a lock file");
        assert!(text.contains("resolved: 1.0.0") && !text.contains(password), "{text}");
        std::fs::remove_file(lock_file).expect("removed");
    }
    // It lies where Docker has it, and nobody named it.
    let home = elsewhere.world.home.path().join(".docker");
    std::fs::create_dir(&home).expect("made");
    std::fs::copy(&config, home.join("config.json")).expect("copied");
    let said = elsewhere.refused(&["lock", "-f", "app.yaml"]);
    assert!(said.contains("the server wants credentials"), "{said}");
}
