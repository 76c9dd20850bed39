//! Roles of projects as rights of Kubernetes.

use std::collections::BTreeSet;

use super::super::{Grant, role};
use super::*;

fn with(policies: &[&str]) -> Json {
    object(json!({"roles": [{"name": "ci", "policies": policies, "groups": ["builders"]}, {"name": "ops"}]}))
}

fn grants(policies: &[&str], whole: &[&str]) -> Vec<Grant> {
    let role = role(&with(policies), "ci").expect("a role");
    let applications = [("argocd", "cart"), ("argocd", "web"), ("shop", "cart"), ("shop", "search")];
    let applications = applications.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    role.grants(&applications, "argocd", |namespace| whole.contains(&namespace))
}

fn grant(namespace: &str, names: &[&str], verbs: &[&'static str]) -> Grant {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    Grant { namespace: namespace.to_owned(), names, verbs: verbs.iter().copied().collect::<BTreeSet<_>>() }
}

#[test]
fn a_policy_is_a_right_on_the_applications_that_it_means() {
    let of = |policy: &str| format!("p, proj:shop:ci, {policy}, allow");
    let [get, sync] = ["applications, get, shop/*", "applications, sync, shop/c*"].map(of);
    assert_eq!(
        grants(&[&get, &sync], &[]),
        [
            grant("argocd", &["cart"], &["patch"]),
            grant("argocd", &["cart", "web"], &["get", "list", "watch"]),
            grant("shop", &["cart", "search"], &["get", "list", "watch"]),
        ]
    );
    assert_eq!(
        grants(&[&get, &sync], &["shop"])[2..],
        [grant("shop", &[], &["get", "list", "watch"])],
        "a namespace that is the project's alone is all of its"
    );
    let named = of("applications, delete, shop/sh*/search");
    assert_eq!(grants(&[&named], &[]), [grant("shop", &["search"], &["delete"])]);
    let all = of("*, *, shop/shop/*");
    assert_eq!(grants(&[&all], &[])[0].names.len(), 2);
    assert!(!grants(&[&all], &[])[0].verbs.contains("create"), "names that are not there are not known");
    assert!(grants(&[&all], &["shop"])[0].verbs.contains("create"));
    assert_eq!(grants(&[&of("applications, get, shop/nothing")], &[]), []);
}

#[test]
fn what_rbac_cannot_say_is_left_out_or_refused() {
    let role_of = |policy: &str| role(&with(&[policy]), "ci");
    for left_out in [
        "p, proj:shop:ci, logs, get, shop/*, allow",
        "p, proj:shop:ci, repositories, create, shop/*, allow",
        "p, proj:shop:ci, applications, action/apps/Deployment/restart, shop/*, allow",
        "p, proj:shop:ci, applications, delete/*/Pod/*/*, shop/*, allow",
    ] {
        let role = role_of(left_out).expect(left_out);
        assert_eq!(role.left_out.len(), 1, "{left_out}");
        assert!(role.grants(&[("argocd".to_owned(), "a".to_owned())], "argocd", |_| true).is_empty());
    }
    for wrong in [
        "p, proj:shop:ci, applications, sync, shop/*, deny",
        "p, proj:shop:ci, applications, sync, shop/*",
        "p, proj:shop:ops, applications, sync, shop/*, allow",
        "p, proj:other:ci, applications, sync, other/*, allow",
        "p, proj:shop:ci, applications, sync, other/*, allow",
        "p, proj:shop:ci, applications, sync, *, allow",
        "p, proj:shop:ci, applications, fly, shop/*, allow",
        "p, proj:shop:ci, applications, sync, shop/[, allow",
        "g, proj:shop:ci, applications, sync, shop/*, allow",
    ] {
        assert_eq!(role_of(wrong).err().map(|told| told.len()), Some(1), "{wrong}");
    }
    let missing = role(&with(&[]), "nobody").expect_err("there is none");
    assert!(missing[0].contains("it has ci, ops"), "{missing:?}");
    assert_eq!(role(&with(&[]), "ci").expect("a role").groups, ["builders"]);
}
