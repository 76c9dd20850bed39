//! The renderer for charts.
//!
//! In: a source. Out: a render of `helm template` over the chart, its dependencies (`chart`) and the files of values, and
//! nothing else; the order of values is that of [`crate::app::Helm`]. What templates are told of Kubernetes enters
//! the recipe only where one of them asks.

mod actions;
mod chart;
mod dependency;
mod purity;
mod values;
mod written;

use crate::app::{Helm, HelmParameter};
use crate::diagnostic::{Diagnostic, Level, Origin};
use crate::schema;

use super::tool::{Command, Places};
use super::{Capabilities, Error, Input, ToolRender, Tools, or_dot};

pub use purity::impure_templates;
pub(super) use written::Written;

use chart::Chart;

/// What this renderer is called in a recipe. The number rises whenever equal inputs could give other manifests.
const RENDERER: (&str, u64) = ("helm", 1);

/// Where the chart is in the layout.
const CHART_FOLDER: &str = "chart";

/// Chooses the files and hashes them. `None` where something is wrong, which is among the findings.
pub(super) fn lay_out(
    input: &Input<'_>,
    tools: &dyn Tools,
    findings: &mut Vec<Diagnostic>,
) -> Result<Option<ToolRender>, Error> {
    let folder = input.folder.folder();
    let here = Origin::of_file(or_dot(folder));
    let before = findings.len();
    let parameters = input.source.helm.clone().unwrap_or_default();
    let Some(Chart { mut layout, origin, asks_for_kubernetes }) = chart::lay_out(input, tools, findings)? else {
        return Ok(None);
    };
    let mut arguments = vec!["template".to_owned()];
    if asks_for_kubernetes {
        arguments.extend(parameters.kubernetes_as_arguments(tools));
    }
    let namespace = if parameters.namespace.is_empty() { &input.namespace } else { &parameters.namespace };
    if !namespace.is_empty() {
        arguments.push(format!("--namespace={namespace}"));
    }
    arguments.extend(values::lay_out(input, &parameters, &mut layout, findings)?);
    arguments.extend(parameters.parameters_as_arguments(|value| input.environment.replace(value)));
    for (wanted, flag) in [
        (!parameters.skip_crds, "--include-crds"),
        (parameters.skip_tests, "--skip-tests"),
        (parameters.skip_schema_validation, "--skip-schema-validation"),
    ] {
        if wanted {
            arguments.push(flag.to_owned());
        }
    }
    let release = if parameters.release_name.is_empty() { &input.app } else { &parameters.release_name };
    arguments.extend(["--", release.as_str(), CHART_FOLDER].map(str::to_owned));
    let program = match tools.helm() {
        Ok(program) => program,
        Err(message) => {
            findings.push(Diagnostic::error(here, message));
            return Ok(None);
        }
    };
    if findings[before..].iter().any(|finding| finding.level == Level::Error) {
        return Ok(None);
    }
    let command = Command::Program(program, arguments);
    ToolRender::new(RENDERER, command, layout, origin, Places::HelmComments(folder.to_owned())).map(Some)
}

impl Helm {
    /// What the source says counts more than what all are told.
    fn kubernetes_as_arguments(&self, tools: &dyn Tools) -> Vec<String> {
        let said = Some(self.kube_version.clone()).filter(|version| !version.is_empty());
        let is_said = said.is_some() && !self.api_versions.is_empty();
        let told = if is_said { Capabilities::default() } else { tools.capabilities() };
        let version = said.or(told.kube_version).unwrap_or_else(|| schema::version().to_string());
        let api_versions = if self.api_versions.is_empty() { &told.api_versions } else { &self.api_versions };
        let mut arguments = vec![format!("--kube-version={version}")];
        if !api_versions.is_empty() {
            arguments.push(format!("--api-versions={}", api_versions.join(",")));
        }
        arguments
    }

    /// Of two parameters with one name the last counts; they come in the order of their names.
    fn parameters_as_arguments(&self, replace: impl Fn(&str) -> String) -> Vec<String> {
        let last = |parameter: &&HelmParameter| {
            let same =
                |other: &&HelmParameter| (&other.name, other.force_string) == (&parameter.name, parameter.force_string);
            self.parameters.iter().rfind(same).is_some_and(|found| std::ptr::eq(found, *parameter))
        };
        let mut parameters: Vec<_> = self.parameters.iter().filter(last).collect();
        parameters.sort_by(|left, right| (left.force_string, &left.name).cmp(&(right.force_string, &right.name)));
        let argument = |HelmParameter { name, value, force_string }: &HelmParameter| {
            let flag = if *force_string { "--set-string" } else { "--set" };
            format!("{flag}={name}={}", escaped(&replace(value)))
        };
        parameters.into_iter().map(argument).collect()
    }
}

/// A comma would begin another value, except in a list: `{a,b}`.
fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut escaped = String::with_capacity(value.len());
    let mut before = '\0';
    for character in value.chars() {
        if character == ',' && before != '\\' {
            escaped.push('\\');
        }
        escaped.push(character);
        before = character;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_parameter_of_a_name_counts() {
        let parameter = |name: &str, value: &str, force_string| HelmParameter {
            name: name.to_owned(),
            value: value.to_owned(),
            force_string,
        };
        let helm = Helm {
            parameters: vec![
                parameter("b", "1", false),
                parameter("a", "x,y", false),
                parameter("b", "2", false),
                parameter("b", "{3,4}", true),
            ],
            ..Helm::default()
        };
        let arguments = helm.parameters_as_arguments(str::to_owned);
        assert_eq!(arguments, ["--set=a=x\\,y", "--set=b=2", "--set-string=b={3,4}"]);
        assert_eq!(escaped("a\\,b"), "a\\,b");
    }
}
