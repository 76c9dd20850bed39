//! Checks that try to get out, to use everything up, or to lie.
//!
//! Each leaves the rules usable: what is asked next gets its answer. Nothing here depends on how fast the machine is, but
//! for what is endless, which is stopped.

use kubectl_gitops::health::Rules;
use serde_json::{Value, json};

use crate::world::{line, rules, scripts};

fn queue() -> Value {
    json!({"apiVersion": "a.io/v1", "kind": "Queue", "metadata": {"name": "q"}, "status": {"phase": "Up"}})
}

fn other() -> Value {
    json!({"apiVersion": "a.io/v1", "kind": "Other", "metadata": {"name": "o"}})
}

/// A script for queues, and a harmless one beside it.
fn beside(script: &str) -> Rules {
    scripts(&[("a.io/Queue", script), ("a.io/Other", "return {status = 'Healthy', message = 'still here'}")])
}

#[test]
fn what_leads_out_is_not_there() {
    for (script, says) in [
        ("os.execute('touch /tmp/out')", "attempt to call field 'execute' (a nil value)"),
        ("return io.open('/etc/passwd'):read('*a')", "attempt to index global 'io' (a nil value)"),
        ("return load('return 1')()", "attempt to call global 'load' (a nil value)"),
        ("return loadstring('return 1')()", "attempt to call global 'loadstring' (a nil value)"),
        ("return dofile('/etc/passwd')", "attempt to call global 'dofile' (a nil value)"),
        ("return string.dump(print)", "attempt to call field 'dump' (a nil value)"),
        ("return require('io').popen('id')", "there is no library io"),
        ("return package.loadlib('/lib/libc.so.6', 'system')", "attempt to index global 'package' (a nil value)"),
        ("return debug.getregistry()", "attempt to index global 'debug' (a nil value)"),
        ("return os.getenv('HOME')", "attempt to call field 'getenv' (a nil value)"),
        ("return getmetatable('').__index.dump(print)", "attempt to call field 'dump' (a nil value)"),
        ("os.exit(0)", "attempt to call field 'exit' (a nil value)"),
    ] {
        let rules = beside(script);
        let said = line(&rules, &queue());
        let is_told = said.starts_with("Unknown (waiting) its health check is wrong: ") && said.ends_with(says);
        assert!(is_told, "{script}: {said}");
        assert_eq!(line(&rules, &other()), "Healthy (ready) still here", "{script}");
    }
}

#[test]
fn what_is_endless_is_stopped() {
    // The first is stopped by its own clock; the others are deaf to it, and are stopped with their process.
    for (script, says) in [
        ("while true do end", "it computed longer than 1 s"),
        ("while true do pcall(function() while true do end end) end", "it used more than 2 s of processor time"),
        ("return ('a'):rep(100000):find(('a*'):rep(100) .. 'b')", "it used more than 2 s of processor time"),
    ] {
        let rules = beside(script);
        let said = line(&rules, &queue());
        assert_eq!(said, format!("Unknown (waiting) its health check is wrong: {says}"), "{script}");
        assert_eq!(line(&rules, &other()), "Healthy (ready) still here", "{script}");
    }
}

#[test]
fn a_check_that_was_stopped_twice_is_not_asked_again() {
    let rules = beside("while true do pcall(function() while true do end end) end");
    let said = [0; 4].map(|_| line(&rules, &queue()));
    assert!(said[0].ends_with("it used more than 2 s of processor time") && said[0] == said[1], "{said:?}");
    assert!(said[2].ends_with("it was stopped 2 times, and is not asked again") && said[2] == said[3], "{said:?}");
    assert_eq!(line(&rules, &other()), "Healthy (ready) still here");
}

