//! What a request makes of an Application: an operation, or a patch of its object. Pure.
//!
//! In: what is asked, the object as it is. Out: what is sent to the API server, in the name of whoever asks. Nothing here
//! writes `status` or `operation` but what asks for a sync, a rollback or an end.

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::answer::Refusal;
use super::asks::{HoldAsk, NumberAsk, PatchAsk, ReleaseAsk, RollbackAsk, SyncAsk};
use super::routes;
use super::shown::restore;
use crate::application::{
    HOLD, InitiatedBy, Operation, RELEASE, RESOURCES_FINALIZER, RESOURCES_FINALIZER_BACKGROUND, ROLLBACK,
    ResourceChoice, SyncRequest, finalizers,
};
use crate::cluster::{LAST_APPLIED, PatchForm};
use crate::controller::report::merge_patch;

/// Notes with such names are ours.
const OWN_NOTES: &str = "kubectl-gitops/";
/// So many notes and words a request may have.
const MOST_ITEMS: usize = 1000;
/// So many characters the reason of a hold may have: it is kept in the record.
const LONGEST_REASON: usize = 1024;

/// A body.
pub(super) fn read(body: &[u8]) -> Result<Json, Refusal> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    // What is wrong is told by place alone: it may be a secret.
    serde_json::from_slice(body).map_err(|error| {
        Refusal::invalid(format!("the body is no JSON: line {}, column {}", error.line(), error.column()))
    })
}

/// A body of a type.
pub(super) fn typed<T: DeserializeOwned>(body: &Json) -> Result<T, Refusal> {
    let wrong = || Refusal::invalid("the body has not the shape that it should have");
    // Values alone, in the order of the fields, would be taken for an object.
    if !body.is_object() {
        return Err(wrong());
    }
    serde_json::from_value(body.clone()).map_err(|_| wrong())
}

/// A sync.
pub(super) fn sync(asked: SyncAsk, who: &str) -> Result<Operation, Refusal> {
    if asked.manifests.is_some_and(|manifests| !manifests.is_empty()) {
        return Err(Refusal::invalid("manifests are taken from Git only"));
    }
    let infos = asked.infos.unwrap_or_default();
    if infos.iter().any(|note| note.name.starts_with(OWN_NOTES)) {
        return Err(Refusal::invalid(format!("notes whose names begin with {OWN_NOTES} are not for a sync")));
    }
    let sync_options = asked.sync_options.and_then(|options| options.items).unwrap_or_default();
    let resources = asked.resources.unwrap_or_default();
    if infos.len().max(sync_options.len()).max(resources.len()) > MOST_ITEMS {
        return Err(Refusal::invalid(format!("no list may have more than {MOST_ITEMS} items")));
    }
    let request = SyncRequest {
        revision: asked.revision.unwrap_or_default(),
        revisions: asked.revisions.unwrap_or_default(),
        prune: asked.prune.unwrap_or_default(),
        dry_run: asked.dry_run.unwrap_or_default(),
        resources: resources.into_iter().map(ResourceChoice::from).collect(),
        sync_strategy: asked.strategy.map(Json::Object),
        sync_options,
        ..SyncRequest::default()
    };
    let info = infos.iter().map(|note| json!(note)).collect();
    Ok(Operation { sync: Some(request), retry: asked.retry_strategy.map(Json::Object), info, ..by(who) })
}

/// A rollback.
pub(super) fn rollback(asked: RollbackAsk, who: &str) -> Operation {
    let to = asked.id.map(|id| match id {
        NumberAsk::Number(number) => number.to_string(),
        NumberAsk::Text(text) => text,
    });
    let request = SyncRequest { dry_run: asked.dry_run.unwrap_or_default(), ..SyncRequest::default() };
    let info = vec![json!({"name": ROLLBACK, "value": to.unwrap_or_default()})];
    Operation { sync: Some(request), info, ..by(who) }
}

/// A hold.
pub(super) fn hold(asked: HoldAsk, who: &str) -> Result<Operation, Refusal> {
    whole(asked.resources.as_deref())?;
    let reason = asked.reason.unwrap_or_default();
    if reason.chars().count() > LONGEST_REASON {
        return Err(Refusal::invalid(format!("a reason has at most {LONGEST_REASON} characters")));
    }
    Ok(by(who).with_note(HOLD, &reason))
}

