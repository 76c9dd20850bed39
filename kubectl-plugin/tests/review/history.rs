//! Every commit of a real history beside its parent: nothing panics, nothing is too long, and where Git says that the
//! manifests are the same, so does the review.
//!
//! The history is the bundle `git/microservices-demo.bundle` of the corpus. `GITOPS_LONG=1` takes all commits, else each
//! twentieth. The times are told, and decide nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use gitops_testdata::repository::RepositoryBuilder;
use serde_json::Value as Json;

use super::corpus::{is_long, part, say};
use super::world::World;

const FOLDER: &str = "kubernetes-manifests";

/// Every how many commits the short run takes one.
const STRIDE: usize = 20;

fn world(bundle: &Path) -> World {
    let home = tempfile::tempdir().expect("a folder");
    let (clone, elsewhere) = (home.path().join("clone"), RepositoryBuilder::new().expect("a repository"));
    let (from, to) = (bundle.display().to_string(), clone.display().to_string());
    elsewhere.git(&["clone", "--quiet", &from, &to]).expect("cloned");
    World { repository: RepositoryBuilder::at(clone).expect("a repository"), home }
}

#[test]
fn every_commit_is_reviewed_beside_its_parent() {
    let Some(bundle) = part("git/microservices-demo.bundle") else { return };
    let world = world(&bundle);
    let all: Vec<String> = world.git(&["rev-list", "HEAD"]).lines().map(str::to_owned).collect();
    let stride = if is_long() { 1 } else { STRIDE };
    let (mut count, mut differing, mut total, mut slowest) = (0, 0, Duration::ZERO, (Duration::ZERO, String::new()));
    for commit in all.iter().step_by(stride) {
        // The first one has no parent.
        let Ok(parent) = world.repository.git(&["rev-parse", "--verify", "--quiet", &format!("{commit}~1")]) else {
            continue;
        };
        let range = format!("{}..{commit}", parent.trim());
        let arguments = ["review", &range, "--exact-base", "--path", FOLDER, "--renderer", "directory"];
        let started = Instant::now();
        let ended = world.run(&[&arguments[..], &["-o", "json"]].concat());
        let took = started.elapsed();
        assert_eq!(ended.code, 0, "{range}: {}", ended.told());
        let review: Json = serde_json::from_str(&ended.stdout).expect("JSON");
        let one = &review["applications"][0];
        let tree = |commit: &str| world.repository.git(&["rev-parse", &format!("{commit}:{FOLDER}")]).ok();
        if tree(parent.trim()) == tree(commit) {
            assert!(matches!(one["verdict"].as_str(), Some("unchanged" | "failed")), "{range}: {one:#}");
        }
        let counts = &one["counts"];
        let told = one["changes"].as_array().map_or(0, Vec::len) as u64;
        let counted: u64 = ["added", "changed", "removed"].iter().filter_map(|field| counts[field].as_u64()).sum();
        assert!(told <= counted, "{range}: {counts}, and {told} told");
        differing += usize::from(told > 0);
        let markdown = world.run(&[&arguments[..], &["-o", "markdown"]].concat()).stdout;
        assert!(markdown.chars().count() <= 65_000 && markdown.starts_with("<!--"), "{range}: {markdown}");
        count += 1;
        total += took;
        if took > slowest.0 {
            slowest = (took, range);
        }
    }
    assert!(count > 0 && differing > 0, "nothing was reviewed");
    let (total, slow) = (total.as_secs_f64(), slowest.0.as_secs_f64());
    say(&format!("  {count} reviews, {differing} with changes: {total:.1} s, the slowest {slow:.3} s ({})", slowest.1));
}
