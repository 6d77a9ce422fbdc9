-- Secret addresses at which users' calendars are read (store::calendar_feeds), one for each user.
create table calendar_feeds (
    user_id    uuid primary key references users (id) on delete cascade,
    hash       bytea not null unique,  -- SHA-256 of the secret
    created_at timestamptz not null,
    read_at    timestamptz             -- to within an hour
);
