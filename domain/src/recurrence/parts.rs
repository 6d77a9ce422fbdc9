//! Reading RRULE text. Each complaint names the part and says what would be right.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike};

use super::{
    preset::Weekday,
    rrule::{Frequency, NthWeekday, Rule, Until},
};
use crate::task::limits;

/// The largest COUNT: counting walks the rule once.
pub(super) const MAX_COUNT: u32 = 5_000;

const PARTS: &str = "FREQ, INTERVAL, COUNT, UNTIL, WKST, BYSECOND, BYMINUTE, BYHOUR, BYDAY, \
                     BYMONTHDAY, BYYEARDAY, BYWEEKNO, BYMONTH, BYSETPOS";

/// At most this many characters of the input come back in a complaint.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let mut short: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        short.push('…');
    }
    format!("{short:?}")
}

impl FromStr for Rule {
    type Err = String;

    /// Reads `FREQ=…;…`, with or without `RRULE:` before it, in any case and any order of parts.
    ///
    /// # Errors
    /// One sentence that names the part at fault, its place in the text and what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > limits::RULE {
            return Err(format!(
                "the rule is {} bytes long; at most {} are taken",
                text.len(),
                limits::RULE
            ));
        }
        let trimmed = text.trim();
        let body = match trimmed.get(..6) {
            Some(prefix) if prefix.eq_ignore_ascii_case("RRULE:") => &trimmed[6..],
            _ => trimmed,
        };
        if body.is_empty() {
            return Err("the rule is empty; write a rule such as FREQ=WEEKLY;BYDAY=MO".into());
        }
        if body.contains('\n') {
            return Err(
                "one rule on one line is taken; DTSTART goes into start, EXDATE into exclude, RDATE into include".into(),
            );
        }
        let mut rule = Self::every(Frequency::Daily);
        let mut seen: Vec<String> = Vec::new();
        let base = body.as_ptr() as usize - text.as_ptr() as usize;
        let mut offset = base;
        for part in body.split(';') {
            let place = offset + 1;
            offset += part.len() + 1;
            if part.is_empty() {
                // A trailing semicolon is common and harmless.
                continue;
            }
            read(&mut rule, &mut seen, part)
                .map_err(|why| format!("at character {place}, {}: {why}", shown(part)))?;
        }
        if !seen.iter().any(|name| name == "FREQ") {
            return Err("FREQ is missing; begin with FREQ=DAILY, WEEKLY, MONTHLY or YEARLY".into());
        }
        check(&rule)?;
        Ok(rule)
    }
}

fn read(rule: &mut Rule, seen: &mut Vec<String>, part: &str) -> Result<(), String> {
    let Some((name, value)) = part.split_once('=') else {
        return Err("a part is NAME=VALUE, such as FREQ=DAILY".into());
    };
    let name = name.trim().to_ascii_uppercase();
    let value = value.trim().to_ascii_uppercase();
    if seen.contains(&name) {
        return Err(format!("{name} is given twice; once is allowed"));
    }
    match name.as_str() {
        "FREQ" => {
            rule.freq = Frequency::ALL
                .into_iter()
                .find(|freq| freq.as_str() == value)
                .ok_or("write SECONDLY, MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY")?;
        }
        "INTERVAL" => rule.interval = at_least_one(&value, u32::MAX)?,
        "COUNT" => rule.count = Some(at_least_one(&value, MAX_COUNT)?),
        "UNTIL" => rule.until = Some(until(&value)?),
        "WKST" => rule.week_start = value.parse()?,
        "BYSECOND" => {
            rule.by_second = numbers::<u8>(&value, 0, 60, false)?;
            for second in &mut rule.by_second {
                *second = (*second).min(59);
            }
            rule.by_second.dedup();
        }
        "BYMINUTE" => rule.by_minute = numbers(&value, 0, 59, false)?,
        "BYHOUR" => rule.by_hour = numbers(&value, 0, 23, false)?,
        "BYDAY" => rule.by_day = weekdays(&value)?,
        "BYMONTHDAY" => rule.by_month_day = numbers(&value, 1, 31, true)?,
        "BYYEARDAY" => rule.by_year_day = numbers(&value, 1, 366, true)?,
        "BYWEEKNO" => rule.by_week_no = numbers(&value, 1, 53, true)?,
        "BYMONTH" => rule.by_month = numbers(&value, 1, 12, false)?,
        "BYSETPOS" => rule.by_set_pos = numbers(&value, 1, 366, true)?,
        "DTSTART" | "EXDATE" | "RDATE" => {
            return Err("this is no part of a rule: use start, exclude or include".into());
        }
        _ => return Err(format!("there is no such part; the parts are {PARTS}")),
    }
    seen.push(name);
    Ok(())
}

fn at_least_one(value: &str, most: u32) -> Result<u32, String> {
    let wrong = || format!("write a number from 1 to {most}");
    if !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    match value.parse::<u32>() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(wrong()),
    }
}

