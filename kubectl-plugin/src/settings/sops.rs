//! Where the keys are that open what SOPS encrypted.
//!
//! In: flags, and the environment as SOPS reads it. Out: [`KeySources`]. Nothing is opened here: keys are read only where
//! a plan has something to decrypt. A key itself is never an argument, which everybody on the machine could read.

use std::path::PathBuf;

use clap::Args;

use crate::fetch::Secret;
use crate::sops::KeySources;

/// How what SOPS encrypted is opened.
#[derive(Debug, Clone, Args)]
pub struct SopsArgs {
    /// A file of age identities that open what SOPS encrypted, beside those in $SOPS_AGE_KEY and in sops/age/keys.txt
    /// of the folder of configuration
    #[arg(long, value_name = "FILE", env = "SOPS_AGE_KEY_FILE", hide_env_values = true)]
    sops_age_key_file: Option<PathBuf>,
    /// Apply what SOPS encrypted also where its MAC is not that of its values
    #[arg(long)]
    sops_ignore_mac: bool,
}

impl SopsArgs {
    /// As keys are looked for.
    #[must_use]
    pub fn sources(&self) -> KeySources {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        KeySources {
            age_key_file: self.sops_age_key_file.clone().filter(|path| !path.as_os_str().is_empty()),
            age_keys: Secret::new(std::env::var("SOPS_AGE_KEY").unwrap_or_default()),
            default_age_key_file: folder.map(|folder| folder.join("sops/age/keys.txt")),
            ignore_mac: self.sops_ignore_mac,
        }
    }
}
