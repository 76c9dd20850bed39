//! What a project does not permit is refused whichever way an Application comes: made or changed through the API, or applied as an
//! object; and whoever asks for a sync is told by which field of the project.
//!
//! Each rule of [`rules`] is a project that permits all but one thing. Nothing of it is applied; at the end the project permits
//! all, and the same is.

use serde_json::{Value as Json, json};

use crate::asker::{Asker, Reply};
use crate::people::People;
use crate::support::config_map;

const ALL: &[&str] = &["get", "list", "watch", "create", "update", "patch", "delete"];
const ROLE: &str =
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: api-projects-refused}\n";

/// Where it is told before anybody syncs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// In the condition InvalidSpecError, before anything is read.
    Spec,
    /// Among the refusals of a plan.
    Plan,
}

/// A project that does not permit something.
struct Rule {
    /// What it says otherwise than a project that permits all.
    spec: Json,
    /// The folder of its Applications.
    folder: &'static str,
    /// Whether they live in the other namespace.
    is_elsewhere: bool,
    told: Told,
    /// By which words.
    words: Vec<String>,
}

fn rule(spec: Json, told: Told, words: &[&str]) -> Rule {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Rule { spec, folder: "refused", is_elsewhere: false, told, words }
}

fn rules(own: &str, other: &str, address: &str) -> Vec<Rule> {
    let kind = |kind: &str, group: &str| json!([{"group": group, "kind": kind}]);
    let window = |kind: &str, schedule: &str, duration: &str| {
        json!({"syncWindows": [{
            "kind": kind, "schedule": schedule, "duration": duration, "applications": ["*"], "description": "nights",
        }]})
    };
    let config_map = format!("project shop does not permit ConfigMap {own}/refused: ");
    let role = "project shop does not permit ClusterRole api-projects-refused: ";
    let of_rbac = "rbac.authorization.k8s.io";
    let cluster = |spec: Json, why: &str| Rule { folder: "cluster", ..rule(spec, Told::Plan, &[role, why]) };
    let destination = format!("project shop does not permit the destination namespace {own} of cluster in-cluster: ");
    let elsewhere = format!("project shop does not permit Applications in the namespace {other}: ");
    vec![
        rule(
            json!({"sourceRepos": ["https://elsewhere.example.com/**"]}),
            Told::Spec,
            &["project shop does not permit the source ", "no pattern of spec.sourceRepos matches it: add it there"],
        ),
        rule(
            json!({"sourceRepos": ["*", format!("!{address}")]}),
            Told::Spec,
            &["project shop does not permit the source ", "of spec.sourceRepos denies it"],
        ),
        rule(
            json!({"destinations": [{"server": "*", "namespace": "elsewhere"}]}),
            Told::Spec,
            &[&destination, "nothing in spec.destinations matches it: add its server and namespace there"],
        ),
        rule(
            json!({"destinations": [{"server": "*", "namespace": "*"}, {"server": "*", "namespace": format!("!{own}")}]}),
            Told::Spec,
            &[&destination, "of spec.destinations denies it"],
        ),
        Rule {
            is_elsewhere: true,
            ..rule(
                json!({"sourceNamespaces": ["team-*"]}),
                Told::Spec,
                &[&elsewhere, "no pattern of spec.sourceNamespaces matches it: add it, or move the Application to "],
            )
        },
        rule(
            json!({"namespaceResourceBlacklist": kind("ConfigMap", "")}),
            Told::Plan,
            &[&config_map, "spec.namespaceResourceBlacklist has its kind"],
        ),
        rule(
            json!({"namespaceResourceWhitelist": kind("*", "apps")}),
            Told::Plan,
            &[&config_map, "spec.namespaceResourceWhitelist does not have ConfigMap of the core group: add it there"],
        ),
        cluster(
            json!({"clusterResourceWhitelist": kind("Namespace", "")}),
            &format!("spec.clusterResourceWhitelist does not have ClusterRole of {of_rbac}: add it there"),
        ),
        cluster(
            json!({"clusterResourceBlacklist": kind("ClusterRole", of_rbac)}),
            "spec.clusterResourceBlacklist has its kind",
        ),
        rule(
            window("deny", "* * * * *", "24h"),
            Told::Plan,
            &["the sync window deny `* * * * *` for 24h, UTC (nights), forbids syncs now"],
        ),
        // It is open for a minute of a year.
        rule(
            window("allow", "0 0 1 1 *", "1m"),
            Told::Plan,
            &["the sync window allow `0 0 1 1 *` for 1m, UTC (nights), is closed now"],
        ),
    ]
}

