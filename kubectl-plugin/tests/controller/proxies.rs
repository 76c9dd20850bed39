//! Clusters that are reached through a proxy, listed and added: what `cluster` does, and `proxyUrl` of a Secret.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value as Json, json};

use crate::spoke::{Spoke, condition_of, on_prod};
use crate::support::config_map;
use crate::world::Ground;

/// A proxy that leads to the servers of this machine.
struct Proxy {
    port: u16,
    taken: Arc<AtomicUsize>,
}

impl Proxy {
    /// Starts one; `greet` reads where to go, and answers.
    fn start(greet: impl Fn(&mut TcpStream) -> Option<u16> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let (taken, greet) = (Arc::new(AtomicUsize::new(0)), Arc::new(greet));
        let count = Arc::clone(&taken);
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let (count, greet) = (Arc::clone(&count), Arc::clone(&greet));
                std::thread::spawn(move || {
                    let Some(to) = greet(&mut client) else { return };
                    count.fetch_add(1, Ordering::Relaxed);
                    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { return };
                    let (mut from, mut onto) = (client.try_clone().expect("a client"), server.try_clone().expect("it"));
                    std::thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut onto);
                        let _ = onto.shutdown(Shutdown::Write);
                    });
                    let (mut from, mut onto) = (server, client);
                    let _ = std::io::copy(&mut from, &mut onto);
                    let _ = onto.shutdown(Shutdown::Both);
                });
            }
        });
        Self { port, taken }
    }

    /// By HTTP CONNECT, for whoever has the password.
    fn http() -> Self {
        let wanted = format!("proxy-authorization: basic {}", BASE64_STANDARD.encode("anna:s3cret"));
        Self::start(move |client| {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).ok()?;
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).ok()?;
            let is_let_in = head.lines().any(|line| line.to_lowercase() == wanted.to_lowercase());
            let port = head.strip_prefix("CONNECT 127.0.0.1:")?.split(' ').next()?.parse().ok()?;
            let answer = if is_let_in { "200 OK" } else { "407 Proxy Authentication Required" };
            client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).ok()?;
            is_let_in.then_some(port)
        })
    }

    /// By SOCKS5, for anybody.
    fn socks() -> Self {
        Self::start(|client| {
            let mut methods = [0; 2];
            client.read_exact(&mut methods).ok()?;
            client.read_exact(&mut vec![0; usize::from(methods[1])]).ok()?;
            client.write_all(&[5, 0]).ok()?;
            let mut head = [0; 4];
            client.read_exact(&mut head).ok()?;
            let length = match head[3] {
                1 => 4,
                3 => {
                    let mut length = [0];
                    client.read_exact(&mut length).ok()?;
                    usize::from(length[0])
                }
                _ => 16,
            };
            client.read_exact(&mut vec![0; length]).ok()?;
            let mut port = [0; 2];
            client.read_exact(&mut port).ok()?;
            client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).ok()?;
            Some(u16::from_be_bytes(port))
        })
    }

    fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }
}

/// The Secret of a cluster, with a proxy.
fn secret(ground: &Ground, spoke: &Spoke, proxy: &str) -> Json {
    let mut secret = spoke.secret_of_admin(ground);
    let config = secret["stringData"]["config"].as_str().expect("a config");
    let mut config: Json = serde_json::from_str(config).expect("JSON");
    config["proxyUrl"] = proxy.into();
    secret["stringData"]["config"] = config.to_string().into();
    secret
}

