//! `cargo run -p gitops-testdata --bin openapi`: writes down what Kubernetes knows of its own kinds, for the compiler.
//!
//! In: nothing, or another folder to write to. Out: `compiler/src/schema/kubernetes/VERSION.txt`, made from the API server
//! of the local cluster, which is built first where it never was; see [`gitops_testdata::openapi`].

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gitops_testdata::causes::with_causes;
use gitops_testdata::cluster::{LocalCluster, Options};
use gitops_testdata::openapi::{self, Error};

/// Write down Kubernetes' schemas for the compiler
#[derive(Parser)]
struct Arguments {
    /// Where to write to
    #[arg(long, value_name = "FOLDER", default_value_os_t = default_folder())]
    to: PathBuf,
}

fn default_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/src/schema/kubernetes")
}

fn main() -> ExitCode {
    let Arguments { to } = Arguments::parse();
    let told = match describe() {
        Ok((version, text)) => {
            let path = to.join(format!("{version}.txt"));
            let bytes = text.len();
            fs::write(&path, text).map(|()| format!("wrote {} ({bytes} bytes)", path.display()))
        }
        Err(error) => Err(io::Error::other(with_causes(&error))),
    };
    let (line, code) = match told {
        Ok(line) => (line, ExitCode::SUCCESS),
        Err(error) => (format!("error: {error}"), ExitCode::FAILURE),
    };
    // Nobody may be listening.
    let _ = writeln!(io::stderr(), "{line}");
    code
}

fn describe() -> Result<(String, String), Error> {
    let cluster = LocalCluster::start(&Options::default())?;
    openapi::describe(cluster.connection())
}
