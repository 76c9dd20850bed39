//! What the controller knows: Applications, their releases, their graphs, and what those say of clusters and repositories.
//!
//! In: who asks, a query. Out: answers, of what they may see. Lists are of Applications whose namespaces they may list; one
//! Application needs the right to get that one.

use std::sync::Arc;

use gitops_compiler::compile::Provenance;
use gitops_compiler::graph::ResourceGraph;
use gitops_compiler::name::AppName;
use serde::Serialize;
use serde_json::Value as Json;

use super::Api;
use super::answer::{Answer, Code, Refusal};
use super::asked::Query;
use super::caller::Caller;
use super::fields::Wanted;
use super::filter::{Filter, Found, Page};
use super::routes;
use super::shapes::{
    ClusterJson, GraphShown, ItemsJson, ListMetaJson, OidcJson, RepositoryJson, RightsJson, RowJson, RowsJson,
    SettingsJson, VersionJson,
};
use super::shown::Shown;
use super::sight::Part;
use crate::access::{Namespaces, Right};
use crate::application::AppId;
use crate::controller::catalog::Row;
use crate::controller::preview::Deliverable;
use crate::json::{EdgeJson, GraphResourceJson, HistoryJson, SchemaVersion};
use crate::record::{RecordError, Records};

/// So many rows a page has where nobody says how many.
const PAGE: usize = 200;

/// A list of Applications, as it is written.
#[derive(Serialize)]
struct ListShown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<ListMetaJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Shown<'a>>>,
}

/// The version.
pub(super) fn version() -> Answer {
    Answer::json(&VersionJson { version: format!("v{}", env!("CARGO_PKG_VERSION")) })
}

/// What a client has to know before it signs in.
pub(super) fn settings(is_local: bool, issuer: Option<crate::oidc::Shown>) -> Answer {
    let url = issuer.as_ref().map(|issuer| issuer.own.clone());
    let oidc_config = issuer.map(|issuer| OidcJson {
        name: issuer.name,
        issuer: issuer.issuer,
        client_id: issuer.client,
        scopes: issuer.scopes,
        enable_pkce_authentication: true,
    });
    let (user_logins_disabled, apps_in_any_namespace_enabled, exec_enabled) = (true, true, false);
    Answer::json(&SettingsJson {
        user_logins_disabled,
        apps_in_any_namespace_enabled,
        exec_enabled,
        is_local,
        url,
        oidc_config,
    })
}

impl Api {
    /// The Application that is asked for, where whoever asks may get it. Whether it is there is looked at after that is known.
    pub(super) async fn visible(&self, caller: &Caller, id: &AppId, projects: &[&str]) -> Result<Arc<Row>, Refusal> {
        if id.namespace.is_empty() || id.name.is_empty() {
            return Err(Refusal::not_found("the Application"));
        }
        let right = Right::application("get", &id.namespace, &id.name);
        let may = self.access.may(&caller.person, &right).await?;
        let row = self.controller.apps.catalog.get(id).filter(|_| may);
        let is_of = |row: &Arc<Row>| projects.is_empty() || projects.contains(&row.project.as_str());
        row.filter(is_of).ok_or_else(|| Refusal::not_found("the Application"))
    }

