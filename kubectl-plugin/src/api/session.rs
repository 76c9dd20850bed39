//! Sign in, sign out, who is it.
//!
//! In: a token, or a session. Out: cookies. The one with the id is out of reach of scripts; the other has what a page of ours
//! shows to prove that it is one. Sign-in by OIDC (`browser`) ends here, too: with a token that the API server knows.
//!
//! Somebody's own server, on a port of their machine, gives and takes no cookies: a browser sends those of a host to all of its ports,
//! and on another one may be anybody. There the page itself keeps a token of that process, which no other origin reads.

use http::HeaderValue;
use http::header::SET_COOKIE;

use super::answer::{Answer, Code, Refusal};
use super::asked::COOKIE_NAME;
use super::asks::SignInAsk;
use super::caller::Caller;
use super::shapes::{SignedInJson, UserInfoJson};
use super::{Api, Begun, change};
use crate::access::SessionId;

/// The cookie that pages of ours read.
pub(super) const CSRF_COOKIE: &str = "__Host-kubectl-gitops-csrf";

impl Api {
    /// Begins a session.
    pub(super) async fn sign_in(&self, begun: &Begun, body: &[u8]) -> Result<Answer, Refusal> {
        let SignInAsk { token } = change::typed(&change::read(body)?)?;
        let token = self.access.exchange(zeroize::Zeroizing::new(token).trim());
        let person = self.access.who(&token, begun.asked.peer).await?;
        let _ = begun.who.set(person.name.clone());
        let often = || Refusal::new(Code::TooMuch, "you ask too often, or for too much at once");
        let _turn = self.users.request(person.key()).ok_or_else(often)?;
        if self.access.is_own() {
            return Ok(Answer::json(&SignedInJson { token: Some(token.to_string()) }));
        }
        let (id, lasts) = self.sessions.begin(&token, &person.name, None, None).await?;
        let [own, csrf] = cookies(&id, lasts.as_secs());
        Ok(with_cookies(&[&own, &csrf]))
    }

    /// Ends a session, for all replicas, and what renewed its token. On somebody's own server nobody is signed in after that until it is started again.
    pub(super) async fn sign_out(&self, caller: Option<&Caller>) -> Result<Answer, Refusal> {
        if self.access.is_own() {
            if caller.is_some() {
                self.access.end_own();
            }
            return Ok(Answer::json(&SignedInJson::default()));
        }
        if let Some((id, _)) = caller.and_then(|caller| caller.session.as_ref()) {
            self.end_session(id).await?;
        }
        let [own, csrf] = no_cookies();
        Ok(with_cookies(&[&own, &csrf]))
    }
}

/// Who is signed in.
pub(super) fn user_info(caller: Option<&Caller>) -> Answer {
    let of = |caller: &Caller| UserInfoJson {
        logged_in: true,
        username: caller.person.name.clone(),
        groups: caller.person.groups.clone(),
    };
    Answer::json(&caller.map(of).unwrap_or_default())
}

/// The cookies of a session that lasts for so many seconds.
pub(super) fn cookies(id: &SessionId, seconds: i64) -> [String; 2] {
    [
        format!("{COOKIE_NAME}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}", *id.text()),
        format!("{CSRF_COOKIE}={}; Path=/; Secure; SameSite=Strict; Max-Age={seconds}", id.csrf()),
    ]
}

/// What takes them away.
pub(super) fn no_cookies() -> [String; 2] {
    let gone = |name: &str, more: &str| format!("{name}=; Path=/; Secure{more}; SameSite=Strict; Max-Age=0");
    [gone(COOKIE_NAME, "; HttpOnly"), gone(CSRF_COOKIE, "")]
}

fn with_cookies(cookies: &[&str]) -> Answer {
    let mut answer = Answer::json(&serde_json::json!({}));
    if let Answer::Whole(whole) = &mut answer {
        let values = cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok());
        whole.headers.extend(values.map(|value| (SET_COOKIE, value)));
    }
    answer
}
