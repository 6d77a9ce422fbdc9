//! A filter as SQL: true of exactly the tasks for which `domain::filter` says so.
//!
//! What is written here may be null where it is not true, as comparisons with a null are. `and` and `or`
//! of such are true when they should be; only a negation has to tell null from true, and does.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use domain::filter::{Condition, DateField, Filter, Name, Range, Resolved, Thing, small_letters};
use sqlx::{Postgres, QueryBuilder};

use crate::Owner;

/// Narrows a query of the `owner`'s rows of `tasks`, which has conditions already.
pub(super) fn narrow(query: &mut QueryBuilder<Postgres>, owner: Owner, filter: &Resolved) {
    // Each part by itself: Postgres looks for indexes among these.
    let parts = match filter {
        Filter::And { 0: parts, .. } => parts.as_slice(),
        other => std::slice::from_ref(other),
    };
    for part in parts {
        query.push(" and ");
        push(query, owner, part);
    }
}

fn push(query: &mut QueryBuilder<Postgres>, owner: Owner, filter: &Resolved) {
    match filter {
        Filter::And { 0: parts, .. } => join(query, owner, parts, " and ", "true"),
        Filter::Or { 0: parts, .. } => join(query, owner, parts, " or ", "false"),
        Filter::Not(inner) => {
            if let Filter::Condition(condition) = &**inner
                && let Some((_, lack)) = presence(condition)
            {
                query.push(lack);
            } else {
                query.push("(");
                push(query, owner, inner);
                query.push(") is not true");
            }
        }
        Filter::Condition(condition) => push_condition(query, owner, condition),
    }
}

fn join(
    query: &mut QueryBuilder<Postgres>,
    owner: Owner,
    parts: &[Resolved],
    operator: &str,
    of_none: &str,
) {
    if parts.is_empty() {
        query.push(of_none);
        return;
    }
    query.push("(");
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            query.push(operator);
        }
        push(query, owner, part);
    }
    query.push(")");
}

/// How SQL asks whether a task has something, and whether it lacks it, where a condition asks no more.
fn presence(condition: &Condition<DateTime<Utc>>) -> Option<(&'static str, &'static str)> {
    Some(match condition {
        Condition::Has(Thing::Project) => ("project_id is not null", "project_id is null"),
        Condition::Has(Thing::Tags) => ("tags <> '{}'", "tags = '{}'"),
        Condition::Has(Thing::Reminder) => ("reminders <> '[]'", "reminders = '[]'"),
        Condition::Has(Thing::Recurrence) => ("recurrence is not null", "recurrence is null"),
        Condition::Has(Thing::Parent) => ("parent_id is not null", "parent_id is null"),
        Condition::Date(
            field,
            Range {
                from: None,
                to: None,
            },
        ) => match field {
            DateField::Due => ("due_at is not null", "due_at is null"),
            DateField::Completed => ("completed_at is not null", "completed_at is null"),
            DateField::Created | DateField::Updated => ("true", "false"),
        },
        _ => return None,
    })
}

fn push_condition(
    query: &mut QueryBuilder<Postgres>,
    owner: Owner,
    condition: &Condition<DateTime<Utc>>,
) {
    if let Some((sql, _)) = presence(condition) {
        query.push(sql);
        return;
    }
    match condition {
        Condition::Priority(priority) => {
            query.push("priority = ").push_bind(priority.number());
        }
        Condition::Project(name) => {
            // Looked up once for a query. By projects_owner: a user has at most 500.
            query
                .push("project_id = any(array(select id from projects where owner_id = ")
                .push_bind(owner.id())
                .push(" and ");
            push_name(query, "name", name);
            query.push("))");
        }
        Condition::Tag(Name::Is(tag)) => {
            query.push_bind(tag.clone()).push(" = any(tags)");
        }
        Condition::Tag(name @ Name::StartsWith(_)) => {
            query.push("exists (select 1 from unnest(tags) as tag where ");
            push_name(query, "tag", name);
            query.push(")");
        }
        Condition::Date(field, range) => push_range(query, *field, range),
        Condition::Title(text) => push_contains(query, "title", text),
        Condition::Text(text) => {
            query.push("(");
            push_contains(query, "title", text);
            query.push(" or ");
            push_contains(query, "description", text);
            query.push(")");
        }
        // It is a presence.
        Condition::Has(_) => {}
    }
}

fn push_name(query: &mut QueryBuilder<Postgres>, column: &str, name: &Name) {
    match name {
        Name::Is(name) => query
            .push(format_args!("{column} = "))
            .push_bind(name.clone()),
        Name::StartsWith(beginning) => query
            .push(format_args!("starts_with({column}, "))
            .push_bind(beginning.clone())
            .push(")"),
    };
}

fn push_contains(query: &mut QueryBuilder<Postgres>, column: &str, text: &str) {
    query
        .push(format_args!("strpos(small_letters({column}), "))
        .push_bind(small_letters(text))
        .push(") > 0");
}

fn push_range(query: &mut QueryBuilder<Postgres>, field: DateField, range: &Range<DateTime<Utc>>) {
    let column = match field {
        DateField::Due => "due_at",
        DateField::Created => "created_at",
        DateField::Updated => "updated_at",
        DateField::Completed => "completed_at",
    };
    query.push("(");
    if let Some(from) = range.from {
        query
            .push(format_args!("{column} >= "))
            .push_bind(whole_micros(from));
    }
    if range.from.is_some() && range.to.is_some() {
        query.push(" and ");
    }
    if let Some(to) = range.to {
        query
            .push(format_args!("{column} < "))
            .push_bind(whole_micros(to));
    }
    query.push(")");
}

/// The first time from `at` on that Postgres can store: on the same side of each stored time.
fn whole_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    let before = at.trunc_subsecs(6);
    if before == at {
        return at;
    }
    before
        .checked_add_signed(TimeDelta::microseconds(1))
        .unwrap_or(before)
}
