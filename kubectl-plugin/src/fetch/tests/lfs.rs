//! Contents of Git LFS, from servers that help and servers that do not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gitops_compiler::tree::Pointer;

use super::super::access::Access;
use super::super::credentials::Credentials;
use super::super::error::{FailureKind, FetchError};
use super::super::git::Git;
use super::super::lfs::Lfs;
use super::super::lfs_together::{AT_ONCE, MOST_OBJECTS};
use super::super::mirrors::Mirrors;
use super::server::{AUTH, Asked, Authority, CHARTS, FILES, INSIDE, REGISTRY, Reply, Server, serve_plain};
use super::{LOGIN, check_hidden, credential, login};

const CONTENT: &str = "hello\n";
const BATCH: &str = "/x.git/info/lfs/objects/batch";

fn pointer() -> Pointer {
    Pointer::of(CONTENT.as_bytes())
}

fn lfs(access: Access) -> Lfs {
    let git = Git::new(access.clone(), Mirrors::in_folder(PathBuf::new()), None, Duration::from_secs(5));
    Lfs::new(access, Arc::new(git))
}

fn content(access: Access, repository: &str) -> Result<Vec<u8>, FetchError> {
    lfs(access).content(repository, None, &pointer())
}

/// What is wrong, and that nothing secret is said of it.
fn failure(access: Access, repository: &str) -> FetchError {
    let error = content(access, repository).expect_err(repository);
    check_hidden(&error);
    error
}

/// An answer of the batch API: the object is at an address, with these fields more.
fn at(href: &str, fields: &str) -> Reply {
    let oid = pointer().oid();
    let actions = format!("{{\"download\": {{\"href\": \"{href}\"{fields}}}}}");
    let text = format!("{{\"objects\": [{{\"oid\": \"{oid}\", \"size\": 6, \"actions\": {actions}}}]}}");
    Reply::ok(text).with("Content-Type", "application/vnd.git-lfs+json")
}

/// A server whose objects are at an address, which may name its own port as `PORT`; everything else there is the content.
fn serving(authority: &Authority, href: &'static str, fields: &'static str) -> Server {
    authority.serve(move |asked, own| {
        let is_batch = asked.path.ends_with("/objects/batch");
        if is_batch { at(&href.replace("PORT", &own.to_string()), fields) } else { Reply::ok(CONTENT) }
    })
}

fn repository(server: &Server) -> String {
    server.url(CHARTS, "/x.git")
}

#[test]
fn a_content_is_asked_for_at_the_server_of_its_repository() {
    let authority = Authority::new();
    let server = serving(&authority, "https://charts.example.com:PORT/objects/1?t=s3cret", "");
    let access = authority.access().credentials(login(&repository(&server)));
    assert_eq!(content(access, &repository(&server)), Ok(CONTENT.as_bytes().to_vec()));
    let [batch, object] = &server.asked()[..] else { panic!("two requests: {:?}", server.asked()) };
    assert_eq!((batch.method.as_str(), batch.path.as_str()), ("POST", BATCH));
    let kind = Some("application/vnd.git-lfs+json");
    assert_eq!([batch.accept.as_deref(), batch.content_type.as_deref()], [kind, kind]);
    let asked: serde_json::Value = serde_json::from_slice(&batch.body).expect("JSON");
    assert_eq!(asked["objects"][0]["oid"], pointer().oid());
    assert_eq!((object.method.as_str(), object.path.as_str()), ("GET", "/objects/1?t=s3cret"));
    // Both are of one origin.
    assert_eq!([&batch.authorization, &object.authorization], [&Some(LOGIN.to_owned()), &Some(LOGIN.to_owned())]);
    // Userinfo of the address says who we are, too.
    let with_user = repository(&server).replacen("https://", "https://anna:s3cret@", 1);
    assert!(content(authority.access(), &with_user).is_ok());
    assert_eq!(server.asked()[2].authorization.as_deref(), Some(LOGIN));
}

