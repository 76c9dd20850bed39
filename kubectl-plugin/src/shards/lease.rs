//! The Lease of a member, as it is written and read.
//!
//! In: who we are; what a list shows. Out: the body of a request; what `membership` asks of a Lease. Times in Leases are for
//! people: nobody compares them with a clock.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::membership::Seen;

/// Has all Leases of the members of a group; its value is the name of the group.
pub(super) const LABEL: &str = "kubectl-gitops/members";

/// Our name to the server.
pub(super) const FIELD_MANAGER: &str = "kubectl-gitops-shards";

/// A Lease of ours.
#[derive(Debug, Clone)]
pub(super) struct OwnLease {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) group: String,
    /// Who holds it, for people: the name of the Pod.
    pub(super) holder: String,
    pub(super) seconds: u64,
    pub(super) acquired: Timestamp,
}

impl OwnLease {
    /// The collection that it is in.
    pub(super) fn collection(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    /// Where it is.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }

    /// Finds it and those of the other members.
    pub(super) fn selector(&self) -> String {
        format!("{LABEL}={}", self.group)
    }

    /// The Lease, held at this time. With a uid the one that is there is meant, and no other is made.
    pub(super) fn held(&self, uid: Option<&str>, now: Timestamp) -> Json {
        let mut lease = self.released(uid, now);
        lease["spec"]["holderIdentity"] = self.holder.clone().into();
        lease
    }

    /// The Lease, given up.
    pub(super) fn released(&self, uid: Option<&str>, now: Timestamp) -> Json {
        let time = |of: Timestamp| of.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let mut lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": {LABEL: self.group}},
            "spec": {
                "leaseDurationSeconds": self.seconds,
                "acquireTime": time(self.acquired),
                "renewTime": time(now),
            },
        });
        if let Some(uid) = uid {
            lease["metadata"]["uid"] = uid.into();
        }
        lease
    }
}

/// A Lease that is listed; `None` where it is none.
pub(super) fn seen(lease: &Json) -> Option<Seen> {
    let metadata = &lease["metadata"];
    let text = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
    let version = format!("{}{SEPARATOR}{}", text("uid")?, text("resourceVersion")?);
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
    Some(Seen { name: text("name")?.to_owned(), version, is_released: holder.is_empty() })
}

const SEPARATOR: char = ' ';

/// The uid and the resourceVersion that a version is made of.
pub(super) fn parts(version: &str) -> Option<(&str, &str)> {
    version.split_once(SEPARATOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnLease {
        OwnLease {
            name: "a".to_owned(),
            namespace: "ns".to_owned(),
            group: "controller".to_owned(),
            holder: "pod-1".to_owned(),
            seconds: 8,
            acquired: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_lease_is_written_as_the_api_has_it() {
        let held = own().held(Some("u"), Timestamp::from_microsecond(1_500_000).expect("a time"));
        let expected = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "a", "namespace": "ns", "uid": "u", "labels": {"kubectl-gitops/members": "controller"}},
            "spec": {
                "holderIdentity": "pod-1", "leaseDurationSeconds": 8,
                "acquireTime": "1970-01-01T00:00:00.000000Z", "renewTime": "1970-01-01T00:00:01.500000Z",
            },
        });
        assert_eq!(held, expected);
        assert!(own().released(None, Timestamp::UNIX_EPOCH)["spec"].get("holderIdentity").is_none());
        assert_eq!(own().path(), "/apis/coordination.k8s.io/v1/namespaces/ns/leases/a");
    }

    #[test]
    fn a_lease_is_read_and_what_is_none_is_not() {
        let mut lease = own().held(Some("u"), Timestamp::UNIX_EPOCH);
        assert_eq!(seen(&lease), None, "it was never stored");
        lease["metadata"]["resourceVersion"] = "7".into();
        let expected = Seen { name: "a".to_owned(), version: "u 7".to_owned(), is_released: false };
        assert_eq!(seen(&lease), Some(expected.clone()));
        assert_eq!(parts(&expected.version), Some(("u", "7")));
        for released in [Json::Null, "".into()] {
            lease["spec"]["holderIdentity"] = released;
            assert!(seen(&lease).is_some_and(|seen| seen.is_released));
        }
        assert_eq!(seen(&json!([])), None);
    }
}
