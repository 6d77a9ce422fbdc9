//! The canonical text of a filter: one spelling of each meaning of a condition, no needless parentheses,
//! and what [`Filter::parse`] reads as an equal filter, within its limits.

use std::fmt::{self, Display, Formatter, Write as _};

use super::{Condition, DateField, Edge, Filter, Name, Range, Thing, words::is_word};

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) if parts.is_empty() => f.write_str("all"),
            Self::Or(parts) if parts.is_empty() => f.write_str("nothing"),
            Self::And(parts) => conjunction(f, parts),
            Self::Or(parts) => join(f, " | ", parts),
            Self::Not(inner) => negation(f, inner),
            Self::Condition(condition) => condition.fmt(f),
        }
    }
}

fn join(f: &mut Formatter<'_>, operator: &str, parts: &[impl Display]) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(operator)?;
        }
        part.fmt(f)?;
    }
    Ok(())
}

/// Writes what `&` joins, `overdue` for the two conditions that it is short for.
fn conjunction(f: &mut Formatter<'_>, parts: &[Filter]) -> fmt::Result {
    let overdue = Filter::parts_of_overdue();
    let mut rest = parts;
    while let Some((first, after)) = rest.split_first() {
        if rest.len() < parts.len() {
            f.write_str(" & ")?;
        }
        if let Some(after) = rest.strip_prefix(overdue.as_slice()) {
            f.write_str("overdue")?;
            rest = after;
        } else {
            operand(f, first)?;
            rest = after;
        }
    }
    Ok(())
}

fn negation(f: &mut Formatter<'_>, inner: &Filter) -> fmt::Result {
    if *inner == Filter::done() {
        return f.write_str("open");
    }
    if let Filter::Condition(condition) = inner
        && let Some(thing) = condition.to_string().strip_prefix("has ")
    {
        return write!(f, "no {thing}");
    }
    f.write_char('!')?;
    operand(f, inner)
}

/// Writes what stands beside `&` or after `!`, in parentheses where `|` or another `&` is in it.
fn operand(f: &mut Formatter<'_>, filter: &Filter) -> fmt::Result {
    let is_one = match filter {
        Filter::And(parts) => parts.is_empty() || *filter == Filter::overdue(),
        Filter::Or(parts) => parts.is_empty(),
        Filter::Not(_) | Filter::Condition(_) => true,
    };
    if is_one {
        filter.fmt(f)
    } else {
        write!(f, "({filter})")
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Priority(priority) => write!(f, "p{}", priority.number()),
            Self::Has(thing) => f.write_str(match thing {
                Thing::Project => "has project",
                Thing::Tags => "has tags",
                Thing::Reminder => "has reminder",
                Thing::Recurrence => "recurring",
                Thing::Parent => "subtask",
            }),
            Self::Project(name) => write!(f, "#{name}"),
            Self::Tag(name) => write!(f, "@{name}"),
            Self::Date(field, range) => date(f, *field, range),
            Self::Title(text) => write!(f, "title: {}", Value(text)),
            Self::Text(text) => write!(f, "text: {}", Value(text)),
        }
    }
}

fn date(f: &mut Formatter<'_>, field: DateField, range: &Range) -> fmt::Result {
    let name = field.as_str();
    match (range.from, range.to) {
        (None, None) if field == DateField::Completed => f.write_str("done"),
        (None, None) => write!(f, "has {name}"),
        (None, Some(Edge::Start(moment))) => write!(f, "{name} < {moment}"),
        (None, Some(Edge::End(moment))) => write!(f, "{name} <= {moment}"),
        (Some(Edge::Start(moment)), None) => write!(f, "{name} >= {moment}"),
        (Some(Edge::End(moment)), None) => write!(f, "{name} > {moment}"),
        (Some(Edge::Start(first)), Some(Edge::End(last))) if first == last => {
            write!(f, "{name}: {first}")
        }
        (Some(from), Some(to)) => {
            match from {
                Edge::Start(first) => write!(f, "{name}: {first}..")?,
                Edge::End(before) => write!(f, "{name}: {before}<..")?,
            }
            match to {
                Edge::Start(after) => write!(f, "<{after}"),
                Edge::End(last) => write!(f, "{last}"),
            }
        }
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is(name) => Value(name).fmt(f),
            Self::StartsWith(beginning) => write!(f, "{}*", Value(beginning)),
        }
    }
}

/// A name or a text, in quotes where it needs them.
pub(super) struct Value<'a>(pub(super) &'a str);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if is_word(self.0) {
            return f.write_str(self.0);
        }
        f.write_char('"')?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(c)?;
        }
        f.write_char('"')
    }
}
