//! A token that is taken no more in the middle of a run, where there is a new one: from a file, or from a program.

use std::cell::Cell;

use super::application::Graph;
use super::case::{Case, Goal};
use super::kills::requests_of_a_run;
use super::lanes::{self, Counts, Work, sample};
use super::verdict::wrong;

/// Where the kubeconfig says that the token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    File,
    Program,
}

/// The token is another from the request with this number on.
fn changes(label: &str, source: Source, at: usize) -> Result<Counts, String> {
    let mut case = Case::begun(label);
    let folder = tempfile::tempdir().expect("a folder");
    let token = folder.path().join("token");
    std::fs::write(&token, "first").expect("written");
    let user = match source {
        Source::File => format!("{{tokenFile: {:?}}}", token.display().to_string()),
        Source::Program => {
            let script = format!(
                "printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\
                 \"status\":{{\"token\":\"%s\"}}}}' \"$(cat {})\"",
                token.display()
            );
            let program = serde_json::json!({
                "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script],
                "interactiveMode": "Never",
            });
            format!("{{exec: {program}}}")
        }
    };
    case.with_user(&user);
    let has_changed = Cell::new(false);
    let run = case.run_with(Goal::Apply(Graph::Second), Vec::new(), &[], |way, _| {
        if !has_changed.get() && way.exchanges().len() >= at {
            std::fs::write(&token, "second").expect("written");
            way.take_only("second");
            has_changed.set(true);
        }
    });
    if run.ended.code != 0 {
        return Err(format!("it should go through\n{}", case.told()));
    }
    let refused = run.exchanges.iter().filter(|exchange| exchange.is_faulty).count();
    let wrong = wrong(&case, Graph::Second);
    if wrong.is_empty() {
        Ok(vec![("refused", refused)])
    } else {
        Err(format!("{}\n{}", wrong.join("\n"), case.told()))
    }
}

#[test]
fn a_new_token_is_taken_where_the_old_one_is_refused() {
    let at = (1..=requests_of_a_run()).step_by(4);
    let all: Vec<_> = at.flat_map(|at| [Source::File, Source::Program].map(|source| (source, at))).collect();
    let count = all.len();
    let work = |(source, at): (Source, usize)| {
        let name = format!("{source:?}").to_lowercase();
        Work {
            name: format!("token-{name}-{at}"),
            row: format!("token from a {name}"),
            run: Box::new(move |label| changes(label, source, at)),
        }
    };
    let works: Vec<Work<'_>> = sample(all, 4, usize::MAX).into_iter().map(work).collect();
    lanes::run("A token is taken no more", count, &works);
}
