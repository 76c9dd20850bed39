//! Our rules, without anybody's script, against the cases of Argo CD's checks.
//!
//! Every difference of status stands in a table with its reason (`disagreements`): a new one fails, and so does one that
//! is no more. Messages are ours, and only counted.

use std::collections::{BTreeMap, BTreeSet};

use kubectl_gitops::health::{Status, Verdict, assess};

use crate::cases::{Case, all, document};
use crate::corpus::{part, say};
use crate::disagreements::{BUILT_IN, TABLE};

/// What one line of text is of a message of others: as ours are printed.
fn in_one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_cases_of_argo_cd() {
    let Some(root) = part("argocd/health") else { return };
    let cases = all(&root);
    assert!(cases.len() > 500, "{} holds only {} cases", root.display(), cases.len());
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for Case { kind, input, object, status, message } in &cases {
        let health = assess(object);
        let count = counts.entry(status).or_default();
        count[0] += 1;
        count[1] += usize::from(health.status.to_string() == *status);
        count[2] += usize::from(health.status.to_string() == *status && health.message == in_one_line(message));
        if health.status.to_string() != *status {
            found.insert((kind.as_str(), input.as_str(), health.status, status.as_str()));
        }
    }
    say("theirs       cases  same status  same message too");
    for (status, [all, same, equal]) in &counts {
        say(&format!("{status:12} {all:5}  {same:11}  {equal:16}"));
    }
    let sum = |index: usize| counts.values().map(|count| count[index]).sum::<usize>();
    say(&format!("{:12} {:5}  {:11}  {:16}", "all", sum(0), sum(1), sum(2)));
    let told: Vec<String> = TABLE.iter().map(|(_, _, _, _, why)| (*why).to_owned()).collect();
    for why in told.iter().collect::<BTreeSet<_>>() {
        say(&format!("{:4} differ: {why}", told.iter().filter(|other| *other == why).count()));
    }
    let known: BTreeSet<_> = TABLE.iter().map(|(kind, case, ours, theirs, _)| (*kind, *case, *ours, *theirs)).collect();
    let known: BTreeSet<_> =
        known.iter().map(|(kind, case, ours, theirs)| (*kind, *case, *ours, theirs.to_string())).collect();
    let found: BTreeSet<_> =
        found.into_iter().map(|(kind, case, ours, theirs)| (kind, case, ours, theirs.to_owned())).collect();
    let new: Vec<_> = found.difference(&known).collect();
    let gone: Vec<_> = known.difference(&found).collect();
    assert!(new.is_empty() && gone.is_empty(), "not in the table: {new:#?}\nin the table, and no more so: {gone:#?}");
    assert_eq!(sum(1) + found.len(), cases.len());
}

/// A wait must not pass what Argo CD says is broken, and must not end for good what it says may come.
#[test]
fn waits_agree_where_it_matters() {
    let Some(root) = part("argocd/health") else { return };
    let mut wrong = Vec::new();
    for Case { kind, input, object, status, .. } in &all(&root) {
        let verdict = assess(object).verdict();
        let listed = TABLE.iter().any(|(of, case, ..)| of == kind && case == input);
        let too_early = verdict == Verdict::Ready && matches!(status.as_str(), "Progressing" | "Degraded" | "Missing");
        let too_final = verdict == Verdict::Failed && status != "Degraded";
        if (too_early && !listed) || too_final {
            wrong.push(format!("{kind} {input}: {verdict:?}, and Argo CD says {status}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_built_in_kinds() {
    let Some(root) = part("argocd/builtin-health") else { return };
    let expected = std::fs::read(root.join("expected.json")).expect("expectations");
    let expected: BTreeMap<String, String> = serde_json::from_slice(&expected).expect("JSON");
    assert!(expected.len() > 20, "{} holds only {} cases", root.display(), expected.len());
    let differs = |(file, theirs): (&String, &String)| {
        let ours: Status = assess(&document(&root.join(file))).status;
        (ours.to_string() != *theirs).then(|| (file.clone(), ours, theirs.clone()))
    };
    let found: Vec<_> = expected.iter().filter_map(differs).collect();
    say(&format!("built-in kinds: {} of {} are equal", expected.len() - found.len(), expected.len()));
    let known: Vec<_> =
        BUILT_IN.iter().map(|(file, ours, theirs, _)| ((*file).to_owned(), *ours, theirs.to_string())).collect();
    assert_eq!(found, known);
}
