//! What a list request asks for. Each parameter becomes a part of one filter.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::{
    filter::{Condition, DateField, Edge, Filter, FilterError, Moment, Name, Range, Thing},
    search,
    task::{Priority, limits},
};
use store::{
    saved_filters::SavedFilter,
    tasks::{Order, Position, Selection, Sort},
};
use uuid::Uuid;

use crate::{cursor, error::Result, query::Parameters};

/// What a list request asks for.
pub(super) struct Asked {
    filter: Filter,
    /// Some of it was written in the language of filters.
    is_written: bool,
    /// Some of it is a day of its owner's.
    has_days: bool,
    project: Option<Option<Uuid>>,
    parent: Option<Option<Uuid>>,
    /// What is searched for.
    pub(super) text: Option<String>,
    pub(super) order: Order,
    pub(super) after: Option<Position>,
    /// The page before listed what resembles the text.
    pub(super) is_fuzzy: bool,
    pub(super) limit: u32,
    pub(super) total: bool,
}

/// A filter that a word means.
type Meaning = Option<fn() -> Filter>;

impl Asked {
    /// Reads the parameters of a request that names this `saved` filter, or none.
    ///
    /// # Errors
    /// What cannot be understood.
    pub(super) fn read(mut parameters: Parameters, saved: Option<SavedFilter>) -> Result<Self> {
        let text = text(&mut parameters);
        let order = order(&mut parameters, text.is_some(), saved.as_ref());
        let written: Vec<Filter> = written(&mut parameters)
            .into_iter()
            .chain(saved.map(|saved| saved.filter))
            .collect();
        let dates: Vec<Filter> = [
            (DateField::Due, "dueBefore", "dueAfter"),
            (DateField::Created, "createdBefore", "createdAfter"),
            (DateField::Updated, "updatedBefore", "updatedAfter"),
            (DateField::Completed, "completedBefore", "completedAfter"),
        ]
        .into_iter()
        .filter_map(|(field, before, after)| dates(&mut parameters, field, before, after))
        .collect();
        // What speaks of completion must not be held against open tasks only.
        let speaks_of_completion = order.sort == Sort::Completed
            || dates.iter().any(|date| {
                matches!(
                    date,
                    Filter::Condition(Condition::Date(DateField::Completed, _))
                )
            });
        let status = status(&mut parameters).unwrap_or_else(|| {
            if speaks_of_completion {
                Filter::done()
            } else if !written.is_empty() {
                Filter::ALL
            } else {
                Filter::open()
            }
        });
        if order.sort == Sort::Completed && status != Filter::done() {
            let message = "completed needs status=completed: open tasks have no place in it";
            parameters.errors.push("sort", message);
        }
        let due = due(&mut parameters);
        let is_written = !written.is_empty();
        let has_days = is_written || due.is_some();
        let mut parts = vec![status];
        parts.extend(priorities(&mut parameters));
        parts.extend(tags(&mut parameters));
        parts.extend(due);
        parts.extend(dates);
        for (name, thing) in [
            ("hasReminder", Thing::Reminder),
            ("isRecurring", Thing::Recurrence),
        ] {
            let wanted = parameters.flag(name);
            let has = Filter::from(Condition::Has(thing));
            parts.extend(wanted.map(|wanted| if wanted { has } else { !has }));
        }
        parts.extend(written);
        let project = of(&mut parameters, "project", "inbox");
        let parent = of(&mut parameters, "parent", "none");
        let limit = parameters.limit();
        let total = parameters.flag("total").unwrap_or_default();
        let after = parameters.cursor(|cursor| {
            let (position, is_fuzzy) = cursor::decode(order, cursor)?;
            (text.is_some() || !is_fuzzy).then_some((position, is_fuzzy))
        });
        let (after, is_fuzzy) = after.unzip();
        parameters.finish()?;
        Ok(Self {
            filter: Filter::all_of(parts),
            is_written,
            has_days,
            project,
            parent,
            text,
            order,
            after,
            is_fuzzy: is_fuzzy.unwrap_or_default(),
            limit,
            total,
        })
    }

    /// Whether it means other tasks to another user: in another zone, in another language.
    pub(super) fn needs_user(&self) -> bool {
        self.has_days || self.text.is_some()
    }

    /// The tasks that it means of an owner in `zone` at `now`.
    pub(super) fn selection(&self, zone: Tz, now: DateTime<Utc>) -> Selection {
        Selection {
            filter: self.filter.resolve(zone, now),
            project: self.project,
            parent: self.parent,
            search: None,
            is_one_of_many: self.is_written,
        }
    }
}

/// What is written in the language of filters.
fn written(parameters: &mut Parameters) -> Option<Filter> {
    let text = parameters.one("filter")?;
    match Filter::parse(&text) {
        Ok(filter) => Some(filter),
        Err(error) => {
            parameters.errors.push("filter", complaint(&error));
            None
        }
    }
}

