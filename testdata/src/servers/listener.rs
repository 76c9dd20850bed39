//! A port of the loopback interface where each connection is answered by a thread of its own.
//!
//! In: what answers a connection. Out: a port.
//!
//! # Guarantees
//! - A connection is closed when its answer ends.
//! - When the listener is dropped, all connections are closed and all threads have ended; what answers must not outlive
//!   its connection.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::error::Error;

/// A port, listened on until this is dropped.
#[derive(Debug)]
pub(crate) struct Listener {
    port: u16,
    connections: Arc<Mutex<Connections>>,
    accepting: Option<JoinHandle<()>>,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Connections {
    /// Whether no more are wanted.
    ended: bool,
    made: usize,
    open: BTreeMap<usize, TcpStream>,
}

impl Listener {
    /// Listens on a free port. Connections may be made when this returns.
    pub(crate) fn start(answer: impl Fn(&TcpStream) + Send + Sync + 'static) -> Result<Self, Error> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::Port)?;
        let port = listener.local_addr().map_err(Error::Port)?.port();
        let connections = Arc::new(Mutex::new(Connections::default()));
        let shared = Arc::clone(&connections);
        let accepting = thread::spawn(move || accept(&listener, &shared, &answer));
        Ok(Self { port, connections, accepting: Some(accepting) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut connections = lock(&self.connections);
        connections.ended = true;
        for connection in connections.open.values() {
            // It fails for one that is closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(connections);
        // A connection more, for the loop to see that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        // A thread that panicked has said so.
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

/// Takes connections until the listener is dropped, and waits for all answers.
fn accept(listener: &TcpListener, connections: &Mutex<Connections>, answer: &(impl Fn(&TcpStream) + Sync)) {
    thread::scope(|scope| {
        for stream in listener.incoming().flatten() {
            let mut shared = lock(connections);
            if shared.ended {
                return;
            }
            let Ok(handle) = stream.try_clone() else { continue };
            let number = shared.made;
            shared.made += 1;
            shared.open.insert(number, handle);
            scope.spawn(move || {
                answer(&stream);
                let _ = stream.shutdown(Shutdown::Both);
                lock(connections).open.remove(&number);
            });
        }
    });
}

/// A thread that panicked left nothing half done here.
fn lock(connections: &Mutex<Connections>) -> MutexGuard<'_, Connections> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn connections_end_with_their_answer_and_with_the_listener() {
        let listener = Listener::start(|mut stream| {
            let mut byte = [0];
            if stream.read_exact(&mut byte).is_ok() {
                stream.write_all(&byte).expect("it is open");
            }
        })
        .expect("a free port");
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, listener.port())).expect("it listens");
        let (mut first, mut second) = (connect(), connect());
        first.write_all(b"a").expect("it is open");
        let mut answer = String::new();
        first.read_to_string(&mut answer).expect("it is closed after the answer");
        assert_eq!(answer, "a");
        drop(listener);
        assert_eq!(second.read(&mut [0]).expect("it is closed"), 0);
    }
}
