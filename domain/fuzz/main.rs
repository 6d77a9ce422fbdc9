//! Throws made-up rules, expressions and instants at the recurrence engine for some seconds:
//! `recurrence-fuzz [SECONDS] [SEED]`. Fails when something panics, takes longer than it may, uses
//! more memory than it may, or breaks a law. Prints the input and the seed of a failure.
//!
//! Inputs are made from the grammar and then damaged byte by byte, so that many get far and many
//! do not. Needs no nightly compiler and no instrumentation.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::TZ_VARIANTS;
use domain::recurrence::{
    Basis, Late, MonthEnd, Override, Rule, RuleSpec, Series, SeriesSpec, Start,
};

/// Longest time for one call; a build that is not optimised and a busy machine get more.
const MOST: Duration = if cfg!(debug_assertions) {
    Duration::from_millis(1_500)
} else {
    Duration::from_millis(10)
};

/// Most memory of the whole program, in KiB.
const MOST_MEMORY: u64 = 128 * 1024;

/// SplitMix64: small, and good enough to choose inputs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    fn numbers(&mut self, most: usize, signed: bool) -> String {
        let count = if self.chance(5) {
            60
        } else {
            1 + self.below(4)
        };
        let number = |random: &mut Self| {
            let sign = if signed && random.chance(40) { "-" } else { "" };
            format!("{sign}{}", random.below(most + 1))
        };
        let numbers: Vec<String> = (0..count).map(|_| number(self)).collect();
        numbers.join(",")
    }
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
const FREQUENCIES: [&str; 7] = [
    "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY",
];
const INTERVALS: [&str; 10] = [
    "1",
    "2",
    "3",
    "7",
    "24",
    "1439",
    "86399",
    "86400",
    "65535",
    "4294967295",
];

fn rrule(random: &mut Random) -> String {
    let mut text = format!("FREQ={}", random.pick(&FREQUENCIES));
    for _ in 0..random.below(6) {
        text += &match random.below(12) {
            0 => format!(";INTERVAL={}", random.pick(&INTERVALS)),
            1 => format!(
                ";COUNT={}",
                random.pick(&["1", "3", "100", "5000", "50000"])
            ),
            2 => format!(
                ";UNTIL={}",
                random.pick(&["20300101", "20260301T090000", "99991231T235959Z"])
            ),
            3 => format!(";WKST={}", random.pick(&DAYS)),
            4 => format!(";BYMONTH={}", random.numbers(12, false)),
            5 => format!(";BYMONTHDAY={}", random.numbers(31, true)),
            6 => format!(";BYYEARDAY={}", random.numbers(366, true)),
            7 => format!(";BYWEEKNO={}", random.numbers(53, true)),
            8 => {
                let sign = random.pick(&["", "", "1", "-1", "5", "-53"]);
                format!(";BYDAY={sign}{},{}", random.pick(&DAYS), random.pick(&DAYS))
            }
            9 => format!(";BYHOUR={}", random.numbers(23, false)),
            10 => format!(
                ";BYMINUTE={};BYSECOND={}",
                random.numbers(59, false),
                random.numbers(60, false)
            ),
            _ => format!(";BYSETPOS={}", random.numbers(366, true)),
        };
    }
    text
}

fn cron(random: &mut Random) -> String {
    let fields = [(59, 2), (23, 2), (31, 3), (12, 3), (7, 4)];
    let field = |random: &mut Random, most: usize| match random.below(8) {
        0..=2 => "*".to_owned(),
        3 => format!("*/{}", random.below(most + 2)),
        4 => format!("{}-{}", random.below(most), random.below(most + 1)),
        5 => format!("{}#{}", random.below(7), random.below(6)),
        6 => "L".into(),
        _ => random.numbers(most, false),
    };
    let fields: Vec<String> = fields
        .iter()
        .map(|(most, _)| field(random, *most))
        .collect();
    if random.chance(20) {
        format!("{} {}", random.below(60), fields.join(" "))
    } else {
        fields.join(" ")
    }
}

