//! Registries that are as they should be, and others.

use super::super::archive::digest;
use super::super::charts::Charts;
use super::super::credentials::Credentials;
use super::super::error::FailureKind;
use super::server::{AUTH, Asked, Authority, CHARTS, FILES, REGISTRY, Reply, Server, serve_plain};
use super::{LOGIN, check_hidden, login};

const CHART: &[u8] = b"archive";

fn manifest() -> String {
    format!(
        r#"{{"schemaVersion":2,"layers":[{{"mediaType":"application/vnd.cncf.helm.chart.content.v1.tar+gzip","digest":"{}","size":7}}]}}"#,
        digest(CHART)
    )
}

/// What a registry with `charts/shop` answers to whom it knows.
fn answer(asked: &Asked) -> Reply {
    let path = asked.path.strip_prefix("/v2/charts/shop/").unwrap_or_default();
    match path {
        "tags/list?n=1000" => Reply::ok(r#"{"tags":["1.0.0","nightly"]}"#)
            .with("Link", r#"</v2/charts/shop/tags/list?last=nightly>; rel="next""#),
        "tags/list?last=nightly" => Reply::ok(r#"{"tags":["1.1.0_b1","2.0.0-rc.1"]}"#),
        "manifests/1.0.0" | "manifests/1.1.0_b1" => {
            Reply::ok(manifest()).with("Docker-Content-Digest", digest(manifest().as_bytes()))
        }
        _ if path == format!("manifests/{}", digest(manifest().as_bytes())) => Reply::ok(manifest()),
        "manifests/lied" => Reply::ok(manifest()).with("Docker-Content-Digest", digest(b"other")),
        "manifests/image" => Reply::ok(r#"{"layers":[{"mediaType":"application/x","digest":"sha256:00"}]}"#),
        "manifests/inside" => Reply::to("https://127.0.0.1:1/x"),
        _ if path == format!("manifests/{}", digest(b"else")) => Reply::ok(manifest()),
        _ if path == format!("blobs/{}", digest(CHART)) => Reply::to(format!("https://{FILES}:PORT/blob")),
        _ if path == format!("blobs/{}", digest(b"wrong")) => Reply::ok("not what was asked for"),
        _ if asked.path == "/blob" => Reply::ok(CHART),
        _ => Reply::status(404),
    }
}

/// The same, with the port put in where it is missing.
fn here(reply: Reply, port: u16) -> Reply {
    match reply {
        Reply::Whole { status, headers, body } => {
            let put = |(name, value): (String, String)| (name, value.replace("PORT", &port.to_string()));
            Reply::Whole { status, headers: headers.into_iter().map(put).collect(), body }
        }
        other => other,
    }
}

/// A registry that wants what a realm makes of a login, or of nothing.
fn with_tokens(authority: &Authority, realm: &'static str) -> Server {
    authority.serve(move |asked, port| {
        if asked.path.starts_with("/token") {
            return Reply::ok(r#"{"access_token":"t0ken"}"#);
        }
        let is_known = asked.authorization.as_deref() == Some("Bearer t0ken");
        if asked.path != "/blob" && !is_known {
            let wanted =
                format!("Bearer realm=\"{realm}\",service=\"the registry\",scope=\"repository:charts/shop:pull\"");
            return here(Reply::status(401).with("WWW-Authenticate", wanted), port);
        }
        here(answer(asked), port)
    })
}

fn charts(authority: &Authority, server: &Server) -> (Charts, String) {
    let address = format!("oci://{REGISTRY}:{}/charts", server.port);
    (Charts::new(authority.access().credentials(login(&address))), address)
}

#[test]
fn a_chart_is_resolved_and_fetched_by_digest() {
    let authority = Authority::new();
    let server = authority.serve(|asked, port| here(answer(asked), port));
    let (charts, address) = charts(&authority, &server);
    let found = charts.resolve(&address, "shop", "^1").expect("a chart");
    assert_eq!((found.version.as_str(), &found.digest), ("1.1.0+b1", &digest(CHART)));
    assert_eq!(found.locations, [format!("{address}/shop@{}", digest(manifest().as_bytes()))]);
    assert_eq!(charts.fetch(&address, "shop", &found), Ok(CHART.to_vec()));
    assert_eq!(charts.fetch_locked(&address, "shop", "1.1.0+b1", &found.digest), Ok(CHART.to_vec()));
    // As Argo CD writes it; and a tag that is there needs no list.
    let before = server.asked().len();
    let exact = charts.resolve(address.trim_start_matches("oci://"), "shop", "1.0.0").expect("a chart");
    assert_eq!((exact.version.as_str(), server.asked().len()), ("1.0.0", before + 1));
    let by_digest = charts.resolve(&address, "shop", &digest(manifest().as_bytes())).expect("a chart");
    assert_eq!(by_digest.digest, digest(CHART));
    let accept =
        server.asked().into_iter().find(|asked| asked.path.contains("manifests")).expect("it was asked").accept;
    assert!(
        accept.is_some_and(|accept| accept.contains("oci.image.manifest") && accept.contains("docker.distribution"))
    );
    assert!(server.asked().iter().all(|asked| asked.authorization.is_none()), "nobody asked who we are");
}

#[test]
fn tokens_are_made_once_and_go_to_the_registry_alone() {
    let authority = Authority::new();
    let server = with_tokens(&authority, "https://auth.example.org:PORT/token?x=1");
    let (charts, address) = charts(&authority, &server);
    let found = charts.resolve(&address, "shop", "*").expect("a chart");
    assert_eq!(charts.fetch(&address, "shop", &found), Ok(CHART.to_vec()));
    let asked = server.asked();
    let tokens: Vec<&Asked> = asked.iter().filter(|asked| asked.host.starts_with(AUTH)).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].path, "/token?x=1&service=the+registry&scope=repository%3Acharts%2Fshop%3Apull");
    assert_eq!(tokens[0].authorization.as_deref(), Some(LOGIN), "both are encrypted");
    let others = asked.iter().filter(|asked| asked.host.starts_with(FILES));
    assert!(others.clone().count() == 1 && others.clone().all(|asked| asked.authorization.is_none()));
    assert!(
        asked
            .iter()
            .filter(|asked| asked.host.starts_with(REGISTRY))
            .all(|asked| asked.authorization.as_deref() != Some(LOGIN))
    );
}

/// A login that is a token for tokens.
fn identity(address: &str) -> Credentials {
    let host = address.trim_start_matches("oci://").split('/').next().expect("a host");
    let text = format!(r#"{{"auths": {{"{host}": {{"auth": "YW5uYTo=", "identitytoken": "s3cret+/"}}}}}}"#);
    Credentials::read_registries("config.json", text.as_bytes()).expect("a credential")
}

#[test]
fn an_identity_token_is_posted_to_the_realm_alone() {
    let authority = Authority::new();
    let server = with_tokens(&authority, "https://auth.example.org:PORT/token?x=1");
    let address = format!("oci://{REGISTRY}:{}/charts", server.port);
    let charts = Charts::new(authority.access().credentials(identity(&address)));
    let found = charts.resolve(&address, "shop", "*").expect("a chart");
    assert_eq!(charts.fetch(&address, "shop", &found), Ok(CHART.to_vec()));
    let asked = server.asked();
    let (posted, others): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| asked.method == "POST");
    assert_eq!(posted.len(), 1);
    assert!(posted[0].host.starts_with(AUTH) && posted[0].authorization.is_none(), "{posted:?}");
    assert_eq!(posted[0].path, "/token?x=1");
    assert_eq!(
        String::from_utf8_lossy(&posted[0].body),
        "grant_type=refresh_token&client_id=kubectl-gitops&scope=repository%3Acharts%2Fshop%3Apull&service=the+registry\
         &refresh_token=s3cret%2B%2F"
    );
    assert!(others.iter().all(|asked| asked.body.is_empty() && !asked.path.contains("s3cret")));
}

#[test]
fn an_identity_token_follows_nowhere() {
    let authority = Authority::new();
    let server = authority.serve(|asked, port| match asked.path.as_str() {
        "/token" => Reply::Whole {
            status: 307,
            headers: vec![("Location".to_owned(), format!("https://{REGISTRY}:{port}/other"))],
            body: Vec::new(),
        },
        _ => Reply::status(401)
            .with("WWW-Authenticate", format!("Bearer realm=\"https://{REGISTRY}:{port}/token\",service=\"x\"")),
    });
    let address = format!("oci://{REGISTRY}:{}/charts", server.port);
    let charts = Charts::new(authority.access().credentials(identity(&address)));
    let error = charts.resolve(&address, "shop", "1.0.0").expect_err("it is sent on");
    check_hidden(&error);
    assert!(error.kind == FailureKind::Wrong && server.asked().iter().all(|asked| asked.path != "/other"), "{error}");

    // Without encryption nobody but the registry itself gets it.
    let auth = authority.serve(|_, _| Reply::ok(r#"{"token":"t0ken"}"#));
    let port = auth.port;
    let plain = serve_plain(move |asked, own| match asked.authorization.as_deref() {
        Some("Bearer t0ken") => here(answer(asked), own),
        _ => Reply::status(401).with("WWW-Authenticate", format!("Bearer realm=\"https://{AUTH}:{port}/token\"")),
    });
    let address = format!("oci://{REGISTRY}:{}/charts", plain.port);
    let access = authority.access().credentials(identity(&address)).plain_http([REGISTRY.to_owned()]);
    assert!(Charts::new(access).resolve(&address, "shop", "1.0.0").is_ok());
    assert!(auth.asked().len() == 1 && auth.asked()[0].method == "GET" && auth.asked()[0].body.is_empty());
}

#[test]
fn user_and_password_go_to_the_registry_where_it_wants_them() {
    let authority = Authority::new();
    let server = authority.serve(|asked, port| match asked.authorization.as_deref() {
        Some(LOGIN) => here(answer(asked), port),
        _ if asked.path == "/blob" => Reply::ok(CHART),
        _ => Reply::status(401).with("WWW-Authenticate", "Basic realm=\"x\""),
    });
    let (charts, address) = charts(&authority, &server);
    let found = charts.resolve(&address, "shop", "1.0.0").expect("a chart");
    assert_eq!(charts.fetch(&address, "shop", &found), Ok(CHART.to_vec()));
    let to_others = server.asked().into_iter().filter(|asked| asked.host.starts_with(FILES));
    assert!(to_others.clone().count() == 1 && to_others.clone().all(|asked| asked.authorization.is_none()));
    let nobody = Charts::new(authority.access()).resolve(&address, "shop", "1.0.0").expect_err("nobody is let in");
    assert_eq!(nobody.kind, FailureKind::Unauthorized);
}

#[test]
fn a_realm_may_not_be_inside_or_without_encryption() {
    let authority = Authority::new();
    for realm in [
        "https://127.0.0.1:PORT/token",
        "http://auth.example.org:PORT/token",
        "https://inside.example.com:PORT/token",
        "https://u:s3cret@auth.example.org:PORT/token",
    ] {
        let server = with_tokens(&authority, realm);
        let (charts, address) = charts(&authority, &server);
        let error = charts.resolve(&address, "shop", "1.0.0").expect_err(realm);
        check_hidden(&error);
        assert_eq!((error.kind, server.asked().len()), (FailureKind::Refused, 1), "{realm}: {error}");
    }
    let lost = with_tokens(&authority, "no address");
    let (charts, address) = charts(&authority, &lost);
    assert_eq!(charts.resolve(&address, "shop", "1.0.0").expect_err("no realm").kind, FailureKind::Wrong);
}

#[test]
fn a_registry_without_encryption_gives_no_realm_our_credentials() {
    let authority = Authority::new();
    let auth = authority.serve(|_, _| Reply::ok(r#"{"token":"t0ken"}"#));
    let port = auth.port;
    let server = serve_plain(move |asked, own| match asked.authorization.as_deref() {
        Some("Bearer t0ken") => here(answer(asked), own),
        _ => Reply::status(401).with("WWW-Authenticate", format!("Bearer realm=\"https://{AUTH}:{port}/token\"")),
    });
    let address = format!("{REGISTRY}:{}/charts", server.port);
    let access = authority.access().credentials(login(&address)).plain_http([REGISTRY.to_owned()]);
    assert!(Charts::new(access).resolve(&address, "shop", "1.0.0").is_ok());
    assert!(auth.asked().iter().all(|asked| asked.authorization.is_none()) && auth.asked().len() == 1);
}

#[test]
fn what_is_not_what_it_should_be_is_refused() {
    let authority = Authority::new();
    let server = authority.serve(|asked, port| here(answer(asked), port));
    let (charts, address) = charts(&authority, &server);
    for (version, kind) in [
        ("lied", FailureKind::Wrong),
        ("image", FailureKind::Wrong),
        (digest(b"else").as_str(), FailureKind::Wrong),
        ("inside", FailureKind::Refused),
        ("3.0.0", FailureKind::NotFound),
        ("../x", FailureKind::NotFound),
    ] {
        let error = charts.resolve(&address, "shop", version).expect_err(version);
        assert_eq!(error.kind, kind, "{version}: {error}");
    }
    let error = charts.fetch_locked(&address, "shop", "1.0.0", &digest(b"wrong")).expect_err("it is another");
    assert_eq!(error.kind, FailureKind::Wrong);
    for digest in ["sha512:00", "sha256:../x", ""] {
        assert_eq!(charts.fetch_locked(&address, "shop", "1", digest).expect_err("none").kind, FailureKind::Wrong);
    }
    for chart in ["../shop", "Shop", "shop?x", ""] {
        assert_eq!(charts.resolve(&address, chart, "1.0.0").expect_err(chart).kind, FailureKind::NotFound, "{chart}");
    }
}

#[test]
fn pages_of_tags_end_and_stay_where_they_are() {
    let authority = Authority::new();
    let server = authority.serve(|asked, _| {
        let page = Reply::ok(r#"{"tags":["1.0.0"]}"#);
        let elsewhere = format!("<https://{FILES}/v2/x>; rel=\"next\"");
        let is_endless = asked.path.starts_with("/v2/endless");
        let link = if is_endless { "</v2/endless/shop/tags/list?n=2>; rel=\"next\"" } else { &elsewhere };
        page.with("Link", link)
    });
    let charts = Charts::new(authority.access());
    let resolve = |path: &str| {
        let address = format!("oci://{REGISTRY}:{}/{path}", server.port);
        charts.resolve(&address, "shop", "*").expect_err(path).kind
    };
    assert_eq!((resolve("endless"), server.asked().len()), (FailureKind::TooLarge, 50));
    assert_eq!(resolve("elsewhere"), FailureKind::Wrong);
}

#[test]
fn an_index_may_name_a_registry() {
    let authority = Authority::new();
    let server = authority.serve(|asked, port| match asked.path.as_str() {
        "/index.yaml" => Reply::ok(format!(
            "entries:\n  shop:\n  - {{version: 1.0.0, digest: '{:064}', urls: ['oci://{REGISTRY}:{port}/charts/shop:1.0.0']}}\n",
            0
        )),
        _ => here(answer(asked), port),
    });
    let address = server.url(CHARTS, "");
    let registry = format!("oci://{REGISTRY}:{}/charts/shop", server.port);
    let charts = Charts::new(authority.access().credentials(login(&address).and(login(&registry))));
    let found = charts.resolve(&address, "shop", "1.0.0").expect("a chart");
    assert_eq!(found.digest, digest(CHART));
    assert_eq!(charts.fetch(&address, "shop", &found), Ok(CHART.to_vec()));
    assert_eq!(charts.fetch_locked(&address, "shop", "1.0.0", &found.digest), Ok(CHART.to_vec()));
    let to_registry = server.asked().into_iter().filter(|asked| asked.host.starts_with(REGISTRY));
    assert!(to_registry.clone().count() > 0 && to_registry.clone().all(|asked| asked.authorization.is_none()));
}
