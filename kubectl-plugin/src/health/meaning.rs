//! What controllers mean by the words that they write: in phases, in reasons, in the types of conditions.
//!
//! In: a word such as `ClusterRollingUpgrading`, `FailedCreateOrUpdate`, `NotReady`. Out: a [`Meaning`], or none, which
//! says nothing. The same vocabulary serves all three places, because controllers use the same words in them: what is
//! `Ready` as a phase is a condition that should be true. Guarantee: no word is taken for a failure for good.

/// What a word says of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// All is well.
    Good,
    /// It is on its way.
    Busy,
    /// Something is wrong.
    Bad,
    /// Someone asked it to stand still.
    Still,
    /// Its controller does not know.
    Unknown,
}

/// Longer texts are sentences, in which a word proves nothing.
const MOST_WORDS: usize = 6;

const GOOD: &[&str] = &[
    "accepted",
    "active",
    "admitted",
    "applied",
    "attached",
    "available",
    "bound",
    "complete",
    "completed",
    "compliant",
    "configured",
    "connected",
    "created",
    "deployed",
    "established",
    "exists",
    "finished",
    "green",
    "healthy",
    "initialized",
    "installed",
    "joined",
    "ok",
    "online",
    "passed",
    "programmed",
    "provisioned",
    "ready",
    "reconciled",
    "registered",
    "resolved",
    "running",
    "scheduled",
    "serving",
    "stable",
    "succeeded",
    "success",
    "successful",
    "synced",
    "synchronized",
    "valid",
    "validated",
];

const BUSY: &[&str] = &[
    "creating",
    "deleting",
    "deploying",
    "disrupting",
    "incomplete",
    "initializing",
    "installing",
    "migrating",
    "pending",
    "progress",
    "progressing",
    "provisioning",
    "queued",
    "reconciling",
    "restarting",
    "rolling",
    "starting",
    "stopping",
    "syncing",
    "terminating",
    "unavailable",
    "unready",
    "updating",
    "upgrading",
    "waiting",
    "yellow",
];

const BAD: &[&str] = &[
    "aborted",
    "broken",
    "cannot",
    "conflict",
    "conflicted",
    "crash",
    "critical",
    "dead",
    "degraded",
    "denied",
    "disconnected",
    "err",
    "evicted",
    "exceeded",
    "exception",
    "expired",
    "forbidden",
    "inaccessible",
    "incompatible",
    "invalid",
    "lost",
    "misconfigured",
    "missing",
    "noncompliant",
    "offline",
    "recoverable",
    "red",
    "refused",
    "rejected",
    "stalled",
    "terminal",
    "timeout",
    "unable",
    "unauthorized",
    "unhealthy",
    "unreachable",
    "unresolved",
    "unschedulable",
    "unsupported",
    "violation",
    "violations",
];

const STILL: &[&str] = &["hibernated", "hibernation", "paused", "suspended"];

/// Two words that mean something else than each of them.
const PAIRS: &[([&str; 2], Meaning)] = &[
    (["back", "off"], Meaning::Bad),
    (["max", "limit"], Meaning::Bad),
    (["non", "compliant"], Meaning::Bad),
    (["not", "found"], Meaning::Bad),
    (["timed", "out"], Meaning::Bad),
    (["up", "to"], Meaning::Good),
];

/// Words of the form that names what goes on, and that name what is there.
const STATES: &[&str] = &["existing", "listening", "missing", "running", "serving", "streaming", "warning"];

impl Meaning {
    /// What a reason or the type of a condition means. What is worst counts: `SecretSyncedError` is an error.
    pub(super) fn of(text: &str) -> Option<Self> {
        Self::of_words(&words(text)?)
    }

    /// What a phase means. There any word in `-ing` is work: `ApplyingChanges`. A condition may be called `Networking`.
    pub(super) fn of_phase(text: &str) -> Option<Self> {
        let words = words(text)?;
        let is_work = |word: &String| word.ends_with("ing") && word.len() > 5 && !STATES.contains(&word.as_str());
        match Self::of_words(&words) {
            None | Some(Self::Good) if words.iter().any(is_work) => Some(Self::Busy),
            meaning => meaning,
        }
    }