#[test]
fn who_we_are_is_told_to_no_other_origin_and_neither_is_what_a_server_has_us_say() {
    let authority = Authority::new();
    let last = authority.serve(|_, _| Reply::ok(CONTENT));
    let port = last.port;
    let header = ", \"header\": {\"Authorization\": \"RemoteAuth s3cret\", \"X-Key\": \"s3cret\"}";
    let server = authority.serve(move |asked, own| match asked.path.as_str() {
        BATCH => at(&format!("https://{FILES}:{own}/first"), header),
        "/y.git/info/lfs/objects/batch" => at(&format!("https://{FILES}:{own}/bare"), ""),
        "/first" => Reply::to("/second"),
        "/second" => Reply::to(format!("https://{FILES}:{port}/third")),
        _ => Reply::ok(CONTENT),
    });
    for path in ["/x.git", "/y.git"] {
        let address = server.url(CHARTS, path);
        let access = authority.access().credentials(login(&address));
        assert_eq!(content(access, &address), Ok(CONTENT.as_bytes().to_vec()), "{path}");
    }
    let said = |asked: &[Asked]| -> Vec<(String, Option<String>, Option<String>)> {
        let said = |asked: &Asked| (asked.path.clone(), asked.authorization.clone(), asked.key.clone());
        asked.iter().map(said).collect()
    };
    let (login, remote, key) =
        (Some(LOGIN.to_owned()), Some("RemoteAuth s3cret".to_owned()), Some("s3cret".to_owned()));
    let expected = [
        (BATCH.to_owned(), login.clone(), None),
        ("/first".to_owned(), remote.clone(), key.clone()),
        ("/second".to_owned(), remote, key),
        ("/y.git/info/lfs/objects/batch".to_owned(), login, None),
        ("/bare".to_owned(), None, None),
    ];
    assert_eq!(said(&server.asked()), expected);
    assert_eq!(said(&last.asked()), [("/third".to_owned(), None, None)]);
}

#[test]
fn what_comes_is_the_content_or_nothing() {
    let authority = Authority::new();
    let server = authority.serve(|asked, own| match asked.path.as_str() {
        "/other" => Reply::ok("hellO\n"),
        "/shorter" => Reply::ok("hello"),
        "/nothing" => Reply::ok(""),
        "/longer" => Reply::ok("hello\n\n"),
        "/endless" => Reply::Endless,
        "/login" => Reply::ok("<html>").with("Content-Type", "text/html"),
        batch => {
            let name = batch.split('/').nth(1).unwrap_or_default().trim_end_matches(".git");
            at(&format!("https://{CHARTS}:{own}/{name}"), "")
        }
    });
    for (name, kind, why) in [
        ("other", FailureKind::Wrong, "SHA-256"),
        ("shorter", FailureKind::Wrong, "5 bytes, not 6"),
        ("nothing", FailureKind::Wrong, "0 bytes, not 6"),
        ("login", FailureKind::Wrong, "SHA-256"),
        ("longer", FailureKind::TooLarge, "the content is larger than 6 bytes"),
        ("endless", FailureKind::TooLarge, "the content is larger than 6 bytes"),
    ] {
        let error = failure(authority.access(), &server.url(CHARTS, &format!("/{name}")));
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(error.why.contains(why), "{name}: {error}");
    }
}

