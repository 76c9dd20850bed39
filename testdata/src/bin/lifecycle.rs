//! `cargo run -p gitops-testdata --bin lifecycle`: writes down when API versions are deprecated and removed, for the
//! compiler's lints.
//!
//! In: nothing, or another file to write to. Out: `compiler/src/lint/lifecycle.txt`, made from Kubernetes' Go types; see
//! [`gitops_testdata::lifecycle`].

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use gitops_testdata::causes::with_causes;
use gitops_testdata::lifecycle;

/// Write down when API versions are deprecated and removed
#[derive(Parser)]
struct Arguments {
    /// Where to write to
    #[arg(long, value_name = "FILE", default_value_os_t = default_file())]
    to: PathBuf,
}

fn default_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/src/lint/lifecycle.txt")
}

fn main() -> ExitCode {
    let Arguments { to } = Arguments::parse();
    let told = lifecycle::describe().map_err(|error| with_causes(&error)).and_then(|text| {
        let bytes = text.len();
        let written = fs::write(&to, text).map(|()| format!("wrote {} ({bytes} bytes)", to.display()));
        written.map_err(|error| with_causes(&error))
    });
    let (line, code) = match told {
        Ok(line) => (line, ExitCode::SUCCESS),
        Err(error) => (format!("error: {error}"), ExitCode::FAILURE),
    };
    // Nobody may be listening.
    let _ = writeln!(io::stderr(), "{line}");
    code
}
