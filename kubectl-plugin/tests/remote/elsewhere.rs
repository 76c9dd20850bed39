//! What the tests have in common: a repository whose inputs are on servers.

use std::path::Path;

use gitops_testdata::repository::RepositoryBuilder;
use gitops_testdata::servers::{Certificates, WebServer};

use crate::world::{Ended, World};

/// A server, and a repository that takes things from it.
pub(crate) struct Elsewhere {
    pub(crate) web: WebServer,
    pub(crate) world: World,
    pub(crate) certificates: Certificates,
}

impl Elsewhere {
    pub(crate) fn new() -> Self {
        let certificates = Certificates::make().expect("certificates");
        let web = WebServer::start(&certificates).expect("nginx");
        Self { web, world: World::new(), certificates }
    }

    /// The program, which trusts the servers.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let authority = self.certificates.authority().display().to_string();
        let mut all = arguments.to_vec();
        if !arguments.contains(&"--offline") && arguments.first() != Some(&"store") {
            all.extend(["--ca-file", authority.as_str()]);
        }
        self.world.run(&all)
    }

    /// The program, which must succeed.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    /// The program, which must fail: what it says.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        ended.stderr
    }

    /// The lock file.
    pub(crate) fn lock(&self) -> String {
        std::fs::read_to_string(self.world.repository.path().join("gitops.lock")).unwrap_or_default()
    }

    /// A repository of somebody else's with a base, published; gives its address.
    pub(crate) fn base(&self, name: &str) -> (RepositoryBuilder, String) {
        let repository = RepositoryBuilder::new().expect("a repository");
        write_base(&repository, "1");
        repository.commit("One").expect("a commit");
        repository.tag("v1.0.0").expect("a tag");
        let address = self.publish(&repository, name);
        (repository, address)
    }

    pub(crate) fn publish(&self, repository: &RepositoryBuilder, name: &str) -> String {
        repository.publish(&self.web.repositories().join(format!("{name}.git"))).expect("published");
        format!("{}/git/{name}.git", self.web.address())
    }
}

/// A base whose ConfigMap has this value.
pub(crate) fn write_base(repository: &RepositoryBuilder, value: &str) {
    let config = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: base}}\ndata: {{value: '{value}'}}\n");
    repository.write("common/config.yaml", config).expect("written");
    repository.write("common/kustomization.yaml", "resources: [config.yaml]\n").expect("written");
    let overlay = "resources: [../common]\nnamePrefix: over-\n";
    repository.write("overlay/kustomization.yaml", overlay).expect("written");
}

/// An Application with these sources, in JSON.
pub(crate) fn application(sources: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: shop, namespace: argocd}}\nspec:\n  project: \
         default\n  destination: {{namespace: prod, server: x}}\n  sources: {sources}\n"
    )
}

/// A file below a folder, with the folders on the way.
pub(crate) fn write(folder: &Path, path: &str, contents: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, contents).expect("written");
}
