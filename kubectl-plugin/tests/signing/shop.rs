//! An application in a repository, a bundle of it, and keys.

use std::path::{Path, PathBuf};
use std::process::Command;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use gitops_compiler::bundle::TrustPolicy;
use gitops_testdata::repository::RepositoryBuilder;
use kubectl_gitops::bundle::Signers;
use pem::Pem;

const ED25519_INFO: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What the program printed, and how it ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn good(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, 4, "{}{}", self.stdout, self.stderr);
        self.stderr
    }
}

/// A repository and a folder for bundles and keys.
pub(crate) struct Shop {
    pub(crate) repository: RepositoryBuilder,
    pub(crate) home: tempfile::TempDir,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let repository = RepositoryBuilder::new().expect("a repository");
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {word: one}\n";
        repository.write("deploy/a.yaml", text).expect("written");
        repository.commit("One").expect("a commit");
        Self { repository, home: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs the program in the repository; names that begin with `@` are of the folder beside it.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let place = |argument: &&str| match argument.strip_prefix('@') {
            Some(name) => self.path(name).display().to_string(),
            None => (*argument).to_owned(),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.args(arguments.iter().map(place)).current_dir(self.repository.path()).env_clear();
        let output = command.env("HOME", self.home.path()).envs(variables.iter().copied()).output().expect("it runs");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    /// A bundle of the application.
    pub(crate) fn bundle(&self, name: &str, more: &[&str]) {
        let out = format!("@{name}");
        self.run(&[&["bundle", "build", "shop", "--path", "deploy", "--out", &out], more].concat()).good();
    }

    /// A pair of keys, in `NAME.key` and `NAME.pub`.
    pub(crate) fn ed25519(&self, name: &str) {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let public = [ED25519_INFO.as_slice(), pair.public_key().as_ref()].concat();
        self.keep(name, pair.to_pkcs8v1().expect("DER").as_ref(), &public);
    }

    pub(crate) fn p256(&self, name: &str) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("DER");
        self.keep(name, pair.to_pkcs8v1().expect("DER").as_ref(), public.as_ref());
    }

    fn keep(&self, name: &str, private: &[u8], public: &[u8]) {
        write(&self.path(&format!("{name}.key")), pem::encode(&Pem::new("PRIVATE KEY", private)));
        write(&self.path(&format!("{name}.pub")), pem::encode(&Pem::new("PUBLIC KEY", public)));
    }

    /// Those of a policy in the folder.
    pub(crate) fn signers(&self, policy: &str) -> Signers {
        let policy = TrustPolicy::read("trust.yaml", policy.as_bytes()).expect("a policy");
        Signers::of(&policy, self.home.path()).expect("signers")
    }

    /// Keys of a policy, as it writes them.
    pub(crate) fn keys(&self, names: &[&str]) -> String {
        let key = |name: &&str| {
            format!("  {name}: |\n    {}\n", self.text(&format!("{name}.pub")).trim().replace('\n', "\n    "))
        };
        format!("keys:\n{}", names.iter().map(key).collect::<String>())
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a file")
    }
}

pub(crate) fn write(path: &Path, text: String) {
    std::fs::write(path, text).expect("written");
}
