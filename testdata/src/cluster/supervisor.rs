//! The process between a cluster's user and its components: starts all, tells how to reach it, and ends all.
//!
//! In: [`Options`], and [`Requests`]. Out: a [`Connection`] to whoever started it, then a line on stdout for each
//! request: the process id that it was about, or `error: …`.
//!
//! # Guarantees
//! - However it ends by itself (its user is gone, a signal, an error on the way up), the components are dead and the
//!   data directory is gone when it has ended. If it is killed, the system kills the components (see `process`).
//! - Everything happens on the main thread but reading stdin, as components must be started there.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::api::Api;
use super::build::{Installation, build};
use super::components::{Component, Setting};
use super::credentials::{self, Account};
use super::directory::{self, Connection, DataDirectory, Options};
use super::error::Error;
use super::process::Process;
use super::requests::{Lifetime, Next, Request, Requests};
use super::{ready, stages};
use crate::causes::with_causes;
use crate::port::Port;

/// How long anything may take on the way to a ready cluster; a machine that is busy compiling takes its time.
const PATIENCE: Duration = Duration::from_mins(3);
/// The time between two looks at something that will happen soon.
const SOON: Duration = Duration::from_millis(20);
/// The time between two looks at whether a cluster that is ready should end.
const LATER: Duration = Duration::from_millis(100);

/// Runs a cluster from start to end. `tell` is called with the connection once it is ready; where it fails, nobody
/// knows of the cluster, and it ends.
///
/// # Errors
/// When the cluster does not become ready.
pub fn supervise(
    options: &Options,
    lifetime: Lifetime,
    tell: impl FnOnce(&Connection) -> io::Result<()>,
) -> Result<(), Error> {
    let begun = Instant::now();
    let installation = build()?;
    let directory = DataDirectory::create()?;
    let result = Supervisor::prepare(options, lifetime, &installation, &directory).and_then(|mut supervisor| {
        let result = supervisor.start().map(|()| {
            let connection = supervisor.connection(options, begun);
            if tell(&connection).is_ok() {
                supervisor.stay();
            }
        });
        supervisor.end();
        result
    });
    directory.end(options.keep)?;
    result
}

/// A cluster on its way up, or up.
struct Supervisor<'a> {
    installation: &'a Installation,
    directory: &'a DataDirectory,
    accounts: Vec<Account>,
    setting: Setting,
    api: Api,
    processes: BTreeMap<Component, Process>,
    requests: Requests,
    _port: Port,
}

impl<'a> Supervisor<'a> {
    /// Writes everything that the components read.
    fn prepare(
        options: &Options,
        lifetime: Lifetime,
        installation: &'a Installation,
        directory: &'a DataDirectory,
    ) -> Result<Self, Error> {
        let requests = Requests::listen(lifetime, directory)?;
        let port = Port::reserve().map_err(Error::Port)?;
        let accounts = credentials::accounts(&options.users)?;
        let authority = credentials::write(directory, &accounts, &url(port.number()))?;
        directory.write(directory::STAGES, &stages::all(&installation.stages())?)?;
        if options.audit {
            directory.write(directory::AUDIT_POLICY, AUDIT_EACH_REQUEST_ONCE)?;
        }
        if let Some(text) = &options.authentication {
            directory.write(directory::AUTHENTICATION, text)?;
        }
        let api = Api::new(port.number(), &authority, administrator(&accounts))?;
        let setting =
            Setting { port: port.number(), audit: options.audit, authentication: options.authentication.is_some() };
        let processes = BTreeMap::new();
        Ok(Self { installation, directory, accounts, setting, api, processes, requests, _port: port })
    }

    /// Starts the components and waits until Pods can run.
    fn start(&mut self) -> Result<(), Error> {
        self.start_component(Component::Etcd)?;
        self.start_component(Component::ApiServer)?;
        self.wait_for("an API server that takes requests", ready::takes_requests)?;
        self.start_component(Component::Scheduler)?;
        self.start_component(Component::Kwok)?;
        self.start_component(Component::Metrics)?;
        ready::make_objects(&self.api)?;
        self.wait_for("a ready API server", ready::api_server)?;
        // Not before: it looks once a second whether the API server is ready.
        self.start_component(Component::ControllerManager)?;
        self.wait_for("the default ServiceAccount", ready::default_account)?;
        self.wait_for("a Node that takes Pods", ready::node_is_usable)?;
        self.wait_for("the metrics of Pods", ready::metrics)
    }

