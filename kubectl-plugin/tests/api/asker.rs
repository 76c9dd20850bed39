//! Whoever asks: one request on a connection of its own, byte by byte as a test wants it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value as Json;

/// Whatever is waited for comes within this, or something is wrong.
const PATIENCE: Duration = Duration::from_mins(1);

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) address: String,
    /// Lines of the head.
    pub(crate) headers: Vec<String>,
}

/// A stream of events, as a browser reads it.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
}

impl Reply {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        cookies.map(|(_, value)| value.split(';').next().unwrap_or_default()).collect()
    }
}

impl Asker {
    /// Somebody with a token; nobody where it is empty.
    pub(crate) fn new(address: &str, token: &str) -> Self {
        let headers = if token.is_empty() { Vec::new() } else { vec![format!("Authorization: Bearer {token}")] };
        Self { address: address.to_owned(), headers }
    }

    /// The same with one more line of the head.
    pub(crate) fn with(&self, line: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push(line.to_owned());
        Self { headers, ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, None)
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.ask("DELETE", path, None)
    }

    /// Sends JSON.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Json) -> Reply {
        self.with("Content-Type: application/json").ask(method, path, Some(&body.to_string()))
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        let mut stream = self.open(method, path, body);
        let mut answer = Vec::new();
        // Who refuses a large body may end the connection before all of it is sent.
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) =
            text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {path}: {text}"));
        let (status, headers) = read_head(head.lines());
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let body = if is_chunked { unchunk(body) } else { body.to_owned() };
        Reply { status, headers, body }
    }

    /// Opens a stream.
    pub(crate) fn events(&self, path: &str) -> Events {
        self.try_events(path).unwrap_or_else(|status| panic!("{path}: {status}"))
    }

    /// The same, or the status of the refusal.
    pub(crate) fn try_events(&self, path: &str) -> Result<Events, u16> {
        let stream = self.with("Accept: text/event-stream").open("GET", path, None);
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(std::iter::from_fn(|| {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            let line = line.trim_end().to_owned();
            (!line.is_empty()).then_some(line)
        }));
        if status != 200 {
            return Err(status);
        }
        assert!(headers.iter().any(|(name, value)| name == "content-type" && value == "text/event-stream"));
        Ok(Events { reader })
    }

    fn open(&self, method: &str, path: &str, body: Option<&str>) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for line in &self.headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if let Some(body) = body {
            head = format!("{head}Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).expect("sent");
        let _ = stream.write_all(body.unwrap_or_default().as_bytes());
        stream
    }
}

impl Events {
    /// The next event with data, and its id; nothing where the stream ended.
    pub(crate) fn next(&mut self) -> Option<(String, Json)> {
        let (mut id, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).expect("within time") == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(text) = line.strip_prefix("data: ") {
                data.push_str(text);
            } else if line == "0" {
                return None;
            } else if line.is_empty() && !data.is_empty() {
                return Some((id, serde_json::from_str(&data).expect("JSON")));
            }
            // Sizes of chunks are passed over.
        }
    }

    /// The first event with data; nothing where the stream says before that all is told.
    pub(crate) fn first(&mut self) -> Option<Json> {
        let mut data = String::new();
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).expect("within time") > 0, "the stream ended");
            if let Some(text) = line.trim_end().strip_prefix("data: ") {
                data.push_str(text);
            } else if line.trim_end().is_empty() && !data.is_empty() {
                return Some(serde_json::from_str(&data).expect("JSON"));
            } else if line == "\n" {
                // The end of a mark. Chunks end with a carriage return, too.
                return None;
            }
        }
    }

    /// Reads until an event is as it should be.
    pub(crate) fn until(&mut self, is: impl Fn(&Json) -> bool) -> (String, Json) {
        loop {
            let (id, event) = self.next().expect("the stream goes on");
            if is(&event) {
                return (id, event);
            }
        }
    }
}

fn read_head<T: AsRef<str>>(lines: impl Iterator<Item = T>) -> (u16, Vec<(String, String)>) {
    let (mut status, mut headers) = (0, Vec::new());
    for line in lines {
        let line = line.as_ref();
        match line.split_once(": ") {
            _ if line.starts_with("HTTP/") => {
                status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
            }
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
            None => {}
        }
    }
    (status, headers)
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let Some(part) = rest.get(..size).filter(|part| !part.is_empty()) else { break };
        whole.push_str(part);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}
