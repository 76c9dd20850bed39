//! The jobs for GitHub and GitLab as the page has them, run line by line: from a runner that has no program of ours and an empty
//! store to the comment. Programs of the forge are stood in for by scripts that write down what they were asked.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gitops_compiler::manifest::yaml::{Limits, read};
use gitops_testdata::servers::{Access, Certificates, Registry};
use serde_json::Value as Json;

use super::world::{Ended, World, application, claim, map};

const PAGE: &str = include_str!("../../docs/review.md");
const IMAGE: &str = include_str!("../../image/build.sh");

/// The block of YAML of the page that begins with this line.
fn block(first: &str) -> Json {
    let start = PAGE.find(&format!("```yaml\n{first}\n")).expect("the page has the block");
    let text = PAGE[start..].split("```").nth(1).and_then(|block| block.strip_prefix("yaml\n")).expect("a block");
    let documents = read(text.as_bytes(), Limits::default()).into_documents().expect("YAML");
    Json::from(&documents[0].value)
}

/// A runner: a repository, programs of the forge, and an image that has ours.
struct Forge {
    world: World,
    programs: PathBuf,
    /// `/usr/local/bin` of the image.
    image: PathBuf,
    /// What the runner gives every step.
    variables: BTreeMap<String, String>,
}

impl Forge {
    /// A repository whose second commit changes a value, and whose third removes a claim.
    fn new() -> Self {
        Self::with(&[])
    }

