//! One file from one server, and where that server would have us go.

use std::time::{Duration, Instant};

use super::super::access::Access;
use super::super::error::{FailureKind, FetchError};
use super::super::web::Web;
use super::server::{Authority, CHARTS, FILES, INSIDE, Reply, Server, serve_plain};
use super::{LOGIN, check_hidden, credential, login};

fn get(access: Access, address: &str) -> Result<Vec<u8>, FetchError> {
    Web::new(access).get(address, 1 << 20, "the file")
}

/// What is wrong with an address, and that nothing secret is said of it.
fn failure(access: Access, address: &str) -> FetchError {
    let error = get(access, address).expect_err(address);
    check_hidden(&error);
    error
}

#[test]
fn a_file_comes_with_the_credential_of_its_address() {
    let authority = Authority::new();
    let server = authority.serve(|_, _| Reply::ok("hello"));
    let address = server.url(CHARTS, "/a/b.yaml?token=s3cret");
    let access = authority.access().credentials(login(&server.url(CHARTS, "/a/b.yaml?token=s3cret")));
    assert_eq!(get(access, &address), Ok(b"hello".to_vec()));
    let asked = &server.asked()[0];
    assert_eq!((asked.authorization.as_deref(), asked.path.as_str()), (Some(LOGIN), "/a/b.yaml?token=s3cret"));
    assert_eq!(asked.user_agent.as_deref(), Some(concat!("kubectl-gitops/", env!("CARGO_PKG_VERSION"))));
    // Userinfo of the address says who we are, too.
    let address = address.replacen("https://", "https://bob:other@", 1);
    assert!(get(authority.access(), &address).is_ok());
    assert_eq!(server.asked()[1].authorization.as_deref(), Some("Basic Ym9iOm90aGVy"));
}

#[test]
fn it_may_be_asked_from_within_a_runtime() {
    let authority = Authority::new();
    let server = authority.serve(|_, _| Reply::ok("hello"));
    let address = server.url(CHARTS, "/");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let answer = runtime.block_on(async { get(authority.access(), &address) });
    assert_eq!(answer, Ok(b"hello".to_vec()));
}

#[test]
fn an_unknown_authority_is_not_believed() {
    let server = Authority::new().serve(|_, _| Reply::ok("hello"));
    let error = failure(Authority::new().access(), &server.url(CHARTS, "/"));
    assert_eq!(error.kind, FailureKind::Unreachable);
    assert!(error.why.contains("certificate"), "{error}");
}

#[test]
fn any_certificate_will_do_where_the_credential_says_so() {
    let server = Authority::new().serve(|_, _| Reply::ok("hello"));
    let address = server.url(CHARTS, "/");
    let credentials = credential(&address, &[("insecure", "true")]);
    assert!(get(Authority::new().access().credentials(credentials), &address).is_ok());
}

#[test]
fn credentials_follow_to_no_other_host_or_port_and_not_back() {
    let authority = Authority::new();
    let last = authority.serve(|_, _| Reply::ok("hello"));
    let port = last.port;
    let first = authority.serve(move |asked, own| match asked.path.as_str() {
        "/same" => Reply::to("/host"),
        "/host" => Reply::to(format!("https://{FILES}:{port}/x")),
        "/port" => Reply::to(format!("https://{CHARTS}:{port}/x")),
        "/back" => Reply::to(format!("https://{FILES}:{own}/away")),
        "/away" => Reply::to(format!("https://{CHARTS}:{own}/end")),
        _ => Reply::ok("end"),
    });
    for path in ["/same", "/port", "/back"] {
        let address = first.url(CHARTS, path);
        let access = authority.access().credentials(login(&address));
        assert!(get(access, &address).is_ok(), "{path}");
    }
    let with_login = |server: &Server| -> Vec<String> {
        let asked = server.asked().into_iter().filter(|asked| asked.authorization.is_some());
        asked.map(|asked| asked.path).collect()
    };
    assert_eq!(with_login(&first), ["/same", "/host", "/port", "/back"]);
    assert_eq!((with_login(&last), last.asked().len()), (Vec::new(), 2));
}

