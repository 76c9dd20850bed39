//! The controller, as a process, against the real API server and a real Git server: Applications are made as people make
//! them, commits are pushed, objects are changed by hand, and what the cluster and the Application's status say then is
//! looked at.

#[path = "../support/mod.rs"]
mod support;

#[path = "../cache/replica.rs"]
mod replica;

mod asked;
mod beside;
mod binary_cache;
mod clusters;
mod commands;
mod corpus;
mod credentials;
mod delivery;
mod github;
mod health;
mod implied;
mod interrupted;
mod poisoned;
mod proxies;
mod replicas;
mod rights;
mod rollback;
mod spoke;
mod tenants;
mod traces;
mod webhooks;
mod world;
