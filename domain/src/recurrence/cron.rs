//! Cron expressions, lowered into rules.
//!
//! Day of month and day of week, both restricted, are alternatives (POSIX crontab): two rules. An
//! hour field that begins with `*` runs in absolute time, so a DST gap loses nothing and a fold is
//! run through twice; with named hours the clock decides, each time once (as in Vixie cron).

use super::{
    parts::shown,
    preset::Weekday,
    rrule::{Frequency, NthWeekday, Rule},
};

const LONGEST: usize = 200;

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of numbers.
struct Field {
    name: &'static str,
    least: u8,
    most: u8,
    names: &'static [&'static str],
}

const SECOND: Field = field("second", 0, 59, &[]);
const MINUTE: Field = field("minute", 0, 59, &[]);
const HOUR: Field = field("hour", 0, 23, &[]);
const DAY: Field = field("day of month", 1, 31, &[]);
const MONTH: Field = field("month", 1, 12, &MONTHS);
const WEEKDAY: Field = field("day of week", 0, 7, &WEEKDAYS);

const fn field(name: &'static str, least: u8, most: u8, names: &'static [&'static str]) -> Field {
    Field {
        name,
        least,
        most,
        names,
    }
}

impl Field {
    fn number(&self, text: &str) -> Result<u8, String> {
        if let Some(place) = self.names.iter().position(|n| n.eq_ignore_ascii_case(text)) {
            // Months are named from 1, weekdays from 0: each from its least.
            return Ok(self.least + place as u8);
        }
        let digits =
            !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number
            .filter(|n| (self.least..=self.most).contains(n))
            .ok_or_else(|| {
                format!(
                    "{} in the field for the {} is not a number from {} to {}",
                    shown(text),
                    self.name,
                    self.least,
                    self.most
                )
            })
    }

    /// `*`, `a`, `a-b`, each with `/step`; ends are included.
    fn range(&self, item: &str) -> Result<impl Iterator<Item = u8> + use<>, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let wrong = || {
                    format!(
                        "the step in {} for the {} must be a number from 1 to {}",
                        shown(item),
                        self.name,
                        self.most
                    )
                };
                let digits = step.len() <= 2 && step.bytes().all(|b| b.is_ascii_digit());
                let step: u8 = if digits { step.parse().ok() } else { None }
                    .filter(|n| (1..=self.most).contains(n))
                    .ok_or_else(wrong)?;
                (range, Some(step))
            }
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            // Sunday is 0 here; its other name, 7, would name it twice.
            None if range == "*" || range == "?" => (
                self.least,
                self.most.min(if self.least == 0 && self.most == 7 {
                    6
                } else {
                    self.most
                }),
            ),
            None => {
                let from = self.number(range)?;
                // `a/n` runs to the end of the field.
                (from, if step.is_some() { self.most } else { from })
            }
            Some((from, to)) => (self.number(from)?, self.number(to)?),
        };
        if from > to {
            return Err(format!(
                "the range {} for the {} runs backwards; write the lower end first",
                shown(range),
                self.name
            ));
        }
        Ok((from..=to).step_by(usize::from(step.unwrap_or(1))))
    }

    fn list(&self, text: &str) -> Result<Vec<u8>, String> {
        let mut found = Vec::new();
        for item in text.split(',') {
            found.extend(self.range(item)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}

fn is_any(text: &str) -> bool {
    text == "*" || text == "?"
}

/// The rules of a cron expression: one, or two where day of month and day of week alternate.
pub(super) fn rules(text: &str) -> Result<Vec<Rule>, String> {
    if text.len() > LONGEST {
        return Err(format!(
            "the expression is {} bytes long; at most {LONGEST} are taken",
            text.len()
        ));
    }
    let text = text.trim();
    let expanded = match text.to_ascii_lowercase().as_str() {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        named if named.starts_with('@') => {
            return Err(format!(
                "{} is not @yearly, @monthly, @weekly, @daily or @hourly",
                shown(text)
            ));
        }
        _ => text,
    };
    let fields: Vec<&str> = expanded.split_ascii_whitespace().collect();
    let (second, rest) = match fields.len() {
        5 => ("0", &fields[..]),
        6 => (fields[0], &fields[1..]),
        n => {
            return Err(format!(
                "has {n} fields; write five (minute hour day-of-month month day-of-week), or six with seconds first"
            ));
        }
    };
    let [minute, hour, day, month, weekday] = rest else {
        return Err("has the wrong number of fields".into());
    };
    let absolute = hour.starts_with('*');
    let mut rule = Rule::every(if absolute {
        Frequency::Hourly
    } else {
        Frequency::Daily
    });
    rule.by_second = SECOND.list(second)?;
    rule.by_minute = MINUTE.list(minute)?;
    rule.by_hour = HOUR.list(hour)?;
    if absolute && rule.by_hour.len() == 24 {
        rule.by_hour.clear();
    }
    if !is_any(month) {
        rule.by_month = MONTH.list(month)?;
    }
    let days = month_days(day)?;
    let weekdays = weekdays(weekday)?;
    // A field that begins with * restricts together with the other one, not beside it.
    let together = day.starts_with('*') || weekday.starts_with('*');
    Ok(match (days, weekdays) {
        (Some(days), Some(weekdays)) if !together => vec![
            with_days(rule.clone(), days),
            with_weekdays(rule, weekdays)?,
        ],
        (days, weekdays) => {
            if let Some(days) = days {
                rule = with_days(rule, days);
            }
            if let Some(weekdays) = weekdays {
                rule = with_weekdays(rule, weekdays)?;
            }
            vec![rule]
        }
    })
}

fn with_days(mut rule: Rule, days: Vec<i8>) -> Rule {
    rule.by_month_day = days;
    rule
}

fn with_weekdays(mut rule: Rule, weekdays: Vec<NthWeekday>) -> Result<Rule, String> {
    if weekdays.iter().any(|day| day.nth != 0) {
        // Only a monthly rule can count weekdays.
        if rule.freq == Frequency::Hourly {
            return Err(
                "# and L in the field for the day of week need named hours; write an hour such as 9".into(),
            );
        }
        rule.freq = Frequency::Monthly;
    }
    rule.by_day = weekdays;
    Ok(rule)
}

/// The days of the month; `None`: any. `L` is the last.
fn month_days(text: &str) -> Result<Option<Vec<i8>>, String> {
    if is_any(text) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for item in text.split(',') {
        if item.eq_ignore_ascii_case("L") {
            found.push(-1);
        } else {
            found.extend(DAY.range(item)?.map(|day| day as i8));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}

/// The days of the week; `None`: any. `5#2` is the second Friday, `5L` the last.
fn weekdays(text: &str) -> Result<Option<Vec<NthWeekday>>, String> {
    if is_any(text) {
        return Ok(None);
    }
    let day = |number: u8| Weekday::ALL[(usize::from(number) + 6) % 7];
    let mut found = Vec::new();
    for item in text.split(',') {
        if let Some((weekday, nth)) = item.split_once('#') {
            let nth: i8 = nth
                .parse()
                .ok()
                .filter(|n| (1..=5).contains(n))
                .ok_or_else(|| format!("in {} the number after # must be 1 to 5", shown(item)))?;
            let weekday = day(WEEKDAY.number(weekday)?);
            found.push(NthWeekday { nth, weekday });
        } else if let Some(weekday) = item.strip_suffix(['L', 'l']) {
            let weekday = day(WEEKDAY.number(weekday)?);
            found.push(NthWeekday { nth: -1, weekday });
        } else {
            found.extend(WEEKDAY.range(item)?.map(|n| NthWeekday {
                nth: 0,
                weekday: day(n),
            }));
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(Some(found))
}
