//! Text of a branch in every format: it is shown, and does nothing.

use super::super::tests::{World, reviewed};
use super::*;

/// What somebody might write into a manifest so that a reviewer sees something else.
const HOSTILE: [&str; 9] = [
    "@everybody/team",
    "#1 and GH-2",
    "https://evil.example.com",
    "[click](https://evil.example.com) ![x](https://evil.example.com/x.png)",
    "```\n\n# No risks\n",
    "</details></pre><script>alert(1)</script>",
    "<!-- -->\n<img src=x onerror=alert(1)>",
    "\u{1b}[2J\u{1b}[1;1HAll good\u{7}",
    "\u{202e}kcolb\u{2066}\u{200b}",
];

fn map(value: &str) -> World {
    let value = serde_json::to_string(value).expect("JSON");
    World::new(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, finalizers: [{value}]}}\ndata: {{k: {value}, {value}: x}}\n"
    ))
}

/// The parts of a markdown text that are no code.
fn prose(markdown: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<String> = None;
    for line in markdown.lines() {
        let run: String = line.chars().take_while(|letter| *letter == '`').collect();
        match &fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if run.len() >= 3 => fence = Some(run),
            None => {
                prose.push_str(&without_code(line));
                prose.push('\n');
            }
        }
    }
    assert!(fence.is_none(), "a block has no end: {markdown}");
    prose
}

/// A line without its spans of code, as CommonMark has them.
fn without_code(line: &str) -> String {
    let mut rest = line;
    let mut prose = String::new();
    while let Some(at) = rest.find('`') {
        prose.push_str(&rest[..at]);
        let length = rest[at..].chars().take_while(|letter| *letter == '`').count();
        let after = &rest[at + length..];
        let end = after.match_indices('`').map(|(index, _)| index).find(|index| {
            let run = after[*index..].chars().take_while(|letter| *letter == '`').count();
            run == length && !after[..*index].ends_with('`')
        });
        let Some(end) = end else { return prose + &rest[at..] };
        rest = &after[end + length..];
    }
    prose + rest
}

#[test]
fn hostile_text_does_nothing_anywhere() {
    for hostile in HOSTILE {
        let review = reviewed(&map("quiet"), &map(hostile), "");
        let invisible = |letter: char| {
            (letter.is_control() && letter != '\n') || matches!(letter, '\u{200b}' | '\u{202e}' | '\u{2066}')
        };
        let (text, markdown, html) = (
            text(&review, Detail::default()),
            markdown(&review, ROOM, Detail::default()),
            html(&review, Detail::default()),
        );
        for told in [&text, &markdown, &html] {
            assert!(!told.contains(invisible), "{told:?}");
        }
        assert!(!text.lines().any(|line| line.starts_with("# No risks")), "{text}");
        let prose = prose(&markdown);
        for part in ["@every", "#1", "GH-2", "evil.example.com", "<script", "<img", "alert(1)", "</pre>"] {
            assert!(!prose.contains(part), "{part} in {prose}");
        }
        assert_eq!(prose.matches("</details>").count(), 1, "{prose}");
        for part in ["<script", "<img", "</details></pre>"] {
            assert!(!html.contains(part), "{part} in {html}");
        }
        let sarif = sarif(&review, "0");
        let messages = sarif["runs"][0]["results"].as_array().expect("results");
        assert!(!messages.is_empty(), "the finalizer is a risk");
        for message in messages {
            let text = message["message"]["text"].as_str().expect("text");
            assert!(!text.contains("](") || text.contains("\\]("), "{text}");
            assert!(!text.contains(invisible), "{text:?}");
        }
    }
}

#[test]
fn markdown_fits_and_says_what_it_leaves_out() {
    let many = |value: &str| {
        let one = |at: usize| {
            let text = format!("{value}{at}").repeat(9);
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{at}}}\ndata: {{k: {text}}}\n")
        };
        World::new(&(0..900).map(one).collect::<String>())
    };
    let review = reviewed(&many("a"), &many("b"), "");
    for room in [0, LEAST_ROOM, 5_000, ROOM] {
        let told = markdown(&review, room, Detail::default());
        assert!(told.chars().count() <= room.max(LEAST_ROOM), "{} of {room}", told.chars().count());
        assert!(told.starts_with(MARKER) && told.contains("900 changed"), "{told}");
        assert!(told.contains("Left out for lack of room") && told.contains(" of changes"), "{told}");
        prose(&told);
        assert_eq!(told.matches("<details>").count(), told.matches("</details>").count());
    }
    let small = reviewed(&map("a"), &map("b"), "");
    assert!(!markdown(&small, ROOM, Detail::default()).contains("Left out"));
}

