//! The name and the marks of a hook's object.
//!
//! In: a step's key and body, the target, the release. Out: the key in the cluster, and the body as it is sent. Pure: the
//! same hook of the same release has the same name, so that a lost answer is no second object.

use gitops_compiler::manifest::{Hook, HookPhase};
use gitops_compiler::name::ResourceKey;
use serde_json::{Value as Json, json};

/// Holds an object until its outcome is in the record.
pub(super) const FINALIZER: &str = "kubectl-gitops/hook-outcome";

/// Says in which phase and release of which target an object was made.
const MARK: &str = "kubectl-gitops/hook";

/// Longest name that Jobs, and the labels of their Pods, can have.
const LONGEST_NAME: usize = 63;

/// A run of a hook: what its object is called and marked by.
pub(super) struct HookRun<'a> {
    pub(super) target: &'a str,
    pub(super) release: u64,
    pub(super) phase: HookPhase,
    /// The bound key in the graph.
    pub(super) hook: &'a ResourceKey,
}

impl HookRun<'_> {
    /// The key of the object. A hook with `generateName` gets a name of its own for each release.
    pub(super) fn object(&self) -> ResourceKey {
        let Some((prefix, number)) = self.hook.name.rsplit_once('*') else { return self.hook.clone() };
        let seed = format!("{} {} {} {} {number}", self.target, self.release, self.phase, self.hook);
        let hash = &blake3::hash(seed.as_bytes()).to_hex()[..6];
        let suffix = format!("{}-{hash}", self.release);
        let room = LONGEST_NAME.saturating_sub(suffix.len());
        let cut = (0..=room.min(prefix.len())).rev().find(|at| prefix.is_char_boundary(*at)).unwrap_or_default();
        ResourceKey { name: format!("{}{suffix}", &prefix[..cut]), ..self.hook.clone() }
    }

    fn mark(&self) -> String {
        format!("{} of release {} of {}", self.phase, self.release, self.target)
    }

    /// Whether an object was made by this run of the hook.
    pub(super) fn made(&self, object: &Json) -> bool {
        object["metadata"]["annotations"][MARK].as_str() == Some(&self.mark())
    }

    /// Names and marks a body.
    pub(super) fn mark_body(&self, body: &mut Json) {
        let Some(metadata) = body["metadata"].as_object_mut() else { return };
        metadata.remove("generateName");
        metadata.insert("name".to_owned(), self.object().name.into());
        let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
        annotations[MARK] = self.mark().into();
        let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(finalizers) = finalizers.as_array_mut() {
            finalizers.push(FINALIZER.into());
        }
    }
}

/// Whether an object says of itself that it is a hook, of whatever tool.
pub(super) fn is_hook(object: &Json) -> bool {
    let annotation = |name: &str| object["metadata"]["annotations"][name].as_str();
    annotation(MARK).is_some() || Hook::of(annotation).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hook: &ResourceKey, release: u64) -> HookRun<'_> {
        HookRun { target: "t", release, phase: HookPhase::PreSync, hook }
    }

    #[test]
    fn generated_names_are_new_for_each_release_and_fit() {
        let hook = |name: &str| ResourceKey::new("batch", "Job", "shop", name);
        assert_eq!(run(&hook("migrate"), 7).object().name, "migrate");
        let (first, second) = (hook("migrate-*0"), hook("migrate-*1"));
        let names = [run(&first, 7).object().name, run(&second, 7).object().name, run(&first, 8).object().name];
        assert!(names[0].starts_with("migrate-7-") && names[2].starts_with("migrate-8-"), "{names:?}");
        assert!(names[0] != names[1] && run(&first, 7).object().name == names[0]);
        let long = hook(&format!("{}*0", "é".repeat(40)));
        let name = run(&long, u64::MAX).object().name;
        assert!(name.len() <= LONGEST_NAME && name.contains(&u64::MAX.to_string()), "{name}");
    }

    #[test]
    fn a_body_is_named_marked_and_held() {
        let hook = ResourceKey::new("batch", "Job", "shop", "m-*0");
        let mut body = json!({"metadata": {"generateName": "m-", "finalizers": ["acme.io/x"]}});
        run(&hook, 7).mark_body(&mut body);
        assert_eq!(body["metadata"]["finalizers"], json!(["acme.io/x", FINALIZER]));
        assert!(body["metadata"]["generateName"].is_null() && body["metadata"]["name"].is_string());
        assert!(run(&hook, 7).made(&body) && !run(&hook, 8).made(&body) && is_hook(&body));
        let annotated = |name: &str, value: &str| json!({"metadata": {"annotations": {name: value}}});
        assert!(is_hook(&annotated("argocd.argoproj.io/hook", "Sync")) && is_hook(&annotated("helm.sh/hook", "test")));
        assert!(!is_hook(&annotated("helm.sh/hook", "crd-install")), "content");
    }
}