    /// Which Application a request names. Argo CD's clients say its namespace in the query, or in the body.
    pub(super) fn named(&self, name: &str, query: &Query, body: &Json) -> AppId {
        let of_body = || body["appNamespace"].as_str().or_else(|| body["metadata"]["namespace"].as_str());
        let namespace = query.one("appNamespace").or_else(of_body).filter(|namespace| !namespace.is_empty());
        let namespace = namespace.unwrap_or(&self.controller.settings.namespace);
        // What is no name is none of ours, and nothing is there.
        let namespace = routes::name(namespace).unwrap_or_default();
        AppId { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Where somebody may do this with all Applications.
    pub(super) async fn namespaces(&self, caller: &Caller, verb: &str) -> Result<Namespaces, Refusal> {
        let there = self.controller.apps.catalog.namespaces();
        Ok(self.access.namespaces(&caller.person, verb, there).await?)
    }

    /// `GET /api/v1/applications`.
    pub(super) async fn list(&self, caller: &Caller, query: &Query) -> Result<Answer, Refusal> {
        let (filter, page) = (Filter::read(query)?, Page::read(query)?);
        let seen = self.namespaces(caller, "list").await?;
        let wanted = Wanted::read(query.one("fields"));
        let (rows, _) = self.controller.apps.catalog.rows();
        let _turn = self.lists.acquire().await.map_err(|_| Refusal::broken())?;
        // Thousands of objects are work.
        let written = tokio::task::spawn_blocking(move || {
            let found = Found::of(&rows, &filter, &seen, &page);
            let newest = found.rows.iter().map(|row| row.version).max();
            let metadata = ListMetaJson {
                resource_version: newest.map(|version| version.to_string()).unwrap_or_default(),
                next: found.next(),
                remaining_item_count: (found.left > 0).then_some(found.left),
            };
            let fields = wanted.fields();
            let item = |fields| found.rows.iter().map(|row| Shown::of(row, fields)).collect();
            Answer::json(&ListShown {
                metadata: fields.below("metadata").map(|_| metadata),
                items: fields.below("items").map(item),
            })
        });
        written.await.map_err(|_| Refusal::broken())
    }

    /// `GET /api/gitops/v1/applications`.
    pub(super) async fn rows(&self, caller: &Caller, query: &Query) -> Result<Answer, Refusal> {
        let (filter, page) = (Filter::read(query)?, Page::read(query)?.at_most(PAGE));
        let seen = self.namespaces(caller, "list").await?;
        let (rows, number) = self.controller.apps.catalog.rows();
        let found = Found::of(&rows, &filter, &seen, &page);
        let next = found.next();
        let [sync, health] = found.counts;
        Ok(Answer::json(&RowsJson {
            schema_version: SchemaVersion,
            applications: found.rows.iter().map(|row| RowJson::of(row)).collect(),
            total: found.total,
            next,
            sync,
            health,
            at: self.event_id(number),
        }))
    }

    /// `GET /api/v1/applications/{name}`.
    pub(super) async fn get(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        if let Some(how) = query.one("refresh") {
            // Argo CD's clients also say true.
            if !["normal", "hard", "true"].contains(&how) {
                return Err(Refusal::invalid("refresh is normal or hard"));
            }
            let row = self.refreshed(caller, row, how).await?;
            return Ok(application(&row, query));
        }
        Ok(application(row, query))
    }

    /// `GET …/history`.
    pub(super) async fn history(&self, row: &Row) -> Result<Answer, Refusal> {
        let name = app_name(row)?;
        let found = self.records(row).await?.load(&name).await.map_err(|error| of_record(&error))?;
        match found {
            Some(found) => Ok(Answer::json(&HistoryJson::new(&found.head))),
            None => Ok(Answer::json(&HistoryJson::empty(name))),
        }
    }

    /// `GET …/graph`.
    pub(super) async fn graph(&self, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let release = query.number("release")?;
        let object = row.object();
        let compiled = self.controller.apps.deliverable(&row.id, &object);
        let compiled = compiled.filter(|_| release.is_none() && self.controller.cares_for(&object));
        if let Some(Deliverable { graph, provenance, .. }) = compiled {
            return Ok(Answer::json(&graph_shown(&graph, Some(&provenance))));
        }
        let records = self.records(row).await?;
        let found = records.load(&app_name(row)?).await.map_err(|error| of_record(&error))?;
        let none = || Refusal::not_found("a graph");
        let head = found.ok_or_else(none)?.head;
        let number = release.or(head.live).ok_or_else(none)?;
        let release = head.releases.iter().find(|release| release.number == number).ok_or_else(none)?;
        let graph = records.graph(&release.graph, &head.target).await.map_err(|error| of_record(&error))?;
        Ok(Answer::json(&graph_shown(&graph, None)))
    }

    /// Refuses a release that is not kept.
    pub(super) async fn is_kept(&self, row: &Row, release: u64) -> Result<(), Refusal> {
        let found = self.records(row).await?.load(&app_name(row)?).await.map_err(|error| of_record(&error))?;
        let is_kept = found.is_some_and(|found| found.head.release(release).is_some());
        if is_kept { Ok(()) } else { Err(Refusal::not_found("the release")) }
    }

    /// `GET …/rights`.
    pub(super) async fn rights(&self, caller: &Caller, row: &Row) -> Result<Answer, Refusal> {
        let AppId { namespace, name } = &row.id;
        let is_here = self.controller.clusters.is_here(row);
        let logs = if is_here {
            Right::logs(&row.destination.namespace)
        } else {
            Right { subresource: Part::Logs.name(), ..Right::application("get", namespace, name) }
        };
        let [patch, delete] = ["patch", "delete"].map(|verb| Right::application(verb, namespace, name));
        let may = async |right: &Right<'_>| self.access.may(&caller.person, right).await;
        Ok(Answer::json(&RightsJson {
            schema_version: SchemaVersion,
            patch: may(&patch).await?,
            delete: may(&delete).await?,
            logs: may(&logs).await?,
        }))
    }

    /// `GET /api/v1/clusters`.
    pub(super) async fn clusters(&self, caller: &Caller) -> Result<Answer, Refusal> {
        let answered = |row: &Row| self.controller.clusters.answered(row).map_err(|none| none.why().to_owned());
        Ok(Answer::json(&ItemsJson::<ClusterJson>::clusters(&self.seen(caller).await?, answered)))
    }

    /// `GET /api/v1/repositories`.
    pub(super) async fn repositories(&self, caller: &Caller) -> Result<Answer, Refusal> {
        let seen = self.seen(caller).await?;
        let answers = self.controller.refs.answers(&seen.iter().map(|row| row.id.clone()).collect());
        Ok(Answer::json(&ItemsJson::<RepositoryJson>::repositories(&seen, answers)))
    }

    async fn seen(&self, caller: &Caller) -> Result<Vec<Arc<Row>>, Refusal> {
        let seen = self.namespaces(caller, "list").await?;
        let (rows, _) = self.controller.apps.catalog.rows();
        Ok(Found::of(&rows, &Filter::default(), &seen, &Page::default()).rows)
    }

    /// Where the record is: it belongs to the Application, and is read with our own rights.
    async fn records(&self, row: &Row) -> Result<Records, Refusal> {
        if !self.controller.clusters.is_here(row) {
            let not_now = |why: String| Refusal::new(Code::NotNow, why);
            let place = self.controller.clusters.of(&row.id, &row.object()).await;
            let place = place.map_err(|none| not_now(none.why().to_owned()))?;
            let records = self.controller.records(&row.id, &place).await;
            return records.map_err(|error| not_now(error.in_one_line()));
        }
        let (cluster, store) = (self.controller.cluster.clone(), self.controller.store.clone());
        Ok(Records { cluster, namespace: row.id.namespace.clone(), store, keeper: None, at_hand: None })
    }
}

/// An Application, as it is shown.
pub(super) fn application(row: &Row, query: &Query) -> Answer {
    let wanted = Wanted::read(query.one("fields"));
    Answer::json(&Shown::of(row, wanted.fields()))
}

/// An object that was just written, as it is shown.
pub(super) fn object(object: &Json) -> Answer {
    Answer::json(&Shown::whole(object))
}

/// A graph, and where its resources and edges come from, where that is known: it is in no graph.
fn graph_shown(graph: &ResourceGraph, provenance: Option<&Provenance>) -> GraphShown {
    let origin = |node: usize| provenance.and_then(|known| known.origins.get(node).cloned());
    let field = |edge: usize| provenance.and_then(|known| known.fields.get(edge)).map_or("", String::as_str);
    let edges = graph.edges().iter().chain(graph.deletions()).enumerate();
    GraphShown {
        schema_version: SchemaVersion,
        graph: graph.id(),
        content_root: graph.content_root(),
        hook_root: graph.hook_root(),
        resources: GraphResourceJson::all(graph, origin),
        edges: edges.map(|(number, edge)| EdgeJson::new(graph, edge, field(number))).collect(),
    }
}

fn app_name(row: &Row) -> Result<AppName, Refusal> {
    row.id.name.parse().map_err(|_| Refusal::not_found("the record"))
}

/// What is wrong with a record is for those who look after it; whoever asks hears that there is something.
fn of_record(error: &RecordError) -> Refusal {
    match error {
        RecordError::NotRecorded { .. } => Refusal::not_found("the record"),
        RecordError::Request { .. } => Refusal::new(Code::Away, "the record cannot be read now"),
        _ => Refusal::new(Code::Broken, "the record cannot be read"),
    }
}