#[test]
fn a_redirect_leads_neither_to_http_nor_inward_nor_to_a_user() {
    let authority = Authority::new();
    let inside = serve_plain(|_, _| Reply::ok("inside"));
    let port = inside.port;
    let server = authority.serve(move |asked, own| {
        Reply::to(match asked.path.as_str() {
            "/plain" => format!("http://{CHARTS}:{port}/"),
            "/literal" => format!("https://127.0.0.1:{port}/"),
            "/mapped" => format!("https://[::ffff:127.0.0.1]:{port}/"),
            "/number" => format!("https://2130706433:{port}/"),
            "/name" => format!("https://localhost:{port}/"),
            "/resolved" => format!("https://{INSIDE}:{port}/"),
            "/user" => format!("https://anna:s3cret@{FILES}:{own}/"),
            _ => "file:///etc/passwd".to_owned(),
        })
    });
    for path in ["/plain", "/literal", "/mapped", "/number", "/name", "/resolved", "/user", "/file"] {
        let access = authority.access().plain_http([CHARTS.to_owned(), "localhost".to_owned()]);
        let error = failure(access, &server.url(CHARTS, path));
        assert_eq!(error.kind, FailureKind::Refused, "{path}: {error}");
    }
    assert_eq!(inside.asked().len(), 0);
}

#[test]
fn what_is_inside_may_send_us_on_inside() {
    let authority = Authority::new();
    let server = authority.serve(|asked, own| match asked.path.as_str() {
        "/a" => Reply::to(format!("https://127.0.0.1:{own}/b")),
        "/b" => Reply::to(format!("https://{CHARTS}:{own}/c")),
        // By way of the outside it does not get back in, but for where it began.
        "/c" => Reply::to(format!("https://127.0.0.1:{own}/d")),
        "/e" => Reply::to(format!("https://{CHARTS}:{own}/f")),
        "/f" => Reply::to(format!("https://{INSIDE}:{own}/g")),
        _ => Reply::ok("hello"),
    });
    let error = failure(authority.access(), &server.url(INSIDE, "/a"));
    assert_eq!((error.kind, server.asked().len()), (FailureKind::Refused, 3));
    assert_eq!(get(authority.access(), &server.url(INSIDE, "/e")), Ok(b"hello".to_vec()));
}

#[test]
fn a_redirect_obeys_the_patterns() {
    let authority = Authority::new();
    let server = authority.serve(|asked, own| {
        let is_first = asked.host.starts_with(CHARTS);
        if is_first { Reply::to(format!("https://{FILES}:{own}/deep/down/x")) } else { Reply::ok("hello") }
    });
    let charts = format!("https://{CHARTS}:{}/*", server.port);
    let files = format!("https://{FILES}:{}/deep", server.port);
    let address = server.url(CHARTS, "/x");
    let allowed = |patterns: &[String]| get(authority.access().allow(patterns).expect("patterns"), &address);
    assert!(allowed(&[charts.clone(), files]).is_ok());
    let error = allowed(&[charts]).expect_err("it is elsewhere");
    assert_eq!((error.kind, error.hint.is_some()), (FailureKind::Refused, true));
}

#[test]
fn redirects_end() {
    let authority = Authority::new();
    let server = authority.serve(|_, _| Reply::to("/again"));
    let error = failure(authority.access(), &server.url(CHARTS, "/"));
    assert_eq!((error.kind, server.asked().len()), (FailureKind::Wrong, 11));
    let lost = authority.serve(|_, _| Reply::status(302));
    assert_eq!(failure(authority.access(), &lost.url(CHARTS, "/")).kind, FailureKind::Wrong);
}

