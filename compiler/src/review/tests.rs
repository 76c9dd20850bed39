//! Whole reviews of small changes: what is told, and what never is.

use super::write::Detail;
use super::*;
use crate::diagnostic::Origin;
use crate::graph::ResourceGraph;
use crate::manifest;

pub(super) struct World {
    graph: ResourceGraph,
    origins: Vec<Origin>,
    bytes: Vec<u8>,
}

impl World {
    pub(super) fn new(text: &str) -> Self {
        let (manifests, findings) = manifest::read("deploy/a.yaml", text.as_bytes());
        assert!(text.is_empty() || !manifests.is_empty(), "{findings:?}");
        let built = ResourceGraph::build(manifests, &mut Vec::new()).expect("a graph");
        Self { graph: built.graph, origins: built.origins, bytes: text.as_bytes().to_vec() }
    }

    fn side(&self) -> Outcome<'_> {
        Outcome::Compiled(Side { graph: &self.graph, origins: &self.origins })
    }

    fn live(&self) -> Outcome<'_> {
        Outcome::Unnamed(Side { graph: &self.graph, origins: &[] })
    }
}

fn today() -> Day {
    Day::new(2026, 6, 1).expect("a day")
}

fn named(name: &str) -> SideName {
    SideName { name: name.to_owned(), commit: None }
}

pub(super) fn reviewed(old: &World, new: &World, settings: &str) -> Review {
    let files =
        [ChangedFile { path: "deploy/a.yaml".to_owned(), old: Some(old.bytes.clone()), new: Some(new.bytes.clone()) }];
    let pair = Pair { application: "shop", base: old.side(), head: new.side(), files: &files };
    let settings = Settings::read("r", settings.as_bytes()).expect("settings");
    review(named("main"), named("topic"), &[pair], &Whole { settings, ..Whole::default() }, today())
}

