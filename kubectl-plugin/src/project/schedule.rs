//! Schedules of sync windows, as the library that Argo CD uses reads them (robfig/cron 3, five fields).
//!
//! In: text. Out: a [`Schedule`], which says when it comes next. Its rules, where others differ: `?` is `*`; `N/S` goes
//! on to the end of the field; 7 is no Sunday; names of months and days have three letters in any case; where days of the
//! month and days of the week are both restricted, either will do, and `*` (but not `*/2`) restricts nothing;
//! `@daily` and its like are not read; a time zone may stand in front as `CRON_TZ=`.
//!
//! Times are on the wall: the shift of a zone is taken from the moment that is looked at, so there are no missing hours.

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};

/// Longer text is no schedule.
const LONGEST: usize = 512;

/// A schedule that comes in no five years never comes.
const YEARS: i16 = 5;

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Minutes, hours and days at which a window opens, a bit for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day must fit both by its number and by its name.
    needs_both: bool,
    /// The zone that stands in front.
    pub(super) zone: Option<String>,
}

/// A field: what it is called, its bounds, and names for numbers from the lowest on.
struct Field {
    called: &'static str,
    lowest: u32,
    highest: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { called: "minutes", lowest: 0, highest: 59, names: &[] },
    Field { called: "hours", lowest: 0, highest: 23, names: &[] },
    Field { called: "days", lowest: 1, highest: 31, names: &[] },
    Field { called: "months", lowest: 1, highest: 12, names: MONTHS },
    Field { called: "days of the week", lowest: 0, highest: 6, names: WEEKDAYS },
];

impl Schedule {
    /// Reads a schedule.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("`{text}` is no schedule: {why}");
        if text.len() > LONGEST {
            return Err(format!("a schedule has at most {LONGEST} characters"));
        }
        let (zone, fields) = zone_in_front(text).map_err(&wrong)?;
        if fields.starts_with('@') {
            return Err(wrong("words like @daily are not read: write `0 0 * * *`".to_owned()));
        }
        let words: Vec<&str> = fields.split_whitespace().collect();
        let words: [&str; 5] = words
            .try_into()
            .map_err(|words: Vec<&str>| wrong(format!("it has {} fields, and 5 are needed", words.len())))?;
        let mut bits = [0; 5];
        let mut stars = [false; 5];
        for (index, (word, field)) in words.iter().zip(&FIELDS).enumerate() {
            (bits[index], stars[index]) =
                field.read(word).map_err(|why| wrong(format!("{} `{word}`: {why}", field.called)))?;
        }
        let [minutes, hours, days, months, weekdays] = bits;
        let needs_both = stars[2] || stars[4];
        let schedule = Self { minutes, hours, days, months, weekdays, needs_both, zone };
        // Eight years have every day that there is.
        let someday = [1999, 2003].iter().any(|year| schedule.next(Date::constant(*year, 1, 1).into()).is_some());
        if someday { Ok(schedule) } else { Err(wrong("there is no such day".to_owned())) }
    }

    /// When it comes next, after a moment.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        let minute = after.time().with().second(0).subsec_nanosecond(0).build().ok()?;
        let from = after.date().to_datetime(minute).checked_add(Span::new().minutes(1)).ok()?;
        let last = after.year().checked_add(YEARS)?;
        let (mut date, mut since) = (from.date(), from.time());
        while date.year() <= last {
            if self.months & bit(date.month()) == 0 {
                date = date.first_of_month().checked_add(Span::new().months(1)).ok()?;
            } else {
                if self.has_day(date)
                    && let Some(time) = self.time_of_day(since)
                {
                    return Some(date.to_datetime(time));
                }
                date = date.tomorrow().ok()?;
            }
            since = Time::midnight();
        }
        None
    }

    fn has_day(&self, date: Date) -> bool {
        let by_number = self.days & bit(date.day()) != 0;
        let by_name = self.weekdays & bit(date.weekday().to_sunday_zero_offset()) != 0;
        if self.needs_both { by_number && by_name } else { by_number || by_name }
    }

    /// The first time of a day that is not before another.
    fn time_of_day(&self, since: Time) -> Option<Time> {
        let first = |bits: u64, from: i8| (from..60).find(|number| bits & bit(*number) != 0);
        let hour = first(self.hours, since.hour())?;
        if hour == since.hour()
            && let Some(minute) = first(self.minutes, since.minute())
        {
            return Time::new(hour, minute, 0, 0).ok();
        }
        let hour = if hour == since.hour() { first(self.hours, hour + 1)? } else { hour };
        Time::new(hour, first(self.minutes, 0)?, 0, 0).ok()
    }
}

impl Field {
    /// The numbers that a list of ranges stands for, and whether there is a `*` in it.
    fn read(&self, text: &str) -> Result<(u64, bool), String> {
        let mut all = (0, false);
        for range in text.split(',').filter(|range| !range.is_empty()) {
            let (bits, star) = self.range(range)?;
            all = (all.0 | bits, all.1 || star);
        }
        Ok(all)
    }

