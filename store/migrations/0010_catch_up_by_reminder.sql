-- What becomes of a reminder that is overdue (domain::reminder::CatchUpMode); null: what the stack says.
-- `series`: the uid of the RecurringSchedule; a task's reminder has the series of its task.
alter table reminders
    add column catch_up text check (catch_up in ('Skip', 'Latest', 'All')),
    add column series uuid,
    -- The occurrence that the alarm of `scheduled_generation` was set for, which is part of its name; null:
    -- it was set before this was noted, for the occurrence that the row has.
    add column scheduled_occurrence int;

-- `Latest` asks for the newest of a series that waits.
create index reminders_series on reminders (series, fire_at)
    where series is not null and phase in ('Pending', 'Scheduled');

-- An alarm is left over too where its reminder waits for another time, and none is set for that yet: of one
-- that was put off beyond the alarm clock's horizon.
drop index reminders_left_over;
create index reminders_left_over on reminders (updated_at)
    where scheduled_generation is not null and (suspended or phase <> 'Scheduled');
