//! Evaluations that end by themselves; those that do not are for the test `health`, where they can be stopped.

use serde_json::json;

use super::*;

fn lua(script: &str) -> String {
    let object =
        json!({"kind": "Queue", "spec": {"list": [1, null, "b"], "none": null}, "status": {"phase": "Up", "count": 3}});
    match evaluate(&Script::Lua(script.to_owned()), &object) {
        Said::Health { status, message } => format!("{status} {message}"),
        other => format!("{other:?}"),
    }
}

/// What an expression in Lua gives, as text.
fn value(expression: &str) -> String {
    let said = lua(&format!("return {{status = 'Healthy', message = tostring({expression})}}"));
    said.strip_prefix("Healthy ").map_or(said.clone(), str::to_owned)
}

#[test]
fn a_script_returns_status_and_message() {
    assert_eq!(lua("hs = {} hs.status = 'Degraded' hs.message = obj.status.phase return hs"), "Degraded Up");
    assert_eq!(lua("return {status = 'Suspended'}"), "Suspended ");
    assert_eq!(lua("return {status = 'Missing', message = 3}"), "Missing 3");
    for (script, wrong) in [
        ("", "it returned nothing, not a table with status and message"),
        ("return 'Healthy'", "it returned a text, not a table with status and message"),
        ("return {}", "it returned a status that is nothing"),
        ("return {status = 'healthy'}", "it returned the status \"healthy\", which is none"),
        ("return {status = 'Healthy', message = {}}", "it returned a message that is a table"),
        (
            "return setmetatable({}, {__index = function() return 'Healthy' end})",
            "it returned a status that is nothing",
        ),
        ("error('no')", "health.lua:1: no"),
        ("error({})", "it raised a table"),
        ("return obj.status.a.b", "health.lua:1: attempt to index field 'a' (a nil value)"),
        ("return {", "health.lua:1: unexpected symbol near <eof>"),
        ("\u{1b}Lua", "attempt to load a binary chunk"),
    ] {
        let said = lua(script);
        assert!(said.starts_with(&format!("Wrong({wrong:?}")[..7 + wrong.len()]), "{script}: {said}");
    }
}

#[test]
fn an_object_is_as_argo_cd_gives_it() {
    assert_eq!(value("obj.spec.none"), "nil");
    assert_eq!(value("#obj.spec.list"), "2", "what is null is not there");
    assert_eq!(value("obj.status.count"), "3");
    assert_eq!(value("obj.status.count / 2"), "1.5");
}