/// A release of what is held.
pub(super) fn release(asked: &ReleaseAsk, who: &str) -> Result<Operation, Refusal> {
    whole(asked.resources.as_deref())?;
    Ok(by(who).with_note(RELEASE, ""))
}

fn whole(resources: Option<&[Json]>) -> Result<(), Refusal> {
    match resources {
        None | Some([]) => Ok(()),
        Some(_) => Err(Refusal::invalid("an Application is held and released as a whole, not some of its resources")),
    }
}

fn by(who: &str) -> Operation {
    let initiated_by = Some(InitiatedBy { username: who.to_owned(), automated: false });
    Operation { initiated_by, ..Operation::default() }
}

/// An object that is to be made.
pub(super) fn new_object(body: &Json, default_namespace: &str) -> Result<Json, Refusal> {
    let text = |field: &str| body["metadata"][field].as_str().filter(|text| !text.is_empty());
    let name = text("name").and_then(routes::name).ok_or_else(|| Refusal::invalid("metadata.name is no name"))?;
    let namespace = text("namespace").unwrap_or(default_namespace);
    let namespace = routes::name(namespace).ok_or_else(|| Refusal::invalid("metadata.namespace is no name"))?;
    if !body["spec"].is_object() {
        return Err(Refusal::invalid("spec is missing"));
    }
    refuse_own_fields(body)?;
    let mut metadata = json!({"name": name, "namespace": namespace});
    for field in ["labels", "annotations", "finalizers"] {
        if !body["metadata"][field].is_null() {
            metadata[field] = body["metadata"][field].clone();
        }
    }
    let mut spec = body["spec"].clone();
    restore(&mut spec, &Json::Null).map_err(Refusal::invalid)?;
    Ok(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": metadata, "spec": spec,
    }))
}

/// The patch that gives an object the spec, labels, annotations and finalizers of another; nothing where it has them.
pub(super) fn update(stored: &Json, written: &Json) -> Result<Option<Json>, Refusal> {
    if !written["spec"].is_object() {
        return Err(Refusal::invalid("spec is missing"));
    }
    if !written["metadata"].is_object() && !written["metadata"].is_null() {
        return Err(Refusal::invalid("metadata are none"));
    }
    let mut patch = spec(stored, &written["spec"])?.unwrap_or_else(|| json!({}));
    for field in ["labels", "annotations", "finalizers"] {
        let (before, mut after) = (&stored["metadata"][field], written["metadata"][field].clone());
        // It is not shown, so it cannot come back.
        let kept = before.get(LAST_APPLIED).filter(|_| field == "annotations");
        if let Some(kept) = kept {
            if !after.is_object() {
                after = json!({});
            }
            after[LAST_APPLIED] = kept.clone();
        }
        if let Some(change) = merge_patch(before, &after) {
            patch["metadata"][field] = change;
        }
    }
    let is_empty = patch.as_object().is_none_or(serde_json::Map::is_empty);
    Ok((!is_empty).then_some(patch))
}

/// The patch that gives an object a spec; nothing where it has it.
pub(super) fn spec(stored: &Json, written: &Json) -> Result<Option<Json>, Refusal> {
    let mut spec = written.clone();
    restore(&mut spec, &stored["spec"]).map_err(Refusal::invalid)?;
    Ok(merge_patch(&stored["spec"], &spec).map(|change| json!({"spec": change})))
}

/// A patch that somebody wrote.
pub(super) fn patch(asked: &PatchAsk) -> Result<(PatchForm, Json), Refusal> {
    let patch = read(asked.patch.as_bytes())?;
    match asked.patch_type.as_deref().unwrap_or("json") {
        "merge" if patch.is_object() => {
            refuse_own_fields(&patch)?;
            Ok((PatchForm::Merge, patch))
        }
        "json" | "" if patch.is_array() => {
            if patch.as_array().into_iter().flatten().all(is_patchable) {
                return Ok((PatchForm::Json, patch));
            }
            Err(Refusal::invalid("only spec, labels, annotations and finalizers may be patched"))
        }
        "merge" | "json" | "" => Err(Refusal::invalid("the patch is not of its type")),
        _ => Err(Refusal::invalid("patchType is merge or json")),
    }
}

