//! `install`: the controller, as an application of its own: it can be planned, rolled back and deleted like any other.
//!
//! Its record lives in its own namespace, which is made where it is not there and is no part of the application, as the
//! namespace of any application with `CreateNamespace=true`. Definitions of Argo CD are left as they are.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gitops_compiler::app::NamespaceMetadata;
use gitops_compiler::diagnostic::Diagnostic;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::{AppName, ResourceKey, Scope};
use serde_json::Value as Json;

use crate::apply::{Destination, Options, Target, namespace};
use crate::binary_cache::BinaryCacheAddress;
use crate::error::CommandError;
use crate::health::Rules;
use crate::install::{Definition, Image, Installation, NAME, NAMESPACE, Redis};
use crate::settings::{ClusterArgs, Home, Session, cache_address};

use super::apply::{DryRun, nothing_to_do, tried, up_to_date};
use super::change::{self, ApprovalArgs, RunArgs};
use super::controller_cache::redis_address;
use super::hooks::{HookArgs, Purpose};
use super::refuse;

/// Where certificate and key of the API are, where nobody says.
const TLS_SECRET: &str = "kubectl-gitops-tls";

/// Install the controller in a cluster, as an application that can be rolled back and deleted like any other
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Where it lives; made where it is not there
    #[arg(short, long, value_name = "NAMESPACE", default_value = NAMESPACE, value_parser = namespace_name)]
    namespace: String,
    /// Its image, as made by image/build.sh
    #[arg(long, value_name = "IMAGE", default_value = concat!("kubectl-gitops:", env!("CARGO_PKG_VERSION")))]
    image: Image,
    /// How many of it run; Applications are shared out among them
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=100))]
    replicas: u16,
    /// A Redis in which its replicas share what they compiled; its password is in the Secret kubectl-gitops-redis there
    #[arg(long, value_name = "ADDRESS")]
    redis: Option<String>,
    /// The user of Redis
    #[arg(long, value_name = "NAME", requires = "redis")]
    redis_user: Option<String>,
    /// The user of the sentinels
    #[arg(long, value_name = "NAME", requires = "redis")]
    redis_sentinel_user: Option<String>,
    /// The Secret kubectl-gitops-redis has, as ca.crt, the authorities that may vouch for Redis, instead of those of the image
    #[arg(long, requires = "redis")]
    redis_ca: bool,
    /// A binary cache to read, oci://HOST/REPOSITORY or s3://BUCKET/PREFIX; the public keys of whoever writes to it, and what
    /// asking it needs, are in the Secret kubectl-gitops-binary-cache there
    #[arg(long, value_name = "ADDRESS")]
    cache: Option<String>,
    /// Serve the API, too, and all else over TLS, on port 443 of the Service
    #[arg(long)]
    api: bool,
    /// The Secret there with certificate and key of the API, of type kubernetes.io/tls; it is no part of the installation
    #[arg(long, value_name = "SECRET", default_value = TLS_SECRET, requires = "api", value_parser = secret_name)]
    api_tls: String,
    /// It may change objects only in the name of ServiceAccounts that projects name (destinationServiceAccounts), instead of all by itself
    #[arg(long)]
    impersonate: bool,
    /// Add spec.webhook to the definition of Applications that Argo CD has installed
    #[arg(long)]
    extend_crd: bool,
    /// Print the manifests in order instead, or with `json` one object that says what was done
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Output>,
    /// Only show what would be done; with `server`, let the API server check every step
    #[arg(long, value_enum, value_name = "WHERE")]
    dry_run: Option<DryRun>,
    /// The kubeconfig file [default: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The context in it [default: its current context]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// How long one request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    request_timeout: u64,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Wait until the controller is ready
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    wait: bool,
    /// How long to wait for any object, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// Take fields that other managers own
    #[arg(long)]
    force_conflicts: bool,
    #[command(flatten)]
    approvals: ApprovalArgs,
    #[command(flatten)]
    hooks: HookArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Yaml,
    Json,
}

/// What an installation does to definitions.
#[derive(Default)]
struct Definitions {
    /// Those that come with it.
    ours: Vec<Definition>,
    /// The definition of others, with what is added to it.
    extended: Option<Json>,
}

