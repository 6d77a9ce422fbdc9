-- Files of tasks that are taken into an account, step by step (store::imports).

create table imports (
    id            uuid primary key,
    owner_id      uuid not null references users on delete cascade,
    format        text not null,
    dry_run       boolean not null,
    project_id    uuid references projects on delete set null,  -- for tasks that name none
    file          text,                   -- until it is done
    total         int not null,           -- tasks of the file
    taken         int not null default 0, -- of these, dealt with
    created       int not null default 0,
    existing      int not null default 0,
    refused       int not null default 0, -- lines of the file
    remarks       jsonb not null,         -- domain::transfer::Remark
    failure       text,                   -- why it was given up
    attempts      int not null default 0, -- since the last step
    claimed_until timestamptz,            -- by a gateway that works on it
    created_at    timestamptz not null,
    finished_at   timestamptz
);
create index imports_owner on imports (owner_id, created_at);
create index imports_waiting on imports (created_at) where finished_at is null;
-- For the project that goes.
create index imports_project on imports (project_id) where project_id is not null;