#[test]
fn what_is_too_much_is_refused() {
    for (script, says) in [
        ("return ('x'):rep(1e9)", "it took more than 64 MiB of memory"),
        ("local t = {} for i = 1, 1e9 do t[i] = {} end", "it took more than 64 MiB of memory"),
        ("local s = 'x' while true do s = s .. s end", "it took more than 64 MiB of memory"),
    ] {
        let rules = beside(script);
        assert!(line(&rules, &queue()).ends_with(says), "{script}: {}", line(&rules, &queue()));
        assert_eq!(line(&rules, &other()), "Healthy (ready) still here", "{script}");
    }
    let long = beside("return {status = 'Healthy', message = ('x'):rep(10000000)}");
    let health = long.assess(&queue());
    assert_eq!((health.status.to_string().as_str(), health.message.chars().count()), ("Healthy", 300));
    let deep = beside("local function f(n) return f(n + 1) + 1 end return f(0)");
    assert!(line(&deep, &queue()).starts_with("Unknown (waiting) its health check is wrong: "));
    assert_eq!(line(&deep, &other()), "Healthy (ready) still here");
}

#[test]
fn what_is_returned_is_not_believed() {
    for (script, says) in [
        ("return 42", "it returned a number, not a table with status and message"),
        ("", "it returned nothing, not a table with status and message"),
        ("return {status = 'Great'}", "it returned the status \"Great\", which is none"),
        ("return {status = {}}", "it returned a status that is a table"),
        ("return {status = 'Healthy', message = print}", "it returned a message that is a function"),
        (
            "return setmetatable({}, {__index = function() while true do end end})",
            "it returned a status that is nothing",
        ),
        ("return setmetatable({status = 1}, {__tostring = error})", "it returned a status that is a number"),
    ] {
        let said = line(&beside(script), &queue());
        assert_eq!(said, format!("Unknown (waiting) its health check is wrong: {says}"), "{script}");
    }
    let colours = beside("return {status = 'Degraded', message = '\\27[31mred\\27[0m\\n\\7' .. '\\226\\128\\174'}");
    assert_eq!(line(&colours, &queue()), "Degraded (waiting) [31mred[0m", "nothing that steers a terminal");
    let broken = beside("return {status = 'Degraded', message = '\\255\\254'}");
    assert_eq!(line(&broken, &queue()), "Degraded (waiting) \u{fffd}\u{fffd}");
}

#[test]
fn one_evaluation_leaves_nothing_for_the_next() {
    let rules = beside("seen = (seen or 0) + 1 string.rep = nil return {status = 'Healthy', message = tostring(seen)}");
    for _ in 0..3 {
        assert_eq!(line(&rules, &queue()), "Healthy (ready) 1");
    }
}

#[test]
fn an_expression_that_does_not_end_is_stopped() {
    let ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let busy = (0..12).fold("true".to_owned(), |inner, number| format!("{ten}.all(x{number}, {inner})"));
    let file = json!({"healthCheckExprs": [
        {"apiVersion": "a.io/v1", "kind": "Queue", "current": busy},
        {"apiVersion": "a.io/v1", "kind": "Other", "current": "metadata.name == 'o'"},
    ]});
    let rules = rules(&file.to_string());
    let said = line(&rules, &queue());
    assert_eq!(said, "Unknown (waiting) its health check is wrong: it used more than 2 s of processor time");
    assert_eq!(line(&rules, &other()), "Healthy (ready)");
}

#[test]
fn a_sandbox_that_cannot_be_started_is_told() {
    let mut checks = kubectl_gitops::health::Checks::default();
    checks.add("a", br"resourceCustomizations: {a.io/Queue: {health.lua: x}}").expect("checks");
    let nowhere = gitops_compiler::sandbox::Sandbox::new("/nonexistent", "/nonexistent");
    let rules = Rules::new(checks, Ok(nowhere));
    assert_eq!(line(&rules, &queue()), "Unknown (waiting) its health check is wrong: the sandbox cannot be started");
    assert_eq!(line(&rules, &other()), "Healthy (ready)", "what has no check needs none");
}
