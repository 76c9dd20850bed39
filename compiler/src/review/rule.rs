//! The list of all risk rules: what each finds, how bad that is, why, and what to do.
//!
//! In: nothing. Out: [`RULES`], which the page of reference is made from, and [`Level`]. The names are part of settings
//! and of JSON: they never change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a risk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Good to know.
    Info,
    /// A person should look at it.
    Caution,
    /// Something is lost, broken or given away.
    Block,
}

impl Level {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Caution => "caution",
            Self::Block => "block",
        }
    }
}

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskRule {
    /// What settings and reports call it.
    pub name: &'static str,
    /// How bad what it finds is, unless the settings say otherwise.
    pub level: Level,
    /// What it finds, as a clause.
    pub finds: &'static str,
    /// Why that is a risk.
    pub why: &'static str,
    /// What to do.
    pub advice: &'static str,
}

const fn rule(
    level: Level,
    name: &'static str,
    finds: &'static str,
    why: &'static str,
    advice: &'static str,
) -> RiskRule {
    RiskRule { name, level, finds, why, advice }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $constant:ident = $level:ident, $name:literal, $finds:literal, $why:literal, $advice:literal;)*) => {
        $(pub(super) const $constant: RiskRule = rule(Level::$level, $name, $finds, $why, $advice);)*

        /// All rules, by name.
        pub const RULES: &[RiskRule] = &[$($constant),*];
    };
}

