//! What annotations say of how an object is applied, and of what becomes of it when it is wanted no more.
//!
//! In: annotations and labels of a manifest or of a live object, and the options of its application. Out: a [`Policy`]. What
//! is read, where it concerns this:
//!
//! | from | what |
//! |---|---|
//! | Argo CD | `argocd.argoproj.io/sync-options`, and the same words in `spec.syncPolicy.syncOptions` |
//! | Helm | `helm.sh/resource-policy` |
//! | Flux | `kustomize.toolkit.fluxcd.io/prune`, `/force`, `/ssa`, `/reconcile`, as labels too |
//! | kapp | `kapp.k14s.io/delete-strategy`, `/update-strategy`, `/exists`, `/noop`, `/disable-wait` |
//! | cli-utils | `client.lifecycle.config.k8s.io/deletion`, `/mutation`, `cli-utils.sigs.k8s.io/on-remove` |
//!
//! An object's own word counts more than its application's. Several of an object add up to the most careful.

use super::options::SyncOptions;

/// What becomes of an object that is to go. More careful is greater.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// It is deleted.
    #[default]
    Delete,
    /// It is deleted where somebody confirms it.
    Confirm,
    /// It stays, and stays ours.
    Keep,
    /// It stays, and is nobody's.
    Release,
}

/// How an object is written that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Write {
    /// Server-side apply.
    #[default]
    Apply,
    /// All of it, whatever others wrote.
    Replace,
    /// It is deleted and made again.
    Recreate,
    /// It is made where it is not there, and else left as it is.
    OnlyCreate,
    /// Not at all.
    Never,
}

/// How one object is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// When it left the graph.
    pub prune: Removal,
    /// When its application is deleted.
    pub delete: Removal,
    /// When it is wanted.
    pub write: Write,
    /// Whether it may be deleted and made again where the server refuses a change of what is immutable.
    pub may_recreate: bool,
    /// Whether nobody waits until it is ready: that it is there is enough for what depends on it.
    pub is_not_awaited: bool,
}

const FLUX_PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
const FLUX_FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
const FLUX_SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
const FLUX_RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";