#[test]
fn a_cluster_is_reached_through_its_proxy() {
    let (mut ground, spoke) = (Ground::new("ctl-proxy"), Spoke::start("shop"));
    let (http, socks, name) = (Proxy::http(), Proxy::socks(), ground.world.name.clone());
    ground.create(&secret(&ground, &spoke, &format!("http://anna:wrong@127.0.0.1:{}", http.port)));
    ground.commit("far/b.yaml", &config_map("b", "1"));
    ground.start_with(&["--polling", "1", "--request-timeout", "5"]);
    ground.create(&on_prod(&ground, "far", "shop"));
    ground.until("it is not let through", |ground| condition_of(ground, "far", "ComparisonError").is_some());
    assert_eq!((http.taken(), spoke.value("b")), (0, None));
    for (proxy, address, value) in [
        (&http, format!("http://anna:s3cret@127.0.0.1:{}", http.port), "2"),
        (&socks, format!("socks5://127.0.0.1:{}", socks.port), "3"),
    ] {
        let config = secret(&ground, &spoke, &address)["stringData"]["config"].clone();
        let patch = json!({"stringData": {"config": config}}).to_string();
        ground.world.kubectl(&["patch", "secret", "prod", "-n", &name, "--type=merge", "-p", &patch]);
        ground.commit("far/b.yaml", &config_map("b", value));
        ground.until(&address, |_| spoke.value("b").as_deref() == Some(value));
        assert!(proxy.taken() > 0, "{address}");
    }
    let listed = ground.world.run(&["cluster", "list", "-n", &name]);
    assert_eq!(listed.code, 0, "{}", listed.told());
    let line = listed.stdout.lines().find(|line| line.starts_with("prod ")).expect("it is there");
    assert!(line.contains(&spoke.server()) && line.contains("v1.37") && line.contains("Successful"), "{line}");
    // Other tests have Applications here, too.
    let count: usize = line.split_whitespace().nth(4).and_then(|count| count.parse().ok()).expect("a number");
    assert!(count > 0, "{line}");
    let json: Json =
        serde_json::from_str(&ground.world.run(&["cluster", "list", "-n", &name, "-o", "json"]).stdout).expect("JSON");
    let secrets = json["clusters"].as_array().expect("clusters").iter().map(|cluster| &cluster["secret"]);
    assert!(secrets.into_iter().any(|secret| secret == "prod"), "{json}");
    let shown = format!("{} {} {json}", ground.said(), listed.stdout);
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_cluster_of_a_kubeconfig_is_added() {
    let (mut ground, spoke) = (Ground::new("ctl-add"), Spoke::start("shop"));
    let name = ground.world.name.clone();
    let both = ground.world.home.path().join("both.kubeconfig").display().to_string();
    std::fs::copy(&ground.world.kubeconfig, &both).expect("copied");
    let theirs: Json = serde_json::from_str(&spoke.kubectl(&["config", "view", "--raw", "-o", "json"])).expect("JSON");
    let (cluster, user) = (&theirs["clusters"][0]["cluster"], &theirs["users"][0]["user"]);
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    let server = format!("--server={}", text(&cluster["server"]));
    let authority = format!("--certificate-authority={}", text(&cluster["certificate-authority"]));
    let token = format!("--token={}", text(&user["token"]));
    for set in [
        &["set-cluster", "far", &server, &authority][..],
        &["set-credentials", "far", &token],
        &["set-context", "far", "--cluster=far", "--user=far"],
    ] {
        ground.world.kubectl(&[&["--kubeconfig", &both, "config"][..], set].concat());
    }
    let add = |more: &[&str]| {
        let own = ["cluster", "add", "far", "--name", "prod", "-n", &name, "--kubeconfig", &both];
        ground.world.run(&[&own[..], more].concat())
    };
    let shown = add(&["-o", "yaml"]);
    assert_eq!(shown.code, 0, "{}", shown.told());
    assert!(shown.stdout.contains("argocd.argoproj.io/secret-type: cluster"), "{}", shown.told());
    let label = ["-l", "argocd.argoproj.io/secret-type=cluster", "-o", "name"];
    let secrets = || ground.world.kubectl(&[&["get", "secrets", "-n", &name][..], &label[..]].concat());
    assert_eq!(secrets(), "", "nothing was written here");
    for _ in 0..2 {
        let added = add(&[]);
        assert!(added.code == 0 && added.stderr.contains("is added"), "{}", added.told());
        assert_eq!(secrets().lines().count(), 1);
    }
    ground.commit("far/b.yaml", &config_map("b", "1"));
    ground.start();
    ground.create(&on_prod(&ground, "far", "shop"));
    ground.until("it is used", |_| spoke.value("b").as_deref() == Some("1"));
    // Who the controller is there can be taken back there.
    spoke.kubectl(&["delete", "serviceaccount", "kubectl-gitops-manager", "-n", "kube-system"]);
    // For some seconds the API server remembers whom it knew.
    let mut number = 1;
    ground.until("it is let in no longer", |ground| {
        number += 1;
        ground.commit("far/b.yaml", &config_map("b", &number.to_string()));
        std::thread::sleep(std::time::Duration::from_secs(1));
        condition_of(ground, "far", "ComparisonError").is_some()
    });
    let wrong = ground.world.run(&["cluster", "add", "nowhere", "-n", &name]);
    assert!(wrong.code == 2 && wrong.stderr.contains("nowhere"), "{}", wrong.told());
}
