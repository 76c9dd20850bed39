//! A way to a server that can be cut, as a network is: nothing arrives any more, and nobody is told.
//!
//! In: a port of this machine. Out: another port that leads there. While it is cut, connections stay open, new ones are
//! taken, and what is sent waits; once it is mended, all that waited arrives, late. That is what TCP does where a cable is
//! pulled and put back.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use super::error::Error;
use super::listener::Listener;

/// A way that can be cut, open until it is dropped.
#[derive(Debug)]
pub struct Relay {
    // Dropped first: its threads use the rest.
    listener: Option<Listener>,
    switch: Arc<Switch>,
}

/// Whether something passes.
#[derive(Debug, Default)]
struct Switch {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Cut,
    Ended,
}

impl Relay {
    /// A way to a port of this machine.
    ///
    /// # Errors
    /// Where there is no free port.
    pub fn to(port: u16) -> Result<Self, Error> {
        let switch = Arc::<Switch>::default();
        let shared = Arc::clone(&switch);
        // A connection that breaks is told to both sides by its end.
        let listener = Listener::start(move |client| drop(shared.join(client, port)))?;
        Ok(Self { listener: Some(listener), switch })
    }

    /// The port that leads there.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listener.as_ref().map_or(0, Listener::port)
    }

    /// From now on nothing arrives, in neither direction.
    pub fn cut(&self) {
        self.switch.set(State::Cut);
    }

    /// What waited arrives, and what comes passes again.
    pub fn mend(&self) {
        self.switch.set(State::Open);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.switch.set(State::Ended);
        self.listener = None;
    }
}

impl Switch {
    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_all();
    }

    /// Waits while the way is cut; whether there is still one.
    fn passes(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_while(state, |state| *state == State::Cut);
        *waited.unwrap_or_else(PoisonError::into_inner) == State::Open
    }

    /// Joins a client with the server, until both have ended.
    fn join(&self, client: &TcpStream, port: u16) -> io::Result<()> {
        if !self.passes() {
            return Ok(());
        }
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        server.set_nodelay(true)?;
        client.set_nodelay(true)?;
        thread::scope(|scope| {
            scope.spawn(|| self.pass(&server, client));
            self.pass(client, &server);
        });
        Ok(())
    }

    /// Hands on what one side sends, and then that it has ended.
    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut bytes = vec![0; 64 << 10];
        loop {
            let read = from.read(&mut bytes).unwrap_or(0);
            if !self.passes() {
                // Neither side waits for the other.
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                return;
            }
            if read == 0 || to.write_all(&bytes[..read]).is_err() {
                // It fails where that side has ended, too.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_sent_while_it_is_cut_arrives_late() {
        let echo = Listener::start(|mut stream| drop(io::copy(&mut &*stream, &mut stream))).expect("a free port");
        let relay = Relay::to(echo.port()).expect("a free port");
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).expect("it listens");
        client.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
        let read = |client: &mut TcpStream| {
            let mut byte = [0];
            client.read_exact(&mut byte).map(|()| byte[0])
        };
        client.write_all(b"a").expect("it is open");
        assert_eq!(read(&mut client).expect("it passes"), b'a');
        relay.cut();
        client.write_all(b"b").expect("it is open");
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, relay.port())).expect("it listens");
        other.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        other.write_all(b"c").expect("it is open");
        assert_eq!(read(&mut client).expect_err("nothing arrives").kind(), io::ErrorKind::WouldBlock);
        client.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        relay.mend();
        assert_eq!((read(&mut client).expect("late"), read(&mut other).expect("late")), (b'b', b'c'));
        relay.cut();
        drop(relay);
        assert_eq!(client.read(&mut [0]).unwrap_or(0), 0, "it has ended");
    }
}
