//! Times of the day, as users write them: `08:00`.

use chrono::NaiveTime;

const FORMAT: &str = "%H:%M";

/// Reads one.
pub(crate) fn read(text: &str) -> Option<NaiveTime> {
    // chrono takes one digit for two.
    let time = (text.len() == 5).then(|| NaiveTime::parse_from_str(text, FORMAT));
    time?.ok()
}

/// Writes one.
pub(crate) fn write(time: NaiveTime) -> String {
    time.format(FORMAT).to_string()
}
