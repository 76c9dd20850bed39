//! What one replica tells the others: that repositories may have changed.
//!
//! In: requests of Applications, of whichever replica, that a webhook concerns. Out: the same to every replica, which asks
//! Git for those that it needs. A webhook reaches one replica, and the Application that it concerns may be another's. What is
//! told is in a ConfigMap that all watch: hashes of requests as Applications have them, never anything of a payload. What is
//! lost is found by polling.

use std::collections::BTreeSet;

use gitops_compiler::lock::Request;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::cluster::Cluster;

/// The ConfigMap, in the controller's namespace.
pub const CONFIG_MAP: &str = "kubectl-gitops-news";

/// What is older than this has been read by everybody who ever will.
const OLD: SignedDuration = SignedDuration::from_secs(60);

/// How many requests one entry names; of more, all of the repositories may have changed.
const MOST: usize = 500;

/// What a request is called among replicas.
#[must_use]
pub fn hash(request: &Request) -> String {
    blake3::hash(format!("{request:?}").as_bytes()).to_hex()[..32].to_owned()
}

/// What was told: hashes of requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// These.
    Of(BTreeSet<String>),
    /// Any.
    OfAll,
}

impl News {
    /// Whether it is of a request.
    #[must_use]
    pub fn is_of(&self, request: &Request) -> bool {
        match self {
            Self::Of(hashes) => hashes.contains(&hash(request)),
            Self::OfAll => true,
        }
    }
}

/// Tells the others. Failing to costs time: they poll.
pub async fn tell(cluster: &Cluster, namespace: &str, requests: &BTreeSet<Request>) {
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/{CONFIG_MAP}");
    let now = cluster.connection.server_time();
    let mut random = [0_u8; 4];
    // Without randomness the time alone tells entries apart.
    let _ = getrandom::fill(&mut random);
    let name = format!("{}.{:08x}", now.as_millisecond(), u32::from_be_bytes(random));
    let text =
        if requests.len() > MOST { "*".to_owned() } else { requests.iter().map(hash).collect::<Vec<_>>().join(" ") };
    let there = cluster.find(&path).await.ok().flatten();
    let old = there.iter().flat_map(|there| entries(there)).filter(|(at, ..)| now.duration_since(*at) > OLD);
    let mut data: Map<String, Json> = old.map(|(_, name, _)| (name.to_owned(), Json::Null)).collect();
    data.insert(name, text.into());
    if there.is_some() {
        let _ = cluster.merge_patch(&path, &json!({"data": data})).await;
    } else {
        let metadata = json!({"name": CONFIG_MAP, "namespace": namespace});
        let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
        let _ = cluster.create(&format!("/api/v1/namespaces/{namespace}/configmaps"), &body).await;
    }
}

/// What is told since some time, and the time of the last of it.
#[must_use]
pub fn since(config_map: &Json, last: Option<Timestamp>) -> (Vec<News>, Option<Timestamp>) {
    let new = entries(config_map).filter(|(at, ..)| last.is_none_or(|last| *at > last));
    let (mut news, mut newest) = (Vec::new(), last);
    for (at, _, text) in new {
        news.push(if text == "*" { News::OfAll } else { News::Of(text.split(' ').map(str::to_owned).collect()) });
        newest = newest.max(Some(at));
    }
    (news, newest)
}

/// Times, names and texts.
fn entries(config_map: &Json) -> impl Iterator<Item = (Timestamp, &str, &str)> {
    config_map["data"].as_object().into_iter().flatten().filter_map(|(name, text)| {
        let at = name.split_once('.')?.0.parse().ok()?;
        Some((Timestamp::from_millisecond(at).ok()?, name.as_str(), text.as_str()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_told_once() {
        let [one, other] = ["main", "next"].map(|revision| Request::git("https://a.example/x.git", revision));
        let map = |entries: &[(&str, &str)]| {
            let data: Map<String, Json> =
                entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
            json!({"data": data})
        };
        let first = map(&[("1000.0000000a", &hash(&one)), ("nonsense", "x"), ("999999999999999999999.1", "x")]);
        let (news, last) = since(&first, None);
        assert!(news.len() == 1 && news[0].is_of(&one) && !news[0].is_of(&other));
        assert_eq!(since(&first, last).0, []);
        let (news, _) = since(&map(&[("1000.0000000a", &hash(&one)), ("2000.0000000b", "*")]), last);
        assert!(news == [News::OfAll] && news[0].is_of(&other));
    }
}
