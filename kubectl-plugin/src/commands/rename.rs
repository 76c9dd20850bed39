//! `rename`: another name for an application, and nothing else.
//!
//! The record moves, not the target: its id, its label and its field manager stay, so that no object is touched. First the old
//! head says where it goes, then the new one is written, then the old one is deleted; whoever comes after a crash in the
//! middle gives the same command again.

use clap::Args;
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::record::{RecordError, Records};
use crate::settings::{ClusterArgs, Session};

/// Give an application another name; none of its objects is touched
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    /// Its new name
    #[arg(value_name = "NAME")]
    name: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs the command.
pub async fn run(session: &Session, args: &RenameArgs) -> Result<u8, CommandError> {
    let records = args.cluster.connect(session.store.open(session.printer)).await?.records;
    rename(&records, &args.app, &args.name).await?;
    session.printer.out(&format!("{} is called {} now\n", args.app, args.name));
    Ok(0)
}

async fn rename(records: &Records, old: &AppName, new: &AppName) -> Result<(), CommandError> {
    let Some(found) = records.load(old).await? else {
        // The last step of an earlier attempt may be all that is done.
        return match records.load(new).await? {
            Some(_) => Err(CommandError::user(format!("there is no {old}, and {new} is recorded already"))),
            None => Err(crate::record::persist::not_recorded(old, &records.namespace).into()),
        };
    };
    if let Some(lock) = found.head.foreign_lock(records.now()) {
        return Err(CommandError::user(format!("{} is changing {old} now", lock.holder.name)));
    }
    if found.head.pending.is_some() {
        return Err(CommandError::user(format!("the last run of {old} did not succeed"))
            .hint("apply again or roll back, then rename it"));
    }
    let target = found.head.target.clone();
    let there = records.load(new).await?;
    if there.as_ref().is_some_and(|there| there.head.target != target) {
        return Err(CommandError::user(format!("{new} is another application that is recorded already")));
    }
    let mut leaving = found.head.clone();
    leaving.renamed_to = Some(new.clone());
    let found = records.replace(&found, leaving, None).await?;
    if there.is_none() {
        let mut head = found.head.clone();
        (head.application, head.renamed_to) = (new.clone(), None);
        match records.create_as(&found, head).await {
            Ok(_) => {}
            Err(RecordError::Moved) => return Err(CommandError::user(format!("{new} was made in the meantime"))),
            Err(other) => return Err(other.into()),
        }
    }
    records.delete_head(&found).await?;
    Ok(())
}
