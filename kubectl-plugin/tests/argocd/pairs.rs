//! What ours says of each pair that Argo CD tests its diff with, and why where it is not what Argo CD says.
//!
//! Where the corpus is absent, the test says so and passes.

use std::fmt::Write as _;
use std::path::Path;

use super::asked::{drift, plan, pure};
use super::pair::read;
use super::support::corpus::{part, say};

/// Wanted, live, whether Argo CD finds a difference, which of its tests says so, and a word on what ours says.
type Row = (&'static str, &'static str, bool, &'static str, &'static str);

const PAIRS: [Row; 8] = [
    (
        "elasticsearch-config.json",
        "elasticsearch-live.json",
        false,
        "TestThreeWayDiffExample2",
        "defaults of the server are no fields of ours",
    ),
    (
        "grafana-clusterrole-config.json",
        "grafana-clusterrole-live.json",
        false,
        "TestNullRoleRule",
        "`null` is how the server writes a list that is empty",
    ),
    (
        "mutatingwebhookconfig-config.json",
        "mutatingwebhookconfig-live.json",
        false,
        "TestThreeWayDiffExample4",
        "the certificate is no field of ours, whoever injects it",
    ),
    (
        "smd-service-config.yaml",
        "smd-service-live.yaml",
        true,
        "TestStructuredMergeDiff: will apply default values",
        "the port of the target",
    ),
    (
        "smd-service-config.yaml",
        "smd-service-live-with-type.yaml",
        true,
        "TestStructuredMergeDiff: will remove previously added fields not present in desired state",
        "`type` is ours only where we had applied it: a plan takes it away, and no drift tells of it otherwise",
    ),
    (
        "smd-service-config-ports.yaml",
        "smd-service-live.yaml",
        true,
        "TestStructuredMergeDiff: will apply service with multiple ports",
        "two ports more, each beside one of its number and another protocol",
    ),
    (
        "spinnaker-sa-config.json",
        "spinnaker-sa-live.json",
        false,
        "TestThreeWayDiffExplicitNamespace",
        "the token is no field of ours",
    ),
    (
        "ssd-deploy-with-manual-apply-config.yaml",
        "ssd-deploy-with-manual-apply-live.yaml",
        true,
        "TestServerSideDiff: will add an extra container using kubectl apply",
        "a port is missing; the container of another stays with it. The plan takes defaults away that Argo CD had written: the server sets them again",
    ),
];

/// What was said of a pair.
struct Said {
    drift: Vec<String>,
    plan: Vec<String>,
    pure: Vec<String>,
}

