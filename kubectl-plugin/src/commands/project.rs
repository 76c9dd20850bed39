//! `project`: machines that may do what a role of a project says, with tokens that end.
//!
//! There are no users of ours, so a role of a project becomes what Kubernetes has for it: a ServiceAccount, Roles on Application
//! objects, RoleBindings; and its token one that the API server makes, and knows, and ends. What RBAC cannot say of a role is told.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, Subcommand};
use gitops_compiler::manifest::Propagation;
use serde_json::{Value as Json, json};

use crate::application::COLLECTION;
use crate::cluster::{ApplyOptions, Cluster, Failure, PartialObject};
use crate::error::CommandError;
use crate::project::{AppProject, Grant, Role, duration, role};
use crate::settings::{ClusterArgs, Session};

use super::request::failed;

/// In whose name the objects of roles are applied, and what they are labelled with.
const MANAGER: &str = "kubectl-gitops-project";
const PROJECT: &str = "kubectl-gitops/project";
const ROLE: &str = "kubectl-gitops/role";

const PROJECTS: &str = "/apis/argoproj.io/v1alpha1";

/// Make what a project's roles say: ServiceAccounts with rights on its Applications, and tokens of them that end
#[derive(Debug, Args)]
pub struct ProjectCommand {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Token(TokenArgs),
}

/// Print a token with the rights that a role of a project gives; it ends by itself
///
/// The role becomes a ServiceAccount beside the project, and a Role and a RoleBinding wherever there are Applications that it is for; groups
/// of the role are bound, too. Run it again when the role or the Applications are others.
#[derive(Debug, Args)]
struct TokenArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    project: String,
    /// The role [default: the only one that there is]
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// How long the token lasts, as 1h30m; the API server may make it shorter
    #[arg(long, value_name = "DURATION", default_value = "1h")]
    duration: String,
    /// Print the objects instead, with `yaml`, and change nothing
    #[arg(short, long, value_name = "FORMAT", value_parser = ["yaml"])]
    output: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs `project`.
pub async fn run(session: &Session, command: &ProjectCommand) -> Result<u8, CommandError> {
    let Action::Token(args) = &command.command;
    let seconds = seconds(&args.duration)?;
    let connected = args.cluster.connect(session.store.open(session.printer)).await?;
    let (cluster, home) = (connected.records.cluster, connected.destination);
    let read = read(&cluster, &home, args).await?;
    read.check()?;
    let objects = read.objects(&home);
    read.tell(session, &home);
    if args.output.is_some() {
        session.printer.data(&super::yaml(&objects));
        return Ok(0);
    }
    apply(&cluster, &objects).await?;
    if let Err(failure) = read.sweep(&cluster, &objects).await {
        let left = "what the role gave before may still be there, in namespaces that it no longer names";
        session.printer.warn(&format!("{left}: {failure}"));
    }
    session.printer.data(&token(&cluster, &home, &read.account(), seconds).await?);
    Ok(0)
}

/// A role, and what it is about.
struct Read {
    project: String,
    role: Role,
    grants: Vec<Grant>,
    /// Namespaces with Applications that may become another project's, and which projects those are.
    shared: BTreeMap<String, Vec<String>>,
}

async fn read(cluster: &Cluster, home: &str, args: &TokenArgs) -> Result<Read, CommandError> {
    let doing = |doing: &'static str| move |failure: Failure| failed(doing, &failure);
    let projects = cluster.list::<Json>(&format!("{PROJECTS}/namespaces/{home}/appprojects"), "").await;
    let projects = projects.map_err(doing("projects cannot be listed"))?;
    let is_it = |project: &&Json| project["metadata"]["name"] == args.project.as_str();
    let project = projects.iter().find(is_it).ok_or_else(|| {
        CommandError::user(format!("there is no project {} in the namespace {home}", args.project))
            .hint("name the namespace of the controller with -n")
    })?;
    let role = role(project, &named(project, args)?);
    let role =
        role.map_err(|wrong| CommandError::user("the role cannot be made rights of Kubernetes").details(wrong))?;
    let applications = match cluster.list::<Json>(COLLECTION, "").await {
        Err(failure) if failure.is_forbidden() => {
            cluster.list::<Json>(&format!("{PROJECTS}/namespaces/{home}/applications"), "").await
        }
        other => other,
    };
    let applications = applications.map_err(doing("Applications cannot be listed"))?;
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let of = |application: &Json| Some(text(&application["spec"]["project"])).filter(|name| !name.is_empty());
    let id = |application: &Json| (text(&application["metadata"]["namespace"]), text(&application["metadata"]["name"]));
    let own: Vec<_> = applications.iter().filter(|it| of(it).as_ref() == Some(&args.project)).map(id).collect();
    let shared = shared(&projects, &args.project, home, own.iter().map(|(namespace, _)| namespace.as_str()));
    let grants = role.grants(&own, home, |namespace| !shared.contains_key(namespace));
    Ok(Read { project: args.project.clone(), role, grants, shared })
}

