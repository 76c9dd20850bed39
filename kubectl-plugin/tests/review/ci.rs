//! The jobs for GitHub and GitLab as the page has them, run line by line: programs of the forge are stood in for by scripts
//! that write down what they were asked.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gitops_compiler::manifest::yaml::{Limits, read};
use serde_json::Value as Json;

use super::world::{Ended, World, application, claim, map};

const PAGE: &str = include_str!("../../docs/review.md");

/// The block of YAML of the page that begins with this line.
fn block(first: &str) -> Json {
    let start = PAGE.find(&format!("```yaml\n{first}\n")).expect("the page has the block");
    let text = PAGE[start..].split("```").nth(1).and_then(|block| block.strip_prefix("yaml\n")).expect("a block");
    let documents = read(text.as_bytes(), Limits::default()).into_documents().expect("YAML");
    Json::from(&documents[0].value)
}

/// Where the stand-ins are, and what they wrote down.
struct Forge {
    world: World,
    programs: PathBuf,
}

impl Forge {
    /// A repository whose second commit changes a value, and whose third removes a claim.
    fn new() -> Self {
        let world = World::new();
        world.git(&["config", "remote.origin.url", "https://git.example.com/shop"]);
        world.write("applications.yaml", &application("shop", "deploy")).write("deploy/a.yaml", &map("a", "1"));
        world.write("deploy/c.yaml", &claim("data")).commit("One");
        world.write("deploy/a.yaml", &map("a", "2")).commit("Two");
        world.repository.remove("deploy/c.yaml").expect("removed");
        world.commit("Three");
        let programs = world.home.path().join("programs");
        std::fs::create_dir(&programs).expect("a folder");
        let program = env!("CARGO_BIN_EXE_kubectl-gitops");
        let forge = Self { world, programs };
        forge.script("kubectl", &format!("test \"$1\" = gitops && shift && exec {program} \"$@\""));
        forge.script("gh", "echo \"$*\" > \"$HOME/gh.log\"; while test \"$1\" != --body-file; do shift; done; cp \"$2\" \"$HOME/comment.md\"");
        forge
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    }

    fn bash(&self, script: &str, environment: &BTreeMap<String, String>) -> Ended {
        let path = format!("{}:{}", self.programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = self.world.command("bash");
        command.args(["-eo", "pipefail", "-c", script]).env("PATH", path).envs(environment);
        Ended::of(&command.output().expect("bash starts"))
    }

    fn home(&self, name: &str) -> String {
        std::fs::read_to_string(self.world.home.path().join(name)).unwrap_or_default()
    }

    fn oid(&self, revision: &str) -> String {
        self.world.git(&["rev-parse", revision])
    }
}

/// Runs all steps of the job until one fails, as the runner does. Gives how the last one ended.
fn github(forge: &Forge, base: &str, head: &str) -> Ended {
    let workflow = block("# .github/workflows/review.yaml");
    let output = forge.world.home.path().join("output");
    let summary = forge.world.home.path().join("summary.md");
    let mut known = BTreeMap::from([
        ("github.event.pull_request.base.sha".to_owned(), forge.oid(base)),
        ("github.event.pull_request.head.sha".to_owned(), forge.oid(head)),
        ("github.event.pull_request.number".to_owned(), "7".to_owned()),
        ("github.token".to_owned(), "token".to_owned()),
    ]);
    let shown = |path: &Path| path.display().to_string();
    let mut last = None;
    for step in workflow["jobs"]["review"]["steps"].as_array().expect("steps") {
        let Some(script) = step["run"].as_str() else { continue };
        std::fs::write(&output, "").expect("written");
        let mut environment = BTreeMap::from([
            ("GITHUB_OUTPUT".to_owned(), shown(&output)),
            ("GITHUB_STEP_SUMMARY".to_owned(), shown(&summary)),
        ]);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let value = value.as_str().expect("text");
            let expression =
                value.strip_prefix("${{ ").and_then(|value| value.strip_suffix(" }}")).expect("an expression");
            let value = known.get(expression).unwrap_or_else(|| panic!("GitHub has no {expression}"));
            environment.insert(name.clone(), value.clone());
        }
        assert!(!script.contains("${{"), "text of a stranger must not be a part of a script: {script}");
        let ended = forge.bash(script, &environment);
        for line in std::fs::read_to_string(&output).expect("outputs").lines() {
            let (name, value) = line.split_once('=').expect("an output");
            let id = step["id"].as_str().expect("a step with outputs has an id");
            known.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        let failed = ended.code != 0;
        last = Some(ended);
        if failed {
            break;
        }
    }
    last.expect("there are steps")
}

#[test]
fn the_job_for_github_comments_and_fails_where_something_is_lost() {
    let forge = Forge::new();
    let harmless = github(&forge, "HEAD~2", "HEAD~1");
    assert_eq!(harmless.code, 0, "{}", harmless.told());
    let comment = forge.home("comment.md");
    assert!(comment.starts_with("<!-- kubectl-gitops review -->") && comment.contains("routine"), "{comment}");
    assert_eq!(forge.home("gh.log").trim(), "pr comment 7 --edit-last --create-if-none --body-file review.md");
    assert!(forge.home("summary.md").contains("routine"));
    let lost = github(&forge, "HEAD~1", "HEAD");
    assert_eq!(lost.code, 4, "{}", lost.told());
    assert!(forge.home("comment.md").contains("claim-removed"), "the comment is there before it fails");
}

#[test]
fn the_job_for_gitlab_keeps_a_page_and_fails_where_something_is_lost() {
    let forge = Forge::new();
    let job = block("# .gitlab-ci.yml");
    let script: Vec<&str> =
        job["review"]["script"].as_array().expect("a script").iter().filter_map(Json::as_str).collect();
    let run = |base: &str, head: &str| {
        let environment = BTreeMap::from([
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA".to_owned(), forge.oid(base)),
            ("CI_COMMIT_SHA".to_owned(), forge.oid(head)),
        ]);
        forge.bash(&script.join("\n"), &environment)
    };
    let harmless = run("HEAD~2", "HEAD~1");
    assert_eq!(harmless.code, 0, "{}", harmless.told());
    let lost = run("HEAD~1", "HEAD");
    assert!(lost.code == 4 && lost.stdout.contains("claim-removed"), "{}", lost.told());
    for path in job["review"]["artifacts"]["paths"].as_array().expect("paths") {
        let page =
            std::fs::read_to_string(forge.world.path().join(path.as_str().expect("a path"))).expect("it is kept");
        assert!(page.contains("claim-removed") && page.ends_with("</html>\n"), "{page}");
    }
}
