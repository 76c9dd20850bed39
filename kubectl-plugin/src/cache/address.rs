//! Where Redis is.
//!
//! In: text, as a flag has it. Out: an [`Address`], or what is wrong with the text. A password in it is refused and not shown:
//! command lines are read by others.
//!
//! ```text
//! redis://HOST[:6379][/DATABASE]
//! rediss://HOST[:6379][/DATABASE]                              with TLS
//! redis+sentinel://HOST[:26379],HOST…/MASTER[/DATABASE]        whom the sentinels name as master
//! rediss+sentinel://HOST[:26379],HOST…/MASTER[/DATABASE]       both with TLS
//! ```

use std::fmt;
use std::str::FromStr;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;
/// More sentinels than anybody runs.
const MAX_SENTINELS: usize = 32;

/// Where Redis is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) has_tls: bool,
    /// The server, or sentinels that know it.
    pub(super) hosts: Vec<(String, u16)>,
    /// What the sentinels call the master; absent where there are none.
    pub(super) master: Option<String>,
    pub(super) database: i64,
}

/// A text that is no address of Redis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Another scheme, or none.
    #[error("an address of Redis begins with redis://, rediss:// (with TLS), redis+sentinel:// or rediss+sentinel://")]
    Scheme,
    /// It has a user or a password.
    #[error("the address of Redis has a user or a password in it: give these in a file or in the environment")]
    Credentials,
    /// A host that is none.
    #[error("the address of Redis has no host, or one that cannot be: `{0}`")]
    Host(String),
    /// Several servers.
    #[error("there are several hosts in the address of Redis: only sentinels (redis+sentinel://) may be several")]
    Several,
    /// Too many sentinels.
    #[error("there are more than {MAX_SENTINELS} sentinels in the address of Redis")]
    Many,
    /// Sentinels, and no name of a master.
    #[error("name the master that the sentinels watch: redis+sentinel://HOST,HOST/MASTER")]
    Master,
    /// A database that is no number, or something behind it.
    #[error("the database of Redis is a number, and the last part of its address: not `{0}`")]
    Database(String),
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(AddressError::Scheme)?;
        let (has_tls, has_sentinels) = match scheme {
            "redis" => (false, false),
            "rediss" => (true, false),
            "redis+sentinel" => (false, true),
            "rediss+sentinel" => (true, true),
            _ => return Err(AddressError::Scheme),
        };
        if rest.contains('@') {
            return Err(AddressError::Credentials);
        }
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = if has_sentinels { SENTINEL_PORT } else { REDIS_PORT };
        let hosts = hosts.split(',').take(MAX_SENTINELS + 1).map(|host| host_of(host, port));
        let hosts = hosts.collect::<Result<Vec<_>, _>>()?;
        match hosts.len() {
            1 => {}
            _ if !has_sentinels => return Err(AddressError::Several),
            many if many > MAX_SENTINELS => return Err(AddressError::Many),
            _ => {}
        }
        let (master, database) = if has_sentinels {
            let (master, database) = path.split_once('/').unwrap_or((path, ""));
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if master.is_empty() || !master.chars().all(is_name) {
                return Err(AddressError::Master);
            }
            (Some(master.to_owned()), database)
        } else {
            (None, path)
        };
        Ok(Self { has_tls, hosts, master, database: database_of(database)? })
    }
}

/// As it may be told: it has no secrets.
impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.has_tls { "s" } else { "" };
        let sentinel = if self.master.is_some() { "+sentinel" } else { "" };
        write!(formatter, "redis{tls}{sentinel}://")?;
        for (number, (host, port)) in self.hosts.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            if host.contains(':') {
                write!(formatter, "{comma}[{host}]:{port}")?;
            } else {
                write!(formatter, "{comma}{host}:{port}")?;
            }
        }
        if let Some(master) = &self.master {
            write!(formatter, "/{master}")?;
        }
        write!(formatter, "/{}", self.database)
    }
}

fn host_of(text: &str, default_port: u16) -> Result<(String, u16), AddressError> {
    let wrong = || AddressError::Host(text.to_owned());
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(wrong)?) })
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if !text.starts_with('[') && (host.is_empty() || host.starts_with('-') || !host.chars().all(is_of_name)) {
        return Err(wrong());
    }
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?,
        None => default_port,
    };
    Ok((host.to_owned(), port))
}

fn database_of(text: &str) -> Result<i64, AddressError> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse::<u16>().map(i64::from).map_err(|_| AddressError::Database(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_told_alike() {
        for (text, told) in [
            ("redis://cache", "redis://cache:6379/0"),
            ("redis://cache/", "redis://cache:6379/0"),
            ("rediss://10.0.0.1:7000/3", "rediss://10.0.0.1:7000/3"),
            ("redis://[::1]:7000", "redis://[::1]:7000/0"),
            ("redis+sentinel://a,b:7,c/main", "redis+sentinel://a:26379,b:7,c:26379/main/0"),
            ("rediss+sentinel://a/main/2", "rediss+sentinel://a:26379/main/2"),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), told);
            assert_eq!(told.parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_none_is_refused_and_passwords_are_not_repeated() {
        use AddressError as E;
        for (text, error) in [
            ("cache:6379", E::Scheme),
            ("http://cache", E::Scheme),
            ("redis://user:hunter2@cache", E::Credentials),
            ("redis://", E::Host(String::new())),
            ("redis://a b", E::Host("a b".to_owned())),
            ("redis://-a", E::Host("-a".to_owned())),
            ("redis://a:0", E::Host("a:0".to_owned())),
            ("redis://a:99999", E::Host("a:99999".to_owned())),
            ("redis://[::1", E::Host("[::1".to_owned())),
            ("redis://[a]", E::Host("[a]".to_owned())),
            ("redis://a,b", E::Several),
            ("redis+sentinel://a,b", E::Master),
            ("redis+sentinel://a,b/ma in", E::Master),
            ("redis://a/x", E::Database("x".to_owned())),
            ("redis://a/1/2", E::Database("1/2".to_owned())),
            ("redis://a/-1", E::Database("-1".to_owned())),
        ] {
            let found = text.parse::<Address>().expect_err(text);
            assert!(!found.to_string().contains("hunter2"));
            assert_eq!(found, error, "{text}");
        }
        let many = format!("redis+sentinel://{}/main", vec!["a"; 33].join(","));
        assert_eq!(many.parse::<Address>(), Err(E::Many));
    }
}
