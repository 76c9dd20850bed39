//! `cluster add`: a cluster of a kubeconfig, for a controller: a ServiceAccount there, and a Secret here with its token, as
//! `argocd cluster add` makes them.
//!
//! In: a context, with the rights of whoever runs this. Out: objects in that cluster, and the Secret; or, with `-o yaml`, its text.
//! All of it is applied server-side, so a second run changes nothing, but for what flags say otherwise.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use crate::cluster::{ApplyOptions, Cluster, ConnectOptions, Described, Failure, connect, describe};
use crate::error::CommandError;
use crate::settings::{ClusterArgs, Session};

use super::super::request::failed;

/// In whose name objects are applied.
const MANAGER: &str = "kubectl-gitops-cluster";
/// The Secret of a token that does not end, and how long it takes until it has one.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const TOKEN_WITHIN: Duration = Duration::from_secs(30);

/// Add a cluster of a kubeconfig: make an account there, and the Secret by which the controller knows it
///
/// The account may do everything; with --to-namespace, everything in these namespaces only. Its token does not end: deleting the account
/// takes it back.
#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The context of the cluster, in the kubeconfig
    #[arg(value_name = "CONTEXT")]
    other: String,
    /// What destinations call it [default: the context]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The only project that it serves [default: all]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// The only namespaces that may be written to; the account has rights in no other [default: all]
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    to_namespace: Vec<String>,
    /// The account
    #[arg(long, value_name = "NAME", default_value = "kubectl-gitops-manager", value_parser = object_name)]
    service_account: String,
    /// Where the account is, in the cluster that is added
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system", value_parser = object_name)]
    system_namespace: String,
    /// Print the Secret instead of applying it, with `yaml`: it has the token. The account is made all the same
    #[arg(short, long, value_name = "FORMAT", value_parser = ["yaml"])]
    output: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// What becomes part of a path.
fn object_name(text: &str) -> Result<String, String> {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (1..=63).contains(&text.len()) && text.bytes().all(is_of_name) && !text.starts_with('-');
    if is_name { Ok(text.to_owned()) } else { Err("it cannot be the name of an object".to_owned()) }
}

/// Runs the command.
pub(super) async fn run(session: &Session, args: &AddArgs) -> Result<u8, CommandError> {
    let here = args.cluster.connect(session.store.open(session.printer)).await?;
    let (here, home) = (here.records.cluster, here.destination);
    let kubeconfig: Option<PathBuf> = args.cluster.kubeconfig.clone();
    let options = ConnectOptions { kubeconfig, context: Some(args.other.clone()) };
    let described = describe(&options)?;
    for namespace in &args.to_namespace {
        object_name(namespace).map_err(|why| CommandError::user(format!("--to-namespace {namespace}: {why}")))?;
    }
    let there = Cluster { connection: connect(&options).await?, ..here.clone() };
    apply(&there, &account(args)).await?;
    let token = token(&there, args).await?;
    let secret = secret(args, &described, &token, &home);
    if args.output.is_some() {
        session.printer.data(&super::super::yaml(&[secret]));
        return Ok(0);
    }
    apply(&here, std::slice::from_ref(&secret)).await?;
    let name = secret["metadata"]["name"].as_str().unwrap_or_default();
    session.printer.say(&format!(
        "cluster {} ({}) is added: by the Secret {home}/{name}, as the account {}/{} there",
        called(args),
        described.server,
        args.system_namespace,
        args.service_account
    ));
    Ok(0)
}

fn called(args: &AddArgs) -> &str {
    args.name.as_deref().unwrap_or(&args.other)
}

/// The account, its rights, and the Secret of its token.
fn account(args: &AddArgs) -> Vec<Json> {
    let (name, system) = (args.service_account.as_str(), args.system_namespace.as_str());
    let api_version = "rbac.authorization.k8s.io/v1";
    let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    let subjects = json!([{"kind": "ServiceAccount", "name": name, "namespace": system}]);
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": system}}),
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": TOKEN_TYPE,
            "metadata": {
                "name": format!("{name}-token"), "namespace": system,
                "annotations": {"kubernetes.io/service-account.name": name},
            },
        }),
    ];
    let role = |kind: &str, namespace: Option<&str>, rules: Json| {
        let mut role = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "rules": rules});
        let mut binding = json!({
            "apiVersion": api_version, "kind": format!("{kind}Binding"), "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}, "subjects": subjects,
        });
        if let Some(namespace) = namespace {
            role["metadata"]["namespace"] = namespace.into();
            binding["metadata"]["namespace"] = namespace.into();
        }
        [role, binding]
    };
    if args.to_namespace.is_empty() {
        let everywhere = json!([all, {"nonResourceURLs": ["*"], "verbs": ["*"]}]);
        objects.extend(role("ClusterRole", None, everywhere));
    }
    for namespace in &args.to_namespace {
        objects.extend(role("Role", Some(namespace), json!([all])));
    }
    objects
}