/// A list of numbers from `least` to `most`, negative ones too where `signed`.
fn numbers<T: TryFrom<i16> + Ord>(
    value: &str,
    least: i16,
    most: i16,
    signed: bool,
) -> Result<Vec<T>, String> {
    let range = || {
        if signed {
            format!("{least} to {most} or -{most} to -{least}")
        } else {
            format!("{least} to {most}")
        }
    };
    let mut found = Vec::new();
    for item in value.split(',') {
        let item = item.trim();
        let digits = item.strip_prefix(['+', '-']).unwrap_or(item);
        let allowed = !digits.is_empty()
            && digits.len() <= 3
            && digits.bytes().all(|b| b.is_ascii_digit())
            && (signed || digits.len() == item.len());
        let number = if allowed {
            item.parse::<i16>().ok()
        } else {
            None
        };
        let number = number
            .filter(|n| (least..=most).contains(&n.abs()))
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| format!("{} is not a number from {}", shown(item), range()))?;
        found.push(number);
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn weekdays(value: &str) -> Result<Vec<NthWeekday>, String> {
    let mut found = Vec::new();
    for item in value.split(',') {
        let item = item.trim();
        let wrong = || {
            format!(
                "{} is not a day such as MO, 2TU (the second Tuesday) or -1FR (the last Friday)",
                shown(item)
            )
        };
        let split = item.len().checked_sub(2).ok_or_else(wrong)?;
        if !item.is_char_boundary(split) {
            return Err(wrong());
        }
        let (nth, day) = item.split_at(split);
        let weekday: Weekday = day.parse().map_err(|_| wrong())?;
        let nth = if nth.is_empty() {
            0
        } else {
            *numbers::<i8>(nth, 1, 53, true)
                .map_err(|_| wrong())?
                .first()
                .ok_or_else(wrong)?
        };
        found.push(NthWeekday { nth, weekday });
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn until(value: &str) -> Result<Until, String> {
    let wrong =
        || "write a date 20261231, a local time 20261231T235959 or UTC 20261231T235959Z".to_owned();
    if !value.bytes().next().is_some_and(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    let time = |text: &str| -> Result<NaiveDateTime, String> {
        let at = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").map_err(|_| wrong())?;
        at.with_nanosecond(0).ok_or_else(wrong)
    };
    match value.len() {
        8 => NaiveDate::parse_from_str(value, "%Y%m%d")
            .map(Until::Date)
            .map_err(|_| wrong()),
        15 => time(value).map(Until::Local),
        16 if value.ends_with('Z') => time(&value[..15])
            .map(|at| Until::Utc(DateTime::from_naive_utc_and_offset(at, chrono::Utc))),
        _ => Err(wrong()),
    }
}

/// What the parts may not be together (RFC 5545 §3.3.10).
fn check(rule: &Rule) -> Result<(), String> {
    use Frequency::{Daily, Monthly, Weekly, Yearly};
    let freq = rule.freq;
    if rule.count.is_some() && rule.until.is_some() {
        return Err("COUNT and UNTIL exclude each other; keep one".into());
    }
    if rule.by_day.iter().any(|day| day.nth != 0) {
        if !matches!(freq, Monthly | Yearly) {
            return Err(
                "BYDAY with a number, such as 2TU, goes with FREQ=MONTHLY or YEARLY only".into(),
            );
        }
        if freq == Yearly && !rule.by_week_no.is_empty() {
            return Err("BYDAY with a number does not go with BYWEEKNO; leave one out".into());
        }
        let by_month = freq == Monthly || !rule.by_month.is_empty();
        if by_month && let Some(day) = rule.by_day.iter().find(|day| day.nth.abs() > 5) {
            return Err(format!(
                "BYDAY={day}: a month has at most five of a weekday; write a number from 1 to 5 or -5 to -1"
            ));
        }
    }
    if !rule.by_month_day.is_empty() && freq == Weekly {
        return Err("BYMONTHDAY does not go with FREQ=WEEKLY; use FREQ=DAILY or MONTHLY".into());
    }
    if !rule.by_year_day.is_empty() && matches!(freq, Daily | Weekly | Monthly) {
        return Err("BYYEARDAY goes with FREQ=YEARLY or a frequency finer than DAILY only".into());
    }
    if !rule.by_week_no.is_empty() && freq != Yearly {
        return Err("BYWEEKNO goes with FREQ=YEARLY only".into());
    }
    let names_something = rule.names_days()
        || !(rule.by_month.is_empty()
            && rule.by_hour.is_empty()
            && rule.by_minute.is_empty()
            && rule.by_second.is_empty());
    if !rule.by_set_pos.is_empty() && !names_something {
        return Err(
            "BYSETPOS needs another BY part to pick from, such as BYDAY=MO,TU,WE,TH,FR".into(),
        );
    }
    Ok(())
}
