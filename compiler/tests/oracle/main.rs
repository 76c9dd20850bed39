//! Compares what we read with what kubectl reads, object by object: 100,000 files of our own making, and every YAML
//! and JSON file of real repositories.
//!
//! In: kubectl's own code (`gitops_testdata::oracle`). Out: on stderr, how many files and objects were compared and how
//! it went; where the two disagree, which file, and how. The steps, one file each: `ours` is our reading in the form
//! that kubectl's has, `stricter` names what we refuse on purpose, `compare` judges, `bundles` finds real files, `emitted` writes what was read and lets it be read again, `folders`
//! compiles what lies together and prints a table of what comes of it.
//!
//! With `GITOPS_LONG=1` all of it, without a slice of it. `GITOPS_ORACLE_ONLY=4711` compares that one generated file
//! and prints all there is to say of it.

mod bundles;
mod compare;
mod emitted;
mod folders;
mod ours;
mod stricter;

use std::env;
use std::io::Write as _;

use gitops_compiler::tree::{Repository, Snapshot};
use gitops_testdata::oracle::{Oracle, document};

use compare::{Outcome, Tally, compare};
use emitted::Emitted;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How many generated files a run compares, in short and at length.
const FILES: (u64, u64) = (3_000, 100_000);

fn is_long() -> bool {
    env::var_os("GITOPS_LONG").is_some_and(|value| value == "1")
}

/// Says something that the test runner does not keep to itself.
fn say(line: &str) -> Result {
    Ok(writeln!(std::io::stderr(), "{line}")?)
}

#[test]
fn generated_files_are_read_as_kubectl_reads_them() -> Result {
    let mut oracle = Oracle::start()?;
    if let Some(only) = env::var("GITOPS_ORACLE_ONLY").ok().and_then(|only| only.parse().ok()) {
        return explain(&mut oracle, only);
    }
    let count = if is_long() { FILES.1 } else { FILES.0 };
    let mut tally = Tally::new("generated files");
    for number in 0..count {
        let file = document(number);
        tally.add(&format!("file {number}"), &file, compare(&mut oracle, &file)?);
    }
    say(&tally.to_string())?;
    assert!(tally.read > count / 3, "too few files are ones that kubectl takes: {}", tally.read);
    assert!(tally.disagreements.is_empty(), "{}", tally.list());
    Ok(())
}

/// Everything about one generated file.
fn explain(oracle: &mut Oracle, number: u64) -> Result {
    let file = document(number);
    say(&format!("file {number}:\n{}\n{}", String::from_utf8_lossy(&file), file.escape_ascii()))?;
    say(&format!("kubectl: {:#?}", oracle.read(&file)?))?;
    say(&format!("ours: {:#?}", ours::Ours::of(&file)))?;
    say(&format!("so: {:?}", compare(oracle, &file)?))
}

#[test]
fn real_files_are_read_as_kubectl_reads_them() -> Result {
    let Some(bundles) = bundles::find() else {
        return say(&format!("SKIPPED: there are no bundles at {}", bundles::directory().display()));
    };
    let mut oracle = Oracle::start()?;
    let mut failures = String::new();
    for bundle in bundles {
        let files = bundles::files(&bundle, is_long())?;
        let mut tally = Tally::new(&bundle.file_stem().unwrap_or_default().to_string_lossy());
        for (name, file) in &files {
            tally.add(name, file, compare(&mut oracle, file)?);
        }
        say(&tally.to_string())?;
        assert!(tally.read > 0, "nothing of {} is a manifest", bundle.display());
        if !tally.disagreements.is_empty() {
            failures += &tally.list();
        }
    }
    assert!(failures.is_empty(), "{failures}");
    Ok(())
}

