//! Who did what, from where, and what came of it: one line for each request that changes something, and for each refusal.
//!
//! In: requests and their outcomes. Out: lines of the log. Reads that are answered are not told. Refusals of those who are
//! nobody are told at a pace, or whoever guesses would fill the log.

use std::net::IpAddr;

use super::answer::{Answer, Code, Refusal};
use super::asked::Asked;
use super::{Api, Begun, is_write};
use crate::controller::log::Deed;

impl Api {
    /// Tells what came of a request.
    pub(super) fn note(&self, begun: &Begun, done: &Result<Answer, Refusal>) {
        let is_told = match done {
            // Whoever signs in with a browser does it by a read.
            Ok(_) => is_write(&begun.asked) || begun.who.get().is_some(),
            Err(refusal) => is_write(&begun.asked) || matches!(refusal.code, Code::Forbidden | Code::Unknown),
        };
        if !is_told {
            return;
        }
        let outcome = done.as_ref().map_or_else(|refusal| refusal.message.as_str(), |_| "done");
        let known = begun.caller.as_ref().map(|caller| &caller.person.name).or(begun.who.get());
        let who = known.map(String::as_str).unwrap_or_default();
        let application = begun.id.get().map(ToString::to_string);
        self.controller.log.deed(&Deed {
            who,
            from: begun.asked.peer,
            action: &format!("{:?}", begun.route.action),
            application: application.as_deref(),
            is_done: done.is_ok(),
            outcome,
        });
    }

    /// Tells that somebody was not let in.
    pub(super) fn note_refusal(&self, asked: &Asked, refusal: &Refusal) {
        let is_told = match refusal.code {
            Code::Forbidden | Code::Unknown => true,
            Code::TooMuch => is_write(asked),
            _ => false,
        };
        if !is_told || !self.users.may_tell(asked.peer) {
            return;
        }
        let action = format!("{} {}", asked.method, asked.path);
        let (who, from, outcome) = ("", asked.peer, refusal.message.as_str());
        self.controller.log.deed(&Deed { who, from, action: &action, application: None, is_done: false, outcome });
    }
}

impl super::limits::Users {
    fn may_tell(&self, peer: IpAddr) -> bool {
        self.told.take(&peer)
    }
}
