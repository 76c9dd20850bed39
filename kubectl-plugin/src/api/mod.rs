//! The API: what Argo CD's server answers to its clients, and beside it what only we know. No sockets here.
//!
//! In: the head of a request ([`Asked`]), then its body. Out: an [`Answer`]. The `http` module brings both, within its limits.
//!
//! | file | what |
//! |---|---|
//! | `asked`, `answer` | the head of a request, pure; what is answered, and refusals in the gateway's shape |
//! | `routes`, `table` | where requests lead, by the table of all that is served, pure |
//! | `limits` | how much of it one may have |
//! | `caller` | who asks, before anything is done for them |
//! | `filter`, `selector`, `fields` | which Applications, and which fields of them, pure |
//! | `shown` | an Application without its secrets, and back again, pure |
//! | `asks`, `shapes` | the other bodies, as types: what is sent, and what is answered |
//! | `reads` | what the controller knows |
//! | `live` | what the cluster is asked for, with the token of whoever asks |
//! | `objects`, `tree`, `mask` | objects of an Application, what they own; without the values of Secrets |
//! | `sight` | where they are, and by whose right they are looked at |
//! | `roots` | which objects of another cluster own what is shown below them |
//! | `gettable` | which of them somebody may get |
//! | `managed`, `predicted` | both sides of each, as Argo CD's clients read them |
//! | `preview` | what a sync would do, and where two sides differ |
//! | `writes`, `change` | what is asked of Applications, and how their objects are changed |
//! | `session` | sign in, sign out, who is it |
//! | `renewal` | sessions whose tokens are renewed before they end |
//! | `browser` | the same for browsers, by the issuer of tokens |
//! | `form`, `listener` | how answers in parts are written; whoever reads them |
//! | `stream`, `tree_stream`, `run_stream` | Applications as they change; the tree of one; the sync of one |
//! | `audit` | who did what |
//! | `document`, `definition` | the table and the types as OpenAPI; what people may send of Applications |
//!
//! # What somebody may
//!
//! Exactly what they may do to the objects with kubectl; of objects in other clusters, where nobody knows them, what a right on
//! the Application says in this one (`sight`). What is read of the controller's memory is asked for by
//! SubjectAccessReview: `get`, `list` or `watch` of `applications.argoproj.io` in the Application's namespace. Whatever else
//! is read, and whatever is written, is sent with their own token: rights, admission and the API server's audit see them, and
//! not us. An Application that somebody may not get answers as one that is not there: the same status, the same body, after
//! the same questions.

mod answer;
mod asked;
mod asks;
mod audit;
mod browser;
mod caller;
mod change;
mod definition;
mod document;
mod fields;
mod filter;
mod form;
mod gettable;
mod limits;
mod listener;
mod live;
mod managed;
mod mask;
mod objects;
mod predicted;
mod preview;
mod reads;
mod renewal;
mod roots;
mod routes;
mod run_stream;
mod selector;
mod session;
mod shapes;
mod shown;
mod sight;
mod stream;
mod table;
mod tree;
mod tree_stream;
mod writes;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value as Json;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::access::{Access, Denied, Sessions};
use crate::application::AppId;
use crate::cluster::Cluster;
use crate::controller::Controller;
use crate::controller::catalog::Row;
use crate::oidc::Oidc;

use answer::Code;
use caller::{Caller, Turn};
use limits::Users;
use objects::KnownKinds;
use routes::{Action, Found, Route};
use sight::Part;
use table::ROUTES;

pub use answer::{Answer, ErrorJson, Parts, Refusal, Whole};
pub use asked::{Asked, COOKIE_NAME, CSRF_HEADER, Credentials, Query};
pub use document::document;
pub use limits::ApiLimits;

/// So many lists of whole objects are written at once.
const MOST_LISTS: usize = 4;
/// The same of what tells of all objects of an Application.
const MOST_SIDES: usize = 4;

/// What answers.
pub struct Api {
    controller: Arc<Controller>,
    access: Access,
    sessions: Arc<Sessions>,
    /// Who else signs people in.
    oidc: Oidc,
    /// The API server, asked with the token of whoever asks.
    theirs: Cluster,
    users: Users,
    /// Lists of whole objects that are written at once: each may be large.
    lists: Semaphore,
    /// Both sides of resources, manifests, plans and differences that are made and written at once: each may be larger.
    sides: Semaphore,
    kinds: KnownKinds,
    /// Tells the streams of this process from those of others.
    epoch: String,
}

/// A request of somebody who may ask.
pub struct Begun {
    asked: Asked,
    route: &'static Route,
    names: Vec<String>,
    caller: Option<Caller>,
    /// The Application that it names, once that is known.
    id: OnceLock<AppId>,
    /// Who signs in, once that is known.
    who: OnceLock<String>,
    /// Held until it is answered.
    _turn: Option<Turn>,
}

