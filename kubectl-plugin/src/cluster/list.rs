//! Lists: of one collection, and of a kind wherever the user may look.
//!
//! In: a collection, a label selector. Out: its objects, as metadata only or whole, in pages that the server cuts.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::request::{encode, parse};
use super::{Cluster, Failure, PartialObject, Served, collection};

/// A form in which objects are listed.
pub trait Listed: DeserializeOwned {
    /// What is asked for.
    const ACCEPT: &'static str;
}

impl Listed for PartialObject {
    const ACCEPT: &'static str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
}

impl Listed for Json {
    const ACCEPT: &'static str = "application/json";
}

#[derive(serde::Deserialize)]
struct List<T> {
    /// Null where there are none.
    #[serde(default = "Option::default")]
    items: Option<Vec<T>>,
    #[serde(default)]
    metadata: ListMeta,
}

#[derive(Default, serde::Deserialize)]
struct ListMeta {
    /// Where the next page begins; empty on the last one. No limit is asked for, but a server may set its own.
    #[serde(default, rename = "continue")]
    next: String,
    /// From where a watch goes on.
    #[serde(default, rename = "resourceVersion")]
    resource_version: String,
}

impl Cluster {
    /// The objects of a collection that match a label selector; all where it is empty.
    pub async fn list<T: Listed>(&self, collection: &str, selector: &str) -> Result<Vec<T>, Failure> {
        Ok(self.list_at(collection, &format!("&labelSelector={}", encode(selector))).await?.0)
    }

    /// The objects of a collection that a query gives, which begins with `&`.
    pub async fn list_matching<T: Listed>(&self, collection: &str, query: &str) -> Result<Vec<T>, Failure> {
        Ok(self.list_at(collection, query).await?.0)
    }

    /// The objects of a collection that a query gives, which begins with `&`, and the version from which a watch goes on.
    pub(super) async fn list_at<T: Listed>(&self, collection: &str, query: &str) -> Result<(Vec<T>, String), Failure> {
        let query = query.trim_start_matches('&');
        let (mut found, mut next) = (Vec::new(), String::new());
        loop {
            let page = if next.is_empty() { String::new() } else { format!("&continue={}", encode(&next)) };
            let list: List<T> = parse(self.get_as(&format!("{collection}?{query}{page}"), T::ACCEPT).await?)?;
            found.extend(list.items.unwrap_or_default());
            next = list.metadata.next;
            if next.is_empty() {
                return Ok((found, list.metadata.resource_version));
            }
        }
    }

    /// The objects of a kind that match a label selector, in one request; or in one for each of `namespaces` where that
    /// is all the user may.
    pub async fn list_kind<T: Listed>(
        &self,
        (api_version, served): (&str, &Served),
        namespaces: &BTreeSet<&str>,
        selector: &str,
    ) -> Result<Vec<T>, Failure> {
        match self.list(&collection(api_version, served, None), selector).await {
            Err(failure) if failure.is_forbidden() && served.namespaced => {
                let mut found = Vec::new();
                for namespace in namespaces {
                    found.extend(self.list::<T>(&collection(api_version, served, Some(namespace)), selector).await?);
                }
                Ok(found)
            }
            other => other,
        }
    }
}
