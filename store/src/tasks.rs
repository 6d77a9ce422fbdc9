//! Tasks.
//!
//! Every write here is whole: the task, the rows of its reminders and its event in the outbox, all
//! on the caller's connection, so that one transaction holds them. Callers never write those
//! beside it.

mod create;
mod create_all;
mod list;
mod many;
mod moves;
mod place;
mod read;
mod reword;
mod rezone;
mod row;
mod write;

pub use create::{Created, create, create_in_zone};
pub use create_all::{create_all, import_all};
pub use list::{
    COMPARED, COUNTED, Key, Order, Page, Position, RANKED, Search, Selection, Sort, TITLE_KEY,
    Total, count, list,
};
pub(crate) use many::{Edit, delete_all, edit_all};
pub use many::{lock_below_all, locked};
pub use moves::{Moved, Spot, move_to, put};
pub use place::{Misplaced, Place, Standing, place, standing};
pub use read::{
    TaskReminder, get, get_all, get_for_update, is_last_of_series, owner_of, reminders_of, taken,
};
pub use reword::reword_step;
pub use rezone::rezone_step;
pub(crate) use row::{TaskReader, TaskRow, position, tasks_of};
pub use write::{complete, delete, reopen, restore, update};
