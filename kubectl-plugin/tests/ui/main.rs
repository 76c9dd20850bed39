//! The web UI: its sources by themselves, and its pages in Chromium, served by a real controller over the real cluster, and by
//! `kubectl gitops ui`. The steps in the browser are in `ui/tests`; here is the ground that they are taken on.
//!
//! `UI_SHOTS=FOLDER` keeps pictures of the pages. `GITOPS_LONG=1` also takes thousands of Applications and resources.
#![cfg(feature = "ui")]

#[path = "../api/asker.rs"]
#[allow(dead_code, reason = "it is that of the API's tests")]
mod asker;
#[path = "../api/issuer.rs"]
#[allow(dead_code, reason = "it is that of the API's tests")]
mod issuer;
#[path = "../api/people.rs"]
#[allow(dead_code, reason = "it is that of the API's tests")]
mod people;
#[path = "../support/mod.rs"]
mod support;
#[path = "../controller/world.rs"]
#[allow(dead_code, reason = "it is that of the controller's tests")]
mod world;

mod browser;
mod everyday;
mod local;
mod oidc;
mod pages;
mod sources;
mod trouble;
