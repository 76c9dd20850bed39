//! The pages of reference are what the program says of itself: `docs/commands.md` is made from clap and `docs/lints.md`
//! from the list of lints, `docs/risks.md` from the list of risk rules, and all are compared here; `docs/edges.md` is written by hand, and has every rule that makes
//! edges, and no other; `docs/health.md` likewise has every kind with a rule of its own, and the table of what is always
//! reported is made from the program; `docs/webhooks.md` has the keys of all secrets.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use gitops_compiler::depend::RULES;
use gitops_compiler::lint::{DefaultLevel, LINTS, Lint};
use gitops_compiler::review::{RULES as RISK_RULES, RiskRule};
use kubectl_gitops::cli::Cli;
use kubectl_gitops::health::{reporting_kinds, ruled_kinds};
use kubectl_gitops::webhook::{ANNOTATION, Provider};

/// The same on every terminal.
const WIDTH: usize = 100;
const RENEW: &str = "UPDATE_DOCS=1 cargo test -p kubectl-gitops --test docs";
const ERRORS: &str = include_str!("../src/error.rs");
const HEALTH: &str = include_str!("../docs/health.md");
const EDGES: &str = include_str!("../docs/edges.md");
const WEBHOOKS: &str = include_str!("../docs/webhooks.md");

fn page() -> String {
    let mut root = Cli::command().term_width(WIDTH);
    root.build();
    let mut page = format!(
        "# Commands\n\n<!-- Made from the program itself; renew with `{RENEW}`. -->\n\n\
         What every command takes and prints. Data goes to stdout, talk to stderr. The exit code says how it went:\n\n{}\n",
        exit_codes()
    );
    let mut contents = String::new();
    let mut sections = String::new();
    describe(&mut root, &mut contents, &mut sections);
    let _ = write!(page, "{contents}\n{sections}");
    page.trim_end().to_owned() + "\n"
}

/// The table that the one place which knows exit codes is documented with.
fn exit_codes() -> String {
    let lines = ERRORS.lines().filter_map(|line| line.strip_prefix("//! ")).filter(|line| line.starts_with('|'));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn describe(command: &mut Command, contents: &mut String, sections: &mut String) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _ = writeln!(contents, "- [`{name}`](#{}): {about}", name.replace(' ', "-"));
    // Lines without a word have trailing spaces.
    let help = command.render_long_help().to_string();
    let help = help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let _ = write!(sections, "## {name}\n\n```text\n{help}\n```\n\n");
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        describe(below, contents, sections);
    }
}

/// What is done about a lint by default, and each lint.
fn lints() -> String {
    let mut page = format!(
        "# Lints\n\n<!-- Made from the program itself; renew with `{RENEW}`. -->\n\n\
         What the compiler says about manifests that it takes as they are. Each line names the file, the line and the \
         lint:\n\n```text\ndeploy/flags.yaml:4:9: warning[yaml-1.1-boolean]: …\n```\n\n\
         `--deny LINT` makes a lint an error, `--allow LINT` leaves it out; both take several names, and `all`. A name \
         says more than `all`. Lints never change what is compiled. [Schemas](schemas.md) says what `unknown-field`, \
         `wrong-type`, `missing-field`, `repeated-item` and `invalid-value` compare with.\n\n| lint | by default | finds |\n|---|---|---|\n"
    );
    for Lint { name, level, finds } in LINTS {
        let level = match level {
            DefaultLevel::Allow => "left out",
            DefaultLevel::Warn => "a warning",
            DefaultLevel::Deny => "an error",
        };
        let _ = writeln!(page, "| `{name}` | {level} | {finds} |");
    }
    page
}

/// Each rule of reviews.
fn risks() -> String {
    let mut page = format!(
        "# Risk rules\n\n<!-- Made from the program itself; renew with `{RENEW}`. -->\n\n\
         What [a review](review.md) objects to. `block`: something is lost, broken or given away; `caution`: a person should look \
         at it; `info`: good to know. A rule looks at what a change brings: what was there before is no risk of it.\n\n\
         `.gitops/review.yaml` of the base gives rules other levels, or accepts single risks until a day; \
         [how](review.md#settings-and-risks-that-are-accepted).\n\n| rule | level | finds | why | what to do |\n|---|---|---|---|---|\n"
    );
    for RiskRule { name, level, finds, why, advice } in RISK_RULES {
        let _ = writeln!(page, "| `{name}` | {} | {finds} | {why} | {advice} |", level.as_str());
    }
    page
}

