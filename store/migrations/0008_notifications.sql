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
