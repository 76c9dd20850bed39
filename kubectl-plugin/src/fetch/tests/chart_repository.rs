//! Chart repositories that are as they should be, and others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::archive::digest;
use super::super::charts::{ChartRepository, Charts};
use super::super::error::FailureKind;
use super::server::{AUTH, Asked, Authority, CHARTS, FILES, REGISTRY, Reply, Server, serve_plain};
use super::{LOGIN, check_hidden, credential, login};

/// A repository with these lines for each version of `shop`.
fn repository(authority: &Authority, versions: &'static str) -> Server {
    authority.serve(move |asked: &Asked, port| match asked.path.as_str() {
        "/stable/index.yaml" => {
            let text = format!("apiVersion: v1\nentries:\n  shop:\n{versions}");
            Reply::ok(text.replace("DIGEST", &digest(b"archive")["sha256:".len()..]).replace("PORT", &port.to_string()))
        }
        path if path.ends_with(".tgz") => Reply::ok("archive"),
        _ => Reply::status(404),
    })
}

#[test]
fn a_chart_is_resolved_and_fetched() {
    let authority = Authority::new();
    let server = repository(
        &authority,
        "  - {version: 1.2.0, digest: DIGEST, urls: [shop-1.2.0.tgz]}\n  - {version: 1.3.0, urls: [charts/shop-1.3.0.tgz]}\n  - {version: 2.0.0-rc.1, urls: [x.tgz]}\n",
    );
    let address = server.url(CHARTS, "/stable/");
    let charts = Charts::new(authority.access().credentials(login(&server.url(CHARTS, "/stable"))));
    let found = charts.resolve(&address, "shop", "~1.2").expect("a chart");
    assert_eq!((found.version.as_str(), &found.digest), ("1.2.0", &digest(b"archive")));
    assert_eq!(found.locations, [server.url(CHARTS, "/stable/shop-1.2.0.tgz")]);
    assert_eq!(server.asked().len(), 1, "the index has the digest");
    assert_eq!(charts.fetch(&address, "shop", &found), Ok(b"archive".to_vec()));
    // Without a digest in the index the archive is asked.
    let newest = charts.resolve(&address, "shop", "").expect("a chart");
    assert_eq!((newest.version.as_str(), &newest.digest), ("1.3.0", &digest(b"archive")));
    assert_eq!(charts.fetch_locked(&address, "shop", "1.3.0", &newest.digest), Ok(b"archive".to_vec()));
    let paths: Vec<String> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths.iter().filter(|path| path.ends_with("index.yaml")).count(), 1, "{paths:?}");
    assert!(server.asked().iter().all(|asked| asked.authorization.as_deref() == Some(LOGIN)));
}

#[test]
fn what_is_not_there_is_told_with_what_is() {
    let authority = Authority::new();
    let server = repository(&authority, "  - {version: 1.2.0, urls: [shop-1.2.0.tgz]}\n");
    let address = server.url(CHARTS, "/stable");
    let charts = Charts::new(authority.access());
    let error = charts.resolve(&address, "shop", "^2").expect_err("there is none");
    let hint = Some("the newest version there is 1.2.0".to_owned());
    assert_eq!((error.kind, error.hint), (FailureKind::NotFound, hint));
    for (repository, chart, version) in [("/stable", "cart", ""), ("/stable", "shop", "latest"), ("/other", "shop", "")]
    {
        let error = charts.resolve(&server.url(CHARTS, repository), chart, version).expect_err("there is none");
        assert_eq!(error.kind, FailureKind::NotFound, "{error}");
    }
}

#[test]
fn an_archive_with_another_digest_is_refused() {
    let authority = Authority::new();
    let server = repository(
        &authority,
        "  - {version: 1.2.0, digest: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855, urls: [x.tgz]}\n",
    );
    let address = server.url(CHARTS, "/stable");
    let charts = Charts::new(authority.access());
    let found = charts.resolve(&address, "shop", "1.2.0").expect("a chart");
    let error = charts.fetch(&address, "shop", &found).expect_err("it is another");
    assert_eq!(error.kind, FailureKind::Wrong);
    let error = charts.fetch_locked(&address, "shop", "1.2.0", &digest(b"archive")).expect_err("it is another");
    assert!(error.kind == FailureKind::Wrong && error.hint.is_some(), "{error}");
    assert!(charts.fetch_locked(&address, "shop", "1.2", &found.digest).is_err(), "that is not what is written");
}

