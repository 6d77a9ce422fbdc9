//! A series as it is written down: in the tasks API and, as `jsonb`, in the store.

use std::{fmt, str::FromStr};

use chrono::{NaiveDate, NaiveDateTime, Timelike};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::preset::Preset;

/// A rule with its start, its zone and its policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct SeriesSpec {
    /// The rule: `{"rrule": …}`, `{"cron": …}` or `{"preset": …}`, beside the other fields.
    pub rule: RuleSpec,
    /// Local date-time or date of the first occurrence (DTSTART). The anchor of the rule: an
    /// occurrence before it does not exist, and it is one itself only where the rule says so.
    pub start: Start,
    /// IANA zone; `None`: floating, follows the zone of the user.
    pub time_zone: Option<Tz>,
    /// Occurrences left out (EXDATE); a date leaves out the whole local day.
    pub exclude: Vec<Start>,
    /// Occurrences added (RDATE); a date in a series with times means the series' time that day.
    pub include: Vec<Start>,
    /// Occurrences moved or cancelled, by their original local time (RECURRENCE-ID).
    pub overrides: Vec<Override>,
    /// What a rule on the 29th to 31st does in a shorter month.
    pub month_end: MonthEnd,
    /// What the next occurrence counts from.
    pub basis: Basis,
    /// What happens to occurrences that passed before the current one was completed.
    pub late: Late,
}

impl SeriesSpec {
    /// A series by an RFC 5545 rule with the default policies.
    pub fn rrule(rule: impl Into<String>, start: Start, time_zone: Option<Tz>) -> Self {
        Self::new(RuleSpec::Rrule(rule.into()), start, time_zone)
    }

    /// A series by a cron expression with the default policies.
    pub fn cron(expression: impl Into<String>, start: Start, time_zone: Option<Tz>) -> Self {
        Self::new(RuleSpec::Cron(expression.into()), start, time_zone)
    }

    /// A series with the default policies.
    pub fn new(rule: RuleSpec, start: Start, time_zone: Option<Tz>) -> Self {
        Self {
            rule,
            start,
            time_zone,
            exclude: Vec::new(),
            include: Vec::new(),
            overrides: Vec::new(),
            month_end: MonthEnd::default(),
            basis: Basis::default(),
            late: Late::default(),
        }
    }
}

/// The rule of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleSpec {
    /// RFC 5545 §3.3.10, such as `FREQ=WEEKLY;BYDAY=MO`.
    Rrule(String),
    /// Five fields (minute, hour, day of month, month, day of week), or six with seconds first.
    Cron(String),
    /// One of the common rules.
    Preset(Preset),
}

/// One occurrence moved or cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Override {
    /// Its original local time.
    pub occurrence: Start,
    /// Its new local time; absent: cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Start>,
}

/// What a monthly or yearly rule does in a month that lacks its day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MonthEnd {
    /// Nothing: that month has no occurrence (RFC 5545 §3.3.10).
    #[default]
    Skip,
    /// The month's last day; the month after that counts from the anchor day again.
    LastDay,
}

/// What the next occurrence counts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// The rule alone.
    #[default]
    DueDate,
    /// The local day on which the current one was completed.
    Completion,
}

/// What happens to occurrences that passed before the current one was completed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Late {
    /// They are left out: the next one lies in the future.
    #[default]
    NextFuture,
    /// They come one by one, each when the one before it is completed.
    CatchUp,
    /// They come all at once, with the next one in the future.
    Each,
}

/// A local date-time, or a day.
///
/// As text `2026-03-01T09:00:00` or `2026-03-01`. Where a rule finer than a day meets a clock
/// reading for the second time after clocks went back, its original time is told apart by a
/// trailing `~2`; inside, that is nanosecond 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Start {
    /// At a local time.
    At(NaiveDateTime),
    /// All day.
    On(NaiveDate),
}

impl Start {
    /// The local day.
    pub fn date(&self) -> NaiveDate {
        match self {
            Self::At(at) => at.date(),
            Self::On(date) => *date,
        }
    }

    /// The clock reading; a day begins at midnight.
    pub fn date_time(&self) -> NaiveDateTime {
        match self {
            Self::At(at) => at.with_nanosecond(0).unwrap_or(*at),
            Self::On(date) => (*date).into(),
        }
    }

