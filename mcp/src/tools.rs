//! The tools, a file for each noun.

mod edit;
mod list;
mod names;
mod quick;
mod recurring;
mod reminders;
mod tasks;

use std::sync::LazyLock;

use rmcp::model::{self, CallToolResult, JsonObject};

pub(crate) use list::{TaskPage, pages};
pub(crate) use tasks::read as read_task;

use crate::{
    api::Api,
    tool::{Tool, describe, run},
};

macro_rules! tools {
    ($($tool:ty),* $(,)?) => {
        /// Every tool, as clients are told of them.
        pub fn all() -> &'static [model::Tool] {
            static ALL: LazyLock<Vec<model::Tool>> = LazyLock::new(|| vec![$(describe::<$tool>()),*]);
            &ALL
        }

        /// Calls the tool of this name; none: there is none.
        pub(crate) async fn call(
            api: &Api<'_>,
            name: &str,
            arguments: JsonObject,
        ) -> Option<CallToolResult> {
            $(
                if name == <$tool as Tool>::NAME {
                    return Some(Box::pin(run::<$tool>(api, arguments)).await);
                }
            )*
            None
        }
    };
}

tools![
    tasks::Add,
    quick::QuickAdd,
    list::List,
    list::Search,
    tasks::Get,
    edit::Update,
    edit::Complete,
    edit::Reopen,
    edit::Delete,
    edit::Restore,
    names::Tags,
    names::Projects,
    recurring::Recurring,
    recurring::Preview,
    reminders::Set,
    reminders::Snooze,
    reminders::History,
];
