//! What projects let through: each project against Applications of its own namespace and of another, asked for through the API
//! and on the objects. What somebody may ask for by their role is done only where the project permits it.
//!
//! What is expected is the rule of this file ([`Project::permits`]). The table is printed.

#![expect(clippy::print_stdout, reason = "the tables are what this shows")]

use serde_json::{Value as Json, json};

use crate::asker::Asker;
use crate::people::People;
use crate::support::config_map;

/// A project, and what of it closes something.
struct Project {
    name: &'static str,
    /// Over what an open project has; nothing where there is none of this name.
    spec: Option<&'static str>,
    /// Whether it permits what the Applications here need: their source, destination, kind, and this time.
    is_open: bool,
    /// Whether Applications of the other namespace may be of it.
    takes_visitors: bool,
}

const fn project(name: &'static str, spec: &'static str, is_open: bool) -> Project {
    Project { name, spec: Some(spec), is_open, takes_visitors: true }
}

const PROJECTS: &[Project] = &[
    project("open", "{}", true),
    Project { takes_visitors: false, ..project("at-home", r#"{"sourceNamespaces": []}"#, true) },
    project("other-source", r#"{"sourceRepos": ["https://elsewhere.example.com/*"]}"#, false),
    project("no-source", r#"{"sourceRepos": ["*", "!https://**"]}"#, false),
    project("other-destination", r#"{"destinations": [{"server": "*", "namespace": "elsewhere"}]}"#, false),
    project("no-destination", r#"{"destinations": []}"#, false),
    project("denied-kind", r#"{"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}"#, false),
    project("other-kind", r#"{"namespaceResourceWhitelist": [{"group": "", "kind": "Secret"}]}"#, false),
    project(
        "closed-now",
        r#"{"syncWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}]}"#,
        false,
    ),
    Project { spec: None, is_open: false, ..project("absent", "", false) },
];

impl Project {
    fn permits(&self, is_visitor: bool) -> bool {
        self.is_open && (self.takes_visitors || !is_visitor)
    }
}

/// One Application of the table.
struct Cell {
    project: &'static Project,
    is_visitor: bool,
    through_api: bool,
}

impl Cell {
    /// The name of the Application, and of its ConfigMap.
    fn name(&self) -> String {
        let place = if self.is_visitor { "visitor" } else { "own" };
        let door = if self.through_api { "api" } else { "objects" };
        format!("{}-{place}-{door}", self.project.name)
    }

    fn is_permitted(&self) -> bool {
        self.project.permits(self.is_visitor)
    }

    fn namespace<'a>(&self, people: &'a People) -> &'a str {
        if self.is_visitor { &people.other } else { people.own() }
    }

    fn application(&self, people: &People) -> Json {
        let mut application = people.ground.application(&json!({}));
        application["metadata"] = json!({"name": self.name(), "namespace": self.namespace(people)});
        application["spec"]["project"] = self.project.name.into();
        application["spec"]["source"]["path"] = self.name().into();
        application
    }

    /// Makes the Application, and asks for a sync.
    fn ask(&self, people: &People, asker: &Asker) {
        let (name, namespace, application) = (self.name(), self.namespace(people), self.application(people));
        if self.through_api {
            let reply = asker.send("POST", "/api/v1/applications", &application);
            assert_eq!(reply.status, 200, "{name}: {reply:?}");
            let path = format!("/api/v1/applications/{name}/sync?appNamespace={namespace}");
            let reply = asker.send("POST", &path, &json!({}));
            assert_eq!(reply.status, 200, "the role permits it: {name}: {reply:?}");
        } else {
            people.ground.create(&application);
            let patch = json!({"operation": {"sync": {}}}).to_string();
            let kind = "applications.argoproj.io";
            people.ground.world.kubectl(&["patch", kind, &name, "-n", namespace, "--type=merge", "-p", &patch]);
        }
    }

    /// What came of it, once something did: the phase, or the condition that says why nothing does.
    fn outcome(&self, people: &People) -> Option<String> {
        let (name, namespace) = (self.name(), self.namespace(people));
        let told = ["get", "applications.argoproj.io", &name, "-n", namespace, "-o", "json"];
        let status = serde_json::from_str::<Json>(&people.ground.world.kubectl(&told)).expect("JSON")["status"].clone();
        let phase = status["operationState"]["phase"].as_str().unwrap_or_default();
        if ["Succeeded", "Failed", "Error"].contains(&phase) {
            return Some(phase.to_owned());
        }
        let kinds = status["conditions"].as_array().into_iter().flatten().filter_map(|told| told["type"].as_str());
        kinds.filter(|kind| kind.ends_with("Error")).map(str::to_owned).next()
    }
}

#[test]
fn what_a_role_permits_is_done_where_the_project_does_too() {
    let people = People::new("api-projects");
    let own = people.own().to_owned();
    for project in PROJECTS {
        let Some(more) = project.spec else { continue };
        let mut spec = json!({
            "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
            "sourceNamespaces": [people.other],
        });
        json_patch::merge(&mut spec, &serde_json::from_str(more).expect("JSON"));
        people.ground.create(&json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": project.name, "namespace": own}, "spec": spec,
        }));
    }
    let cells: Vec<Cell> = PROJECTS
        .iter()
        .flat_map(|project| [(false, true), (false, false), (true, true), (true, false)].map(|it| (project, it)))
        .map(|(project, (is_visitor, through_api))| Cell { project, is_visitor, through_api })
        .collect();
    for cell in &cells {
        people.ground.world.write(&format!("{}/it.yaml", cell.name()), &config_map(&cell.name(), "1"));
    }
    people.ground.push();
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let token = people.token("deployer", &own, &all, &[]);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "deployer", "namespace": people.other},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": own}],
    });
    people.ground.create(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "deployer", "namespace": people.other},
        "rules": [{"apiGroups": ["argoproj.io"], "resources": ["applications"], "verbs": all}],
    }));
    people.ground.create(&binding);
    let asker = Asker::new(&people.address, &token);
    for cell in &cells {
        cell.ask(&people, &asker);
    }
    println!("{:<20}{:<10}{:<10}{:<10}{:<22}applied", "project", "in", "through", "expected", "outcome");
    let mut wrong = Vec::new();
    for cell in &cells {
        let mut outcome = None;
        people.ground.until_long("something comes of it", |_| {
            outcome = cell.outcome(&people);
            outcome.is_some()
        });
        let outcome = outcome.unwrap_or_default();
        let is_applied = people.ground.value(&cell.name()).is_some();
        let (place, door) =
            (if cell.is_visitor { "other" } else { "own" }, if cell.through_api { "API" } else { "objects" });
        let expected = if cell.is_permitted() { "done" } else { "refused" };
        println!("{:<20}{place:<10}{door:<10}{expected:<10}{outcome:<22}{is_applied}", cell.project.name);
        if is_applied != cell.is_permitted() || (outcome == "Succeeded") != cell.is_permitted() {
            wrong.push(format!("{}: {outcome}, applied: {is_applied}", cell.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // And nothing of it later.
    for cell in cells.iter().filter(|cell| !cell.is_permitted()) {
        assert_eq!(people.ground.value(&cell.name()), None, "{}", cell.name());
    }
}
