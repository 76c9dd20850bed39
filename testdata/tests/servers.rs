//! The servers of tests, each as its clients see it; and that nothing of them is left.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::servers::{Access, Certificates, Hung, Lie, Lying, RedisServer, Registry, SshServer, WebServer};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// The SHA-256 of `a content`.
const A_CONTENT: &str = "d2d2acf640179223bf9e1eb43c5fbf854c4e50ffb6733bc3a9279d3ff7de9be1";

#[test]
fn files_are_served_and_private_ones_to_who_has_the_password() {
    let certificates = Certificates::make().expect("certificates");
    let server = WebServer::start(&certificates).expect("it starts");
    fs::write(server.files().join("index.yaml"), "entries: {}\n").expect("writable");
    let address = server.address();
    let get = |path: &str, headers: &str| request(server.certificate(), "GET", &format!("{address}{path}"), headers);
    let right = basic(server.user(), server.password());
    let wrong = basic(server.user(), "wrong");

    assert_eq!(get("/files/index.yaml", "").body(), "entries: {}\n");
    assert_eq!(get("/files/missing", "").status, 404);
    assert_eq!(get("/private/index.yaml", "").status, 401);
    assert_eq!(get("/private/index.yaml", &wrong).status, 401);
    assert_eq!(get("/private/index.yaml", &right).body(), "entries: {}\n");
    for (path, location) in [
        ("/redirect/index.yaml?a=b", format!("{address}/files/index.yaml?a=b")),
        ("/elsewhere/index.yaml", address.replace("127.0.0.1", "localhost") + "/private/index.yaml"),
        ("/inward/", "http://169.254.169.254/latest/".to_owned()),
    ] {
        let answer = get(path, "");
        assert_eq!((answer.status, answer.header("location")), (302, Some(location.as_str())), "{path}");
    }
    let elsewhere = address.replace("127.0.0.1", "localhost") + "/private/index.yaml";
    assert_eq!(request(server.certificate(), "GET", &elsewhere, &right).status, 200);

    let host = address.trim_start_matches("https://");
    let requests = server.requests();
    assert_eq!(requests.len(), 9, "{requests:#?}");
    assert_eq!(requests[0], format!("GET {host} /files/index.yaml 200 anonymous"));
    assert_eq!(requests[3], format!("GET {host} /private/index.yaml 401 basic"));
    assert_eq!(requests[5], format!("GET {host} /redirect/index.yaml?a=b 302 anonymous"));
    let host = host.replace("127.0.0.1", "localhost");
    assert_eq!(requests[8], format!("GET {host} /private/index.yaml 200 basic"));
}

#[test]
fn repositories_are_served_over_https() {
    let server = WebServer::start(&Certificates::make().expect("certificates")).expect("it starts");
    let (repository, commit) = repository();
    repository.publish(&server.repositories().join("shop.git")).expect("writable");
    let authority = format!("http.sslCAInfo={}", server.certificate().display());
    let list = |url: &str| git(&["-c", &authority, "ls-remote", url, "refs/heads/main"], "");
    let with = |password: &str, path: &str| {
        server.address().replace("https://", &format!("https://{}:{password}@", server.user())) + path
    };
    let expected = format!("{commit}\trefs/heads/main\n");

    assert_eq!(text(list(&format!("{}/git/shop.git", server.address()))), expected);
    assert_eq!(text(list(&format!("{}/redirect-git/shop.git", server.address()))), expected);
    assert_eq!(text(list(&with(server.password(), "/private-git/shop.git"))), expected);
    for refused in [with("wrong", "/private-git/shop.git"), format!("{}/private-git/shop.git", server.address())] {
        assert!(!list(&refused).status.success(), "{refused}");
    }
    assert!(!list(&format!("{}/git/missing.git", server.address())).status.success());
    let untrusted = git(&["ls-remote", &format!("{}/git/shop.git", server.address())], "");
    assert!(!untrusted.status.success(), "nobody trusts the authority");

    let folder = tempfile::tempdir().expect("a temporary directory");
    let clone = folder.path().join("clone").display().to_string();
    text(git(&["-c", &authority, "clone", "--depth=1", &format!("{}/git/shop.git", server.address()), &clone], ""));
    assert!(Path::new(&clone).join("app.yaml").is_file());
    let push = git(&["-c", &authority, "-C", &clone, "push", "origin", "HEAD:refs/heads/other"], "");
    assert!(!push.status.success(), "it is to be read only");
    let requests = server.requests();
    assert!(requests.iter().any(|line| line.contains("/git/shop.git/git-upload-pack 200 anonymous")), "{requests:#?}");
}

