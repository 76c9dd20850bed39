//! Sessions whose tokens are renewed before they end, by what the issuer gave for that.
//!
//! In: a session of whoever asks. Out: the same with a token that goes on. One request renews it, and those that come meanwhile go on
//! with the token that is there, or wait where that is over. An issuer that refuses ends the session for all replicas; one that is
//! away ends nothing before the token's own end, and is asked again by and by.

use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::Api;
use super::answer::Refusal;
use crate::access::{Claim, Claimed, NoSession, Session, SessionId};
use crate::oidc::{NotSignedIn, Oidc};

/// Others are waited for no longer.
const RENEWED_WITHIN: Duration = Duration::from_secs(15);
/// How often they are asked how far they are.
const ASKED_EVERY: Duration = Duration::from_millis(300);

impl Api {
    /// A session with a token that goes on, where that is to be had.
    pub(super) async fn renewed(&self, session: Session) -> Result<Session, Refusal> {
        let now = self.controller.cluster.connection.server_time();
        if !session.is_due(now) {
            return Ok(session);
        }
        let is_over = Oidc::end_of(&session.token).is_none_or(|end| end <= now);
        let deadline = Instant::now() + RENEWED_WITHIN;
        loop {
            match self.sessions.claim(&session.id, is_over).await {
                Ok(Claim::Ours(claimed)) => return self.renew(session, &claimed, is_over).await,
                Ok(Claim::Renewed(renewed)) => return Ok(renewed),
                // What is there is good for the moment.
                Ok(Claim::Others) | Err(NoSession::Unknown(_)) if !is_over => return Ok(session),
                Ok(Claim::Others) if Instant::now() < deadline => tokio::time::sleep(ASKED_EVERY).await,
                Ok(Claim::Others) => return Err(Refusal::away("the session cannot be renewed now: try again")),
                Err(why) => return Err(why.into()),
            }
        }
    }

    async fn renew(&self, session: Session, claimed: &Claimed, is_over: bool) -> Result<Session, Refusal> {
        let Some(renewal) = &session.renewal else { return Ok(session) };
        match self.oidc.renew(&session.token, &renewal.refresh).await {
            Ok(next) => {
                let refresh = next.refresh.unwrap_or_else(|| renewal.refresh.clone());
                let renewed = self.sessions.renew(&session.id, claimed, &next.token, next.end, &refresh).await;
                if renewed.as_ref().is_err_and(|why| *why == NoSession::Over) {
                    // Somebody signed out meanwhile: what was taken back then was the one before.
                    self.oidc.revoke(&refresh).await;
                }
                Ok(renewed?)
            }
            Err(NotSignedIn::Refused(_) | NotSignedIn::NoIssuer) => {
                self.sessions.end(&session.id).await?;
                Err(NoSession::Over.into())
            }
            Err(_) if !is_over => Ok(session),
            Err(why) => Err(why.into()),
        }
    }

    /// Ends a session for all replicas, and what renewed its token at the issuer's.
    pub(super) async fn end_session(&self, id: &SessionId) -> Result<(), Refusal> {
        let refresh: Option<Zeroizing<String>> = self.sessions.end(id).await?;
        if let Some(refresh) = refresh {
            self.oidc.revoke(&refresh).await;
        }
        Ok(())
    }
}
