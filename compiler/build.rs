//! Gives the compiler a name for exactly what it does: a hash of its own sources, and of the versions of what it is built
//! with.
//!
//! In: the files below `src` without tests, the lock file of the workspace where there is one. Out: the variable `GITOPS_COMPILER_SOURCES`, for what is remembered of a compilation: any
//! change of a rule makes all of it unknown. The hash is that of the bytes, whatever the machine.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files)?;
    files.sort();
    let mut hasher = blake3::Hasher::new();
    for file in files {
        // One by one: a new file comes with a line in one of these, and a test alone changes no compiler.
        println!("cargo::rerun-if-changed={}", file.display());
        hasher.update(blake3::hash(file.as_os_str().as_encoded_bytes()).as_bytes());
        hasher.update(blake3::hash(&std::fs::read(&file)?).as_bytes());
    }
    // Readers of CEL and Jsonnet decide about what comes out, too.
    let lock = Path::new("../Cargo.lock");
    if lock.exists() {
        println!("cargo::rerun-if-changed=../Cargo.lock");
        hasher.update(blake3::hash(&std::fs::read(lock)?).as_bytes());
    }
    println!("cargo::rustc-env=GITOPS_COMPILER_SOURCES={}", hasher.finalize().to_hex());
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        match path.file_stem() {
            // They are in no compiler.
            Some(name) if name == "tests" => {}
            _ if path.is_dir() => collect(&path, files)?,
            _ => files.push(path),
        }
    }
    Ok(())
}