const SHOP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: cfg, namespace: shop}
data:
  app.yaml: |
    level: info
    list: [1, 2]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec: {resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {version: v1}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {checksum/config: aaa}}
    spec:
      containers:
      - name: web
        image: ghcr.io/acme/web:1.8.2
        envFrom: [{configMapRef: {name: cfg}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, labels: {version: v1}}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

fn changed() -> String {
    SHOP.replace("level: info", "level: debug")
        .replace("1.8.2", "2.0.0")
        .replace("aaa", "bbb")
        .replace("version: v1", "version: v2")
}

#[test]
fn a_change_is_told_once_and_with_all_that_follows() {
    let review = reviewed(&World::new(SHOP), &World::new(&changed()), "");
    let text = write::text(&review, Detail::default());
    let one = &review.applications[0];
    assert_eq!(one.verdict, Verdict::Caution, "{text}");
    assert_eq!(one.counts, Counts { added: 0, changed: 3, removed: 0, unchanged: 1 });
    assert_eq!(one.risks.iter().map(|risk| risk.rule.as_str()).collect::<Vec<_>>(), ["major-version"], "{text}");
    let version = &one.versions[0];
    assert_eq!((version.name.as_str(), version.step, version.resources.len()), ("ghcr.io/acme/web", Step::Major, 1));
    let restart = &one.restarts[0];
    assert_eq!((restart.pods, &restart.causes[..]), (Some(3), &[RestartCause::Image, RestartCause::Configuration][..]));
    assert_eq!(one.reach.len(), 1, "{text}");
    assert_eq!(one.reach[0].dependents[0].resource.to_string(), "Deployment shop/web");
    assert_eq!(one.shared.len(), 1, "the label of two resources: {text}");
    for line in [
        "deploy/a.yaml:25  spec.template.spec.containers[web].image → Deployment shop/web",
        "deploy/a.yaml:5  data[app.yaml]: level → ConfigMap shop/cfg",
        "data[app.yaml]: level  info → debug",
        "~ the same in 2 resources: Service shop/web, Deployment shop/web",
        "ghcr.io/acme/web  1.8.2 → 2.0.0 (major)  Deployment shop/web",
        "restarts  1 workload, 3 Pods",
        "1.8.2 → 2.0.0  (deploy/a.yaml:25)  [major-version]",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert_eq!(text.matches("metadata.labels.version  v1 → v2").count(), 1, "{text}");
}

#[test]
fn nothing_changed_is_nothing_told() {
    let review = reviewed(&World::new(SHOP), &World::new(&format!("# a comment\n{SHOP}")), "");
    assert_eq!((review.verdict, review.differs(), review.worst()), (Verdict::Unchanged, false, None));
    assert!(review.applications[0].changes.is_empty());
}

#[test]
fn an_acceptance_counts_until_its_day_and_says_so_after_it() {
    let (old, claim) = (World::new(SHOP), "PersistentVolumeClaim shop/data");
    let kept: Vec<&str> = SHOP.split("---\n").filter(|part| !part.contains("PersistentVolumeClaim")).collect();
    let new = World::new(&kept.join("---\n"));
    let accept =
        |until: &str| format!("accept: [{{rule: claim-removed, resource: {claim}, until: {until}, reason: moved}}]");
    let of = |settings: &str| reviewed(&old, &new, settings);
    assert_eq!((of("").verdict, of("").worst()), (Verdict::Block, Some(Level::Block)));
    let accepted = of(&accept("2026-06-01"));
    assert_eq!((accepted.verdict, accepted.applications[0].accepted.len()), (Verdict::Routine, 1));
    assert!(
        write::text(&accepted, Detail::default()).contains("until 2026-06-01: moved"),
        "{}",
        write::text(&accepted, Detail::default())
    );
    let expired = of(&accept("2026-05-31"));
    assert_eq!((expired.verdict, expired.expired_acceptances.len()), (Verdict::Block, 1));
    assert_eq!(of("rules: {claim-removed: info}").worst(), Some(Level::Info));
    assert_eq!(of("rules: {claim-removed: off}").worst(), None);
}

#[test]
fn a_name_with_a_hash_of_its_content_is_one_change_and_a_restart() {
    let of = |hash: &str, value: &str| {
        let text = SHOP.replace("name: cfg", &format!("name: cfg-{hash}")).replace("level: info", value);
        World::new(&text)
    };
    let review = reviewed(&of("5h2gt9b8cm", "level: info"), &of("2k4gt9b8cm", "level: debug"), "");
    let one = &review.applications[0];
    assert_eq!(one.verdict, Verdict::Routine, "{}", write::text(&review, Detail::default()));
    assert!(
        matches!(&one.changes[0].fate, Fate::Replaced { from, fields } if from == "cfg-5h2gt9b8cm" && fields.len() == 1)
    );
    assert_eq!(one.restarts[0].causes, [RestartCause::Configuration]);
}

#[test]
fn workloads_of_old_groups_restart_as_well() {
    let of = |image: &str| World::new(&SHOP.replace("apps/v1", "extensions/v1beta1").replace("1.8.2", image));
    let review = reviewed(&of("1.8.2"), &of("1.8.3"), "");
    assert_eq!(review.applications[0].restarts.len(), 1, "{}", write::text(&review, Detail::default()));
}

#[test]
fn values_of_secrets_are_in_no_review() {
    let secret = |value: &str| {
        World::new(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{a: '{value}', b.yaml: 'c: {value}'}}\n"
        ))
    };
    let (old, new) = (secret("hunter2"), secret("correct-horse"));
    for (old, new) in [(&old, &new), (&World::new(""), &new), (&old, &World::new(""))] {
        let review = reviewed(old, new, "");
        let all = [
            write::text(&review, Detail::default()),
            write::markdown(&review, write::ROOM, Detail::default()),
            write::html(&review, Detail::default()),
            write::sarif(&review, "0").to_string(),
            serde_json::to_string(&review).expect("JSON"),
        ];
        for told in all {
            for value in ["hunter2", "correct-horse", "aHVudGVyMg", "Y29ycmVjdC1ob3JzZQ"] {
                assert!(!told.contains(value), "{told}");
            }
            for world in [old, new] {
                for resource in world.graph.resources() {
                    assert!(!told.contains(&resource.id.to_string()), "the id could be searched by guessing: {told}");
                }
            }
        }
    }
}

#[test]
fn what_does_not_compile_is_told() {
    let old = World::new(SHOP);
    let finding = Diagnostic::error(Origin { path: "deploy/a.yaml".to_owned(), line: 3, column: 1 }, "no");
    let findings = [finding];
    let failed = Outcome::Failed { findings: &findings, error: "1 error; nothing was compiled" };
    let of = |base, head| {
        let pair = Pair { application: "shop", base, head, files: &[] };
        review(named("main"), named("topic"), &[pair], &Whole::default(), today())
    };
    let broken = of(old.side(), failed);
    assert_eq!((broken.verdict, broken.worst()), (Verdict::Failed, Some(Level::Block)));
    assert!(write::text(&broken, Detail::default()).contains("deploy/a.yaml:3:1: error: no"));
    assert!(broken.applications[0].changes.is_empty(), "what is not known is not told as removed");
    let mended = of(failed, old.side());
    assert_eq!(mended.applications[0].counts.added, 4);
    assert!(mended.applications[0].base_error.is_some());
}

