//! Where the tasks of a file stand under one another.

use std::collections::HashMap;

use domain::task::limits;
use sqlx::PgConnection;
use store::{Owner, tasks::Standing};
use uuid::Uuid;

/// Where tasks stand that others are put under: those that this run has made, and those that it has met.
#[derive(Debug, Default)]
pub(super) struct Places {
    standing: HashMap<Uuid, Standing>,
    /// Open subtasks of those at the top, all levels together.
    subtasks: HashMap<Uuid, usize>,
}

impl Places {
    /// Puts a new task under `parent`, if it may stand there: its project is then that of the parent. Otherwise
    /// it stands at the top of `project`. Answers both, and why it does not stand where it was to.
    pub(super) fn put(
        &mut self,
        id: Uuid,
        open: bool,
        parent: Option<Uuid>,
        project: Option<Uuid>,
    ) -> (Option<Uuid>, Option<Uuid>, Option<&'static str>) {
        let (above, why) = match parent {
            None => (None, None),
            Some(parent) => match self.under(parent, open) {
                Ok(above) => (Some((parent, above)), None),
                Err(why) => (None, Some(why)),
            },
        };
        let standing = match above {
            Some((_, above)) => Standing {
                open,
                level: above.level + 1,
                ..above
            },
            None => Standing {
                project,
                open,
                level: 1,
                top: id,
                subtasks: 0,
            },
        };
        if open && above.is_some() {
            *self.subtasks.entry(standing.top).or_default() += 1;
        }
        self.standing.insert(id, standing);
        (above.map(|(parent, _)| parent), standing.project, why)
    }

    fn under(&self, parent: Uuid, open: bool) -> Result<Standing, &'static str> {
        let above = self.standing.get(&parent).copied();
        let above = above.ok_or("its parent is not taken, or not there any more")?;
        if open && !above.open {
            return Err("its parent is completed, and it is not");
        }
        if above.level >= limits::LEVELS {
            return Err("it would be on a sixth level");
        }
        let subtasks = self.subtasks.get(&above.top).copied().unwrap_or_default();
        if open && subtasks >= limits::SUBTASKS {
            return Err("there would be more than 200 open subtasks");
        }
        Ok(above)
    }

    /// Learns where a task stands that was there before.
    pub(super) async fn meet(
        &mut self,
        conn: &mut PgConnection,
        owner: Owner,
        id: Uuid,
    ) -> sqlx::Result<()> {
        if self.standing.contains_key(&id) {
            return Ok(());
        }
        if let Some(standing) = store::tasks::standing(conn, owner, id).await? {
            self.subtasks
                .entry(standing.top)
                .or_insert(standing.subtasks);
            self.standing.insert(id, standing);
        }
        Ok(())
    }
}