/// All that a test needs: who writes in which namespace.
struct Scene {
    people: People,
    own: Asker,
    other: Asker,
}

/// An Application of a rule, and who writes it.
struct Tried<'a> {
    scene: &'a Scene,
    rule: &'a Rule,
    name: String,
}

impl Scene {
    fn new() -> Self {
        let people = People::new("api-projects");
        let own = people.somebody("own", people.own(), ALL, &[]);
        let other = people.somebody("other", &people.other.clone(), ALL, &[]);
        people.ground.world.write("cluster/role.yaml", ROLE);
        people.ground.commit("refused/a.yaml", &config_map("refused", "1"));
        people.ground.create(&project(people.own(), &json!({})));
        Self { people, own, other }
    }

    /// Makes the project what a rule says.
    fn set(&self, spec: &Json) {
        let own = self.people.own();
        let mut spec = project(own, spec)["spec"].clone();
        let fields =
            ["clusterResourceBlacklist", "namespaceResourceWhitelist", "namespaceResourceBlacklist", "syncWindows"];
        for field in fields {
            // What was said before is taken away.
            spec[field] = spec[field].clone();
        }
        let patch = json!({"spec": spec}).to_string();
        let world = &self.people.ground.world;
        world.kubectl(&["patch", "appprojects.argoproj.io", "shop", "-n", own, "--type=merge", "-p", &patch]);
    }

    fn applied(&self) -> bool {
        let role = self.people.ground.world.get("clusterroles", "api-projects-refused");
        self.people.ground.value("refused").is_some() || !role.is_null()
    }
}

/// A project that permits all, but for what is said otherwise.
fn project(namespace: &str, otherwise: &Json) -> Json {
    let all = json!([{"group": "*", "kind": "*"}]);
    let mut spec = json!({
        "sourceRepos": ["*"], "sourceNamespaces": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": all,
    });
    for (field, value) in otherwise.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": "shop", "namespace": namespace}, "spec": spec,
    })
}

fn good(reply: &Reply) -> Json {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

impl Tried<'_> {
    fn asker(&self) -> &Asker {
        if self.rule.is_elsewhere { &self.scene.other } else { &self.scene.own }
    }

    fn namespace(&self) -> &str {
        if self.rule.is_elsewhere { &self.scene.people.other } else { self.scene.people.own() }
    }

    fn path(&self, rest: &str, query: &str) -> String {
        format!("/api/v1/applications/{}{rest}?appNamespace={}{query}", self.name, self.namespace())
    }

    /// It, as an object.
    fn application(&self, project: &str) -> Json {
        let mut application = self.scene.people.ground.application(&json!({}));
        application["metadata"] = json!({"name": self.name, "namespace": self.namespace()});
        application["spec"]["source"]["path"] = self.rule.folder.into();
        application["spec"]["project"] = project.into();
        application
    }

    fn has_words(&self, text: &str) -> bool {
        self.rule.words.iter().all(|word| text.contains(word.as_str()))
    }

    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        self.scene.people.ground.until(&format!("{what} of {}: {:?}", self.name, self.rule.words), |_| holds());
    }

    /// Waits until the controller has heard of it by its watch: what asks before is told that there is none.
    fn until_known(&self) {
        self.until("what is known", || self.asker().get(&self.path("", "")).status == 200);
    }

    /// Waits until it is told before anybody asks for a sync. So the controller knows the project as it is.
    fn until_told(&self) {
        self.until_known();
        good(&self.asker().get(&self.path("", "&refresh=normal")));
        let plan = format!("/api/gitops/v1/applications/{}/plan?appNamespace={}", self.name, self.namespace());
        self.until("what is told", || match self.rule.told {
            Told::Spec => {
                let told = good(&self.asker().get(&self.path("", "")));
                let conditions = told["status"]["conditions"].as_array().cloned().unwrap_or_default();
                let mut invalid = conditions.iter().filter(|condition| condition["type"] == "InvalidSpecError");
                invalid.any(|condition| self.has_words(condition["message"].as_str().unwrap_or_default()))
            }
            Told::Plan => {
                let plan = self.asker().get(&plan);
                plan.status == 200 && self.has_words(&plan.json()["refusals"].to_string())
            }
        });
    }

    /// Waits until a sync was refused, and says by which words.
    fn until_refused(&self) {
        self.until_known();
        let state = || good(&self.asker().get(&self.path("", "")))["status"]["operationState"].clone();
        self.until("the refusal", || self.has_words(state()["message"].as_str().unwrap_or_default()));
        let phase = state()["phase"].clone();
        assert!(phase == "Error" || phase == "Failed", "{:#}", state());
        assert!(!self.scene.applied(), "{}", self.name);
    }

    fn sync_refused(&self) {
        self.until_told();
        good(&self.asker().send("POST", &self.path("/sync", ""), &json!({})));
        self.until_refused();
    }
}