rules! {
    ACCEPTANCE_CHANGED = Caution, "acceptance-changed",
        "an acceptance that this change adds or prolongs, or a rule that it lowers",
        "who accepts a risk should not be who brings it; it counts only once it is part of the base",
        "review the acceptance by itself, before what needs it";
    APPLICATION_REMOVED = Block, "application-removed",
        "an application that is there no more",
        "all that it made may be deleted",
        "delete the application first, with `kubectl gitops delete`, and its files after that";
    BASE_UNKNOWN = Caution, "base-unknown",
        "an older side that does not compile, or of which a snapshot keeps ids alone",
        "what is lost and what becomes weaker is found by comparing, and there is nothing to compare with",
        "mend the older side first, or let the snapshot keep manifests with `snapshot accept --all --full`";
    CAPABILITY_ADDED = Caution, "capability-added",
        "a container that gains a Linux capability",
        "capabilities are parts of what root may do on the node",
        "say in the change why it is needed";
    CLAIM_REMOVED = Block, "claim-removed",
        "a PersistentVolumeClaim that goes",
        "with the reclaim policy Delete its volume is deleted with it: the data is lost",
        "keep it, or back the data up and accept the risk by name";
    CLAIM_SHRINKS = Block, "claim-shrinks",
        "a PersistentVolumeClaim that asks for less than before",
        "the server refuses it: volumes only grow",
        "make a new claim, and move the data";
    CLUSTER_ADMIN_BOUND = Block, "cluster-admin-bound",
        "somebody who gets the role cluster-admin, or one with all rights",
        "it may do everything in the cluster",
        "give a role with what is needed";
    CONFIG_NOT_RELOADED = Caution, "config-not-reloaded",
        "a ConfigMap or Secret that changes while Pods that read it at their start do not",
        "variables and files below a subPath are read once: Pods have old values until something else restarts them",
        "let its name or an annotation of the Pods carry a hash of it";
    DEFINITION_NARROWED = Caution, "definition-narrowed",
        "a schema of a custom kind that takes less than before",
        "objects that are there may be refused at their next change, or lose fields",
        "add a new version of the kind";
    DEFINITION_REMOVED = Block, "definition-removed",
        "a CustomResourceDefinition that goes",
        "all objects of its kind are deleted with it, in all namespaces",
        "remove the objects first, and accept the risk by name";
    DEFINITION_STORAGE_CHANGED = Caution, "definition-storage-changed",
        "a custom kind that is stored in another version",
        "objects stay in the old version until each is written again; the old one cannot be removed before that",
        "keep both versions until all objects are migrated";
    DEFINITION_VERSION_REMOVED = Block, "definition-version-removed",
        "a version of a custom kind that is there or served no more",
        "clients of that version fail; the server refuses it while objects are stored so",
        "stop serving a version only after its clients are gone, and remove it after that";
    DIGEST_DROPPED = Caution, "digest-dropped",
        "an image that had a digest, and has none",
        "what runs can change by itself under one tag",
        "keep the digest";
    DISRUPTION_BUDGET_BLOCKS = Caution, "disruption-budget-blocks",
        "a PodDisruptionBudget that allows no disruption",
        "nodes cannot be drained",
        "leave one Pod to go: maxUnavailable: 1, or more replicas than minAvailable";
    DISRUPTION_BUDGET_REMOVED = Caution, "disruption-budget-removed",
        "a PodDisruptionBudget that goes, and its Pods do not",
        "all of them may be evicted at once",
        "keep it";
    DOES_NOT_COMPILE = Block, "does-not-compile",
        "an application whose newer side has errors",
        "nothing of it can be applied, and nothing of it was reviewed",
        "mend the errors";
    ENCRYPTED_UNSEEN = Block, "encrypted-unseen",
        "an object that gains values that SOPS has encrypted, and is neither a Secret nor a ConfigMap",
        "whoever knows the public key can encrypt: it may say anything, and no rule has read it",
        "encrypt Secrets and refer to them; or accept it by name, once somebody has decrypted and read it";
    ESCALATION_ALLOWED = Caution, "escalation-allowed",
        "a container that may gain more rights than it starts with, or that runs as root and did not",
        "a hole in it is worth more",
        "set allowPrivilegeEscalation: false and runAsNonRoot: true";
    EVERYBODY_BOUND = Block, "everybody-bound",
        "rights for everybody, or for everybody who is logged in",
        "that includes each Pod of the cluster, or whoever reaches its API",
        "name the groups or accounts";
    FINALIZER_ADDED = Info, "finalizer-added",
        "an object that gains a finalizer",
        "it cannot be deleted before somebody takes that away",
        "make sure that its controller outlives it";
    HOST_ACCESS = Block, "host-access",
        "Pods that gain access to the node: its network, processes, or files",
        "they see what others on the node do, and may change it",
        "use a volume, a Service, or an agent that has this access already";
    IMAGE_MOVED = Caution, "image-moved",
        "a container whose image comes from somewhere else",
        "another registry or another name is another author",
        "make sure that the new place is yours";
    IMAGE_MUTABLE = Caution, "image-mutable",
        "an image that becomes one without a version",
        "what runs can change by itself; a rollback does not bring the old one back",
        "give a version or a digest";
    IMMUTABLE_FIELD = Block, "immutable-field",
        "a change of a field that cannot change",
        "the server refuses it; the object must be deleted and made again, and what runs in it goes with it",
        "give the new object another name, or recreate it with --allow-recreate";
    LARGE_CHANGE = Info, "large-change",
        "a change of sixty resources or more",
        "nobody reads so much",
        "make it in parts";
    LIMIT_REMOVED = Info, "limit-removed",
        "a container that loses a limit or a request of memory",
        "it may take what others on the node need, or be evicted first",
        "keep it";
    LOCK_HOST_ADDED = Caution, "lock-host-added",
        "an input from a host that no input came from before",
        "what comes from there goes to the cluster",
        "make sure that the host is one that you trust";
    MAJOR_VERSION = Caution, "major-version",
        "an image or chart whose first number grows",
        "that is where authors break things",
        "read its notes";
    MANY_REMOVED = Block, "many-removed",
        "more than half of an application, and at least ten resources, that go",
        "that is a mistake more often than a wish",
        "look for a folder that moved or a value that is empty";
    NAMESPACE_REMOVED = Block, "namespace-removed",
        "a Namespace that goes",
        "everything inside is deleted with it, whoever made it",
        "keep it, or accept the risk by name";
    NETWORK_POLICY_REMOVED = Caution, "network-policy-removed",
        "a NetworkPolicy that goes",
        "what it kept apart may talk again",
        "make sure that another policy does its work";
    PLAIN_SECRET = Caution, "plain-secret",
        "a Secret whose values lie open in Git",
        "whoever can read the repository knows them, for ever",
        "encrypt it with SOPS, or let a controller make it";
    POD_SECURITY_LOWERED = Caution, "pod-security-lowered",
        "a Namespace that enforces a weaker Pod Security Standard",
        "Pods may then do what was refused before",
        "keep the level, and move what needs more into a Namespace of its own";
    PRIVILEGED = Block, "privileged",
        "a container that becomes privileged",
        "it is root on the node",
        "add the one capability that is needed";
    PROBE_REMOVED = Caution, "probe-removed",
        "a container that loses its readiness or liveness probe",
        "a rollout goes on when the new Pods do not work",
        "keep it, or mend it";
    REFERENCE_DANGLES = Block, "reference-dangles",
        "something that goes, and that a workload still names",
        "its next Pod does not start",
        "remove the reference as well, or keep the object";
    RENAMED = Caution, "renamed",
        "an object that goes, and comes back alike under another name or in another namespace",
        "that is a deletion and a creation: what runs in it stops, and what names it finds nothing",
        "keep the name, or move in two steps";
    REPLICAS_AND_AUTOSCALER = Caution, "replicas-and-autoscaler",
        "a workload that writes its replicas and has a HorizontalPodAutoscaler",
        "each apply sets the number back that the autoscaler chose",
        "leave spec.replicas out";
    RIGHTS_ESCALATE = Block, "rights-escalate",
        "a role that gains rights with which more can be had: all verbs, escalate, bind, impersonate, Secrets, exec, tokens",
        "who holds it can become somebody else",
        "name the verbs and the objects that are needed";
    RIGHTS_WIDENED = Caution, "rights-widened",
        "a role that gains rights",
        "all who hold it gain them",
        "make sure that each of them should";
    ROUTE_REMOVED = Caution, "route-removed",
        "a host or path that an Ingress serves no more",
        "who asks for it gets an error",
        "make sure that nobody does";
    SCALED_TO_ZERO = Caution, "scaled-to-zero",
        "a workload that has no Pods any more",
        "nobody answers",
        "remove it, if that is what is meant";
    SELECTS_NOTHING = Block, "selects-nothing",
        "a Service that selected Pods of this application, and selects none now",
        "who asks it gets no answer",
        "let its selector and the labels of the Pods agree";
    SERVICE_EXPOSED = Caution, "service-exposed",
        "a Service that can be reached from outside of the cluster, and could not",
        "everybody may find it",
        "make sure that it asks who is there";
    STATEFUL_SET_REMOVED = Caution, "stateful-set-removed",
        "a StatefulSet that goes",
        "its data stays behind in claims that nobody looks after",
        "decide what becomes of its claims";
    SUBJECT_ADDED = Caution, "subject-added",
        "somebody who gets a role",
        "it may do all that the role allows",
        "make sure that it should";
    TLS_REMOVED = Caution, "tls-removed",
        "an Ingress that loses TLS for a host",
        "what is sent can be read on its way",
        "keep it";
    VERSION_LOWERED = Caution, "version-lowered",
        "an image or chart that is older than before",
        "data that the newer one wrote may be too new for it",
        "make sure that the way back is supported";
    VOLUME_REMOVED = Block, "volume-removed",
        "a PersistentVolume that goes",
        "its claim loses it, and perhaps its data",
        "keep it, or accept the risk by name";
    WEBHOOK_FAILS_CLOSED = Caution, "webhook-fails-closed",
        "a webhook that refuses everything while it does not answer, without a selector of namespaces or objects",
        "where its Pods are gone, nothing can be made, its Pods included",
        "select what it is for, or let it fail open: failurePolicy: Ignore";
}

/// The rule with this name.
#[must_use]
pub fn rule_named(name: &str) -> Option<&'static RiskRule> {
    RULES.iter().find(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(RULES.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(rule_named("claim-removed").is_some() && rule_named("claims-removed").is_none());
    }
}
