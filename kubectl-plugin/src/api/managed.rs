//! Both sides of each resource, as Argo CD's clients read them: what Git says, what the cluster has, and what it would have.
//!
//! In: who asks, an Application that they may get, a query. Out: objects as texts, with the values of Secrets masked. What Git says
//! is told of those that whoever asks may get, live objects are read with their token, and of what they may not get there is no
//! item.

use std::collections::BTreeMap;

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use gitops_compiler::graph::GraphResource;
use gitops_compiler::name::ResourceKey;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use super::Api;
use super::answer::{Answer, Refusal};
use super::asked::Query;
use super::caller::Caller;
use super::gettable::Gettable;
use super::limits::MOST_BYTES;
use super::mask::masked;
use super::objects::resources;
use super::predicted::predicted;
use super::preview::not_now;
use super::sight::{Part, Sight};
use crate::controller::catalog::Row;

/// So many are told at once: whoever has more names a kind, a namespace or a name.
const MOST_ITEMS: usize = 1000;
/// So many live objects are read at once.
const CONCURRENT: usize = 16;
/// What is not there.
const NOTHING: &str = "null";

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ManagedListJson {
    /// By key.
    items: Vec<ManagedJson>,
}

/// Both sides of a resource. Objects are JSON in a text; `null` where there is none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ManagedJson {
    /// Its group.
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    /// Its kind.
    kind: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    /// Its name.
    name: String,
    /// What Git says.
    target_state: String,
    /// What the cluster has.
    live_state: String,
    /// The same without what only the server writes.
    normalized_live_state: String,
    /// What the cluster would have: Git's fields laid over what is there.
    predicted_live_state: String,
    /// The version of the live object.
    #[serde(skip_serializing_if = "String::is_empty")]
    resource_version: String,
    /// Whether the cluster would have something else.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    modified: bool,
}

/// What is looked for.
struct Wanted<'a> {
    key: ResourceKey,
    version: String,
    target: Option<&'a GraphResource>,
}

impl Api {
    /// `GET …/managed-resources`.
    pub(super) async fn managed(&self, caller: &Caller, row: &Row, query: &Query) -> Result<Answer, Refusal> {
        let sight = self.sight(caller, row, Part::Resource).await?;
        let graph = self.controller.said_by_git(&row.id, &row.object()).await.map_err(|error| not_now(&error))?;
        let mut gettable = self.gettable(&caller.person, row).await?;
        // Bodies are looked at when it is known whose there are, and how many.
        let mut all: BTreeMap<ResourceKey, (String, Option<&GraphResource>)> = BTreeMap::new();
        for resource in graph.resources().iter().filter(|resource| resource.hook().is_none()) {
            let Some(key) = gettable.bound(&resource.key).filter(|key| is_asked_for(key, query)) else { continue };
            all.insert(key, (resource.api_version().to_owned(), Some(resource)));
        }
        // What left Git, and is still there.
        for left in resources(row).into_iter().filter(|resource| resource.requires_pruning) {
            let key = ResourceKey::new(&left.group, &left.kind, &left.namespace, &left.name);
            if is_asked_for(&key, query) {
                let version =
                    if left.group.is_empty() { left.version } else { format!("{}/{}", left.group, left.version) };
                all.entry(key).or_insert((version, None));
            }
        }
        let mut wanted = Vec::new();
        for (key, (version, target)) in all {
            if !gettable.has(&key).await? {
                continue;
            }
            if wanted.len() == MOST_ITEMS {
                return Err(Refusal::too_many(&format!("{MOST_ITEMS} of them")));
            }
            wanted.push(Wanted { key, version, target });
        }
        let _turn = self.sides.acquire().await.map_err(|_| Refusal::broken())?;
        let asked: Vec<_> = wanted.iter().map(|wanted| item(&sight, &gettable, wanted).boxed()).collect();
        let mut told = stream::iter(asked).buffered(CONCURRENT);
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(item) = told.try_next().await? {
            bytes += item.as_ref().map_or(0, ManagedJson::bytes);
            if bytes > MOST_BYTES {
                return Err(Refusal::too_large(MOST_BYTES));
            }
            items.extend(item);
        }
        Ok(Answer::json(&ManagedListJson { items }))
    }
}

impl ManagedJson {
    /// How much it is.
    fn bytes(&self) -> usize {
        [&self.target_state, &self.live_state, &self.normalized_live_state, &self.predicted_live_state]
            .iter()
            .map(|text| text.len())
            .sum()
    }
}

/// Both sides of one; nothing where whoever asks may not get it after all, or it is on no side.
async fn item(sight: &Sight, gettable: &Gettable<'_>, wanted: &Wanted<'_>) -> Result<Option<ManagedJson>, Refusal> {
    let Wanted { key, version, target } = wanted;
    let Some(path) = gettable.path(version, key) else { return Ok(None) };
    let live = match sight.cluster().find(&path).await {
        Ok(live) => live,
        Err(failure) if failure.is_forbidden() => return Ok(None),
        Err(failure) => return Err(sight.refusal(&failure, "the object", key.is("", "Secret"))),
    };
    // In another cluster the controller may see more than what is the Application's.
    if let (Some(there), Some(live)) = (sight.there(), &live)
        && !there.is_own(live)
    {
        return Ok(None);
    }
    let resource_version = live.as_ref().and_then(|live| live["metadata"]["resourceVersion"].as_str());
    let resource_version = resource_version.unwrap_or_default().to_owned();
    let target = target.map(|target| serde_json::to_value(&*target.body)).transpose().map_err(|_| Refusal::broken())?;
    let (live, target) = (live.map(masked), target.map(masked));
    if live.is_none() && target.is_none() {
        return Ok(None);
    }
    let predicted = predicted(live.as_ref(), target.as_ref());
    let text = |object: Option<&Json>| object.map_or_else(|| NOTHING.to_owned(), Json::to_string);
    Ok(Some(ManagedJson {
        group: key.group.clone(),
        kind: key.kind.clone(),
        namespace: key.scope.namespace().unwrap_or_default().to_owned(),
        name: key.name.clone(),
        target_state: text(target.as_ref()),
        live_state: text(live.as_ref()),
        normalized_live_state: text(live.as_ref()),
        predicted_live_state: text(predicted.as_ref()),
        resource_version,
        modified: predicted != live,
    }))
}

/// Whether a query means this one.
pub(super) fn is_asked_for(key: &ResourceKey, query: &Query) -> bool {
    let is = |name: &str, value: &str| query.one(name).is_none_or(|wanted| wanted == value);
    is("group", &key.group)
        && is("kind", &key.kind)
        && is("name", &key.name)
        && is("namespace", key.scope.namespace().unwrap_or_default())
}