impl InstallArgs {
    /// Whether what is done is told as JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.output == Some(Output::Json)
    }

    /// What is installed.
    ///
    /// # Errors
    /// An address of Redis or of a cache that is none.
    fn installation(&self, definitions: Vec<Definition>, with_namespace: bool) -> Result<Installation, CommandError> {
        let (namespace, image) = (self.namespace.clone(), self.image.clone());
        let redis = self.redis.as_deref().map(redis_address).transpose()?.map(|address| Redis {
            address,
            user: self.redis_user.clone(),
            sentinel_user: self.redis_sentinel_user.clone(),
            has_authorities: self.redis_ca,
        });
        let api = self.api.then(|| self.api_tls.clone());
        let binary_cache = self.cache.as_deref().map(cache_of_pods).transpose()?;
        let (replicas, impersonates) = (self.replicas, self.impersonate);
        Ok(Installation {
            namespace,
            image,
            replicas,
            definitions,
            with_namespace,
            impersonates,
            redis,
            binary_cache,
            api,
        })
    }

    fn cluster(&self) -> ClusterArgs {
        ClusterArgs {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            namespace: Some(self.namespace.clone()),
            record_namespace: Some(self.namespace.clone()),
            request_timeout: self.request_timeout,
        }
    }

    fn run_args(&self) -> RunArgs {
        RunArgs {
            yes: self.yes,
            wait: self.wait,
            timeout: self.timeout,
            force_conflicts: self.force_conflicts,
            adopt: false,
            lock_timeout: 120,
            history_limit: None,
            output: self.json().then(|| "json".to_owned()),
        }
    }
}

/// Where a binary cache is that Pods can ask.
fn cache_of_pods(text: &str) -> Result<BinaryCacheAddress, CommandError> {
    match cache_address(text)? {
        BinaryCacheAddress::Folder(_) => Err(CommandError::user("--cache cannot be used: a folder is not in a Pod")
            .hint("a registry or object storage is: oci://HOST/REPOSITORY, s3://BUCKET/PREFIX")),
        address => Ok(address),
    }
}

/// Runs the command.
pub async fn run(session: &Session, args: &InstallArgs) -> Result<u8, CommandError> {
    if args.output == Some(Output::Yaml) {
        let graph = graph(&args.installation(Definition::ALL.to_vec(), true)?)?;
        session.printer.data(&super::documents(graph.ordered().map(|resource| Cow::Borrowed(&*resource.body))));
        return Ok(0);
    }
    let mut target = open(session, args).await?;
    let definitions = definitions(session, &target, args.extend_crd).await?;
    let graph = graph(&args.installation(definitions.ours, false)?)?;
    let desired = target.bind(Arc::new(graph)).await?;
    refuse::held(&target, &desired).await?;
    let observation = target.observe(Some(&desired), false).await?;
    refuse::claimed(&target, &observation, &[]).await?;
    let approvals = args.approvals.approvals();
    let hooks = args.hooks.hooks(&mut target, &desired, Purpose::Sync).await?;
    let plan = target.plan(&desired, &observation.seen, &approvals, &hooks);
    let (run, is_done) = (args.run_args(), nothing_to_do(&target, &desired, &plan));
    if is_done && definitions.extended.is_none() {
        return Ok(up_to_date(session, &target, &desired, run.json()));
    }
    if definitions.extended.is_some() {
        let name = Definition::Applications.name();
        session.printer.say(&format!("~ CustomResourceDefinition {name}, of others   spec.webhook is added"));
    }
    change::show(
        session,
        &change::header(&target, &desired, &plan, &change::ReleaseSource::default()),
        &plan,
        &run,
        args.dry_run.is_some(),
    );
    refuse::guarded(&plan)?;
    refuse::refused_later(&target, &plan).await?;
    if let Some(place) = args.dry_run {
        return tried(session, &target, &desired, &plan, (place, &Arc::default()), run.json()).await;
    }
    change::confirm(session, &run)?;
    if let Some(extended) = &definitions.extended {
        extend(&target, extended).await?;
    }
    if is_done {
        return Ok(up_to_date(session, &target, &desired, run.json()));
    }
    if namespace::ensure(&target, &desired, &NamespaceMetadata::default()).await? {
        session.printer.say(&format!("the namespace {} is made", target.destination));
    }
    let origin = change::origin(&target, &change::ReleaseSource::default(), None);
    let options: Options = run.options(approvals, origin, hooks, Rules::default());
    Box::pin(change::execute(session, &mut target, &desired, &plan, &observation, &options, run.json())).await
}

