//! What health checks in Lua may call.
//!
//! In: a machine with tables, texts and numbers. Out: the same without what loads code or makes any (`load`, `dofile`,
//! `string.dump`), and with what Argo CD's scripts know: the clock of its `os` (`time`, `date`, in UTC), `require` of what
//! is there, and what Lua 5.2 has dropped (`unpack`, `table.getn`, `math.mod`, `string.gfind`). `print` prints nothing.
//!
//! Argo CD itself withholds texts and numbers from scripts without `useOpenLibs`. Nothing depends on their absence.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use mlua::{Function, Lua, Table, Value, Variadic};

/// Globals that are gone: they load code, or tell of the machine.
const GONE: &[&str] = &["collectgarbage", "dofile", "load", "loadfile", "loadstring", "module", "package"];

/// Days of a date are found fast, whatever the script asks for.
const MOST: i64 = 400 * 366 * 86_400 * 100;

pub(super) fn install(lua: &Lua) -> mlua::Result<()> {
    let globals = lua.globals();
    for name in GONE {
        globals.raw_set(*name, Value::Nil)?;
    }
    let (table, string): (Table, Table) = (globals.raw_get("table")?, globals.raw_get("string")?);
    let math: Table = globals.raw_get("math")?;
    string.raw_set("dump", Value::Nil)?;
    globals.raw_set("unpack", table.raw_get::<Function>("unpack")?)?;
    table.raw_set("getn", lua.create_function(|_, table: Table| Ok(table.raw_len()))?)?;
    string.raw_set("gfind", string.raw_get::<Function>("gmatch")?)?;
    math.raw_set("mod", math.raw_get::<Function>("fmod")?)?;
    let os = lua.create_table()?;
    os.raw_set("time", lua.create_function(|_, fields: Option<Table>| time(fields.as_ref()))?)?;
    os.raw_set("date", lua.create_function(date)?)?;
    globals.raw_set("os", os)?;
    globals.raw_set("print", lua.create_function(|_, _: Variadic<Value>| Ok(()))?)?;
    globals.raw_set("require", lua.create_function(require)?)
}

/// The libraries that are there anyway.
fn require(lua: &Lua, name: String) -> mlua::Result<Table> {
    if matches!(name.as_str(), "math" | "os" | "string" | "table") {
        return lua.globals().raw_get(name);
    }
    Err(mlua::Error::runtime(format!("there is no library {name}")))
}

/// Now, or the time that a table of fields means, in seconds since 1970. Fields may be too large: January 32 is February 1.
fn time(fields: Option<&Table>) -> mlua::Result<i64> {
    let Some(fields) = fields else { return Ok(Timestamp::now().as_second()) };
    let field = |name: &str, default: Option<i64>| {
        let given: Option<f64> = fields.raw_get(name)?;
        #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused next")]
        let given = given.filter(|number| number.is_finite()).map(|number| number as i64);
        let found = given.or(default).filter(|number| number.abs() <= MOST);
        found.ok_or_else(|| mlua::Error::runtime(format!("field '{name}' of a time is missing or too large")))
    };
    let (year, month) = (field("year", None)?, field("month", None)? - 1);
    let day = field("day", None)?;
    let (hour, minute, second) = (field("hour", Some(12))?, field("min", Some(0))?, field("sec", Some(0))?);
    let days = days_before(year + month.div_euclid(12), month.rem_euclid(12)) + day - 1;
    Ok(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970 to the first of a month, which counts from 0.
fn days_before(year: i64, month: i64) -> i64 {
    // Years begin in March here, so that the day that is sometimes missing is their last.
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let leap_days = of_era / 4 - of_era / 100;
    era * 146_097 + of_era * 365 + leap_days + (153 * month + 2) / 5 - 719_468
}

/// A time as text, or as a table for `*t`.
fn date(lua: &Lua, (format, seconds): (Option<String>, Option<f64>)) -> mlua::Result<Value> {
    #[expect(clippy::cast_possible_truncation, reason = "what is out of range is refused next")]
    let time = seconds.map_or_else(|| Ok(Timestamp::now()), |seconds| Timestamp::from_second(seconds as i64));
    let time = time.map_err(|_| mlua::Error::runtime("that time is out of range"))?.to_zoned(TimeZone::UTC);
    let format = format.unwrap_or_else(|| "%c".to_owned());
    let format = format.trim_start_matches('!');
    if format.starts_with("*t") {
        return table(lua, &time).map(Value::Table);
    }
    let text = jiff::fmt::strtime::format(format, &time).map_err(|error| mlua::Error::runtime(error.to_string()))?;
    Ok(Value::String(lua.create_string(text)?))
}

fn table(lua: &Lua, time: &Zoned) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("year", time.year())?;
    for (name, number) in [("month", time.month()), ("day", time.day()), ("hour", time.hour())] {
        table.raw_set(name, number)?;
    }
    for (name, number) in [("min", time.minute()), ("sec", time.second())] {
        table.raw_set(name, number)?;
    }
    table.raw_set("wday", time.weekday().to_sunday_one_offset())?;
    table.raw_set("yday", time.day_of_year())?;
    table.raw_set("isdst", false)?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_calendars_do() {
        let mut expected = jiff::civil::date(1968, 1, 1);
        while expected.year() < 2104 {
            let days = days_before(i64::from(expected.year()), i64::from(expected.month()) - 1);
            let first = jiff::civil::date(1970, 1, 1).until((jiff::Unit::Day, expected)).expect("in range").get_days();
            assert_eq!(days, i64::from(first), "{expected}");
            expected = expected.checked_add(jiff::Span::new().months(1)).expect("in range");
        }
    }
}
