//! Where an Application's objects are, and by whose right they are looked at.
//!
//! In: who asks, an Application that they may get. Out: a [`Sight`]. In this cluster it is the API server, asked with their token: it
//! decides. In another one nobody but the controller is known: there it is the controller's own way to it, for those who have the
//! right to `get` a part of the Application in this cluster ([`Part`]: `applications/tree` and its like, which Kubernetes itself does
//! not serve and nobody has unless a Role says so), and for objects that are the Application's ([`Elsewhere`]).

use std::sync::Arc;

use serde_json::Value as Json;

use super::Api;
use super::answer::{Code, Refusal};
use super::caller::Caller;
use super::routes::Action;
use crate::access::{Person, Right};
use crate::cluster::{Cluster, Failure, Kinds};
use crate::controller::catalog::Row;
use crate::controller::elsewhere::Elsewhere;

/// What is shown of an Application in another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Which objects there are, what they own, and how they do.
    Tree,
    /// The objects themselves, and what Git says of them.
    Resource,
    /// What happened to them.
    Events,
    /// What their Pods say.
    Logs,
}

impl Part {
    /// The subresource of the right.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Resource => "resource",
            Self::Events => "events",
            Self::Logs => "logs",
        }
    }

    /// What a request is about; nothing where that belongs to the Application itself.
    pub(super) fn of(action: Action) -> Option<Self> {
        match action {
            Action::Tree | Action::WatchTree => Some(Self::Tree),
            Action::Resource | Action::Manifests | Action::Managed | Action::Diff => Some(Self::Resource),
            Action::Events => Some(Self::Events),
            Action::Logs => Some(Self::Logs),
            _ => None,
        }
    }
}

/// How objects are looked at.
pub(super) enum Sight {
    /// In this cluster, with the token of whoever asks.
    Here(Box<Cluster>),
    /// In another one.
    There(Arc<Elsewhere>),
}

impl Sight {
    /// The cluster, asked by whose right that is.
    pub(super) fn cluster(&self) -> &Cluster {
        match self {
            Self::Here(theirs) => theirs,
            Self::There(there) => &there.place.cluster.cluster,
        }
    }

    /// The other cluster, where it is one.
    pub(super) fn there(&self) -> Option<&Elsewhere> {
        match self {
            Self::Here(_) => None,
            Self::There(there) => Some(there),
        }
    }

    /// The same, for a stream.
    pub(super) fn shared(&self) -> Option<Arc<Elsewhere>> {
        match self {
            Self::Here(_) => None,
            Self::There(there) => Some(Arc::clone(there)),
        }
    }

    /// What the cluster said, told to whoever asks. What another one says to the controller is not for them.
    pub(super) fn refusal(&self, failure: &Failure, what: &str, is_secret: bool) -> Refusal {
        match self {
            Self::Here(_) => Refusal::of_server(failure, what, is_secret),
            Self::There(_) if failure.is_not_found() || failure.is_forbidden() => Refusal::not_found(what),
            Self::There(_) => Refusal::away("the cluster of the Application does not answer as it should"),
        }
    }

    /// Whether an object is one of the Application's, where that is to be looked at: in this cluster the API server has decided.
    pub(super) async fn shows(&self, kinds: &Kinds, object: &Json) -> Result<bool, Refusal> {
        match self {
            Self::Here(_) => Ok(true),
            Self::There(there) => {
                there.shows(kinds, object).await.map_err(|failure| self.refusal(&failure, "the object", true))
            }
        }
    }
}

impl Api {
    /// How somebody may look at this part of an Application.
    pub(super) async fn sight(&self, caller: &Caller, row: &Row, part: Part) -> Result<Sight, Refusal> {
        if self.controller.clusters.is_here(row) {
            return Ok(Sight::Here(Box::new(caller.ask(&self.theirs)?)));
        }
        self.let_see(&caller.person, row, part).await?;
        Ok(Sight::There(self.there(row).await?))
    }

    /// Refuses whoever may not be shown this part of an Application in another cluster.
    pub(super) async fn let_see(&self, person: &Person, row: &Row, part: Part) -> Result<(), Refusal> {
        if self.may_see(person, row, part).await? {
            return Ok(());
        }
        let part = part.name();
        let why = format!(
            "the objects of this Application are in another cluster: this is shown to whoever may get applications/{part} here"
        );
        Err(Refusal::new(Code::NotFound, why))
    }

    /// Whether somebody may be shown this part of an Application in another cluster.
    pub(super) async fn may_see(&self, person: &Person, row: &Row, part: Part) -> Result<bool, Refusal> {
        let right = Right::application("get", &row.id.namespace, &row.id.name);
        Ok(self.access.may(person, &Right { subresource: part.name(), ..right }).await?)
    }

    /// The Application in its other cluster.
    pub(super) async fn there(&self, row: &Row) -> Result<Arc<Elsewhere>, Refusal> {
        let there = Box::pin(self.controller.elsewhere(&row.id, &row.object())).await;
        there.map(Arc::new).map_err(|error| Refusal::new(Code::NotNow, error.in_one_line()))
    }

    /// Which kinds the cluster has that is looked at.
    pub(super) async fn kinds_of(&self, sight: &Sight) -> Result<Arc<Kinds>, Refusal> {
        match sight {
            Sight::Here(_) => self.kinds().await,
            Sight::There(there) => self.kinds_there(there).await,
        }
    }
}