/// Which role is meant.
fn named(project: &Json, args: &TokenArgs) -> Result<String, CommandError> {
    if let Some(name) = &args.role {
        return Ok(name.clone());
    }
    let roles = project["spec"]["roles"].as_array().into_iter().flatten();
    let names: Vec<&str> = roles.filter_map(|role| role["name"].as_str()).collect();
    match names.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(CommandError::user(format!("project {} has no roles", args.project))),
        more => Err(CommandError::user("which role is meant?").hint(format!("--role: {}", more.join(", ")))),
    }
}

/// Of each of these namespaces that Applications of other projects may live in, too: of which. In the controller's own any project's may.
fn shared<'a>(
    projects: &[Json],
    own: &str,
    home: &str,
    namespaces: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, Vec<String>> {
    let others = projects.iter().filter_map(|project| {
        let mut project = project.clone();
        project["kind"] = "AppProject".into();
        AppProject::read(&project).ok().filter(|project| project.name() != own)
    });
    let others: Vec<AppProject> = others.collect();
    let admitting = |namespace: &str| -> Vec<String> {
        let admits = |project: &&AppProject| project.application_namespace(namespace, home).is_none();
        let mut names: Vec<String> = others.iter().filter(admits).map(|project| project.name().to_owned()).collect();
        if namespace == home && !names.iter().any(|name| name == crate::project::DEFAULT) {
            names.push(crate::project::DEFAULT.to_owned());
        }
        names.retain(|name| name != own);
        names
    };
    let all: BTreeSet<&str> = namespaces.collect();
    let all = all.into_iter().map(|namespace| (namespace.to_owned(), admitting(namespace)));
    all.filter(|(_, others)| !others.is_empty()).collect()
}

impl Read {
    /// The name of the ServiceAccount, and of all that goes with it.
    fn account(&self) -> String {
        format!("{}-{}", self.project, self.role.name)
    }

    /// Whether it can be the name of a ServiceAccount.
    fn check(&self) -> Result<(), CommandError> {
        let name = self.account();
        let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() <= 63 && !name.ends_with('-') && name.bytes().all(is_of_name) {
            return Ok(());
        }
        let told = format!("no ServiceAccount can be called {name}");
        Err(CommandError::user(told).hint("give the role a short name of lower-case letters, digits and `-`"))
    }

    /// Takes away what an earlier form of the role gave, and this one does not.
    async fn sweep(&self, cluster: &Cluster, objects: &[Json]) -> Result<(), Failure> {
        let selector = format!("{PROJECT}={},{ROLE}={}", self.project, self.role.name);
        for (kind, plural) in [("RoleBinding", "rolebindings"), ("Role", "roles")] {
            let there = cluster.list::<PartialObject>(&format!("/apis/{RBAC}/v1/{plural}"), &selector).await?;
            for PartialObject { metadata } in there {
                let is_it = |object: &Json| {
                    object["kind"] == kind && object["metadata"]["namespace"] == metadata.namespace.as_str()
                };
                if !objects.iter().any(is_it) {
                    let path = format!("/apis/{RBAC}/v1/namespaces/{}/{plural}/{}", metadata.namespace, metadata.name);
                    cluster.delete(&path, &metadata.uid, None, Propagation::Background).await?;
                }
            }
        }
        Ok(())
    }

