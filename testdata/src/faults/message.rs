//! Requests and answers of HTTP/1.1, as they come on a connection.
//!
//! In: a stream. Out: heads, bodies, and chunks of bodies one by one; and the same as bytes. A body has a length, comes in
//! chunks, or there is none; what a client and the API server say to each other is never of another form.

use std::io::{self, BufRead, Read, Write};

/// Largest body.
const MOST_BYTES: u64 = 64 << 20;

/// The beginning of a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The first line.
    pub(super) first: String,
    /// Names in lower case.
    pub(super) fields: Vec<(String, String)>,
}

/// What frames a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(u64),
    Chunks,
}

impl Head {
    /// Reads one; nothing where the stream ends before.
    pub(super) fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(stream)? else { return Ok(None) };
        let mut fields = Vec::new();
        loop {
            let line = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Some(Self { first, fields }));
            }
            let (name, value) = line.split_once(':').ok_or_else(no_http)?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// A word of the first line.
    pub(super) fn word(&self, index: usize) -> &str {
        self.first.split(' ').nth(index).unwrap_or_default()
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Removes a field, or replaces it.
    pub(super) fn set(&mut self, name: &str, value: Option<String>) {
        self.fields.retain(|(other, _)| other != name);
        self.fields.extend(value.map(|value| (name.to_owned(), value)));
    }

    pub(super) fn framing(&self) -> io::Result<Framing> {
        if self.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunks);
        }
        let length = self.field("content-length").map_or(Ok(0), str::parse).map_err(|_| no_http())?;
        Ok(Framing::Length(length))
    }

    /// Whether the connection ends with this message.
    pub(super) fn is_last(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Reads the whole body.
    pub(super) fn body(&self, stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match self.framing()? {
            Framing::Length(length) if length > MOST_BYTES => return Err(no_http()),
            Framing::Length(length) => {
                body.resize(usize::try_from(length).map_err(|_| no_http())?, 0);
                stream.read_exact(&mut body)?;
            }
            Framing::Chunks => {
                while let Some(chunk) = chunk(stream)? {
                    body.extend(chunk);
                }
            }
        }
        Ok(body)
    }

    /// Writes a message whose body has a length.
    pub(super) fn write(&self, body: &[u8], stream: &mut impl Write) -> io::Result<()> {
        let mut head = self.clone();
        head.set("transfer-encoding", None);
        head.set("content-length", Some(body.len().to_string()));
        let mut bytes = head.bytes();
        bytes.extend(body);
        stream.write_all(&bytes)?;
        stream.flush()
    }

    /// Writes the beginning of a message as it is.
    pub(super) fn begin(&self, stream: &mut impl Write) -> io::Result<()> {
        stream.write_all(&self.bytes())?;
        stream.flush()
    }

    fn bytes(&self) -> Vec<u8> {
        let fields: Vec<String> = self.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let fields = fields.concat();
        format!("{}\r\n{fields}\r\n", self.first).into_bytes()
    }
}

/// The next chunk of a body; nothing at its end.
pub(super) fn chunk(stream: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let size = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let size = u64::from_str_radix(size.split(';').next().unwrap_or_default().trim(), 16).map_err(|_| no_http())?;
    if size > MOST_BYTES {
        return Err(no_http());
    }
    let mut bytes = vec![0; usize::try_from(size).map_err(|_| no_http())?];
    stream.read_exact(&mut bytes)?;
    // The end of the chunk, or of the body; there are no trailers.
    line(stream)?;
    Ok((size > 0).then_some(bytes))
}

/// Writes a chunk; an empty one ends the body.
pub(super) fn write_chunk(bytes: &[u8], stream: &mut impl Write) -> io::Result<()> {
    stream.write_all(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())?;
    stream.flush()
}

/// A line without its end; nothing where the stream is at its end.
fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if stream.by_ref().take(64 << 10).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn no_http() -> io::Error {
    io::Error::other("this is no HTTP message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_each_other_whatever_frames_them() {
        let mut stream = "PUT /a HTTP/1.1\r\nContent-Length: 2\r\nHost: b:1\r\n\r\n{}HTTP/1.1 200 OK\r\n\
                          Transfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n5\r\na\":1}\r\n0\r\n\r\n"
            .as_bytes();
        let request = Head::read(&mut stream).expect("a message").expect("not the end");
        assert_eq!((request.word(0), request.word(1), request.field("host")), ("PUT", "/a", Some("b:1")));
        assert_eq!(request.body(&mut stream).expect("a body"), b"{}");
        let answer = Head::read(&mut stream).expect("a message").expect("not the end");
        assert_eq!((answer.word(1), answer.framing().expect("framed")), ("200", Framing::Chunks));
        assert_eq!(answer.body(&mut stream).expect("a body"), b"{\"a\":1}");
        assert_eq!(Head::read(&mut stream).expect("no error"), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut head = Head { first: "HTTP/1.1 200 OK".to_owned(), fields: Vec::new() };
        head.set("a", Some("b".to_owned()));
        let mut bytes = Vec::new();
        head.write(b"body", &mut bytes).expect("written");
        let mut stream = bytes.as_slice();
        let read = Head::read(&mut stream).expect("a message").expect("not the end");
        assert_eq!((read.field("a"), read.body(&mut stream).expect("a body").as_slice()), (Some("b"), &b"body"[..]));
        let mut bytes = Vec::new();
        write_chunk(b"abc", &mut bytes).expect("written");
        write_chunk(b"", &mut bytes).expect("written");
        let mut stream = bytes.as_slice();
        assert_eq!(chunk(&mut stream).expect("a chunk").as_deref(), Some(&b"abc"[..]));
        assert_eq!(chunk(&mut stream).expect("the end"), None);
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        assert!(Head::read(&mut "GET /a HTTP/1.1\r\nHost: b\r\n".as_bytes()).is_err());
        assert!(chunk(&mut "5\r\nab".as_bytes()).is_err());
    }
}