/// A name that a Secret can have (RFC 1123's subdomain).
fn secret_name(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_name = !text.is_empty() && text.len() <= 253 && text.chars().all(known);
    if is_name && !text.starts_with(['-', '.']) && !text.ends_with(['-', '.']) {
        return Ok(text.to_owned());
    }
    Err("a Secret has at most 253 lower-case letters, digits, `-` and `.`".to_owned())
}

/// A name that a namespace can have (RFC 1123's label).
fn namespace_name(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = !text.is_empty() && text.len() <= 63 && text.chars().all(known);
    if is_name && !text.starts_with('-') && !text.ends_with('-') {
        return Ok(text.to_owned());
    }
    Err("a namespace has at most 63 lower-case letters, digits and `-`".to_owned())
}

/// The target that an installation in this namespace is.
async fn open(session: &Session, args: &InstallArgs) -> Result<Target, CommandError> {
    let connected = args.cluster().connect_for(&Home::default(), session.store.open(session.printer)).await?;
    let name: AppName = NAME.parse().map_err(|error| CommandError::user(format!("{error}")))?;
    let (run, destination) = (args.run_args(), Destination::Named(&connected.destination));
    let mut target = if args.dry_run.is_some() {
        Target::open(connected.records, name, destination).await?
    } else {
        let patience = Duration::from_secs(run.lock_timeout);
        let mut say = |message: String| session.printer.say(&message);
        Target::open_unlocked(connected.records, name, destination, patience, &mut say).await?
    };
    target.options.create_namespace = Some(true);
    Ok(target)
}

fn graph(installation: &Installation) -> Result<ResourceGraph, CommandError> {
    let mut findings: Vec<Diagnostic> = Vec::new();
    match installation.graph(&mut findings) {
        Ok(built) => Ok(built.graph),
        Err(error) => Err(CommandError::user("the manifests of the controller make no graph").findings(error.findings)),
    }
}

/// Looks which definitions are there. Those that we did not install are left as they are.
async fn definitions(session: &Session, target: &Target, extend: bool) -> Result<Definitions, CommandError> {
    let mut definitions = Definitions::default();
    for definition in Definition::ALL {
        let name = definition.name();
        let key = ResourceKey {
            scope: Scope::Cluster,
            ..ResourceKey::new("apiextensions.k8s.io", "CustomResourceDefinition", "", name)
        };
        let found = if target.inventory.contains_key(&key) { None } else { find(target, definition).await? };
        let Some(found) = found else {
            definitions.ours.push(definition);
            continue;
        };
        session.printer.say(&format!("CustomResourceDefinition {name} is there and is left to who installed it"));
        let extended = Some(found).filter(|_| definition == Definition::Applications);
        match extended.as_ref().and_then(Definition::extended) {
            Some(extended) if extend => definitions.extended = Some(extended),
            Some(_) => session.printer.say("it has no field spec.webhook: --extend-crd adds it"),
            None => {}
        }
    }
    Ok(definitions)
}

async fn find(target: &Target, definition: Definition) -> Result<Option<Json>, CommandError> {
    let found = target.records.cluster.find(&path(definition)).await;
    found.map_err(|failure| CommandError::user(format!("cannot look for {}: {failure}", definition.name())))
}

/// Writes the definition of others with what is added to it, unless somebody else has changed it since.
async fn extend(target: &Target, extended: &Json) -> Result<(), CommandError> {
    let written = target.records.cluster.replace_as(&path(Definition::Applications), extended, NAME).await;
    written.map(drop).map_err(|failure| {
        CommandError::user(format!("cannot add spec.webhook to {}: {failure}", Definition::Applications.name()))
            .hint("try it again; nothing was changed")
    })
}

fn path(definition: Definition) -> String {
    format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}", definition.name())
}