/// The Secret by which a controller knows the cluster.
fn secret(args: &AddArgs, described: &Described, token: &str, home: &str) -> Json {
    let mut tls = json!({"insecure": described.is_insecure});
    for (field, value) in [("caData", &described.authorities), ("serverName", &described.server_name)] {
        if let Some(value) = value {
            tls[field] = value.clone().into();
        }
    }
    let mut config = json!({"bearerToken": token, "tlsClientConfig": tls});
    if let Some(proxy) = &described.proxy {
        config["proxyUrl"] = proxy.clone().into();
    }
    let server = described.server.trim_end_matches('/');
    let mut data = json!({"name": called(args), "server": server, "config": config.to_string()});
    if let Some(project) = &args.project {
        data["project"] = project.clone().into();
    }
    if !args.to_namespace.is_empty() {
        data["namespaces"] = args.to_namespace.join(",").into();
    }
    let data: serde_json::Map<String, Json> = data
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), BASE64_STANDARD.encode(value.as_str().unwrap_or_default()).into()))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": secret_name(server), "namespace": home,
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "data": data,
    })
}

/// One name for each address.
fn secret_name(server: &str) -> String {
    let host = url::Url::parse(server).ok().and_then(|url| url.host_str().map(str::to_lowercase)).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
    let host: String = host.chars().map(plain).take(200).collect();
    let host = host.trim_matches(['-', '.']);
    format!("cluster-{host}-{}", &blake3::hash(server.as_bytes()).to_hex()[..8])
}

async fn apply(cluster: &Cluster, objects: &[Json]) -> Result<(), CommandError> {
    let options = ApplyOptions { field_manager: MANAGER, force: true, dry_run: false };
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default();
        let (kind, namespace, name) = (text("/kind"), text("/metadata/namespace"), text("/metadata/name"));
        let path = match kind {
            "ServiceAccount" => format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}"),
            "Secret" => format!("/api/v1/namespaces/{namespace}/secrets/{name}"),
            _ => {
                let of = if namespace.is_empty() { String::new() } else { format!("namespaces/{namespace}/") };
                format!("/apis/rbac.authorization.k8s.io/v1/{of}{}s/{name}", kind.to_lowercase())
            }
        };
        cluster.apply(&path, object, &options).await.map_err(|failure: Failure| {
            let address = &cluster.connection.address;
            CommandError::user(format!("{kind} {name} cannot be applied to {address}"))
                .details(vec![failure.told(kind == "Secret")])
        })?;
    }
    Ok(())
}

/// The token of the account, once the cluster has made it.
async fn token(cluster: &Cluster, args: &AddArgs) -> Result<Zeroizing<String>, CommandError> {
    let path = format!("/api/v1/namespaces/{}/secrets/{}-token", args.system_namespace, args.service_account);
    let deadline = tokio::time::Instant::now() + TOKEN_WITHIN;
    loop {
        let found = cluster.find(&path).await.map_err(|failure| failed("the token cannot be read", &failure))?;
        let token = found.and_then(|secret| BASE64_STANDARD.decode(secret["data"]["token"].as_str()?).ok());
        if let Some(token) = token.and_then(|token| String::from_utf8(token).ok()) {
            return Ok(Zeroizing::new(token));
        }
        if tokio::time::Instant::now() > deadline {
            return Err(CommandError::user("the cluster has made no token for the account"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::clusters::secret::ClusterSecret;

    #[test]
    fn names_of_secrets_are_names() {
        for server in ["https://prod.example.com:6443", "https://[::1]:6443", "https://10.0.0.1", "https://ä.example"]
        {
            let name = secret_name(server);
            let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
            assert!(name.chars().all(is_of_name) && !name.contains("..") && !name.contains(".-"), "{name}");
        }
        assert_ne!(secret_name("https://a:1"), secret_name("https://a:2"));
    }

    #[test]
    fn what_is_added_is_what_a_controller_reads() {
        let args = AddArgs {
            other: "prod".to_owned(),
            name: None,
            project: Some("shop".to_owned()),
            to_namespace: vec!["a".to_owned(), "b".to_owned()],
            service_account: "robot".to_owned(),
            system_namespace: "kube-system".to_owned(),
            output: None,
            cluster: crate::settings::ClusterArgs {
                kubeconfig: None,
                context: None,
                namespace: None,
                record_namespace: None,
                request_timeout: 15,
            },
        };
        let described = Described {
            context: "prod".to_owned(),
            server: "https://prod.example.com:6443/".to_owned(),
            authorities: Some("Q0E=".to_owned()),
            is_insecure: false,
            server_name: Some("other".to_owned()),
            proxy: Some("socks5://proxy:1080".to_owned()),
        };
        let read = ClusterSecret::read(&secret(&args, &described, "t0ken", "argocd")).expect("a cluster");
        assert_eq!((read.name.as_str(), read.server.as_str()), ("prod", "https://prod.example.com:6443"));
        assert_eq!((read.project.as_deref(), read.namespaces.join("+").as_str()), (Some("shop"), "a+b"));
        let access = read.access.expect("it can be used").expect("it is elsewhere");
        assert!(access.identity == crate::cluster::Identity::Token("t0ken".to_owned()));
        assert_eq!((access.authorities.as_deref(), access.server_name.as_deref()), (Some("Q0E="), Some("other")));
        assert_eq!(access.proxy.as_deref(), Some("socks5://proxy:1080"));
        let objects = account(&args);
        let kinds: Vec<&str> = objects.iter().filter_map(|object| object["kind"].as_str()).collect();
        assert_eq!(kinds, ["ServiceAccount", "Secret", "Role", "RoleBinding", "Role", "RoleBinding"]);
        let everywhere = account(&AddArgs { to_namespace: Vec::new(), ..args });
        assert!(everywhere.iter().any(|object| object["kind"] == "ClusterRoleBinding"));
    }
}
