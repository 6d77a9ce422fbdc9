-- Deliveries are handed to a process in hundreds, and to the process that plans them at once.

-- One row for each process of the notifications service that lives: it says so every two seconds.
create table dispatchers (
    id      uuid primary key,
    seen_at timestamptz not null default now()
);

-- `lane`: `<owner, or -, >/<receiver>`, what shares places and a circuit breaker.
-- `holder`: the dispatcher that attempts it. No foreign key: a row whose holder is not in
-- `dispatchers` is anybody's.
alter table deliveries
    add column lane text not null default '-/',
    add column holder uuid;

drop index deliveries_due;
-- What nobody holds: first attempts, and those tried before. The lane lies in the index, so that those
-- of a lane that is full are passed over without a look at their rows.
create index deliveries_first on deliveries (next_attempt_at) include (lane)
    where state = 'Pending' and holder is null and attempts = 0;
create index deliveries_again on deliveries (next_attempt_at) include (lane)
    where state = 'Pending' and holder is null and attempts > 0;
create index deliveries_held on deliveries (holder) where state = 'Pending' and holder is not null;