#[test]
fn the_dialect_of_argo_cd() {
    for (expression, expected) in [
        ("table.getn({1, 2})", "2"),
        ("select('#', unpack({1, 2, 3}))", "3"),
        ("math.mod(7, 4)", "3"),
        ("string.gfind('ab', '.')()", "a"),
        ("('a-b'):gsub('-', '+')", "a+b"),
        ("require('os').time({year = 2024, month = 2, day = 30, hour = 0})", "1709251200"),
        ("os.time({year = 2024, month = 2, day = 29, hour = '12'})", "1709208000"),
        ("os.date('!%Y-%m-%dT%H:%M:%SZ', 0)", "1970-01-01T00:00:00Z"),
        ("os.date('*t', 86399).min", "59"),
        ("os.time() > 1700000000", "true"),
        ("select('#', print('a'))", "0"),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    assert_eq!(lua("goto done ::done:: return {status = 'Healthy'}"), "Healthy ");
}

#[test]
fn nothing_leads_out() {
    for gone in [
        "io",
        "debug",
        "load",
        "loadstring",
        "loadfile",
        "dofile",
        "package",
        "coroutine",
        "collectgarbage",
        "jit",
        "ffi",
        "os.execute",
        "os.getenv",
        "os.exit",
        "os.remove",
        "os.rename",
        "os.tmpname",
        "os.clock",
        "string.dump",
        "module",
        "_G.io",
        "_G['os'].popen",
        "getmetatable('').__index.dump",
    ] {
        assert_eq!(value(gone), "nil", "{gone}");
    }
    assert!(lua("require('io')").contains("there is no library io"));
    assert!(lua("return ('x'):rep(1e9)").contains("64 MiB"), "{}", lua("return ('x'):rep(1e9)"));
    assert!(lua("local t = {} for i = 1, 1e9 do t[i] = {} end").contains("64 MiB"));
    assert!(lua("local function f() return f() + 1 end return f()").starts_with("Wrong"));
    assert!(lua("return ('a'):rep(300000):find(('(a*'):rep(30))").starts_with("Wrong"));
    assert!(lua("while true do end").contains("computed longer than 1 s"));
    assert!(lua("return os.date('%Q')").starts_with("Wrong"));
    assert!(lua("return os.time({year = 1e300, month = 1, day = 1})").contains("too large"));
}

#[test]
fn nothing_is_left_for_the_next() {
    assert_eq!(lua("x = 1 string.find = nil getmetatable('').__index = {} return {status = 'Healthy'}"), "Healthy ");
    assert_eq!(value("x"), "nil");
    assert_eq!(value("('ab'):find('b')"), "2");
}

fn cel(expressions: [Option<&str>; 3]) -> Said {
    let [in_progress, failed, current] = expressions.map(|it| it.map(str::to_owned));
    let expressions = Expressions { in_progress, failed, current: current.unwrap_or_default() };
    let conditions = json!([{"type": "Ready", "status": "False"}]);
    let object = json!({"kind": "Queue", "metadata": {"generation": 2}, "status": {"conditions": conditions}});
    evaluate(&Script::Cel(expressions), &object)
}

#[test]
fn conditions_are_asked_in_the_order_of_flux() {
    let is = |status: &str| format!("status.conditions.exists(e, e.type == 'Ready' && e.status == '{status}')");
    let (yes, no) = (is("False"), is("True"));
    assert_eq!(cel([Some(&yes), Some(&yes), Some(&yes)]), Said::Holds(Some(Condition::InProgress)));
    assert_eq!(cel([Some(&no), Some(&yes), Some(&yes)]), Said::Holds(Some(Condition::Failed)));
    assert_eq!(cel([None, None, Some(&yes)]), Said::Holds(Some(Condition::Current)));
    assert_eq!(cel([None, Some(&no), Some(&no)]), Said::Holds(None));
}

#[test]
fn flux_s_expressions_are_understood() {
    for expression in [
        "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'False')",
        "has(status.conditions) && !has(status.phase)",
        "status.?phase.orValue('none') == 'none'",
        "status.?conditions.orValue([]).exists(e, e.?reason.orValue('') == '')",
        "status.?a.?b.hasValue() == false",
        "metadata.generation == 2",
        "kind.startsWith('Q') && size(status.conditions) == 1",
        "status.conditions.map(e, e.type)[0] == 'Ready'",
    ] {
        assert_eq!(cel([None, None, Some(expression)]), Said::Holds(Some(Condition::Current)), "{expression}");
    }
}

#[test]
fn an_expression_that_is_wrong_is_told() {
    for (expression, expected) in [
        ("status.phase == 'Up'", "current: No such key: phase"),
        ("'yes'", "current: it gives string, not true or false"),
        ("nothing.a", "current: Undeclared reference to 'nothing'"),
    ] {
        assert_eq!(cel([None, None, Some(expression)]), Said::Wrong(expected.to_owned()));
    }
}

#[test]
fn questions_are_answered_line_by_line() {
    let question = |number: u64, script: &str| {
        let check = Script::Lua(script.to_owned());
        json!({"number": number, "content": Question { check, object: json!({"a": "\n"}) }}).to_string()
    };
    let asked = format!("{}\n{}\n", question(1, "return {status = 'Healthy', message = obj.a}"), question(2, "("));
    let mut answers = Vec::new();
    work(&mut asked.as_bytes(), &mut answers).expect("answers");
    let answers = String::from_utf8(answers).expect("text");
    let lines: Vec<&str> = answers.lines().collect();
    assert_eq!(lines[0], r#"{"number":1,"content":{"health":{"status":"Healthy","message":"\n"}}}"#);
    assert!(lines[1].starts_with(r#"{"number":2,"content":{"wrong":"#) && lines.len() == 2, "{answers}");
    assert!(work(&mut &b"{}\n"[..], &mut Vec::new()).is_err());
}
