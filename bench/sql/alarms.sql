-- :alarms tasks with a reminder in a few hours whose alarm is not set, and the events that tell of them.
insert into tasks (id, owner_id, title, created_at, updated_at)
select md5('a' || n)::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    'Water the plants on the balcony', now(), now()
from generate_series(1, :alarms) as n;

insert into reminders (id, origin, owner_id, task_id, message, fire_at)
select md5('b' || n)::uuid, 'api', ('00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    md5('a' || n)::uuid, 'Water the plants on the balcony', now() + interval '6 hours'
from generate_series(1, :alarms) as n;

insert into outbox (event_id, topic, subject, shard, event)
select md5('c' || n)::uuid, 'task-events', md5('a' || n)::uuid,
    (hashtext((md5('a' || n)::uuid)::text) & 15)::smallint,
    jsonb_build_object('specversion', '1.0', 'id', md5('c' || n)::uuid, 'source', '', 'type', 'task.created',
        'subject', md5('a' || n)::uuid, 'time', at, 'datacontenttype', 'application/json',
        'dataschema', 'https://todostack.dev/schemas/task.created/v1',
        'owner', '00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'),
        'data', jsonb_build_object(
            'id', md5('a' || n)::uuid, 'owner', '00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'),
            'title', 'Water the plants on the balcony', 'description', '', 'priority', 'P4',
            'tags', '[]'::jsonb, 'reminders', '[]'::jsonb, 'version', 1, 'createdAt', at, 'updatedAt', at))
from generate_series(1, :alarms) as n,
    (select trim('"' from to_json(now() at time zone 'UTC')::text) || 'Z' as at) as clock;
