-- :tasks tasks of the user number :owner, a second apart, as if written over the past days.
set synchronous_commit = off;
insert into tasks (id, owner_id, title, description, priority, tags, due_at, due_local, due_zone,
    reminders, created_at, updated_at)
select gen_random_uuid(), ('00000000-0000-7000-8000-' || lpad(to_hex(:owner), 12, '0'))::uuid,
    'Task number ' || n || ' of many', 'A few words on what is to be done.', 1 + n % 4,
    array['home', 'tag' || n % 20], at + interval '30 days', (at + interval '30 days') at time zone 'UTC', 'UTC',
    '[{"beforeSeconds":3600,"channels":[]}]', at, at
from (select n, date_trunc('second', now()) - n * interval '1 second' as at
      from generate_series(1, :tasks) as n) as made;
vacuum (analyze) tasks;
