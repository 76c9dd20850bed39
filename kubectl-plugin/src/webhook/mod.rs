//! Webhooks: what they say, who sent them, and which applications they concern. Pure, but for the lock around what is shared.
//!
//! In: headers and bodies, as anybody may send them; the secrets of providers; the sources of applications and the secrets of
//! their own. Out: [`Received`], with events and to whom their sender may speak, or [`Refused`], with the status of the answer.
//!
//! | file | what |
//! |---|---|
//! | `address` | when two addresses mean the same repository |
//! | `target` | which refs and tags a `targetRevision` is concerned by |
//! | `event` | what happened, and whether it concerns a source |
//! | `bounded` | what is taken from a body, up to limits |
//! | `secret`, `reference`, `secrets` | a secret, where it is, all of the providers |
//! | `received`, `refused` | what comes of a webhook |
//! | `provider` | one file for each provider |
//! | `index`, `known` | the applications, by repository; that and the secrets, shared |
//! | `inbox` | events that wait for the controller |
//!
//! Guarantees: no input makes it panic, and what it keeps of a body has a limit. An address of a body is compared with those
//! that applications have, and no request is made to it. An event that anybody may have sent does nothing but make the
//! controller ask Git, or a registry, by the application's own address. Secrets are compared in constant time and shown
//! nowhere.

mod address;
mod bounded;
mod event;
mod inbox;
mod index;
mod known;
mod provider;
mod received;
mod reference;
mod refused;
mod secret;
mod secrets;
mod target;

use http::HeaderMap;

pub use address::Address;
pub use event::{Change, Event, Oid, Push, Source};
pub use inbox::{CAPACITY, Full, Inbox};
pub use index::{Entry, Index};
pub use known::Known;
pub use provider::Provider;
pub use received::{Received, Trust};
pub use reference::{ANNOTATION, Asked, SecretReference};
pub use refused::{Malformed, Refused};
pub use secret::Secret;
pub use secrets::Secrets;
pub use target::{Kind, Reference, Target};

use provider::{Payload, Request};
use secret::Proof;
use secrets::Verdict;

/// How large a body may be by default, in bytes: Argo CD's 50 MB.
pub const LARGEST_BODY: usize = 50 << 20;

/// How many bytes are hashed to find the secret of an application that fits a signature. Bodies of events have some KB, so
/// that this is enough for thousands of secrets; of a body of 50 MB one is tried.
const MOST_HASHED: usize = 64 << 20;

/// Judges a webhook by its headers alone, before its body is read: most of what is to be refused is refused here, however
/// long its body is.
///
/// # Errors
/// Where [`receive`] would refuse it whatever its body is.
pub fn check(headers: &HeaderMap, known: &Known) -> Result<Provider, Refused> {
    let request = Request::recognise(headers)?;
    request.check()?;
    let needs_body = request.is_knock() || matches!(request.shared, Proof::Signature(_)) || known.has_own_secrets();
    if !needs_body && known.secrets().judge(request.provider, &request.shared, b"")? == Verdict::Bad {
        return Err(request.unverified());
    }
    Ok(request.provider)
}

/// Judges a webhook and reads it. The body is as it came; whoever calls has limited its length.
///
/// # Errors
/// Where it is not taken: see [`Refused`], which knows the status of the answer.
pub fn receive(headers: &HeaderMap, body: &[u8], known: &Known) -> Result<Received, Refused> {
    let request = Request::recognise(headers)?;
    request.check()?;
    let provider = request.provider;
    if request.is_knock() {
        return Ok(Received { provider, events: Vec::new(), trust: Trust::default() });
    }
    let verdict = known.secrets().judge(provider, &request.shared, body)?;
    if verdict == Verdict::Bad && !known.has_own_secrets() {
        return Err(request.unverified());
    }
    let payload = request.parse(body);
    let Payload { addresses, changes } = match payload {
        // Whoever has no secret learns nothing about bodies.
        Err(_) if verdict == Verdict::Bad => return Err(request.unverified()),
        payload => payload?,
    };
    let mut trust =
        Trust { is_open: verdict == Verdict::Open, is_of_provider: verdict == Verdict::Good, ..Trust::default() };
    if verdict != Verdict::Good {
        let most = (MOST_HASHED / body.len().max(1)).max(1);
        for (secret, applications) in known.own_secrets(&addresses).into_iter().take(most) {
            if secret.fits(request.own(), body) {
                trust.own.extend(applications);
            }
        }
    }
    if verdict == Verdict::Bad && trust.own.is_empty() {
        return Err(request.unverified());
    }
    let is_addressed = !addresses.is_empty();
    let event = |change| Event { addresses: addresses.clone(), change };
    let events = if is_addressed { changes.into_iter().map(event).collect() } else { Vec::new() };
    Ok(Received { provider, events, trust })
}

#[cfg(test)]
mod tests;