#[test]
fn what_is_cut_is_said_to_be() {
    let many = |value: &str| {
        let fields = (0..300).map(|at| format!("  k{at:03}: {value}\n")).collect::<Vec<_>>().concat();
        let long = "x".repeat(700);
        World::new(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m, finalizers: [{value}/{long}]}}\ndata:\n{fields}"
        ))
    };
    let review = reviewed(&many("a"), &many("b"), "");
    let (text, markdown, html) = (
        text(&review, Detail::default()),
        markdown(&review, ROOM, Detail::default()),
        html(&review, Detail::default()),
    );
    for told in [&text, &markdown] {
        assert!(
            told.contains("data.k100") && !told.contains("data.k290") && told.contains("… 101 lines more"),
            "{told}"
        );
    }
    assert!(html.contains("data.k290") && !html.contains("lines more"), "{html}");
    assert!(markdown.lines().any(|line| line.contains("finalizer-added") && line.contains('…')), "{markdown}");
    let shown = resource_text(&review.applications[0].changes[0]);
    assert!(shown.contains("… 101 lines more"), "{shown}");
}

#[test]
fn what_stands_around_a_change_does_not_push_it_out() {
    let script = |line: &str| {
        let lines: Vec<String> =
            (0..400).map(|at| if at == 300 { line.to_owned() } else { format!("  line {at}") }).collect();
        let text = lines.iter().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat();
        World::new(&format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n  run: |\n{text}"))
    };
    let review = reviewed(&script("  before"), &script("  after"), "");
    for around in [0, 1, 50, 100] {
        let detail = Detail::new(around, false);
        for told in [text(&review, detail), markdown(&review, ROOM, detail), html(&review, detail)] {
            assert!(told.contains("- before") && told.contains("+ after"), "{around}: {told}");
        }
    }
}

#[test]
fn of_what_is_not_shown_nobody_says_that_it_is_the_same() {
    let one = reviewed(&map("a"), &map("b"), "").applications.remove(0);
    let mut review = reviewed(&map("a"), &map("b"), "");
    review.applications.push(ApplicationReview { application: "us".to_owned(), ..one });
    let shown = |review: &Review| text(review, Detail::default());
    assert!(shown(&review).contains("the same as those of shop"));
    review.applications[1].left_out.resources = 2;
    let told = shown(&review);
    assert!(!told.contains("the same as those of") && told.contains("not shown, as asked for: 2 resources"), "{told}");
}

#[test]
fn each_part_that_is_left_out_has_its_line() {
    let text = |value: &str| {
        let one = |at: usize| {
            let name = format!("{}-{at}", "n".repeat(200));
            let image = format!("image: 'acme/{name}:{value}'");
            let pod =
                format!("template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, {image}}}]}}}}");
            format!(
                "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec: {{replicas: 1, {pod}}}\n"
            )
        };
        World::new(&(0..60).map(one).collect::<String>())
    };
    let told = markdown(&reviewed(&text("1"), &text("2"), ""), LEAST_ROOM, Detail::default());
    let left_out: Vec<&str> = told.lines().filter(|line| line.starts_with("- ") && line.contains(" of ")).collect();
    for section in ["risks", "versions", "restarts", "causes", "changes"] {
        assert!(left_out.iter().any(|line| line.contains(&format!(" of {section}"))), "{section} in {told}");
    }
    assert!(told.chars().count() <= LEAST_ROOM, "{}", told.chars().count());
}

#[test]
fn sarif_has_a_rule_for_each_result() {
    let sarif = sarif(&reviewed(&map("a"), &map("b"), ""), "1.2.3");
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules: Vec<_> =
        run["tool"]["driver"]["rules"].as_array().expect("rules").iter().map(|rule| &rule["id"]).collect();
    for result in run["results"].as_array().expect("results") {
        assert!(rules.contains(&&result["ruleId"]), "{result}");
        assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "deploy/a.yaml");
    }
}

#[test]
fn one_field_in_many_places_is_one_cause() {
    let many = |value: &str| {
        let one = |at: usize| {
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{at}}}\ndata: {{k: {value}}}\n")
        };
        World::new(&(0..7).map(one).collect::<String>())
    };
    let told = text(&reviewed(&many("a"), &many("b"), ""), Detail::default());
    assert!(told.contains("deploy/a.yaml:5 and 6 more places  data.k → 7 ConfigMaps"), "{told}");
    assert_eq!(told.matches("data.k").count(), 2, "once as a cause, once as a change: {told}");
}
