//! Words for the parts of a rule.

use super::{
    MonthEnd,
    preset::Weekday,
    rrule::{Frequency, NthWeekday, Rule, Until},
    spec::Start,
};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `a`, `a and b`, `a, b and c`.
pub(super) fn join(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// `29 March 2026`.
pub(super) fn day(date: chrono::NaiveDate) -> String {
    date.format("%-d %B %Y").to_string()
}

/// `09:00`, and `09:00:30` where there are seconds.
pub(super) fn time(second_of_day: i64) -> String {
    let (h, m, s) = (
        second_of_day / 3600,
        second_of_day / 60 % 60,
        second_of_day % 60,
    );
    if s == 0 {
        format!("{h:02}:{m:02}")
    } else {
        format!("{h:02}:{m:02}:{s:02}")
    }
}

/// `1 h`, `30 min`, `1 h 30 min`.
pub(super) fn length(seconds: i64) -> String {
    let parts = [
        (seconds / 3600, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n != 0);
    parts
        .map(|(n, unit)| format!("{n} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn ordinal(n: i64) -> String {
    let suffix = match (n % 100, n % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}

/// `3rd`, `last`, `3rd-to-last`.
fn place(n: i64) -> String {
    match n {
        -1 => "last".into(),
        n if n < 0 => format!("{}-to-last", ordinal(-n)),
        n => ordinal(n),
    }
}

fn numbers(values: &[u8]) -> String {
    // Runs of three and more are shown by their ends.
    let mut items: Vec<String> = Vec::new();
    let mut i = 0;
    while i < values.len() {
        let mut end = i;
        while end + 1 < values.len() && values[end + 1] == values[end] + 1 {
            end += 1;
        }
        if end - i >= 2 {
            items.push(format!("{} to {}", values[i], values[end]));
        } else {
            items.extend(values[i..=end].iter().map(ToString::to_string));
        }
        i = end + 1;
    }
    join(&items)
}

fn unit(freq: Frequency) -> &'static str {
    match freq {
        Frequency::Secondly => "second",
        Frequency::Minutely => "minute",
        Frequency::Hourly => "hour",
        Frequency::Daily => "day",
        Frequency::Weekly => "week",
        Frequency::Monthly => "month",
        Frequency::Yearly => "year",
    }
}

fn weekday(day: &NthWeekday) -> String {
    if day.nth == 0 {
        day.weekday.name().into()
    } else {
        format!("the {} {}", place(i64::from(day.nth)), day.weekday.name())
    }
}

fn months(rule: &Rule) -> Vec<String> {
    let name = |m: &u8| MONTHS[usize::from(*m) - 1].to_owned();
    rule.by_month.iter().map(name).collect()
}

/// Which days, with what the start implies: ` on the last Friday`.
fn days(rule: &Rule, start: Start, month_end: MonthEnd) -> String {
    use chrono::Datelike;
    let date = start.date();
    let mut words = String::new();
    let in_months = !rule.by_month.is_empty();
    if !rule.names_days() {
        match rule.freq {
            Frequency::Weekly => {
                let weekday = Weekday::ALL[date.weekday().num_days_from_monday() as usize];
                words = format!(" on {}", weekday.name());
            }
            Frequency::Yearly if !in_months => {
                let month = MONTHS[date.month0() as usize];
                words = format!(" on {} {month}", date.day());
            }
            Frequency::Monthly | Frequency::Yearly => {
                words = format!(" on the {}", ordinal(i64::from(date.day())));
            }
            _ => {}
        }
    }
    if !rule.by_day.is_empty() {
        let working: Vec<Weekday> = Weekday::ALL[..5].to_vec();
        let plain: Vec<Weekday> = rule.by_day.iter().map(|day| day.weekday).collect();
        if plain == working && rule.by_day.iter().all(|day| day.nth == 0) {
            words += " on Monday to Friday";
        } else {
            let named: Vec<String> = rule.by_day.iter().map(weekday).collect();
            words += &format!(" on {}", join(&named));
        }
        if rule.by_day.iter().any(|day| day.nth != 0)
            && rule.freq == Frequency::Yearly
            && !in_months
        {
            words += " of the year";
        }
    }
    let listed = |values: Vec<i64>, what: &str| {
        let places: Vec<String> = values.into_iter().map(place).collect();
        let plural = if places.len() == 1 { "" } else { "s" };
        format!("the {} {what}{plural}", join(&places))
    };
    let mut more = Vec::new();
    if !rule.by_month_day.is_empty() {
        let values = rule.by_month_day.iter().map(|n| i64::from(*n)).collect();
        more.push(format!("{} of the month", listed(values, "day")));
    }
    if !rule.by_year_day.is_empty() {
        let values = rule.by_year_day.iter().map(|n| i64::from(*n)).collect();
        more.push(format!("{} of the year", listed(values, "day")));
    }
    if !rule.by_week_no.is_empty() {
        let values = rule.by_week_no.iter().map(|n| i64::from(*n)).collect();
        more.push(format!("{} of the year", listed(values, "week")));
    }
    for (i, item) in more.iter().enumerate() {
        let link = if words.is_empty() && i == 0 {
            "on"
        } else {
            "that is in"
        };
        words += &format!(" {link} {item}");
    }
    if in_months {
        words += &format!(" in {}", join(&months(rule)));
    }
    words + month_end_words(rule, start, month_end)
}

/// What becomes of months that are too short.
fn month_end_words(rule: &Rule, start: Start, month_end: MonthEnd) -> &'static str {
    use chrono::Datelike;
    let by_month = matches!(rule.freq, Frequency::Monthly | Frequency::Yearly);
    let late = if rule.names_days() {
        rule.by_month_day.iter().any(|day| *day > 28)
    } else {
        // 31 December is in every year.
        let fixed =
            rule.freq == Frequency::Yearly && rule.by_month.is_empty() && start.date().month() != 2;
        start.date().day() > 28 && !fixed
    };
    match month_end {
        _ if !by_month || !late => "",
        MonthEnd::Skip => " (not in a month without that day)",
        MonthEnd::LastDay => " (the last day of a month without that day)",
    }
}

/// At which times of the day: ` at 09:00`.
fn times(rule: &Rule, start: Start) -> String {
    const MOST: usize = 6;
    use chrono::Timelike;
    let Start::At(at) = start else {
        return ", all day".into();
    };
    if rule.freq.is_finer_than_daily() {
        let mut words = String::new();
        if !matches!(rule.by_second[..], [] | [0]) {
            words += &format!(" at second {}", numbers(&rule.by_second));
        }
        if !rule.by_minute.is_empty() && minutes_apart(rule).is_none() {
            words += &format!(" at minute {}", numbers(&rule.by_minute));
        }
        if !rule.by_hour.is_empty() {
            words += &format!(" in the hours {}", numbers(&rule.by_hour));
        }
        return words;
    }
    let or = |values: &[u8], implied: u32| {
        if values.is_empty() {
            vec![implied as u8]
        } else {
            values.to_vec()
        }
    };
    let hours = or(&rule.by_hour, at.hour());
    let minutes = or(&rule.by_minute, at.minute());
    let seconds = or(&rule.by_second, at.second());
    if hours.len() * minutes.len() * seconds.len() > MOST {
        let of = if seconds == [0] {
            String::new()
        } else {
            format!(" second {} of", numbers(&seconds))
        };
        return format!(
            " at{of} minute {} of the hours {}",
            numbers(&minutes),
            numbers(&hours)
        );
    }
    let mut all = Vec::new();
    for h in &hours {
        for m in &minutes {
            for s in &seconds {
                all.push(time(
                    i64::from(*h) * 3600 + i64::from(*m) * 60 + i64::from(*s),
                ));
            }
        }
    }
    format!(" at {}", join(&all))
}

/// Minutes between the times of a rule that names each of them in every hour, as cron's `*/15` does.
fn minutes_apart(rule: &Rule) -> Option<usize> {
    if rule.freq != Frequency::Hourly || rule.interval != 1 {
        return None;
    }
    let named = rule.by_minute.len();
    let apart = 60_usize.checked_div(named).filter(|n| n * named == 60)?;
    let even = (0..60).step_by(apart);
    (named > 1 && rule.by_minute.iter().copied().map(usize::from).eq(even)).then_some(apart)
}

/// A rule in words, without its zone.
pub(super) fn rule(rule: &Rule, start: Start, month_end: MonthEnd) -> String {
    let unit = unit(rule.freq);
    let mut words = match rule.interval {
        _ if minutes_apart(rule) == Some(1) => "every minute".to_owned(),
        1 if let Some(minutes) = minutes_apart(rule) => format!("every {minutes} minutes"),
        1 => format!("every {unit}"),
        2 => format!("every other {unit}"),
        n => format!("every {n} {unit}s"),
    };
    words += &days(rule, start, month_end);
    words += &times(rule, start);
    if !rule.by_set_pos.is_empty() {
        let places: Vec<String> = rule
            .by_set_pos
            .iter()
            .map(|n| place(i64::from(*n)))
            .collect();
        words += &format!(", only the {} of these in the {unit}", join(&places));
    }
    match rule.count {
        Some(1) => words += ", once",
        Some(count) => words += &format!(", {count} times"),
        None => {}
    }
    match rule.until {
        Some(Until::Date(date)) => words += &format!(", until {}", day(date)),
        Some(Until::Local(at)) => {
            words += &format!(", until {} {}", day(at.date()), at.format("%H:%M"));
        }
        Some(Until::Utc(at)) => {
            words += &format!(
                ", until {} {} UTC",
                day(at.date_naive()),
                at.format("%H:%M")
            );
        }
        None => {}
    }
    words
}
