//! Credentials for repositories, as Argo CD keeps them: Secrets with the label `argocd.argoproj.io/secret-type`; and as
//! Docker keeps them (`registry_config`).
//!
//! In: a file of either. Out: [`Credentials`], which know the one for an address. A `repository` is for exactly its
//! address; `repo-creds` are for all addresses that begin with theirs and go on with a new part of the path, the longest
//! first: `https://git.example.com/shop` is not for `https://git.example.com/shopping`, nor is `https://git.example.com`
//! for `https://git.example.com.elsewhere.org`, which Argo CD would take. What a `repository` without credentials of its
//! own lacks is filled in from the longest `repo-creds`, as there.
//!
//! # Guarantees
//!
//! No error and no debug output shows a value.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value as Json;

use super::address::{canonical, is_registry, shown_text};
use super::credential_helper::Helper;
use super::github_app::GithubApp;
use super::registry_config;
use super::secret::Secret;
use super::secret_file;

/// For which addresses a credential is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// For one repository.
    Repository,
    /// For all that begin with its address.
    #[default]
    Prefix,
}

/// How to be let into a repository.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    pub(super) scope: Scope,
    /// The address that it is for, as written; may hold userinfo, so it is not shown as it is.
    pub(super) url: String,
    /// The user; empty where none.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// A token that is sent instead of user and password.
    pub bearer_token: Secret,
    /// What a registry's realm gives tokens for, instead of user and password.
    pub identity_token: Secret,
    /// A private key for SSH, in PEM or OpenSSH's form.
    pub ssh_private_key: Secret,
    /// A client certificate for TLS, in PEM.
    pub tls_client_certificate: Secret,
    /// Its key, in PEM.
    pub tls_client_key: Secret,
    /// Whether any certificate of the server will do.
    pub insecure: bool,
    /// Whether any host key of the server will do.
    pub insecure_ignore_host_key: bool,
    /// The proxy; may hold userinfo.
    pub proxy: Secret,
    /// Hosts that are not asked through it.
    pub no_proxy: String,
    /// Whether the address without a scheme is a registry.
    pub enable_oci: bool,
    /// Whether files of Git LFS are wanted; only of the Secret of a repository it counts, as in Argo CD.
    pub enable_lfs: bool,
    /// Whether user and password are sent before the server asks for them.
    pub force_http_basic_auth: bool,
    /// The project that alone may use it; empty where all may.
    pub project: String,
    /// Its name, for messages.
    pub name: String,
    /// The GitHub App that gives tokens, instead of user and password.
    pub(super) github_app: Option<GithubApp>,
    /// Why we cannot use it, as what is said of it.
    pub(super) unsupported: Option<String>,
    /// The program that has it.
    pub(super) helper: Option<Helper>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Credential");
        shown.field("scope", &self.scope).field("url", &shown_text(&self.url)).field("name", &self.name);
        shown.finish_non_exhaustive()
    }
}

impl Credential {
    /// Whether we can use it.
    ///
    /// # Errors
    /// Where it is of a kind that asks a service of a cloud or a program first; the message names the kind.
    pub fn check(&self) -> Result<(), String> {
        match &self.unsupported {
            Some(why) => Err(format!("the credential for {} {why}", shown_text(&self.url))),
            None => Ok(()),
        }
    }

    /// Whether it says who we are, and not only how to connect.
    pub(super) fn has_identity(&self) -> bool {
        let secrets = [
            &self.password,
            &self.bearer_token,
            &self.identity_token,
            &self.ssh_private_key,
            &self.tls_client_certificate,
        ];
        !self.username.is_empty()
            || !secrets.into_iter().all(Secret::is_empty)
            || self.unsupported.is_some()
            || self.github_app.is_some()
    }

    fn filled_from(mut self, other: &Self) -> Self {
        let fill = |to: &mut Secret, from: &Secret| {
            if to.is_empty() {
                *to = from.clone();
            }
        };
        self.username.clone_from(&other.username);
        fill(&mut self.password, &other.password);
        fill(&mut self.bearer_token, &other.bearer_token);
        fill(&mut self.identity_token, &other.identity_token);
        fill(&mut self.ssh_private_key, &other.ssh_private_key);
        fill(&mut self.tls_client_certificate, &other.tls_client_certificate);
        fill(&mut self.tls_client_key, &other.tls_client_key);
        if self.proxy.is_empty() {
            fill(&mut self.proxy, &other.proxy);
            self.no_proxy.clone_from(&other.no_proxy);
        }
        self.enable_oci |= other.enable_oci;
        self.force_http_basic_auth |= other.force_http_basic_auth;
        self.github_app.clone_from(&other.github_app);
        self.unsupported.clone_from(&other.unsupported);
        self.helper.clone_from(&other.helper);
        self
    }
}

