-- Browsers' push subscriptions: `url` is the endpoint, `secret` the keys (domain::web_push).
alter table channels
    drop constraint channels_kind_check,
    add check (kind in ('webhook', 'email', 'ntfy', 'slack', 'binding', 'webPush'));
-- A browser that subscribes again is the channel that it was.
create unique index channels_subscription on channels (owner_id, url) where kind = 'webPush';

-- Since when a channel is not tried any more, and why: its receiver said that it is gone.
alter table channels
    add column disabled_at timestamptz,
    add column disabled_reason text;

-- From when on the time after which a delivery is given up counts: its first attempt could be made. For
-- what waits already, now.
alter table deliveries add column began_at timestamptz not null default now();

-- Once on each local day of a user, at a time of the day by the clock of the user's zone, a message with
-- what is due. `last_day`: the latest day that has had its own, or needs none.
create table digests (
    owner_id uuid primary key references users on delete cascade,
    at       time not null,
    channels jsonb not null default '[]',      -- [domain::reminder::Channel]
    last_day date not null,
    next_at  timestamptz not null
);
create index digests_next on digests (next_at);