#[test]
fn repositories_are_served_over_ssh_to_who_has_the_key() {
    let server = SshServer::start().expect("it starts");
    let (repository, commit) = repository();
    let bare = repository.path().with_file_name("served.git");
    repository.publish(&bare).expect("writable");
    let address = server.address(&bare);
    let ssh = |key: &Path, known_hosts: &Path| {
        format!(
            "ssh -F none -i '{}' -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes \
             -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none -o UserKnownHostsFile='{}'",
            key.display(),
            known_hosts.display()
        )
    };
    let right = ssh(server.key(), server.known_hosts());
    let listed = git(&["ls-remote", &address, "refs/heads/main"], &right);
    assert!(listed.status.success(), "{listed:?} {}", server.log());
    assert_eq!(text(listed), format!("{commit}\trefs/heads/main\n"));
    let wrong = git(&["ls-remote", &address], &ssh(server.wrong_key(), server.known_hosts()));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("Permission denied"), "{wrong:?}");
    let unknown = git(&["ls-remote", &address], &ssh(server.key(), Path::new("/dev/null")));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("Host key verification failed"), "{unknown:?}");

    let here = repository.path().display().to_string();
    let push = git(&["-C", &here, "push", &address, "HEAD:refs/heads/other"], &right);
    assert!(String::from_utf8_lossy(&push.stderr).contains("only git-upload-pack"), "{push:?}");
    assert!(server.log().contains("Accepted publickey"));
}

#[test]
fn large_files_are_served_as_git_lfs_asks_for_them() {
    let server = WebServer::start(&Certificates::make().expect("certificates")).expect("it starts");
    let ssh_server = SshServer::start().expect("it starts");
    let (repository, _) = repository();
    let track =
        |arguments: &[&str]| text(git(&[&["-C", &repository.path().display().to_string()], arguments].concat(), ""));
    track(&["lfs", "install", "--local", "--skip-repo"]);
    track(&["lfs", "track", "*.bin"]);
    repository.write("a.bin", "a content").expect("writable").commit("A large file").expect("a commit");
    let bare = server.repositories().join("shop.git");
    repository.publish(&bare).expect("writable");
    server.keep(&repository.path().join(".git/lfs/objects")).expect("writable");

    let folder = tempfile::tempdir().expect("a temporary directory");
    let authority = format!("http.sslCAInfo={}", server.certificate().display());
    let filter = ["filter.lfs.smudge=git-lfs smudge -- %f", "filter.lfs.required=true", authority.as_str()];
    let settings: Vec<&str> = filter.iter().flat_map(|setting| ["-c", *setting]).collect();
    let clone = |url: &str, name: &str, ssh: &str| {
        let to = folder.path().join(name);
        let cloned = git(&[&settings[..], &["clone", "--quiet", url, &to.display().to_string()]].concat(), ssh);
        cloned.status.success().then(|| fs::read_to_string(to.join("a.bin")).expect("a file")).ok_or(cloned)
    };
    assert_eq!(clone(&format!("{}/git/shop.git", server.address()), "open", "").expect("cloned"), "a content");
    let who = format!("https://{}:{}@", server.user(), server.password());
    let private = server.address().replace("https://", &who) + "/private-git/shop.git";
    assert_eq!(clone(&private, "private", "").expect("cloned"), "a content");
    let requests = server.requests();
    let of_lfs = |line: &&String| line.contains("/info/lfs/objects/batch 200") || line.contains("/lfs/");
    assert!(requests.iter().any(|line| line.contains("/private/lfs/") && line.ends_with("200 basic")), "{requests:#?}");
    assert!(requests.iter().filter(of_lfs).count() >= 4, "{requests:#?}");

    let ssh = format!(
        "ssh -F none -i '{}' -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o \
         GlobalKnownHostsFile=none -o UserKnownHostsFile='{}'",
        ssh_server.key().display(),
        ssh_server.known_hosts().display()
    );
    let href = format!("{}/private-git/shop.git/info/lfs", server.address());
    let header = basic(server.user(), server.password()).trim().replace("Authorization: ", "");
    let answer =
        format!("{{\"href\": \"{href}\", \"header\": {{\"Authorization\": \"{header}\"}}, \"expires_in\": 600}}");
    ssh_server.answer_lfs(&answer).expect("writable");
    assert_eq!(clone(&ssh_server.address(&bare), "ssh", &ssh).expect("cloned"), "a content");
    let asked = format!("git-lfs-authenticate {} download", bare.display());
    assert!(ssh_server.lfs_commands().contains(&asked), "{:?}", ssh_server.lfs_commands());
    fs::remove_file(server.content(A_CONTENT)).expect("it is there");
    assert!(clone(&format!("{}/git/shop.git", server.address()), "gone", "").is_err(), "it has no such object");
}

