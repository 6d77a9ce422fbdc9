-- :events completions of tasks that repeat daily, each to be followed by its next instance.
insert into tasks (id, owner_id, title, due_at, due_local, due_zone, recurrence, completed_at, created_at, updated_at, version)
select md5('s' || n)::uuid, ('00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'))::uuid,
    'Water the plants on the balcony', '2026-11-01T08:00:00Z', '2026-11-01T08:00:00', 'UTC',
    '{"rrule":"FREQ=DAILY","start":"2026-11-01T08:00:00","timeZone":"UTC"}', now(), now(), now(), 2
from generate_series(1, :events) as n;

insert into outbox (event_id, topic, subject, shard, event)
select md5('t' || n)::uuid, 'task-events', md5('s' || n)::uuid,
    (hashtext((md5('s' || n)::uuid)::text) & 15)::smallint,
    jsonb_build_object('specversion', '1.0', 'id', md5('t' || n)::uuid, 'source', '', 'type', 'task.completed',
        'subject', md5('s' || n)::uuid, 'time', at, 'datacontenttype', 'application/json',
        'dataschema', 'https://todostack.dev/schemas/task.completed/v1',
        'owner', '00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'),
        'data', jsonb_build_object(
            'id', md5('s' || n)::uuid, 'owner', '00000000-0000-7000-8000-' || lpad(to_hex(n % 100), 12, '0'),
            'title', 'Water the plants on the balcony', 'description', '', 'priority', 'P4',
            'tags', '[]'::jsonb, 'reminders', '[]'::jsonb, 'version', 2,
            'due', '{"dateTime":"2026-11-01T08:00:00","timeZone":"UTC"}'::jsonb, 'dueAt', '2026-11-01T08:00:00Z',
            'recurrence', '{"rrule":"FREQ=DAILY","start":"2026-11-01T08:00:00","timeZone":"UTC"}'::jsonb,
            'completedAt', at, 'createdAt', at, 'updatedAt', at))
from generate_series(1, :events) as n,
    (select trim('"' from to_json(now() at time zone 'UTC')::text) || 'Z' as at) as clock;
