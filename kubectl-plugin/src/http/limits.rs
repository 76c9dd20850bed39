//! All limits of the server, each with its default.

use std::time::Duration;

use crate::webhook::LARGEST_BODY;

/// The limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections there are at once; more are answered with 503.
    pub connections: usize,
    /// How long a connection may take to send a request before it is cut where another one needs its place.
    pub patience: Duration,
    /// How long the head of a request may take, and how long a connection is kept without one.
    pub header_time: Duration,
    /// How long the head of a request may be, and how much of a body is read at once.
    pub header_bytes: usize,
    /// How long the next part of a body may take.
    pub part_time: Duration,
    /// How long a request may take.
    pub request_time: Duration,
    /// How large a body may be.
    pub body: usize,
    /// How many bytes of bodies are kept at once beside the first [`Limits::small`] of each connection.
    pub buffered: usize,
    /// A body up to this size needs no permission of anybody.
    pub small: usize,
    /// How long requests in flight may take when the server ends.
    pub grace: Duration,
}

impl Default for Limits {
    /// 1024 connections with 64 KiB each, and 192 MiB beside them: 256 MiB.
    fn default() -> Self {
        Self {
            connections: 1024,
            patience: Duration::from_secs(1),
            header_time: Duration::from_secs(10),
            header_bytes: 32 << 10,
            part_time: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            body: LARGEST_BODY,
            buffered: 192 << 20,
            small: 64 << 10,
            grace: Duration::from_secs(10),
        }
    }
}