    /// What a message is that begins with a failure: `Failed to ...`, `error: ...`.
    pub(super) fn of_message(text: &str) -> Option<Self> {
        let first = text.split(|character: char| !character.is_ascii_alphabetic()).next()?;
        Self::of_word(&first.to_ascii_lowercase()).filter(|meaning| *meaning == Self::Bad)
    }

    fn of_words(words: &[String]) -> Option<Self> {
        let mut pairs = words.windows(2).filter_map(|two| {
            PAIRS.iter().find(|(pair, _)| two[0] == pair[0] && two[1] == pair[1]).map(|(_, meaning)| *meaning)
        });
        if let Some(meaning) = pairs.next() {
            return Some(meaning);
        }
        let found: Vec<Self> = words.iter().filter_map(|word| Self::of_word(word)).collect();
        let says = |meaning: Self| found.contains(&meaning);
        match words.iter().any(|word| matches!(word.as_str(), "no" | "non" | "not")) {
            // `NoWarnings`, `NoErrors`; and what is not ready may become so.
            true if says(Self::Bad) => Some(Self::Good),
            true if says(Self::Good) => Some(Self::Busy),
            _ => [Self::Bad, Self::Still, Self::Busy, Self::Unknown, Self::Good].into_iter().find(|it| says(*it)),
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        let is_in = |list: &[&str]| list.contains(&word);
        match word {
            "unknown" => Some(Self::Unknown),
            _ if is_in(BAD) || word.starts_with("fail") || word.starts_with("error") => Some(Self::Bad),
            _ if is_in(STILL) => Some(Self::Still),
            _ if is_in(BUSY) => Some(Self::Busy),
            _ if is_in(GOOD) => Some(Self::Good),
            _ => None,
        }
    }
}

/// The words of a name in camel case, or of a short text; none where it is a sentence.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in text.chars().take(200) {
        // `APIError` is `api error`, as good as any other cut: only its last word is looked up.
        let begins = character.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins || !character.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if character.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    (words.len() <= MOST_WORDS).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::Meaning::{Bad, Busy, Good, Still, Unknown};
    use super::*;

    #[test]
    fn the_worst_word_counts() {
        for (text, meaning) in [
            ("Ready", Some(Good)),
            ("CLUSTER_READY", Some(Good)),
            ("SecretSyncedError", Some(Bad)),
            ("FailedCreateOrUpdate", Some(Bad)),
            ("ErrRegisterACMEAccount", Some(Bad)),
            ("ProgressingWithRetry", Some(Busy)),
            ("ReconcilePaused", Some(Still)),
            ("TimedOut", Some(Bad)),
            ("ImagePullBackOff", Some(Bad)),
            ("Unknown", Some(Unknown)),
            ("PodInitializing", Some(Busy)),
            ("Networking", None),
            ("", None),
        ] {
            assert_eq!(Meaning::of(text), meaning, "{text}");
        }
    }

    #[test]
    fn what_is_denied_means_something_else() {
        for (text, meaning) in [
            ("NotReady", Some(Busy)),
            ("NoEndpointsAvailable", Some(Busy)),
            ("NoErrors", Some(Good)),
            ("NotFound", Some(Bad)),
            ("ResourceNotFound", Some(Bad)),
            ("NotStarted", None),
        ] {
            assert_eq!(Meaning::of(text), meaning, "{text}");
        }
    }

    #[test]
    fn a_phase_in_ing_is_work() {
        for (text, meaning) in [
            ("ApplyingChanges", Some(Busy)),
            ("Setting up primary", Some(Busy)),
            ("Running", Some(Good)),
            ("ClusterRunning", Some(Good)),
            ("Failing over", Some(Bad)),
            ("Cluster in healthy state", Some(Good)),
            ("we are failing to say this in fewer words than that", None),
        ] {
            assert_eq!(Meaning::of_phase(text), meaning, "{text}");
        }
    }

    #[test]
    fn a_word_has_one_meaning() {
        let all: Vec<&str> = [GOOD, BUSY, BAD, STILL].concat();
        for list in [GOOD, BUSY, BAD, STILL, STATES] {
            assert!(list.is_sorted_by(|left, right| left < right), "{list:?}");
        }
        for word in &all {
            assert_eq!(all.iter().filter(|other| other == &word).count(), 1, "{word}");
        }
    }
}
