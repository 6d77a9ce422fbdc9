//! What a write changed: by field, before and after.

use serde_json::{Map, Value, json};

use crate::task::Task;

/// Fields that change with each write and say nothing by it.
const EACH_WRITE: [&str; 2] = ["updatedAt", "version"];

/// The fields in which two versions of a task differ, as its JSON names them: `{"title": {"before": "Milk",
/// "after": "Oat milk"}}`. Null stands for a field that is not there.
pub fn between(before: &Task, after: &Task) -> Map<String, Value> {
    let fields = |task: &Task| match serde_json::to_value(task) {
        Ok(Value::Object(fields)) => fields,
        _ => unreachable!("a task is written as an object with plain fields"),
    };
    let (mut old, new) = (fields(before), fields(after));
    let mut changes = Map::new();
    for (name, after) in new {
        let before = old.remove(&name).unwrap_or(Value::Null);
        if before != after {
            changes.insert(name, change(before, after));
        }
    }
    for (name, before) in old {
        changes.insert(name, change(before, Value::Null));
    }
    for name in EACH_WRITE {
        changes.remove(name);
    }
    changes
}

/// One field's part of [`between`].
pub fn of(name: &str, before: impl Into<Value>, after: impl Into<Value>) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), change(before.into(), after.into()))])
}

fn change(before: Value, after: Value) -> Value {
    json!({ "before": before, "after": after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Priority;
    use chrono::DateTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn task() -> Task {
        Task::new(Uuid::nil(), Uuid::nil(), "Milk", DateTime::UNIX_EPOCH)
    }

    #[test]
    fn only_what_differs_is_told() {
        let before = task();
        let after = Task {
            title: "Oat milk".into(),
            due_at: Some(DateTime::UNIX_EPOCH),
            version: 2,
            updated_at: DateTime::UNIX_EPOCH + chrono::Duration::days(1),
            ..task()
        };
        let due = json!("1970-01-01T00:00:00Z");
        assert_eq!(
            Value::Object(between(&before, &after)),
            json!({
                "title": { "before": "Milk", "after": "Oat milk" },
                "dueAt": { "before": null, "after": due },
            })
        );
        assert_eq!(
            between(&after, &before)["dueAt"],
            json!({ "before": due, "after": null })
        );
        assert_eq!(between(&before, &before), Map::new());
    }

    proptest! {
        /// The changes take the fields of the one version to those of the other, in both directions.
        #[test]
        fn before_and_after_lead_from_one_version_to_the_other(
            titles in ("[ab]{0,2}", "[ab]{0,2}"),
            tags in (prop::collection::vec("[ab]", 0..3), prop::collection::vec("[ab]", 0..3)),
            numbers in (1..=4_i16, 1..=4_i16),
            completed in (any::<bool>(), any::<bool>()),
        ) {
            let make = |title: String, tags, number, completed: bool| Task {
                title,
                tags,
                priority: Priority::from_number(number),
                completed_at: completed.then_some(DateTime::UNIX_EPOCH),
                ..task()
            };
            let before = make(titles.0, tags.0, numbers.0, completed.0);
            let after = make(titles.1, tags.1, numbers.1, completed.1);
            for (from, to) in [(&before, &after), (&after, &before)] {
                let mut fields = serde_json::to_value(from).unwrap();
                for (name, change) in between(from, to) {
                    let fields = fields.as_object_mut().unwrap();
                    prop_assert_eq!(fields.remove(&name).unwrap_or_default(), change["before"].clone());
                    if !change["after"].is_null() {
                        fields.insert(name, change["after"].clone());
                    }
                }
                prop_assert_eq!(fields, serde_json::to_value(to).unwrap());
            }
        }
    }
}
