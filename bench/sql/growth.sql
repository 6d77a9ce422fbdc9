-- A database as it is after a while: :tasks tasks, of which 10,000 are of user 0 and the rest of users 1
-- to 100; :reminders reminders, every other one delivered, the rest waiting with their alarms set; and,
-- the same at every size, what a sweep and the notifications service find to do.
set synchronous_commit = off;
-- The rows are right by themselves: foreign keys need not be looked up a million times.
set session_replication_role = replica;
-- A vacuum meanwhile would find room for single rows all over a large table, and spread the work below
-- over more pages than in a small one.
alter table reminders set (autovacuum_enabled = off);
alter table deliveries set (autovacuum_enabled = off);

insert into tasks (id, owner_id, title, description, priority, tags, reminders, created_at, updated_at)
select ('10000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
    ('00000000-0000-7000-8000-' || lpad(to_hex(case when n <= 10000 then 0 else 1 + n % 100 end), 12, '0'))::uuid,
    'Task number ' || n || ' of many', 'A few words on what is to be done.', 1 + n % 4,
    array['home', 'tag' || n % 20], '[{"beforeSeconds":3600,"channels":[]}]', at, at
from (select n, date_trunc('second', now()) - n * interval '1 second' as at
      from generate_series(1, :tasks) as n) as made;

-- As the triggers would.
insert into task_words (owner_id, task_id, words)
select owner_id, id, words_of('simple', title, tags, description) from tasks;

insert into reminders (id, origin, owner_id, task_id, message, fire_at, phase, scheduled_generation,
    fired_at, finished_at, created_at, updated_at)
select md5('r' || n)::uuid, 'api',
    ('00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    ('10000000-0000-7000-8000-' || lpad(to_hex(1 + n % :tasks), 12, '0'))::uuid,
    'Task number ' || n || ' of many',
    case when over then now() - interval '1 hour' - n * interval '10 seconds'
         else now() + interval '1 day' + n * interval '10 seconds' end,
    case when over then 'Delivered' else 'Scheduled' end,
    case when over then null else 1 end,
    case when over then now() - interval '1 hour' - n * interval '10 seconds' end,
    case when over then now() - interval '1 hour' - n * interval '10 seconds' end,
    now() - interval '400 days', now() - interval '1 hour'
from (select n, n % 2 = 0 as over from generate_series(1, :reminders) as n) as made;

insert into firings (reminder_id, occurrence, generation, fired_at, lateness_ms, path)
select id, 0, 1, fired_at, 12, 'alarm' from reminders where phase = 'Delivered';

insert into deliveries (reminder_id, occurrence, channel, target, body, owner_id, idempotency_key,
    state, attempts, next_attempt_at, delivered_at, created_at)
select id, 0, 'webhook', '{"type":"webhook"}',
    jsonb_build_object('reminderId', id, 'occurrence', 0, 'generation', 1, 'taskId', task_id,
        'message', message, 'fireAt', fire_at, 'firedAt', fired_at, 'latenessMs', 12, 'channels', '[]'::jsonb),
    owner_id, md5('d' || id)::uuid, 'Delivered', 1, fired_at, fired_at, fired_at
from reminders where phase = 'Delivered';

-- Work: 300 overdue, 300 without their alarm, 300 about to ring, 300 whose alarm is left over; and 300
-- deliveries of 30 users that are due.
insert into reminders (id, origin, owner_id, message, fire_at, phase, scheduled_generation, suspended)
select md5('w' || kind || n)::uuid, 'api',
    ('00000000-0000-7000-8000-' || lpad(to_hex(n % 30), 12, '0'))::uuid, 'Work ' || n,
    case kind when 'overdue' then now() - interval '10 minutes' when 'imminent' then now() + interval '1 hour'
              else now() + interval '2 hours' end,
    case kind when 'unarmed' then 'Pending' when 'left' then 'Cancelled' else 'Scheduled' end,
    case kind when 'unarmed' then null else 1 end, false
from generate_series(1, 300) as n, unnest(array['overdue', 'unarmed', 'imminent', 'left']) as kind;

insert into deliveries (reminder_id, occurrence, channel, target, body, owner_id, idempotency_key)
select md5('w' || 'left' || n)::uuid, 0, 'webhook', '{"type":"webhook"}',
    jsonb_build_object('reminderId', md5('w' || 'left' || n)::uuid, 'occurrence', 0, 'generation', 1,
        'message', 'Work ' || n, 'fireAt', now(), 'channels', '[]'::jsonb),
    ('00000000-0000-7000-8000-' || lpad(to_hex(n % 30), 12, '0'))::uuid, md5('v' || n)::uuid
from generate_series(1, 300) as n;

alter table reminders reset (autovacuum_enabled);
alter table deliveries reset (autovacuum_enabled);
vacuum (analyze);
