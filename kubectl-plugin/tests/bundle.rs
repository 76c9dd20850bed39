//! Bundles are equal to the byte wherever and whenever they are made, and nothing else is taken for one.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use gitops_compiler::bundle::Bundle;
use gitops_testdata::repository::RepositoryBuilder;

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: 'registry.example.com/web:1.4.0', envFrom: [{configMapRef: {name: settings}}]}]}
";

/// A repository with a folder of manifests and one of Jsonnet.
fn repository() -> RepositoryBuilder {
    let repository = RepositoryBuilder::new().expect("a repository");
    repository.write("deploy/web.yaml", WEB).expect("written");
    for index in 0..40 {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{index}}}\ndata: {{a: '{index}', b: \"é\\n\"}}\n"
        );
        repository.write(&format!("deploy/c{index}.yaml"), text).expect("written");
    }
    repository
        .write("deploy/settings.jsonnet", "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'settings'}}")
        .expect("written");
    repository.commit("An application").expect("a commit");
    repository
}

/// Another person's machine.
struct Machine {
    home: tempfile::TempDir,
    variables: Vec<(&'static str, &'static str)>,
    umask: &'static str,
    /// How much later its files were written.
    later: Duration,
}

impl Machine {
    /// Clones the repository, and makes a bundle there.
    fn make(&self, repository: &Path, out: &str) -> Vec<u8> {
        let (clone, out) = (self.home.path().join("clone"), self.home.path().join(out));
        let git = Command::new("git").args(["clone", "-q"]).arg(repository).arg(&clone).status().expect("git");
        assert!(git.success());
        for entry in std::fs::read_dir(clone.join("deploy")).expect("a folder") {
            let file = std::fs::File::options().write(true).open(entry.expect("an entry").path()).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_hours(48) + self.later).expect("a time");
        }
        let script = format!("umask {}; exec \"$0\" \"$@\"", self.umask);
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &script,
            env!("CARGO_BIN_EXE_kubectl-gitops"),
            "bundle",
            "build",
            "web",
            "--path",
            "deploy",
        ]);
        command.arg("--out").arg(&out).current_dir(&clone).env_clear();
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let output = command.envs(self.variables.iter().copied()).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let files = kubectl_gitops::bundle::read(&out).unwrap_or_else(|error| panic!("{}", error.message));
        Bundle::read(&files).expect("it is whole").bundle.archive()
    }
}

fn machine(umask: &'static str, later: u64, variables: &[(&'static str, &'static str)]) -> Machine {
    let home = tempfile::tempdir().expect("a folder");
    Machine { home, variables: variables.to_vec(), umask, later: Duration::from_hours(later) }
}

#[test]
fn a_bundle_is_the_same_on_any_machine() {
    let repository = repository();
    let machines = [
        (machine("022", 0, &[("TZ", "UTC"), ("RAYON_NUM_THREADS", "1")]), "web.tar"),
        (machine("077", 24, &[("TZ", "Asia/Tokyo"), ("RAYON_NUM_THREADS", "7"), ("LANG", "tr_TR.UTF-8")]), "web"),
        (machine("002", 36, &[("SOURCE_DATE_EPOCH", "1"), ("LC_ALL", "C"), ("USER", "somebody")]), "other.tar"),
    ];
    let [first, rest @ ..] = machines.map(|(machine, out)| machine.make(repository.path(), out));
    for other in rest {
        assert!(first == other);
    }
}

#[test]
fn one_bit_of_an_archive_is_refused() {
    let repository = RepositoryBuilder::new().expect("a repository");
    repository.write("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n").expect("written");
    repository.commit("One").expect("a commit");
    let archive = machine("022", 0, &[]);
    let home = archive.home.path();
    let program = env!("CARGO_BIN_EXE_kubectl-gitops");
    let made = Command::new(program)
        .args(["bundle", "build", "a", "--out"])
        .arg(home.join("a.tar"))
        .current_dir(repository.path())
        .env_clear()
        .env("HOME", home)
        .status();
    assert!(made.expect("it runs").success());
    let bytes = std::fs::read(home.join("a.tar")).expect("read");
    let is_taken = |bytes: &[u8]| Bundle::unarchive("a.tar", bytes).is_ok_and(|files| Bundle::read(&files).is_ok());
    assert!(is_taken(&bytes));
    for at in 0..bytes.len() {
        let mut other = bytes.clone();
        other[at] ^= 1 << (at % 8);
        assert!(!is_taken(&other), "byte {at}");
    }
    for length in 0..bytes.len() {
        assert!(!is_taken(&bytes[..length]), "cut at {length}");
    }
    assert!(!is_taken(&[bytes.as_slice(), &[0; 512]].concat()), "padding");
}
