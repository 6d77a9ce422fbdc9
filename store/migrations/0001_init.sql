-- The whole data plane of one stack. Every timestamptz is UTC; every wall-clock time is `timestamp`.

create table users (
    id            uuid primary key,
    email         text not null,
    password_hash text not null,
    time_zone     text not null default 'UTC',
    created_at    timestamptz not null default now()
);
create unique index users_email on users (lower(email));

-- A user's own ways to be reached. `secret` signs webhooks (Standard Webhooks, whsec_…).
create table channels (
    id         uuid primary key,
    owner_id   uuid not null references users on delete cascade,
    kind       text not null check (kind in ('webhook')),
    url        text not null,
    secret     text not null,
    is_default boolean not null default true,
    created_at timestamptz not null default now()
);
create index channels_owner on channels (owner_id);

create table tasks (
    id           uuid primary key,
    owner_id     uuid not null references users on delete cascade,
    title        text not null,
    description  text not null default '',
    priority     smallint not null default 4 check (priority between 1 and 4),
    tags         text[] not null default '{}',
    due_date     date,          -- set with due_local null: all day
    due_local    timestamp,     -- wall clock in due_zone
    due_zone     text,
    due_at       timestamptz,   -- the instant, for sorting and filtering
    recurrence   jsonb,         -- domain::recurrence::SeriesSpec
    series_id    uuid,          -- id of the first task of the series
    occurrence   text,          -- original local time in the series (RECURRENCE-ID)
    reminders    jsonb not null default '[]',  -- [domain::task::ReminderSpec], as its owner wrote them
    completed_at timestamptz,
    deleted_at   timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    version      bigint not null default 1
);
-- The list, in each of its orders; deleted tasks are never listed.
create index tasks_owner_created on tasks (owner_id, created_at, id) where deleted_at is null;
create index tasks_owner_due on tasks (owner_id, due_at, id) where deleted_at is null;
create index tasks_owner_priority on tasks (owner_id, priority, id) where deleted_at is null;
create index tasks_tags on tasks using gin (tags);
create index tasks_series on tasks (series_id) where series_id is not null;

-- One row a reminder, whoever made it. Postgres is the truth; the Dapr Job is only the alarm clock.
create table reminders (
    id               uuid primary key,
    origin           text not null check (origin in ('api', 'kubernetes')),
    object           text,                     -- namespace/name of the ReminderJob
    owner_id         uuid references users on delete cascade,
    task_id          uuid references tasks on delete cascade,
    task_template    jsonb,                    -- domain::internal_api::TaskTemplate
    message          text not null,
    channels         jsonb not null default '[]',
    fire_at          timestamptz not null,
    deadline_seconds bigint,
    suspended        boolean not null default false,
    generation       bigint not null default 1,
    occurrence       int not null default 0,
    phase            text not null default 'Pending' check (phase in
        ('Pending', 'Scheduled', 'Fired', 'Delivered', 'Failed', 'Missed', 'Cancelled')),
    scheduled_generation bigint,               -- generation that the alarm clock last took
    fired_at         timestamptz,
    finished_at      timestamptz,
    reason           text,                     -- why it failed or was missed
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    -- The transaction of the last change. `changed_tx < pg_snapshot_xmin(pg_current_snapshot())`
    -- reads only what no running transaction can still precede, so a follower misses nothing.
    changed_tx       xid8 not null default pg_current_xact_id()
);
create index reminders_waiting on reminders (fire_at, id) where phase in ('Pending', 'Scheduled');
-- What the sweep mends: alarms not yet set, and alarms left over.
create index reminders_unarmed on reminders (fire_at) where phase = 'Pending' and not suspended;
create index reminders_left_over on reminders (updated_at)
    where scheduled_generation is not null and (suspended or phase not in ('Pending', 'Scheduled'));
-- Fired, and nobody serves its channels.
create index reminders_fired on reminders (fired_at) where phase = 'Fired';
create index reminders_task on reminders (task_id) where task_id is not null;
create index reminders_changed on reminders (changed_tx, id);

create function reminders_touch() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    new.changed_tx := pg_current_xact_id();
    return new;
end $$;
create trigger reminders_touch before update on reminders
    for each row execute function reminders_touch();

-- The claim: at most one row for each firing, whichever path (alarm or sweep) was first.
create table firings (
    reminder_id uuid not null references reminders on delete cascade,
    occurrence  int not null,
    generation  bigint not null,
    fired_at    timestamptz not null,
    lateness_ms bigint not null,
    path        text not null check (path in ('alarm', 'sweep')),
    primary key (reminder_id, occurrence)
);

-- At most one delivery for each (reminder, occurrence, channel).
create table deliveries (
    reminder_id     uuid not null references reminders on delete cascade,
    occurrence      int not null,
    channel         text not null,             -- domain::reminder::Channel::key
    target          jsonb not null,            -- domain::reminder::Channel
    body            jsonb not null,            -- domain::reminder::ReminderEvent
    owner_id        uuid,
    idempotency_key uuid not null,
    state           text not null default 'Pending' check (state in ('Pending', 'Delivered', 'Failed')),
    attempts        int not null default 0,
    next_attempt_at timestamptz not null default now(),
    last_error      text,
    delivered_at    timestamptz,
    created_at      timestamptz not null default now(),
    primary key (reminder_id, occurrence, channel)
);
create index deliveries_due on deliveries (next_attempt_at) where state = 'Pending';

-- Events to publish, written in the transaction of their cause. A shard keeps one subject's order.
create table outbox (
    seq          bigint generated always as identity primary key,
    event_id     uuid not null unique,
    topic        text not null,
    subject      text not null,
    shard        smallint not null,            -- hash of subject, 0 to 15
    event        jsonb not null,               -- domain::event::Event
    created_at   timestamptz not null default clock_timestamp(),
    published_at timestamptz
);
-- By place alone: a relay holds most shards, and a backlog must not be sorted for each batch.
create index outbox_unpublished on outbox (seq) where published_at is null;
create index outbox_published on outbox (published_at) where published_at is not null;

-- A device that comes back reads what it missed.
create index outbox_notices on outbox ((event->>'owner'), created_at) where topic = 'task-updates';

create function outbox_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('todostack_outbox', '');
    return null;
end $$;
create trigger outbox_notify after insert on outbox
    for each statement execute function outbox_notify();

-- Events that a consumer has dealt with, written in the transaction of their effect.
create table inbox (
    consumer    text not null,
    event_id    uuid not null,
    received_at timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_received on inbox (received_at);

-- Append-only.
create table audit (
    seq         bigint generated always as identity primary key,
    event_id    uuid not null unique,
    type        text not null,
    subject     text not null,
    owner_id    uuid,
    time        timestamptz not null,
    data        jsonb not null,
    recorded_at timestamptz not null default now()
);
create index audit_owner on audit (owner_id, seq);
create index audit_subject on audit (subject, seq);

create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'audit is append-only';
end $$;
create trigger audit_is_append_only before update or delete on audit
    for each statement execute function audit_is_append_only();