    /// The same with these Applications besides, in every commit.
    fn with(more: &[String]) -> Self {
        let world = World::new();
        world.git(&["config", "remote.origin.url", "https://git.example.com/shop"]);
        let applications = [&[application("shop", "deploy")][..], more].concat().concat();
        world.write("applications.yaml", &applications).write("deploy/a.yaml", &map("a", "1"));
        let [programs, image, temporary] = ["programs", "image", "temporary"].map(|name| world.home.path().join(name));
        for folder in [&programs, &image, &temporary] {
            std::fs::create_dir(folder).expect("a folder");
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_kubectl-gitops"), image.join("kubectl-gitops")).expect("a link");
        let shown = |path: &Path| path.display().to_string();
        let variables = BTreeMap::from([
            ("RUNNER_TEMP".to_owned(), shown(&temporary)),
            ("CI_PROJECT_DIR".to_owned(), shown(world.path())),
        ]);
        let forge = Self { world, programs, image, variables };
        forge.script("gh", "echo \"$*\" > \"$HOME/gh.log\"; while test \"$1\" != --body-file; do shift; done; cp \"$2\" \"$HOME/comment.md\"");
        // An image is a folder here; what is copied out of it is what lies there, under the name that it has there.
        forge.script(
            "docker",
            "echo \"$*\" >> \"$HOME/docker.log\"\ncase $1 in\ncreate) echo made ;;\n\
             cp) test \"$2\" = made:/usr/local/bin/. && cp -RP \"$HOME/image/.\" \"$3\" ;;\nrm) test \"$2\" = made ;;\nesac",
        );
        forge
    }

    /// The three commits.
    fn commits(&self) -> &Self {
        let world = &self.world;
        world.write("deploy/c.yaml", &claim("data")).commit("One");
        world.write("deploy/a.yaml", &map("a", "2")).commit("Two");
        world.repository.remove("deploy/c.yaml").expect("removed");
        world.commit("Three");
        self
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.programs.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it may run");
    }

    /// Runs a script with these folders of programs before those of the machine.
    fn bash(&self, folders: &[PathBuf], script: &str, environment: &BTreeMap<String, String>) -> Ended {
        let machine = std::env::var("PATH").unwrap_or_default();
        let machine: Vec<PathBuf> = std::env::split_paths(&machine).filter(|it| !it.join(PROGRAM).exists()).collect();
        let path = std::env::join_paths(folders.iter().chain(&machine)).expect("a path");
        let mut command = self.world.command("bash");
        command.args(["-eo", "pipefail", "-c", script]).env("PATH", path).envs(&self.variables).envs(environment);
        Ended::of(&command.output().expect("bash starts"))
    }

    fn home(&self, name: &str) -> String {
        std::fs::read_to_string(self.world.home.path().join(name)).unwrap_or_default()
    }

    fn oid(&self, revision: &str) -> String {
        self.world.git(&["rev-parse", revision])
    }

    /// A runner is new for every job.
    fn clean(&self) {
        for folder in [&self.variables["RUNNER_TEMP"], &self.world.home.path().join("base").display().to_string()] {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::fs::create_dir(&self.variables["RUNNER_TEMP"]).expect("a folder");
        self.world.git(&["worktree", "prune"]);
    }
}

const PROGRAM: &str = "kubectl-gitops";

/// The branch that pull requests go to.
const TARGET: &str = "production";

/// What the page says a branch of one's own is.
const OUR_OWN: &str = "github.event.pull_request.head.repo.full_name == github.repository";

/// Runs all steps of the job until one fails, as the runner does. Gives all that were run, by their names.
fn github(forge: &Forge, [base, head]: [&str; 2], is_fork: bool) -> Vec<(String, Ended)> {
    forge.clean();
    // The checkout has all branches.
    forge.world.git(&["update-ref", &format!("refs/remotes/origin/{TARGET}"), &forge.oid(base)]);
    let workflow = block("# .github/workflows/review.yaml");
    let [output, summary, path] = ["output", "summary.md", "path"].map(|name| forge.world.home.path().join(name));
    let mut known = BTreeMap::from([
        ("github.base_ref".to_owned(), TARGET.to_owned()),
        ("github.event.pull_request.head.sha".to_owned(), forge.oid(head)),
        ("github.event.pull_request.number".to_owned(), "7".to_owned()),
        ("github.token".to_owned(), "token".to_owned()),
    ]);
    let (mut ran, mut folders) = (Vec::new(), vec![forge.programs.clone()]);
    for step in workflow["jobs"]["review"]["steps"].as_array().expect("steps") {
        let Some(script) = step["run"].as_str() else { continue };
        match step["if"].as_str() {
            Some(OUR_OWN) if is_fork => continue,
            Some(OUR_OWN) | None => {}
            Some(other) => panic!("nobody knows whether {other}"),
        }
        for file in [&output, &path] {
            std::fs::write(file, "").expect("written");
        }
        let shown = |path: &Path| path.display().to_string();
        let mut environment = BTreeMap::from([
            ("GITHUB_OUTPUT".to_owned(), shown(&output)),
            ("GITHUB_PATH".to_owned(), shown(&path)),
            ("GITHUB_STEP_SUMMARY".to_owned(), shown(&summary)),
        ]);
        for (name, value) in step["env"].as_object().into_iter().flatten() {
            let value = value.as_str().expect("text");
            let expression = value.strip_prefix("${{ ").and_then(|value| value.strip_suffix(" }}"));
            let value = match expression {
                Some(expression) => {
                    known.get(expression).unwrap_or_else(|| panic!("GitHub has no {expression}")).as_str()
                }
                None => value,
            };
            environment.insert(name.clone(), value.to_owned());
        }
        assert!(!script.contains("${{"), "text of a stranger must not be a part of a script: {script}");
        let ended = forge.bash(&folders, script, &environment);
        for line in std::fs::read_to_string(&output).expect("outputs").lines() {
            let (name, value) = line.split_once('=').expect("an output");
            let id = step["id"].as_str().expect("a step with outputs has an id");
            known.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
        }
        folders.extend(std::fs::read_to_string(&path).expect("folders").lines().map(PathBuf::from));
        let failed = ended.code != 0;
        ran.push((step["name"].as_str().expect("a name").to_owned(), ended));
        if failed {
            break;
        }
    }
    ran
}

fn last(ran: &[(String, Ended)]) -> &Ended {
    &ran.last().expect("there are steps").1
}

/// How the step with this name ended.
fn step<'a>(ran: &'a [(String, Ended)], name: &str) -> Option<&'a Ended> {
    ran.iter().find(|(it, _)| it == name).map(|(_, ended)| ended)
}

#[test]
fn the_job_for_github_comments_and_fails_where_something_is_lost() {
    let forge = Forge::new();
    forge.commits();
    let harmless = github(&forge, ["HEAD~2", "HEAD~1"], false);
    assert_eq!(last(&harmless).code, 0, "{}", last(&harmless).told());
    for inputs in ["Inputs of the base", "Inputs of a branch of our own"] {
        let ended = step(&harmless, inputs).expect("it ran");
        assert!(ended.stdout.contains("s1-"), "it compiles in a worktree: {}", ended.told());
    }
    let comment = forge.home("comment.md");
    assert!(comment.starts_with("<!-- kubectl-gitops review -->") && comment.contains("routine"), "{comment}");
    assert_eq!(forge.home("gh.log").trim(), "pr comment 7 --edit-last --create-if-none --body-file review.md");
    assert!(forge.home("summary.md").contains("routine"));
    let lost = github(&forge, ["HEAD~1", "HEAD"], true);
    assert_eq!(last(&lost).code, 4, "{}", last(&lost).told());
    assert!(step(&lost, "Inputs of a branch of our own").is_none(), "nothing is fetched for a fork");
    assert!(forge.home("comment.md").contains("claim-removed"), "the comment is there before it fails");
}