impl Policy {
    /// Reads what `annotation` and `label` give by name.
    #[must_use]
    pub fn of<'a>(
        annotation: impl Fn(&str) -> Option<&'a str>,
        label: impl Fn(&str) -> Option<&'a str>,
        application: &SyncOptions,
    ) -> Self {
        let own = SyncOptions::of_object(&annotation);
        let is = |name: &str, value: &str| annotation(name).is_some_and(|text| text.trim() == value);
        let flux = |name: &str, value: &str| {
            let same = |text: Option<&str>| text.is_some_and(|text| text.trim().eq_ignore_ascii_case(value));
            same(annotation(name)) || same(label(name))
        };
        let released = is("helm.sh/resource-policy", "keep")
            || flux(FLUX_PRUNE, "disabled")
            || is("kapp.k14s.io/delete-strategy", "orphan")
            || is("client.lifecycle.config.k8s.io/deletion", "detach")
            || is("cli-utils.sigs.k8s.io/on-remove", "keep");
        let least = if released { Removal::Release } else { Removal::Delete };
        let replaces = own.replace.or(application.replace) == Some(true);
        let forces = own.force == Some(true);
        // With kapp it is the annotation itself that counts.
        let is_others = ["kapp.k14s.io/exists", "kapp.k14s.io/noop"].iter().any(|name| annotation(name).is_some());
        let write = if flux(FLUX_SSA, "ignore") || flux(FLUX_RECONCILE, "disabled") || is_others {
            Write::Never
        } else if flux(FLUX_SSA, "ifnotpresent")
            || is("client.lifecycle.config.k8s.io/mutation", "ignore")
            || is("kapp.k14s.io/update-strategy", "skip")
        {
            Write::OnlyCreate
        } else if (replaces && forces) || is("kapp.k14s.io/update-strategy", "always-replace") {
            Write::Recreate
        } else if replaces {
            Write::Replace
        } else {
            Write::Apply
        };
        Self {
            prune: own.prune.or(application.prune).unwrap_or_default().max(least),
            delete: own.delete.or(application.delete).unwrap_or_default().max(least),
            write,
            may_recreate: forces
                || write == Write::Recreate
                || flux(FLUX_FORCE, "enabled")
                || is("kapp.k14s.io/update-strategy", "fallback-on-replace"),
            is_not_awaited: annotation("kapp.k14s.io/disable-wait").is_some(),
        }
    }

    /// What the manifest and the live object say together.
    #[must_use]
    pub fn with_live(mut self, live: &Self) -> Self {
        self.prune = self.prune.max(live.prune);
        self.delete = self.delete.max(live.delete);
        if live.write == Write::Never {
            self.write = Write::Never;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

    fn read(annotations: &[(&str, &'static str)], application: &[&str]) -> Policy {
        let found = |name: &str| annotations.iter().find(|(key, _)| *key == name).map(|(_, text)| *text);
        Policy::of(found, |_| None, &SyncOptions::read(application.iter().copied()))
    }

    #[test]
    fn argo_cds_options_of_an_object_count_more_than_those_of_its_application() {
        let options = |text| [(SYNC_OPTIONS, text)];
        assert_eq!(read(&[], &[]), Policy::default());
        assert_eq!(read(&options("Prune=false, Delete=confirm"), &[]).prune, Removal::Keep);
        assert_eq!(read(&options("Prune=false, Delete=confirm"), &[]).delete, Removal::Confirm);
        assert_eq!(read(&[], &["Prune=confirm"]).prune, Removal::Confirm);
        assert_eq!(read(&options("Prune=true"), &["Prune=false"]).prune, Removal::Delete);
        assert_eq!(read(&options("Replace=true"), &[]).write, Write::Replace);
        assert_eq!(read(&options("Replace=false"), &["Replace=true"]).write, Write::Apply);
        assert_eq!(read(&options("Replace=true,Force=true"), &[]).write, Write::Recreate);
        assert!(read(&options("Force=true"), &[]).may_recreate && !read(&[], &["Replace=true"]).may_recreate);
    }

    #[test]
    fn words_of_other_tools_are_understood() {
        for (name, value, prune, write) in [
            ("helm.sh/resource-policy", "keep", Removal::Release, Write::Apply),
            ("kustomize.toolkit.fluxcd.io/prune", "Disabled", Removal::Release, Write::Apply),
            ("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent", Removal::Delete, Write::OnlyCreate),
            ("kustomize.toolkit.fluxcd.io/ssa", "Merge", Removal::Delete, Write::Apply),
            ("kustomize.toolkit.fluxcd.io/reconcile", "disabled", Removal::Delete, Write::Never),
            ("kapp.k14s.io/delete-strategy", "orphan", Removal::Release, Write::Apply),
            ("kapp.k14s.io/exists", "", Removal::Delete, Write::Never),
            ("kapp.k14s.io/noop", "", Removal::Delete, Write::Never),
            ("kapp.k14s.io/update-strategy", "always-replace", Removal::Delete, Write::Recreate),
            ("kapp.k14s.io/update-strategy", "skip", Removal::Delete, Write::OnlyCreate),
            ("client.lifecycle.config.k8s.io/deletion", "detach", Removal::Release, Write::Apply),
            ("client.lifecycle.config.k8s.io/mutation", "ignore", Removal::Delete, Write::OnlyCreate),
            ("cli-utils.sigs.k8s.io/on-remove", "keep", Removal::Release, Write::Apply),
        ] {
            let policy = read(&[(name, value)], &[]);
            assert_eq!((policy.prune, policy.delete, policy.write), (prune, prune, write), "{name}: {value}");
        }
        assert!(read(&[("kustomize.toolkit.fluxcd.io/force", "enabled")], &[]).may_recreate);
        assert!(read(&[("kapp.k14s.io/disable-wait", "")], &[]).is_not_awaited && !read(&[], &[]).is_not_awaited);
        let by_label = |name: &str| (name == "kustomize.toolkit.fluxcd.io/prune").then_some("disabled");
        assert_eq!(Policy::of(|_| None, by_label, &SyncOptions::default()).prune, Removal::Release);
    }

    #[test]
    fn the_live_object_may_ask_for_more_care() {
        let kept = read(&[("helm.sh/resource-policy", "keep")], &[]);
        assert_eq!(Policy::default().with_live(&kept).prune, Removal::Release);
        assert_eq!(kept.with_live(&Policy::default()).prune, Removal::Release);
        let ignored = read(&[("kustomize.toolkit.fluxcd.io/reconcile", "disabled")], &[]);
        assert_eq!(Policy::default().with_live(&ignored).write, Write::Never);
    }
}
