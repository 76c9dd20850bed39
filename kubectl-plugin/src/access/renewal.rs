//! Tokens of sessions, renewed before they end: by one replica at a time, since what renews a token may be of use once.
//!
//! In: the id of a session whose token is to be renewed. Out: a claim on that, which one replica has for a while; then the new tokens,
//! written for all. Guarantees: the Secret says who is at it before the issuer is asked, and new tokens are written over those only
//! that they were got by; a session that was ended meanwhile stays ended. Whoever claimed it and died is waited for, and no longer
//! than [`CLAIM_HOLDS`].

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::cluster::Failure;
use crate::controller::report::written;

use super::seal::SessionId;
use super::sealed::Sealed;
use super::sessions::{NoSession, Session, Sessions, failed};

/// The annotation that says when somebody began.
const CLAIMED: &str = "kubectl-gitops/session-claimed";

/// For how long a claim holds: longer than the issuer is waited for, and than a write takes.
pub(super) const CLAIM_HOLDS: SignedDuration = SignedDuration::from_secs(30);
/// A token is renewed so long before it ends; one that lasts for less than twice that, when half of it is over.
const BEFORE_ITS_END: SignedDuration = SignedDuration::from_mins(1);
/// So often it is tried where others change the Secret.
const ATTEMPTS: u32 = 5;

/// Who renews a token.
pub enum Claim {
    /// Whoever asked.
    Ours(Claimed),
    /// Somebody has, meanwhile.
    Renewed(Session),
    /// Somebody else is at it, or was a moment ago.
    Others,
}

/// The right to write the next tokens of a session.
pub struct Claimed {
    uid: Json,
    version: Json,
    end: String,
}

/// When a token is to be renewed that ends then.
pub(super) fn due(now: Timestamp, end: Timestamp) -> Timestamp {
    let lasts = end.duration_since(now);
    let half = SignedDuration::from_secs(lasts.as_secs() / 2);
    end.checked_sub(half.min(BEFORE_ITS_END)).unwrap_or(now)
}

/// When somebody said that they are at it, where that was not too long ago.
pub(super) fn is_claimed(claimed: Option<&str>, now: Timestamp) -> bool {
    let began = claimed.and_then(|at| at.parse::<Timestamp>().ok());
    began.is_some_and(|began| now.duration_since(began).abs() < CLAIM_HOLDS)
}

/// What a Secret says of that.
pub(super) fn claim_of(secret: &Json) -> Option<String> {
    secret["metadata"]["annotations"][CLAIMED].as_str().map(str::to_owned)
}

impl Sessions {
    /// Claims the renewal of a session's token. Where it `waits`, others are asked how far they are; else what is known will do.
    ///
    /// # Errors
    /// Where the session is over, or it cannot be told.
    pub async fn claim(&self, id: &SessionId, waits: bool) -> Result<Claim, NoSession> {
        let path = self.path(id);
        if !waits && self.is_claimed(id) {
            return Ok(Claim::Others);
        }
        for _ in 0..ATTEMPTS {
            let Some(secret) = self.cluster.find(&path).await.map_err(|failure| failed(&failure))? else {
                self.forget(&id.name());
                return Err(NoSession::Over);
            };
            self.take(&secret);
            let now = self.now();
            let session = self.opened(id)?;
            if !session.is_due(now) {
                return Ok(Claim::Renewed(session));
            }
            if self.is_claimed(id) {
                return Ok(Claim::Others);
            }
            let metadata = &secret["metadata"];
            let claimed = json!({"metadata": {
                "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
                "annotations": {CLAIMED: written(now)},
            }});
            match self.cluster.merge_patch(&path, &claimed).await {
                Ok(secret) => {
                    self.take(&secret);
                    let version = secret["metadata"]["resourceVersion"].clone();
                    let end = Sealed::read(&secret).ok_or(NoSession::Over)?.end;
                    return Ok(Claim::Ours(Claimed { uid: metadata["uid"].clone(), version, end }));
                }
                Err(failure) if is_changed(&failure) => {}
                Err(failure) => return Err(failed(&failure)),
            }
        }
        Ok(Claim::Others)
    }

    /// Writes the next tokens of a session, by whoever has claimed that.
    ///
    /// # Errors
    /// Where the session is over, or it cannot be written.
    pub async fn renew(
        &self,
        id: &SessionId,
        claimed: &Claimed,
        token: &str,
        token_ends: Timestamp,
        refresh: &str,
    ) -> Result<Session, NoSession> {
        let renews = written(due(self.now(), token_ends));
        let sealed = Sealed::new(id, token, Some((refresh, renews)), claimed.end.clone());
        let sealed = sealed.ok_or_else(|| NoSession::Unknown("there are no random numbers".to_owned()))?;
        let (mut annotations, data) = sealed.written();
        annotations[CLAIMED] = Json::Null;
        let metadata = json!({"uid": claimed.uid, "resourceVersion": claimed.version, "annotations": annotations});
        let patch = json!({"metadata": metadata, "data": data});
        match self.cluster.merge_patch(&self.path(id), &patch).await {
            Ok(secret) => self.take(&secret),
            // It was ended, or somebody else was faster: what is there counts.
            Err(failure) if is_changed(&failure) => self.look(id).await?,
            Err(failure) => return Err(failed(&failure)),
        }
        self.opened(id)
    }
}

fn is_changed(failure: &Failure) -> bool {
    failure.is_conflict() || failure.is_not_found()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let due = |lasts: i64| due(at(1000), at(1000 + lasts)).as_second() - 1000;
        assert_eq!((due(3600), due(120), due(60), due(10), due(1)), (3540, 60, 30, 5, 1));
    }

    #[test]
    fn a_claim_holds_for_a_while() {
        let claimed = |began: i64, now: i64| is_claimed(Some(&written(at(began))), at(now));
        assert!(claimed(1000, 1000) && claimed(1000, 1029) && !claimed(1000, 1030));
        assert!(!claimed(2000, 1000), "whose clock is far ahead holds nothing for ever");
        assert!(!is_claimed(None, at(0)) && !is_claimed(Some("soon"), at(0)));
    }
}