#[test]
fn what_a_project_does_not_permit_is_refused_through_the_api_and_on_objects() {
    let scene = Scene::new();
    let own = scene.people.own().to_owned();
    let rules = rules(&own, &scene.people.other, &scene.people.ground.address());
    for (number, rule) in rules.iter().enumerate() {
        let tried = |door: &str| Tried { scene: &scene, rule, name: format!("rule-{number}-{door}") };
        scene.set(&rule.spec);

        // Made through the API, as kubectl would make it: whoever may write it has written it, and the controller says no.
        let made = tried("made");
        good(&made.asker().send("POST", "/api/v1/applications", &made.application("shop")));
        made.sync_refused();

        // Moved into the project through the API.
        let moved = tried("moved");
        good(&moved.asker().send("POST", "/api/v1/applications", &moved.application("default")));
        moved.until_known();
        let spec = moved.application("shop")["spec"].clone();
        good(&moved.asker().send("PUT", &moved.path("/spec", ""), &spec));
        moved.sync_refused();

        // Applied as an object which asks for its sync.
        let applied = tried("applied");
        let mut object = applied.application("shop");
        object["metadata"]["annotations"] = json!({"argocd.argoproj.io/refresh": "normal"});
        object["operation"] = json!({"sync": {}, "initiatedBy": {"username": "somebody"}});
        let file = scene.people.ground.world.home.path().join("applied.json");
        std::fs::write(&file, object.to_string()).expect("written");
        scene.people.ground.world.kubectl(&["apply", "-f", &file.display().to_string()]);
        applied.until_refused();
        if rule.told == Told::Spec {
            applied.until_told();
        }
        for gone in [made, moved, applied] {
            let reply = gone.asker().delete(&gone.path("", "&cascade=false"));
            assert_eq!(reply.status, 200, "{reply:?}");
        }
    }

    // The same, of a project that permits it.
    scene.set(&json!({}));
    let permitted = rule(json!({}), Told::Plan, &[]);
    let tried = Tried { scene: &scene, rule: &permitted, name: "permitted".to_owned() };
    good(&tried.asker().send("POST", "/api/v1/applications", &tried.application("shop")));
    let plan = format!("/api/gitops/v1/applications/permitted/plan?appNamespace={own}");
    good(&tried.asker().get(&tried.path("", "&refresh=normal")));
    tried.until("a plan without refusals", || {
        let plan = tried.asker().get(&plan);
        plan.status == 200 && plan.json().get("refusals").is_none()
    });
    good(&tried.asker().send("POST", &tried.path("/sync", ""), &json!({})));
    tried.until("it is applied", || scene.people.ground.value("refused").as_deref() == Some("1"));
}