#[test]
fn archives_of_other_hosts_come_without_credentials() {
    let authority = Authority::new();
    let server = repository(
        &authority,
        "  - {version: 1.0.0, urls: ['https://files.example.net:PORT/x.tgz']}\n  - {version: 2.0.0, urls: ['https://127.0.0.1:PORT/x.tgz']}\n  - {version: 3.0.0, urls: ['http://charts.example.com:PORT/x.tgz']}\n  - {version: 4.0.0, urls: ['https://u:s3cret@charts.example.com:PORT/x.tgz']}\n  - {version: 5.0.0, urls: ['oci://127.0.0.1:PORT/x:1']}\n  - {version: 6.0.0, urls: ['file:///etc/passwd']}\n  - {version: 7.0.0, urls: ['https://inside.example.com:PORT/x.tgz']}\n",
    );
    let address = server.url(CHARTS, "/stable");
    let charts = Charts::new(authority.access().credentials(login(&address)));
    assert!(charts.resolve(&address, "shop", "1.0.0").is_ok());
    let elsewhere = server.asked().into_iter().find(|asked| asked.host.starts_with(FILES)).expect("it was asked");
    assert_eq!(elsewhere.authorization, None);
    let before = server.asked().len();
    for version in ["2.0.0", "3.0.0", "4.0.0", "5.0.0", "6.0.0", "7.0.0"] {
        let error = charts.resolve(&address, "shop", version).expect_err(version);
        check_hidden(&error);
        assert_eq!(error.kind, FailureKind::Refused, "{version}: {error}");
    }
    assert_eq!(server.asked().len(), before);
}

#[test]
fn credentials_are_passed_to_the_host_of_the_archive_where_the_user_wants_it() {
    let authority = Authority::new();
    let server = authority.serve(|asked: &Asked, port| match asked.path.as_str() {
        "/stable/index.yaml" => {
            let place = |version: &str, place: &str| format!("  - {{version: {version}, urls: ['{place}']}}\n");
            let far = format!("https://{FILES}:{port}");
            let lines = [
                place("1.0.0", &format!("{far}/x.tgz")),
                place("2.0.0", &format!("{far}/on")),
                place("3.0.0", &format!("https://inside.example.com:{port}/x.tgz")),
                place("4.0.0", &format!("http://{CHARTS}:{port}/x.tgz")),
                place("5.0.0", &format!("https://127.0.0.1:{port}/x.tgz")),
                place("6.0.0", &format!("oci://{REGISTRY}:{port}/x:1")),
            ];
            Reply::ok(format!("entries:\n  shop:\n{}", lines.concat()))
        }
        "/on" => Reply::to(format!("https://{AUTH}:{port}/x.tgz")),
        path if path.ends_with(".tgz") => Reply::ok("archive"),
        _ => Reply::status(404),
    });
    let address = server.url(CHARTS, "/stable");
    let charts = Charts::new(authority.access().credentials(login(&address)));
    let repository = ChartRepository { address: &address, pass_credentials: true };
    let sent_to = |host: &str| -> Vec<Option<String>> {
        server
            .asked()
            .into_iter()
            .filter(|asked| asked.host.starts_with(host))
            .map(|asked| asked.authorization)
            .collect()
    };
    assert!(charts.resolve(&address, "shop", "1.0.0").is_ok());
    assert_eq!(sent_to(FILES), [None], "nobody wants it");
    assert!(charts.resolve(repository, "shop", "1.0.0").is_ok());
    assert_eq!(sent_to(FILES), [None, Some(LOGIN.to_owned())]);
    assert!(charts.resolve(repository, "shop", "2.0.0").is_ok());
    assert_eq!(sent_to(FILES)[2].as_deref(), Some(LOGIN));
    assert_eq!(sent_to(AUTH), [None], "that host was not in the index");
    let before = server.asked().len();
    for version in ["3.0.0", "4.0.0", "5.0.0"] {
        let error = charts.resolve(repository, "shop", version).expect_err(version);
        check_hidden(&error);
        assert_eq!(error.kind, FailureKind::Refused, "{version}: {error}");
    }
    assert_eq!(server.asked().len(), before);
    assert!(charts.resolve(repository, "shop", "6.0.0").is_err(), "it is no registry");
    assert!(!sent_to(REGISTRY).is_empty() && sent_to(REGISTRY).iter().all(Option::is_none));
}

