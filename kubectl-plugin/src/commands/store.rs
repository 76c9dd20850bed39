//! `store`: looking after the local store.

use std::time::Duration;

use clap::{Args, Subcommand};
use gitops_compiler::canon::{Graph, Id};
use gitops_compiler::store::{Collected, CollectedMirrors, Count, Info, Keep, Store, Verified};

use crate::error::CommandError;
use crate::json::{SchemaVersion, StoreCollectedJson, StoreInfoJson, StoreVerifiedJson};
use crate::output::{counted, size, table};
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
    Info(Output),
    /// Read everything and compare it with its name
    Verify {
        /// Remove what is damaged: the next compile makes it again
        #[arg(long)]
        repair: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Remove what was not used for some time, and with --store-max-size what was used least recently; mirrors of
    /// repositories, too
    ///
    /// Builds may run at the same time: while they do, what was used within the last two hours stays. Pinned graphs and
    /// mirrors that somebody uses always stay.
    Gc {
        /// Keep what was used within so many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep_days: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Keep a graph, however old the store or full
    Pin {
        /// The whole id, as `compile -o id` prints it
        #[arg(value_name = "GRAPH")]
        graph: Id<Graph>,
    },
    /// Keep a graph no longer than others
    Unpin {
        /// The whole id; `store info -o json` lists those that are pinned
        #[arg(value_name = "GRAPH")]
        graph: Id<Graph>,
    },
}

#[derive(Debug, Args)]
struct Output {
    /// What to print: text, or JSON with `json`
    #[arg(short, long, value_name = "FORMAT", value_parser = ["json"])]
    output: Option<String>,
}

/// Runs the command.
pub fn run(session: &Session, args: &StoreCommand) -> Result<u8, CommandError> {
    let store = session.store.open_strictly()?;
    match &args.command {
        Action::Info(output) => info(session, &store, output),
        Action::Verify { repair, output } => verify(session, &store, *repair, output),
        Action::Gc { keep_days, output } => collect(session, &store, *keep_days, output),
        Action::Pin { graph } => {
            if !store.pin(*graph)? {
                let message = format!("{graph} is not in the local store, or damaged");
                return Err(CommandError::user(message).hint("compile it first"));
            }
            session.printer.out(&format!("{} is pinned", graph.short()));
            Ok(0)
        }
        Action::Unpin { graph } => {
            let was = if store.unpin(*graph)? { "is no longer pinned" } else { "was not pinned" };
            session.printer.out(&format!("{} {was}", graph.short()));
            Ok(0)
        }
    }
}

impl Output {
    fn print(&self, session: &Session, data: &impl serde::Serialize, text: &str) {
        if self.output.is_some() { session.printer.json(data) } else { session.printer.out(text) }
    }
}

fn place(store: &Store) -> String {
    store.root().display().to_string()
}

fn info(session: &Session, store: &Store, output: &Output) -> Result<u8, CommandError> {
    let info = store.info()?;
    let (total, pins, max_bytes) = (info.total(), store.pins()?, session.store.max_bytes());
    let Info { graphs, chunks, inputs, memo, outputs, places, temporary, mirrors } = info;
    let row = |name: &str, count: Count, says: &str| {
        vec![name.to_owned(), count.files.to_string(), size(count.bytes), says.to_owned()]
    };
    let pinned = match pins.len() {
        0 => String::new(),
        pins => format!(", {pins} of them pinned"),
    };
    let mut rows = vec![
        ["FOLDER", "FILES", "SIZE", "WHAT"].map(str::to_owned).to_vec(),
        row("graphs", graphs, &format!("what was compiled{pinned}")),
        row("chunks", chunks, "pieces of records, as they are in clusters"),
        row("inputs", inputs, "charts, files and contents of Git LFS that were fetched"),
        row("memo", memo, "what is known of recipes"),
        row("outputs", outputs, "what programs wrote when they rendered"),
        row("places", places, "what is known of folders"),
    ];
    if temporary.files > 0 {
        rows.push(row("tmp", temporary, "being written, or left behind; store gc removes what is not used"));
    }
    let says = match mirrors.repositories {
        1 => "the mirror of 1 repository, beside the store".to_owned(),
        repositories => format!("mirrors of {repositories} repositories, beside the store"),
    };
    rows.push(row("mirrors", mirrors.count(), &says));
    let limit = max_bytes.map(|bytes| format!("of {} at most", size(bytes)));
    rows.push(row("total", total, &limit.unwrap_or_default()));
    let text = format!("{}\n{}", place(store), table(&rows));
    let data = StoreInfoJson { schema_version: SchemaVersion, store: place(store), info, total, pins, max_bytes };
    output.print(session, &data, &text);
    Ok(0)
}

fn verify(session: &Session, store: &Store, repair: bool, output: &Output) -> Result<u8, CommandError> {
    let verified = store.verify(repair)?;
    let Verified { whole, damaged } = &verified;
    let lines = damaged.iter().map(|name| {
        let done = if repair { "is removed; the next compile makes it again" } else { "is not what its name says" };
        format!("✗ {name} {done}\n")
    });
    let text = format!("{}{} whole, {} damaged", lines.collect::<String>(), counted(*whole, "file"), damaged.len());
    let count = damaged.len();
    let data = StoreVerifiedJson { schema_version: SchemaVersion, store: place(store), verified, repaired: repair };
    output.print(session, &data, &text);
    if count == 0 || repair {
        return Ok(0);
    }
    let are = if count == 1 { "is" } else { "are" };
    let message = format!("{} {are} damaged", counted(count, "file"));
    Err(CommandError::user(message).hint("`kubectl gitops store verify --repair` removes what is damaged"))
}

fn collect(session: &Session, store: &Store, keep_days: u32, output: &Output) -> Result<u8, CommandError> {
    let used_within = Duration::from_hours(24 * u64::from(keep_days));
    let collected = store.collect(Keep { used_within, max_bytes: session.store.max_bytes() })?;
    let Collected { removed, bytes, kept, kept_bytes, in_use, mirrors } = collected;
    let told = |what, removed, bytes, kept, kept_bytes| {
        format!("{} removed ({}), {kept} kept ({})", counted(removed, what), size(bytes), size(kept_bytes))
    };
    let mut text = told("file", removed, bytes, kept, kept_bytes);
    if mirrors != CollectedMirrors::default() {
        let CollectedMirrors { removed, bytes, kept, kept_bytes, in_use: _ } = mirrors;
        text = format!("{text}\n{}", told("mirror", removed, bytes, kept, kept_bytes));
    }
    let data = StoreCollectedJson { schema_version: SchemaVersion, store: place(store), collected };
    output.print(session, &data, &text);
    if in_use > 0 {
        let files = counted(in_use, "file");
        session
            .printer
            .say(&format!("builds are in flight: {files} that they may use stayed; the next gc removes them"));
    }
    match mirrors.in_use {
        0 => {}
        1 => session.printer.say("1 mirror of a repository is in use and stayed; a later gc removes it"),
        many => {
            session
                .printer
                .say(&format!("{many} mirrors of repositories are in use and stayed; a later gc removes them"));
        }
    }
    Ok(0)
}
