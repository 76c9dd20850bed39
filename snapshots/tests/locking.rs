//! The transcript of an input from elsewhere: refused, locked, compiled offline, updated, verified. Servers and ports are called
//! `git.example.com` in it.
//!
//! To accept what changed: `INSTA_UPDATE=always cargo test -p gitops-snapshots --test locking`.

use std::fmt::Write as _;
use std::process::Command;

use gitops_testdata::cluster;
use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::servers::{Certificates, WebServer};

/// A base at a server, and a repository that uses it.
struct Example {
    web: WebServer,
    certificates: Certificates,
    base: RepositoryBuilder,
    repository: RepositoryBuilder,
    home: tempfile::TempDir,
}

impl Example {
    fn new() -> Self {
        let certificates = Certificates::make().expect("certificates");
        let web = WebServer::start(&certificates).expect("nginx");
        let home = tempfile::Builder::new().prefix("gitops-home-").tempdir().expect("a home");
        let repository = || RepositoryBuilder::new().expect("a repository");
        let example = Self { web, certificates, base: repository(), repository: repository(), home };
        example.publish("hello");
        let address = example.web.address();
        let kustomization = format!("namePrefix: shop-\nresources:\n- {address}/git/base.git//web?ref=main\n");
        example.repository.write("shop/kustomization.yaml", kustomization).expect("written");
        example
    }

    /// The base with another greeting.
    fn publish(&self, greeting: &str) {
        let config =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\ndata: {{greeting: {greeting}}}\n");
        self.base.write("web/config.yaml", config).expect("written");
        self.base.write("web/kustomization.yaml", "resources: [config.yaml]\n").expect("written");
        self.base.commit(greeting).expect("a commit");
        self.base.publish(&self.web.repositories().join("base.git")).expect("published");
    }

    fn run(&self, arguments: &[&str]) -> String {
        let program = gitops_testdata::binary::path("kubectl-gitops").expect("it is built");
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.repository.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home.path());
        command.env("KUBECTL_GITOPS_CA_FILE", self.certificates.authority());
        command.env("KUBECTL_GITOPS_KUSTOMIZE", cluster::build().expect("kubectl").kubectl());
        let output = command.output().expect("it runs");
        let code = output.status.code().expect("it was not killed");
        let mut text = format!("$ kubectl gitops {}\nexit code {code}\n", arguments.join(" "));
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                let _ = write!(text, "── {name}\n{}", String::from_utf8_lossy(bytes));
            }
        }
        self.without_ports(&text) + "\n"
    }

    fn lock(&self) -> String {
        let text = std::fs::read_to_string(self.repository.path().join("gitops.lock")).expect("a lock file");
        self.without_ports(&format!("$ cat gitops.lock\n{text}\n"))
    }

    fn without_ports(&self, text: &str) -> String {
        let text = text.replace(&self.web.address(), "https://git.example.com");
        text.replace(self.repository.path().to_str().expect("text"), "[repository]")
    }
}

#[test]
fn an_input_is_locked_updated_and_verified() {
    let example = Example::new();
    let compile = ["compile", "--path", "shop", "-o", "yaml"];
    let mut all = example.run(&compile);
    all += &example.run(&["lock", "--path", "shop"]);
    all += &example.lock();
    all += &example.run(&[&compile[..], &["--offline"]].concat());
    all += &example.run(&["lock", "--path", "shop"]);
    example.publish("welcome");
    all += &example.run(&["lock", "verify"]);
    all += &example.run(&["lock", "update", "base"]);
    all += &example.run(&["lock", "verify", "-o", "json"]);
    all += &example.run(&["lock", "update", "redis"]);
    example.repository.write("gitops.lock", "version: 1\ninputs:\n- {kind: git, repository: x}\n").expect("written");
    all += &example.run(&compile);
    insta::assert_snapshot!("locking", all);
}
