//! A port of the loopback interface that stays ours, also while nothing listens on it.
//!
//! Out: a port that the system chose. The usual way (bind, look, close, let another bind) loses the port to whoever is
//! quicker. This socket stays bound with `SO_REUSEPORT`: the system gives the port to nobody else, and a server that is
//! told to share it may listen on it, and again after a restart: kube-apiserver by `--permit-port-sharing`, nginx by
//! `reuseport`. A socket that is bound and does not listen gets no connections.
//!
//! Redis knows nothing of that, but sets `SO_REUSEADDR` as most servers do. Where both have it, it may listen beside a socket
//! that does not, again and again; and no other gets the port that does not ask for it by number.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt};

/// A port, ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _socket: OwnedFd,
}

impl Port {
    /// Takes a free port of 127.0.0.1.
    pub(crate) fn reserve() -> io::Result<Self> {
        // Closed in the programs that are started: a port must not outlive its owner.
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseport(&socket, true)?;
        Self::bind(socket)
    }

    /// Takes a free port of 127.0.0.1 for a server that cannot be told to share it.
    pub(crate) fn reserve_for_any() -> io::Result<Self> {
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        Self::bind(socket)
    }

    fn bind(socket: OwnedFd) -> io::Result<Self> {
        bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))?;
        let address = SocketAddrV4::try_from(getsockname(&socket)?)?;
        Ok(Self { number: address.port(), _socket: socket })
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_reserved_port_is_taken_and_answers_nobody() {
        let port = Port::reserve().expect("a free port");
        let address = (Ipv4Addr::LOCALHOST, port.number());
        assert!(TcpListener::bind(address).is_err(), "nobody else gets the port");
        assert!(TcpStream::connect(address).is_err(), "nothing listens");
    }

    #[test]
    fn a_port_for_any_server_is_given_to_no_other_and_may_be_listened_on_again() {
        let port = Port::reserve_for_any().expect("a free port");
        let address = (Ipv4Addr::LOCALHOST, port.number());
        assert!(TcpStream::connect(address).is_err(), "nothing listens");
        for _ in 0..2 {
            let server = TcpListener::bind(address).expect("whoever knows the number may listen");
            assert!(TcpStream::connect(address).is_ok());
            drop(server);
        }
        let others = (0..1000).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
        let mut others = others.map(|other| other.local_addr().expect("bound").port());
        assert!(others.all(|other| other != port.number()));
    }
}