#[test]
fn an_open_registry_gives_what_was_put_in() {
    let registry = Registry::start(&Certificates::make().expect("certificates"), Access::Open).expect("it starts");
    let digest = registry.push_chart("charts", "shop", "1.2.3+build.4", b"not an archive").expect("it is taken");
    let manifest = get(&registry, "/v2/charts/shop/manifests/1.2.3_build.4", "");
    assert_eq!(manifest.header("docker-content-digest"), Some(digest.as_str()));
    assert_eq!(manifest.header("content-type"), Some("application/vnd.oci.image.manifest.v1+json"));
    let manifest: serde_json::Value = serde_json::from_str(manifest.body()).expect("it is JSON");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.helm.config.v1+json");
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    let blob = |digest: &serde_json::Value| {
        let digest = digest.as_str().expect("a digest");
        get(&registry, &format!("/v2/charts/shop/blobs/{digest}"), "").body().to_owned()
    };
    assert_eq!(blob(&layer["digest"]), "not an archive");
    assert!(blob(&manifest["config"]["digest"]).contains(r#""name":"shop""#));
    assert_eq!(get(&registry, &format!("/v2/charts/shop/manifests/{digest}"), "").status, 200);
    assert_eq!(get(&registry, "/v2/charts/shop/manifests/2.0.0", "").status, 404);
    let referrers = get(&registry, &format!("/v2/charts/shop/referrers/{digest}"), "");
    assert_eq!(referrers.status, 200, "there are none, and it says so");
    let layer = "application/vnd.oci.image.layer.v1.tar";
    registry.push_artifact("team/deploy", "v1", layer, b"not a tar").expect("it is taken");
    let manifest = get(&registry, "/v2/team/deploy/manifests/v1", "");
    let manifest: serde_json::Value = serde_json::from_str(manifest.body()).expect("it is JSON");
    assert_eq!(manifest["layers"][0]["mediaType"], layer);
    let tags = get(&registry, "/v2/charts/shop/tags/list", "");
    assert!(tags.body().contains("1.2.3_build.4"), "{}", tags.body());
}

#[test]
fn a_registry_with_a_password_asks_for_it() {
    let registry = Registry::start(&Certificates::make().expect("certificates"), Access::Basic).expect("it starts");
    registry.push_chart("", "shop", "1.0.0", b"archive").expect("it is taken");
    let path = "/v2/shop/manifests/1.0.0";
    let refused = get(&registry, path, "");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Basic realm=\"registry\"")));
    assert_eq!(get(&registry, path, &basic(registry.user(), "wrong")).status, 401);
    assert_eq!(get(&registry, path, &basic(registry.user(), registry.password())).status, 200);
    let host = registry.address().trim_start_matches("https://");
    assert_eq!(
        registry.requests(),
        [
            format!("GET {host} {path} 401 anonymous"),
            format!("GET {host} {path} 401 basic"),
            format!("GET {host} {path} 200 basic")
        ]
    );
}