impl Begun {
    /// Whether it has a body to be read.
    #[must_use]
    pub fn has_body(&self) -> bool {
        !self.route.takes.is_empty()
    }
}

impl Api {
    /// Over a controller. `theirs` has no credentials of its own.
    ///
    /// # Errors
    /// Where the machine has no random numbers.
    pub fn new(
        controller: Arc<Controller>,
        theirs: Cluster,
        oidc: Oidc,
        limits: ApiLimits,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let access = Access::new(controller.cluster.clone())?;
        let sessions = Sessions::new(controller.cluster.clone(), controller.settings.namespace.clone());
        Self::of(controller, access, sessions, theirs, oidc, limits)
    }

    /// For whoever runs this process alone, with the credentials that it has. Also gives a word that signs in once.
    ///
    /// # Errors
    /// Where the API server does not say who that is, or the machine has no random numbers.
    pub async fn own(controller: Arc<Controller>, limits: ApiLimits) -> Result<(Arc<Self>, Zeroizing<String>), Denied> {
        let theirs = controller.cluster.clone();
        let (access, word) = Access::own(theirs.clone()).await?;
        // Nobody begins one: see `session`.
        let sessions = Sessions::new(theirs.clone(), controller.settings.namespace.clone());
        let oidc = Oidc::nobody(theirs.clone());
        let api = Self::of(controller, access, sessions, theirs, oidc, limits);
        api.map(|api| (api, word)).map_err(|error| Denied::Unasked(error.to_string()))
    }

    fn of(
        controller: Arc<Controller>,
        access: Access,
        sessions: Sessions,
        theirs: Cluster,
        oidc: Oidc,
        limits: ApiLimits,
    ) -> Result<Arc<Self>, getrandom::Error> {
        let epoch = format!("{:08x}", getrandom::u32()?);
        Ok(Arc::new(Self {
            controller,
            access,
            sessions: Arc::new(sessions),
            oidc,
            theirs,
            users: Users::new(limits),
            lists: Semaphore::new(MOST_LISTS),
            sides: Semaphore::new(MOST_SIDES),
            kinds: KnownKinds::default(),
            epoch,
        }))
    }

    /// Hears of sessions until the process ends. On somebody's own server there are none.
    pub async fn run(&self) {
        if self.access.is_own() {
            return;
        }
        self.sessions.run().await;
    }

    /// How large a body may be.
    #[must_use]
    pub fn largest_body(&self) -> usize {
        self.users.limits.body
    }

    /// Whether a path is of the API.
    #[must_use]
    pub fn is_path(path: &str) -> bool {
        path == "/api/version" || ["/api/v1/", "/api/gitops/v1/", "/auth/"].iter().any(|own| path.starts_with(own))
    }

    /// Counts an answer.
    pub fn count(&self, method: &Method, path: &str, status: StatusCode, time: Duration) {
        let route = match routes::find(method, path) {
            Found::Here(number, _) => (ROUTES[number].verb.name(), ROUTES[number].path),
            // Whatever else people send is one.
            Found::OtherMethod(_) | Found::Nowhere => ("other", "other"),
        };
        self.controller.metrics.answered(route, status.as_u16(), time);
    }

    /// Finds what is asked for, and who asks. The body is not needed for that, and not read for nobody.
    ///
    /// # Errors
    /// The answer, where it is one already.
    pub async fn begin(&self, asked: Asked) -> Result<Begun, Answer> {
        let begun = match routes::find(&asked.method, &asked.path) {
            Found::Here(number, names) => {
                self.admit(&asked, &ROUTES[number]).await.map(|(caller, turn)| (number, names, caller, turn))
            }
            Found::OtherMethod(allowed) => return Err(Answer::other_method(&allowed)),
            Found::Nowhere => Err(Refusal::new(Code::NotFound, "there is nothing here")),
        };
        match begun {
            Ok((number, names, caller, turn)) => Ok(Begun {
                asked,
                route: &ROUTES[number],
                names,
                caller,
                id: OnceLock::new(),
                who: OnceLock::new(),
                _turn: turn,
            }),
            Err(refusal) => {
                self.note_refusal(&asked, &refusal);
                Err(refusal.into())
            }
        }
    }

    /// Does what is asked for.
    pub async fn answer(self: &Arc<Self>, begun: Begun, body: &[u8]) -> Answer {
        let done = self.act(&begun, body).await;
        self.note(&begun, &done);
        done.or_else(|refusal| self.tell_page(&begun, refusal)).unwrap_or_else(Answer::from)
    }