/// All the credentials that there are.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    written: Vec<Credential>,
    /// The same, those for one repository filled in.
    all: Vec<Credential>,
}

impl Credentials {
    /// Reads a file of Secrets.
    ///
    /// # Errors
    /// Where it is not YAML, has no Secret of the kind, or one that is not sound: file and line, never a value.
    pub fn read(shown_path: &str, bytes: &[u8]) -> Result<Self, String> {
        Ok(Self::of(secret_file::read(shown_path, bytes)?))
    }

    /// Reads a file of registries, as Docker has it.
    ///
    /// # Errors
    /// Where it is none: file and place, never a value.
    pub fn read_registries(shown_path: &str, bytes: &[u8]) -> Result<Self, String> {
        Ok(Self::of(registry_config::read(shown_path, bytes)?))
    }

    /// Reads Secrets, each as the API server gives it. Gives what is wrong with some of them, too: with a Secret that is not
    /// sound nobody is let in, and nobody else's credential is used instead.
    #[must_use]
    pub fn of_secrets(secrets: &[Json]) -> (Self, Vec<String>) {
        let (mut written, mut problems) = (Vec::new(), Vec::new());
        for secret in secrets {
            match secret_file::read_object(secret) {
                Ok(read) => written.extend(read),
                Err((unusable, problem)) => {
                    written.extend(unusable.map(|one| *one));
                    problems.push(problem);
                }
            }
        }
        (Self::of(written), problems)
    }

    /// Whether some of them belong to a project.
    pub(super) fn has_own(&self, project: &str) -> bool {
        !project.is_empty() && self.written.iter().any(|one| one.project == project)
    }

    /// Whether both have the same for an address.
    #[must_use]
    pub fn agree(&self, other: &Self, address: &str) -> bool {
        let written = self.written.iter().chain(&other.written);
        let projects: BTreeSet<&str> = written.map(|one| one.project.as_str()).collect();
        let of = |these: &Self, project: &str| these.clone().of_project(project).for_address(address).cloned();
        projects.into_iter().all(|project| of(self, project) == of(other, project))
    }

    /// These and others; of equals the first counts.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        let mut written = self.written;
        written.extend(others.written);
        Self::of(written)
    }

    /// The same, with what a program has for an address that the user names, where one has it.
    ///
    /// # Errors
    /// Where the program cannot be run, or does not say what it should.
    pub fn with_helper(self, address: &str) -> Result<Self, String> {
        let Some(one) = self.for_address(address) else { return Ok(self) };
        let Some(helper) = &one.helper else { return Ok(self) };
        let url = one.url.clone();
        let kept = helper.ask(&url)?;
        // Whoever has no login is anybody.
        let mut written = self.written;
        written.retain(|other| other.helper.is_none() || other.url != url);
        written.extend(kept);
        Ok(Self::of(written))
    }

    /// Those that an Application of a project may use, its own first. Without this all are used, whoever asks.
    #[must_use]
    pub fn of_project(self, project: &str) -> Self {
        let written = self.written.into_iter();
        let mut written: Vec<Credential> =
            written.filter(|one| one.project.is_empty() || one.project == project).collect();
        written.sort_by_key(|one| one.project.is_empty());
        Self::of(written)
    }

    fn of(written: Vec<Credential>) -> Self {
        let fill = |one: &Credential| match longest(&written, &one.url) {
            Some(prefix) if one.scope == Scope::Repository && !one.has_identity() => one.clone().filled_from(prefix),
            _ => one.clone(),
        };
        let all = written.iter().map(fill).collect();
        Self { written, all }
    }

    /// The credential for an address.
    #[must_use]
    pub fn for_address(&self, address: &str) -> Option<&Credential> {
        let wanted = comparable(address);
        let is_for = |one: &&Credential| one.scope == Scope::Repository && comparable(&one.url) == wanted;
        self.all.iter().find(is_for).or_else(|| longest(&self.all, address))
    }

    /// Whether a Secret for exactly this repository says that its files of Git LFS are wanted.
    pub(super) fn wants_lfs(&self, address: &str) -> bool {
        let found = self.for_address(address);
        found.is_some_and(|one| one.scope == Scope::Repository && one.enable_lfs)
    }
}

