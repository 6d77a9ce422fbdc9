//! Our own format, which has all of a task: one JSON document.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Entry, File, ProjectEntry, TASKS, Unreadable, short};

/// What a document says of itself.
pub const FORMAT: &str = "todostack-tasks";

/// The version of the format.
pub const VERSION: u32 = 1;

/// The beginning of a document; [`TAIL`] ends it, and between them stand tasks, commas between.
///
/// # Errors
/// Never: its keys are text.
pub fn head(projects: &[ProjectEntry]) -> serde_json::Result<String> {
    let projects = serde_json::to_string(projects)?;
    Ok(format!(
        "{{\"format\":\"{FORMAT}\",\"version\":{VERSION},\"projects\":{projects},\"tasks\":["
    ))
}

/// The end of a document.
pub const TAIL: &str = "\n]}\n";

/// A task, the `first` of a document or not.
///
/// # Errors
/// Never: its keys are text.
pub fn task(entry: &Entry, first: bool) -> serde_json::Result<String> {
    let comma = if first { "\n" } else { ",\n" };
    Ok(format!("{comma}{}", serde_json::to_string(entry)?))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document<'a> {
    format: String,
    version: u32,
    #[serde(default)]
    projects: Few<ProjectEntry>,
    #[serde(borrow)]
    tasks: Few<&'a RawValue>,
}

/// A list that ends the reading when it gets too long: whoever sends `[0,0,0,…` gets no memory for it.
struct Few<T>(Vec<T>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {TASKS}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Few<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() >= TASKS {
                        return Err(de::Error::custom(format_args!(
                            "a list holds more than {TASKS}"
                        )));
                    }
                    items.push(item);
                }
                Ok(Few(items))
            }
        }
        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// Reads a document.
///
/// # Errors
/// Where it is no such document.
pub fn read(text: &str) -> Result<File, Unreadable> {
    let document: Document = serde_json::from_str(text).map_err(|error| {
        Unreadable(format!(
            "is no export of tasks: {}",
            short(&error.to_string(), 200)
        ))
    })?;
    if document.format != FORMAT || document.version != VERSION {
        return Err(Unreadable(format!(
            "is no export of tasks: `format` must be `{FORMAT}`, `version` {VERSION}"
        )));
    }
    let mut file = File {
        projects: document.projects.0,
        ..File::default()
    };
    for (line, task) in (1..).zip(document.tasks.0) {
        let mut reader = serde_json::Deserializer::from_str(task.get());
        let mut entry: Entry = match serde_path_to_error::deserialize(&mut reader) {
            Ok(entry) => entry,
            Err(error) => {
                file.refuse(line, fault(&error));
                continue;
            }
        };
        if entry
            .project
            .is_some_and(|number| number >= file.projects.len())
        {
            entry.project = None;
            file.note(
                line,
                "its project is none of the file's: it goes to the inbox",
            );
        }
        file.take(line, entry)?;
    }
    Ok(file)
}

/// The field at fault and why. That it is in a line of the task, the first mostly, says nothing.
fn fault(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let why = error.inner().to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    match error.path().to_string().as_str() {
        "." => why.to_owned(),
        path => format!("{path}: {why}"),
    }
}
