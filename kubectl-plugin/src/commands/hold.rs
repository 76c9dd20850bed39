//! `hold` and `release`: what must not be applied until somebody says so.

use clap::Args;
use gitops_compiler::name::AppName;
use jiff::Timestamp;

use crate::error::CommandError;
use crate::output::counted;
use crate::record::holder::actor;
use crate::record::holds::HoldAll;
use crate::record::{Head, RecordError, Records};
use crate::settings::{ClusterArgs, Session};

/// So often the head is written that others write at the same time.
const ATTEMPTS: u32 = 5;

/// Hold an application: nothing is applied to it until it is released
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    /// Why, for whoever wonders
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Release what is held: what was rolled back may be applied again
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The application
    #[arg(value_name = "APP")]
    app: AppName,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs `hold`.
pub async fn hold(session: &Session, args: &HoldArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let all = HoldAll { time: Timestamp::now(), actor: actor(), reason: args.reason.clone() };
    change(&connected.records, &args.app, |head| head.hold_all = Some(all.clone())).await?;
    session
        .printer
        .out(&format!("{} is held: nothing is applied to it until `kubectl gitops release {}`\n", args.app, args.app));
    Ok(0)
}

/// Runs `release`.
pub async fn release(session: &Session, args: &ReleaseArgs) -> Result<u8, CommandError> {
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let before = change(&connected.records, &args.app, |head| {
        head.hold_all = None;
        head.holds.clear();
    })
    .await?;
    let count = before.holds.len() + usize::from(before.hold_all.is_some());
    let told = if count == 0 {
        format!("{}: nothing was held\n", args.app)
    } else {
        format!("{}: {} released\n", args.app, counted(count, "hold"))
    };
    session.printer.out(&told);
    Ok(0)
}

/// Changes the head where nobody else is at it. Gives it as it was before.
async fn change(records: &Records, application: &AppName, change: impl Fn(&mut Head)) -> Result<Head, CommandError> {
    for _ in 0..ATTEMPTS {
        let found = records.load_recorded(application).await?;
        if let Some(lock) = found.head.foreign_lock(records.now()) {
            let message = format!("{} is changing {application} now", lock.holder.name);
            return Err(CommandError::user(message).hint("try again when that run is over"));
        }
        let before = found.head.clone();
        let mut head = before.clone();
        change(&mut head);
        match records.replace(&found, head, None).await {
            Err(RecordError::Moved) => {}
            other => {
                other?;
                return Ok(before);
            }
        }
    }
    Err(RecordError::Moved.into())
}
