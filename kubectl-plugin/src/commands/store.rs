//! `store`: looking after the local store.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::error::CommandError;
use crate::settings::Session;

/// Look after the local store of compiled graphs
#[derive(Debug, Args)]
pub struct StoreCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Count what is in it
    Info,
    /// Read everything and compare it with its name
    Verify {
        /// Remove what is damaged: the next compile makes it again
        #[arg(long)]
        repair: bool,
    },
    /// Remove what was not written for some time
    Gc {
        /// How many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep_days: u64,
    },
}

/// Runs the command.
pub fn run(session: &Session, args: &StoreCommand) -> Result<u8, CommandError> {
    let store = session.store.open_strictly()?;
    let root = store.root().display().to_string();
    let printed = |mut value: serde_json::Value| {
        value["schemaVersion"] = super::SCHEMA_VERSION.into();
        value["store"] = root.as_str().into();
        session.printer.json(&value);
    };
    match args.command {
        Action::Info => printed(json!(store.info()?)),
        Action::Gc { keep_days } => printed(json!(store.collect(Duration::from_secs(keep_days * 86_400))?)),
        Action::Verify { repair } => {
            let verified = store.verify(repair)?;
            printed(json!(verified));
            if !verified.damaged.is_empty() && !repair {
                let message = format!("{} files are damaged", verified.damaged.len());
                return Err(CommandError::user(message).hint("`kubectl gitops store verify --repair` removes them"));
            }
        }
    }
    Ok(0)
}