#[test]
fn what_comes_and_goes_is_shown_as_a_whole() {
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {a: hunter2}\n";
    let (less, more) = (World::new(SHOP), World::new(&format!("{SHOP}{secret}")));
    for (review, sign) in [(reviewed(&less, &more, ""), '+'), (reviewed(&more, &less, ""), '-')] {
        for told in [
            write::text(&review, Detail::default()),
            write::markdown(&review, write::ROOM, Detail::default()),
            write::html(&review, Detail::default()),
        ] {
            assert!(told.contains(&format!("{sign} Secret shop/s")) && told.contains("a: (secret)"), "{told}");
            assert!(!told.contains("hunter2") && !told.contains("aHVudGVyMg"), "{told}");
        }
        let json = serde_json::to_value(&review).expect("JSON");
        assert_eq!(json["applications"][0]["changes"][0]["body"]["data"]["a"], "(secret)", "{json}");
    }
}

#[test]
fn manifests_that_only_their_names_tell_apart_are_read_once() {
    let account = |name: &str| {
        format!("---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: shop}}\n")
    };
    let more = format!("{}{}{}", changed(), account("a"), account("b"));
    let told = write::text(&reviewed(&World::new(SHOP), &World::new(&more), ""), Detail::default());
    assert_eq!(told.matches("    kind: ServiceAccount").count(), 1, "{told}");
    assert!(told.contains("\n    as ServiceAccount shop/a, but for its name\n"), "{told}");
    let secret = |name: &str, value: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: shop}}\nstringData: {{a: {value}}}\n"
        )
    };
    let secrets = World::new(&format!("{SHOP}{}{}", secret("a", "one"), secret("b", "two")));
    assert!(
        !write::text(&reviewed(&World::new(SHOP), &secrets, ""), Detail::default()).contains("but for its name"),
        "nobody may know"
    );
    let place = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what} in {told}"));
    assert!(place("\n~ Deployment shop/web") < place("\n+ ServiceAccount shop/a"), "{told}");
}

#[test]
fn where_only_ids_were_kept_what_differs_is_listed() {
    let world = World::new(SHOP);
    let listed =
        |kind: &str, name: &str, was_there| Listed { resource: ResourceKey::new("", kind, "shop", name), was_there };
    let all = [listed("ConfigMap", "cfg", true), listed("ConfigMap", "gone", true), listed("Service", "web", false)];
    let of = |listed| {
        let pair = Pair { application: "shop", base: Outcome::Listed(listed), head: world.side(), files: &[] };
        review(named(SideName::AGREED), named("topic"), &[pair], &Whole::default(), today())
    };
    let review = of(&all);
    let one = &review.applications[0];
    assert_eq!(one.counts, Counts { added: 1, changed: 1, removed: 1, unchanged: 2 });
    let told: Vec<String> =
        one.changes.iter().map(|change| format!("{} {}", change.fate.sign(), change.resource)).collect();
    assert_eq!(told, ["~ ConfigMap shop/cfg", "- ConfigMap shop/gone", "+ Service shop/web"]);
    assert_eq!((one.risks[0].rule.as_str(), review.verdict), ("base-unknown", Verdict::Caution));
    for told in [
        write::text(&review, Detail::default()),
        write::markdown(&review, write::ROOM, Detail::default()),
        write::html(&review, Detail::default()),
    ] {
        assert!(told.contains("only ids of it are kept") && told.contains("- ConfigMap shop/gone"), "{told}");
        assert!(told.contains("agreed on → g1-"), "{told}");
    }
    assert_eq!(of(&[]).applications[0].counts.unchanged, 4);
}

#[test]
fn what_is_live_has_no_id() {
    let (live, wanted) = (World::new(SHOP), World::new(&changed()));
    let of = |base: &str, base_side: Outcome<'_>, head: &str, head_side: Outcome<'_>| {
        let pair = Pair { application: "shop", base: base_side, head: head_side, files: &[] };
        review(named(base), named(head), &[pair], &Whole::default(), today())
    };
    let out = of("live", live.live(), "topic", wanted.side());
    let back = of("main", wanted.side(), "shop@live", live.live());
    assert_eq!((out.applications[0].base, out.applications[0].head), (None, Some(wanted.graph.id())));
    assert_eq!((back.applications[0].base, back.applications[0].head), (Some(wanted.graph.id()), None));
    assert_eq!((out.applications[0].counts.changed, back.applications[0].counts.changed), (3, 3));
    let (hidden, shown) = (live.graph.id().short(), wanted.graph.id().short());
    for (review, graphs) in [(&out, format!("live → {shown}")), (&back, format!("{shown} → live"))] {
        for told in [
            write::text(review, Detail::default()),
            write::markdown(review, write::ROOM, Detail::default()),
            write::html(review, Detail::default()),
        ] {
            assert!(told.contains(&graphs) && !told.contains(&hidden), "{graphs} in {told}");
        }
    }
    let branch = SideName { name: "live".to_owned(), commit: Some("a".repeat(40)) };
    assert!(!branch.is_live() && !named("main").is_live(), "a branch may be called so");
}

