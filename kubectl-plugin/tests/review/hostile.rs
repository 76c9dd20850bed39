//! What the branch of a stranger can do: nothing but be reviewed.

use super::world::{World, application, map};

/// Text that a reader must not fall for, in names of fields and files, in values and in errors.
const TEXT: &str = "\\e[2J@team `x` <script>alert(1)</script>";

#[test]
fn all_formats_are_harmless() {
    let world = World::new();
    world.write("deploy/a.yaml", &map("a", "1")).commit("One");
    world.write(
        "deploy/a.yaml",
        &format!("{}  \"{TEXT}\": \"{TEXT}\"\n", map("a", "1").replace("data: {k: '1'}", "data:")),
    );
    world.write("deploy/<b> `@team`.yaml", &map("b", "x")).commit("Two");
    let review = |output: &str| world.run(&["review", "HEAD~1..HEAD", "--path", "deploy", "-o", output]);
    for output in ["text", "markdown", "html"] {
        let ended = review(output);
        assert_eq!(ended.code, 0, "{}", ended.told());
        assert!(!ended.stdout.contains('\u{1b}'), "{}", ended.told());
        assert!(ended.stdout.contains("alert(1)"), "it is shown: {}", ended.told());
    }
    assert!(!review("html").stdout.contains("<script"), "{}", review("html").told());
    for output in ["json", "sarif"] {
        serde_json::from_str::<serde_json::Value>(&review(output).stdout).expect("JSON");
    }
}

#[test]
fn nothing_is_fetched_whatever_the_branch_names() {
    let world = World::new();
    world.git(&["config", "remote.origin.url", "https://git.example.com/shop"]);
    world.write("one/a.yaml", &map("a", "1")).write("apps.yaml", &application("one", "one")).commit("One");
    // A port of this machine where nobody listens: asking it would fail in another way.
    let elsewhere = application("one", "one").replace("https://git.example.com/shop", "https://127.0.0.1:9/x.git");
    world.write("apps.yaml", &elsewhere).commit("Elsewhere");
    for more in [&[][..], &["--inputs", "resolve"][..]] {
        let ended = world.run(&[&["review", "HEAD~1..HEAD", "-f", "apps.yaml"][..], more].concat());
        assert!(ended.code == 0 && ended.stdout.contains("does not compile"), "{}", ended.told());
        assert!(
            !ended.told().contains("refused the connection") && !ended.told().contains("error sending"),
            "{}",
            ended.told()
        );
    }
}

#[test]
fn a_program_of_the_repository_is_never_run() {
    let world = World::new();
    world.write("deploy/a.yaml", &map("a", "1")).commit("One");
    let marker = world.home.path().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\n", marker.display());
    for hook in ["post-checkout", "fsmonitor", "smudge"] {
        world.write(&format!(".git/hooks/{hook}"), &script);
        world.command("chmod").args(["+x", &format!(".git/hooks/{hook}")]).status().expect("changed");
    }
    world.git(&["config", "core.fsmonitor", ".git/hooks/fsmonitor"]);
    world.git(&["config", "filter.x.smudge", ".git/hooks/smudge"]);
    let _ = std::fs::remove_file(&marker);
    world.write(".gitattributes", "* filter=x\n").write("deploy/a.yaml", &map("a", "2"));
    let ended = world.run(&["review", "HEAD", "--path", "deploy"]);
    assert!(ended.code == 0 && ended.stdout.contains("1 changed"), "{}", ended.told());
    assert!(!marker.exists(), "a program of the repository was run");
}
