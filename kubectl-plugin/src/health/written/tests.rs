//! Files of checks, as users write them and as they should not.

use super::*;
use crate::health::worker::Expressions;

fn checks(text: &str) -> Result<Checks, String> {
    let mut checks = Checks::default();
    checks.add("health.yaml", text.as_bytes()).map_err(|wrong| wrong.join("\n"))?;
    Ok(checks)
}

/// The script for a kind, or which.
fn found(checks: &Checks, group: &str, kind: &str) -> String {
    match checks.find(group, kind) {
        Some(Script::Lua(script)) => script.trim().to_owned(),
        Some(Script::Cel(Expressions { current, .. })) => current.clone(),
        None => "none".to_owned(),
    }
}

const CONFIG_MAP: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd}
data:
  url: https://argocd.example.com
  resource.customizations: |
    "*.aws.crossplane.io/*":
      health.lua: all of aws
    ec2.aws.crossplane.io/*:
      health.lua: all of ec2
    apps/Deployment:
      actions: |
        discovery.lua: |
          return {}
      ignoreDifferences: |
        jsonPointers: [/spec/replicas]
    cert-manager.io/Issuer:
      health.lua: old
      health.lua.useOpenLibs: true
  resource.customizations.health.cert-manager.io_Issuer: new
  resource.customizations.health.PersistentVolumeClaim: of the core group
  resource.customizations.useOpenLibs.cert-manager.io_Issuer: "true"
  resource.customizations.ignoreDifferences.all: |
    managedFieldsManagers: [kube-controller-manager]
"#;

#[test]
fn a_config_map_is_read_as_argo_cd_reads_it() {
    let checks = checks(CONFIG_MAP).expect("checks");
    for (group, kind, expected) in [
        ("cert-manager.io", "Issuer", "new"),
        ("", "PersistentVolumeClaim", "of the core group"),
        ("ec2.aws.crossplane.io", "Instance", "all of ec2"),
        ("rds.aws.crossplane.io", "DBInstance", "all of aws"),
        ("apps", "Deployment", "none"),
        ("cert-manager.io", "Certificate", "none"),
        ("", "Issuer", "none"),
    ] {
        assert_eq!(found(&checks, group, kind), expected, "{group}/{kind}");
    }
}

#[test]
fn a_file_of_our_own_has_both_languages() {
    let text = "
healthCheckExprs:
- apiVersion: example.com/v1
  kind: Database
  inProgress: status.phase == 'New'
  failed: status.phase == 'Failed'
  current: status.phase == 'Up'
- {apiVersion: v1, kind: Endpoints, current: size(subsets) > 0}
resourceCustomizations:
  example.com/Queue:
    health.lua: return {}
    health.lua.useOpenLibs: true
  'example.com/*':
    health.lua: any
";
    let checks = checks(text).expect("checks");
    assert_eq!(found(&checks, "example.com", "Database"), "status.phase == 'Up'");
    assert_eq!(found(&checks, "", "Endpoints"), "size(subsets) > 0");
    assert_eq!(found(&checks, "example.com", "Queue"), "return {}");
    assert_eq!(found(&checks, "example.com", "Topic"), "any");
    assert!(super::Checks::default().is_empty() && !checks.is_empty());
}

#[test]
fn what_is_wrong_is_told_at_once() {
    for (text, expected) in [
        ("healthChecks: []", "health.yaml: unknown field `healthChecks`"),
        ("healthCheckExprs: [{apiVersion: v1, kind: A}]", "missing field `current`"),
        (
            "healthCheckExprs: [{apiVersion: v1, kind: A, current: 'a ==', failed: '(('}]",
            "healthCheckExprs[0]: failed: ",
        ),
        (
            "healthCheckExprs: [{apiVersion: v1, kind: Secret, current: 'true'}]",
            "Secrets are not given to health checks",
        ),
        ("resourceCustomizations: {'a/[B': {health.lua: x}}", "`a/[B` is no pattern: a bracket is not closed"),
        (
            "healthCheckExprs: [{apiVersion: a.io/v1, kind: B, current: 'true'}]\nresourceCustomizations: {a.io/B: {health.lua: x}}",
            "health.yaml: there are two checks for a.io/B",
        ),
        ("kind: ConfigMap\ndata: {resource.customizations.health.a_b_c: x}", "it should end with a group and a kind"),
        ("kind: ConfigMap\ndata: {resource.customizations: '['}", "health.yaml: resource.customizations: "),
        ("kind: ConfigMap\n---\nkind: ConfigMap\n", "more than one ConfigMap"),
    ] {
        let wrong = checks(text).expect_err(text);
        assert!(wrong.contains(expected), "{wrong}");
    }
    let many: Vec<_> = (0..=MOST).map(|number| format!("  a.io/K{number}: {{health.lua: x}}")).collect();
    let wrong = checks(&format!("resourceCustomizations:\n{}", many.join("\n"))).expect_err("too many");
    assert_eq!(wrong, "health.yaml: it has more than 1000 checks");
    let wrong = checks(&"#".repeat(LARGEST + 1)).expect_err("too large");
    assert_eq!(wrong, "health.yaml: it is larger than 1024 KiB");
}

#[test]
fn nothing_is_no_check() {
    for text in ["", "# nothing\n", "kind: ConfigMap\n", "kind: ConfigMap\ndata: {resource.customizations: ''}"] {
        assert!(checks(text).expect(text).is_empty(), "{text}");
    }
}

#[test]
fn secrets_are_given_to_no_check() {
    let all = checks("resourceCustomizations: {'*': {health.lua: all}}").expect("checks");
    assert_eq!(found(&all, "", "ConfigMap"), "all");
    assert_eq!(found(&all, "apps", "Deployment"), "all", "a star stops nowhere");
    assert_eq!(found(&all, "", "Secret"), "none");
    assert_eq!(found(&all, "example.com", "Secret"), "all", "a Secret by name alone");
}

#[test]
fn the_first_file_counts_first() {
    let mut both = checks("resourceCustomizations: {'a.io/*': {health.lua: first}}").expect("checks");
    both.add("b", b"resourceCustomizations: {a.io/B: {health.lua: second}, c.io/D: {health.lua: third}}")
        .expect("checks");
    assert_eq!(found(&both, "a.io", "B"), "first");
    assert_eq!(found(&both, "c.io", "D"), "third");
}

#[test]
fn patterns_are_those_of_argo_cd() {
    for (pattern, matching, other) in [
        ("*.crossplane.io/*", "aws.crossplane.io/Bucket", "crossplane.io/Bucket"),
        ("apps/{Deployment,StatefulSet}", "apps/StatefulSet", "apps/DaemonSet"),
        ("a?.io/[A-C]x", "ab.io/Bx", "ab.io/Dx"),
        ("a.io/[!A]x", "a.io/Bx", "a.io/Ax"),
        ("a.io/K*", "a.io/K", "aXio/K"),
    ] {
        let read = Pattern::new(pattern).expect(pattern);
        let matches = |key: &str| key.split_once('/').is_some_and(|(group, kind)| read.matches(group, kind));
        assert!(matches(matching) && !matches(other), "{pattern}");
    }
    assert!(Pattern::new("a/{B").is_err() && Pattern::new("a/[z-a]").is_err());
}
