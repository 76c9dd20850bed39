//! Node.js with the packages of the UI's tests, and steps in a browser that ask for what is done outside of it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use gitops_testdata::servers::{Browser, browser};
use serde_json::Value as Json;

/// Where the sources of the UI are.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/ui");
/// What is copied from there; nothing is written to the checkout.
const PARTS: [&str; 6] = ["src", "tests", "build.mjs", "package.json", "package-lock.json", "tsconfig.json"];

/// A folder with the sources and all packages, and the programs.
pub(crate) fn ground() -> &'static (PathBuf, Browser) {
    static GROUND: OnceLock<(PathBuf, Browser)> = OnceLock::new();
    GROUND.get_or_init(|| {
        let programs = browser().expect("a browser and Node.js");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ui");
        for part in PARTS {
            let to = folder.join(part);
            if to.is_dir() {
                std::fs::remove_dir_all(&to).expect("removed");
            }
            copy(&Path::new(SOURCES).join(part), &to);
        }
        let (mark, lock) = (folder.join("node_modules/.of"), folder.join("package-lock.json"));
        let lock = std::fs::read(lock).expect("the lock file");
        if std::fs::read(&mark).ok().as_ref() != Some(&lock) {
            let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
            let installed =
                Command::new(&programs.npm).args(arguments).current_dir(&folder).output().expect("npm starts");
            assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
            std::fs::write(&mark, lock).expect("written");
        }
        (folder, programs)
    })
}

/// Runs something with Node.js there; gives what it printed.
pub(crate) fn node(arguments: &[&str]) -> String {
    let (folder, programs) = ground();
    let ran = Command::new(&programs.node).args(arguments).current_dir(folder).output().expect("Node.js starts");
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "node {arguments:?}:\n{said}");
    said
}

/// Takes steps in a browser. `answer` does what they ask for. Gives the lines that tell what went well.
pub(crate) fn steps(script: &str, values: &[(&str, &str)], mut answer: impl FnMut(&Json) -> Json) -> Vec<String> {
    let (folder, programs) = ground();
    let mut command = Command::new(&programs.node);
    command.arg(format!("tests/{script}")).current_dir(folder).envs(values.iter().copied());
    command.env("UI_CHROMIUM", &programs.chromium);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Node.js starts");
    let mut answers = child.stdin.take().expect("a pipe");
    let (mut done, mut said) = (Vec::new(), Vec::new());
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        if let Some(asked) = line.strip_prefix("ASK ") {
            let told = answer(&serde_json::from_str(asked).expect("JSON"));
            writeln!(answers, "{told}").expect("sent");
        } else if let Some(step) = line.strip_prefix("ok ") {
            done.push(step.to_owned());
        } else {
            // Not by a macro, whose output the test runner keeps to itself.
            let _ = writeln!(std::io::stderr(), "{line}");
            said.push(line);
        }
    }
    let ended = child.wait().expect("it ends");
    assert!(ended.success(), "{script}: after {done:?}:\n{}", said.join("\n"));
    done
}

fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        return;
    }
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}
