//! The API of a controller that runs as a process, against the real API server: people and machines with different rights
//! ask, over sockets, and what they are answered is held against what they may do with kubectl.

#[path = "../controller/spoke.rs"]
#[allow(dead_code, reason = "it is that of the controller's tests")]
mod spoke;
#[path = "../support/mod.rs"]
mod support;
#[path = "../controller/world.rs"]
#[allow(dead_code, reason = "it is that of the controller's tests")]
mod world;

mod advisories;
mod argo_cd;
mod asker;
mod browser;
mod doors;
mod elsewhere;
mod floods;
mod issuer;
mod limits;
mod matrix;
mod objects;
mod page;
mod people;
mod previews;
mod projects;
mod renewal;
mod rights;
mod schemathesis;
mod shapes;
mod streams;
mod writes;
