//! Real renderers work inside, with everything enforced.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gitops_compiler::sandbox::{Job, Limits, Strength, Task};

use crate::fixture::Fixture;
use crate::suite::Suite;

pub(crate) fn run(suite: &mut Suite, programs: &Path) {
    let world = Fixture::new(programs);
    Suite::part("renderers");
    suite.test("kubectl kustomize", kustomize(&world, programs));
    suite.test("helm template", helm(&world, programs));
}

fn kustomize(world: &Fixture, programs: &Path) -> Result<String, String> {
    let base = world.path("layout/base");
    fs::create_dir(&base).expect("writable");
    fs::write(base.join("a.yaml"), "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"1\"}\n")
        .expect("writable");
    fs::write(base.join("kustomization.yaml"), "resources: [a.yaml]\n").expect("writable");
    let overlay = world.path("layout/overlay");
    fs::create_dir(&overlay).expect("writable");
    fs::write(
        overlay.join("kustomization.yaml"),
        "resources: [../base]\nnamePrefix: my-\nsecretGenerator: [{name: s, literals: [k=v]}]\n",
    )
    .expect("writable");
    let text = render(world, programs, "kubectl", &["kustomize", "overlay"])?;
    expect(&text, &["name: my-a", "kind: Secret"])
}

fn helm(world: &Fixture, programs: &Path) -> Result<String, String> {
    let chart = world.path("layout/chart");
    fs::create_dir_all(chart.join("templates")).expect("writable");
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n").expect("writable");
    fs::write(chart.join("values.yaml"), "replicas: 2\n").expect("writable");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {replicas: {{ .Values.replicas | quote }}}\n";
    fs::write(chart.join("templates/a.yaml"), template).expect("writable");
    let text = render(world, programs, "helm", &["template", "mine", "chart", "--set", "replicas=3"])?;
    expect(&text, &["name: mine", "replicas: \"3\""])
}

fn render(world: &Fixture, programs: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let scratch = world.scratch();
    let home = scratch.path().as_os_str().to_owned();
    let mut job = Job::new(Task::Program { path: programs.join(program), libraries: Vec::new() });
    job.arguments = arguments.iter().map(Into::into).collect();
    job.environment = vec![("HOME".into(), home.clone()), ("TMPDIR".into(), home)];
    job.layout = Some(world.path("layout"));
    job.scratch = Some(scratch);
    job.limits = Limits { time: Duration::from_mins(1), ..Limits::default() };
    let output = world.run(job).map_err(|error| error.to_string())?;
    if !output.status.success() || output.enforced.strength() != Strength::Full {
        return Err(format!("{} {} {}", output.status, output.stderr, output.enforced.reasons()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn expect(text: &str, parts: &[&str]) -> Result<String, String> {
    if parts.iter().all(|part| text.contains(part)) {
        Ok(format!("{} bytes", text.len()))
    } else {
        Err(text.to_owned())
    }
}
