//! Names to addresses, with an eye on where they lead.
//!
//! In: names of hosts. Out: their addresses, or a refusal where one of them is further inward than this resolver goes:
//! the address that is judged is the one that is connected to, so a name that changes between two questions gains nothing.
//! With a proxy it is the proxy that resolves the names of servers, and only its own name is resolved here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::reach::Reach;

/// How far away the hosts are that were resolved.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<BTreeMap<String, Reach>>);

impl Seen {
    /// How far away the host of an address is: as written and, where that is known, as resolved.
    pub(super) fn reach(&self, url: &Url) -> Reach {
        let host = url.host_str().unwrap_or_default();
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied();
        seen.unwrap_or_else(|| Reach::as_written(url))
    }

    fn note(&self, host: &str, reach: Reach) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.to_owned(), reach);
    }
}

/// Resolves names that lead no further inward than the ceiling.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    pub(super) ceiling: Reach,
    /// Proxies, which may be wherever they are.
    pub(super) exempt: BTreeSet<String>,
    pub(super) seen: Arc<Seen>,
    /// Names that are elsewhere, and as far away as this says.
    pub(super) hosts: BTreeMap<String, (IpAddr, Reach)>,
}

/// A name led inward.
#[derive(Debug, thiserror::Error)]
#[error("its name leads from the outside to the inside")]
pub(super) struct Inward;

impl Resolver {
    /// The addresses of a host; how far away they are is noted.
    pub(super) fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let (addresses, reach) = if let Some((address, reach)) = self.hosts.get(host) {
            (vec![SocketAddr::new(*address, 0)], *reach)
        } else {
            let addresses: Vec<SocketAddr> = (host, 0).to_socket_addrs()?.collect();
            let reach = addresses.iter().map(|address| Reach::of_ip(address.ip())).max();
            (addresses, reach.unwrap_or(Reach::World))
        };
        self.seen.note(host, reach);
        if reach > self.ceiling && !self.exempt.contains(host) {
            return Err(Box::new(Inward));
        }
        Ok(addresses)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            // What the system offers for this blocks.
            let found = tokio::task::spawn_blocking(move || resolver.addresses(name.as_str())).await??;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_inward_are_refused() {
        let public = (IpAddr::from([127, 0, 0, 1]), Reach::World);
        let mut resolver = Resolver {
            ceiling: Reach::World,
            exempt: BTreeSet::new(),
            seen: Arc::default(),
            hosts: BTreeMap::from([("charts.example.com".to_owned(), public)]),
        };
        assert!(resolver.addresses("charts.example.com").is_ok());
        assert!(resolver.addresses("localhost").is_err_and(|error| error.is::<Inward>()));
        let url = Url::parse("https://localhost/x").expect("an address");
        assert_eq!(resolver.seen.reach(&url), Reach::Machine);
        resolver.exempt.insert("localhost".to_owned());
        assert!(resolver.addresses("localhost").is_ok());
    }
}
