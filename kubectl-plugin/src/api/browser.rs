//! Sign-in of browsers by the issuer of their tokens: there, back, and out again.
//!
//! In: browsers. Out: redirects and cookies. What comes back from the issuer is a token; it begins a session as any token does that the
//! API server knows, and none where the API server does not.

use http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};

use super::answer::{Answer, Code, Refusal, Whole};
use super::asked::LOGIN_COOKIE;
use super::routes::Action;
use super::session::{cookies, no_cookies};
use super::{Api, Begun};
use crate::access::SessionId;
use crate::oidc::{CameBack, LOGIN_LASTS, NotSignedIn, Oidc};

/// Tells the page where people sign in why they are not.
const WHY_COOKIE: &str = "__Host-kubectl-gitops-why";
/// So much of it.
const LONGEST_WHY: usize = 500;

impl Api {
    /// `GET /auth/login`.
    pub(super) async fn log_in(&self, begun: &Begun) -> Result<Answer, Refusal> {
        let asked = &begun.asked;
        let login = self.oidc.begin(asked.peer, asked.query.one("return_url")).await?;
        // It comes back from another site: by `Strict` it would come back without its cookie.
        let kept =
            format!("{LOGIN_COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={LOGIN_LASTS}", *login.cookie);
        redirect(&login.location, &[&kept])
    }

    /// `GET /auth/callback`.
    pub(super) async fn call_back(&self, begun: &Begun) -> Result<Answer, Refusal> {
        let (asked, query) = (&begun.asked, &begun.asked.query);
        let came = CameBack {
            code: query.one("code"),
            state: query.one("state"),
            issuer: query.one("iss"),
            error: query.one("error"),
        };
        let cookie = asked.credentials.login.as_deref().map(String::as_str);
        let token = self.oidc.finish(asked.peer, came, cookie).await?;
        let person = self.access.who_signed_in(&token.token, asked.peer).await?;
        let _ = begun.who.set(person.name.clone());
        let often = || Refusal::new(Code::TooMuch, "you ask too often, or for too much at once");
        let _turn = self.users.request(person.key()).ok_or_else(often)?;
        let refresh = token.refresh.as_ref().map(|refresh| refresh.as_str());
        let (id, lasts) = self.sessions.begin(&token.token, &person.name, Some(token.end), refresh).await?;
        let [own, csrf] = cookies(&id, lasts.as_secs());
        let no_login = format!("{LOGIN_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        Ok(page(&token.back, &[&own, &csrf, &no_login]))
    }

    /// Leads a browser that should have got a page to the one where people sign in, which says why they are not: by a cookie of a
    /// minute, since whatever is in an address may come from anybody.
    pub(super) fn tell_page(&self, begun: &Begun, refusal: Refusal) -> Result<Answer, Refusal> {
        let asked = &begun.asked;
        let back = match begun.route.action {
            Action::Login if asked.wants_page => Oidc::path(asked.query.one("return_url")).to_owned(),
            Action::Callback if asked.wants_page => {
                self.oidc.back(asked.credentials.login.as_deref().map(String::as_str))
            }
            _ => return Err(refusal),
        };
        let why: String = refusal.message.chars().take(LONGEST_WHY).collect();
        let why: String = url::form_urlencoded::byte_serialize(why.as_bytes()).collect();
        redirect(&back, &[&format!("{WHY_COOKIE}={why}; Path=/; Secure; SameSite=Strict; Max-Age=60")])
    }

    /// `GET /auth/logout`. The cookie of a session comes with no request that another site made.
    pub(super) async fn log_out(&self, begun: &Begun) -> Result<Answer, Refusal> {
        if self.access.is_own() {
            return redirect("/", &[]);
        }
        let id = begun.asked.credentials.session.as_deref().and_then(|text| SessionId::read(text));
        let session = match id {
            Some(id) => self.sessions.get(&id).await.ok(),
            None => None,
        };
        let mut location = None;
        if let Some(session) = session {
            self.end_session(&session.id).await?;
            location = self.oidc.sign_out(&session.token).await;
        }
        let [own, csrf] = no_cookies();
        // A page of another site that leads here shows no session, and takes none away.
        let cookies: &[&str] = if begun.asked.credentials.session.is_some() { &[&own, &csrf] } else { &[] };
        redirect(location.as_deref().unwrap_or("/"), cookies)
    }
}

impl From<NotSignedIn> for Refusal {
    fn from(why: NotSignedIn) -> Self {
        let code = match why {
            NotSignedIn::NoIssuer => Code::Unserved,
            NotSignedIn::Wrong(_) => Code::NotNow,
            NotSignedIn::Away(_) => Code::Away,
            NotSignedIn::Unknown | NotSignedIn::Refused(_) => Code::Unknown,
            NotSignedIn::TooMany => Code::TooMuch,
        };
        Self::new(code, why.to_string())
    }
}

/// Sends a browser elsewhere.
fn redirect(location: &str, cookies: &[&str]) -> Result<Answer, Refusal> {
    let location = HeaderValue::from_str(location).map_err(|_| Refusal::broken())?;
    Ok(Answer::Whole(Whole {
        status: StatusCode::SEE_OTHER,
        headers: with(vec![(LOCATION, location)], cookies),
        body: Vec::new().into(),
    }))
}

/// A page that leads on to a path of ours. A redirect would not do: it would still come from the issuer's site, for a browser, and so
/// without the cookies of the session.
fn page(path: &str, cookies: &[&str]) -> Answer {
    let path = path.replace('&', "&amp;");
    let body = format!(
        "<!doctype html><title>Signed in</title><meta http-equiv=\"refresh\" content=\"0; url={path}\">\
         <a href=\"{path}\">Signed in</a>\n"
    );
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    Answer::Whole(Whole {
        status: StatusCode::OK,
        headers: with(vec![(CONTENT_TYPE, html)], cookies),
        body: body.into_bytes().into(),
    })
}

fn with(mut headers: Vec<(http::HeaderName, HeaderValue)>, cookies: &[&str]) -> Vec<(http::HeaderName, HeaderValue)> {
    let values = cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok());
    headers.extend(values.map(|value| (SET_COOKIE, value)));
    headers
}