    async fn act(self: &Arc<Self>, begun: &Begun, body: &[u8]) -> Result<Answer, Refusal> {
        match begun.route.action {
            Action::Version => Ok(reads::version()),
            Action::Settings => Ok(reads::settings(self.access.is_own(), self.oidc.shown().await)),
            Action::SignIn => self.sign_in(begun, body).await,
            Action::SignOut => self.sign_out(begun.caller.as_ref()).await,
            Action::Login => self.log_in(begun).await,
            Action::Callback => self.call_back(begun).await,
            Action::Logout => self.log_out(begun).await,
            Action::UserInfo => Ok(session::user_info(begun.caller.as_ref())),
            _ => {
                let caller = begun.caller.as_ref().ok_or_else(|| Refusal::new(Code::Unknown, "nobody is signed in"))?;
                self.act_for(begun, caller, body).await
            }
        }
    }

    async fn act_for(self: &Arc<Self>, begun: &Begun, caller: &Caller, body: &[u8]) -> Result<Answer, Refusal> {
        if !self.controller.is_ready() {
            return Err(Refusal::away("the Applications are not known yet"));
        }
        let (query, body) = (&begun.asked.query, &change::read(body)?);
        match begun.route.action {
            Action::List => return self.list(caller, query).await,
            Action::Rows => return self.rows(caller, query).await,
            Action::Watch | Action::WatchRows => return self.watch(begun, caller),
            Action::Create => return self.create(caller, query, body).await,
            Action::Projects => return self.projects(caller).await,
            Action::Clusters => return self.clusters(caller).await,
            Action::Repositories => return self.repositories(caller).await,
            _ => {}
        }
        let name = begun.names.first().map(String::as_str).unwrap_or_default();
        let id = begun.id.get_or_init(|| self.named(name, query, body));
        // A spec says which project it is to be in; other bodies, which one it is in.
        let in_body = body["project"].as_str().filter(|_| begun.route.action != Action::UpdateSpec);
        let projects: Vec<&str> = query.all("project").chain(in_body).collect();
        let row = self.visible(caller, id, &projects).await?;
        // Its own Events are where it is.
        let is_of_itself = begun.route.action == Action::Events && query.one("resourceName").is_none();
        let looks = begun.route.action.looks_at_the_destination() && !is_of_itself;
        if looks && !self.controller.clusters.is_here(&row) {
            return self.act_there(begun, caller, &row, body).await;
        }
        self.act_on(begun, caller, &row, body).await
    }

    /// The same where the objects are in another cluster, for those who may be shown them, and for as long as it can be reached.
    async fn act_there(
        self: &Arc<Self>,
        begun: &Begun,
        caller: &Caller,
        row: &Arc<Row>,
        body: &Json,
    ) -> Result<Answer, Refusal> {
        if let Some(part) = Part::of(begun.route.action) {
            self.let_see(&caller.person, row, part).await?;
        }
        let place = self.controller.clusters.of(&row.id, &row.object()).await;
        let place = place.map_err(|none| Refusal::new(Code::NotNow, none.why()))?;
        if let Some(lost) = place.is_lost() {
            return Err(Refusal::away(&lost));
        }
        tokio::select! {
            answer = Box::pin(self.act_on(begun, caller, row, body)) => answer,
            why = place.cluster.reach.lost() => Err(Refusal::away(&place.lost(&why))),
        }
    }

    async fn act_on(
        self: &Arc<Self>,
        begun: &Begun,
        caller: &Caller,
        row: &Arc<Row>,
        body: &Json,
    ) -> Result<Answer, Refusal> {
        let query = &begun.asked.query;
        match begun.route.action {
            Action::Get => self.get(caller, row, query).await,
            Action::History => self.history(row).await,
            Action::Graph => self.graph(row, query).await,
            Action::Rights => self.rights(caller, row).await,
            Action::Events => self.events(caller, row, query).await,
            Action::Resource => self.resource(caller, row, query).await,
            Action::Manifests => self.manifests(caller, row, query).await,
            Action::Managed => self.managed(caller, row, query).await,
            Action::Tree => self.resource_tree(caller, row).await,
            Action::WatchTree => self.watch_tree(begun, caller, row).await,
            Action::Logs => self.logs(begun, caller, row).await,
            Action::Diff => self.diff(caller, row, query).await,
            Action::Plan => self.plan(caller, row, query).await,
            Action::WatchRun => self.watch_run(begun, caller, row),
            Action::Update => self.update(caller, row, body).await,
            Action::UpdateSpec => self.update_spec(caller, row, body).await,
            Action::Patch => self.patch(caller, row, body).await,
            Action::Delete => self.delete(caller, row, query).await,
            Action::Sync => self.sync(caller, row, body).await,
            Action::Rollback => self.rollback(caller, row, body).await,
            Action::Hold => self.hold(caller, row, body).await,
            Action::Release => self.release(caller, row, body).await,
            Action::Terminate => self.terminate(caller, row).await,
            Action::Refresh => self.refresh(caller, row, body).await,
            _ => Err(Refusal::broken()),
        }
    }
}

/// Whether a request changes something.
fn is_write(asked: &Asked) -> bool {
    // Argo CD's clients ask for a comparison by a read.
    asked.method != Method::GET || asked.query.one("refresh").is_some()
}
