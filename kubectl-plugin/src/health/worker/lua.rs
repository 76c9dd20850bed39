//! Argo CD's health checks in Lua.
//!
//! In: a script, and an object, which it finds as `obj`. Out: the status and the message of the table that it returns, or
//! what is wrong with it. Each evaluation has a machine of its own, with the libraries of `library`, 64 MiB of memory, and
//! one second of the processor's time as far as instructions are counted: one search for a pattern is one instruction, however long it
//! takes, so whoever asked must be able to end the process.
//!
//! Scripts are for Argo CD's dialect: Lua 5.1 with `goto`. That is Lua 5.2 with what it has dropped (`library`).

use std::time::Duration;

use mlua::chunk::ChunkMode;
use mlua::{HookTriggers, Lua, LuaOptions, StdLib, Table, Value as LuaValue, VmState};
use serde_json::Value;

use super::library;
use crate::health::Status;

/// As Argo CD has it.
const TIME: Duration = Duration::from_secs(1);
const MEMORY: usize = 64 << 20;
/// How many instructions go between two looks at the clock.
const INSTRUCTIONS: u32 = 10_000;

/// The status and the message that the script returns.
pub(super) fn evaluate(script: &str, object: &Value) -> Result<(Status, String), String> {
    let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH;
    let lua = Lua::new_with(libraries, LuaOptions::default()).map_err(|error| told(&error))?;
    let returned = run(&lua, script, object).map_err(|error| told(&error))?;
    let LuaValue::Table(returned) = returned else {
        return Err(format!("it returned {}, not a table with status and message", kind(&returned)));
    };
    // Read as they are: what a metatable would compute is not asked for.
    let field = |name: &str| returned.raw_get::<LuaValue>(name).map_err(|error| told(&error));
    let status = match field("status")? {
        LuaValue::String(status) => status.to_string_lossy(),
        other => return Err(format!("it returned a status that is {}", kind(&other))),
    };
    let message = match field("message")? {
        LuaValue::Nil => String::new(),
        LuaValue::String(message) => message.to_string_lossy(),
        LuaValue::Number(number) => number.to_string(),
        LuaValue::Integer(number) => number.to_string(),
        other => return Err(format!("it returned a message that is {}", kind(&other))),
    };
    let known = Status::ALL.into_iter().find(|known| known.to_string() == status);
    known.map(|status| (status, message)).ok_or_else(|| format!("it returned the status \"{status}\", which is none"))
}

fn run(lua: &Lua, script: &str, object: &Value) -> mlua::Result<LuaValue> {
    library::install(lua)?;
    let object = value(lua, object)?;
    lua.globals().set("obj", object)?;
    lua.set_memory_limit(lua.used_memory().saturating_add(MEMORY))?;
    let end = computed() + TIME;
    let look = HookTriggers::new().every_nth_instruction(INSTRUCTIONS);
    lua.set_hook(look, move |_, _| {
        if computed() < end { Ok(VmState::Continue) } else { Err(mlua::Error::runtime("it computed longer than 1 s")) }
    })?;
    lua.load(script).set_name("=health.lua").set_mode(ChunkMode::Text).eval()
}

/// How long this process has computed. On the clock a script may also have waited for its turn.
fn computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// An object as Lua has it: what is null is not there, and numbers are floats.
fn value(lua: &Lua, json: &Value) -> mlua::Result<LuaValue> {
    Ok(match json {
        Value::Null => LuaValue::Nil,
        Value::Bool(flag) => LuaValue::Boolean(*flag),
        Value::Number(number) => LuaValue::Number(number.as_f64().unwrap_or_default()),
        Value::String(text) => LuaValue::String(lua.create_string(text)?),
        Value::Array(items) => {
            let table: Table = lua.create_table_with_capacity(items.len(), 0)?;
            for item in items.iter().filter(|item| !item.is_null()) {
                table.raw_push(value(lua, item)?)?;
            }
            LuaValue::Table(table)
        }
        Value::Object(fields) => {
            let table = lua.create_table_with_capacity(0, fields.len())?;
            for (name, field) in fields {
                table.raw_set(name.as_str(), value(lua, field)?)?;
            }
            LuaValue::Table(table)
        }
    })
}

fn kind(value: &LuaValue) -> &'static str {
    match value {
        LuaValue::Nil => "nothing",
        LuaValue::Boolean(_) => "true or false",
        LuaValue::Integer(_) | LuaValue::Number(_) => "a number",
        LuaValue::String(_) => "a text",
        LuaValue::Table(_) => "a table",
        LuaValue::Function(_) => "a function",
        _ => "something else",
    }
}

/// The first line of an error: what follows is the way there.
fn told(error: &mlua::Error) -> String {
    let text = match error {
        mlua::Error::MemoryError(_) => "it took more than 64 MiB of memory".to_owned(),
        mlua::Error::CallbackError { cause, .. } => return told(cause),
        mlua::Error::SyntaxError { message, .. } | mlua::Error::RuntimeError(message) => message.clone(),
        other => other.to_string(),
    };
    // What is raised may be no text; where it lies in memory is no news.
    match text.lines().next().unwrap_or_default() {
        line if line.starts_with("table: 0x") => "it raised a table".to_owned(),
        line => line.to_owned(),
    }
}
