//! A collector of traces: takes OTLP over HTTP in JSON, and remembers what it was sent.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value as Json;

use super::error::Error;
use super::listener::Listener;

/// A span, as it came.
#[derive(Clone, Debug)]
pub struct Span {
    /// What it is.
    pub name: String,
    /// Its trace.
    pub trace: String,
    /// Its id.
    pub id: String,
    /// The span that it is part of; empty where there is none.
    pub parent: String,
    /// All of it.
    pub whole: Json,
}

/// A collector that listens.
#[derive(Debug)]
pub struct Collector {
    listener: Listener,
    bodies: Arc<Mutex<Vec<Json>>>,
}

impl Collector {
    /// Starts one.
    ///
    /// # Errors
    /// Where there is no port.
    pub fn start() -> Result<Self, Error> {
        let bodies = Arc::<Mutex<Vec<Json>>>::default();
        let kept = Arc::clone(&bodies);
        // Clients go away when they like.
        let listener = Listener::start(move |stream| drop(serve(stream, &kept)))?;
        Ok(Self { listener, bodies })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.listener.port())
    }

    /// What was sent so far.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |body: &Json, field: &str| body[field].as_array().cloned().unwrap_or_default();
        let resources = bodies.iter().flat_map(|body| of(body, "resourceSpans"));
        let scopes = resources.flat_map(|resource| of(&resource, "scopeSpans"));
        scopes.flat_map(|scope| of(&scope, "spans")).map(Span::of).collect()
    }
}

impl Span {
    fn of(whole: Json) -> Self {
        let text = |field: &str| whole[field].as_str().unwrap_or_default().to_owned();
        let (name, trace) = (text("name"), text("traceId"));
        Self { name, trace, id: text("spanId"), parent: text("parentSpanId"), whole }
    }
}

fn serve(stream: &TcpStream, bodies: &Mutex<Vec<Json>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().map_err(io::Error::other)?,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let is_traces = first.starts_with("POST /v1/traces ");
        let body = serde_json::from_slice(&body).ok().filter(|_| is_traces);
        let answer = if body.is_some() { "200 OK" } else { "400 Bad Request" };
        bodies.lock().unwrap_or_else(PoisonError::into_inner).extend(body);
        let mut stream = stream;
        stream.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes())?;
    }
}
