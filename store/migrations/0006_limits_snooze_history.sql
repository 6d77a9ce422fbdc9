-- Attempts to log in or sign up, for all gateways together (store::attempts). Unlogged: after a crash of
-- the server they are counted anew, which costs an attacker's victim nothing that matters.
create unlogged table attempts (
    subject uuid primary key,        -- hash of account, address, or both
    since   timestamptz not null,    -- the window's begin
    count   int not null
);

-- A snoozed reminder fires at `fire_at`; this is when its owner, or its ReminderJob, wants it. Null: the
-- same. An edit that leaves that time as it is leaves the snooze too.
alter table reminders add column base_at timestamptz;

-- What happened to one reminder (store::reminders::history).
create index audit_reminder on audit ((data->>'reminderId'), seq) where data->>'reminderId' is not null;