#[test]
fn bodies_and_silence_end() {
    let authority = Authority::new();
    let server = authority.serve(|asked, _| match asked.path.as_str() {
        "/endless" => Reply::Endless,
        "/large" => Reply::ok(vec![0; (1 << 20) + 1]),
        _ => Reply::Silence,
    });
    for path in ["/endless", "/large"] {
        let error = failure(authority.access(), &server.url(CHARTS, path));
        assert_eq!((error.kind, error.why.as_str()), (FailureKind::TooLarge, "the file is larger than 1 MiB"));
    }
    let start = Instant::now();
    let error = failure(authority.access(), &server.url(CHARTS, "/silence"));
    assert_eq!(error.kind, FailureKind::Unreachable);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

#[test]
fn answers_without_success_have_a_kind() {
    let authority = Authority::new();
    let server = authority.serve(|asked, _| Reply::status(asked.path[1..].parse().expect("a status")));
    for (status, kind) in [
        (401, FailureKind::Unauthorized),
        (403, FailureKind::Unauthorized),
        (404, FailureKind::NotFound),
        (410, FailureKind::NotFound),
        (500, FailureKind::Unreachable),
        (304, FailureKind::Unreachable),
    ] {
        let address = server.url(CHARTS, &format!("/{status}"));
        let access = authority.access().credentials(login(&address));
        assert_eq!(failure(access, &address.replacen("https://", "https://x:s3cret@", 1)).kind, kind, "{status}");
    }
}

#[test]
fn what_is_not_encrypted_needs_leave() {
    let server = serve_plain(|_, _| Reply::ok("hello"));
    let address = format!("http://anna:s3cret@127.0.0.1:{}/x", server.port);
    let access = || Authority::new().access();
    let error = failure(access(), &address);
    assert_eq!(error.kind, FailureKind::Refused);
    assert_eq!(
        error.hint,
        Some(format!("write https, or allow this host with --plain-http 127.0.0.1:{}", server.port))
    );
    let host = format!("127.0.0.1:{}", server.port);
    assert_eq!(get(access().plain_http([host]), &address), Ok(b"hello".to_vec()));
}

#[test]
fn a_client_certificate_is_shown_to_its_own_host_alone() {
    let authority = Authority::new();
    let server = authority.serve_strictly(|_, _| Reply::ok("hello"));
    let (address, port) = (server.url(CHARTS, "/x"), server.port);
    let (certificate, key) = &authority.client;
    let fields = [("tlsClientCertData", certificate.as_str()), ("tlsClientCertKey", key.as_str())];
    assert!(get(authority.access(), &address).is_err(), "nobody is let in");
    let access = authority.access().credentials(credential(&address, &fields));
    assert_eq!(get(access, &address), Ok(b"hello".to_vec()));
    let other = authority.serve(move |_, _| Reply::to(format!("https://{FILES}:{port}/x")));
    let address = other.url(CHARTS, "/x");
    assert!(get(authority.access().credentials(credential(&address, &fields)), &address).is_err());
    let broken = credential(&address, &[("tlsClientCertData", "s3cret"), ("tlsClientCertKey", "s3cret")]);
    let error = failure(authority.access().credentials(broken), &address);
    assert_eq!(error.why, "the client certificate of the credential is damaged");
}

#[test]
fn the_proxy_of_the_credential_is_asked_and_its_password_not_shown() {
    let authority = Authority::new();
    let proxy = serve_plain(|_, _| Reply::status(407));
    let address = format!("https://{CHARTS}:8443/x");
    let proxy_address = format!("http://anna:s3cret@127.0.0.1:{}", proxy.port);
    let with = |fields: &[(&str, &str)]| authority.access().credentials(credential(&address, fields));
    let error = failure(with(&[("proxy", &proxy_address)]), &address);
    assert_eq!(error.kind, FailureKind::Unreachable);
    let asked = &proxy.asked()[0];
    assert_eq!((asked.path.as_str(), asked.proxy_authorization.as_deref()), ("charts.example.com:8443", Some(LOGIN)));
    failure(with(&[("proxy", &proxy_address), ("noProxy", "example.com")]), &address);
    failure(with(&[("proxy", "s3cret not an address")]), &address);
    assert_eq!(proxy.asked().len(), 1);
}