    fn range(&self, text: &str) -> Result<(u64, bool), String> {
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        let (from, to) = range.split_once('-').map_or((range, None), |(from, to)| (from, Some(to)));
        let star = from == "*" || from == "?";
        let (from, to) = match to {
            _ if star => (self.lowest, self.highest),
            Some(to) => (self.number(from)?, self.number(to)?),
            None if step.is_some() => (self.number(from)?, self.highest),
            None => (self.number(from)?, self.number(from)?),
        };
        let step: u32 = step.map_or(Ok(1), |step| step.parse().map_err(|_| format!("`{step}` is no number")))?;
        if from < self.lowest || to > self.highest {
            return Err(format!("only {} to {} are there", self.lowest, self.highest));
        }
        if from > to {
            return Err("a range goes up".to_owned());
        }
        let step = usize::try_from(step).ok().filter(|step| *step > 0).ok_or("a step is not 0")?;
        Ok(((from..=to).step_by(step).fold(0, |bits, number| bits | 1 << number), star && step == 1))
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let named = (self.lowest..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text));
        named.map_or_else(|| text.parse().map_err(|_| format!("`{text}` is no number")), |(number, _)| Ok(number))
    }
}

/// `CRON_TZ=Europe/Berlin 0 9 * * *`.
fn zone_in_front(text: &str) -> Result<(Option<String>, &str), String> {
    let Some(rest) = text.strip_prefix("CRON_TZ=").or_else(|| text.strip_prefix("TZ=")) else {
        return Ok((None, text));
    };
    let (zone, fields) = rest.split_once(' ').ok_or("nothing follows the time zone")?;
    Ok((Some(zone.to_owned()), fields.trim()))
}

fn bit(number: i8) -> u64 {
    u32::try_from(number).map_or(0, |number| 1 << number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime {
        text.parse().expect("a moment")
    }

    #[test]
    fn schedules_come_when_cron_says() {
        // 2026-11-26 is a Thursday.
        for (schedule, after, next) in [
            ("* * * * *", "2026-11-26T10:00:00", "2026-11-26T10:01:00"),
            ("* * * * *", "2026-11-26T10:00:59.5", "2026-11-26T10:01:00"),
            ("0 9 * * *", "2026-11-26T08:59:59", "2026-11-26T09:00:00"),
            ("0 9 * * *", "2026-11-26T09:00:00", "2026-11-27T09:00:00"),
            ("*/15 * * * *", "2026-11-26T10:46:00", "2026-11-26T11:00:00"),
            ("5/20 * * * *", "2026-11-26T10:26:00", "2026-11-26T10:45:00"),
            ("30 22 * * mon-FRI", "2026-11-27T22:30:00", "2026-11-30T22:30:00"),
            ("0 0 ? * ?", "2026-11-26T10:00:00", "2026-11-27T00:00:00"),
            ("0 0 1,15 * *", "2026-11-26T10:00:00", "2026-12-01T00:00:00"),
            // Either the 13th or a Friday.
            ("0 0 13 * 5", "2026-11-26T10:00:00", "2026-11-27T00:00:00"),
            ("0 0 13 * 5", "2026-12-12T10:00:00", "2026-12-13T00:00:00"),
            // Both: `*` restricts nothing.
            ("0 0 13 * *", "2026-11-26T10:00:00", "2026-12-13T00:00:00"),
            // `*/2` restricts: an odd day or a Friday.
            ("0 0 */2 * 5", "2026-11-26T10:00:00", "2026-11-27T00:00:00"),
            ("0 0 */2 * 5", "2026-11-27T10:00:00", "2026-11-29T00:00:00"),
            ("0 0 29 feb *", "2026-11-26T10:00:00", "2028-02-29T00:00:00"),
            ("59 23 31 12 *", "2026-12-31T23:59:00", "2027-12-31T23:59:00"),
            ("0 8-10 * * *", "2026-11-26T10:00:01", "2026-11-27T08:00:00"),
            ("1,,2 * * * *", "2026-11-26T10:00:00", "2026-11-26T10:01:00"),
        ] {
            let read = Schedule::read(schedule).expect("a schedule");
            assert_eq!(read.next(at(after)), Some(at(next)), "{schedule} after {after}");
        }
    }

    #[test]
    fn a_zone_may_stand_in_front() {
        let schedule = Schedule::read("CRON_TZ=Europe/Berlin 0 9 * * *").expect("a schedule");
        assert_eq!(schedule.zone.as_deref(), Some("Europe/Berlin"));
        assert!(Schedule::read("TZ=UTC").is_err());
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (schedule, why) in [
            ("", "0 fields"),
            ("* * * *", "4 fields"),
            ("* * * * * *", "6 fields"),
            ("@daily", "0 0 * * *"),
            ("60 * * * *", "minutes `60`: only 0 to 59"),
            ("* * 0 * *", "days `0`: only 1 to 31"),
            ("* * * * 7", "days of the week `7`: only 0 to 6"),
            ("* * * * sunday", "`sunday` is no number"),
            ("5-1 * * * *", "goes up"),
            ("*/0 * * * *", "step"),
            ("1/2/3 * * * *", "no number"),
            ("1-2-3 * * * *", "no number"),
            ("-1 * * * *", "no number"),
            ("0 0 30 2 *", "no such day"),
            (", * * * *", "no such day"),
        ] {
            let told = Schedule::read(schedule).expect_err(schedule);
            assert!(told.contains(why), "{schedule}: {told}");
        }
        assert!(Schedule::read(&"1,".repeat(300)).is_err());
    }
}
