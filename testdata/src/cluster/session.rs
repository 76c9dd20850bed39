//! One connection for thousands of requests: most of what a short request costs is its greeting.
//!
//! In: an [`Api`], objects to apply. Out: the answers. HTTP/1.1, one request at a time; answers are framed by their length or
//! come in chunks. A connection that the server has closed in between is opened again, once a request.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde_json::Value;

use super::api::{Api, Reply, Stream};
use super::error::Error;

/// What the server reads as a server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

/// A connection, opened by the first request.
pub struct Session<'a> {
    api: &'a Api,
    open: Option<BufReader<Stream>>,
}

impl<'a> Session<'a> {
    /// No connection yet.
    #[must_use]
    pub fn new(api: &'a Api) -> Self {
        Self { api, open: None }
    }

    /// Applies by server-side apply, with what `path` asks for behind its `?`.
    ///
    /// # Errors
    /// Where the server cannot be reached or says something else than HTTP.
    pub fn apply(&mut self, path: &str, body: &Value) -> Result<Reply, Error> {
        let body = body.to_string();
        let first = self.exchange(path, &body);
        let reply = first.or_else(|_| {
            self.open = None;
            self.exchange(path, &body)
        });
        reply.map_err(|source| Error::Request { path: path.to_owned(), source })
    }

    fn exchange(&mut self, path: &str, body: &str) -> io::Result<Reply> {
        let stream = match self.open.take() {
            Some(open) => self.open.insert(open),
            None => self.open.insert(BufReader::new(self.api.connect()?)),
        };
        let head = self.api.head("PATCH", path, "1.1", APPLY, body.len());
        stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        read(stream)
    }
}

/// Reads one answer.
fn read(stream: &mut impl BufRead) -> io::Result<Reply> {
    let status = line(stream)?.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(no_http)?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let line = line(stream)?.to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", text)) => length = text.parse().map_err(|_| no_http())?,
            Some(("transfer-encoding", text)) => chunked = text == "chunked",
            Some(_) => {}
            None if line.is_empty() => break,
            None => return Err(no_http()),
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let size = u64::from_str_radix(&line(stream)?, 16).map_err(|_| no_http())?;
            stream.take(size).read_to_end(&mut body)?;
            line(stream)?;
            if size == 0 {
                break;
            }
        }
    } else {
        stream.take(length).read_to_end(&mut body)?;
    }
    Ok(Reply { status, body: String::from_utf8_lossy(&body).into_owned() })
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn no_http() -> io::Error {
    io::Error::other("this is no HTTP answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_follow_each_other_whatever_frames_them() {
        let mut stream =
            "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 422 No\r\nTransfer-Encoding: chunked\r\n\r\n\
                          2\r\n{\"\r\n5\r\na\":1}\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"
                .as_bytes();
        let mut next = || read(&mut stream).map(|reply| (reply.status, reply.body)).ok();
        assert_eq!(next(), Some((201, "{}".to_owned())));
        assert_eq!(next(), Some((422, "{\"a\":1}".to_owned())));
        assert_eq!(next(), Some((200, String::new())));
        assert_eq!(next(), None);
    }
}