    /// The objects.
    fn objects(&self, home: &str) -> Vec<Json> {
        let name = self.account();
        let metadata = |namespace: &str| {
            let labels = json!({PROJECT: self.project, ROLE: self.role.name});
            json!({"name": name, "namespace": namespace, "labels": labels})
        };
        let mut objects = vec![json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(home)})];
        let mut rules: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for grant in &self.grants {
            let mut rule = json!({"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": grant.verbs});
            if !grant.names.is_empty() {
                rule["resourceNames"] = json!(grant.names);
            }
            rules.entry(&grant.namespace).or_default().push(rule);
        }
        let groups = self.role.groups.iter();
        let groups = groups.map(|group| json!({"apiGroup": RBAC, "kind": "Group", "name": group}));
        let account = json!({"kind": "ServiceAccount", "name": name, "namespace": home});
        let subjects: Vec<Json> = std::iter::once(account).chain(groups).collect();
        for (namespace, rules) in rules {
            let api_version = format!("{RBAC}/v1");
            objects.push(json!({
                "apiVersion": api_version, "kind": "Role", "metadata": metadata(namespace), "rules": rules,
            }));
            objects.push(json!({
                "apiVersion": api_version, "kind": "RoleBinding", "metadata": metadata(namespace),
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name}, "subjects": subjects,
            }));
        }
        objects
    }

    /// What whoever gives the token away should know.
    fn tell(&self, session: &Session, home: &str) {
        let printer = session.printer;
        for left_out in &self.role.left_out {
            printer.warn(&format!("not in the token: {left_out}"));
        }
        if self.grants.is_empty() {
            printer.warn("the role is for no Application that is there: its token may do nothing");
        }
        let may_change = |grant: &&Grant| grant.verbs.contains("patch") || grant.verbs.contains("update");
        let changed: BTreeSet<&str> =
            self.grants.iter().filter(may_change).map(|grant| grant.namespace.as_str()).collect();
        if !changed.is_empty() {
            printer.warn("whoever may sync an Application may change its spec: Kubernetes has one right for both");
        }
        for (namespace, others) in self.shared.iter().filter(|(namespace, _)| changed.contains(namespace.as_str())) {
            let own = if namespace == home { ", the controller's own," } else { "" };
            printer.warn(&format!(
                "Applications of {namespace}{own} may be given to other projects, too: {}. Let only {} have it in \
                 spec.sourceNamespaces",
                others.join(", "),
                self.project
            ));
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

async fn apply(cluster: &Cluster, objects: &[Json]) -> Result<(), CommandError> {
    let options = ApplyOptions { field_manager: MANAGER, force: true, dry_run: false };
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        let collection = match kind {
            "ServiceAccount" => format!("/api/v1/namespaces/{namespace}/serviceaccounts"),
            "Role" => format!("/apis/{RBAC}/v1/namespaces/{namespace}/roles"),
            _ => format!("/apis/{RBAC}/v1/namespaces/{namespace}/rolebindings"),
        };
        let applied = cluster.apply(&format!("{collection}/{name}"), object, &options).await;
        applied.map_err(|failure| {
            CommandError::user(format!("{kind} {namespace}/{name} cannot be applied"))
                .details(vec![failure.to_string()])
        })?;
    }
    Ok(())
}

/// A token of an account.
async fn token(cluster: &Cluster, namespace: &str, account: &str, seconds: u64) -> Result<String, CommandError> {
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
    let body = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds},
    });
    let made = cluster.create(&path, &body).await.map_err(|failure| failed("no token can be made", &failure))?;
    let token = made["status"]["token"].as_str().map(str::to_owned);
    token.ok_or_else(|| CommandError::user("the API server has made no token"))
}

/// How many seconds that is. The API server makes no token for less than ten minutes.
fn seconds(text: &str) -> Result<u64, CommandError> {
    let wrong = |why: &str| CommandError::user(format!("--duration {text}: {why}"));
    let seconds = duration(text).ok_or_else(|| wrong("it is no duration, as 1h30m"))?.as_secs();
    let seconds = u64::try_from(seconds).map_err(|_| wrong("it is in the past"))?;
    if seconds < 600 { Err(wrong("no token lasts for less than 10m")) } else { Ok(seconds) }
}
