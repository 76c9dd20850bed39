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
pub const CONFIG_MAP: &str = "kubectl-gitops-relay";

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
pub enum Relayed {
    /// These.
    Of(BTreeSet<String>),
    /// Any.
    OfAll,
}

impl Relayed {
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
    let there = match cluster.find(&path).await {
        Ok(Some(there)) => there,
        Ok(None) => {
            let metadata = json!({"name": CONFIG_MAP, "namespace": namespace});
            let body =
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {name.as_str(): text}});
            match cluster.create(&format!("/api/v1/namespaces/{namespace}/configmaps"), &body).await {
                // Another was faster: what it told stays beside ours.
                Err(failure) if failure.is_already_exists() => Json::Null,
                _ => return,
            }
        }
        // It may be there all the same.
        Err(_) => Json::Null,
    };
    let old = entries(&there).filter(|(at, ..)| now.duration_since(*at) > OLD);
    let mut data: Map<String, Json> = old.map(|(_, name, _)| (name.to_owned(), Json::Null)).collect();
    data.insert(name, text.into());
    let _ = cluster.merge_patch(&path, &json!({"data": data})).await;
}

/// Which entries were seen, by their names: those of the ConfigMap as it was last, and so never more than it has room for.
/// Times do not say what is new: clocks of replicas differ.
#[derive(Debug, Default)]
pub struct Seen(Option<BTreeSet<String>>);

impl Seen {
    /// What is told that was not seen before. At first, what is old is not: whoever begins asks Git for everything.
    pub fn take(&mut self, config_map: &Json, now: Timestamp) -> Vec<Relayed> {
        let names = entries(config_map).map(|(_, name, _)| name.to_owned()).collect();
        let before = self.0.replace(names);
        let is_new = |at: Timestamp, name: &str| match &before {
            Some(before) => !before.contains(name),
            None => now.duration_since(at) <= OLD,
        };
        let new = entries(config_map).filter(|(at, name, _)| is_new(*at, name));
        new.map(|(.., text)| match text {
            "*" => Relayed::OfAll,
            text => Relayed::Of(text.split(' ').map(str::to_owned).collect()),
        })
        .collect()
    }
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

    fn map(entries: &[(&str, &str)]) -> Json {
        let data: Map<String, Json> = entries.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
        json!({"data": data})
    }

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).expect("a time")
    }

    #[test]
    fn what_is_new_is_told_once() {
        let [one, other] = ["main", "next"].map(|revision| Request::git("https://a.example/x.git", revision));
        let mut seen = Seen::default();
        let first = map(&[("1000.0000000a", &hash(&one)), ("nonsense", "x"), ("999999999999999999999.1", "x")]);
        let news = seen.take(&first, at(1000));
        assert!(news.len() == 1 && news[0].is_of(&one) && !news[0].is_of(&other));
        assert_eq!(seen.take(&first, at(1000)), []);
        let news = seen.take(&map(&[("1000.0000000a", &hash(&one)), ("2000.0000000b", "*")]), at(2000));
        assert!(news == [Relayed::OfAll] && news[0].is_of(&other));
    }

    #[test]
    fn clocks_that_differ_lose_nothing() {
        let mut seen = Seen::default();
        assert_eq!(seen.take(&map(&[("5000.0000000a", "*")]), at(5000)).len(), 1);
        // The clock of whoever told this is behind, and that of the next is, too.
        assert_eq!(seen.take(&map(&[("5000.0000000a", "*"), ("4000.0000000b", "*")]), at(5100)).len(), 1);
        let same = map(&[("5000.0000000a", "*"), ("4000.0000000b", "*"), ("4000.0000000c", "*")]);
        assert_eq!(seen.take(&same, at(5200)).len(), 1);
        assert_eq!(seen.take(&same, at(500_000)), []);
    }

    #[test]
    fn what_was_told_long_before_is_no_news_to_who_begins() {
        let old = map(&[("1000.0000000a", "*"), ("50000.0000000b", "*")]);
        let mut seen = Seen::default();
        assert_eq!(seen.take(&old, at(100_000)).len(), 1);
        assert_eq!(seen.take(&old, at(100_000)), []);
        // What has left the ConfigMap is not kept in mind.
        assert_eq!(seen.take(&map(&[]), at(100_000)), []);
        assert_eq!(seen.0.as_ref().map(BTreeSet::len), Some(0));
    }
}
