//! `ui`: the web UI on this machine, over one's kubeconfig. Nothing is installed in the cluster for it.
//! It is a controller that only looks on: no Application is reconciled. What Git says is asked for, as whoever runs this, where they want
//! to see a plan or a difference.
//!
//! The address that opens it has a secret word, which signs in once. Arguments of processes can be read by all who are on the
//! machine, so a browser is not started with that address, but with a file that leads there, and that nobody else can read.

use std::fs::{File, Permissions};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tempfile::TempDir;

use crate::api::{Api, ApiLimits};
use crate::apply::run::signalled;
use crate::cluster::{Cluster, ConnectOptions, connect};
use crate::controller::log::Log;
use crate::controller::{Controller, Parts, Settings};
use crate::error::CommandError;
use crate::http::{self, Limits, Site};
use crate::install;
use crate::settings::{BinaryCacheArgs, HealthArgs, ProgramArgs, RemoteArgs, RepositoryServer, Session, SopsArgs};
use crate::ui;

/// What opens an address.
const OPENER: &str = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };

/// Show the web UI in the browser: a server on this machine, for whoever runs it, with the rights of their kubeconfig
#[derive(Debug, Args)]
pub struct UiArgs {
    /// The kubeconfig file [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it [default: its current context]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Only the Applications of this namespace: where one may not list those of all
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Where the controller is that cares for the Applications: their projects are read there
    #[arg(long, value_name = "NAMESPACE", default_value = install::NAMESPACE)]
    controller_namespace: String,
    /// The port, on the loopback address; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Print the address, and open no browser
    #[arg(long)]
    no_open: bool,
    /// How long one request to the API server may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    request_timeout: u64,
    #[command(flatten)]
    programs: ProgramArgs,
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(flatten)]
    cache: BinaryCacheArgs,
    #[command(flatten)]
    health: HealthArgs,
    #[command(flatten)]
    sops: SopsArgs,
}

/// Runs the command.
pub async fn run(session: &Session, args: &UiArgs) -> Result<u8, CommandError> {
    if !ui::is_there() {
        return Err(CommandError::user("this program was built without the web UI")
            .hint("build it with the feature ui, and without GITOPS_UI=none"));
    }
    let controller = args.controller(session).await?;
    let made = Api::own(Arc::clone(&controller), ApiLimits::default()).await;
    let (api, word) = made.map_err(|error| CommandError::user(error.to_string()))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let failed = |error| CommandError::user(format!("cannot listen on {address}: {error}"));
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let ready = Arc::clone(&controller);
    // Others on this machine reach the address, too: they are told nothing, and nothing of theirs is taken.
    let site =
        Site { machines: None, is_ready: Box::new(move || ready.is_ready()), api: Some(Arc::clone(&api)), tls: None };
    let sessions = tokio::spawn(async move { api.run().await });
    let serving = tokio::spawn(http::serve(listener, site, Limits::default(), signalled()));
    // What is after # is never sent by a browser, and the page takes it out of the address.
    let page = format!("http://127.0.0.1:{port}/#once={}", *word);
    let printer = session.printer;
    printer.say(&format!(
        "the web UI of {}, for you alone; the address opens it once",
        controller.cluster.connection.address
    ));
    printer.out(&page);
    let opened = (!args.no_open).then(|| open(&page));
    if let Some(Err(error)) = &opened {
        printer.say(&format!("no browser could be opened by {OPENER}: {error}: open the address yourself"));
    }
    let ended = tokio::select! {
        ended = controller.observe(args.namespace.as_deref()) => ended.map_err(|failure| {
            let error = CommandError::user("Applications cannot be watched").details(vec![failure.to_string()]);
            error.hint("name a namespace with -n, where you may not list those of all; `kubectl gitops install` makes the kind")
        }),
        _ = serving => Ok(()),
    };
    sessions.abort();
    // With the file that led there.
    drop(opened);
    ended.map(|()| 0)
}

impl UiArgs {
    /// A controller that looks on.
    async fn controller(&self, session: &Session) -> Result<Arc<Controller>, CommandError> {
        let rules = self.health.rules(None)?;
        let options = ConnectOptions { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() };
        let connection = connect(&options).await?;
        let namespace = self.namespace.clone().unwrap_or_else(|| connection.namespace.clone());
        let cluster = Cluster { connection, timeout: Duration::from_secs(self.request_timeout), is_patient: false };
        let store = self.cache.store(session, &self.remote)?;
        let server = RepositoryServer::new(&self.remote, &self.programs, store.as_ref())?;
        let observes = Some(self.controller_namespace.clone());
        let settings = Settings { namespace, application_namespaces: Vec::new(), polling: None, observes };
        let (log, keys) = (Log { printer: session.printer, json: false }, self.sops.sources());
        Ok(Controller::new(Parts {
            settings,
            cluster,
            server,
            rules,
            keys,
            log,
            members: None,
            cache: None,
            binary_cache: None,
        }))
    }
}

/// Opens an address in the browser, by a file that leads there. Gives the folder of that file, which goes with it.
fn open(page: &str) -> std::io::Result<TempDir> {
    // Both are for whoever runs this alone: 0700 and 0600.
    let folder =
        tempfile::Builder::new().prefix("kubectl-gitops-ui-").permissions(Permissions::from_mode(0o700)).tempdir()?;
    let path = folder.path().join("open.html");
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(leading_to(page).as_bytes())?;
    file.sync_all()?;
    let mut opener = Command::new(OPENER);
    opener.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    opener.spawn()?;
    Ok(folder)
}

/// A page that leads on to an address of this machine, which is made of letters that mean nothing in HTML.
fn leading_to(page: &str) -> String {
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta http-equiv=\"refresh\" content=\"0; url={page}\">\n<title>GitOps</title>\n<a href=\"{page}\">Open the web UI</a>\n"
    )
}