fn damage(random: &mut Random, text: String) -> String {
    let mut bytes = text.into_bytes();
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len());
        match random.below(4) {
            0 if !bytes.is_empty() => bytes[place] = random.next() as u8,
            1 if !bytes.is_empty() => drop(bytes.remove(place)),
            2 => bytes.insert(place, b";=,-T0Z~*"[random.below(9)]),
            _ => {
                let piece = bytes[place..].to_vec();
                bytes.extend(piece);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn start(random: &mut Random) -> Start {
    let year = [1, 1582, 1900, 1969, 2011, 2024, 2026, 2037, 2100, 9999][random.below(10)];
    let day = NaiveDate::from_yo_opt(year, 1 + random.below(365) as u32)
        .expect("every year has 365 days");
    if random.chance(25) {
        return Start::On(day);
    }
    let second = random.below(24) as u32;
    let time = day.and_hms_opt(second, [0, 15, 30, 59][random.below(4)], 0);
    Start::At(time.expect("the hour is below 24"))
}

fn spec(random: &mut Random) -> SeriesSpec {
    let rule = if random.chance(75) {
        rrule(random)
    } else {
        cron(random)
    };
    let is_cron = !rule.starts_with("FREQ");
    let rule = if random.chance(25) {
        damage(random, rule)
    } else {
        rule
    };
    let rule = if is_cron {
        RuleSpec::Cron(rule)
    } else {
        RuleSpec::Rrule(rule)
    };
    let zone = TZ_VARIANTS[random.below(TZ_VARIANTS.len())];
    let mut spec = SeriesSpec::new(rule, start(random), Some(zone));
    for _ in 0..random.below(3) {
        spec.exclude.push(start(random));
        spec.include.push(start(random));
        let to = random.chance(50).then(|| start(random));
        spec.overrides.push(Override {
            occurrence: spec.start,
            to,
        });
    }
    spec.month_end = [MonthEnd::Skip, MonthEnd::LastDay][random.below(2)];
    spec.basis = [Basis::DueDate, Basis::Completion][random.below(2)];
    spec.late = [Late::NextFuture, Late::CatchUp][random.below(2)];
    spec
}

/// Time that this thread had a processor, where the system tells (Linux), or else time.
fn clock() -> Duration {
    static BEGIN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    match text
        .split_whitespace()
        .next()
        .and_then(|ns| ns.parse().ok())
    {
        Some(ns) => Duration::from_nanos(ns),
        None => BEGIN.get_or_init(Instant::now).elapsed(),
    }
}

/// The clock is read only where it is needed: reading it takes longer than most calls do.
fn clock_if(needed: bool) -> Option<Duration> {
    needed.then(clock)
}

fn timed<T>(what: &str, act: impl Fn() -> T) -> T {
    /// A busy machine may take the processor away in the middle: the best of some tries counts.
    const TRIES: usize = 5;
    let mut best = Duration::MAX;
    for attempt in 1.. {
        let begin = Instant::now();
        let begin_busy = clock_if(attempt > 1);
        let result = act();
        let busy = clock_if(attempt > 1)
            .zip(begin_busy)
            .map(|(end, begin)| end - begin);
        best = best.min(busy.unwrap_or_else(|| begin.elapsed()));
        if best < MOST {
            return result;
        }
        assert!(attempt < TRIES, "{what} took {best:?}");
    }
    unreachable!("the last try returns or fails")
}

/// Asks a series everything and holds it to the laws; says whether there was one.
fn ask(spec: &SeriesSpec, now: DateTime<Utc>) -> bool {
    let json = serde_json::to_string(spec).expect("a series serialises");
    let again: SeriesSpec = serde_json::from_str(&json).expect("what was written is read");
    assert_eq!(&again, spec);
    if let RuleSpec::Rrule(text) = &spec.rule
        && let Ok(rule) = timed("parsing", || text.parse::<Rule>())
    {
        assert_eq!(rule.to_string().parse::<Rule>(), Ok(rule));
    }
    let series = match timed("compile", || Series::compile(spec, chrono_tz::UTC)) {
        Ok(series) => series,
        Err(errors) => {
            assert!(!errors.0.is_empty() && errors.to_string().len() < 4_000);
            return false;
        }
    };
    assert!(!timed("describe", || series.describe(now)).is_empty());
    let Some(next) = timed("next_after", || series.next_after(now)) else {
        return true;
    };
    assert!(next.at > now);
    let before = next.at - chrono::Duration::seconds(1);
    assert_eq!(
        timed("again", || series.next_after(before)).as_ref(),
        Some(&next)
    );
    let one = chrono::Duration::seconds(1);
    let between = timed("between", || series.between(next.at, next.at + one, 9));
    assert_eq!(between, std::slice::from_ref(&next));
    if let Some(second) = timed("the second", || series.next_after(next.at)) {
        assert!(second.at > next.at && second.original != next.original);
        assert_eq!(
            timed("in the middle", || series
                .next_after(next.at + (second.at - next.at) / 2)),
            Some(second)
        );
    }
    for after in timed("completion", || {
        series.next_on_completion(&next.original, now)
    }) {
        assert_ne!(after.original, next.original);
    }
    true
}

/// The most memory the program has used, in KiB, where the system tells.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let mut number = |default: u64| args.next().and_then(|a| a.parse().ok()).unwrap_or(default);
    let seconds = number(60);
    let seed = number(u64::from(std::process::id()));
    println!("seed {seed}, {seconds} s");
    let begin = Instant::now();
    let (mut inputs, mut series) = (0u64, 0u64);
    while begin.elapsed() < Duration::from_secs(seconds) {
        let mut random = Random(seed.wrapping_add(inputs));
        let spec = spec(&mut random);
        let now = DateTime::from_timestamp(
            random.next() as i64 % 260_000_000_000,
            random.below(1_000_000_000) as u32,
        )
        .unwrap_or_default();
        match catch_unwind(AssertUnwindSafe(|| ask(&spec, now))) {
            Ok(valid) => series += u64::from(valid),
            Err(_) => {
                println!(
                    "input {inputs} at {now}, seed {}: {spec:?}",
                    seed.wrapping_add(inputs)
                );
                return ExitCode::FAILURE;
            }
        }
        inputs += 1;
    }
    let memory = peak_memory();
    println!("{inputs} inputs, {series} of them series, peak memory {memory} KiB");
    if memory > MOST_MEMORY {
        println!("more than {MOST_MEMORY} KiB of memory");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
