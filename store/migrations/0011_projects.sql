-- Projects, subtasks and a manual order; what follows an instance that was edited alone.

create table projects (
    id          uuid primary key,
    owner_id    uuid not null references users on delete cascade,
    name        text not null,
    name_key    text not null,              -- domain::project::name_key
    color       text,                       -- #rrggbb
    position    text collate "C" not null,  -- domain::position
    archived_at timestamptz,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    version     bigint not null default 1
);
create index projects_owner on projects (owner_id, position, id);
create unique index projects_name on projects (owner_id, name_key) where archived_at is null;

alter table tasks
    add column project_id   uuid references projects,
    add column parent_id    uuid references tasks on delete cascade,
    add column position     text collate "C",  -- domain::position
    add column following    jsonb,             -- domain::task::Following
    add column deleted_with uuid;              -- the task whose deletion took this one along; itself for that one

-- Tasks that are there stand in the order in which they came to be: Position::last, as SQL.
update tasks set position = '8' || lpad(to_hex((extract(epoch from created_at) * 1000000)::bigint), 14, '0')
    || right(id::text, 4) || '8';
-- A gateway of the version before says nothing of a position while the stack is being updated.
alter table tasks
    alter column position set default '8' || lpad(to_hex((extract(epoch from now()) * 1000000)::bigint), 14, '0')
        || lpad(to_hex((random() * 65535)::int), 4, '0') || '8',
    alter column position set not null;

-- The manual order of all tasks, of a project's, and of the subtasks of one.
create index tasks_owner_position on tasks (owner_id, position, id) where deleted_at is null;
create index tasks_project on tasks (project_id, position, id) where project_id is not null;
create index tasks_parent on tasks (parent_id, position, id) where parent_id is not null;
-- Tags, their counts and renames.
create index tasks_tagged on tasks (owner_id, id) where tags <> '{}';
-- The series that go on, one entry for each open instance; and what was completed of a series.
create index tasks_recurring on tasks (owner_id, series_id)
    where recurrence is not null and completed_at is null and deleted_at is null;
drop index tasks_series;
create index tasks_series on tasks (series_id, completed_at, id) where series_id is not null;
