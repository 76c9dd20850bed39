//! What goes between a server and whoever started it: one request over a Unix socket or to a port, and the log of requests.
//!
//! In: the path of a socket, or a port of the loopback interface, and a request. Out: the status and the body of the answer. HTTP/1.0, so that the server
//! closes the connection when it has said all.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What each server calls its log of requests.
pub(super) const LOG: &str = "requests.log";

/// Sends `head` (the first line and headers, without a line end at the end) and `body`.
pub(super) fn ask(socket: &Path, head: &str, body: &[u8]) -> io::Result<(u16, String)> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    exchange(stream, head, body)
}

/// Asks a port without TLS for what is at a path; nothing where the answer is no good one.
pub(super) fn get(port: u16, path: &str) -> Option<String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    let (status, body) = exchange(stream, &format!("GET {path} HTTP/1.0"), b"").ok()?;
    (status == 200).then_some(body)
}

fn exchange(mut stream: impl Read + Write, head: &str, body: &[u8]) -> io::Result<(u16, String)> {
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other("this is no HTTP answer"))
}

fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The lines of the log in a directory; none where there is no log yet.
pub(super) fn logged(directory: &Path) -> Vec<String> {
    let text = fs::read(directory.join(LOG)).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_split_into_status_and_body() {
        assert_eq!(parse("HTTP/1.0 200 OK\r\nA: b\r\n\r\nc\r\n\r\nd"), Some((200, "c\r\n\r\nd".to_owned())));
        assert_eq!(parse("HTTP/1.0 200 OK\r\n"), None, "it broke off");
    }
}
