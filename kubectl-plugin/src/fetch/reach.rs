//! How far away a host is: whether a server out there sends us to one inside.
//!
//! In: names and addresses of hosts. Out: a [`Reach`]. A redirect, a token realm or a link of an index may lead no
//! further inward than where it came from: a public server must not have us ask the metadata service of a cloud, or the
//! router, and a server of the local network nothing on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::address::Address;

/// Where a host is, from the outside to the inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Anywhere.
    World,
    /// In a private network.
    Network,
    /// On this machine or its link, where metadata services are.
    Machine,
}

/// Whether an address is further inward than another that names it, by what is written in both.
#[must_use]
pub fn leads_inward(from: &str, to: &str) -> bool {
    let (Ok(from), Ok(to)) = (Address::parse(from), Address::parse(to)) else { return false };
    from.url.host() != to.url.host() && Reach::as_written(&to.url) > Reach::as_written(&from.url)
}

impl Reach {
    /// What the host of an address says about itself, with nobody asked.
    pub(super) fn as_written(url: &Url) -> Self {
        match url.host() {
            Some(Host::Domain(name)) => Self::of_name(name),
            Some(Host::Ipv4(address)) => Self::of_ip(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Self::of_ip(IpAddr::V6(address)),
            None => Self::World,
        }
    }

    fn of_name(name: &str) -> Self {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        match last {
            "localhost" => Self::Machine,
            "local" | "internal" | "lan" | "svc" | "intranet" | "corp" | "home" => Self::Network,
            // One word is completed by the resolver, and names something near.
            _ if !name.contains('.') || name.ends_with(".home.arpa") => Self::Network,
            _ => Self::World,
        }
    }

    /// Where an address is.
    pub(super) fn of_ip(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let octets = address.octets();
        let is_shared = octets[0] == 100 && octets[1] & 0xc0 == 64;
        let is_for_benchmarks = octets[0] == 198 && octets[1] & 0xfe == 18;
        let is_for_protocols = octets[..3] == [192, 0, 0];
        if address.is_loopback() || address.is_link_local() || octets[0] == 0 || octets[0] >= 224 {
            Self::Machine
        } else if address.is_private() || is_shared || is_for_benchmarks || is_for_protocols {
            Self::Network
        } else {
            Self::World
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let segments = address.segments();
        if let Some(inner) = address.to_ipv4_mapped().or_else(|| translated(segments)) {
            return Self::of_v4(inner);
        }
        let is_site_local = segments[0] & 0xffc0 == 0xfec0;
        if address.is_loopback()
            || address.is_unspecified()
            || address.is_multicast()
            || address.is_unicast_link_local()
            || segments[..6] == [0; 6]
        {
            Self::Machine
        } else if address.is_unique_local() || is_site_local {
            Self::Network
        } else {
            Self::World
        }
    }
}

/// The old address that a new one stands for: NAT64 and 6to4.
fn translated(segments: [u16; 8]) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_out_there_names_nothing_in_here() {
        let base = "https://git.example.com/base.git";
        for inward in
            ["https://192.168.1.1/x.yaml", "git@localhost:x", "oci://registry/charts", "http://169.254.169.254/"]
        {
            assert!(leads_inward(base, inward), "{inward}");
        }
        for fine in ["https://charts.example.org/x", "git@git.example.com:other.git"] {
            assert!(!leads_inward(base, fine), "{fine}");
        }
        assert!(!leads_inward("https://git.internal/base.git", "https://10.0.0.1/x.yaml"));
    }

    fn reach(host: &str) -> Reach {
        Reach::as_written(&Url::parse(&format!("https://{host}/x")).expect("an address"))
    }

    #[test]
    fn hosts_are_near_or_far_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0.0.0.0",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:7f00:1::]",
            "localhost",
            "LOCALHOST.",
            "x.localhost",
            "224.0.0.1",
            "[::127.0.0.1]",
        ] {
            assert_eq!(reach(host), Reach::Machine, "{host}");
        }
        for host in [
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1",
            "100.64.0.1",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "registry",
            "kubernetes.default.svc",
            "x.svc.cluster.local",
            "metadata.google.internal",
            "router.lan",
        ] {
            assert_eq!(reach(host), Reach::Network, "{host}");
        }
        for host in ["charts.example.com", "1.1.1.1", "172.32.0.1", "[2001:db8::1]", "localhost.example.com"] {
            assert_eq!(reach(host), Reach::World, "{host}");
        }
    }
}
