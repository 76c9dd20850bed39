//! Contents that Git LFS keeps, from its servers.
//!
//! In: a repository, a pointer, perhaps the server that the repository itself names. Out: the content, which has the digest
//! and the size of its pointer. The server of a repository is asked by the batch API where a content is, and that place for
//! the content; for a repository by SSH `git-lfs-authenticate` says first which server it is and what to tell it.
//!
//! # Who learns what
//!
//! - The credential of the repository goes to the server that is derived from its address, and to places of the same origin.
//! - A server that the repository names (`lfs.url` of `.lfsconfig`) is somebody else's word: it is judged as an address that
//!   an index names, and gets the credential that the user wrote for that address, or the repository's where it is of the
//!   same origin.
//! - What a server says to send with a request goes to the one origin of that request.
//! - Where a content is, is judged as a redirect is: never to http, no further inward than the repository.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use gitops_compiler::tree::Pointer;
use jiff::Timestamp;
use reqwest::Method;
use url::Url;

use super::access::{Access, Refused};
use super::address::{Address, Scheme, is_same_origin, shown};
use super::credentials::Credential;
use super::error::{FailureKind, FetchError};
use super::git::Git;
use super::lfs_batch::{self, Action, Batch};
use super::reach::Reach;
use super::transfer::{Body, Identity, Request};
use super::web::{Web, identity, refusal};

/// How much a server may say of one object: 1 MiB; and 64 KiB more for each that is asked for with it.
const LARGEST_ANSWER: u64 = 1 << 20;
const MORE_FOR_EACH: u64 = 64 << 10;

/// Fetches contents.
pub struct Lfs {
    web: Web,
    git: Arc<Git>,
    known: Mutex<BTreeMap<Place, Result<Server, FetchError>>>,
}

/// A repository, and the server that it names.
pub(super) type Place = (String, Option<String>);

/// What a server said of objects.
pub(super) struct Asked {
    server: Server,
    batch: Batch,
    /// When it said that.
    at: Timestamp,
}

/// A server that may be asked.
#[derive(Clone)]
struct Server {
    /// Where it is asked for objects.
    url: Url,
    /// How far inward it may be, and the places that it names.
    within: Reach,
    credential: Option<Credential>,
    identity: Option<Arc<Identity>>,
    /// Until when it knows us so.
    until: Option<Timestamp>,
}

impl Lfs {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(access: Access, git: Arc<Git>) -> Self {
        Self { web: Web::new(access), git, known: Mutex::default() }
    }

    /// The content of a pointer in a repository, which may name the `server`.
    ///
    /// # Errors
    /// Where the server may not be asked, does not answer, does not have it, or gives something else. A server that fails as
    /// a whole is not asked again.
    pub fn content(&self, repository: &str, server: Option<&str>, pointer: &Pointer) -> Result<Vec<u8>, FetchError> {
        let place = (repository.to_owned(), server.map(str::to_owned));
        let asked = self.ask(&place, &[*pointer])?;
        let action = asked.action(pointer)?;
        self.content_at(&place, &asked.server, action, pointer)
    }

