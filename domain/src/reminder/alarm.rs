//! An alarm, as the alarm clock knows it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which firing an alarm stands for. It travels in the alarm's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alarm {
    /// The reminder.
    pub reminder: Uuid,
    /// Its occurrence: 0, and one more for each snooze.
    pub occurrence: i32,
    /// The generation that the alarm was set for.
    pub generation: i64,
}

impl Alarm {
    /// Name of the alarm in the scheduler: `r.<id>.<occurrence>.<generation>`.
    pub fn name(&self) -> String {
        format!(
            "r.{}.{}.{}",
            self.reminder, self.occurrence, self.generation
        )
    }

    /// Reads a name that [`Alarm::name`] wrote.
    pub fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix("r.")?.split('.');
        let alarm = Self {
            reminder: parts.next()?.parse().ok()?,
            occurrence: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(alarm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarms_name_can_be_read_back() {
        let alarm = Alarm {
            reminder: Uuid::nil(),
            occurrence: 0,
            generation: 3,
        };
        assert_eq!(Alarm::parse(&alarm.name()), Some(alarm));
        for bad in [
            "",
            "r.1",
            "x.0.0.0",
            "r.zz.0.1",
            &format!("{}.9", alarm.name()),
        ] {
            assert_eq!(Alarm::parse(bad), None, "{bad}");
        }
    }
}