#[test]
fn without_encryption_nothing_is_passed() {
    let authority = Authority::new();
    let files = authority.serve(|_, _| Reply::ok("archive"));
    let port = files.port;
    let server = serve_plain(move |_, _| {
        Reply::ok(format!("entries: {{shop: [{{version: 1.0.0, urls: ['https://{FILES}:{port}/x.tgz']}}]}}\n"))
    });
    let address = format!("http://{CHARTS}:{}", server.port);
    let access = authority.access().credentials(login(&address)).plain_http([CHARTS.to_owned()]);
    let repository = ChartRepository { address: &address, pass_credentials: true };
    assert!(Charts::new(access).resolve(repository, "shop", "1.0.0").is_ok());
    assert!(files.asked().len() == 1 && files.asked()[0].authorization.is_none());
}

#[test]
fn a_client_certificate_is_shown_to_the_host_of_the_archive_where_the_user_wants_it() {
    let authority = Authority::new();
    // Both want one, and nothing else.
    let last = authority.serve_strictly(|_, _| Reply::ok("archive"));
    let on = last.port;
    let files = authority.serve_strictly(move |asked: &Asked, _| match asked.path.as_str() {
        "/on" => Reply::to(format!("https://{AUTH}:{on}/x.tgz")),
        _ => Reply::ok("archive"),
    });
    let port = files.port;
    let server = authority.serve_strictly(move |_, _| {
        let place =
            |version: &str, place: &str| format!("{{version: {version}, urls: ['https://{FILES}:{port}{place}']}}");
        Reply::ok(format!("entries: {{shop: [{}, {}]}}\n", place("1.0.0", "/x.tgz"), place("2.0.0", "/on")))
    });
    let address = server.url(CHARTS, "/stable");
    let (certificate, key) = &authority.client;
    let fields = [("tlsClientCertData", certificate.as_str()), ("tlsClientCertKey", key.as_str())];
    let charts = Charts::new(authority.access().credentials(credential(&address, &fields)));
    let repository = |pass_credentials| ChartRepository { address: &address, pass_credentials };
    let error = charts.resolve(repository(false), "shop", "1.0.0").expect_err("nobody wants it");
    check_hidden(&error);
    assert!(files.asked().is_empty(), "it was not let in");
    assert!(charts.resolve(repository(true), "shop", "1.0.0").is_ok());
    assert_eq!(files.asked().len(), 1);
    // Whom that host sends us to was not in the index.
    assert!(charts.resolve(repository(true), "shop", "2.0.0").is_err());
    assert_eq!((files.asked().len(), last.asked().len()), (2, 0));
    // What one asker wants is not what another gets.
    assert!(charts.resolve(repository(false), "shop", "1.0.0").is_err());
    assert_eq!(files.asked().len(), 2);
}

#[test]
fn an_index_is_read_once_however_many_ask() {
    let authority = Authority::new();
    let server = repository(&authority, "  - {version: 1.2.0, digest: DIGEST, urls: [shop-1.2.0.tgz]}\n");
    let address = server.url(CHARTS, "/stable");
    let charts = Charts::new(authority.access());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let found = charts.resolve(&address, "shop", "*").expect("a chart");
                assert_eq!(charts.fetch(&address, "shop", &found), Ok(b"archive".to_vec()));
            });
        }
    });
    let indexes = server.asked().into_iter().filter(|asked| asked.path.ends_with("index.yaml"));
    assert_eq!((indexes.count(), server.asked().len()), (1, 9));
}

#[test]
fn an_index_that_is_none_says_so() {
    let authority = Authority::new();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let server = authority.serve(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Reply::ok("<html>s3cret: {[</html>")
    });
    let charts = Charts::new(authority.access());
    for _ in 0..2 {
        let error = charts.resolve(&server.url(CHARTS, ""), "shop", "").expect_err("it is none");
        check_hidden(&error);
        assert_eq!(error.kind, FailureKind::Wrong);
    }
    assert_eq!(tries.load(Ordering::Relaxed), 2, "failures are not kept");
}

#[test]
fn files_are_bounded() {
    let authority = Authority::new();
    let server = authority.serve(|_, _| Reply::Endless);
    let error = Charts::new(authority.access()).file(&server.url(CHARTS, "/x")).expect_err("it is endless");
    assert_eq!(error.why, "the file is larger than 16 MiB");
}
