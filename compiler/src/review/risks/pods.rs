//! What Pods may do on their node.
//!
//! In: a workload that differs. Out: findings about privileges that it did not have.

use std::collections::BTreeSet;

use crate::canon::Value;
use crate::manifest::pod_spec_path;

use super::super::compared::Changed;
use super::super::pods::{Container, containers, spec};
use super::super::rule::{CAPABILITY_ADDED, ESCALATION_ALLOWED, HOST_ACCESS, LIMIT_REMOVED, PRIVILEGED, PROBE_REMOVED};
use super::Context;

pub(super) fn look_at(context: &mut Context<'_, '_>, change: &Changed<'_>) {
    let key = change.key();
    let Some(new) = change.new_body().and_then(|body| spec(key, body)) else { return };
    let old = change.old_body().and_then(|body| spec(key, body));
    host(context, change, old, new);
    let before = old.map(containers).unwrap_or_default();
    for container in containers(new) {
        let same = |other: &&Container<'_>| other.list == container.list && other.name == container.name;
        let was = before.iter().find(same);
        rights(context, change, (old, was), (new, &container));
        if let Some(was) = was {
            keeps(context, change, was, &container);
        }
    }
}

fn host(context: &mut Context<'_, '_>, change: &Changed<'_>, old: Option<&Value>, new: &Value) {
    let prefix = pod_spec_path(change.key()).unwrap_or_default().join(".");
    let is = |spec: Option<&Value>, field: &str| spec.and_then(|spec| spec.get(field)?.as_bool()) == Some(true);
    for (field, what) in [
        ("hostNetwork", "the network of the node"),
        ("hostPID", "the processes of the node"),
        ("hostIPC", "the shared memory of the node"),
    ] {
        if is(Some(new), field) && !is(old, field) {
            context.push(HOST_ACCESS, change, Some(format!("{prefix}.{field}")), format!("gains {what}"));
        }
    }
    let before: BTreeSet<&str> = old.map(host_paths).unwrap_or_default().into_iter().map(|(_, path)| path).collect();
    for (volume, path) in host_paths(new) {
        if !before.contains(path) {
            let place = format!("{prefix}.volumes[{volume}].hostPath");
            context.push(HOST_ACCESS, change, Some(place), format!("gains {path} of the node"));
        }
    }
}

/// The folders of the node that Pods mount, by volume.
fn host_paths(spec: &Value) -> Vec<(&str, &str)> {
    let volumes = spec.get("volumes").map(Value::items).unwrap_or_default().iter();
    let paths = volumes.filter_map(|volume| {
        let (name, path) = (volume.get("name")?, volume.at(&["hostPath", "path"])?);
        Some((name.as_str()?, path.as_str()?))
    });
    paths.collect()
}

type Before<'a> = (Option<&'a Value>, Option<&'a Container<'a>>);
type After<'a> = (&'a Value, &'a Container<'a>);

fn rights(context: &mut Context<'_, '_>, change: &Changed<'_>, (old, was): Before<'_>, (new, container): After<'_>) {
    let place = container.path(change.key());
    let before = |field: &str| was.and_then(|was| was.security(field));
    let field = |field: &str| Some(format!("{place}.securityContext.{field}"));
    if container.security("privileged") == Some(true) && before("privileged") != Some(true) {
        context.push(
            PRIVILEGED,
            change,
            field("privileged"),
            format!("container {} becomes privileged", container.name),
        );
    }
    let (had, has) = (was.map(capabilities).unwrap_or_default(), capabilities(container));
    let added: Vec<&str> = has.difference(&had).copied().collect();
    if !added.is_empty() {
        let evidence = format!("container {} gains {}", container.name, added.join(", "));
        context.push(CAPABILITY_ADDED, change, field("capabilities.add"), evidence);
    }
    let now = container.security("allowPrivilegeEscalation");
    let then = before("allowPrivilegeEscalation");
    if (now == Some(true) && then != Some(true)) || (now.is_none() && then == Some(false)) {
        let evidence = format!("container {} may gain more rights than it starts with", container.name);
        context.push(ESCALATION_ALLOWED, change, field("allowPrivilegeEscalation"), evidence);
    }
    let refuses_root = |spec: Option<&Value>, container: Option<&Container<'_>>| {
        let of_container = container.and_then(|container| container.security("runAsNonRoot"));
        of_container.or_else(|| spec?.at(&["securityContext", "runAsNonRoot"])?.as_bool()) == Some(true)
    };
    let user = |spec: Option<&Value>, container: Option<&Container<'_>>| {
        let of_container = container.and_then(|container| container.value.at(&["securityContext", "runAsUser"]));
        of_container.or_else(|| spec?.at(&["securityContext", "runAsUser"]))?.as_int()
    };
    let is_root = user(Some(new), Some(container)) == Some(0) && user(old, was.filter(|_| old.is_some())) != Some(0);
    if is_root || (was.is_some() && refuses_root(old, was) && !refuses_root(Some(new), Some(container))) {
        let evidence = format!("container {} may run as root", container.name);
        context.push(ESCALATION_ALLOWED, change, field("runAsNonRoot"), evidence);
    }
}

fn capabilities<'a>(container: &Container<'a>) -> BTreeSet<&'a str> {
    let added = container.value.at(&["securityContext", "capabilities", "add"]).map(Value::items).unwrap_or_default();
    added.iter().filter_map(Value::as_str).collect()
}

/// What a container had, and has no more.
fn keeps(context: &mut Context<'_, '_>, change: &Changed<'_>, was: &Container<'_>, is: &Container<'_>) {
    let place = is.path(change.key());
    for probe in ["readinessProbe", "livenessProbe"] {
        if was.value.get(probe).is_some() && is.value.get(probe).is_none() {
            let evidence = format!("container {} has no {probe} any more", is.name);
            context.push(PROBE_REMOVED, change, Some(format!("{place}.{probe}")), evidence);
        }
    }
    for part in ["limits", "requests"] {
        let memory = |container: &Container<'_>| container.value.at(&["resources", part, "memory"]).is_some();
        if memory(was) && !memory(is) {
            let evidence = format!("container {} has no memory in its {part} any more", is.name);
            context.push(LIMIT_REMOVED, change, Some(format!("{place}.resources.{part}.memory")), evidence);
        }
    }
}
