//! Parameters that a repository keeps beside its manifests: `.argocd-source.yaml` and `.argocd-source-<name>.yaml`.
//!
//! In: a source and the bytes of these files. Out: the source with what they say merged in (RFC 7386, as Argo CD does),
//! or errors with line and column. Only how the source is rendered can be changed by them, never where it is, nor who learns
//! credentials.

use crate::diagnostic::{Diagnostic, Origin};
use crate::manifest::yaml::{self, Limits, Locator};
use crate::name::AppName;

use super::Source;
use super::decode::decode;

/// The files that count for an application, the later ones more.
#[must_use]
pub fn override_files(name: &AppName) -> [String; 2] {
    [".argocd-source.yaml".to_owned(), format!(".argocd-source-{name}.yaml")]
}

impl Source {
    /// The source with the parameters of one file.
    ///
    /// # Errors
    ///
    /// What is wrong in the file.
    pub fn with_overrides(&self, path: &str, bytes: &[u8], lints: &mut Vec<Diagnostic>) -> Result<Self, Diagnostic> {
        let place = |line, column| Origin { path: path.to_owned(), line, column };
        let mut reading = yaml::read(bytes, Limits::default());
        if let Some(problem) = reading.problems.first() {
            return Err(Diagnostic::error(place(problem.line, problem.column), problem.message.clone()));
        }
        if reading.documents.len() > 1 {
            return Err(Diagnostic::error(place(reading.documents[1].line, 0), "only one document is read here"));
        }
        let Some(document) = reading.documents.pop() else { return Ok(self.clone()) };
        let parameters = serde_json::Value::from(&document.value);
        if !parameters.is_object() {
            return Err(Diagnostic::error(place(document.line, 0), "this must be a map of parameters"));
        }
        let located = |pointer: &str| {
            let found = Locator::new(bytes).locate(document.index, pointer);
            found.map_or_else(|| place(0, 0), |found| place(found.value.line, found.value.column))
        };
        let failed = |pointer: &str, message: String| Diagnostic::error(located(pointer), message);
        let mut merged = serde_json::to_value(self).map_err(|error| failed("", error.to_string()))?;
        json_patch::merge(&mut merged, &parameters);
        let decoded = decode::<Self>(merged);
        for pointer in decoded.unknown {
            let message = format!("`{}` is no field that is known here: it has no effect", &pointer[1..]);
            lints.push(Diagnostic::lint(located(&pointer), "unknown-application-field", message));
        }
        let merged = decoded.value.map_err(|(pointer, message)| failed(&pointer, message))?;
        let Self { directory, kustomize, mut helm, plugin, .. } = merged;
        if let Some(helm) = &mut helm {
            let said = self.helm.as_ref().is_some_and(|helm| helm.pass_credentials);
            if std::mem::replace(&mut helm.pass_credentials, said) != said {
                let message =
                    "`helm/passCredentials` has no effect here: only the Application says who learns credentials";
                lints.push(Diagnostic::lint(located("/helm/passCredentials"), "unknown-application-field", message));
            }
        }
        Ok(Self { directory, kustomize, helm, plugin, ..self.clone() })
    }
}