/// How the job of GitLab ended, with its branch in this project.
fn gitlab(forge: &Forge, [base, head]: [&str; 2], project: &str) -> Ended {
    forge.clean();
    // The clone itself stands for where it came from.
    forge.world.git(&["branch", "-f", TARGET, &forge.oid(base)]);
    let here = format!("url.{}.insteadOf", forge.world.path().display());
    forge.world.git(&["config", &here, "https://git.example.com/shop"]);
    let job = block("# .gitlab-ci.yml");
    let lines = |name: &str| job["review"][name].as_array().cloned().unwrap_or_default();
    let script: Vec<Json> = [lines("before_script"), lines("script")].concat();
    let script: Vec<&str> = script.iter().filter_map(Json::as_str).collect();
    let environment = BTreeMap::from(
        [
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", TARGET.to_owned()),
            ("CI_COMMIT_SHA", forge.oid(head)),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", project.to_owned()),
            ("CI_PROJECT_ID", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    forge.bash(std::slice::from_ref(&forge.image), &script.join("\n"), &environment)
}

#[test]
fn the_job_for_gitlab_keeps_a_page_and_fails_where_something_is_lost() {
    let forge = Forge::new();
    forge.commits();
    let harmless = gitlab(&forge, ["HEAD~2", "HEAD~1"], "1");
    assert_eq!(harmless.code, 0, "{}", harmless.told());
    assert_eq!(harmless.stdout.matches("s1-").count(), 2, "both compile: {}", harmless.told());
    let lost = gitlab(&forge, ["HEAD~1", "HEAD"], "2");
    assert!(lost.code == 4 && lost.stdout.contains("claim-removed"), "{}", lost.told());
    assert_eq!(lost.stdout.matches("s1-").count(), 1, "nothing is fetched for a fork: {}", lost.told());
    let job = block("# .gitlab-ci.yml");
    for path in job["review"]["artifacts"]["paths"].as_array().expect("paths") {
        let page =
            std::fs::read_to_string(forge.world.path().join(path.as_str().expect("a path"))).expect("it is kept");
        assert!(page.contains("claim-removed") && page.ends_with("</html>\n"), "{page}");
    }
}

/// Where there is a snapshot both jobs fail until somebody has agreed to what there is.
#[test]
fn the_jobs_look_at_the_snapshot_where_there_is_one() {
    let forge = Forge::new();
    forge.commits();
    let accepted = forge.world.run(&["snapshot", "accept", "--all", "-f", "applications.yaml"]);
    assert_eq!(accepted.code, 0, "{}", accepted.told());
    forge.world.commit("The snapshot");
    let agreed = github(&forge, ["HEAD~1", "HEAD"], false);
    assert!(last(&agreed).code == 0 && step(&agreed, "Snapshot").is_some(), "{}", last(&agreed).told());
    assert_eq!(gitlab(&forge, ["HEAD~1", "HEAD"], "1").code, 0);
    forge.world.write("deploy/a.yaml", &map("a", "3")).commit("Nobody has agreed to it");
    let pending = github(&forge, ["HEAD~1", "HEAD"], false);
    let ended = step(&pending, "Snapshot").expect("it ran");
    assert!(ended.code == 1 && ended.stdout.contains("data.k  2 → 3"), "{}", ended.told());
    let ended = gitlab(&forge, ["HEAD~1", "HEAD"], "1");
    assert!(ended.code == 1 && ended.stderr.contains("snapshot accept"), "{}", ended.told());
    // Who deletes it does not get around it.
    forge.world.repository.remove("gitops.snap").expect("removed");
    forge.world.commit("It is gone");
    let deleted = github(&forge, ["HEAD~1", "HEAD"], false);
    let ended = step(&deleted, "Snapshot").expect("it ran");
    assert!(ended.code == 2 && ended.stderr.contains("there is no "), "{}", ended.told());
    let ended = gitlab(&forge, ["HEAD~1", "HEAD"], "1");
    assert!(ended.code == 2 && ended.stderr.contains("there is no "), "{}", ended.told());
}

/// The branch that it goes to judges, as it is now, and not as it was where the pull request left it.
#[test]
fn both_jobs_take_the_settings_of_the_branch_that_it_goes_to() {
    let forge = Forge::new();
    let accept = "accept: [{rule: claim-removed, resource: '*', until: 2099-01-01, reason: x}]\n";
    forge.world.write("deploy/c.yaml", &claim("data")).write(".gitops/review.yaml", accept).commit("One");
    forge.world.git(&["checkout", "-q", "-b", "topic"]);
    forge.world.repository.remove("deploy/c.yaml").expect("removed");
    forge.world.commit("Remove it");
    forge.world.git(&["branch", "later", "topic~1"]);
    forge.world.git(&["checkout", "-q", "later"]);
    forge.world.write(".gitops/review.yaml", "").commit("Accepted no more");
    forge.world.git(&["checkout", "-q", "topic"]);
    let ran = github(&forge, ["later", "topic"], false);
    assert!(last(&ran).code == 4 && forge.home("comment.md").contains("claim-removed"), "{}", last(&ran).told());
    let ended = gitlab(&forge, ["later", "topic"], "1");
    assert!(ended.code == 4 && ended.stdout.contains("claim-removed"), "{}", ended.told());
}

/// What the jobs take for granted of the image, its build script says.
#[test]
fn the_jobs_know_the_image() {
    assert!(IMAGE.contains("--config.entrypoint /usr/local/bin/kubectl-gitops"));
    let gitlab = block("# .gitlab-ci.yml");
    assert_eq!(gitlab["review"]["image"]["entrypoint"], serde_json::json!([""]), "or scripts would be its arguments");
    assert!(IMAGE.contains("sync-in '$work/bin' /usr/local/bin"), "what `docker cp` copies");
    for package in ["git", "ca-certificates"] {
        let included = IMAGE.lines().find(|line| line.contains("--include=")).expect("packages");
        assert!(included.contains(package), "the job needs {package}: {included}");
    }
    let github = block("# .github/workflows/review.yaml");
    let install = &github["jobs"]["review"]["steps"][1];
    assert_eq!(install["env"]["IMAGE"], gitlab["review"]["image"]["name"], "one image");
}

/// A runner has an empty store: what the base has locked is fetched by the step before, and by nothing else.
#[test]
fn inputs_of_the_base_are_there_when_the_review_needs_them() {
    let certificates = Certificates::make().expect("certificates");
    let registry = Registry::start(&certificates, Access::Open).expect("a registry");
    let host = registry.address().trim_start_matches("https://").to_owned();
    let elsewhere = format!(
        "---\napiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: base}}\nspec:\n  destination: \
         {{namespace: shop}}\n  source: {{repoURL: 'oci://{host}/base', targetRevision: v1, path: .}}\n"
    );
    let mut forge = Forge::with(&[elsewhere]);
    let authority = certificates.authority().display().to_string();
    forge.variables.insert("KUBECTL_GITOPS_CA_FILE".to_owned(), authority.clone());
    // Another machine packs it, and writes the lock.
    let developer = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let mut command = forge.world.command(env!("CARGO_BIN_EXE_kubectl-gitops"));
        command.env("HOME", developer.path()).env("KUBECTL_GITOPS_CA_FILE", &authority).args(arguments);
        let ended = Ended::of(&command.output().expect("it starts"));
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.told());
    };
    let bundle = developer.path().join("base.tar").display().to_string();
    forge.world.write("packed/b.yaml", &map("b", "1")).commit("Zero");
    run(&["bundle", "build", "base", "--path", "packed", "--out", &bundle]);
    run(&["bundle", "push", &bundle, &format!("oci://{host}/base:v1")]);
    run(&["lock", "-f", "applications.yaml"]);
    forge.commits();
    let review = "kubectl-gitops review HEAD~1..HEAD -f applications.yaml";
    let alone = forge.bash(std::slice::from_ref(&forge.image), review, &BTreeMap::new());
    assert!(alone.stdout.contains("does not compile"), "nothing is fetched by a review: {}", alone.told());
    for is_fork in [true, false] {
        let ran = github(&forge, ["HEAD~2", "HEAD~1"], is_fork);
        assert_eq!(last(&ran).code, 0, "{}", last(&ran).told());
        let comment = forge.home("comment.md");
        assert!(comment.contains("routine") && !comment.contains("does not compile"), "{comment}");
    }
    let ended = gitlab(&forge, ["HEAD~2", "HEAD~1"], "2");
    assert!(ended.code == 0 && !ended.stdout.contains("does not compile"), "{}", ended.told());
}
