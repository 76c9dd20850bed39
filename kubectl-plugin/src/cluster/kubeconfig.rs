//! What a kubeconfig says of a cluster, beside who asks there.
//!
//! In: a kubeconfig, a context. Out: how its server is reached, and through what; for a connection, and to be written down for others.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper_util::client::proxy::matcher::Matcher;
use kube::config::Kubeconfig;

use super::connect::no_kubeconfig;
use super::{ConnectError, ConnectOptions};

/// The cluster of a context.
pub(super) fn named_cluster<'a>(
    kubeconfig: &'a Kubeconfig,
    context: Option<&str>,
) -> Option<&'a kube::config::Cluster> {
    let named = kubeconfig.contexts.iter().find(|it| Some(it.name.as_str()) == context)?;
    let name = &named.context.as_ref()?.cluster;
    kubeconfig.clusters.iter().find(|it| it.name == *name)?.cluster.as_ref()
}

/// Through what an address is reached, as the environment says (`HTTPS_PROXY`, `NO_PROXY`); this machine is not asked through a proxy.
pub(super) fn proxy_of_environment(address: &http::Uri) -> Option<http::Uri> {
    let host = address.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback());
    if is_here {
        return None;
    }
    let through = Matcher::from_env().intercept(address)?;
    // With the name and the password that may be in it.
    let written = ["HTTPS_PROXY", "https_proxy"].iter().find_map(|name| std::env::var(name).ok());
    let written = written.and_then(|proxy| proxy.parse::<http::Uri>().ok()).filter(|proxy| proxy.scheme().is_some());
    Some(written.unwrap_or_else(|| through.uri().clone()))
}

/// How a context of a kubeconfig reaches its server, without who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The context.
    pub context: String,
    /// The address of the server.
    pub server: String,
    /// Which authorities are believed, PEM in base64; those of the system where there are none.
    pub authorities: Option<String>,
    /// Whether any certificate of the server is believed.
    pub is_insecure: bool,
    /// The name that the server's certificate must have; that of the address where there is none.
    pub server_name: Option<String>,
    /// Through what it is reached.
    pub proxy: Option<String>,
}

/// How the context that the options name reaches its server.
///
/// # Errors
/// Where there is no such context, or its authorities cannot be read.
pub fn describe(options: &ConnectOptions) -> Result<Described, ConnectError> {
    let read = match &options.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = read.map_err(no_kubeconfig)?;
    let context = options.context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    let missing = || ConnectError::Given(format!("there is no context `{context}` with a cluster"));
    let cluster = named_cluster(&kubeconfig, Some(&context)).ok_or_else(missing)?;
    let authorities = match (&cluster.certificate_authority_data, &cluster.certificate_authority) {
        (Some(data), _) => Some(data.clone()),
        (None, Some(file)) => {
            let unread = |error| ConnectError::Given(format!("the authorities in {file} cannot be read: {error}"));
            Some(BASE64_STANDARD.encode(std::fs::read(file).map_err(unread)?))
        }
        (None, None) => None,
    };
    Ok(Described {
        server: cluster.server.clone().ok_or_else(missing)?,
        context,
        authorities,
        is_insecure: cluster.insecure_skip_tls_verify == Some(true),
        server_name: cluster.tls_server_name.clone(),
        proxy: cluster.proxy_url.clone().filter(|proxy| !proxy.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_not_asked_through_a_proxy() {
        for address in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"] {
            assert_eq!(proxy_of_environment(&address.parse().expect("an address")), None, "{address}");
        }
    }
}
