//! Builds the web UI, where it is wanted.
//!
//! In: the sources in `ui`. Out: `ui_files.rs` in Cargo's folder for it, a table of files that are embedded. The sources are
//! copied there first, so that a checkout stays as it is; npm gets what `package-lock.json` names, and asks no network where it
//! has that already. Nothing is built again while the sources are the same. Without the feature `ui`, or with `GITOPS_UI=none`,
//! the table is empty, and neither Node.js nor npm is needed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What the UI is made of, in its folder.
const PARTS: [&str; 4] = ["src", "build.mjs", "package.json", "package-lock.json"];
/// What says which lock file the packages are of.
const MARK: &str = "node_modules/.of";

fn main() {
    println!("cargo::rerun-if-env-changed=GITOPS_UI");
    for part in PARTS {
        println!("cargo::rerun-if-changed=ui/{part}");
    }
    if let Err(why) = table() {
        println!("cargo::error={why}");
    }
}

/// Writes the table.
fn table() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("Cargo says no folder")?);
    let is_wanted = env::var_os("CARGO_FEATURE_UI").is_some() && env::var("GITOPS_UI").as_deref() != Ok("none");
    let rows = if is_wanted { rows(&built(&out)?)? } else { String::new() };
    let table = format!("static FILES: &[File] = &[\n{rows}];\n");
    fs::write(out.join("ui_files.rs"), table).map_err(told(&out))
}

/// Builds the UI; gives where its files are.
fn built(out: &Path) -> Result<PathBuf, String> {
    let work = out.join("ui");
    for part in PARTS {
        let to = work.join(part);
        if to.is_dir() {
            fs::remove_dir_all(&to).map_err(told(&to))?;
        }
        copy(&Path::new("ui").join(part), &to).map_err(told(&to))?;
    }
    let lock = fs::read(work.join("package-lock.json")).map_err(told(&work))?;
    if fs::read(work.join(MARK)).ok().as_ref() != Some(&lock) {
        let npm = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
        run("npm", &npm, &work)?;
        fs::write(work.join(MARK), lock).map_err(told(&work))?;
    }
    run("node", &["build.mjs", "dist"], &work)?;
    Ok(work.join("dist"))
}

/// Runs a program of Node.js.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let ran = Command::new(program).args(arguments).current_dir(folder).output();
    let ran = ran.map_err(|why| {
        format!(
            "the web UI is built by Node.js 18 or newer, and {program} cannot be started ({why}): install it \
             (apt-get install nodejs npm, https://nodejs.org), or build without the web UI: GITOPS_UI=none, or --no-default-features"
        )
    })?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let said = said.lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("; ");
    Err(format!("the web UI cannot be built: {program} {}: {said} (GITOPS_UI=none builds without it)", arguments[0]))
}

/// The rows of the table, by what the build wrote down.
fn rows(dist: &Path) -> Result<String, String> {
    let list = fs::read_to_string(dist.join("files.txt")).map_err(told(dist))?;
    let mut rows = String::new();
    for line in list.lines() {
        let [name, content_type, hash, kept] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("files.txt has a line that is none of ours: {line}"));
        };
        let bytes = |ending: &str| {
            let path = dist.join(format!("{name}{ending}")).display().to_string();
            format!("include_bytes!({path:?})")
        };
        let _ = writeln!(
            rows,
            "File {{ name: {name:?}, content_type: {content_type:?}, tag: \"\\\"{hash}\\\"\", is_kept: {}, plain: {}, \
             gzip: {}, brotli: {} }},",
            kept == "kept",
            bytes(""),
            bytes(".gz"),
            bytes(".br"),
        );
    }
    Ok(rows)
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn told(path: &Path) -> impl Fn(io::Error) -> String + use<> {
    let path = path.display().to_string();
    move |why| format!("{path}: {why}")
}