/// What we write is read as what it is, whoever reads it.
#[test]
fn what_we_write_is_what_kubectl_and_kustomize_read() -> Result {
    let mut oracle = Oracle::start()?;
    let mut emitted = Emitted::default();
    for number in 0..if is_long() { FILES.1 } else { FILES.0 } {
        emitted.add(&mut oracle, &format!("file {number}"), &document(number))?;
    }
    for bundle in bundles::find().unwrap_or_default() {
        for (name, file) in bundles::files(&bundle, is_long())? {
            emitted.add(&mut oracle, &name, &file)?;
        }
    }
    let Emitted { objects, by_kustomize, lost_by_kustomize, wrong } = emitted;
    say(&format!(
        "written by us: {objects} objects, {by_kustomize} of them also for kustomize, which loses something of \
         {lost_by_kustomize} as JSON, too; {} are read otherwise",
        wrong.len()
    ))?;
    assert!(by_kustomize > 1_000, "{by_kustomize} are too few");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// A graph holds exactly what kubectl reads in its folder, or there is no graph, for a reason that has a name.
#[test]
fn folders_of_real_repositories_compile_to_what_kubectl_reads_there() -> Result {
    let Some(bundles) = bundles::find() else {
        return say(&format!("SKIPPED: there are no bundles at {}", bundles::directory().display()));
    };
    // In short the smallest ones.
    let bundles = bundles.iter().filter(|path| is_long() || path.metadata().is_ok_and(|file| file.len() < 2 << 20));
    let (mut oracle, mut wrong) = (Oracle::start()?, String::new());
    for bundle in bundles {
        let clone = bundles::clone(bundle)?;
        let repository = Repository::discover(clone.path())?;
        let whole = repository.commit("HEAD", "")?;
        let reader = whole.reader();
        let is_manifest = |path: &str| [".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end));
        let entries = whole.entries().iter().filter(|entry| is_manifest(&entry.path));
        // What a link leads to out of the tree is nobody's file; the compilation says so.
        let files: Vec<_> = entries.map(|entry| (entry.path.clone(), reader.read(entry).unwrap_or_default())).collect();
        let name = bundle.file_stem().unwrap_or_default().to_string_lossy();
        let mut rows = Vec::new();
        for (folder, files) in folders::of(&files) {
            rows.push(folders::row(&mut oracle, &folder, &repository.commit("HEAD", &folder)?, &files)?);
        }
        wrong += &told(&name, &rows)?;
    }
    assert!(wrong.is_empty(), "{wrong}");
    Ok(())
}

/// The same of the applications and sources that Argo CD tests itself with.
#[test]
fn folders_of_argo_cd_compile_to_what_kubectl_reads_there() -> Result {
    let mut wrong = String::new();
    for part in ["argocd/apps", "argocd/sources"] {
        let root = bundles::part(part);
        if !root.is_dir() {
            say(&format!("SKIPPED: there is nothing at {}", root.display()))?;
            continue;
        }
        let files = folders::on_disk(&root)?;
        let mut oracle = Oracle::start()?;
        let mut rows = Vec::new();
        for (folder, files) in folders::of(&files) {
            let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
            let files: Vec<_> = files.iter().map(|(path, bytes)| (name(path), bytes.clone())).collect();
            let snapshot = Snapshot::from_memory(files.iter().cloned().collect());
            rows.push(folders::row(&mut oracle, &folder, &snapshot, &files.iter().collect::<Vec<_>>())?);
        }
        wrong += &told(part, &rows)?;
    }
    assert!(wrong.is_empty(), "{wrong}");
    Ok(())
}

/// Prints a table, and returns what is wrong with it.
fn told(of: &str, rows: &[folders::Row]) -> Result<String> {
    let graphs = rows.iter().filter(|row| row.outcome.is_ok()).count();
    say(&format!("{of}: {} folders, {graphs} of them graphs", rows.len()))?;
    for row in rows {
        say(&format!("  {row}"))?;
    }
    assert!(graphs > 0, "{of}: no folder has a graph");
    let wrong = rows.iter().filter(|row| !row.mistakes.is_empty());
    let told = wrong.map(|row| format!("{of}, {}:\n    {}\n", row.folder, row.mistakes.join("\n    ")));
    Ok(told.collect::<Vec<_>>().concat())
}

/// kubectl's parser reads 512 bytes at a time, and trips over a byte order mark that comes first of what is left.
#[test]
fn marks_are_read_right_or_not_at_all_wherever_they_stand() -> Result {
    let mut oracle = Oracle::start()?;
    let (mut read, mut tripped) = (0, 0);
    for before in (440..540).chain(960..1_060) {
        for (start, fill, value) in [
            ("", ".", "\"\u{FEFF}\""),
            ("\u{FEFF}", ".", "a\u{FEFF}"),
            ("", "\u{e9}", "|\n  \u{e9}\u{FEFF}\n  b"),
            ("---\n", "\u{20ac}.", "\"\\U0001F680\u{FEFF}\\U0001F680\""),
        ] {
            let filler = fill.repeat(before / fill.len());
            for end in ["y: 1\nz: {\n}\n", "y: 1", "\n#", ""] {
                let file = format!("{start}apiVersion: v1\n# {filler}\nkind: A\nx: {value}\n{end}");
                match compare(&mut oracle, file.as_bytes())? {
                    Outcome::Read(1) => read += 1,
                    Outcome::Refused | Outcome::Known(_) => tripped += 1,
                    outcome => panic!("{before} of {fill:?} before {value:?} and {end:?}: {outcome:?}"),
                }
            }
        }
    }
    assert!(read > 2_400 && tripped > 40, "{read} were read, {tripped} were not");
    Ok(())
}

/// One file of each class, so that none is there for nothing; and neighbours that are of none.
#[test]
fn what_is_refused_on_purpose_is_known_by_name() -> Result {
    let mut oracle = Oracle::start()?;
    let deep = format!("x: {}1{}", "[".repeat(1_500), "]".repeat(1_500));
    let large = format!("x: &a {}\ny: [{}]", "a".repeat(1 << 20), vec!["*a"; 80].join(", "));
    // As far as we read ahead, and farther than kubectl does.
    let far = format!("x: 1\n...\n{}\u{1}", "# dropped\n".repeat(200));
    for (text, class) in [
        ("items: [{apiVersion: v1, kind: A, metadata: {labels: {a: 1}}}]", "metadata of a list's item"),
        ("x: 1\n\u{FEFF}y: 1", "a byte order mark"),
        ("x: [!a,b c]", "a tag that goes on"),
        ("x: {a:}", "plain text between brackets"),
        (&deep, "lists and maps in one another"),
        (&large, "aliases of more"),
        ("x: {~: 1}\nx: 1", "what cannot be JSON"),
        (&far, "a control character"),
    ] {
        let file = format!("apiVersion: v1\nkind: A\n{text}\n");
        let outcome = compare(&mut oracle, file.as_bytes())?;
        let shown: String = text.chars().take(60).collect();
        assert!(matches!(outcome, Outcome::Known(name) if name.starts_with(class)), "{shown}: {outcome:?}");
    }
    for text in ["x: {~: 1}", "x: {a: 1}\n\u{1}", "metadata: {labels: {a: 1}}", "x: [!a b", "x: .inf", "x: [a?b]"] {
        let file = format!("apiVersion: v1\nkind: A\n{text}\n");
        assert_eq!(compare(&mut oracle, file.as_bytes())?, Outcome::Refused, "{text}");
    }
    Ok(())
}

/// The comparison itself must be able to fail: files, and readings of them that are wrong.
#[test]
fn wrong_readings_are_noticed() -> Result {
    let mut oracle = Oracle::start()?;
    let file = |value: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {value}\n");
    for (text, mistaken_for) in [
        ("{a: yes}", "{a: \"yes\"}"),
        ("{a: 0777}", "{a: 777}"),
        ("{a: 1.5}", "{a: 1.50000000000000022}"),
        ("{a: 1e3}", "{a: \"1e3\"}"),
        ("{a: \"\"}", "{a: }"),
        ("{a: 9007199254740993}", "{a: 9007199254740992}"),
        ("{a: b}", "{a: b, c: }"),
        ("[a, b]", "[b, a]"),
        ("\"x\\u0085\"", "x"),
    ] {
        let (right, wrong) = (file(text), file(mistaken_for));
        let answer = oracle.read(right.as_bytes())?;
        let judge = |text: &str| compare::judge(&answer, &ours::Ours::of(text.as_bytes()), right.as_bytes());
        assert!(matches!(judge(&right), Outcome::Read(1)), "{text}");
        assert!(matches!(judge(&wrong), Outcome::Disagreement(_)), "{text} is not {mistaken_for}");
    }
    // Objects lost, added, or in another order; what only one of the two takes.
    let (one, two) = (file("{a: b}"), file("{c: d}"));
    let both = [one.as_str(), &two].join("---\n");
    let turned = [two.as_str(), &one].join("---\n");
    for (right, wrong) in
        [(&both, &one), (&one, &both), (&both, &turned), (&one, &"kind: [".into()), (&"{a: b}".into(), &one)]
    {
        let answer = oracle.read(right.as_bytes())?;
        let outcome = compare::judge(&answer, &ours::Ours::of(wrong.as_bytes()), right.as_bytes());
        assert!(matches!(outcome, Outcome::Disagreement(_)), "{right} is not {wrong}");
    }
    Ok(())
}