#[test]
fn each_pair_of_argo_cds_diff_tests() {
    let Some(folder) = part("argocd/diff") else { return };
    let said = std::thread::scope(|scope| {
        let ask = |(wanted, live, ..): Row| {
            let (wanted, live) = (read(&folder.join(wanted)), read(&folder.join(live)));
            scope.spawn(move || Said {
                drift: drift(&wanted, &live),
                plan: plan(&wanted, &live),
                pure: pure(&wanted, &live),
            })
        };
        PAIRS.map(ask).map(|asked| asked.join().expect("no panic"))
    });
    let (mut told, mut wrong) = (String::new(), Vec::new());
    for (row, said) in PAIRS.into_iter().zip(&said) {
        write(&mut told, row, said);
        let ours = [&said.drift, &said.plan, &said.pure].map(|lines| !lines.is_empty());
        wrong.extend((ours != [row.2; 3]).then_some(row.1));
    }
    say(&told);
    assert_eq!(wrong, Vec::<&str>::new(), "each verdict is Argo CD's");
    insta::assert_snapshot!(told, @r#"
    elasticsearch-config / elasticsearch-live
      Argo CD  same (TestThreeWayDiffExample2)
      drift    same
      plan     same
      pure     same
      why      defaults of the server are no fields of ours
    grafana-clusterrole-config / grafana-clusterrole-live
      Argo CD  same (TestNullRoleRule)
      drift    same
      plan     same
      pure     same
      why      `null` is how the server writes a list that is empty
    mutatingwebhookconfig-config / mutatingwebhookconfig-live
      Argo CD  same (TestThreeWayDiffExample4)
      drift    same
      plan     same
      pure     same
      why      the certificate is no field of ours, whoever injects it
    smd-service-config / smd-service-live
      Argo CD  differs (TestStructuredMergeDiff: will apply default values)
      drift    differs
               spec.ports[rtmp].targetPort  1936 → 1935  by kubectl-client-side-apply
      plan     differs
               spec.ports[rtmp].targetPort  1935 → 1936
      pure     differs
               spec.ports[rtmp].targetPort  1936 → 1935
      why      the port of the target
    smd-service-config / smd-service-live-with-type
      Argo CD  differs (TestStructuredMergeDiff: will remove previously added fields not present in desired state)
      drift    differs
               spec.ports[rtmp].targetPort  1936 → 1935  by kubectl-client-side-apply
      plan     differs
               spec.ports[rtmp].targetPort  1935 → 1936
               spec.type  "NodePort" → null
      pure     differs
               spec.ports[rtmp].targetPort  1936 → 1935  by kubectl-client-side-apply
      why      `type` is ours only where we had applied it: a plan takes it away, and no drift tells of it otherwise
    smd-service-config-ports / smd-service-live
      Argo CD  differs (TestStructuredMergeDiff: will apply service with multiple ports)
      drift    differs
               spec.ports[http3]  {"name":"http3","port":443,"protocol":"UDP","targetPort":443} → null
               spec.ports[rtmpq]  {"name":"rtmpq","port":1935,"protocol":"UDP","targetPort":1935} → null
      plan     differs
               spec.ports[http3]  null → {"name":"http3","port":443,"protocol":"UDP","targetPort":443}
               spec.ports[rtmpq]  null → {"name":"rtmpq","port":1935,"protocol":"UDP","targetPort":1935}
      pure     differs
               spec.ports[http3]  - {"name":"http3","port":443,"protocol":"UDP","targetPort":443…
               spec.ports[rtmpq]  - {"name":"rtmpq","port":1935,"protocol":"UDP","targetPort":19…
      why      two ports more, each beside one of its number and another protocol
    spinnaker-sa-config / spinnaker-sa-live
      Argo CD  same (TestThreeWayDiffExplicitNamespace)
      drift    same
      plan     same
      pure     same
      why      the token is no field of ours
    ssd-deploy-with-manual-apply-config / ssd-deploy-with-manual-apply-live
      Argo CD  differs (TestServerSideDiff: will add an extra container using kubectl apply)
      drift    differs
               spec.template.spec.containers[main-container].ports[https]  {"containerPort":40,"name":"https"} → null
      plan     differs
               spec.progressDeadlineSeconds  600 → null
               spec.revisionHistoryLimit  10 → null
               spec.strategy  {"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"} → null
               spec.template.spec.containers[main-container].imagePullPolicy  "Always" → null
               spec.template.spec.containers[main-container].ports[http].protocol  "TCP" → null
               spec.template.spec.containers[main-container].ports[https]  null → {"containerPort":40,"name":"https"}
               spec.template.spec.containers[main-container].terminationMessagePath  "/dev/termination-log" → null
               spec.template.spec.containers[main-container].terminationMessagePolicy  "File" → null
               spec.template.spec.dnsPolicy  "ClusterFirst" → null
               spec.template.spec.restartPolicy  "Always" → null
               spec.template.spec.schedulerName  "default-scheduler" → null
               spec.template.spec.securityContext  {} → null
               spec.template.spec.terminationGracePeriodSeconds  30 → null
      pure     differs
               spec.template.spec.containers[main-container].ports[https]  - {"containerPort":40,"name":"https"}
      why      a port is missing; the container of another stays with it. The plan takes defaults away that Argo CD had written: the server sets them again
    "#);
}

fn write(told: &mut String, (wanted, live, is_different, test, why): Row, said: &Said) {
    let word = |is_different| if is_different { "differs" } else { "same" };
    let stem = |name: &str| Path::new(name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let _ = writeln!(told, "{} / {}", stem(wanted), stem(live));
    let _ = writeln!(told, "  Argo CD  {} ({test})", word(is_different));
    for (name, lines) in [("drift", &said.drift), ("plan", &said.plan), ("pure", &said.pure)] {
        let _ = writeln!(told, "  {name:8} {}", word(!lines.is_empty()));
        for line in lines {
            let _ = writeln!(told, "           {line}");
        }
    }
    let _ = writeln!(told, "  why      {why}");
}