#[test]
fn a_server_out_there_sends_us_nowhere_inside() {
    let authority = Authority::new();
    let inside = serve_plain(|_, _| Reply::ok(CONTENT));
    let port = inside.port;
    let places = [
        format!("https://127.0.0.1:{port}/x"),
        format!("https://localhost:{port}/x"),
        format!("https://{INSIDE}:{port}/x"),
        format!("https://[::ffff:127.0.0.1]:{port}/x"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://10.0.0.1/x".to_owned(),
        format!("http://{CHARTS}:{port}/x"),
        format!("http://127.0.0.1:{port}/x"),
        format!("https://anna:s3cret@{FILES}:{port}/x"),
        "file:///etc/passwd".to_owned(),
        "ftp://files.example.net/x".to_owned(),
    ];
    for place in places {
        let named = place.clone();
        let server = authority.serve(move |_, _| at(&named, ""));
        let access = authority.access().plain_http([CHARTS.to_owned(), "127.0.0.1".to_owned()]);
        assert_eq!(failure(access, &repository(&server)).kind, FailureKind::Refused, "{place}");
        // So it is where the server itself is somewhere else.
        let server = authority.serve(move |_, _| Reply::to(place.clone()));
        let access = authority.access().plain_http([CHARTS.to_owned(), "127.0.0.1".to_owned()]);
        assert_eq!(failure(access, &repository(&server)).kind, FailureKind::Refused);
    }
    assert_eq!(inside.asked().len(), 0);
    // What is inside may have its contents inside.
    let server = serving(&authority, "https://127.0.0.1:PORT/objects/1", "");
    assert!(content(authority.access(), &server.url(INSIDE, "/x.git")).is_ok());
}

#[test]
fn a_request_is_sent_on_as_it_is_and_without_who_we_are() {
    let authority = Authority::new();
    let last = serving(&authority, "https://files.example.net:PORT/objects/1", "");
    let port = last.port;
    let server = authority.serve(move |asked, _| match asked.path.as_str() {
        BATCH => Reply::to("/moved"),
        _ => Reply::to(format!("https://{FILES}:{port}/objects/batch")),
    });
    let access = authority.access().credentials(login(&repository(&server)));
    assert!(content(access, &repository(&server)).is_ok());
    let [first, moved] = &server.asked()[..] else { panic!("two requests") };
    assert_eq!((&first.authorization, &moved.authorization), (&Some(LOGIN.to_owned()), &Some(LOGIN.to_owned())));
    let there = &last.asked()[0];
    assert_eq!((there.method.as_str(), &there.body, &there.authorization), ("POST", &first.body, &None));
    assert!(last.asked().iter().all(|asked| asked.authorization.is_none()));
}

#[test]
fn answers_that_are_none_have_a_kind_and_no_words_of_the_server() {
    let authority = Authority::new();
    let server = authority.serve(|asked, own| match asked.path.split('/').nth(1).unwrap_or_default() {
        "html.git" => Reply::ok("<html>s3cret</html>").with("Content-Type", "text/html"),
        "large.git" => Reply::ok(vec![b' '; (1 << 20) + 1]),
        "endless.git" => Reply::Endless,
        "silent.git" => Reply::Silence,
        "missing.git" => {
            let error = "\"error\": {\"code\": 404, \"message\": \"s3cret\"}";
            Reply::ok(format!("{{\"objects\": [{{\"oid\": \"{}\", {error}}}]}}", pointer().oid()))
        }
        "expired.git" => at(&format!("https://{CHARTS}:{own}/x"), ", \"expires_at\": \"2020-01-01T00:00:00Z\""),
        "gone.git" => at(&format!("https://{CHARTS}:{own}/gone"), ""),
        "gone" => Reply::status(404),
        "closed.git" => at(&format!("https://{CHARTS}:{own}/closed"), ""),
        "closed" => Reply::status(403),
        status => Reply::status(status.trim_end_matches(".git").parse().expect("a status")),
    });
    for (name, kind, why) in [
        ("html", FailureKind::Wrong, "no answer of Git LFS"),
        ("large", FailureKind::TooLarge, "the answer of Git LFS is larger than 1 MiB"),
        ("endless", FailureKind::TooLarge, "the answer of Git LFS is larger than 1 MiB"),
        ("silent", FailureKind::Unreachable, "in time"),
        ("missing", FailureKind::NotFound, "the server does not have it"),
        ("expired", FailureKind::Wrong, "no longer good"),
        ("gone", FailureKind::NotFound, "it is not there"),
        ("closed", FailureKind::Unauthorized, "wants credentials"),
        ("401", FailureKind::Unauthorized, "wants credentials"),
        ("403", FailureKind::Unauthorized, "wants credentials"),
        ("404", FailureKind::NotFound, "it is not there"),
        ("422", FailureKind::Unreachable, "answers 422"),
        ("500", FailureKind::Unreachable, "answers 500"),
        ("304", FailureKind::Unreachable, "answers 304"),
    ] {
        let error = failure(authority.access(), &server.url(CHARTS, &format!("/{name}.git")));
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(error.why.contains(why), "{name}: {error}");
    }
    let login = login(&server.url(CHARTS, "/401.git"));
    let error = failure(authority.access().credentials(login), &server.url(CHARTS, "/401.git"));
    assert!(error.why.contains("does not take our credentials"), "{error}");
    let hint = failure(authority.access(), &server.url(CHARTS, "/404.git")).hint.unwrap_or_default();
    assert!(hint.contains(".lfsconfig"), "{hint}");
}

#[test]
fn a_server_that_fails_as_a_whole_is_asked_once_and_one_object_spoils_no_other() {
    let authority = Authority::new();
    let server = authority.serve(|asked, own| match asked.path.as_str() {
        BATCH if String::from_utf8_lossy(&asked.body).contains(&pointer().oid()) => {
            at(&format!("https://{CHARTS}:{own}/objects/1"), "")
        }
        BATCH => Reply::ok("{\"objects\": []}"),
        "/objects/1" => Reply::ok(CONTENT),
        _ => Reply::status(500),
    });
    let lfs = lfs(authority.access());
    let broken = server.url(CHARTS, "/broken.git");
    let first = lfs.content(&broken, None, &pointer()).expect_err("it fails");
    assert_eq!(lfs.content(&broken, None, &Pointer::of(b"another")), Err(first));
    assert_eq!(server.asked().len(), 1);
    let another = lfs.content(&repository(&server), None, &Pointer::of(b"another")).expect_err("it has no such");
    assert_eq!(another.kind, FailureKind::Wrong);
    assert!(lfs.content(&repository(&server), None, &pointer()).is_ok());
}

/// The content by way of a server that the repository names.
fn by(access: Access, repository: &str, named: &str) -> Result<Vec<u8>, FetchError> {
    let found = lfs(access).content(repository, Some(named), &pointer());
    found.inspect_err(check_hidden)
}

#[test]
fn a_server_that_the_repository_names_is_judged_and_gets_credentials_of_its_own_alone() {
    let authority = Authority::new();
    let server = serving(&authority, "https://auth.example.org:PORT/objects/1", "");
    let (repository, other) = (server.url(CHARTS, "/x.git"), server.url(FILES, "/lfs/"));
    let access = |credentials: Credentials| authority.access().credentials(credentials);
    let of_repository = || login(&repository);
    assert!(by(access(of_repository()), &repository, &other).is_ok());
    assert_eq!((server.asked()[0].path.as_str(), &server.asked()[0].authorization), ("/lfs/objects/batch", &None));
    // Of the same origin it is the same server.
    let same = server.url(CHARTS, "/elsewhere.git/info/lfs");
    assert!(by(access(of_repository()), &repository, &same).is_ok());
    assert_eq!(server.asked()[2].authorization.as_deref(), Some(LOGIN));
    // Credentials for its address were written by the user.
    let own = credential(&server.url(FILES, "/y.git"), &[("username", "anna"), ("password", "s3cret")]);
    assert!(by(access(own.and(of_repository())), &repository, &server.url(FILES, "/y.git/info/lfs")).is_ok());
    assert_eq!(server.asked()[4].authorization.as_deref(), Some(LOGIN));
    assert!(
        server.asked().iter().filter(|asked| asked.host.starts_with(AUTH)).all(|asked| asked.authorization.is_none())
    );
}

#[test]
fn a_server_that_the_repository_names_is_none_that_may_not_be_asked() {
    let authority = Authority::new();
    let inside = serve_plain(|_, _| Reply::ok(CONTENT));
    let port = inside.port;
    let repository = format!("https://{CHARTS}:1/x.git");
    for named in [
        format!("http://{FILES}:{port}/x"),
        format!("https://127.0.0.1:{port}/x"),
        format!("https://localhost:{port}/x"),
        format!("https://{INSIDE}:{port}/x"),
        "https://169.254.169.254/x".to_owned(),
        format!("https://anna:s3cret@{FILES}:{port}/x"),
        format!("https://anna@{FILES}:{port}/x"),
        format!("ssh://git:s3cret@{FILES}/x"),
        "ssh://git@127.0.0.1/x".to_owned(),
        "file:///etc".to_owned(),
        "-oProxyCommand=touch".to_owned(),
        "ext::sh -c x".to_owned(),
        "../lfs".to_owned(),
        "oci://files.example.net/x".to_owned(),
        "files.example.net/x".to_owned(),
        String::new(),
    ] {
        let error = by(authority.access(), &repository, &named).expect_err(&named);
        assert_eq!(error.kind, FailureKind::Refused, "{named}: {error}");
    }
    assert_eq!(inside.asked().len(), 0);
    let error = by(authority.access(), &repository, "https://10.0.0.1/x").expect_err("inward");
    assert!(error.hint.unwrap_or_default().contains(".lfsconfig"), "{}", error.why);
    // Patterns count, and an inner repository may name an inner server.
    let only = |pattern: String| authority.access().allow(&[pattern]).expect("a pattern");
    let server = serving(&authority, "https://registry.example.com:PORT/objects/1", "");
    let error =
        by(only(format!("https://{CHARTS}:*/*")), &repository, &server.url(REGISTRY, "/x")).expect_err("patterns");
    assert_eq!(error.kind, FailureKind::Refused);
    let server = serving(&authority, "https://inside.example.com:PORT/objects/1", "");
    let within = format!("https://{INSIDE}:1/x.git");
    assert!(by(authority.access(), &within, &server.url("127.0.0.1", "/x")).is_ok());
}

#[test]
fn what_is_no_address_has_no_server() {
    for repository in
        ["/srv/git/x.git", "file:///srv/git/x.git", "../x", "registry.example.com/x", "http://git.example.com/x"]
    {
        let error = content(Authority::new().access(), repository).expect_err(repository);
        assert_eq!(error.kind, FailureKind::Refused, "{repository}: {error}");
    }
    let plain = serve_plain(|asked, own| {
        if asked.path == BATCH { at(&format!("http://127.0.0.1:{own}/1"), "") } else { Reply::ok(CONTENT) }
    });
    let host = format!("127.0.0.1:{}", plain.port);
    let access = Authority::new().access().plain_http([host.clone()]);
    assert_eq!(content(access, &format!("http://{host}/x.git")), Ok(CONTENT.as_bytes().to_vec()));
}

/// What comes of many contents, by their pointers.
fn contents(access: Access, repository: &str, pointers: &[Pointer]) -> BTreeMap<Pointer, Result<Vec<u8>, FetchError>> {
    let got = Mutex::new(BTreeMap::new());
    lfs(access).contents(repository, None, pointers, &|pointer, getting| {
        let content = getting();
        got.lock().expect("not poisoned").insert(*pointer, content);
    });
    got.into_inner().expect("not poisoned")
}

fn numbered(count: usize) -> Vec<(String, Pointer)> {
    let numbered = (0..count).map(|number| format!("content {number}"));
    numbered.map(|content| (content.clone(), Pointer::of(content.as_bytes()))).collect()
}

/// The oids that a request asks for.
fn oids(asked: &Asked) -> Vec<String> {
    let asked: serde_json::Value = serde_json::from_slice(&asked.body).expect("JSON");
    let objects = asked["objects"].as_array().expect("objects");
    objects.iter().map(|object| object["oid"].as_str().expect("an oid").to_owned()).collect()
}

/// A server that says of each object where it is, in the reverse order, with these fields more, and gives those contents.
fn giving_all(authority: &Authority, all: &[(String, Pointer)], fields: &'static str) -> Server {
    let contents: BTreeMap<String, String> =
        all.iter().map(|(content, pointer)| (format!("/{}", pointer.oid()), content.clone())).collect();
    authority.serve(move |asked, own| {
        if !asked.path.ends_with("/objects/batch") {
            return contents.get(&asked.path).map_or_else(|| Reply::status(404), |content| Reply::ok(content.as_str()));
        }
        let object = |oid: &String| {
            let actions = format!("{{\"download\": {{\"href\": \"https://{FILES}:{own}/{oid}\"{fields}}}}}");
            format!("{{\"oid\": \"{oid}\", \"actions\": {actions}}}")
        };
        let objects: Vec<String> = oids(asked).iter().rev().map(object).collect();
        Reply::ok(format!("{{\"objects\": [{}]}}", objects.join(",")))
    })
}

#[test]
fn many_contents_are_asked_for_a_hundred_at_a_time() {
    let authority = Authority::new();
    let all = numbered(2 * MOST_OBJECTS + 1);
    let server = giving_all(&authority, &all, "");
    let pointers: Vec<Pointer> = all.iter().map(|(_, pointer)| *pointer).collect();
    let got = contents(authority.access(), &repository(&server), &pointers);
    let expected = all.iter().map(|(content, pointer)| (*pointer, Ok(content.clone().into_bytes()))).collect();
    assert_eq!(got, expected);
    let asked = server.asked();
    let (batches, objects): (Vec<&Asked>, Vec<&Asked>) = asked.iter().partition(|asked| asked.method == "POST");
    assert_eq!(batches.iter().map(|batch| oids(batch).len()).collect::<Vec<_>>(), [MOST_OBJECTS, MOST_OBJECTS, 1]);
    assert_eq!(objects.len(), all.len(), "each once");
}

#[test]
fn some_contents_come_at_the_same_time_and_no_more_than_that() {
    let authority = Authority::new();
    let (all, coming, most) = (numbered(4 * AT_ONCE), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let server = giving_all(&authority, &all, "");
    let pointers: Vec<Pointer> = all.iter().map(|(_, pointer)| *pointer).collect();
    let together = std::sync::Barrier::new(AT_ONCE);
    lfs(authority.access()).contents(&repository(&server), None, &pointers, &|_, getting| {
        let now = coming.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        // Nobody goes on before so many are here: fewer would wait for ever.
        together.wait();
        assert!(getting().is_ok());
        coming.fetch_sub(1, Ordering::SeqCst);
    });
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
}

#[test]
fn one_that_cannot_be_had_keeps_none_of_the_others_away() {
    let authority = Authority::new();
    let (all, unknown) = (numbered(5), Pointer::of(b"unknown"));
    let server = giving_all(&authority, &all, "");
    let pointers: Vec<Pointer> = all.iter().map(|(_, pointer)| *pointer).chain([unknown]).collect();
    let mut got = contents(authority.access(), &repository(&server), &pointers);
    let error = got.remove(&unknown).expect("an answer").expect_err("it is not there");
    assert_eq!(error.kind, FailureKind::NotFound);
    check_hidden(&error);
    assert!(got.len() == 5 && got.values().all(Result::is_ok), "{got:?}");
}

#[test]
fn a_server_that_fails_as_a_whole_is_asked_once() {
    let authority = Authority::new();
    let server = authority.serve(|_, _| Reply::status(500));
    let pointers: Vec<Pointer> = numbered(3 * MOST_OBJECTS).iter().map(|(_, pointer)| *pointer).collect();
    let got = contents(authority.access(), &repository(&server), &pointers);
    assert!(got.len() == pointers.len() && got.values().all(Result::is_err));
    assert_eq!(server.asked().len(), 1);
}

/// As where contents are large, and addresses are good for seconds: those that have expired are asked for anew, one by one.
#[test]
fn an_address_that_has_expired_meanwhile_is_asked_for_anew() {
    let authority = Authority::new();
    let all = numbered(2);
    let server = giving_all(&authority, &all, ", \"expires_in\": 1");
    let pointers: Vec<Pointer> = all.iter().map(|(_, pointer)| *pointer).collect();
    lfs(authority.access()).contents(&repository(&server), None, &pointers, &|_, getting| {
        std::thread::sleep(Duration::from_millis(1100));
        assert!(getting().is_ok());
    });
    let batches =
        server.asked().iter().filter(|asked| asked.method == "POST").map(|asked| oids(asked).len()).collect::<Vec<_>>();
    assert_eq!(batches, [2, 1, 1]);
}
