-- Deliveries are handed to a process in hundreds, and to the process that plans them at once.

-- One row for each process of the notifications service that lives: it says so every two seconds.
create table dispatchers (
    id      uuid primary key,
    seen_at timestamptz not null default now()
);

-- `lane`: `<owner, or -, >/<receiver>`, what shares places and a circuit breaker.
-- `replays`: how often it was given up and begun anew, under the same idempotency key.
-- `holder`: the dispatcher that attempts it. No foreign key: a row whose holder is not in
-- `dispatchers` is anybody's.
alter table deliveries
    add column lane text not null default '-/',
    add column holder uuid,
    add column replays int not null default 0;

drop index deliveries_due;
-- What nobody holds: first attempts, and those tried before. The lane lies in the index, so that those
-- of a lane that is full are passed over without a look at their rows.
create index deliveries_first on deliveries (next_attempt_at) include (lane)
    where state = 'Pending' and holder is null and attempts = 0;
create index deliveries_again on deliveries (next_attempt_at) include (lane)
    where state = 'Pending' and holder is null and attempts > 0;
create index deliveries_failed on deliveries (owner_id) where state = 'Failed';
create index deliveries_held on deliveries (holder) where state = 'Pending' and holder is not null;

-- More kinds of channels. `url` is where one leads (`mailto:…` and `binding:…` beside HTTP's), `secret`
-- what goes with it.
alter table channels
    drop constraint channels_kind_check,
    add check (kind in ('webhook', 'email', 'ntfy', 'slack', 'binding'));

-- Addresses that asked not to get a user's e-mails (RFC 8058), lower case.
create table unsubscribed (
    owner_id   uuid not null references users on delete cascade,
    address    text not null,
    created_at timestamptz not null default now(),
    primary key (owner_id, address)
);

-- From `starts` to `ends` by the clock of the user's zone no reminders are sent; past midnight when
-- `ends` comes first.
create table quiet_hours (
    owner_id uuid primary key references users on delete cascade,
    starts   time not null,
    ends     time not null,
    check (starts <> ends)
);
