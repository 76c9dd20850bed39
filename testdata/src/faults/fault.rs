//! What can go wrong with a request, and with which.

use std::time::Duration;

/// Something that goes wrong once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which requests are counted.
    pub which: Which,
    /// The number of the request among those, from 1.
    pub number: usize,
    /// What becomes of it.
    pub effect: Effect,
}

/// A kind of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    Any,
    /// Those that may change something: POST, PUT, PATCH, DELETE.
    Writing,
    /// Watches.
    Watch,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The client dies before it is sent.
    DieBefore,
    /// The client dies when it was sent, before the answer arrives.
    DieAfter,
    /// It is passed on, and the connection breaks before the answer.
    LoseReply,
    /// It is not passed on, and answered so; its repetitions too, until it was answered `times` times.
    Refuse {
        /// The status, and the seconds that the client is told to wait.
        refusal: Refusal,
        /// How often.
        times: usize,
    },
    /// From it on nobody is there for so long: it is not passed on, what is under way breaks off, and no connection is taken.
    Outage(Duration),
    /// It arrives late.
    Delay(Duration),
    /// A watch ends after so many events.
    EndWatch {
        /// Events that still come.
        after: usize,
        /// How it ends.
        end: WatchEnd,
    },
    /// From the creation of a CRD on, the paths of its group are not found for so long. Counts from the first request, so
    /// that its number does not matter.
    Lag(Duration),
    /// From it on all answers say that they are of this date, as HTTP writes it, until another: the client's clock is wrong, as
    /// seen from there, or jumps.
    Date(String),
}

/// An answer in the place of the API server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of HTTP.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

/// How a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// By an event: what it would go on from is too old (410).
    Expired,
    /// In the middle of an event.
    Cut,
    /// As the server ends one that has lasted long enough.
    Closed,
}

impl Fault {
    /// Something that happens to the request with this number among all.
    #[must_use]
    pub fn at(number: usize, effect: Effect) -> Self {
        Self { which: Which::Any, number, effect }
    }
}
