//! Bundles are equal to the byte wherever and whenever they are made, and nothing else is taken for one.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use gitops_compiler::bundle::{Bundle, Files, blob_path};
use gitops_testdata::cluster;
use gitops_testdata::repository::RepositoryBuilder;
use serde::Deserialize as _;

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
    /// What its clock says, where it is not that of this machine; and what makes it say so.
    clock: Option<(PathBuf, &'static str)>,
}

impl Machine {
    /// Clones the repository, and makes a bundle there.
    fn make(&self, repository: &Path, out: &str) -> Vec<u8> {
        Bundle::read(&self.files(repository, out, &[])).expect("it is whole").bundle.archive()
    }

    /// The same, with more arguments: all files of the layout.
    fn files(&self, repository: &Path, out: &str, more: &[&str]) -> Files {
        let (clone, out) = (self.home.path().join("clone"), self.home.path().join(out));
        let git = Command::new("git").args(["clone", "-q"]).arg(repository).arg(&clone).status().expect("git");
        assert!(git.success());
        for entry in std::fs::read_dir(clone.join("deploy")).expect("a folder") {
            let file = std::fs::File::options().write(true).open(entry.expect("an entry").path()).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_hours(48) + self.later).expect("a time");
        }
        let output = self.run(&[&["bundle", "build", "web", "--path", "deploy"], more, &["--out"]].concat(), &out);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        kubectl_gitops::bundle::read(&out).unwrap_or_else(|error| panic!("{}", error.message))
    }

    /// Runs the program in the clone; `last` is the last argument.
    fn run(&self, arguments: &[&str], last: impl AsRef<OsStr>) -> Output {
        let script = format!("umask {}; exec \"$0\" \"$@\"", self.umask);
        let mut command = Command::new("sh");
        command.args(["-c", &script]);
        if let Some((program, clock)) = &self.clock {
            command.arg(program).args(["-m", "-f", *clock]);
        }
        command.arg(env!("CARGO_BIN_EXE_kubectl-gitops")).args(arguments).arg(last);
        command.current_dir(self.home.path().join("clone")).env_clear();
        command.env("HOME", self.home.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(self.variables.iter().copied()).output().expect("it runs")
    }
}

fn machine(umask: &'static str, later: u64, variables: &[(&'static str, &'static str)]) -> Machine {
    let home = tempfile::tempdir().expect("a folder");
    Machine { home, variables: variables.to_vec(), umask, later: Duration::from_hours(later), clock: None }
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

/// By the clock itself, not only by the times of files. That the program believes it is shown by an acceptance that ends with the
/// first of the two days.
#[test]
fn a_bundle_is_the_same_a_day_later() {
    let repository = repository();
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  \
                 resources: {requests: {storage: 1Gi}}\n";
    let accepted = "accept: [{rule: claim-removed, resource: '*', until: 2020-01-01, reason: moved}]\n";
    repository.write("deploy/claim.yaml", claim).expect("written");
    repository.write(".gitops/review.yaml", accepted).expect("written");
    repository.commit("A claim").expect("a commit");
    let faketime = gitops_testdata::servers::faketime().unwrap_or_else(|error| panic!("{error}"));
    let at = |clock: Option<&'static str>| Machine {
        clock: clock.map(|clock| (faketime.clone(), clock)),
        ..machine("022", 0, &[("TZ", "UTC")])
    };
    // A claim that goes is a risk that blocks; on the day until which it is accepted it does not.
    let cases = [(Some("@2020-01-01 12:00:00"), 0), (Some("@2020-01-02 12:00:00"), 4), (None, 4)];
    let made = cases.map(|(clock, code)| {
        let machine = at(clock);
        let files = machine.files(repository.path(), "web.tar", &["--provenance"]);
        std::fs::remove_file(machine.home.path().join("clone/deploy/claim.yaml")).expect("removed");
        let review = machine.run(&["review", "HEAD", "--path", "deploy", "--fail-on"], "block");
        assert_eq!(review.status.code(), Some(code), "{clock:?}: {}", String::from_utf8_lossy(&review.stdout));
        files
    });
    let [first, day_after, today] = made;
    assert!(first.len() > 5, "a bundle has five, and something is said about it");
    assert!(first == day_after && first == today);
}

/// What real Kustomize makes of a layer with a kustomization: the manifests as they are, in their order.
#[test]
fn a_kustomization_lists_the_manifests_in_their_order() {
    let repository = repository();
    let machine = machine("022", 0, &[]);
    let files = machine.files(repository.path(), "web.tar", &["--kustomization", "--compress", "store"]);
    let read = Bundle::read(&files).expect("it is whole").bundle;
    let out = machine.home.path().join("web.tar");
    let verified = machine.run(&["bundle", "verify", "--rebuild", "--path", "deploy"], &out);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("layer.tgz"), &files[&blob_path(&read.layer)]).expect("written");
    let tar = Command::new("tar").args(["-xzf", "layer.tgz"]).current_dir(folder.path()).status().expect("tar");
    assert!(tar.success());
    let kubectl = cluster::build().expect("kubectl").kubectl();
    let output = Command::new(kubectl).args(["kustomize", "."]).current_dir(folder.path()).env_clear().output();
    let output = output.expect("kubectl starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let mut names: Vec<&String> = read.config.resources.iter().map(|entry| &entry.file).collect();
    names.sort();
    let manifests = names.iter().map(|name| std::fs::read_to_string(folder.path().join(name)).expect("a manifest"));
    let documents = |text: &str| -> Vec<serde_yaml::Value> {
        let documents = serde_yaml::Deserializer::from_str(text);
        documents.map(|document| serde_yaml::Value::deserialize(document).expect("a manifest")).collect()
    };
    let expected: Vec<_> = manifests.flat_map(|text| documents(&text)).collect();
    assert_eq!(expected.len(), 42);
    assert_eq!(documents(&String::from_utf8(output.stdout).expect("text")), expected);
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
