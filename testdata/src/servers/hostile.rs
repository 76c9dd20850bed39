//! Servers that mean harm, or are broken: what a client must not wait for, believe, or keep in memory.
//!
//! In: which lie. Out: an address of a plain server, without TLS. Each connection gets the same, whatever it asks for.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::error::Error;
use super::listener::Listener;

/// A server that takes connections and never answers.
#[derive(Debug)]
pub struct Hung(Listener);

impl Hung {
    /// Starts one.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn start() -> Result<Self, Error> {
        // Reads until the connection is closed.
        let listener = Listener::start(|mut stream| drop(io::copy(&mut stream, &mut io::sink())));
        listener.map(Self)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port())
    }

    /// The port, for addresses of other kinds.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port()
    }
}

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A file without end.
    EndlessBody,
    /// Headers without end.
    EndlessHeaders,
    /// To Git: the branches of a repository, without end.
    EndlessRefs,
    /// To Git: nothing that Git could say.
    Nonsense,
}

/// The answer that a repository of the smart protocol begins with.
const GIT: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\n\r\n";

impl Lie {
    fn beginning(self) -> String {
        match self {
            Self::EndlessBody => "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n".to_owned(),
            Self::EndlessHeaders => "HTTP/1.1 200 OK\r\n".to_owned(),
            Self::EndlessRefs => format!("{GIT}001e# service=git-upload-pack\n0000"),
            Self::Nonsense => {
                format!("{GIT}001e# service=git-upload-pack\n0000zzzzthis is no packet\u{0}\u{ff}0001fffe")
            }
        }
    }

    /// What comes next, again and again; `number` grows.
    fn more(self, number: u64) -> Option<String> {
        match self {
            Self::EndlessBody => Some("endless\n".repeat(1024)),
            Self::EndlessHeaders => Some(format!("X-Header-{number}: {}\r\n", "endless".repeat(100))),
            Self::EndlessRefs => {
                let capabilities = if number == 0 { "\0side-band-64k" } else { "" };
                let line = format!("{:040x} refs/heads/{number}{capabilities}\n", number + 1);
                // The length of a packet counts its own four digits.
                Some(format!("{:04x}{line}", line.len() + 4))
            }
            Self::Nonsense => None,
        }
    }
}

/// A server that lies.
#[derive(Debug)]
pub struct Lying(Listener);

impl Lying {
    /// Starts one.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn start(lie: Lie) -> Result<Self, Error> {
        // It fails when the client has had enough.
        let listener = Listener::start(move |stream| drop(tell(stream, lie)));
        listener.map(Self)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.0.port())
    }
}

fn tell(mut stream: &TcpStream, lie: Lie) -> io::Result<()> {
    // Not all of the request, but a client that has not asked would not listen.
    let _ = stream.read(&mut [0; 4096])?;
    stream.write_all(lie.beginning().as_bytes())?;
    for number in 0.. {
        let Some(text) = lie.more(number) else { break };
        stream.write_all(text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_without_end_look_like_branches() {
        let first = Lie::EndlessRefs.more(0).expect("there is always more");
        assert_eq!(first, "0048".to_owned() + &"0".repeat(39) + "1 refs/heads/0\0side-band-64k\n");
        assert_eq!(first.len(), 0x48);
    }
}