    /// Whether it is a day without a time.
    pub fn is_all_day(&self) -> bool {
        matches!(self, Self::On(_))
    }

    /// The second time that the clock shows this reading.
    pub(super) fn second_time(reading: NaiveDateTime) -> Self {
        Self::At(reading.with_nanosecond(1).unwrap_or(reading))
    }

    /// Whether it is the second time that the clock shows this reading.
    pub(super) fn is_second_time(&self) -> bool {
        matches!(self, Self::At(at) if at.nanosecond() == 1)
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => {
                write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S"))?;
                if self.is_second_time() {
                    f.write_str("~2")?;
                }
                Ok(())
            }
            Self::On(date) => write!(f, "{}", date.format("%Y-%m-%d")),
        }
    }
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let complaint = || {
            let shown: String = text.chars().take(40).collect();
            let hint = if text.ends_with('Z') || text.ends_with('z') || text.contains('+') {
                "; it is local time, without Z or an offset: the zone goes into timeZone"
            } else {
                ""
            };
            format!(
                "{shown:?} is not a local date-time such as 2026-03-01T09:00:00 or a date such as 2026-03-01{hint}"
            )
        };
        // chrono would take years of any length and signs; a digit at each place keeps to four.
        let plain = |text: &str| text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if text.len() > 24 || !plain(text) {
            return Err(complaint());
        }
        if text.len() == 10 {
            return NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .map(Self::On)
                .map_err(|_| complaint());
        }
        let (reading, second) = match text.strip_suffix("~2") {
            Some(reading) => (reading, true),
            None => (text, false),
        };
        let format = match reading.len() {
            16 => "%Y-%m-%dT%H:%M",
            19 => "%Y-%m-%dT%H:%M:%S",
            _ => return Err(complaint()),
        };
        let at = NaiveDateTime::parse_from_str(reading, format).map_err(|_| complaint())?;
        // A leap second is taken as the second before it (RFC 5545 §3.3.12).
        let at = at.with_nanosecond(0).ok_or_else(complaint)?;
        Ok(if second {
            Self::second_time(at)
        } else {
            Self::At(at)
        })
    }
}

impl Serialize for Start {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The wire form, where the three kinds of rule are three optional fields.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rrule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cron: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preset: Option<Preset>,
    start: Start,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exclude: Vec<Start>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    include: Vec<Start>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Override>,
    #[serde(default)]
    month_end: MonthEnd,
    #[serde(default)]
    basis: Basis,
    #[serde(default)]
    late: Late,
}

impl TryFrom<Written> for SeriesSpec {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let rule = match (written.rrule, written.cron, written.preset) {
            (Some(rrule), None, None) => RuleSpec::Rrule(rrule),
            (None, Some(cron), None) => RuleSpec::Cron(cron),
            (None, None, Some(preset)) => RuleSpec::Preset(preset),
            _ => return Err("give exactly one of rrule, cron and preset".into()),
        };
        let time_zone = written
            .time_zone
            .map(|name| {
                let known = (name.len() <= 64)
                    .then(|| name.parse::<Tz>().ok())
                    .flatten();
                known.ok_or_else(|| {
                    let shown: String = name.chars().take(64).collect();
                    format!("timeZone: {shown:?} is not an IANA zone such as Europe/Berlin")
                })
            })
            .transpose()?;
        Ok(Self {
            rule,
            start: written.start,
            time_zone,
            exclude: written.exclude,
            include: written.include,
            overrides: written.overrides,
            month_end: written.month_end,
            basis: written.basis,
            late: written.late,
        })
    }
}

impl From<SeriesSpec> for Written {
    fn from(spec: SeriesSpec) -> Self {
        let (mut rrule, mut cron, mut preset) = (None, None, None);
        match spec.rule {
            RuleSpec::Rrule(text) => rrule = Some(text),
            RuleSpec::Cron(text) => cron = Some(text),
            RuleSpec::Preset(kind) => preset = Some(kind),
        }
        Self {
            rrule,
            cron,
            preset,
            start: spec.start,
            time_zone: spec.time_zone.map(|zone| zone.name().to_owned()),
            exclude: spec.exclude,
            include: spec.include,
            overrides: spec.overrides,
            month_end: spec.month_end,
            basis: spec.basis,
            late: spec.late,
        }
    }
}
