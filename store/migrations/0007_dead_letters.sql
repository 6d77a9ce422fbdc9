-- Events that a consumer could not deal with, and those that the broker never took (consumer `relay`):
-- one list for both. `retrying`: it failed, and comes again. `dead`: it comes no more, until somebody asks
-- for a `replaying`. A row goes when its event was dealt with.
create table dead_letters (
    id            bigint generated always as identity primary key,
    consumer      text not null,
    event_id      uuid not null,
    topic         text,                      -- without the stack's prefix; null: it cannot be told
    type          text,
    subject       text,
    body          text,                      -- the event as it came, which may be no event of ours
    reason        text,                      -- why it failed last; null: nobody knows
    state         text not null check (state in ('retrying', 'dead', 'replaying')),
    attempts      int not null default 1,
    first_seen_at timestamptz not null default now(),
    last_seen_at  timestamptz not null default now(),
    unique (consumer, event_id),
    check (state = 'retrying' or body is not null)
);
-- The list, what waits for each consumer, and what is replayed.
create index dead_letters_listed on dead_letters (consumer, id) where state <> 'retrying';
create index dead_letters_replaying on dead_letters (consumer, id) where state = 'replaying';
-- What retention deletes.
create index dead_letters_seen on dead_letters (last_seen_at);

-- What the relay set aside belongs there too.
with gone as (
    delete from outbox where set_aside_at is not null
    returning event_id, topic, subject, event, last_error, attempts, created_at, set_aside_at)
insert into dead_letters (consumer, event_id, topic, type, subject, body, reason, state, attempts,
    first_seen_at, last_seen_at)
select 'relay', event_id, topic, event->>'type', subject, event::text, last_error, 'dead', attempts,
    created_at, set_aside_at
from gone;

drop index outbox_set_aside;
-- `outbox.set_aside_at` stays, always null, for relays of the version before while pods are rolled; this
-- index serves their query as well.
drop index outbox_unpublished;
create index outbox_unpublished on outbox (seq) where published_at is null;
