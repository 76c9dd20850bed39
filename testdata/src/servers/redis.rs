//! Redis, alone or with a sentinel that knows it.
//!
//! In: perhaps [`Certificates`]. Out: an address, and a password that clients have to prove. It keeps nothing on disk: when
//! it was stopped it comes back empty, on the same port.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::certificates::Certificates;
use super::error::Error;
use super::keeper::Keeper;
use super::password;
use super::programs::programs;
use crate::port::Port;

/// Where Redis answers whoever started it.
const CONTROL: &str = "control.sock";
/// What sentinels call the master.
const MASTER: &str = "main";

/// A Redis, running or not.
#[derive(Debug)]
pub struct RedisServer {
    port: Port,
    password: String,
    /// Files of certificate, key and authority.
    certificates: Option<[PathBuf; 3]>,
    program: PathBuf,
    running: Option<Keeper>,
    sentinel: Option<(Port, Keeper)>,
}

impl RedisServer {
    /// Starts one.
    ///
    /// # Errors
    /// Where the program is missing, or does not start.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(None)
    }

    /// Starts one that speaks TLS only.
    ///
    /// # Errors
    /// As of [`RedisServer::start`].
    pub fn start_with_tls(certificates: &Certificates) -> Result<Self, Error> {
        Self::start_with(Some(certificates))
    }

    fn start_with(certificates: Option<&Certificates>) -> Result<Self, Error> {
        let program = programs()?.redis;
        let files = |of: &Certificates| [of.certificate(), of.key(), of.authority()].map(Path::to_owned);
        let mut server = Self {
            port: Port::reserve_for_any().map_err(Error::Port)?,
            password: password()?,
            certificates: certificates.map(files),
            program,
            running: None,
            sentinel: None,
        };
        server.start_again()?;
        Ok(server)
    }

    /// Starts it, empty, where it was stopped.
    ///
    /// # Errors
    /// As of [`RedisServer::start`].
    pub fn start_again(&mut self) -> Result<(), Error> {
        let mut keeper = Keeper::start()?;
        let port = self.port.number();
        let listens = match &self.certificates {
            None => format!("port {port}\n"),
            Some([certificate, key, authority]) => format!(
                "port 0\ntls-port {port}\ntls-auth-clients no\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n",
                keeper.copy(certificate)?.display(),
                keeper.copy(key)?.display(),
                keeper.copy(authority)?.display()
            ),
        };
        let text = format!("bind 127.0.0.1\n{listens}unixsocket {CONTROL}\nrequirepass {}\nsave \"\"\n", self.password);
        run(&mut keeper, &self.program, "redis.conf", &text, &[])?;
        self.running = Some(keeper);
        Ok(())
    }

    /// Kills it; what it held is lost.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Starts a sentinel that watches it, and returns the address by which the sentinel is asked for it.
    ///
    /// # Errors
    /// As of [`RedisServer::start`].
    pub fn watch(&mut self) -> Result<String, Error> {
        let (port, mut keeper) = (Port::reserve_for_any().map_err(Error::Port)?, Keeper::start()?);
        let text = format!(
            "bind 127.0.0.1\nport {}\nunixsocket {CONTROL}\nsentinel monitor {MASTER} 127.0.0.1 {} 1\nsentinel auth-pass {MASTER} {}\n",
            port.number(),
            self.port.number(),
            self.password
        );
        run(&mut keeper, &self.program, "sentinel.conf", &text, &["--sentinel"])?;
        let address = format!("redis+sentinel://127.0.0.1:{}/{MASTER}", port.number());
        self.sentinel = Some((port, keeper));
        Ok(address)
    }

    /// `redis://127.0.0.1:PORT`, or `rediss://…`.
    #[must_use]
    pub fn address(&self) -> String {
        let tls = if self.certificates.is_some() { "s" } else { "" };
        format!("redis{tls}://127.0.0.1:{}", self.port.number())
    }

    /// The password of its only user; another for each.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

fn run(keeper: &mut Keeper, program: &Path, name: &str, text: &str, more: &[&str]) -> Result<(), Error> {
    let configuration = keeper.write(name, text)?.display().to_string();
    let control = keeper.path().join(CONTROL);
    keeper.run(program, &[&[configuration.as_str()], more].concat())?;
    keeper.wait_for(|| is_awake(&control).then_some(()))
}

/// Whether it answers, if only that it wants a password.
fn is_awake(control: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(control) else { return false };
    let mut answer = [0; 7];
    let asked = stream.write_all(b"PING\r\n").and_then(|()| stream.read_exact(&mut answer));
    asked.is_ok() && [&b"+PONG\r\n"[..], b"-NOAUTH"].contains(&answer.as_slice())
}