    fn start_component(&mut self, component: Component) -> Result<(), Error> {
        let path = self.directory.path();
        let process = Process::start(component, self.installation, path, self.setting)?;
        self.processes.insert(component, process);
        Ok(())
    }

    /// Asks until the answer is yes; gives up when a component ends, or nobody wants the cluster any more.
    fn wait_for(&mut self, what: &'static str, yes: impl Fn(&Api) -> bool) -> Result<(), Error> {
        let begun = Instant::now();
        while !yes(&self.api) {
            // Other requests come only from a caller that was told of the cluster, which then waits for an answer.
            if self.requests.next(SOON) == Next::End {
                return Err(Error::Interrupted);
            }
            if let Some(error) = self.ended_component() {
                return Err(error);
            }
            if begun.elapsed() > PATIENCE {
                let logs = self.directory.path().join(directory::LOGS);
                return Err(Error::NotReady { what, seconds: PATIENCE.as_secs(), logs });
            }
        }
        Ok(())
    }

    /// The error that says which component ended by itself, if any did; it is told once.
    fn ended_component(&mut self) -> Option<Error> {
        let mut processes = self.processes.iter_mut();
        let (component, error) = processes.find_map(|(component, process)| {
            let status = process.ended()?;
            Some((*component, process.error(status)))
        })?;
        self.processes.remove(&component);
        Some(error)
    }

    /// What the cluster's user has to know.
    fn connection(&self, options: &Options, begun: Instant) -> Connection {
        let path = |name: &str| self.directory.path().join(name);
        let users = self.accounts.iter().map(|account| account.user.name.clone());
        let components = self.processes.iter();
        Connection {
            kubeconfig: path(&directory::kubeconfig("admin")),
            kubectl: self.installation.kubectl(),
            server: url(self.setting.port),
            certificate_authority: path(directory::CERTIFICATE_AUTHORITY),
            token: administrator(&self.accounts),
            users: users.map(|user| (user.clone(), path(&directory::kubeconfig(&user)))).collect(),
            audit_log: options.audit.then(|| path(directory::AUDIT_LOG)),
            directory: self.directory.path().to_owned(),
            logs: path(directory::LOGS),
            pid: std::process::id(),
            components: components.map(|(component, process)| (component.name().to_owned(), process.id())).collect(),
            ready_after_milliseconds: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Stays until the cluster should end, doing what its user asks for.
    fn stay(&mut self) {
        loop {
            let answer = match self.requests.next(LATER) {
                Next::Request(request) => self.answer(request),
                Next::Unknown(line) => Err(Error::Reported(format!("cannot `{line}`"))),
                Next::End => return,
                Next::Nothing => {
                    if let Some(error) = self.ended_component() {
                        // A test that goes on and fails should not have to guess why.
                        let _ = writeln!(io::stderr(), "error: local cluster: {error}");
                    }
                    continue;
                }
            };
            let line = match answer {
                Ok(id) => id.to_string(),
                Err(error) => format!("error: {}", with_causes(&error).replace('\n', "; ")),
            };
            let mut stdout = io::stdout();
            // Where nobody reads, stdin is about to close.
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        }
    }

    /// Does what is asked for; returns the id of the process that it was about.
    fn answer(&mut self, request: Request) -> Result<u32, Error> {
        match request {
            Request::Kill(component) => {
                let process = self.processes.remove(&component);
                let process = process.ok_or_else(|| is_already(component, "dead"))?;
                Ok(process.kill())
            }
            Request::Start(component) if self.processes.contains_key(&component) => {
                Err(is_already(component, "running"))
            }
            Request::Start(component) => {
                self.start_component(component)?;
                if component == Component::ApiServer {
                    self.wait_for("a ready API server", ready::api_server)?;
                }
                Ok(self.processes.get(&component).map_or(0, Process::id))
            }
        }
    }

    /// Ends all components, the ones that use others first.
    fn end(&mut self) {
        while let Some((_, process)) = self.processes.pop_last() {
            process.kill();
        }
    }
}

fn is_already(component: Component, what: &str) -> Error {
    Error::Reported(format!("{} is {what} already", component.name()))
}

/// The token of the administrator, whose account is the first.
fn administrator(accounts: &[Account]) -> String {
    accounts.first().map(|account| account.token.clone()).unwrap_or_default()
}

fn url(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

/// One line for a request, when it was answered.
const AUDIT_EACH_REQUEST_ONCE: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
";