#[test]
fn applications_with_the_same_changes_are_told_once() {
    let (old, new) = (World::new(SHOP), World::new(&changed()));
    let pair = |application| Pair { application, base: old.side(), head: new.side(), files: &[] };
    let pairs = [pair("eu"), pair("us"), pair("ap")];
    let review = review(named("main"), named("topic"), &pairs, &Whole::default(), today());
    for told in [
        write::text(&review, Detail::default()),
        write::markdown(&review, write::ROOM, Detail::default()),
        write::html(&review, Detail::default()),
    ] {
        assert_eq!(told.matches("level  info → debug").count(), 1, "{told}");
        assert_eq!(told.matches("those of").count(), 2, "{told}");
    }
}

#[test]
fn what_waits_stands_in_a_later_layer() {
    let names = |layers: &[Vec<ResourceKey>]| -> Vec<Vec<String>> {
        layers.iter().map(|layer| layer.iter().map(ToString::to_string).collect()).collect()
    };
    let scaled = format!(
        "{SHOP}---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {{name: web, namespace: shop}}\n\
         spec: {{maxReplicas: 5, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}\n"
    );
    let all = reviewed(&World::new(""), &World::new(&scaled), "");
    assert_eq!(
        names(&all.applications[0].order),
        [
            vec!["ConfigMap shop/cfg", "PersistentVolumeClaim shop/data", "Service shop/web"],
            vec!["Deployment shop/web"],
            vec!["HorizontalPodAutoscaler shop/web"]
        ]
    );
    let text = write::text(&all, Detail::default());
    assert!(text.contains("  order  in 3 layers\n    1  ConfigMap shop/cfg, PersistentVolumeClaim"), "{text}");
    // The Deployment does not change, and what scales it waits for the ConfigMap all the same.
    let some = scaled.replace("level: info", "level: debug").replace("maxReplicas: 5", "maxReplicas: 6");
    let some = reviewed(&World::new(&scaled), &World::new(&some), "");
    assert_eq!(
        names(&some.applications[0].order),
        [vec!["ConfigMap shop/cfg"], vec!["HorizontalPodAutoscaler shop/web"]]
    );
    let one = reviewed(&World::new(SHOP), &World::new(&SHOP.replace("port: 80", "port: 81")), "");
    assert_eq!(names(&one.applications[0].order), [vec!["Service shop/web"]]);
    assert!(!write::text(&one, Detail::default()).contains("order"), "nothing waits");
    let gone = reviewed(&World::new(SHOP), &World::new(""), "");
    assert!(gone.applications[0].order.is_empty());
    let hook = |phase: &str| {
        let annotations = format!("annotations: {{argocd.argoproj.io/hook: {phase}}}");
        World::new(&format!(
            "{SHOP}---\napiVersion: batch/v1\nkind: Job\nmetadata: {{name: j, namespace: shop, {annotations}}}\n"
        ))
    };
    let layers = |phase: &str| reviewed(&World::new(""), &hook(phase), "").applications[0].order.len();
    assert_eq!((layers("PreSync"), layers("PostDelete")), (3, 2), "what no sync runs is in no layer");
}

#[test]
fn schemas_are_told_in_words_and_where_asked_for_field_by_field() {
    let definition = |kind: &str| {
        World::new(&format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: gadgets.example.com}}\n\
             spec:\n  group: example.com\n  names: {{kind: Gadget, plural: gadgets}}\n  scope: Namespaced\n  versions:\n  \
             - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, properties: \
             {{size: {{type: {kind}}}}}}}}}}}\n"
        ))
    };
    let review = reviewed(&definition("string"), &definition("integer"), "");
    let field = "properties.size.type  string → integer";
    for (full, is_told) in [(false, false), (true, true)] {
        let detail = Detail::new(1, full);
        for told in
            [write::text(&review, detail), write::markdown(&review, write::ROOM, detail), write::html(&review, detail)]
        {
            assert!(told.contains("! v1 size: was string, is integer"), "{told}");
            assert_eq!(told.contains(field), is_told, "{told}");
        }
    }
}
