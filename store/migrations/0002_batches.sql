-- The relay is woken by a notification of its own after commits (store::Wake): a NOTIFY inside of the
-- write transaction takes a lock of the whole server until its commit is durable.
drop trigger outbox_notify on outbox;
drop function outbox_notify();

-- An event that the broker refuses, while it takes others, is tried some times and then set aside with
-- the reason; `todostack-services dead-letters` lists it and puts it back.
alter table outbox
    add column attempts     smallint not null default 0,
    add column last_error   text,
    add column set_aside_at timestamptz;
drop index outbox_unpublished;
create index outbox_unpublished on outbox (seq) where published_at is null and set_aside_at is null;
create index outbox_set_aside on outbox (seq) where set_aside_at is not null;
-- Old events are pruned from the lowest place on, which the primary key finds.
drop index outbox_published;

-- One index finds what waits, and what of it has no alarm yet.
drop index reminders_waiting;
drop index reminders_unarmed;
create index reminders_waiting on reminders (phase, fire_at, id) where phase in ('Pending', 'Scheduled');
-- What retention deletes.
create index reminders_finished on reminders (finished_at) where finished_at is not null;

-- Of one user's tasks the owner's indexes find those with a tag; over all users' tasks it finds too many.
drop index tasks_tags;

-- Reminders of a ReminderJob that is gone: they are kept only as long as retention says. Others stay
-- while their object does, which would make them anew.
alter table reminders add column released_at timestamptz;

-- How many late reminders this second has seen: one row, so that the cap holds for all replicas.
create table catch_up (
    only_one boolean primary key default true check (only_one),
    second   timestamptz not null default 'epoch',
    fired    int not null default 0
);
insert into catch_up default values;

-- Which server, database and timeline this data was last seen on. On another one transaction ids have
-- begun again or gone back, and the alarm clock knows nothing of what was restored.
create table seen_on (
    only_one boolean primary key default true check (only_one),
    identity text not null
);

-- A change of zone moves the open all-day tasks in steps: up to which task they are moved.
alter table users
    add column rezone_after uuid,
    add column rezone_since timestamptz;
create index users_rezone on users (rezone_since) where rezone_since is not null;
