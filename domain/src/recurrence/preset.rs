//! The common rules, by name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::rrule::{Frequency, NthWeekday, Rule};
use crate::error::FieldError;

/// A day of the week, as RFC 5545 spells it.
#[allow(missing_docs, reason = "seven days need no explanation")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Weekday {
    MO,
    TU,
    WE,
    TH,
    FR,
    SA,
    SU,
}

impl Weekday {
    /// Monday to Sunday.
    pub const ALL: [Self; 7] = [
        Self::MO,
        Self::TU,
        Self::WE,
        Self::TH,
        Self::FR,
        Self::SA,
        Self::SU,
    ];

    /// Two letters.
    pub fn as_str(self) -> &'static str {
        ["MO", "TU", "WE", "TH", "FR", "SA", "SU"][self.index() as usize]
    }

    /// The English name.
    pub fn name(self) -> &'static str {
        [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ][self.index() as usize]
    }

    /// Monday 0.
    pub(super) fn index(self) -> u32 {
        self as u32
    }
}

impl FromStr for Weekday {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|day| day.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| "write MO, TU, WE, TH, FR, SA or SU".to_owned())
    }
}

/// One of the common rules; day and time of day come from the start where the preset names none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Preset {
    /// Every day, or every n-th.
    Daily {
        /// Every n days.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        every: u32,
    },
    /// Monday to Friday.
    Weekdays {},
    /// Every week, or every n-th.
    Weekly {
        /// On these days; none: on the start's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        on: Vec<Weekday>,
        /// Every n weeks.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        every: u32,
    },
    /// Every month, or every n-th, on a day of the month.
    Monthly {
        /// 1 to 31, or -1 to -31 from the month's end; none: the start's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day: Option<i8>,
        /// Every n months.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        every: u32,
    },
    /// On the last day of every month.
    LastDayOfMonth {},
    /// On the n-th weekday of every month, such as the last Friday.
    MonthlyWeekday {
        /// 1 to 5, or -1 to -5 from the month's end.
        nth: i8,
        /// The weekday.
        weekday: Weekday,
    },
    /// Every year, or every n-th.
    Yearly {
        /// Every n years.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        every: u32,
    },
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_one(every: &u32) -> bool {
    *every == 1
}

impl Preset {
    /// The rule that this preset stands for.
    ///
    /// # Errors
    /// The field of the preset that is out of range.
    pub(super) fn rule(&self) -> Result<Rule, FieldError> {
        let every = |freq, every: u32| {
            if every == 0 {
                return Err(FieldError::new("preset.every", "must be at least 1"));
            }
            let mut rule = Rule::every(freq);
            rule.interval = every;
            Ok(rule)
        };
        let plain = |weekday: Weekday| NthWeekday { nth: 0, weekday };
        match self {
            Self::Daily { every: n } => every(Frequency::Daily, *n),
            Self::Weekdays {} => {
                let mut rule = Rule::every(Frequency::Weekly);
                rule.by_day = Weekday::ALL[..5].iter().copied().map(plain).collect();
                Ok(rule)
            }
            Self::Weekly { on, every: n } => {
                let mut rule = every(Frequency::Weekly, *n)?;
                rule.by_day = on.iter().copied().map(plain).collect();
                rule.by_day.sort_unstable();
                rule.by_day.dedup();
                Ok(rule)
            }
            Self::Monthly { day, every: n } => {
                let mut rule = every(Frequency::Monthly, *n)?;
                if let Some(day) = day {
                    if !(1..=31).contains(&day.unsigned_abs()) {
                        return Err(FieldError::new(
                            "preset.day",
                            "must be 1 to 31, or -1 to -31 from the month's end",
                        ));
                    }
                    rule.by_month_day = vec![*day];
                }
                Ok(rule)
            }
            Self::LastDayOfMonth {} => {
                let mut rule = Rule::every(Frequency::Monthly);
                rule.by_month_day = vec![-1];
                Ok(rule)
            }
            Self::MonthlyWeekday { nth, weekday } => {
                if !(1..=5).contains(&nth.unsigned_abs()) {
                    return Err(FieldError::new(
                        "preset.nth",
                        "must be 1 to 5, or -1 to -5 from the month's end",
                    ));
                }
                let mut rule = Rule::every(Frequency::Monthly);
                rule.by_day = vec![NthWeekday {
                    nth: *nth,
                    weekday: *weekday,
                }];
                Ok(rule)
            }
            Self::Yearly { every: n } => every(Frequency::Yearly, *n),
        }
    }
}
