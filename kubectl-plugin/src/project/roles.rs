//! Roles of a project (`spec.roles`), as rights of Kubernetes.
//!
//! In: a project as it is written, the Applications of it. Out: a [`Role`], and what it may do as [`Grant`]s of RBAC on `Application`
//! objects, by namespace; and what of it RBAC cannot say. Argo CD judges policies itself, by name of the Application; here the API
//! server judges, by namespace and name of the object. So denials are refused (RBAC has none: what is left of them would permit more),
//! and what concerns other objects than Applications is left out, and said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::pattern::Pattern;

/// A role.
#[derive(Debug, Clone)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Groups of people that have it.
    pub groups: Vec<String>,
    policies: Vec<Policy>,
    /// What RBAC cannot say of it.
    pub left_out: Vec<String>,
}

/// A policy about Applications that permits something.
#[derive(Debug, Clone)]
struct Policy {
    verbs: &'static [&'static str],
    /// Of names in the project's own namespace, and of `NAMESPACE/NAME` elsewhere.
    object: Pattern,
    /// Of namespaces whose Applications it is for, all of them.
    all_of: Option<Pattern>,
}

/// What may be done with Applications of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Which namespace.
    pub namespace: String,
    /// Which Applications; all where there are none.
    pub names: BTreeSet<String>,
    /// What, as RBAC calls it.
    pub verbs: BTreeSet<&'static str>,
}

const ALL: &[&str] = &["create", "delete", "get", "list", "patch", "update", "watch"];

/// Reads a role of a project.
///
/// # Errors
/// Everything that is wrong with it.
pub fn role(project: &Json, name: &str) -> Result<Role, Vec<String>> {
    let of = project["metadata"]["name"].as_str().unwrap_or_default();
    let roles = project["spec"]["roles"].as_array().into_iter().flatten();
    let Some(found) = roles.clone().find(|role| role["name"] == name) else {
        let names: Vec<&str> = roles.filter_map(|role| role["name"].as_str()).collect();
        let there = if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        return Err(vec![format!("project {of} has no role {name}: {there}")]);
    };
    let texts = |field: &str| -> Vec<String> {
        found[field].as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let mut role = Role { name: name.to_owned(), groups: texts("groups"), policies: Vec::new(), left_out: Vec::new() };
    let mut wrong = Vec::new();
    for policy in texts("policies") {
        match read(&policy, of, name) {
            Ok(Read::Policy(policy)) => role.policies.push(policy),
            Ok(Read::LeftOut(why)) => role.left_out.push(format!("`{policy}`: {why}")),
            Err(why) => wrong.push(format!("`{policy}`: {why}")),
        }
    }
    if wrong.is_empty() { Ok(role) } else { Err(wrong) }
}

enum Read {
    Policy(Policy),
    LeftOut(&'static str),
}

/// `p, proj:PROJECT:ROLE, RESOURCE, ACTION, PROJECT/[NAMESPACE/]NAME, allow`
fn read(text: &str, project: &str, role: &str) -> Result<Read, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let &[word, subject, resource, action, object, effect] = parts.as_slice() else {
        return Err("a policy has six parts".to_owned());
    };
    if word != "p" || subject != format!("proj:{project}:{role}") {
        return Err(format!("it is not of this role: it begins with `p, proj:{project}:{role}`"));
    }
    match effect {
        "allow" => {}
        "deny" => return Err("RBAC of Kubernetes has no denials: say what is allowed instead".to_owned()),
        _ => return Err("it ends with `allow`".to_owned()),
    }
    if !matches!(resource, "applications" | "*") {
        return Ok(Read::LeftOut(
            "rights on other objects than Applications are those of kubectl: give a Role for them",
        ));
    }
    let verbs: &'static [&'static str] = match action {
        "*" => ALL,
        "get" => &["get", "list", "watch"],
        "create" => &["create"],
        "update" => &["patch", "update"],
        "delete" => &["delete"],
        "sync" | "override" => &["patch"],
        _ if action.starts_with("action") || action.contains('/') => {
            return Ok(Read::LeftOut("what is done to single objects is done with kubectl: give a Role for them"));
        }
        _ => return Err(format!("`{action}` is no action")),
    };
    let Some((of, rest)) = object.split_once('/') else { return Err("its object is PROJECT/APPLICATION".to_owned()) };
    if of != project {
        return Err(format!("it is about another project than {project}"));
    }
    let all_of = if rest == "*" { Some("*") } else { rest.strip_suffix("/*") };
    let all_of = all_of.map(Pattern::without_denial).transpose()?;
    Ok(Read::Policy(Policy { verbs, object: Pattern::without_denial(rest)?, all_of }))
}

impl Role {
    /// What it may do with these Applications of the project, given as namespace and name. `home` is the project's own namespace, which
    /// policies do not name; `whole` says of a namespace whether all Applications in it can only be of this project.
    #[must_use]
    pub fn grants(&self, applications: &[(String, String)], home: &str, whole: impl Fn(&str) -> bool) -> Vec<Grant> {
        let mut all: BTreeMap<String, BTreeMap<BTreeSet<String>, BTreeSet<&'static str>>> = BTreeMap::new();
        let namespaces: BTreeSet<&str> = applications.iter().map(|(namespace, _)| namespace.as_str()).collect();
        for policy in &self.policies {
            for namespace in &namespaces {
                let is_whole = whole(namespace) && policy.all_of.as_ref().is_some_and(|of| of.admits(namespace));
                let is_meant = |name: &str| {
                    let of_home = *namespace == home && policy.object.admits(name);
                    of_home || *namespace != home && policy.object.admits(&format!("{namespace}/{name}"))
                };
                let meant = applications.iter().filter(|(of, name)| of == namespace && is_meant(name));
                let names: BTreeSet<String> =
                    if is_whole { BTreeSet::new() } else { meant.map(|(_, name)| name.clone()).collect() };
                if !is_whole && names.is_empty() {
                    continue;
                }
                // Whatever is not there yet has no name that RBAC could know.
                let verbs = policy.verbs.iter().copied().filter(|verb| is_whole || *verb != "create");
                let of_namespace = all.entry((*namespace).to_owned()).or_default();
                of_namespace.entry(names).or_default().extend(verbs);
            }
        }
        let flat = all.into_iter().flat_map(|(namespace, grants)| {
            grants.into_iter().map(move |(names, verbs)| Grant { namespace: namespace.clone(), names, verbs })
        });
        flat.filter(|grant| !grant.verbs.is_empty()).collect()
    }
}