    /// One content of those that a server was asked for.
    pub(super) fn content_of(&self, place: &Place, asked: &Asked, pointer: &Pointer) -> Result<Vec<u8>, FetchError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned();
        if let Some(Err(given_up)) = known {
            return Err(given_up);
        }
        let action = asked.action(pointer)?;
        if action.until.is_some_and(|until| until <= Timestamp::now()) {
            // Others took too long.
            return self.content(&place.0, place.1.as_deref(), pointer);
        }
        self.content_at(place, &asked.server, action, pointer)
    }

    fn content_at(
        &self,
        place: &Place,
        server: &Server,
        action: Action,
        pointer: &Pointer,
    ) -> Result<Vec<u8>, FetchError> {
        let content = self.download(server, action, pointer).inspect_err(|error| {
            if error.kind == FailureKind::Unreachable {
                self.give_up(place, error);
            }
        })?;
        pointer.check(&content).map_err(|why| {
            FetchError::wrong(
                format!("sha256:{} from {}", pointer.oid(), shown(&server.url)),
                format!("what came is another: {why}"),
            )
        })?;
        Ok(content)
    }

    /// Asks the server of a repository where contents are.
    pub(super) fn ask(&self, place: &Place, pointers: &[Pointer]) -> Result<Asked, FetchError> {
        let server = self.server(place)?;
        let at = Timestamp::now();
        let batch = self.batch(&server, pointers).inspect_err(|error| self.give_up(place, error))?;
        Ok(Asked { server, batch, at })
    }

    /// The server of a repository. It is found once, also where several threads ask for it.
    fn server(&self, place: &Place) -> Result<Server, FetchError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |server: &Server| server.until.is_none_or(|until| until > Timestamp::now());
        if let Some(found) = known.get(place).filter(|found| found.as_ref().map_or(true, is_good)) {
            return found.clone();
        }
        let found = self.find(&place.0, place.1.as_deref());
        known.insert(place.clone(), found.clone());
        found
    }

    fn give_up(&self, place: &Place, error: &FetchError) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone(), Err(error.clone()));
    }

    fn find(&self, repository: &str, named: Option<&str>) -> Result<Server, FetchError> {
        let access = self.web.access();
        let address = access.repository(repository).map_err(|refused| FetchError::refused(&refused))?;
        let Some(named) = named else {
            let credential = self.web.credential(repository)?;
            return match address.scheme {
                Scheme::Https | Scheme::Http => {
                    let identity = identity(&address, credential.as_ref(), address.url.clone());
                    Ok(Server::new(derived(&address.url), Reach::Machine, credential, identity))
                }
                Scheme::Ssh => self.authenticate(repository, &address, credential, Reach::Machine),
                Scheme::Oci => Err(no_server(&address)),
            };
        };
        let reach = self.web.learned_reach(&address.url);
        let server = access.named_by(&address.url, reach, named).map_err(|refused| named_in_vain(&refused))?;
        // The host that was asked for may be anywhere.
        let within = if server.url.host() == address.url.host() { Reach::Machine } else { reach };
        let own = self.web.credential(named.trim_end_matches('/').trim_end_matches("/info/lfs"))?;
        let is_same = server.scheme != Scheme::Ssh && is_same_origin(&server.url, &address.url);
        let credential = match own {
            None if is_same => self.web.credential(repository)?,
            own => own,
        };
        match server.scheme {
            Scheme::Https | Scheme::Http => {
                let known_as = if is_same { &address } else { &server };
                let identity = identity(known_as, credential.as_ref(), server.url.clone());
                Ok(Server::new(server.url, within, credential, identity))
            }
            Scheme::Ssh => self.authenticate(named, &server, credential, within),
            Scheme::Oci => Err(no_server(&server)),
        }
    }

    /// The server that a repository by SSH names, as whom it knows us.
    fn authenticate(
        &self,
        repository: &str,
        address: &Address,
        credential: Option<Credential>,
        within: Reach,
    ) -> Result<Server, FetchError> {
        let said = self.git.lfs_authenticate(repository)?;
        let shown = address.shown();
        let action =
            lfs_batch::authenticated(&shown, said.as_bytes(), derived(&without_port(&address.url)), Timestamp::now())?;
        let reach = within.min(self.web.learned_reach(&address.url));
        let named = self.web.access().named_by(&address.url, reach, action.url.as_str());
        let server = named.map_err(|refused| FetchError::refused(&refused))?;
        if matches!(server.scheme, Scheme::Ssh | Scheme::Oci) {
            return Err(no_server(&server));
        }
        let is_own = server.url.host() == address.url.host();
        let (within, credential) = if is_own { (within, credential) } else { (reach, None) };
        let identity = Identity { origin: server.url.clone(), headers: action.headers };
        let found = Server::new(server.url, within, credential, Some(Arc::new(identity)));
        Ok(Server { until: action.until, ..found })
    }

    fn batch(&self, server: &Server, pointers: &[Pointer]) -> Result<Batch, FetchError> {
        let answer = self.web.ask(Request {
            form: None,
            repository: server.url.clone(),
            credential: server.credential.clone(),
            told: None,
            url: server.url.clone(),
            method: Method::POST,
            within: server.within,
            identity: server.identity.clone(),
            accept: Some(lfs_batch::KIND),
            body: Some(Body { kind: lfs_batch::KIND, bytes: lfs_batch::request(pointers) }),
            limit: LARGEST_ANSWER + MORE_FOR_EACH * (pointers.len() as u64).saturating_sub(1),
            what: "the answer of Git LFS".to_owned(),
        })?;
        if answer.status.is_success() {
            return lfs_batch::read(&shown(&answer.url), &answer.body);
        }
        let error = refusal(&answer, server.identity.is_some());
        Err(match error.kind {
            FailureKind::NotFound => error.hint(
                "this server offers no Git LFS for the repository; where another keeps its contents, `.lfsconfig` names that \
                 (lfs.url)",
            ),
            _ => error,
        })
    }

    fn download(&self, server: &Server, action: Action, pointer: &Pointer) -> Result<Vec<u8>, FetchError> {
        let mut headers = action.headers;
        // Whom we told who we are may ask for it at another path, too.
        let is_known = server.identity.as_ref().filter(|one| is_same_origin(&one.origin, &action.url));
        if let Some(identity) = is_known.filter(|_| !action.is_authenticated) {
            headers.extend(identity.headers.clone());
        }
        let has_identity = !headers.is_empty();
        let answer = self.web.ask(Request {
            form: None,
            repository: server.url.clone(),
            credential: server.credential.clone(),
            told: None,
            url: action.url.clone(),
            method: Method::GET,
            within: server.within,
            identity: Some(Arc::new(Identity { origin: action.url, headers })),
            accept: None,
            body: None,
            limit: pointer.size(),
            what: "the content".to_owned(),
        })?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(refusal(&answer, has_identity)) }
    }
}