/// The `repo-creds` with the longest address that the other begins with; the first of equals.
fn longest<'a>(credentials: &'a [Credential], address: &str) -> Option<&'a Credential> {
    let address = comparable(address);
    let mut longest: Option<(usize, &Credential)> = None;
    for one in credentials.iter().filter(|one| one.scope == Scope::Prefix) {
        let prefix = comparable(&one.url);
        let is_prefix = address.strip_prefix(&prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_prefix && longest.is_none_or(|(length, _)| prefix.len() > length) {
            longest = Some((prefix.len(), one));
        }
    }
    longest.map(|(_, one)| one)
}

/// Registries are written with and without `oci://`. Git by SSH may look as the latter does, and is something else: who one is to the
/// one is not said to the other.
fn comparable(address: &str) -> String {
    let whole = canonical(address);
    let scheme = if is_registry(address) && !whole.contains("://") { "oci://" } else { "" };
    format!("{scheme}{}", whole.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(kind: &str, fields: &[(&str, &str)]) -> String {
        let head =
            format!("kind: Secret\nmetadata: {{labels: {{argocd.argoproj.io/secret-type: {kind}}}}}\nstringData:\n");
        let lines = fields.iter().map(|(key, value)| format!("  {key}: {value:?}\n"));
        head + &lines.collect::<String>() + "---\n"
    }

    fn credentials(secrets: &[String]) -> Credentials {
        Credentials::read("repositories.yaml", secrets.concat().as_bytes()).expect("credentials")
    }

    fn user(credentials: &Credentials, address: &str) -> Option<String> {
        credentials.for_address(address).map(|one| one.username.clone())
    }

    #[test]
    fn the_address_itself_wins_over_the_longest_prefix() {
        let all = credentials(&[
            secret("repo-creds", &[("url", "https://git.example.com"), ("username", "all")]),
            secret("repo-creds", &[("url", "https://git.example.com/shop/"), ("username", "shop")]),
            secret("repository", &[("url", "https://git.example.com/shop/deploy.git"), ("username", "deploy")]),
        ]);
        let of = |address| user(&all, address);
        assert_eq!(of("https://Git.example.com/shop/deploy").as_deref(), Some("deploy"));
        assert_eq!(of("https://git.example.com/shop/other").as_deref(), Some("shop"));
        assert_eq!(of("https://git.example.com/shopping").as_deref(), Some("all"));
        assert_eq!(of("https://git.example.com").as_deref(), Some("all"));
        assert_eq!(of("https://git.example.com/shop/../other").as_deref(), Some("all"));
        for other in
            ["https://git.example.com.elsewhere.org/x", "https://git.example.com:8443/x", "http://git.example.com"]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_repository_without_credentials_takes_those_of_the_prefix() {
        let all = credentials(&[
            secret("repo-creds", &[("url", "registry.example.com"), ("username", "anna"), ("password", "s3cret")]),
            secret(
                "repository",
                &[("url", "oci://registry.example.com/charts"), ("insecure", "true"), ("enableOCI", "1")],
            ),
        ]);
        let one = all.for_address("registry.example.com/charts").expect("a credential");
        assert!(one.insecure && one.enable_oci && one.username == "anna" && one.password.reveal() == "s3cret");
    }

    #[test]
    fn a_credential_of_a_registry_is_for_its_address_and_nothing_else() {
        let all = credentials(&[
            secret(
                "repository",
                &[
                    ("url", "registry.example.com:5000/charts"),
                    ("type", "helm"),
                    ("enableOCI", "true"),
                    ("username", "anna"),
                ],
            ),
            secret("repo-creds", &[("url", "ssh://git.example.com/shop"), ("username", "ben")]),
        ]);
        for address in ["registry.example.com:5000/charts", "oci://Registry.example.com:5000/charts/"] {
            assert_eq!(user(&all, address).as_deref(), Some("anna"), "{address}");
        }
        for other in [
            "registry.example.com:5000/charts/more",
            "registry.example.com:5000/other",
            "registry.example.com/charts",
            "https://registry.example.com:5000/charts",
            "ssh://registry.example.com:5000/charts",
            "git.example.com/shop/charts",
            "oci://git.example.com/shop",
        ] {
            assert_eq!(user(&all, other), None, "{other}");
        }
        assert_eq!(user(&all, "ssh://git.example.com/shop/deploy").as_deref(), Some("ben"));
    }

    /// As the API server gives it.
    fn object(name: &str, label: &str, fields: &[(&str, &str)]) -> Json {
        use base64::Engine as _;
        let encoded = fields
            .iter()
            .map(|(key, value)| ((*key).to_owned(), base64::engine::general_purpose::STANDARD.encode(value).into()));
        serde_json::json!({
            "metadata": {"name": name, "labels": {"argocd.argoproj.io/secret-type": label}},
            "data": encoded.collect::<serde_json::Map<String, Json>>(),
        })
    }

    #[test]
    fn a_secret_that_is_not_sound_is_told_and_nobody_else_s_is_used_for_it() {
        let (all, problems) = Credentials::of_secrets(&[
            object("all", "repo-creds", &[("url", "https://a.example.com"), ("username", "all")]),
            object("bad", "repository", &[("url", "https://a.example.com/bad"), ("insecure", "s3cret")]),
            object("none", "repository", &[("username", "s3cret")]),
        ]);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("bad") && problems[1].contains("none"), "{problems:?}");
        assert!(!format!("{problems:?}").contains("s3cret"), "{problems:?}");
        assert_eq!(user(&all, "https://a.example.com/good").as_deref(), Some("all"));
        let bad = all.for_address("https://a.example.com/bad").expect("it has one").check();
        assert!(bad.is_err_and(|why| !why.contains("s3cret")));
    }

    #[test]
    fn only_addresses_whose_credential_is_another_are_told() {
        let of = |password: &str, project: &str| {
            let fields = [("url", "https://a.example.com/x"), ("password", password), ("project", project)];
            Credentials::of_secrets(&[object("x", "repository", &fields)]).0
        };
        assert!(of("1", "").agree(&of("1", ""), "https://a.example.com/x"));
        assert!(!of("1", "").agree(&of("2", ""), "https://a.example.com/x"));
        assert!(of("1", "").agree(&of("2", ""), "https://a.example.com/y"));
        assert!(!of("1", "").agree(&Credentials::default(), "https://a.example.com/x"));
        assert!(!of("1", "shop").agree(&of("2", "shop"), "https://a.example.com/x"));
        assert!(of("1", "shop").has_own("shop") && !of("1", "shop").has_own("") && !of("1", "").has_own("shop"));
    }

    #[test]
    fn projects_use_their_own() {
        let all = credentials(&[
            secret("repository", &[("url", "https://a.example.com"), ("username", "all")]),
            secret("repository", &[("url", "https://a.example.com"), ("username", "shop"), ("project", "shop")]),
        ]);
        assert_eq!(user(&all.clone().of_project("shop"), "https://a.example.com").as_deref(), Some("shop"));
        assert_eq!(user(&all.of_project("other"), "https://a.example.com").as_deref(), Some("all"));
    }

    #[test]
    fn git_lfs_is_wanted_by_the_secret_of_a_repository_alone() {
        let all = credentials(&[
            secret("repo-creds", &[("url", "https://git.example.com"), ("username", "all"), ("enableLfs", "true")]),
            secret("repository", &[("url", "https://git.example.com/shop.git"), ("enableLfs", "true")]),
            secret("repository", &[("url", "https://git.example.com/other.git"), ("enableLfs", "false")]),
        ]);
        assert!(all.wants_lfs("https://Git.example.com/shop"));
        assert_eq!(user(&all, "https://git.example.com/shop").as_deref(), Some("all"));
        for other in
            ["https://git.example.com/other", "https://git.example.com/third", "https://git.example.com/shop/x"]
        {
            assert!(!all.wants_lfs(other), "{other}");
        }
    }

    #[test]
    fn what_asks_a_cloud_first_is_refused_by_name() {
        for (key, value) in [
            ("azureServicePrincipalClientId", "1"),
            ("gcpServiceAccountKey", "s3cret"),
            ("useAzureWorkloadIdentity", "true"),
        ] {
            let all = credentials(&[secret("repository", &[("url", "https://u:s3cret@a.example.com"), (key, value)])]);
            let error = all.for_address("https://a.example.com").expect("a credential").check().expect_err(key);
            assert!(error.contains(key) && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn debug_output_shows_nothing() {
        let secret_fields =
            ["username", "password", "bearerToken", "sshPrivateKey", "tlsClientCertData", "tlsClientCertKey", "proxy"];
        let mut fields = vec![("url", "https://u:s3cret@a.example.com?t=s3cret")];
        fields.extend(secret_fields.map(|key| (key, "s3cret")));
        let all = credentials(&[secret("repository", &fields)]);
        let shown = format!("{all:?} {:#?}", all.all);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