/// Compares a page with what it should be, or writes it.
fn check_page(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).expect("the page is written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let numbered = || made.lines().map(Some).chain(std::iter::repeat(None)).zip(kept.lines().map(Some).chain([None]));
    let differs = numbered().enumerate().find(|(_, (made, kept))| made != kept);
    if let Some((index, (made, kept))) = differs {
        let line = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
        let (now, then) = (line(made), line(kept));
        panic!("{}:{}: is `{then}`, should be `{now}`; renew with\n  {RENEW}", path.display(), index + 1);
    }
    assert!(kept == made, "{} is not what the program says; renew with\n  {RENEW}", path.display());
}

#[test]
fn the_page_of_commands_is_what_the_program_says() {
    check_page("commands.md", &page());
}

#[test]
fn the_page_of_lints_has_them_all() {
    check_page("lints.md", &lints());
}

#[test]
fn the_page_of_risks_has_every_rule() {
    check_page("risks.md", &risks());
}

#[test]
fn all_exit_codes_are_in_the_table() {
    let table = exit_codes();
    for code in [0, 1, 2, 3, 4, 70] {
        assert!(table.contains(&format!("| {code} |")), "{code} in\n{table}");
    }
}

/// The first column of each table has the names of rules, in backticks.
#[test]
fn the_page_of_edges_has_every_rule_and_no_other() {
    let cells = EDGES.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    let told: Vec<&str> = cells.flat_map(|cell| cell.split('`')).filter(|name| !matches!(*name, "" | ", ")).collect();
    let once: BTreeSet<&str> = told.iter().copied().collect();
    assert_eq!(told.len(), once.len(), "a rule is there twice: {told:?}");
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
    let missing: Vec<_> = rules.difference(&once).collect();
    let unknown: Vec<_> = once.difference(&rules).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "docs/edges.md has not {missing:?}, and wrongly {unknown:?}");
}

#[test]
fn the_page_of_health_has_every_kind_with_a_rule_and_no_other() {
    let rows = HEALTH.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).filter(|cells| cells.len() == 4);
    let told: BTreeSet<(String, String, bool)> = cells
        .flat_map(|cells| {
            let (group, is_awaited) = (cells[1].trim_matches('`'), cells[2] == "yes");
            let group = if group == "core" { String::new() } else { group.to_owned() };
            let kinds = cells[0].split("`, `").map(|kind| kind.trim_end_matches('`').to_owned()).collect::<Vec<_>>();
            kinds.into_iter().map(move |kind| (group.clone(), kind, is_awaited))
        })
        .collect();
    let owned = |(group, kind, awaited): (&str, &str, bool)| (group.to_owned(), kind.to_owned(), awaited);
    let rules: BTreeSet<_> = ruled_kinds().map(owned).collect();
    let (missing, unknown): (Vec<_>, Vec<_>) = (rules.difference(&told).collect(), told.difference(&rules).collect());
    assert!(missing.is_empty() && unknown.is_empty(), "docs/health.md has not {missing:?}, and wrongly {unknown:?}");
}

/// Of which kinds silence is no news.
#[test]
fn the_page_of_health_says_who_always_reports() {
    let mut table = String::from("| group | kinds | reports |\n|---|---|---|\n");
    for (group, kinds, report) in reporting_kinds() {
        let group = if group.starts_with('.') { format!("*{group}") } else { group.to_owned() };
        let kinds = if kinds.is_empty() { "all".to_owned() } else { kinds.join(", ") };
        let _ = writeln!(table, "| `{group}` | {kinds} | {report} |");
    }
    let (begin, end) = ("<!-- made from the program -->\n\n", "\n<!-- to here -->");
    let before = HEALTH.split_once(begin).expect("a beginning").0;
    let after = HEALTH.split_once(end).expect("an end").1;
    check_page("health.md", &format!("{before}{begin}{table}{end}{after}"));
}

#[test]
fn every_command_and_every_flag_says_what_it_is_for() {
    fn check(command: &Command) {
        let name = command.get_bin_name().unwrap_or(command.get_name());
        assert!(command.get_about().is_some(), "{name} says nothing");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{} of {name} says nothing", argument.get_id());
        }
        command.get_subcommands().for_each(check);
    }
    let mut root = Cli::command();
    root.build();
    check(&root);
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// Whoever sets up a webhook finds its provider, the keys of its secret, and the annotation.
#[test]
fn the_page_of_webhooks_has_every_secret() {
    for provider in Provider::ALL {
        for key in provider.keys().split(" and ") {
            assert!(WEBHOOKS.contains(&format!("`{key}`")), "docs/webhooks.md has no `{key}`");
        }
    }
    assert!(WEBHOOKS.contains(ANNOTATION), "docs/webhooks.md has no {ANNOTATION}");
}
