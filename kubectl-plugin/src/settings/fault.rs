//! What is wrong with the sources of an application, at the fields that say so.
//!
//! In: a failure, and the field of the source that it comes from. Out: one error for all sources. Where the Application is
//! in a file, each failure is a finding with file, line and column.

use std::collections::BTreeSet;

use gitops_compiler::app::{AppSpec, Source};
use gitops_compiler::diagnostic::Diagnostic;

use crate::error::CommandError;
use crate::fetch::Part;

use super::fetched::InputError;

/// What is wrong with a source.
#[derive(Debug)]
pub(super) struct Fault {
    /// The field of the source that it comes from, as a JSON pointer.
    field: &'static str,
    error: CommandError,
}

impl Fault {
    pub(super) fn new(field: &'static str, error: impl Into<CommandError>) -> Self {
        Self { field, error: error.into() }
    }

    /// What a source takes from elsewhere cannot be had.
    pub(super) fn of_input(source: &Source, error: InputError) -> Self {
        let field = match error.part {
            Part::Name if !source.chart.is_empty() => "/chart",
            Part::Address | Part::Name => "/repoURL",
            Part::Version => "/targetRevision",
        };
        Self::new(field, CommandError::user(error.message))
    }

    pub(super) fn hint(self, hint: &str) -> Self {
        Self { error: self.error.hint(hint), ..self }
    }
}

/// One error of all faults, each with the number of its source.
pub(super) fn together(app: &AppSpec, faults: Vec<(usize, Fault)>) -> CommandError {
    let failed: BTreeSet<usize> = faults.iter().map(|(number, _)| *number).collect();
    let message = match (app.sources.len(), failed.len()) {
        (1, _) => format!("the source of {} cannot be used", app.name),
        (all, failed) => format!("{failed} of {all} sources of {} cannot be used", app.name),
    };
    let mut whole = CommandError::user(message);
    whole.code = faults.iter().map(|(_, fault)| fault.error.code).min().unwrap_or(whole.code);
    for (number, Fault { field, error }) in faults {
        let Some(origin) = app.places_of(number).find(field) else { return error };
        // Findings have places of their own; what is said beside them says that there are some.
        if error.findings.is_empty() {
            let text = std::iter::once(error.message).chain(error.details).collect::<Vec<_>>().join(": ");
            whole.findings.push(Diagnostic::error(origin, text));
        }
        whole.findings.extend(error.findings);
        whole.hint = whole.hint.or(error.hint);
    }
    whole.findings.sort();
    whole
}

#[cfg(test)]
mod tests {
    use gitops_compiler::app;

    use super::*;

    #[test]
    fn each_fault_stands_at_its_field() {
        let text = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\nspec:\n  sources:\n  - repoURL: \
                    a\n    path: x\n  - repoURL: b\n    chart: c\n    targetRevision: ^1\n";
        let (applications, _) = app::read("app.yaml", text.as_bytes());
        let spec = AppSpec::from(&applications[0]);
        let input = |part| {
            let error = InputError { message: "gone".to_owned(), part };
            Fault::of_input(&spec.sources[1], error)
        };
        let faults = [Part::Address, Part::Name, Part::Version].map(|part| (1, input(part)));
        let mut faults = Vec::from(faults);
        let unsigned = CommandError::refused("unsigned").details(vec!["no key".to_owned()]).hint("sign it");
        faults.push((0, Fault::new("/targetRevision", unsigned)));
        let error = together(&spec, faults);
        let told: Vec<String> = error.findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "app.yaml:6:5: error: unsigned: no key",
                "app.yaml:8:5: error: gone",
                "app.yaml:9:5: error: gone",
                "app.yaml:10:5: error: gone",
            ]
        );
        assert_eq!((error.code, error.hint.as_deref()), (2, Some("sign it")));
        assert_eq!(error.message, "2 of 2 sources of shop cannot be used");
    }

    #[test]
    fn of_a_folder_that_flags_name_the_fault_is_all_there_is_to_say() {
        let app = AppSpec::folder("app".parse().expect("a name"), Source::default());
        let error = together(&app, vec![(0, Fault::new("/path", CommandError::refused("no").hint("yes")))]);
        assert_eq!((error.code, error.message.as_str(), error.findings.len()), (4, "no", 0));
    }
}
