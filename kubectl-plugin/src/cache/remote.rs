//! Redis: sealed values by their names, as long as it answers.
//!
//! In: names, sealed values. Out: what was stored under a name, whoever stored it. Guarantees: a request takes no longer than
//! [`TIMEOUT`], connecting included; a server that failed is left alone for a while (`circuit`), and then costs nothing;
//! what it holds is never asked for in more bytes than a value may have. What it gives is not to be believed.
//!
//! A value lives for a day after its last use. A connection that turns out to be dead is made again at once; where there
//! are sentinels, they are asked again who the master is.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisConnectionInfo, RedisError,
};
use redis::{TlsCertificates, TlsMode};

use super::address::Address;
use super::circuit::Circuit;
use super::seal::MAX_SEALED_BYTES;
use crate::fetch::Secret;

/// Longest time that a request may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// How long a value is kept that nobody asks for.
const LIFE_SECONDS: u64 = 24 * 60 * 60;

/// Who we are to Redis, and to whom we speak.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is.
    pub address: Address,
    /// The user and the password.
    pub login: Login,
    /// The same for the sentinels, which have users of their own.
    pub sentinel_login: Login,
    /// Certificates in PEM of the authorities that its certificate may come from; those of this machine where absent.
    pub authorities: Option<Vec<u8>>,
}

/// A user and a password.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The user; the default one where absent.
    pub user: Option<String>,
    /// The password; none where absent.
    pub password: Option<Secret>,
}

/// Settings with which there can be no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the settings of Redis cannot be used: {0}")]
pub struct SettingsError(String);

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failed {
    /// It was not sent, since the server failed a moment ago.
    LeftAlone,
    /// The server did not do it. What it said, or why it said nothing.
    Refused(String),
}

/// What there was under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Nothing,
    Value(Vec<u8>),
    /// Something that we never store: of another type, or longer.
    Foreign,
}

/// A Redis.
pub(super) struct Remote {
    way: Way,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    circuit: std::sync::Mutex<Circuit>,
}

/// How to get a connection.
enum Way {
    Server(Box<Client>),
    Sentinels(Box<tokio::sync::Mutex<SentinelClient>>),
}

impl Remote {
    /// Nothing is sent here: Redis may come later.
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, SettingsError> {
        let way = way(settings).map_err(|error| SettingsError(said(&error)))?;
        Ok(Self { way, connection: tokio::sync::Mutex::default(), circuit: std::sync::Mutex::default() })
    }

    /// What is stored under a name. It lives longer for that.
    pub(super) async fn get(&self, name: &str) -> Result<Stored, Failed> {
        let mut pipe = redis::pipe();
        // The byte more tells what is too long.
        pipe.cmd("GETRANGE").arg(name).arg(0).arg(MAX_SEALED_BYTES);
        pipe.cmd("EXPIRE").arg(name).arg(LIFE_SECONDS).ignore();
        let found: Option<(Vec<u8>,)> = self.ask(&pipe).await?;
        Ok(match found {
            None => Stored::Foreign,
            Some((value,)) if value.len() > MAX_SEALED_BYTES => Stored::Foreign,
            // What is not there reads as empty, and we store nothing that is.
            Some((value,)) if value.is_empty() => Stored::Nothing,
            Some((value,)) => Stored::Value(value),
        })
    }

    /// Stores a value, whatever was there.
    pub(super) async fn put(&self, name: &str, sealed: &[u8]) -> Result<(), Failed> {
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(name).arg(sealed).arg("EX").arg(LIFE_SECONDS).ignore();
        self.ask::<()>(&pipe).await.map(drop)
    }

    /// Sends commands and waits for their answers; `None` where what is stored is of another type.
    async fn ask<T: redis::FromRedisValue>(&self, pipe: &redis::Pipeline) -> Result<Option<T>, Failed> {
        if !self.circuit().may_send(Instant::now()) {
            return Err(Failed::LeftAlone);
        }
        let failure = match tokio::time::timeout(TIMEOUT, self.ask_once_or_twice(pipe)).await {
            Ok(Ok(answer)) => {
                self.circuit().succeeded();
                return Ok(Some(answer));
            }
            Ok(Err(error)) if is_of_another_type(&error) => {
                self.circuit().succeeded();
                return Ok(None);
            }
            Ok(Err(error)) => said(&error),
            Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
        };
        self.circuit().failed(Instant::now());
        // Answers that come late are for nobody.
        if let Ok(mut connection) = self.connection.try_lock() {
            *connection = None;
        }
        Err(Failed::Refused(failure))
    }

