//! The batch API of Git LFS, for whoever is in front of it: nginx, which has TLS and passwords, and gives the contents.
//!
//! In: a folder of contents by their oids. Out: a port. An object is there where its content is a file of the folder, and is
//! said to be below `/files/lfs/` of the host that was asked; for a private repository below `/private/lfs/`, with what the
//! client proved itself with. Each answer is good for one minute.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Error;
use super::listener::Listener;

/// The kind of requests and answers.
const KIND: &str = "application/vnd.git-lfs+json";

/// The API, on a port without TLS.
#[derive(Debug)]
pub(super) struct BatchApi(Listener);

#[derive(Deserialize)]
struct Asked {
    operation: String,
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    oid: String,
    size: u64,
}

/// A request as it came.
#[derive(Default)]
struct Request {
    path: String,
    host: String,
    authorization: Option<String>,
    kind: String,
    body: Vec<u8>,
}

impl BatchApi {
    /// Starts it.
    pub(super) fn start(contents: PathBuf) -> Result<Self, Error> {
        // A client that goes away has its reasons.
        let listener = Listener::start(move |stream| drop(answer(stream, &contents)));
        listener.map(Self)
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port()
    }
}

fn answer(mut stream: &TcpStream, contents: &Path) -> io::Result<()> {
    let request = read(stream)?;
    let asked: Option<Asked> = serde_json::from_slice(&request.body).ok();
    let (status, body) = match asked.filter(|asked| asked.operation == "download" && request.kind.starts_with(KIND)) {
        Some(asked) => {
            let objects: Vec<Value> = asked.objects.iter().map(|object| told(&request, contents, object)).collect();
            ("200 OK", json!({ "transfer": "basic", "objects": objects }))
        }
        None => ("422 Unprocessable", json!({ "message": "only downloads are served" })),
    };
    let body = body.to_string();
    write!(stream, "HTTP/1.0 {status}\r\nContent-Type: {KIND}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What is said of one object.
fn told(request: &Request, contents: &Path, object: &Object) -> Value {
    let Object { oid, size } = object;
    let is_sound = oid.len() == 64 && oid.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_sound || !contents.join(oid).is_file() {
        return json!({ "oid": oid, "size": size, "error": { "code": 404, "message": "Object does not exist" } });
    }
    let is_private = request.path.starts_with("/private-git/");
    let folder = if is_private { "private" } else { "files" };
    let header = match request.authorization.as_deref().filter(|_| is_private) {
        Some(authorization) => json!({ "Authorization": authorization }),
        None => json!({}),
    };
    let href = format!("https://{}/{folder}/lfs/{oid}", request.host);
    let download = json!({ "href": href, "header": header, "expires_in": 60 });
    json!({ "oid": oid, "size": size, "authenticated": true, "actions": { "download": download } })
}

fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut request = Request { path, ..Request::default() };
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "host" => value.clone_into(&mut request.host),
            "authorization" => request.authorization = Some(value.to_owned()),
            "content-type" => value.clone_into(&mut request.kind),
            "content-length" => length = value.parse().unwrap_or_default(),
            _ => {}
        }
    }
    reader.take(length).read_to_end(&mut request.body)?;
    Ok(request)
}
