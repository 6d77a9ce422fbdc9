//! Which phrases count where several say the same thing: the last one. The others stay in the title.

use super::{
    day::When,
    phrases::{Found, Phrase},
};

/// What of each kind a task has at most one of, by its place among the phrases.
#[derive(Default)]
struct Last {
    project: Option<usize>,
    priority: Option<usize>,
    repeat: Option<usize>,
    day: Option<usize>,
}

/// The phrases that count.
pub(super) fn winners(found: Vec<Found>) -> Vec<Found> {
    let mut last = Last::default();
    for (place, found) in found.iter().enumerate() {
        match &found.phrase {
            Phrase::Project(_) => last.project = Some(place),
            Phrase::Priority(_) => last.priority = Some(place),
            Phrase::Repeat(_) => last.repeat = Some(place),
            Phrase::When(When { day: Some(_), .. }) => last.day = Some(place),
            _ => {}
        }
    }
    let chain_of = |place: Option<usize>| place.map(|place| found[place].chain);
    let (day_chain, repeat_chain) = (chain_of(last.day), chain_of(last.repeat));
    // A time beside a day that does not count belongs to that day: `monday at 9 … tomorrow`.
    let lost: Vec<usize> = found
        .iter()
        .enumerate()
        .filter(|(place, found)| has_day(found) && Some(*place) != last.day)
        .map(|(_, found)| found.chain)
        .filter(|chain| Some(*chain) != day_chain && Some(*chain) != repeat_chain)
        .collect();
    let mut free = Free {
        times: !last.day.is_some_and(|place| has_times(&found[place])),
        part: true,
        ending: true,
        completion: true,
    };
    let mut kept: Vec<Found> = Vec::new();
    for (place, found) in found.into_iter().enumerate().rev() {
        let place = Some(place);
        let counts = match &found.phrase {
            Phrase::Project(_) => place == last.project,
            Phrase::Priority(_) => place == last.priority,
            Phrase::Repeat(_) => place == last.repeat,
            Phrase::When(when) if when.day.is_some() => place == last.day,
            Phrase::When(_) if lost.binary_search(&found.chain).is_ok() => false,
            Phrase::When(when) if when.times.is_empty() => std::mem::take(&mut free.part),
            Phrase::When(_) => std::mem::take(&mut free.times),
            Phrase::Ending(_) => {
                Some(found.chain) == repeat_chain && std::mem::take(&mut free.ending)
            }
            Phrase::AfterCompletion => {
                Some(found.chain) == repeat_chain && std::mem::take(&mut free.completion)
            }
            Phrase::Tag(_) | Phrase::Remind(_) | Phrase::Request | Phrase::Link => true,
        };
        if counts {
            kept.push(found);
        }
    }
    kept.reverse();
    kept
}

/// What no phrase has said yet, from the end of the line.
struct Free {
    times: bool,
    part: bool,
    ending: bool,
    completion: bool,
}

fn has_day(found: &Found) -> bool {
    matches!(&found.phrase, Phrase::When(When { day: Some(_), .. }))
}

fn has_times(found: &Found) -> bool {
    matches!(&found.phrase, Phrase::When(when) if !when.times.is_empty())
}