#[test]
fn a_registry_with_tokens_says_where_to_get_one() {
    let registry = Registry::start(&Certificates::make().expect("certificates"), Access::Token).expect("it starts");
    registry.push_chart("charts", "shop", "1.0.0", b"archive").expect("it is taken");
    registry.push_chart("charts", "other", "1.0.0", b"archive").expect("it is taken");
    let path = "/v2/charts/shop/manifests/1.0.0";
    let password = basic(registry.user(), registry.password());
    let refused = get(&registry, path, &password);
    let challenge = format!(
        "Bearer realm=\"{}/token\",service=\"registry\",scope=\"repository:charts/shop:pull\"",
        registry.address()
    );
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some(challenge.as_str())));
    let upload = request(registry.certificate(), "POST", &format!("{}/v2/a/blobs/uploads/", registry.address()), "");
    assert!(upload.header("www-authenticate").is_some_and(|it| it.ends_with(":a:pull,push\"")), "{upload:?}");
    assert_eq!(get(&registry, "/v2/", "").header("www-authenticate").map(|it| it.contains("scope")), Some(false));

    let tokens = "/token?service=registry&scope=repository:charts/shop:pull";
    assert_eq!(get(&registry, tokens, "").status, 401);
    assert_eq!(get(&registry, tokens, &basic(registry.user(), "wrong")).status, 401);
    let answer = get(&registry, tokens, &password);
    let answer: serde_json::Value = serde_json::from_str(answer.body()).expect("it is JSON");
    let token = format!("Authorization: Bearer {}\r\n", answer["token"].as_str().expect("a token"));
    assert_eq!(get(&registry, path, &token).status, 200);
    assert_eq!(get(&registry, "/v2/", &token).status, 200);
    assert_eq!(get(&registry, "/v2/charts/other/manifests/1.0.0", &token).status, 401, "it is for one repository");
    assert_eq!(get(&registry, path, "Authorization: Bearer invented\r\n").status, 401);

    let posted = |token: &str| {
        let form = format!("grant_type=refresh_token&scope=repository:charts/shop:pull&refresh_token={token}");
        let url = format!("{}/token", registry.address());
        post(registry.certificate(), &url, &form)
    };
    assert_eq!(posted("invented").status, 401);
    let answer: serde_json::Value = serde_json::from_str(posted(registry.identity_token()).body()).expect("it is JSON");
    let token = format!("Authorization: Bearer {}\r\n", answer["access_token"].as_str().expect("a token"));
    assert_eq!(get(&registry, path, &token).status, 200);
    assert_eq!(get(&registry, path, "Authorization: Bearer invented\r\n").status, 401);
    assert!(registry.requests().last().is_some_and(|line| line.ends_with(" 401 bearer")));
}

#[test]
fn servers_that_mean_harm_do_what_they_say() {
    let hung = Hung::start().expect("a free port");
    let mut stream = TcpStream::connect(("127.0.0.1", hung.port())).expect("it takes connections");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it reads");
    let error = stream.read(&mut [0]).expect_err("it never answers");
    assert!(matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut), "{error}");
    drop(hung);

    for lie in [Lie::EndlessBody, Lie::EndlessHeaders, Lie::EndlessRefs] {
        let lying = Lying::start(lie).expect("a free port");
        let mut stream = TcpStream::connect(lying.address().trim_start_matches("http://")).expect("it listens");
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("it reads");
        let read = io::copy(&mut stream.take(10_000_000), &mut io::sink()).expect("it goes on");
        assert_eq!(read, 10_000_000, "{lie:?}");
    }
    let lying = Lying::start(Lie::Nonsense).expect("a free port");
    let listed = git(&["ls-remote", &format!("{}/shop.git", lying.address())], "");
    assert!(String::from_utf8_lossy(&listed.stderr).contains("protocol error"), "{listed:?}");
}