impl Asked {
    fn action(&self, pointer: &Pointer) -> Result<Action, FetchError> {
        self.batch.download(&shown(&self.server.url), pointer, self.at)
    }
}

impl Server {
    /// The one whose API is below an address.
    fn new(mut url: Url, within: Reach, credential: Option<Credential>, identity: Option<Arc<Identity>>) -> Self {
        let path = format!("{}/objects/batch", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Self { url, within, credential, identity, until: None }
    }
}

/// Where Git LFS looks for the server of a repository.
fn derived(repository: &Url) -> Url {
    let mut url = repository.clone();
    let path = url.path().trim_end_matches('/').to_owned();
    let path = path.strip_suffix(".git").unwrap_or(&path);
    let path = format!("{path}.git/info/lfs");
    url.set_path(&path);
    url
}

/// The port is that of SSH.
fn without_port(url: &Url) -> Url {
    let mut url = url.clone();
    // It fails only where there is no host.
    let _ = url.set_port(None);
    url
}

/// A server that a repository names, and that may not be asked.
fn named_in_vain(refused: &Refused) -> FetchError {
    let why = "`.lfsconfig` names this server of Git LFS (lfs.url): see whether it should";
    let hint = refused.hint.as_ref().map_or_else(|| why.to_owned(), |hint| format!("{why}, and {hint}"));
    FetchError::refused(refused).hint(hint)
}

fn no_server(address: &Address) -> FetchError {
    let why = "Git LFS is spoken with https, and with ssh to find its server";
    FetchError::refused(&Refused::new(address.shown(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_repository_is_where_git_lfs_looks_for_it() {
        for (repository, server) in [
            ("https://git.example.com/shop/deploy", "https://git.example.com/shop/deploy.git/info/lfs"),
            ("https://git.example.com/shop/deploy.git", "https://git.example.com/shop/deploy.git/info/lfs"),
            ("https://git.example.com:8443/deploy.git/", "https://git.example.com:8443/deploy.git/info/lfs"),
            ("git@git.example.com:shop/deploy.git", "https://git.example.com/shop/deploy.git/info/lfs"),
            ("ssh://git@git.example.com:2222/shop/deploy", "https://git.example.com/shop/deploy.git/info/lfs"),
        ] {
            let address = Address::parse(repository).expect("an address");
            let url = if address.scheme == Scheme::Ssh { without_port(&address.url) } else { address.url };
            assert_eq!(derived(&url).as_str(), server, "{repository}");
            let server = Server::new(derived(&url), Reach::World, None, None);
            assert!(server.url.as_str().ends_with("deploy.git/info/lfs/objects/batch"), "{}", server.url);
        }
    }
}
