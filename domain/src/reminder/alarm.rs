//! An alarm, as the alarm clock knows it.

use uuid::Uuid;

/// Which firing an alarm stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alarm {
    /// The reminder.
    pub reminder: Uuid,
    /// Its occurrence: 0, and one more for each snooze.
    pub occurrence: i32,
    /// The generation that the alarm was set for.
    pub generation: i64,
}

impl Alarm {
    /// Its name, in the trail and in tests: `r.<id>.<occurrence>.<generation>`.
    pub fn name(&self) -> String {
        format!(
            "r.{}.{}.{}",
            self.reminder, self.occurrence, self.generation
        )
    }
}