    /// A connection that was made before may have died since.
    async fn ask_once_or_twice<T: redis::FromRedisValue>(&self, pipe: &redis::Pipeline) -> Result<T, RedisError> {
        let before = self.connection.lock().await.clone();
        if let Some(mut connection) = before {
            match pipe.query_async(&mut connection).await {
                Err(error) if error.is_connection_dropped() || error.is_io_error() => {}
                // A master that became a replica.
                Err(error) if error.kind() == ErrorKind::Server(redis::ServerErrorKind::ReadOnly) => {}
                answer => return answer,
            }
        }
        let mut connection = self.connect().await?;
        pipe.query_async(&mut connection).await
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        // Whoever waits for this has one limit for all of it.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let made = match &self.way {
            Way::Server(client) => client.get_multiplexed_async_connection_with_config(&config).await?,
            Way::Sentinels(client) => client.lock().await.get_async_connection_with_config(&config).await?,
        };
        *self.connection.lock().await = Some(made.clone());
        Ok(made)
    }

    fn circuit(&self) -> std::sync::MutexGuard<'_, Circuit> {
        // Nothing is ever half written there.
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn way(settings: &RedisSettings) -> Result<Way, RedisError> {
    let RedisSettings { address, authorities, .. } = settings;
    // Fails only where it was done before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let certificates = TlsCertificates { client_tls: None, root_cert: authorities.clone() };
    let server = |(host, port): &(String, u16)| {
        if address.has_tls {
            ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host.clone(), *port)
        }
    };
    let mut servers: Vec<ConnectionAddr> = address.hosts.iter().map(server).collect();
    if let Some(master) = &address.master {
        return by_sentinels(settings, servers, master, certificates);
    }
    let invalid = || RedisError::from((ErrorKind::InvalidClientConfig, "there is no host"));
    to_server(settings, servers.pop().ok_or_else(invalid)?, certificates)
}

fn to_server(
    RedisSettings { address, login, .. }: &RedisSettings,
    server: ConnectionAddr,
    certificates: TlsCertificates,
) -> Result<Way, RedisError> {
    let mut who = RedisConnectionInfo::default().set_db(address.database).set_skip_set_lib_name();
    if let Some(user) = &login.user {
        who = who.set_username(user);
    }
    if let Some(password) = &login.password {
        who = who.set_password(password.reveal());
    }
    let info = server.into_connection_info()?.set_redis_settings(who);
    let client = if address.has_tls { Client::build_with_tls(info, certificates) } else { Client::open(info) };
    Ok(Way::Server(Box::new(client?)))
}

fn by_sentinels(
    RedisSettings { address, login, sentinel_login, .. }: &RedisSettings,
    servers: Vec<ConnectionAddr>,
    master: &str,
    certificates: TlsCertificates,
) -> Result<Way, RedisError> {
    let mut builder = SentinelClientBuilder::new(servers, master, SentinelServerType::Master)?;
    builder = builder.set_client_to_redis_db(address.database);
    if let Some(user) = &login.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &login.password {
        builder = builder.set_client_to_redis_password(password.reveal());
    }
    if let Some(user) = &sentinel_login.user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &sentinel_login.password {
        builder = builder.set_client_to_sentinel_password(password.reveal());
    }
    if address.has_tls {
        builder =
            builder.set_client_to_redis_tls_mode(TlsMode::Secure).set_client_to_sentinel_tls_mode(TlsMode::Secure);
        builder = builder
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_certificates(certificates);
    }
    Ok(Way::Sentinels(Box::new(tokio::sync::Mutex::new(builder.build()?))))
}

/// Whether what is stored is no value of ours, but a list or the like. Errors of several commands come as one.
fn is_of_another_type(error: &RedisError) -> bool {
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
}

/// What is told of a failure: one line, and not all that a server may say.
fn said(error: &RedisError) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}
