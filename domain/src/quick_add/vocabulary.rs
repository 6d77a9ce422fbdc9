//! Single words and what they mean.

use crate::recurrence::Weekday;

/// The day of the week of a full name, also in the plural, or of an abbreviation.
pub(super) fn weekday(text: &str) -> Option<Weekday> {
    use Weekday::{FR, MO, SA, SU, TH, TU, WE};
    Some(match text {
        "monday" | "mondays" | "mon" => MO,
        "tuesday" | "tuesdays" | "tue" | "tues" => TU,
        "wednesday" | "wednesdays" | "wed" | "weds" => WE,
        "thursday" | "thursdays" | "thu" | "thur" | "thurs" => TH,
        "friday" | "fridays" | "fri" => FR,
        "saturday" | "saturdays" | "sat" => SA,
        "sunday" | "sundays" | "sun" => SU,
        _ => return None,
    })
}

/// Whether a word is the full name of a day of the week in the plural.
pub(super) fn is_plural(text: &str) -> bool {
    text.ends_with("days") && weekday(text).is_some()
}

/// Whether a word is more often something else than a day: it needs a context.
pub(super) fn is_common_word(text: &str) -> bool {
    matches!(text, "mon" | "wed" | "sat" | "sun" | "tom")
}

/// The number of a month.
pub(super) fn month(text: &str) -> Option<u32> {
    Some(match text {
        "january" | "jan" => 1,
        "february" | "feb" => 2,
        "march" | "mar" => 3,
        "april" | "apr" => 4,
        "may" => 5,
        "june" | "jun" => 6,
        "july" | "jul" => 7,
        "august" | "aug" => 8,
        "september" | "sep" | "sept" => 9,
        "october" | "oct" => 10,
        "november" | "nov" => 11,
        "december" | "dec" => 12,
        _ => return None,
    })
}

/// Whether a full stop behind a word may belong to it.
pub(super) fn is_abbreviation(text: &str) -> bool {
    let short = text.len() <= 5 && text != "may";
    short && (weekday(text).is_some() || month(text).is_some()) || matches!(text, "a.m" | "p.m")
}

/// Digits, few enough that no calculation runs over.
pub(super) fn digits(text: &str) -> Option<u32> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// How many, at least one: digits or a word.
pub(super) fn count(text: &str) -> Option<u32> {
    const WORDS: [&str; 12] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let word = WORDS.iter().zip(1..).find(|(word, _)| **word == text);
    word.map(|(_, n)| n)
        .or_else(|| digits(text))
        .filter(|n| *n > 0)
}

/// Which one: `1st` to `99th`, `first` to `fifth`.
pub(super) fn ordinal(text: &str) -> Option<u32> {
    const WORDS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    if let Some((_, n)) = WORDS.iter().zip(1..).find(|(word, _)| **word == text) {
        return Some(n);
    }
    let number = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|suffix| text.strip_suffix(suffix))?;
    digits(number).filter(|n| (1..100).contains(n))
}

/// A day of a month: `14` or `14th`.
pub(super) fn day_of_month(text: &str) -> Option<u32> {
    let day = digits(text).filter(|_| text.len() <= 2);
    day.or_else(|| ordinal(text))
        .filter(|day| (1..=31).contains(day))
}

/// A measure of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// A measure of time by its name.
pub(super) fn unit(text: &str) -> Option<Unit> {
    Some(match text {
        "minute" | "minutes" | "min" | "mins" => Unit::Minute,
        "hour" | "hours" | "hr" | "hrs" => Unit::Hour,
        "day" | "days" => Unit::Day,
        "week" | "weeks" | "wk" | "wks" => Unit::Week,
        "month" | "months" => Unit::Month,
        "year" | "years" | "yr" | "yrs" => Unit::Year,
        _ => return None,
    })
}

/// A measure of time as it stands right behind a number, in `30m`.
pub(super) fn short_unit(text: &str) -> Option<Unit> {
    Some(match text {
        "m" => Unit::Minute,
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        _ => return unit(text),
    })
}

/// A part of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayPart {
    Morning,
    Afternoon,
    Evening,
    Night,
}

impl DayPart {
    /// The hour that it means where none is said.
    pub(super) fn hour(self) -> u32 {
        match self {
            Self::Morning => 9,
            Self::Afternoon => 13,
            Self::Evening => 19,
            Self::Night => 20,
        }
    }
}

/// A part of the day by its name.
pub(super) fn day_part(text: &str) -> Option<DayPart> {
    Some(match text {
        "morning" => DayPart::Morning,
        "afternoon" => DayPart::Afternoon,
        "evening" => DayPart::Evening,
        "night" => DayPart::Night,
        _ => return None,
    })
}

/// `p1` to `p4`, `!1` to `!4`, `!!1` to `!!4`: 1 to 4.
pub(super) fn priority(text: &str) -> Option<i16> {
    let number = ["p", "!!", "!"]
        .iter()
        .find_map(|sign| text.strip_prefix(sign))?;
    match number {
        "1" => Some(1),
        "2" => Some(2),
        "3" => Some(3),
        "4" => Some(4),
        _ => None,
    }
}

/// Whether a word names a project or a tag, or is a priority.
pub(super) fn is_mark(text: &str) -> bool {
    text.starts_with(['#', '@', '!']) || priority(text).is_some()
}

/// Whether a word begins something else than a name of what was counted before it.
pub(super) fn may_follow(text: &str) -> bool {
    const WORDS: [&str; 53] = [
        "&",
        "-",
        "–",
        "—",
        "about",
        "after",
        "and",
        "annually",
        "around",
        "at",
        "because",
        "before",
        "but",
        "by",
        "daily",
        "due",
        "each",
        "ending",
        "ev",
        "every",
        "every!",
        "for",
        "from",
        "if",
        "in",
        "monthly",
        "next",
        "on",
        "or",
        "quarterly",
        "re",
        "regarding",
        "remind",
        "reminder",
        "so",
        "starting",
        "the",
        "then",
        "this",
        "through",
        "thru",
        "till",
        "to",
        "today",
        "tomorrow",
        "tonight",
        "until",
        "via",
        "weekly",
        "when",
        "while",
        "with",
        "yearly",
    ];
    WORDS.contains(&text) || is_mark(text) || weekday(text).is_some() || month(text).is_some()
}

/// Whether a noun or a name comes after a word, so that `sun` is no Sunday behind it and `tom` no
/// tomorrow.
pub(super) fn takes_a_noun(text: &str) -> bool {
    const WORDS: [&str; 38] = [
        "a", "about", "and", "ask", "call", "email", "for", "from", "get", "he", "help", "her",
        "his", "in", "invite", "it", "like", "mail", "meet", "message", "my", "of", "our", "pay",
        "phone", "ring", "see", "she", "some", "tell", "text", "thank", "the", "to", "visit", "we",
        "who", "with",
    ];
    WORDS.contains(&text)
}