/// Whether a step of a patch stays within what may be patched. Nobody needs to spell that otherwise.
fn is_patchable(step: &Json) -> bool {
    const PARTS: [&str; 4] = ["/spec", "/metadata/labels", "/metadata/annotations", "/metadata/finalizers"];
    let is_within =
        |path: &str, part: &&str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_of_ours = |path: &Json| path.as_str().is_some_and(|path| PARTS.iter().any(|part| is_within(path, part)));
    is_of_ours(&step["path"]) && (step["from"].is_null() || is_of_ours(&step["from"]))
}

fn refuse_own_fields(body: &Json) -> Result<(), Refusal> {
    for field in ["operation", "status"] {
        if !body[field].is_null() && body[field] != json!({}) {
            return Err(Refusal::invalid(format!("{field} cannot be written here")));
        }
    }
    Ok(())
}

/// What the finalizers of an object must be for its deletion to do what is asked; nothing where they are so.
pub(super) fn finalizers_for(object: &Json, cascade: bool, policy: &str) -> Result<Option<Json>, Refusal> {
    let wanted = match (cascade, policy) {
        (false, _) | (true, "orphan") => None,
        (true, "" | "foreground") => Some(RESOURCES_FINALIZER),
        (true, "background") => Some(RESOURCES_FINALIZER_BACKGROUND),
        _ => return Err(Refusal::invalid("propagationPolicy is foreground, background or orphan")),
    };
    let is_ours = |name: &str| name == RESOURCES_FINALIZER || name == RESOURCES_FINALIZER_BACKGROUND;
    let before: Vec<&str> = finalizers(object).collect();
    let mut after: Vec<&str> = before.iter().copied().filter(|name| !is_ours(name)).collect();
    // What it has stands where nothing else is asked for.
    if policy.is_empty() && cascade && before.iter().any(|name| is_ours(name)) {
        return Ok(None);
    }
    after.extend(wanted);
    Ok((before != after).then(|| json!({"metadata": {"finalizers": after}})))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::Holding;

    fn asked<T: DeserializeOwned>(body: Json) -> T {
        typed(&body).expect("a body")
    }

    #[test]
    fn a_sync_is_what_argo_cds_clients_ask_for() {
        let body = json!({
            "name": "a", "appNamespace": "n", "revision": "main", "prune": true, "dryRun": false, "resources": null,
            "strategy": {"hook": {"force": true}}, "syncOptions": {"items": ["Replace=true"]},
            "infos": [{"name": "why", "value": "because"}], "retryStrategy": {"limit": 2}, "unknown": 1,
        });
        let operation = sync(asked(body), "anna").expect("an operation");
        assert_eq!(
            serde_json::to_value(&operation).expect("JSON"),
            json!({
                "initiatedBy": {"username": "anna"}, "retry": {"limit": 2}, "info": [{"name": "why", "value": "because"}],
                "sync": {
                    "revision": "main", "prune": true, "syncStrategy": {"hook": {"force": true}},
                    "syncOptions": ["Replace=true"],
                },
            })
        );
    }

    #[test]
    fn a_sync_applies_nothing_but_gits_and_is_no_rollback_in_disguise() {
        assert!(sync(asked(json!({"manifests": ["kind: Secret"]})), "a").is_err());
        assert!(sync(asked(json!({"infos": [{"name": ROLLBACK, "value": "1"}]})), "a").is_err());
        for id in [json!(3), json!("3")] {
            assert_eq!(rollback(asked(json!({"id": id})), "a").rollback(), Some(Some("3")));
        }
        assert_eq!(rollback(asked(json!({})), "a").rollback(), Some(None));
    }

    #[test]
    fn a_hold_says_why_and_is_of_all() {
        let operation = hold(asked(json!({"reason": "a fire", "resources": []})), "anna").expect("an operation");
        assert_eq!((operation.holding(), operation.actor()), (Some(Holding::Hold(Some("a fire"))), "anna"));
        assert_eq!(release(&asked(json!({})), "anna").expect("one").holding(), Some(Holding::Release));
        let some = json!({"resources": [{"kind": "ConfigMap", "name": "a"}]});
        assert!(hold(asked(some.clone()), "a").is_err() && release(&asked(some), "a").is_err());
        assert!(hold(asked(json!({"reason": "x".repeat(2000)})), "a").is_err());
    }

    #[test]
    fn nobody_writes_what_only_controllers_write() {
        for (kind, patch_text) in [
            ("merge", r#"{"operation": {"sync": {}}}"#),
            ("merge", r#"{"status": {"sync": {"status": "Synced"}}}"#),
            ("json", r#"[{"op": "add", "path": "/operation", "value": {}}]"#),
            ("json", r#"[{"op": "replace", "path": "", "value": {}}]"#),
            ("json", r#"[{"op": "copy", "from": "/status", "path": "/metadata/labels/x"}]"#),
            ("json", r#"[{"op": "add", "path": "/metadata/ownerReferences", "value": []}]"#),
            ("json", r#"[{"op": "add", "path": "/specs", "value": []}]"#),
            ("json", r#"{"spec": {}}"#),
            ("strategic", r#"{"spec": {}}"#),
        ] {
            let asked = PatchAsk { patch: patch_text.to_owned(), patch_type: Some(kind.to_owned()) };
            assert!(patch(&asked).is_err(), "{kind} {patch_text}");
        }
        let good = PatchAsk {
            patch: r#"[{"op": "add", "path": "/spec/project", "value": "p"}]"#.to_owned(),
            patch_type: None,
        };
        assert!(patch(&good).is_ok());
        let object = json!({"metadata": {"name": "a"}, "spec": {}, "status": {"sync": {"status": "Synced"}}});
        assert!(new_object(&object, "n").is_err());
    }

    #[test]
    fn an_update_changes_what_differs_and_keeps_what_is_not_shown() {
        let stored = json!({
            "metadata": {"labels": {"a": "b"}, "annotations": {LAST_APPLIED: "x", "old": "y"}},
            "spec": {"project": "p", "source": {"repoURL": "https://u:p@h/r", "path": "a"}},
        });
        let written = json!({
            "metadata": {"labels": {"a": "b"}},
            "spec": {"project": "p", "source": {"repoURL": "https://h/r", "path": "b"}},
        });
        let patch = update(&stored, &written).expect("understood").expect("a patch");
        assert_eq!(patch, json!({"metadata": {"annotations": {"old": null}}, "spec": {"source": {"path": "b"}}}));
    }

    #[test]
    fn an_object_is_made_of_what_it_may_have() {
        let body = json!({"metadata": {"name": "a", "uid": "u", "ownerReferences": [1]}, "spec": {"project": "p"}});
        let made = new_object(&body, "n").expect("an object");
        assert_eq!(made["metadata"], json!({"name": "a", "namespace": "n"}));
        for wrong in [
            json!({"metadata": {"name": "../x"}, "spec": {}}),
            json!({"metadata": {"name": "a", "namespace": "a/b"}, "spec": {}}),
            json!({"metadata": {"name": "a"}}),
            json!({"metadata": {"name": "a"}, "spec": {"webhook": {"gitlab": [{"secret": "********"}]}}}),
        ] {
            assert!(new_object(&wrong, "n").is_err(), "{wrong}");
        }
    }

    #[test]
    fn finalizers_say_what_a_deletion_does() {
        let object = |names: &[&str]| json!({"metadata": {"finalizers": names}});
        let after =
            |names: &[&str], cascade, policy| finalizers_for(&object(names), cascade, policy).expect("understood");
        let of = |names: &[&str]| Some(json!({"metadata": {"finalizers": names}}));
        assert_eq!(after(&[], true, ""), of(&[RESOURCES_FINALIZER]));
        assert_eq!(after(&[RESOURCES_FINALIZER_BACKGROUND], true, ""), None);
        assert_eq!(after(&["x", RESOURCES_FINALIZER], false, ""), of(&["x"]));
        assert_eq!(after(&[RESOURCES_FINALIZER], true, "background"), of(&[RESOURCES_FINALIZER_BACKGROUND]));
        assert_eq!(after(&["x"], true, "orphan"), None);
        assert!(finalizers_for(&object(&[]), true, "sideways").is_err());
    }
}