/// What is wrong with a filter, with its place in UTF-16 code units, as JavaScript counts.
pub(in crate::routes) fn complaint(error: &FilterError) -> String {
    let place = &error.span.utf16;
    format!("characters {} to {}: {error}", place.start, place.end)
}

fn status(parameters: &mut Parameters) -> Option<Filter> {
    let meaning: Meaning = parameters.word(
        "status",
        &[
            ("open", Some(Filter::open as fn() -> Filter)),
            ("completed", Some(Filter::done)),
            ("all", Some(|| Filter::ALL)),
        ],
    );
    meaning.map(|filter| filter())
}

fn due(parameters: &mut Parameters) -> Option<Filter> {
    let meaning: Meaning = parameters.word(
        "due",
        &[
            ("overdue", Some(Filter::overdue as fn() -> Filter)),
            ("today", Some(Filter::today)),
            ("week", Some(Filter::week)),
            ("none", Some(|| !Filter::due(Range::ANY))),
        ],
    );
    meaning.map(|filter| filter())
}

fn dates(
    parameters: &mut Parameters,
    field: DateField,
    before: &str,
    after: &str,
) -> Option<Filter> {
    let start = |at| Edge::Start(Moment::Instant(at));
    let range = Range {
        from: parameters.instant(after).map(start),
        to: parameters.instant(before).map(start),
    };
    (range != Range::ANY).then(|| Condition::Date(field, range).into())
}

fn priorities(parameters: &mut Parameters) -> Option<Filter> {
    let mut wanted: Vec<Filter> = Vec::new();
    for text in parameters.all("priority") {
        let priority = match text.as_str() {
            "P1" => Priority::P1,
            "P2" => Priority::P2,
            "P3" => Priority::P3,
            "P4" => Priority::P4,
            _ => {
                let message = "must be one of P1, P2, P3, P4";
                parameters.errors.push("priority", message);
                continue;
            }
        };
        wanted.push(Filter::from(Condition::Priority(priority)));
    }
    (!wanted.is_empty()).then(|| Filter::any_of(wanted))
}

fn tags(parameters: &mut Parameters) -> Vec<Filter> {
    let mut parts = named(parameters, "tag");
    let any = named(parameters, "tagAny");
    if !any.is_empty() {
        parts.push(Filter::any_of(any));
    }
    parts.extend(named(parameters, "tagNone").into_iter().map(|tag| !tag));
    parts
}

/// A condition for each tag that a parameter names.
fn named(parameters: &mut Parameters, name: &str) -> Vec<Filter> {
    let tags = parameters.all(name);
    if tags.len() > limits::TAGS {
        let message = format!("must be given at most {} times", limits::TAGS);
        parameters.errors.push(name, message);
    }
    if tags.iter().any(|tag| tag.chars().count() > limits::TAG) {
        let message = format!("must have at most {} characters", limits::TAG);
        parameters.errors.push(name, message);
    }
    tags.into_iter()
        .map(|tag| Filter::from(Condition::Tag(Name::Is(tag))))
        .collect()
}

/// What is searched for.
fn text(parameters: &mut Parameters) -> Option<String> {
    let text = parameters.one("q")?;
    if text.is_empty() || text.chars().count() > search::MOST_CHARACTERS {
        let message = format!("must have 1 to {} characters", search::MOST_CHARACTERS);
        parameters.errors.push("q", message);
    }
    Some(text)
}

/// What is searched for comes as it fits, the best first, unless another order is asked for; what is not
/// searched for as the `saved` filter says.
fn order(parameters: &mut Parameters, is_search: bool, saved: Option<&SavedFilter>) -> Order {
    let words = Sort::ALL.map(|sort| (sort.as_str(), Some(sort)));
    let sort: Option<Sort> = parameters.word("sort", &words);
    if sort == Some(Sort::Relevance) && !is_search {
        let message = "relevance needs q: nothing is searched for";
        parameters.errors.push("sort", message);
    }
    let saved = saved.filter(|_| sort.is_none() && !is_search);
    let sort = sort.unwrap_or(if is_search {
        Sort::Relevance
    } else {
        saved.and_then(|saved| saved.sort).unwrap_or_default()
    });
    let descending = parameters
        .word("order", &[("asc", Some(false)), ("desc", Some(true))])
        .or(saved.and_then(|saved| saved.descending));
    Order {
        sort,
        descending: descending.unwrap_or(sort == Sort::Relevance),
    }
}

/// The value of a parameter that names something by its id, or by a word the lack of it.
fn of(parameters: &mut Parameters, name: &str, lack: &str) -> Option<Option<Uuid>> {
    let value = parameters.one(name)?;
    if value == lack {
        return Some(None);
    }
    let id = value.parse().ok();
    if id.is_none() {
        parameters
            .errors
            .push(name, format!("must be an id, or {lack}"));
    }
    id.map(Some)
}
