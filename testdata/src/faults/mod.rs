//! A way to an API server on which things go wrong: at a request that is chosen by its number, one thing of a list.
//!
//! In: the API server, and [`Fault`]s. Out: a [`FaultyWay`], an address that speaks HTTP/1.1 without TLS and passes
//! requests on as the cluster's administrator; what was asked and what came of it ([`Exchange`]).
//!
//! | module | what |
//! |---|---|
//! | [`fault`] | what can go wrong, and where |
//! | `judge` | what becomes of each request, pure |
//! | `message` | requests and answers on a connection |
//! | `answer` | what is answered in the place of the API server |
//! | `way` | the connections |
//!
//! # Guarantees
//! - A request has a number as soon as all of it has arrived; no two have the same.
//! - Nothing is passed on twice, and nothing is passed on in part.
//! - Once a client is taken for dead, nothing of it is passed on any more and nothing is answered: not even a refusal
//!   that it could act on. What had been passed on before is done.
//! - What a watch tells is handed on as it comes.
//! - When a way is dropped, all that was under way on it is over.

mod answer;
pub mod fault;
mod judge;
mod message;
mod way;

pub use fault::{Effect, Fault, Which};
pub use way::{Exchange, FaultyWay};
