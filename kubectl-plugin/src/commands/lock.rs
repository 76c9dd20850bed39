//! `lock`: what inputs from elsewhere are, in a file beside what uses them.

use clap::{Args, Subcommand, ValueEnum};
use gitops_compiler::lock::{Entry, LOCK_FILE, Pin, Request};
use gitops_compiler::name::AppName;

use crate::error::CommandError;
use crate::json::{LockJson, LockVerifiedJson, LockedInputJson, VerifiedInputJson};
use crate::output::table;
use crate::settings::{
    ClusterArgs, LockFileArgs, LockedInput, LockedProgram, Locking, Session, SourceArgs, Verified, VerifiedInput,
    VerifiedProgram,
};

use super::show::{self, ReleaseName};

/// Pin what an application takes from elsewhere: charts, remote bases, other repositories, files
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct LockCommand {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    args: LockArgs,
}

#[derive(Debug, Args)]
struct LockArgs {
    /// The application; with --filename, which of those in the file [default: all of them]
    #[arg(value_name = "APP")]
    app: Option<AppName>,
    #[command(flatten)]
    source: SourceArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Look inputs up again: what they are now is what they are from now on
    Update(UpdateArgs),
    /// Fetch inputs anew, and compare them with the lock file
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct UpdateArgs {
    /// The chart, repository or file, by its short name or its address [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    file: LockFileArgs,
    /// Take what they were in this release instead, from its record in the cluster; APP alone is the live one
    #[arg(long, value_name = "APP[@N]")]
    from_release: Option<ReleaseName>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The chart, repository or file, by its short name or its address [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    file: LockFileArgs,
    /// What to print
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// One object
    Json,
}

/// Runs the command.
pub async fn run(session: &Session, command: &LockCommand) -> Result<u8, CommandError> {
    let store = match &command.action {
        None => command.args.source.store(session)?,
        Some(_) => session.store.open(session.printer),
    };
    match &command.action {
        None => {
            let locking = command.args.source.lock(command.args.app.as_ref(), store.as_ref())?;
            write(session, &locking, command.args.output)
        }
        Some(Action::Update(args)) => {
            let locking = match &args.from_release {
                None => args.file.update(&args.names, store.as_ref())?,
                Some(release) => args.file.update_to(&args.names, &inputs_of(args, release).await?)?,
            };
            write(session, &locking, args.output)
        }
        Some(Action::Verify(args)) => verify(session, &args.file.verify(&args.names)?, args.output),
    }
}

/// What inputs were in a release.
async fn inputs_of(args: &UpdateArgs, release: &ReleaseName) -> Result<Vec<(Request, Pin)>, CommandError> {
    let connected = args.cluster.connect(None).await?;
    let head = connected.records.load_recorded(&release.app).await?.head;
    let found = show::find(&head, release)?;
    let inputs: Vec<_> = found.origin.inputs.iter().cloned().filter_map(Entry::input).collect();
    if inputs.is_empty() {
        let message =
            format!("release {} of {} took nothing from elsewhere, or does not know", found.number, release.app);
        return Err(CommandError::user(message));
    }
    Ok(inputs)
}

fn write(session: &Session, locking: &Locking, output: Output) -> Result<u8, CommandError> {
    locking.write()?;
    match output {
        Output::Json => {
            let json = |input: &LockedInput| LockedInputJson::new(&input.request, input.before.as_ref(), &input.now);
            let program = |LockedProgram { name, before, now }: &LockedProgram| {
                LockedInputJson::of_program(*name, before.as_deref(), now)
            };
            let inputs = locking.inputs.iter().map(json).chain(locking.programs.iter().map(program));
            session.printer.json(&LockJson::new(locking.is_changed(), inputs.collect()));
        }
        Output::Text => session.printer.out(&told(locking)),
    }
    Ok(0)
}

fn told(locking: &Locking) -> String {
    if locking.inputs.is_empty() && locking.programs.is_empty() {
        return "nothing is taken from elsewhere\n".to_owned();
    }
    let rows: Vec<Vec<String>> =
        locking.inputs.iter().map(row).chain(locking.programs.iter().map(program_row)).collect();
    let changed = rows.iter().filter(|row| row[0] != "=").count();
    let count = rows.len();
    let entries = if count == 1 { "entry" } else { "entries" };
    let end = match changed {
        0 => format!("{count} {entries}, all of them in {LOCK_FILE} already"),
        changed => format!("{count} {entries}, {changed} new or changed in {LOCK_FILE}"),
    };
    format!("{}{end}\n", table(&rows))
}

fn row(input: &LockedInput) -> Vec<String> {
    let LockedInput { request, before, now } = input;
    let (sign, is) = match before {
        None => ("+", now.to_string()),
        Some(before) if before == now => ("=", now.to_string()),
        Some(before) => ("~", format!("{before} → {now}")),
    };
    vec![sign.to_owned(), kind(request).to_owned(), request.name().to_owned(), is, request.to_string()]
}

fn program_row(program: &LockedProgram) -> Vec<String> {
    let LockedProgram { name, before, now } = program;
    let (sign, is) = match before {
        None => ("+", now.clone()),
        Some(before) if before == now => ("=", now.clone()),
        Some(before) => ("~", format!("{before} → {now}")),
    };
    vec![sign.to_owned(), "program".to_owned(), name.as_str().to_owned(), is, String::new()]
}

fn kind(request: &Request) -> &'static str {
    match request {
        Request::Chart { .. } => "chart",
        Request::Git { .. } => "git",
        Request::File { .. } => "file",
        Request::Oci { .. } => "oci",
    }
}

fn verify(session: &Session, verified: &Verified, output: Output) -> Result<u8, CommandError> {
    let Verified { inputs, programs } = verified;
    let faults = inputs.iter().filter_map(|input| input.fault.clone());
    let faults: Vec<String> = faults.chain(programs.iter().filter_map(|program| program.fault.clone())).collect();
    let count = inputs.len() + programs.len();
    match output {
        Output::Json => {
            let input = |VerifiedInput { request, pin, fault, newer }: &VerifiedInput| {
                VerifiedInputJson::new(request, pin, fault.clone(), newer.as_ref().map(Option::as_ref))
            };
            let program = |VerifiedProgram { name, wanted, fault }: &VerifiedProgram| {
                VerifiedInputJson::of_program(*name, wanted, fault.clone())
            };
            let all = inputs.iter().map(input).chain(programs.iter().map(program));
            session.printer.json(&LockVerifiedJson::new(all.collect()));
        }
        Output::Text if count == 0 => session.printer.out(&format!("{LOCK_FILE} has no entries\n")),
        Output::Text => {
            let rows: Vec<_> = inputs.iter().map(verified_row).chain(programs.iter().map(verified_program)).collect();
            session.printer.out(&table(&rows));
        }
    }
    if faults.is_empty() {
        return Ok(0);
    }
    let message = format!("{} of {count} entries cannot be had as {LOCK_FILE} has them", faults.len());
    Err(CommandError::user(message).details(faults))
}

fn verified_row(input: &VerifiedInput) -> Vec<String> {
    let VerifiedInput { request, pin, fault, newer } = input;
    let sign = if fault.is_some() { "✗" } else { "✓" };
    let newer = match newer {
        Ok(Some(newer)) => format!("it would be {newer} now"),
        Ok(None) => String::new(),
        Err(_) => "what it would be now cannot be looked up".to_owned(),
    };
    let [kind, name] = [kind(request), request.name()].map(str::to_owned);
    vec![sign.to_owned(), kind, name, pin.to_string(), request.to_string(), newer]
}

fn verified_program(program: &VerifiedProgram) -> Vec<String> {
    let sign = if program.fault.is_some() { "✗" } else { "✓" };
    let row = [sign, "program", program.name.as_str(), &program.wanted, "", ""];
    row.map(str::to_owned).to_vec()
}