#[test]
fn servers_that_are_dropped_are_gone() {
    let certificates = Certificates::make().expect("certificates");
    let web = WebServer::start(&certificates).expect("it starts");
    let registry = Registry::start(&certificates, Access::Open).expect("it starts");
    let ssh = SshServer::start().expect("it starts");
    // A client that is connected and says nothing.
    let address = ssh.address(Path::new("/"));
    let address = address.rsplit('@').next().expect("it has a user").trim_end_matches('/');
    let mut client = TcpStream::connect(address).expect("it listens");
    client.read_exact(&mut [0]).expect("sshd greets");

    let folders =
        [web.files(), registry.certificate(), ssh.key()].map(|path| path.parent().expect("a folder").to_owned());
    // The leader of the group, and at least one server.
    for folder in &folders {
        assert!(processes_in(folder).len() >= 2, "{}: {:?}", folder.display(), processes_in(folder));
    }
    drop((web, registry, ssh));
    for folder in &folders {
        assert!(!folder.exists());
        let begun = Instant::now();
        while !processes_in(folder).is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{:?} are left", processes_in(folder));
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The processes that work in a folder, have a file of it open, or were told of it; also after it was deleted.
fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let leads_there = |link: &Path| fs::read_link(link).is_ok_and(|to| to.to_string_lossy().starts_with(&folder));
    let entries = fs::read_dir("/proc").expect("Linux has it").flatten();
    let inside = entries.filter(|entry| {
        let process = entry.path();
        let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        let told = fs::read(process.join("cmdline")).unwrap_or_default();
        leads_there(&process.join("cwd"))
            || String::from_utf8_lossy(&told).contains(&folder)
            || files.into_iter().any(|file| leads_there(&file.path()))
    });
    inside.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A repository of one commit.
fn repository() -> (RepositoryBuilder, String) {
    let repository = RepositoryBuilder::new().expect("git is there");
    let commit =
        repository.write("app.yaml", "kind: Service\n").expect("writable").commit("Add it").expect("it is made");
    (repository, commit)
}

/// Runs git with nothing of the machine's settings.
fn git(arguments: &[&str], ssh: &str) -> Output {
    let mut git = Command::new("git");
    git.args(arguments).env_clear().envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null")]);
    git.envs([("GIT_TERMINAL_PROMPT", "0"), ("GIT_SSH_COMMAND", ssh), ("HOME", "/nowhere"), ("LC_ALL", "C")]);
    git.env("PATH", std::env::var_os("PATH").expect("there is one"));
    git.output().expect("git is there")
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("git prints UTF-8")
}

fn basic(user: &str, password: &str) -> String {
    let both = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {both}\r\n")
}

fn get(registry: &Registry, path: &str, headers: &str) -> Answer {
    request(registry.certificate(), "GET", &format!("{}{path}", registry.address()), headers)
}

/// An answer over HTTP.
#[derive(Debug)]
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn head(&self) -> &str {
        self.text.split_once("\r\n\r\n").expect("a head").0
    }

    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").expect("a head").1
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head().lines().filter_map(|line| line.split_once(": "));
        headers.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// What Redis answers to lines of text.
fn told_by_redis(address: &str, lines: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address.trim_start_matches("redis://"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(lines.as_bytes())?;
    // It answers what it has, and ends as well.
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn redis_wants_its_password_and_comes_back_empty_on_the_same_port() {
    let mut server = RedisServer::start().expect("it starts");
    let (address, login) = (server.address(), format!("AUTH {}\r\n", server.password()));
    assert!(told_by_redis(&address, "GET a\r\n").expect("it answers").starts_with("-NOAUTH"));
    let set = told_by_redis(&address, &format!("{login}SET a b\r\nGET a\r\n"));
    assert_eq!(set.expect("it answers"), "+OK\r\n+OK\r\n$1\r\nb\r\n");
    server.stop();
    assert!(TcpStream::connect(address.trim_start_matches("redis://")).is_err(), "nothing listens");
    server.start_again().expect("it starts");
    assert_eq!(server.address(), address);
    let get = told_by_redis(&address, &format!("{login}GET a\r\n"));
    assert_eq!(get.expect("it answers"), "+OK\r\n$-1\r\n");
    let sentinel = server.watch().expect("it starts");
    let sentinel = sentinel.replace("redis+sentinel://", "redis://").replace("/main", "");
    let master = told_by_redis(&sentinel, "SENTINEL get-master-addr-by-name main\r\n").expect("it answers");
    assert!(master.contains(address.rsplit(':').next().expect("a port")), "{master}");
}

/// Makes one request over TLS, of a server that `authority` vouches for.
fn request(authority: &Path, method: &str, url: &str, headers: &str) -> Answer {
    exchange(authority, method, url, headers, "")
}

fn post(authority: &Path, url: &str, form: &str) -> Answer {
    exchange(authority, "POST", url, "Content-Type: application/x-www-form-urlencoded\r\n", form)
}

fn exchange(authority: &Path, method: &str, url: &str, headers: &str, body: &str) -> Answer {
    let (host, path) = url.trim_start_matches("https://").split_once('/').expect("a path");
    let (name, _) = host.split_once(':').expect("a port");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("it may be trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let settings = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let settings = settings.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let server = ServerName::try_from(name.to_owned()).expect("a name");
    let session = ClientConnection::new(Arc::new(settings), server).expect("a session");
    let mut stream = StreamOwned::new(session, TcpStream::connect(host).expect("it listens"));
    let head =
        format!("{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => panic!("{url}: {error}"),
        _ => {}
    }
    let text = String::from_utf8(answer).expect("it is text");
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, text }
}
